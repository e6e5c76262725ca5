"""availableActions of settlements and bank entries: what is open is done, what is blocked is refused with the same
words."""

from typing import Any

from tests import bank_files
from tests.factories import World, key, today
from tests.graphql.test_statement_money import Payer, paid

ACTIONS = "availableActions { action blockedBy { code message } }"
DENIED = "this needs the permission"


async def _blocks(world: World, object_id: str, role: str = "finance") -> dict[str, str | None]:
    """What blocks each action."""
    kind = "Settlement" if object_id.startswith("stl_") else "BankEntry"
    query = f"query($id: ID!) {{ node(id: $id) {{ ... on {kind} {{ {ACTIONS} }} }} }}"
    found = (await world.call(role, query, id=object_id))["node"]["availableActions"]
    for each in (each["blockedBy"] for each in found if each["blockedBy"]):
        assert each["code"] == ("PERMISSION" if each["message"].startswith(DENIED) else "STATE")
    return {each["action"]: each["blockedBy"] and each["blockedBy"]["message"] for each in found}


def _messages(payload: Any) -> list[str]:
    return [each["message"] for each in payload["errors"]]


async def test_what_of_a_settlement_is_left_can_be_reversed(world: World) -> None:
    invoice = await world.issued_invoice()
    settlement = (await world.settle(invoice["id"], "30.00"))["settlement"]["id"]
    assert await _blocks(world, settlement) == {"REVERSE": None}
    assert await _blocks(world, settlement, "biller") == {"REVERSE": f"{DENIED} settlements:reverse"}
    assert _messages(await world.reverse(settlement, "10.00")) == []
    assert await _blocks(world, settlement) == {"REVERSE": None}
    reversal = (await world.reverse(settlement))["settlement"]["id"]
    for each in (settlement, reversal):
        (block,) = (await _blocks(world, each)).values()
        assert (block is not None, _messages(await world.reverse(each))) == (True, [block])


async def test_a_settlement_by_a_credit_is_reversed_by_its_use(world: World) -> None:
    payer = Payer(world)
    surplus = {"direction": "CREDIT", "type": "09", "amount": "50.00"}
    await payer.statement(paid(await payer.claim(), "100.00"), adjustments=[surplus])
    query = "query($payer: AnsCode!) { remittanceAdjustments(filter: { payerAnsCode: [$payer] }) { nodes { id } } }"
    (kept,) = (await world.call("finance", query, payer=world.payer))["remittanceAdjustments"]["nodes"]
    explained = {"remittanceAdjustmentId": kept["id"], "explanation": {"keep": {"reason": "aviso"}}}
    fields = "adjustment { history { nodes { credit { id } } } }"
    found = await world.mutate("finance", "explainAdjustment", fields, **explained, idempotencyKey=key())
    credit = found["adjustment"]["history"][0]["credit"]["id"]
    values = {"creditId": credit, "invoiceId": (await world.issued_invoice("80.00"))["id"], "idempotencyKey": key()}
    used = await world.mutate("finance", "applyCredit", "use { settlement { id } }", **values)
    settlement = used["use"]["settlement"]["id"]
    block = "an unapplied credit made this settlement: reverse its use with reverseCreditUse"
    assert await _blocks(world, settlement) == {"REVERSE": block}
    assert _messages(await world.reverse(settlement)) == [block]


async def test_a_bank_entry_is_matched_or_dismissed_and_a_dismissal_is_taken_back(world: World) -> None:
    content = {"text": bank_files.ofx((today(), "33.00", "TED"))}
    given = {"providerCnes": world.provider, "content": content, "idempotencyKey": key()}
    assert _messages(await world.mutate("finance", "importBankFile", "file { id }", **given)) == []
    query = "query($provider: Cnes!) { bankEntries(filter: { providerCnes: [$provider] }) { nodes { id } } }"
    (entry,) = (await world.call("finance", query, provider=world.provider))["bankEntries"]["nodes"]
    values = {"bankEntryId": entry["id"], "reason": "rendimento", "idempotencyKey": key()}
    waiting = await _blocks(world, entry["id"])
    assert [name for name, block in waiting.items() if block is None] == ["MATCH", "DISMISS"]
    back = {"bankEntryId": entry["id"], "idempotencyKey": key()}
    assert _messages(await world.mutate("finance", "unmatchBankEntry", "entries { id }", **back)) == [
        waiting["UNMATCH"]
    ]
    assert _messages(await world.mutate("finance", "dismissBankEntry", "entries { id }", **values)) == []
    dismissed = await _blocks(world, entry["id"])
    assert [name for name, block in dismissed.items() if block is None] == ["MATCH", "UNMATCH"]
    again = values | {"idempotencyKey": key()}
    payload = await world.mutate("finance", "dismissBankEntry", "entries { id }", **again)
    assert _messages(payload) == [dismissed["DISMISS"]]
    once_more = back | {"idempotencyKey": key()}
    fields = "entries { status dismissalReason waitingDays version }"
    freed = await world.mutate("finance", "unmatchBankEntry", fields, **once_more)
    assert freed["entries"] == [{"status": "WAITING", "dismissalReason": None, "waitingDays": 0, "version": 3}]
    assert await world.events(entry["id"]) == ["BankEntryDismissed", "BankEntryUnmatched"]
