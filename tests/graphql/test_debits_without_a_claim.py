"""Money that a payer takes back of a claim that nobody knows: a debit of its statement, explained and taken back."""

from typing import Any

from tests.factories import World, key, refusals
from tests.graphql.test_adjustments_of_statements import BALANCE
from tests.graphql.test_line_resolutions import resolve, resolved, undo
from tests.graphql.test_remittances import books, done, line, post, taken

FIELDS = "id status direction amount waitingDays line { id sequence } history { nodes { action status reason } }"
LIST = f"""query($payer: AnsCode!) {{ remittanceAdjustments(filter: {{ payerAnsCode: [$payer] }}) {{
  nodes {{ {FIELDS} }} }} }}"""
UNKNOWN = {"payerClaimNumber": "DE-OUTRO-MES", "paidAmount": "0.00", "takenBackAmount": "30.00"}


async def debits(world: World) -> list[dict[str, Any]]:
    """What statements have beside their claims."""
    nodes = (await world.call("finance", LIST, payer=world.payer))["remittanceAdjustments"]["nodes"]
    return [{**each, "history": each["history"]["nodes"]} for each in nodes]


async def balance(world: World, remittance: Any) -> tuple[str, str, str]:
    """Gross, debits and net."""
    found = (await world.call("finance", BALANCE, id=remittance["id"]))["remittance"]["balance"]
    return found["grossAmount"], found["debitAmount"], found["netAmount"]


async def explained(world: World, debit: str, **explanation: Any) -> Any:
    """The payload of explainAdjustment, or of undoAdjustment if nothing is said."""
    values = {"remittanceAdjustmentId": debit, "idempotencyKey": key()}
    if not explanation:
        values["reason"] = "engano"
        return await world.mutate("finance", "undoAdjustment", "adjustment { status }", **values)
    said = {"explanation": explanation}
    return await world.mutate("finance", "explainAdjustment", "adjustment { status }", **values, **said)


async def test_what_is_taken_back_of_an_unknown_claim_is_a_debit_that_is_explained(world: World) -> None:
    claim = await world.submitted_claim()
    remittance = await taken(world, line(claim, "100.00"), UNKNOWN)
    row = remittance["lines"][1]
    assert (row["status"], row["problem"]) == ("UNMATCHED", "UNKNOWN_CLAIM")
    assert (await resolved(world, row, keepAsDebit={"note": "glosa de outubro"}))["status"] == "MATCHED"
    assert await debits(world) == []
    assert done(await post(world, remittance)) == ("POSTED", 2, 0, ["100.00"])
    assert await balance(world, remittance) == ("100.00", "30.00", "70.00")
    assert await books(world) == ["100.00", "100.00", "0.00", "0.00", "0.00", "0.00"]
    (debit,) = await debits(world)
    assert debit == {
        "id": debit["id"],
        "status": "OPEN",
        "direction": "DEBIT",
        "amount": "30.00",
        "waitingDays": 0,
        "line": {"id": row["id"], "sequence": 2},
        "history": [],
    }
    link = {"reason": "conforme aviso", "claimId": claim["id"]}
    assert (await explained(world, debit["id"], link=link))["adjustment"] == {"status": "LINKED"}
    refused = {"remittanceLineId": row["id"], "reason": "engano", "idempotencyKey": key()}
    again = await world.mutate("finance", "undoRemittanceLine", "line { id }", **refused)
    assert refusals(again) == [("CONFLICT", "remittanceLineId", None)]
    assert (await explained(world, debit["id"]))["adjustment"] == {"status": "OPEN"}


async def test_a_debit_is_taken_back_with_its_line_and_recorded_again(world: World) -> None:
    remittance = await taken(world, UNKNOWN)
    (row,) = remittance["lines"]
    await resolved(world, row, keepAsDebit={})
    assert done(await post(world, remittance)) == ("POSTED", 1, 0, [])
    (debit,) = await debits(world)
    assert (await explained(world, debit["id"], dispute={"reason": "indevido"}))["errors"] == []
    after = await undo(world, row)
    assert (after["status"], after["problem"]) == ("UNMATCHED", "UNKNOWN_CLAIM")
    assert [(each["action"], each["undoes"] is None) for each in after["history"]] == [
        ("KEEP_AS_DEBIT", True),
        ("UNDO", False),
    ]
    (gone,) = await debits(world)
    assert (gone["status"], gone["waitingDays"]) == ("WITHDRAWN", None)
    assert [each["action"] for each in gone["history"]] == ["DISPUTE", "WITHDRAW"]
    assert await balance(world, remittance) == ("-30.00", "0.00", "-30.00")
    assert refusals(await explained(world, gone["id"])) == [("CONFLICT", "action", None)]
    await resolved(world, row, keepAsDebit={})
    assert done(await post(world, remittance)) == ("POSTED", 1, 0, [])
    assert await balance(world, remittance) == ("0.00", "30.00", "-30.00")
    assert [each["status"] for each in await debits(world)] == ["WITHDRAWN", "OPEN"]
    assert await world.events(remittance["id"]) == [
        *("RemittanceImported", "RemittanceLinesWaiting", "RemittanceLineChanged", "RemittancePosted"),
        *("RemittanceAdjustmentChanged", "RemittanceAdjustmentChanged", "RemittanceReopened"),
        *("RemittanceLineChanged", "RemittanceLinesWaiting", "RemittanceLineChanged", "RemittancePosted"),
    ]


async def test_more_than_was_paid_is_split_into_a_reversal_and_a_debit(world: World) -> None:
    claim = await world.submitted_claim()
    await post(world, await taken(world, line(claim, "100.00")))
    back = {**line(claim, "0.00"), "takenBackAmount": "120.00"}
    remittance = await taken(world, back)
    assert done(await post(world, remittance)) == ("IMPORTED", 0, 1, [])
    (row,) = remittance["lines"]
    query = "query($id: ID!) { remittance(id: $id) { lines { nodes { id } } } }"

    async def split(*parts: dict[str, Any]) -> Any:
        values = {"remittanceLineId": row["id"], "parts": list(parts), "idempotencyKey": key()}
        return await world.mutate("finance", "splitRemittanceLine", "line { status }", **values)

    whole, rest = ({"paidAmount": "0.00", "takenBackAmount": each} for each in ("100.00", "20.00"))
    paying = [{"paidAmount": "20.00"}, {"paidAmount": "0.00", "takenBackAmount": "140.00"}]
    assert refusals(await split(*paying)) == [("INVALID_AMOUNT", "parts", None)]
    assert (await split(whole, rest))["errors"] == []
    lines = (await world.call("finance", query, id=remittance["id"]))["remittance"]["lines"]["nodes"]
    values = {"remittanceLineId": lines[2]["id"]}
    assert (await world.mutate("finance", "unmatchRemittanceLine", "line { id }", **values))["errors"] == []
    paid = await resolve(world, {"id": lines[2]["id"]}, keepAsDebit={})
    assert (paid["errors"], paid["line"]["status"]) == ([], "MATCHED")
    assert done(await post(world, remittance)) == ("POSTED", 2, 0, ["100.00"])
    assert await balance(world, remittance) == ("-100.00", "20.00", "-120.00")
    assert await books(world) == ["100.00", "0.00", "0.00", "0.00", "100.00", "0.00"]


async def test_a_line_that_pays_is_no_debit(world: World) -> None:
    (row,) = (await taken(world, {"payerClaimNumber": "NENHUMA", "paidAmount": "30.00"}))["lines"]
    assert refusals(await resolve(world, row, keepAsDebit={})) == [("CONFLICT", "remittanceLineId", None)]
    assert await debits(world) == []
