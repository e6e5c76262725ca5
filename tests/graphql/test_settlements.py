"""The settlement ledger through the API: the invoice's status follows it, its events tell every transition once."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from tests.factories import SETTLEMENT_FIELDS, World, new_world, refusals, today
from tests.gateway import Gateway

BEFORE = ["InvoiceCreated", "InvoiceIssued"]


def _money(invoice: Any) -> tuple[str, str, str]:
    return invoice["status"], invoice["settledAmount"], invoice["dueAmount"]


async def _unchanged(world: World, before: Any, events: list[str]) -> None:
    assert await world.invoice(before["id"]) == before
    assert await world.events(before["id"]) == events


async def test_a_full_settlement_settles_the_invoice(world: World) -> None:
    invoice = await world.issued_invoice("100.10")
    payload = await world.settle(invoice["id"], version=2, method="PIX", statementNumber="D-9")
    assert payload["errors"] == []
    row = payload["settlement"]
    assert row == {
        "id": row["id"],
        "status": "CONFIRMED",
        "amount": "100.10",
        "paidOn": today().isoformat(),
        "method": "PIX",
        "statementNumber": "D-9",
        "reason": None,
        "reverses": None,
    }
    kept = await world.invoice(invoice["id"])
    assert (_money(kept), kept["version"]) == (("SETTLED", "100.10", "0.00"), 3)
    assert kept["settlements"] == [row]
    assert {name: kept[name] for name in payload["invoice"]} == payload["invoice"]
    assert await world.events(invoice["id"]) == [*BEFORE, "SettlementConfirmed", "InvoiceSettled"]


async def test_the_ledger_moves_the_status_and_each_transition_is_told_once(world: World) -> None:
    invoice = await world.issued_invoice("100.00")
    seen = len(BEFORE)

    async def told() -> list[str]:
        nonlocal seen
        events = await world.events(invoice["id"])
        new, seen = events[seen:], len(events)
        return new

    await told()
    first = await world.settle(invoice["id"], "40.00")
    assert (_money(first["invoice"]), await told()) == (
        ("PARTIALLY_SETTLED", "40.00", "60.00"),
        ["SettlementConfirmed", "InvoicePartiallySettled"],
    )
    second = await world.settle(invoice["id"], "59.99")
    assert _money(second["invoice"]) == ("PARTIALLY_SETTLED", "99.99", "0.01")
    assert await told() == ["SettlementConfirmed"]
    third = await world.settle(invoice["id"])
    assert (third["settlement"]["amount"], _money(third["invoice"])) == ("0.01", ("SETTLED", "100.00", "0.00"))
    assert await told() == ["SettlementConfirmed", "InvoiceSettled"]
    back = await world.reverse(second["settlement"]["id"], "9.99")
    assert _money(back["invoice"]) == ("PARTIALLY_SETTLED", "90.01", "9.99")
    assert await told() == ["SettlementReversed", "InvoiceReopened"]
    again = await world.settle(invoice["id"], "9.99")
    assert (again["invoice"]["status"], await told()) == ("SETTLED", ["SettlementConfirmed", "InvoiceSettled"])
    for row, names in (
        (third, ["SettlementReversed", "InvoiceReopened"]),
        (again, ["SettlementReversed"]),
        (second, ["SettlementReversed"]),
        (first, ["SettlementReversed", "InvoiceReopened"]),
    ):
        assert (await world.reverse(row["settlement"]["id"]))["errors"] == []
        assert await told() == names
    kept = await world.invoice(invoice["id"])
    assert (_money(kept), len(kept["settlements"])) == (("ISSUED", "0.00", "100.00"), 9)


async def test_one_cent_above_what_is_due_is_refused(world: World) -> None:
    invoice = await world.issued_invoice("100.00")
    await world.settle(invoice["id"], "40.00")
    before, events = await world.invoice(invoice["id"]), await world.events(invoice["id"])
    payload = await world.settle(invoice["id"], "60.01")
    assert (payload["settlement"], payload["invoice"]) == (None, None)
    assert refusals(payload) == [("OVER_SETTLEMENT", "amount", None)]
    await _unchanged(world, before, events)
    assert (await world.settle(invoice["id"], "60.00"))["invoice"]["status"] == "SETTLED"


@pytest.mark.parametrize("status", ["DRAFT", "CANCELLED", "SETTLED"])
@pytest.mark.parametrize("amount", ["0.01", None])
async def test_what_is_not_open_cannot_be_settled(world: World, status: str, amount: str | None) -> None:
    invoice = await (world.issued_invoice() if status == "SETTLED" else world.draft_invoice())
    if status == "SETTLED":
        await world.settle(invoice["id"])
    if status == "CANCELLED":
        await world.mutate("biller", "cancelInvoice", "invoice { id }", id=invoice["id"])
    before, events = await world.invoice(invoice["id"]), await world.events(invoice["id"])
    assert before["status"] == status
    assert refusals(await world.settle(invoice["id"], amount)) == [("CONFLICT", "invoiceId", None)]
    await _unchanged(world, before, events)


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"amount": "0.00"}, ("INVALID_AMOUNT", "amount", "5040")),
        ({"amount": "-1.00"}, ("INVALID_AMOUNT", "amount", None)),
        ({"amount": "1.001"}, ("INVALID_AMOUNT", "amount", None)),
        ({"paidOn": "2999-01-01"}, ("INVALID_DATE", "paidOn", None)),
        ({"bankReference": "x" * 61}, ("INVALID_INPUT", "bankReference", None)),
        ({"statementNumber": "x" * 21}, ("INVALID_INPUT", "statementNumber", None)),
        ({"statementNumber": "nº 1"}, ("INVALID_INPUT", "statementNumber", None)),
        ({"version": 1}, ("STALE_VERSION", "version", None)),
        ({"id": "inv_00000000000000000000000000"}, ("NOT_FOUND", "invoiceId", None)),
    ],
    ids=["zero", "negative", "half a cent", "future", "reference", "long number", "not ASCII", "stale", "unknown"],
)
async def test_a_refused_payment_changes_nothing(
    world: World, change: dict[str, Any], refusal: tuple[str, str, str | None]
) -> None:
    invoice = await world.issued_invoice()
    before, events = await world.invoice(invoice["id"]), await world.events(invoice["id"])
    values = {"invoice_id": invoice["id"], **change}
    values["invoice_id"] = values.pop("id", values["invoice_id"])
    assert refusals(await world.settle(**values)) == [refusal]
    await _unchanged(world, before, events)


async def test_a_payment_may_lie_in_the_past(world: World) -> None:
    invoice, day = await world.issued_invoice(), (today() - timedelta(days=3)).isoformat()
    assert (await world.settle(invoice["id"], "1.00", paidOn=day))["settlement"]["paidOn"] == day


async def test_a_reversal_is_a_row_of_its_own_with_a_reason(world: World) -> None:
    invoice = await world.issued_invoice()
    settled = (await world.settle(invoice["id"], method="BOLETO"))["settlement"]
    payload = await world.reverse(settled["id"], "25.00", reason="pago em dobro")
    row = payload["settlement"]
    assert (row["status"], row["amount"], row["reason"]) == ("CONFIRMED", "25.00", "pago em dobro")
    assert (row["reverses"], row["paidOn"]) == ({"id": settled["id"]}, today().isoformat())
    kept = await world.invoice(invoice["id"])
    assert kept["settlements"] == [settled, row]
    assert _money(kept) == ("PARTIALLY_SETTLED", "75.00", "25.00")


async def test_reversals_together_never_exceed_their_settlement(world: World) -> None:
    invoice = await world.issued_invoice()
    first = (await world.settle(invoice["id"], "50.00"))["settlement"]
    await world.settle(invoice["id"], "50.00")
    await world.reverse(first["id"], "30.00")
    before, events = await world.invoice(invoice["id"]), await world.events(invoice["id"])
    assert refusals(await world.reverse(first["id"], "20.01")) == [("OVER_SETTLEMENT", "amount", None)]
    assert refusals(await world.reverse(first["id"], "0")) == [("INVALID_AMOUNT", "amount", "5040")]
    await _unchanged(world, before, events)
    assert (await world.reverse(first["id"]))["settlement"]["amount"] == "20.00"
    after, told = await world.invoice(invoice["id"]), await world.events(invoice["id"])
    for amount in (None, "0.01"):
        assert refusals(await world.reverse(first["id"], amount)) == [("OVER_SETTLEMENT", "amount", None)]
    await _unchanged(world, after, told)
    assert _money(after) == ("PARTIALLY_SETTLED", "50.00", "50.00")


async def test_a_reversal_cannot_be_reversed(world: World) -> None:
    invoice = await world.issued_invoice()
    settled = (await world.settle(invoice["id"]))["settlement"]
    undone = (await world.reverse(settled["id"], "10.00"))["settlement"]
    before, events = await world.invoice(invoice["id"]), await world.events(invoice["id"])
    assert refusals(await world.reverse(undone["id"])) == [("CONFLICT", "settlementId", None)]
    assert refusals(await world.reverse("stl_00000000000000000000000000")) == [("NOT_FOUND", "settlementId", None)]
    assert refusals(await world.reverse(settled["id"], reason=" ")) == [("INVALID_INPUT", "reason", None)]
    assert refusals(await world.reverse(settled["id"], reason="x" * 201)) == [("INVALID_INPUT", "reason", None)]
    await _unchanged(world, before, events)


async def test_concurrent_payments_never_exceed_the_total(world: World) -> None:
    invoice = await world.issued_invoice("100.00")
    found = await asyncio.gather(*[world.settle(invoice["id"], "30.00") for _ in range(8)])
    assert sorted(refusals(one)[0][0] for one in found if one["errors"]) == ["OVER_SETTLEMENT"] * 5
    kept = await world.invoice(invoice["id"])
    assert _money(kept) == ("PARTIALLY_SETTLED", "90.00", "10.00")
    assert [row["amount"] for row in kept["settlements"]] == ["30.00"] * 3
    events = (await world.events(invoice["id"]))[2:]
    assert events == ["SettlementConfirmed", "InvoicePartiallySettled", "SettlementConfirmed", "SettlementConfirmed"]


async def test_concurrent_reversals_never_exceed_the_settlement(world: World) -> None:
    invoice = await world.issued_invoice("100.00")
    settled = (await world.settle(invoice["id"]))["settlement"]
    found = await asyncio.gather(*[world.reverse(settled["id"], "40.00") for _ in range(6)])
    assert sum(not one["errors"] for one in found) == 2
    assert _money(await world.invoice(invoice["id"])) == ("PARTIALLY_SETTLED", "20.00", "80.00")


async def test_a_ledger_of_another_provider_is_not_found(gateway: Gateway, world: World) -> None:
    other = await new_world(gateway)
    invoice = await world.issued_invoice()
    settled = (await world.settle(invoice["id"], "10.00"))["settlement"]
    before, events = await world.invoice(invoice["id"]), await world.events(invoice["id"])
    assert refusals(await other.settle(invoice["id"], "1.00")) == [("NOT_FOUND", "invoiceId", None)]
    assert refusals(await other.reverse(settled["id"])) == [("NOT_FOUND", "settlementId", None)]
    listed = f"{{ settlements {{ totalCount nodes {{ {SETTLEMENT_FIELDS} }} }} }}"
    assert (await other.call("finance", listed))["settlements"] == {"totalCount": 0, "nodes": []}
    assert (await world.call("finance", listed))["settlements"] == {"totalCount": 1, "nodes": [settled]}
    await _unchanged(world, before, events)
