"""Debits and credits of a statement that belong to no claim: each is explained, undone, and counted once."""

from typing import Any

import pytest

from tests.factories import World, key, new_world
from tests.graphql.test_statement_money import IRRF, Payer, paid

CREDIT = {"direction": "CREDIT", "type": "09", "description": "COMPLEMENTO 10/2026", "amount": "50.00"}
DEBIT = {"direction": "DEBIT", "type": "08", "description": "ACERTO 09/2026", "amount": "20.00"}
LIST = """query($payer: AnsCode!, $status: [RemittanceAdjustmentStatus!]) {
  remittanceAdjustments(filter: { payerAnsCode: [$payer], status: $status }) { totalCount nodes {
    id direction amount status version waitingDays remittance { id }
    availableActions { action blockedBy { code } }
    history { nodes { action status reason undoes { action } settlement { id } credit { id } } } } } }"""
FIELDS = "adjustment { id status version history { nodes { action status credit { id leftAmount } } } }"
BALANCE = """query($id: ID!) { remittance(id: $id) { balance {
  grossAmount withheldAmount discountAmount debitAmount creditAmount netAmount differenceAmount } } }"""


@pytest.fixture
def payer(world: World) -> Payer:
    return Payer(world)


async def _list(world: World, *status: str) -> list[dict[str, Any]]:
    found = await world.call("finance", LIST, payer=world.payer, status=list(status) or None)
    nodes: list[dict[str, Any]] = found["remittanceAdjustments"]["nodes"]
    assert found["remittanceAdjustments"]["totalCount"] == len(nodes)
    return nodes


async def _explain(world: World, adjustment: str, how: str, **said: str) -> Any:
    explanation = {how: {"reason": "conforme aviso", **said}}
    values = {"remittanceAdjustmentId": adjustment, "explanation": explanation, "idempotencyKey": key()}
    return await world.mutate("finance", "explainAdjustment", FIELDS, **values)


async def _undo(world: World, adjustment: str) -> Any:
    values = {"remittanceAdjustmentId": adjustment, "reason": "engano", "idempotencyKey": key()}
    return await world.mutate("finance", "undoAdjustment", FIELDS, **values)


def _possible(adjustment: dict[str, Any]) -> list[str]:
    return [each["action"] for each in adjustment["availableActions"] if each["blockedBy"] is None]


async def test_a_credit_becomes_an_unapplied_credit_and_back(payer: Payer) -> None:
    world = payer.world
    await payer.statement(paid(await payer.claim(), "100.00"), adjustments=[IRRF, CREDIT, DEBIT])
    credit, debit = await _list(world)
    assert [(each["direction"], each["amount"], each["status"], each["waitingDays"]) for each in (credit, debit)] == [
        ("CREDIT", "50.00", "OPEN", 0),
        ("DEBIT", "20.00", "OPEN", 0),
    ]
    assert _possible(credit) == ["ACCEPT", "LINK", "KEEP", "DISPUTE"]
    assert _possible(debit) == ["ACCEPT", "LINK", "DISPUTE"]
    before = await payer.books()
    kept = await _explain(world, credit["id"], "keep")
    assert (kept["errors"], kept["adjustment"]["status"], kept["adjustment"]["version"]) == ([], "CREDITED", 2)
    assert kept["adjustment"]["history"][0]["credit"]["leftAmount"] == "50.00"
    assert await payer.books() == before | {"unapplied": "50.00"}
    invoice = await world.issued_invoice("80.00")
    credit_id = kept["adjustment"]["history"][0]["credit"]["id"]
    values = {"creditId": credit_id, "invoiceId": invoice["id"], "idempotencyKey": key()}
    used = await world.mutate("finance", "applyCredit", "use { id } credit { leftAmount }", **values)
    assert (used["errors"], used["credit"]["leftAmount"]) == ([], "0.00")
    assert [each["code"] for each in (await _undo(world, credit["id"]))["errors"]] == ["CONFLICT"]
    values = {"creditUseId": used["use"]["id"], "reason": "engano", "idempotencyKey": key()}
    assert (await world.mutate("finance", "reverseCreditUse", "use { id }", **values))["errors"] == []
    undone = (await _undo(world, credit["id"]))["adjustment"]
    assert (undone["status"], undone["version"]) == ("OPEN", 3)
    assert [each["action"] for each in undone["history"]] == ["KEEP", "UNDO"]
    assert undone["history"][0]["credit"]["leftAmount"] == "0.00"
    assert "unapplied" not in await payer.books()


