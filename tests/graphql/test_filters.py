"""Each condition of a filter finds exactly its rows; several hold together, and a list means any of its values."""

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from tests.factories import CONSULTATION, World, today
from tests.gateway import heard
from tests.graphql.test_denials import _answer, _appeal, _denied
from tests.graphql.test_remittances import line, post, taken

TYPES = {
    "claims": "Claim",
    "denials": "Denial",
    "invoices": "Invoice",
    "settlements": "Settlement",
    "remittances": "Remittance",
    "unmatchedRemittanceLines": "Remittance",
    "eligibilityHistory": "Eligibility",
}
UNKNOWN = "xxx_00000000000000000000000000"
LONG_AGO, FAR_AHEAD = "2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z"
Cases = list[tuple[dict[str, Any], set[str]]]


def _query(name: str) -> str:
    return f"query($where: {TYPES[name]}FilterInput) {{ {name}(filter: $where) {{ totalCount nodes {{ id }} }} }}"


async def _found(world: World, role: str, name: str, where: dict[str, Any]) -> set[str]:
    page = (await world.call(role, _query(name), where=where))[name]
    ids = {node["id"] for node in page["nodes"]}
    assert page["totalCount"] == len(page["nodes"]) == len(ids)
    return ids


async def _each_holds(world: World, role: str, name: str, cases: Cases) -> None:
    for where, expected in cases:
        assert await _found(world, role, name, where) == expected, where


def _at(moment: str) -> dict[str, str]:
    return {"from": moment, "to": moment}


async def _field(world: World, identifier: str, kind: str, field: str) -> str:
    query = f"query($id: ID!) {{ node(id: $id) {{ ... on {kind} {{ {field} }} }} }}"
    found: str = (await world.call("finance" if kind == "Remittance" else "biller", query, id=identifier))["node"][
        field
    ]
    return found


async def test_of_claims(world: World) -> None:
    draft = (await world.create_claim(type="CONSULTATION"))["claim"]["id"]
    review = (await world.claim_in_review())["id"]
    decision = [{"sequence": 1, "approvedAmount": "100.00"}]
    assert (await world.adjudicate(review, decision, payerClaimNumber="OP-1"))["errors"] == []
    billed, cancelled = (await world.approved_claim())["id"], (await world.approved_claim())["id"]
    await world.create_invoice([billed])
    invoice = (await world.create_invoice([cancelled]))["invoice"]["id"]
    await world.mutate("finance", "cancelInvoice", "invoice { id }", id=invoice)
    everything, created_at = {draft, review, billed, cancelled}, await _field(world, review, "Claim", "createdAt")
    cases: Cases = [
        ({"ids": [draft, billed, UNKNOWN]}, {draft, billed}),
        ({"ids": []}, set()),
        ({"ids": [draft, billed], "status": ["APPROVED"]}, {billed}),
        ({"type": ["CONSULTATION", "SP_SADT"]}, everything),
        ({"type": []}, set()),
        ({"payerAnsCode": ["999999", world.payer]}, everything),
        ({"providerCnes": ["9999999", world.provider]}, everything),
        ({"payerClaimNumber": "OP-1"}, {review}),
        ({"payerClaimNumber": "OP"}, set()),
        ({"createdAt": _at(created_at)}, {review}),
        ({"createdAt": {"to": LONG_AGO}}, set()),
        ({"createdAt": {}}, everything),
        ({"invoiced": True}, {billed}),
        ({"invoiced": False}, everything - {billed}),
        ({"invoiced": False, "status": ["APPROVED"]}, {review, cancelled}),
    ]
    await _each_holds(world, "biller", "claims", cases)


