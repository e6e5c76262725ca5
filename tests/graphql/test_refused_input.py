"""Bad input: a code, the field's path, the payers' code where there is one, and nothing changed or recorded."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from app.db.reference_tables import tuss_terms
from app.db.tables import claims, outbox
from tests.factories import CONSULTATION, World, add_card, refusals, today

Changes = dict[str, Any]


def _item(**changes: Any) -> Changes:
    return {"items": [{**CONSULTATION, **changes}]}


def _day(days: int) -> str:
    return (today() + timedelta(days=days)).isoformat()


BAD_MONEY = [
    "NaN", "Infinity", "-Infinity", "1E+2", "1e2", "-1.00", "+1.00", "1.001", "1,000.00", "1_000.00", "1.000,00",
    "\u0661\u0660.\u0660\u0660", "100000000.00", "", " 1.00", "1.00 ", "0x10", "1.", ".5", "\uff11.00", 12.5, 12, True,
]  # fmt: skip


@pytest.mark.parametrize("amount", BAD_MONEY)
async def test_an_amount_has_one_grammar(world: World, amount: Any) -> None:
    await _refused(world, _item(unitPrice=amount), [("INVALID_AMOUNT", "claim.items.0.unitPrice", None)])


BAD_NUMBER = ("INVALID_INPUT", "claim.providerClaimNumber", None)
CASES: list[tuple[str, Changes, tuple[str, str, str | None]]] = [
    ("a total of zero", _item(unitPrice="0.00"), ("INVALID_AMOUNT", "claim.items", "5040")),
    ("a quantity of zero", _item(quantity="0"), ("INVALID_QUANTITY", "claim.items.0.quantity", "1806")),
    ("a negative quantity", _item(quantity="-1"), ("INVALID_QUANTITY", "claim.items.0.quantity", "1806")),
    ("five decimals of a quantity", _item(quantity="1.00001"), ("INVALID_QUANTITY", "claim.items.0.quantity", "1806")),
    ("a factor of zero", _item(factor="0.00"), ("INVALID_QUANTITY", "claim.items.0.factor", "1806")),
    ("a factor of ten", _item(factor="10.00"), ("INVALID_QUANTITY", "claim.items.0.factor", "1806")),
    ("another total", {"claimedAmount": "100.01"}, ("TOTAL_MISMATCH", "claim.claimedAmount", "5042")),
    ("an unknown code", _item(code="99999999"), ("UNKNOWN_CODE", "claim.items.0.code", "1801")),
    ("a code with a blank", _item(code="1010 012"), ("UNKNOWN_CODE", "claim.items.0.code", "1801")),
    ("an unknown table", _item(codeSystem="77"), ("UNKNOWN_CODE", "claim.items.0.codeSystem", "3150")),
    ("a short CNES", {"provider": "123"}, ("INVALID_IDENTIFIER", "claim.providerCnes", "1202")),
    ("a CNES of letters", {"provider": "ABCDEFG"}, ("INVALID_IDENTIFIER", "claim.providerCnes", "1202")),
    ("a payer of five digits", {"payer": "12345"}, ("INVALID_IDENTIFIER", "claim.payerAnsCode", "5027")),
    ("an empty card", {"cardNumber": ""}, ("INVALID_CARD", "claim.cardNumber", "1001")),
    ("a long card", {"cardNumber": "1" * 21}, ("INVALID_CARD", "claim.cardNumber", "1001")),
    ("a day in the future", {"serviceDate": _day(1)}, ("INVALID_DATE", "claim.serviceDate", "3223")),
    ("a day before the window", {"serviceDate": _day(-181)}, ("INVALID_DATE", "claim.serviceDate", "3214")),
    ("a day that does not exist", {"serviceDate": "2026-02-30"}, ("INVALID_DATE", "claim.serviceDate", None)),
    ("a day with a time", {"serviceDate": "2026-02-03T00:00:00Z"}, ("INVALID_DATE", "claim.serviceDate", None)),
    ("an item in the future", _item(performedOn=_day(1)), ("INVALID_DATE", "claim.items.0.performedOn", "3223")),
    (
        "an authorization that ran out",
        {"authorization": {"number": "S1", "validUntil": _day(-1)}},
        ("AUTHORIZATION_EXPIRED", "claim.authorization.validUntil", "1414"),
    ),
    ("no items", {"items": []}, ("INVALID_INPUT", "claim.items", None)),
    (
        "a number of 21 characters",
        {"providerClaimNumber": "1" * 21},
        ("INVALID_INPUT", "claim.providerClaimNumber", None),
    ),
    ("an empty number", {"providerClaimNumber": " "}, ("INVALID_INPUT", "claim.providerClaimNumber", None)),
    ("a number with an accent", {"providerClaimNumber": "Ã1"}, ("INVALID_INPUT", "claim.providerClaimNumber", None)),
    ("a NUL", {"clinicalIndication": "a\x00b"}, ("INVALID_INPUT", "claim.clinicalIndication", None)),
    ("a control character", {"clinicalIndication": "a\x1bb"}, ("INVALID_INPUT", "claim.clinicalIndication", None)),
    ("a long text", {"clinicalIndication": "a" * 501}, ("INVALID_INPUT", "claim.clinicalIndication", None)),
    ("five diagnoses", {"diagnosisCodes": ["A09"] * 5}, ("INVALID_INPUT", "claim.diagnosisCodes", None)),
    ("a long description", _item(description="a" * 151), ("INVALID_INPUT", "claim.items.0.description", None)),
    ("an empty key", {"idempotencyKey": ""}, ("INVALID_INPUT", "idempotencyKey", None)),
]


@pytest.mark.parametrize(("changes", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
async def test_a_claim_is_refused_for(world: World, changes: Changes, expected: tuple[str, str, str | None]) -> None:
    await _refused(world, changes, [expected])


async def test_an_unknown_card_is_refused_where_the_gateway_knows_all_of_them(world: World) -> None:
    await world.hold_membership()
    await _refused(world, {"cardNumber": "NOBODY"}, [("INVALID_CARD", "claim.cardNumber", "1001")])


async def test_an_expired_card_is_refused(world: World) -> None:
    card = await add_card(world, card_valid_until=today() - timedelta(days=1))
    await _refused(world, {"cardNumber": card}, [("INVALID_CARD", "claim.cardNumber", "1017")])


async def test_a_code_that_is_not_valid_any_more_is_refused(world: World) -> None:
    async with world.gateway.database.reading() as connection:
        table = tuss_terms.c
        query = select(table.code_system, table.code).where(table.valid_to < today() - timedelta(days=200))
        old = (await connection.execute(query.limit(1))).one()
    await _refused(world, _item(codeSystem=old[0], code=old[1]), [("UNKNOWN_CODE", "claim.items.0.code", "1801")])


async def test_a_number_is_used_once_per_provider_and_payer(world: World) -> None:
    first = (await world.create_claim(providerClaimNumber="N1"))["claim"]
    payload = await world.create_claim(providerClaimNumber="N1")
    assert refusals(payload) == [("DUPLICATE_CLAIM", "claim.providerClaimNumber", "1308")]
    assert await world.events(first["id"]) == ["ClaimCreated"]


async def test_everything_that_is_wrong_is_told_at_once(world: World) -> None:
    changes = {
        "cardNumber": "",
        "providerClaimNumber": " ",
        "items": [{**CONSULTATION, "quantity": "0", "factor": "0"}],
    }
    expected = [
        ("INVALID_CARD", "claim.cardNumber", "1001"),
        BAD_NUMBER,
        ("INVALID_QUANTITY", "claim.items.0.quantity", "1806"),
        ("INVALID_QUANTITY", "claim.items.0.factor", "1806"),
    ]
    await _refused(world, changes, expected)


async def test_every_malformed_value_is_told_with_its_path(world: World) -> None:
    changes = {"serviceDate": "tomorrow", "items": [CONSULTATION, {**CONSULTATION, "quantity": "x", "unitPrice": "y"}]}
    expected = [
        ("INVALID_DATE", "claim.serviceDate", None),
        ("INVALID_QUANTITY", "claim.items.1.quantity", "1806"),
        ("INVALID_AMOUNT", "claim.items.1.unitPrice", None),
    ]
    await _refused(world, changes, expected)


@pytest.mark.parametrize("amount", ["NaN", "1E400", "-1", "0.00", "99999999.99", "1.005"])
async def test_a_settlement_of_a_wrong_amount_changes_nothing(world: World, amount: str) -> None:
    invoice = await world.issued_invoice("10.00")
    payload = await world.settle(invoice["id"], amount)
    code = "OVER_SETTLEMENT" if amount == "99999999.99" else "INVALID_AMOUNT"
    tiss = "5040" if amount == "0.00" else None
    assert refusals(payload) == [(code, "amount", tiss)]
    assert (await world.invoice(invoice["id"]))["settlements"] == []
    assert await world.events(invoice["id"]) == ["InvoiceCreated", "InvoiceIssued"]


UNSTORABLE = ["é", "😀", "'; DROP TABLE claims; --", "%", "_", "\\", "a\tb"]


@pytest.mark.parametrize("text", UNSTORABLE)
async def test_ids_that_cannot_be_are_not_found(world: World, text: str) -> None:
    query = "query($id: ID!) { claim(id: $id) { id } node(id: $id) { id } nodes(ids: [$id]) { id } }"
    assert await world.call("reviewer", query, id=text) == {"claim": None, "node": None, "nodes": [None]}
    assert refusals(await world.settle(text)) == [("NOT_FOUND", "invoiceId", None)]
    assert refusals(await world.reverse(text)) == [("NOT_FOUND", "settlementId", None)]
    assert refusals(await world.mutate("biller", "cancelClaim", "claim { id }", id=text)) == [
        ("NOT_FOUND", "claimId", None)
    ]
    filters = "query($t: String!, $i: ID!) { claims(filter: {patientId: $i, denialCode: $t, "
    filters += "providerClaimNumber: $t}) { totalCount nodes { id } } tussTerm(codeSystem: $t, code: $t) { code } }"
    found = await world.call("reviewer", filters, t=text, i=text)
    assert found == {"claims": {"totalCount": 0, "nodes": []}, "tussTerm": None}


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-01-01", "now"])
async def test_a_moment_that_cannot_be_is_refused(world: World, moment: str) -> None:
    query = "query($m: DateTime!) { claims(filter: {submittedAt: {from: $m}}) { totalCount } }"
    answer = await world.gateway.gql(query, {"m": moment}, token=world.token("biller"))
    assert answer.reasons == [("BAD_USER_INPUT", "INVALID_DATE", "filter.submittedAt.from")]


async def _refused(world: World, changes: Changes, expected: Sequence[tuple[str, str, str | None]]) -> None:
    payload = await world.create_claim(**changes)
    assert payload["claim"] is None
    assert refusals(payload) == list(expected)
    async with world.gateway.database.reading() as connection:
        kept = select(func.count()).select_from(claims).where(claims.c.payer_ans == world.payer)
        told = select(func.count()).select_from(outbox).where(outbox.c.payer_ans == world.payer)
        assert (await connection.execute(kept)).scalar() == 0
        assert (await connection.execute(told)).scalar() == 0
