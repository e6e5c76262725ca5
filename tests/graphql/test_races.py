"""Many callers at once, on a database with row locks and on the embedded one: money is never counted twice."""

import asyncio
from typing import Any

from sqlalchemy import func, select

from app.db.tables import settlements
from tests.factories import CONSULTATION, World, key, new_world
from tests.gateway import Gateway


async def _rows(world: World, invoice_id: str) -> int:
    async with world.gateway.database.reading() as connection:
        query = select(func.count()).select_from(settlements).where(settlements.c.invoice_id == invoice_id)
        return int((await connection.execute(query)).scalar_one())


def _codes(payloads: list[Any]) -> list[str]:
    return sorted(payload["errors"][0]["code"] if payload["errors"] else "ok" for payload in payloads)


async def test_twelve_settlers_with_one_key_make_one_row_and_one_event(world: World) -> None:
    invoice = await world.issued_invoice("100.00")
    same = key()
    payloads = await asyncio.gather(*[world.settle(invoice["id"], "40.00", idempotencyKey=same) for _ in range(12)])
    assert _codes(payloads) == ["ok"] * 12
    assert len({payload["settlement"]["id"] for payload in payloads}) == 1
    assert sorted(payload["replayed"] for payload in payloads) == [False] + [True] * 11
    assert await _rows(world, invoice["id"]) == 1
    events = await world.events(invoice["id"])
    assert events == ["InvoiceCreated", "InvoiceIssued", "SettlementConfirmed", "InvoicePartiallySettled"]


async def test_twelve_settlers_with_different_keys_never_pass_the_total(world: World) -> None:
    invoice = await world.issued_invoice("100.00")
    payloads = await asyncio.gather(*[world.settle(invoice["id"], "30.00") for _ in range(12)])
    assert _codes(payloads) == ["OVER_SETTLEMENT"] * 9 + ["ok"] * 3
    after = await world.invoice(invoice["id"])
    assert (after["settledAmount"], after["dueAmount"], after["status"]) == ("90.00", "10.00", "PARTIALLY_SETTLED")
    assert await _rows(world, invoice["id"]) == 3


async def test_full_settlements_at_once_settle_once(world: World) -> None:
    invoice = await world.issued_invoice("100.00")
    payloads = await asyncio.gather(*[world.settle(invoice["id"]) for _ in range(8)])
    assert _codes(payloads) == ["CONFLICT"] * 7 + ["ok"]
    assert (await world.events(invoice["id"])).count("InvoiceSettled") == 1


async def test_settling_and_cancelling_at_once_leaves_one_winner(world: World) -> None:
    for _ in range(4):
        invoice = await world.issued_invoice("100.00")
        cancel = world.mutate("finance", "cancelInvoice", "invoice { status }", id=invoice["id"])
        settled, cancelled = await asyncio.gather(world.settle(invoice["id"]), cancel)
        assert _codes([settled, cancelled]) == ["CONFLICT", "ok"]
        status = (await world.invoice(invoice["id"]))["status"]
        assert status == ("SETTLED" if settled["errors"] == [] else "CANCELLED")


async def test_one_claim_ends_on_one_invoice(world: World) -> None:
    claim = await world.approved_claim()
    payloads = await asyncio.gather(*[world.create_invoice([claim["id"]]) for _ in range(6)])
    assert _codes(payloads) == ["CONFLICT"] * 5 + ["ok"]


async def test_one_number_makes_one_claim(world: World) -> None:
    payloads = await asyncio.gather(*[world.create_claim(providerClaimNumber="SAME") for _ in range(8)])
    assert _codes(payloads) == ["DUPLICATE_CLAIM"] * 7 + ["ok"]


async def test_invoice_numbers_have_no_gap_and_no_double(world: World) -> None:
    claims = [await world.approved_claim() for _ in range(8)]
    payloads = await asyncio.gather(*[world.create_invoice([claim["id"]]) for claim in claims])
    assert sorted(payload["invoice"]["number"] for payload in payloads) == list(range(1, 9))


async def test_batches_that_overlap_in_opposite_order_end_well(world: World) -> None:
    ids = [(await world.create_claim())["claim"]["id"] for _ in range(6)]
    fields = "results { id object { status } errors { code } }"
    batches = [ids, ids[::-1]] * 3
    payloads = await asyncio.gather(
        *[world.mutate("biller", "submitClaims", fields, claimIds=batch) for batch in batches]
    )
    won = [result["id"] for payload in payloads for result in payload["results"] if result["object"]]
    assert sorted(won) == sorted(ids)
    assert [await world.events(claim_id) for claim_id in ids] == [["ClaimCreated", "ClaimSubmitted"]] * 6


async def test_decisions_at_once_decide_once(world: World) -> None:
    claim = await world.claim_in_review(items=[CONSULTATION])
    decision = [{"sequence": 1, "approvedAmount": "100.00"}]
    payloads = await asyncio.gather(*[world.adjudicate(claim["id"], decision) for _ in range(6)])
    assert _codes(payloads) == ["CONFLICT"] * 5 + ["ok"]
    assert (await world.events(claim["id"])).count("ClaimApproved") == 1


async def test_two_worlds_do_not_wait_for_each_other(gateway: Gateway) -> None:
    worlds = [await new_world(gateway) for _ in range(6)]
    invoices = await asyncio.gather(*[world.issued_invoice("10.00") for world in worlds])
    paid = [world.settle(invoice["id"]) for world, invoice in zip(worlds, invoices, strict=True)]
    assert _codes(list(await asyncio.gather(*paid))) == ["ok"] * 6


async def _ledger(world: World, invoice_id: str) -> list[tuple[str, int]]:
    """(event id, cents) of every row of the invoice."""
    async with world.gateway.database.reading() as connection:
        query = select(settlements.c.event_id, settlements.c.amount_cents)
        rows = await connection.execute(query.where(settlements.c.invoice_id == invoice_id))
        return [(row[0], row[1]) for row in rows.all()]


async def test_fifty_settlers_with_same_and_different_keys_never_pass_the_total(world: World) -> None:
    invoice = await world.issued_invoice("100.00")
    keys = [key() for _ in range(10)]
    calls = [world.settle(invoice["id"], "15.00", idempotencyKey=keys[number % 10]) for number in range(50)]
    payloads = await asyncio.gather(*calls)
    assert _codes(payloads) == ["OVER_SETTLEMENT"] * 20 + ["ok"] * 30
    won: dict[str, set[str]] = {}
    for number, payload in enumerate(payloads):
        if payload["settlement"]:
            won.setdefault(keys[number % 10], set()).add(payload["settlement"]["id"])
    assert sorted(len(rows) for rows in won.values()) == [1] * 6
    assert sum(payload["replayed"] for payload in payloads) == 24
    ledger = await _ledger(world, invoice["id"])
    assert [cents for _, cents in ledger] == [15_00] * 6
    assert (await world.events(invoice["id"])).count("SettlementConfirmed") == len({event for event, _ in ledger}) == 6
    after = await world.invoice(invoice["id"])
    assert (after["settledAmount"], after["dueAmount"]) == ("90.00", "10.00")


async def test_fifty_callers_with_one_key_that_is_refused_are_all_told_so(world: World) -> None:
    invoice = await world.issued_invoice("100.00")
    same = key()
    payloads = await asyncio.gather(*[world.settle(invoice["id"], "100.01", idempotencyKey=same) for _ in range(50)])
    assert _codes(payloads) == ["OVER_SETTLEMENT"] * 50
    assert await _rows(world, invoice["id"]) == 0
    assert (await world.settle(invoice["id"], "100.00", idempotencyKey=same))["errors"] == []