async def test_of_denials(world: World) -> None:
    _, (open_one, won, billed) = await _denied(world, "40.00", "10.00", "5.00")
    for denial, amount in ((won, "10.00"), (billed, "5.00")):
        await _appeal(world, denial)
        await _answer(world, (denial, amount))
    everything = {open_one, won, billed}
    created_at = await _field(world, open_one, "Denial", "createdAt")
    deadline = (today() + timedelta(days=30)).isoformat()
    before: Cases = [({"recoveryInvoiced": False}, {won, billed}), ({"recoveryInvoiced": True}, set())]
    await _each_holds(world, "biller", "denials", before)
    await world.create_invoice([])
    cases: Cases = [
        ({"ids": [open_one, UNKNOWN]}, {open_one}),
        ({"status": ["OPEN", "OVERTURNED"]}, everything),
        ({"status": ["OVERTURNED"]}, {won, billed}),
        ({"payerAnsCode": ["999999"]}, set()),
        ({"providerCnes": [world.provider, "9999999"]}, everything),
        ({"code": ["1801", "1705"]}, {open_one, billed}),
        ({"appealDeadline": _at(deadline)}, everything),
        ({"appealDeadline": {"to": today().isoformat()}}, set()),
        ({"createdAt": _at(created_at)}, everything),
        ({"createdAt": {"from": FAR_AHEAD}}, set()),
        ({"amount": {"from": "5.01", "to": "10.00"}}, {won}),
        ({"amount": {"to": "9.99"}}, {billed}),
        ({"recoveryInvoiced": True}, {won, billed}),
        ({"recoveryInvoiced": False}, set()),
    ]
    await _each_holds(world, "biller", "denials", cases)


async def test_of_invoices(world: World) -> None:
    first, second = await world.issued_invoice("10.00"), await world.issued_invoice("20.00")
    draft = (await world.draft_invoice("30.00"))["id"]
    everything = {first["id"], second["id"], draft}
    created_at = await _field(world, draft, "Invoice", "createdAt")
    cases: Cases = [
        ({"ids": [draft, UNKNOWN]}, {draft}),
        ({"payerAnsCode": [world.payer]}, everything),
        ({"payerAnsCode": ["999999"]}, set()),
        ({"providerCnes": ["9999999"]}, set()),
        ({"number": [first["number"], second["number"]]}, {first["id"], second["id"]}),
        ({"number": [99]}, set()),
        ({"billingMonth": ["2000-01", today().strftime("%Y-%m")]}, everything),
        ({"createdAt": _at(created_at)}, {draft}),
        ({"totalAmount": {"from": "10.01", "to": "20.00"}}, {second["id"]}),
        ({"dueDate": _at(first["dueDate"])}, {first["id"], second["id"]}),
        ({"overdue": False, "status": ["ISSUED"]}, {first["id"], second["id"]}),
    ]
    await _each_holds(world, "finance", "invoices", cases)


async def test_of_settlements(world: World) -> None:
    first, second = await world.issued_invoice("10.00"), await world.issued_invoice("20.00")
    yesterday = (today() - timedelta(days=1)).isoformat()
    pix = (await world.settle(first["id"], "10.00", method="PIX", paidOn=yesterday))["settlement"]["id"]
    transfer = (await world.settle(second["id"], "5.00"))["settlement"]["id"]
    undone = (await world.reverse(transfer, "1.00"))["settlement"]["id"]
    everything = {pix, transfer, undone}
    created_at = await _field(world, pix, "Settlement", "createdAt")
    cases: Cases = [
        ({}, everything),
        ({"ids": [pix, undone, UNKNOWN]}, {pix, undone}),
        ({"payerAnsCode": [world.payer]}, everything),
        ({"payerAnsCode": ["999999"]}, set()),
        ({"providerCnes": [world.provider]}, everything),
        ({"providerCnes": ["9999999"]}, set()),
        ({"invoiceId": second["id"]}, {transfer, undone}),
        ({"method": ["PIX"]}, {pix}),
        ({"method": ["PIX", "BANK_TRANSFER"]}, everything),
        ({"paidOn": {"to": yesterday}}, {pix}),
        ({"paidOn": {"from": today().isoformat()}}, {transfer, undone}),
        ({"createdAt": _at(created_at)}, {pix}),
        ({"amount": {"from": "1.00", "to": "5.00"}}, {transfer, undone}),
        ({"amount": {"from": "5.01"}}, {pix}),
    ]
    await _each_holds(world, "finance", "settlements", cases)


