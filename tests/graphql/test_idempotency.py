"""A key makes a mutation happen once: one row, one event, and always the first answer."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import func, select

from app.db.tables import claims, denials, invoices, outbox, settlements
from tests.factories import CLAIM_FIELDS, INVOICE_FIELDS, SETTLEMENT_FIELDS, World, key, new_world, refusals, today
from tests.gateway import Gateway
from tests.inputs import shaped

LEDGER = f"settlement {{ {SETTLEMENT_FIELDS} }} invoice {{ {INVOICE_FIELDS} }}"
MUTATIONS = ("createClaim", "createInvoice", "settleInvoice", "reverseSettlement", "adjudicateClaim")
REUSED = [("IDEMPOTENCY_KEY_REUSED", "idempotencyKey", None)]


@dataclass
class Call:
    """A mutation that may be done now, a change that makes it another one, and a change that is refused."""

    world: World
    name: str
    role: str
    fields: str
    values: dict[str, Any]
    other: dict[str, Any]
    bad: dict[str, Any]

    async def send(self, idempotency_key: str, **changes: Any) -> Any:
        values = {**self.values, **changes, "idempotencyKey": idempotency_key}
        return await self.world.mutate(self.role, self.name, self.fields, **values)

    def result(self, payload: Any) -> Any:
        """The payload without what tells a replay from a first call."""
        return {name: value for name, value in payload.items() if name != "replayed"}


async def prepared(world: World, name: str) -> Call:
    """A world in which this mutation can be done."""
    other: dict[str, Any]
    bad: dict[str, Any]
    if name == "createClaim":
        await world.hold_membership()
        values = world.claim_input(submit=True)
        other, bad = {"clinicalIndication": "dor"}, {"cardNumber": "NOBODY"}
        return Call(world, name, "biller", f"claim {{ {CLAIM_FIELDS} }}", values, other, bad)
    if name == "createInvoice":
        ids = [(await world.approved_claim())["id"], (await world.approved_claim())["id"]]
        values = {"provider": world.provider, "payer": world.payer, "billingMonth": "2026-11", "claimIds": ids}
        other, bad = {"claimIds": ids[:1]}, {"billingMonth": "2026-00"}
        return Call(world, name, "biller", f"invoice {{ {INVOICE_FIELDS} }}", values, other, bad)
    if name == "adjudicateClaim":
        claim = await world.claim_in_review()
        items = [{"sequence": 1, "approvedAmount": "60.00", "denials": [{"code": "1801", "amount": "40.00"}]}]
        other, bad = {"items": [{"sequence": 1, "approvedAmount": "100.00"}]}, {"items": []}
        values = {"id": claim["id"], "items": items}
        return Call(world, name, "reviewer", f"claim {{ {CLAIM_FIELDS} }}", values, other, bad)
    invoice = await world.issued_invoice("100.00")
    if name == "settleInvoice":
        values = {"id": invoice["id"], "paidOn": today().isoformat(), "amount": "30.00"}
        return Call(world, name, "finance", LEDGER, values, {"amount": "30.01"}, {"amount": "100.01"})
    settled = (await world.settle(invoice["id"]))["settlement"]
    values = {"id": settled["id"], "reason": "estorno", "amount": "30.00"}
    return Call(world, name, "finance", LEDGER, values, {"reason": "outro"}, {"amount": "100.01"})


async def traces(world: World) -> tuple[list[str], list[int]]:
    """Every event of the world's provider, and how many claims, invoices, ledger rows and denials it has."""
    tables = (claims, invoices, settlements)
    async with world.gateway.database.reading() as connection:
        query = select(outbox.c.name).where(outbox.c.provider_cnes == world.provider).order_by(outbox.c.id)
        names = [row[0] for row in (await connection.execute(query)).all()]
        counts = []
        for table in tables:
            query = select(func.count()).select_from(table).where(table.c.provider_cnes == world.provider)
            counts.append((await connection.execute(query)).scalar_one())
        joined = select(func.count()).select_from(denials.join(claims, claims.c.id == denials.c.claim_id))
        counts.append((await connection.execute(joined.where(claims.c.provider_cnes == world.provider))).scalar_one())
    return names, counts


@pytest.mark.parametrize("name", MUTATIONS)
async def test_a_repeated_call_answers_the_first_result_and_does_nothing(world: World, name: str) -> None:
    call, used = await prepared(world, name), key()
    before = await traces(world)
    first = await call.send(used)
    once = await traces(world)
    second = await call.send(used)
    assert (first["errors"], first["replayed"], second["replayed"]) == ([], False, True)
    assert call.result(second) == call.result(first)
    assert await traces(world) == once != before


@pytest.mark.parametrize("name", MUTATIONS)
async def test_a_key_cannot_be_used_for_another_input(world: World, name: str) -> None:
    call, used = await prepared(world, name), key()
    first = await call.send(used)
    once = await traces(world)
    second = await call.send(used, **call.other)
    assert (refusals(second), second["replayed"]) == (REUSED, False)
    assert all(value is None for name, value in second.items() if name in ("claim", "invoice", "settlement"))
    assert await traces(world) == once
    assert call.result(await call.send(used)) == call.result(first)


@pytest.mark.parametrize("name", MUTATIONS)
async def test_a_refused_call_leaves_its_key_free(world: World, name: str) -> None:
    call, used = await prepared(world, name), key()
    before = await traces(world)
    refused = await call.send(used, **call.bad)
    assert len(refused["errors"]) == 1
    assert await traces(world) == before
    done = await call.send(used)
    assert (done["errors"], done["replayed"]) == ([], False)
    assert (await call.send(used))["replayed"] is True