async def test_a_debit_is_disputed_and_then_linked_to_what_took_the_money_back(payer: Payer) -> None:
    world = payer.world
    number = await payer.claim()
    posted = await payer.statement(paid(number, "100.00"), adjustments=[DEBIT])
    (debit,) = await _list(world)
    disputed = await _explain(world, debit["id"], "dispute")
    assert disputed["adjustment"]["status"] == "DISPUTED"
    assert [each["id"] for each in await _list(world, "DISPUTED", "OPEN")] == [debit["id"]]
    settlement = (await world.call("finance", "{ settlements { nodes { id } } }"))["settlements"]["nodes"][0]["id"]
    assert (await _explain(world, debit["id"], "link", settlementId=settlement))["errors"] == []
    (linked,) = await _list(world, "LINKED")
    assert (linked["waitingDays"], linked["version"]) == (None, 3)
    assert linked["history"]["nodes"][1] == {
        "action": "LINK",
        "status": "LINKED",
        "reason": "conforme aviso",
        "undoes": None,
        "settlement": {"id": settlement},
        "credit": None,
    }
    assert posted["errors"] == []
    assert await _list(world, "OPEN", "DISPUTED") == []
    assert await world.events(linked["remittance"]["id"]) == [
        *("RemittanceImported", "RemittancePosted", "RemittanceAdjustmentChanged", "RemittanceAdjustmentChanged"),
    ]


async def test_what_explains_itself_or_is_of_others_is_refused(payer: Payer) -> None:
    world = payer.world
    await payer.statement(paid(await payer.claim(), "100.00"), adjustments=[IRRF, DEBIT])
    (debit,) = await _list(world)
    query = "query($id: ID!) { remittance(id: $id) { adjustments { id status } } }"
    found = (await world.call("finance", query, id=debit["remittance"]["id"]))["remittance"]["adjustments"]
    assert [each["status"] for each in found] == [None, "OPEN"]
    refused = [
        await _explain(world, found[0]["id"], "accept"),
        await _explain(world, debit["id"], "keep"),
        await _explain(world, debit["id"], "link"),
        await _explain(world, debit["id"], "link", claimId="clm_00000000000000000000000000"),
        await _undo(world, debit["id"]),
    ]
    assert [each["errors"][0]["code"] for each in refused] == [
        *("CONFLICT", "CONFLICT", "INVALID_INPUT", "NOT_FOUND", "CONFLICT"),
    ]
    other = await new_world(world.gateway)
    assert (await _explain(other, debit["id"], "accept"))["errors"][0]["code"] == "NOT_FOUND"
    claim = (await other.submitted_claim())["id"]
    assert (await _explain(world, debit["id"], "link", claimId=claim))["errors"][0]["code"] == "NOT_FOUND"
    assert [each["version"] for each in await _list(world)] == [1]


async def test_a_statement_says_how_its_net_comes_from_its_gross(payer: Payer) -> None:
    lines = [paid(await payer.claim(), "100.00")]
    discount = {"direction": "DEBIT", "type": "07", "description": "DESCONTO", "amount": "2.00"}
    await payer.statement(*lines, adjustments=[IRRF, discount, CREDIT, DEBIT])
    (first, _) = await _list(payer.world)
    found = await payer.world.call("finance", BALANCE, id=first["remittance"]["id"])
    assert found["remittance"]["balance"] == {
        "grossAmount": "100.00",
        "withheldAmount": "1.50",
        "discountAmount": "2.00",
        "debitAmount": "20.00",
        "creditAmount": "50.00",
        "netAmount": "126.50",
        "differenceAmount": "0.00",
    }