async def test_of_remittances_and_their_lines(world: World) -> None:
    yesterday = (today() - timedelta(days=1)).isoformat()
    claim = await world.submitted_claim()
    posted = await taken(world, line(claim, "100.00"), statementNumber="D-1")
    assert (await post(world, posted))["errors"] == []
    unmatched = await taken(
        world, {"providerClaimNumber": "NOBODY", "paidAmount": "1.00"}, statementNumber="D-2", paidOn=yesterday
    )
    old, new = posted["id"], unmatched["id"]
    created_at = await _field(world, old, "Remittance", "createdAt")
    cases: Cases = [
        ({}, {old, new}),
        ({"ids": [new, UNKNOWN]}, {new}),
        ({"payerAnsCode": [world.payer, "999999"]}, {old, new}),
        ({"payerAnsCode": ["999999"]}, set()),
        ({"providerCnes": ["9999999"]}, set()),
        ({"status": ["POSTED"]}, {old}),
        ({"status": ["POSTED", "IMPORTED"]}, {old, new}),
        ({"source": ["TYPED"]}, {old, new}),
        ({"source": ["TISS", "EVENT"]}, set()),
        ({"statementNumber": "D-2"}, {new}),
        ({"paidOn": {"to": yesterday}}, {new}),
        ({"paidOn": {"from": today().isoformat()}}, {old}),
        ({"createdAt": _at(created_at)}, {old}),
        ({"createdAt": {"to": LONG_AGO}}, set()),
    ]
    await _each_holds(world, "finance", "remittances", cases)
    (row,) = unmatched["lines"]
    lines: Cases = [(where, {row["id"]} if new in expected else set()) for where, expected in cases]
    await _each_holds(world, "finance", "unmatchedRemittanceLines", lines)


@pytest.mark.parametrize(
    ("role", "name", "condition"),
    [
        ("biller", "claims", "serviceDate"),
        ("biller", "claims", "createdAt"),
        ("biller", "claims", "submittedAt"),
        ("biller", "claims", "claimedAmount"),
        ("biller", "denials", "appealDeadline"),
        ("biller", "denials", "createdAt"),
        ("biller", "denials", "amount"),
        ("finance", "invoices", "dueDate"),
        ("finance", "invoices", "createdAt"),
        ("finance", "invoices", "totalAmount"),
        ("finance", "settlements", "paidOn"),
        ("finance", "settlements", "createdAt"),
        ("finance", "settlements", "amount"),
        ("finance", "remittances", "paidOn"),
        ("finance", "unmatchedRemittanceLines", "createdAt"),
        ("front_desk", "eligibilityHistory", "serviceDate"),
        ("front_desk", "eligibilityHistory", "answeredAt"),
    ],
)
async def test_a_range_that_ends_before_it_starts_is_refused(
    server_world: World, role: str, name: str, condition: str
) -> None:
    if condition.lower().endswith("amount"):
        wrong = {"from": "2.00", "to": "1.99"}
    elif condition.endswith("At"):
        wrong = {"from": "2026-11-02T00:00:00.000001Z", "to": "2026-11-02T00:00:00Z"}
    else:
        wrong = {"from": "2026-11-02", "to": "2026-11-01"}
    world = server_world
    answer = await world.gateway.gql(_query(name), {"where": {condition: wrong}}, token=world.token(role))
    assert answer.reasons == [("BAD_USER_INPUT", "INVALID_INPUT", f"filter.{condition}.to")]
    assert answer.body["data"] == {name: None}