@pytest.mark.parametrize("name", MUTATIONS)
async def test_concurrent_calls_with_one_key_have_one_effect(world: World, name: str) -> None:
    call, used = await prepared(world, name), key()
    names, _ = await traces(world)
    found = await asyncio.gather(*[call.send(used) for _ in range(8)])
    assert [one["errors"] for one in found] == [[]] * 8
    assert sorted(one["replayed"] for one in found) == [False] + [True] * 7
    assert [call.result(one) for one in found] == [call.result(found[0])] * 8
    after, counts = await traces(world)
    new = {
        "createClaim": ["ClaimCreated", "ClaimSubmitted"],
        "createInvoice": ["InvoiceCreated"],
        "settleInvoice": ["SettlementConfirmed", "InvoicePartiallySettled"],
        "reverseSettlement": ["SettlementReversed", "InvoiceReopened"],
        "adjudicateClaim": ["ClaimPartiallyApproved"],
    }
    rows = {
        "createClaim": [1, 0, 0, 0],
        "createInvoice": [2, 1, 0, 0],
        "settleInvoice": [1, 1, 1, 0],
        "reverseSettlement": [1, 1, 2, 0],
        "adjudicateClaim": [1, 0, 0, 1],
    }
    assert (after[len(names) :], counts) == (new[name], rows[name])


async def test_another_subject_may_use_the_same_key(gateway: Gateway, world: World) -> None:
    used = key()
    first = (await world.create_claim(idempotencyKey=used))["claim"]
    token = gateway.token("biller", providers=[world.provider], sub="another-biller")
    query = (
        "mutation($input: CreateClaimInput!) { createClaim(input: $input) { claim { id } errors { code } replayed } }"
    )
    answer = await gateway.gql(
        query, {"input": shaped("createClaim", world.claim_input(idempotencyKey=used))}, token=token
    )
    payload = answer.data["createClaim"]
    assert (payload["errors"], payload["replayed"]) == ([], False)
    assert payload["claim"]["id"] != first["id"]


async def test_a_replay_shows_nothing_to_the_same_subject_with_another_scope(gateway: Gateway, world: World) -> None:
    invoice, used = await world.issued_invoice(), key()
    first = await world.settle(invoice["id"], "10.00", idempotencyKey=used)
    stranger = await new_world(gateway)
    second = await stranger.settle(invoice["id"], "10.00", idempotencyKey=used)
    assert first["errors"] == []
    assert (second["settlement"], second["invoice"], len(second["errors"])) == (None, None, 1)


async def test_a_key_of_one_operation_is_free_for_another(world: World) -> None:
    used = key()
    claim = (await world.create_claim(idempotencyKey=used))["claim"]
    payload = await world.mutate("biller", "cancelClaim", "claim { status }", id=claim["id"], idempotencyKey=used)
    assert (payload["claim"], payload["replayed"]) == ({"status": "CANCELLED"}, False)
    again = await world.mutate("biller", "cancelClaim", "claim { status }", id=claim["id"], idempotencyKey=used)
    assert (again["claim"], again["replayed"]) == ({"status": "CANCELLED"}, True)
    assert await world.events(claim["id"]) == ["ClaimCreated", "ClaimCancelled"]


async def test_a_replay_is_the_first_answer_even_when_the_claim_has_moved_on(world: World) -> None:
    values = world.claim_input()
    fields = f"claim {{ {CLAIM_FIELDS} }}"
    first = await world.mutate("biller", "createClaim", fields, **values)
    await world.mutate("biller", "cancelClaim", "claim { id }", id=first["claim"]["id"])
    second = await world.mutate("biller", "createClaim", fields, **values)
    assert (second["claim"], second["replayed"]) == (first["claim"], True)
    assert (second["claim"]["status"], second["claim"]["version"]) == ("DRAFT", 1)


async def test_a_replay_is_the_first_answer_even_when_the_money_has_gone_back(world: World) -> None:
    invoice, used = await world.issued_invoice("100.00"), key()
    first = await world.settle(invoice["id"], idempotencyKey=used)
    await world.reverse(first["settlement"]["id"])
    second = await world.settle(invoice["id"], idempotencyKey=used)
    assert (second["settlement"], second["invoice"]) == (first["settlement"], first["invoice"])
    assert (second["replayed"], second["invoice"]["status"]) == (True, "SETTLED")
    kept = await world.invoice(invoice["id"])
    assert (kept["status"], len(kept["settlements"])) == ("ISSUED", 2)


async def test_the_same_amount_written_otherwise_is_the_same_input(world: World) -> None:
    invoice, used = await world.issued_invoice("100.00"), key()
    first = await world.settle(invoice["id"], "30", idempotencyKey=used)
    second = await world.settle(invoice["id"], "30.00", idempotencyKey=used, method="BANK_TRANSFER")
    assert (second["settlement"], second["replayed"]) == (first["settlement"], True)


@pytest.mark.parametrize("bad", ["", " ", "key ", " key", "x" * 81, "chave-ç", "a\u0000b"], ids=ascii)
async def test_a_malformed_key_is_refused(world: World, bad: str) -> None:
    payload = await world.create_claim(idempotencyKey=bad)
    assert (payload["claim"], refusals(payload)) == (None, [("INVALID_INPUT", "idempotencyKey", None)])
    assert await traces(world) == ([], [0, 0, 0, 0])


async def test_keys_that_differ_only_in_case_are_different(world: World) -> None:
    used = key()
    made = [await world.create_claim(idempotencyKey=one) for one in (used + "a", used + "A")]
    assert [(one["errors"], one["replayed"]) for one in made] == [([], False)] * 2
    assert made[0]["claim"]["id"] != made[1]["claim"]["id"]