@pytest.mark.parametrize("name", ["reconciliation", "billingIndicators"])
@pytest.mark.parametrize(
    ("period", "reason", "place"),
    [
        ({"from": "2026-06-02", "to": "2026-06-01"}, "INVALID_INPUT", "period.to"),
        ({"from": "01/06/2026"}, "INVALID_DATE", "period.from"),
        ({"from": "%", "to": "2026-06-01"}, "INVALID_DATE", "period.from"),
        ({"from": "2026-06-01", "to": "%"}, "INVALID_DATE", "period.to"),
    ],
)
async def test_a_period_that_is_none_is_refused(
    server_world: World, name: str, period: dict[str, str], reason: str, place: str
) -> None:
    query = f"query($period: DateRangeInput) {{ {name}(period: $period) {{ __typename }} }}"
    answer = await server_world.gateway.gql(query, {"period": period}, token=server_world.token("finance"))
    assert answer.reasons == [("BAD_USER_INPUT", reason, place)]
    assert answer.body["data"] == {name: None}


async def test_malformed_conditions_are_refused_at_their_places(server_world: World) -> None:
    world = server_world
    where = {"payerAnsCode": [world.payer, "12"], "providerCnes": ["x"], "serviceDate": {"to": "tomorrow"}}
    answer = await world.gateway.gql(_query("claims"), {"where": where}, token=world.token("biller"))
    assert answer.reasons == [("BAD_USER_INPUT", "INVALID_IDENTIFIER", "filter.payerAnsCode.1")]
    months = {"where": {"billingMonth": ["2026-11", "202611"]}}
    answer = await world.gateway.gql(_query("invoices"), months, token=world.token("finance"))
    assert answer.reasons == [("BAD_USER_INPUT", "INVALID_INPUT", "filter.billingMonth.1")]
    many = {"where": {"ids": ["x"] * 101}}
    answer = await world.gateway.gql(_query("claims"), many, token=world.token("biller"))
    assert answer.reasons == [("BAD_USER_INPUT", "INVALID_INPUT", "filter.ids")]


async def test_what_is_invoiced_is_seen_only_with_invoices(server_world: World) -> None:
    world = server_world
    claim = await world.approved_claim()
    token = world.token("patient")
    for name, condition in (("claims", "invoiced"), ("denials", "recoveryInvoiced")):
        for value in (True, False):
            answer = await world.gateway.gql(_query(name), {"where": {condition: value}}, token=token)
            assert (answer.codes, answer.body["data"]) == (["FORBIDDEN"], {name: None})
            assert answer.body["errors"][0]["extensions"]["permission"] == "invoices:read"
    assert await _found(world, "patient", "claims", {}) == {claim["id"]}


async def test_equal_conditions_of_another_kind_of_list_are_other_lists(server_world: World) -> None:
    """A cursor is bound to the values of its filter, inside lists and ranges too."""
    world = server_world
    for _ in range(2):
        await world.create_claim(items=[CONSULTATION])
    query = "query($where: ClaimFilterInput, $after: String) { claims(filter: $where, first: 1, after: $after) "
    query += "{ nodes { id } pageInfo { endCursor } } }"
    where = {"claimedAmount": {"from": "1.00"}}
    cursor = (await world.call("biller", query, where=where))["claims"]["pageInfo"]["endCursor"]
    assert len((await world.call("biller", query, where=where, after=cursor))["claims"]["nodes"]) == 1
    for other in ({"claimedAmount": {"to": "1.00"}}, {"claimedAmount": {"from": "1.01"}}, {}):
        answer = await world.gateway.gql(query, {"where": other, "after": cursor}, token=world.token("biller"))
        assert answer.reasons == [("BAD_USER_INPUT", "INVALID_INPUT", "after")]


async def test_values_of_an_enum_in_any_order_are_one_statement(world: World) -> None:
    """Each of 40,320 orders of the eight statuses would be compiled, and take the places of others' statements."""
    claim = (await world.create_claim())["claim"]["id"]
    with heard(world.gateway.database) as statements:
        for order in permutations(["DRAFT", "SUBMITTED", "UNDER_REVIEW"]):
            assert await _found(world, "biller", "claims", {"status": [*order, order[0]]}) == {claim}
    sent = {(text, *map(str, values)) for text, values in statements if "FROM claims" in text}
    assert len(sent) == 2  # the page and its count
