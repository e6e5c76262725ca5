"""Keyset pages: no gap, no repeat, bound to their list."""

from datetime import timedelta
from typing import Any

import pytest

from tests.factories import CONSULTATION, World, today

CREATED_AT, SERVICE_DATE, CLAIMED_AMOUNT = "CREATED_AT", "SERVICE_DATE", "CLAIMED_AMOUNT"


def _order(field: str, direction: str = "ASC") -> dict[str, str]:
    return {"field": field, "direction": direction}


NEWEST_FIRST, OLDEST_FIRST = _order(CREATED_AT, "DESC"), _order(CREATED_AT)
PAGE = """
query($order: ClaimOrder, $first: Int!, $after: String, $filter: ClaimFilterInput) {
  claims(orderBy: $order, first: $first, after: $after, filter: $filter) {
    totalCount edges { cursor } nodes { id claimedAmount serviceDate createdAt }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""


async def _many(world: World, count: int) -> list[str]:
    ids = []
    for number in range(count):
        items = [{**CONSULTATION, "unitPrice": f"{10 + number % 3}.00"}]
        day = today().replace(day=1) if number % 2 else today()
        ids.append((await world.create_claim(items=items, serviceDate=day.isoformat()))["claim"]["id"])
    return ids


async def _walk(world: World, order: dict[str, str] | None, size: int) -> list[Any]:
    found: list[Any] = []
    after = None
    while True:
        page = (await world.call("biller", PAGE, order=order, first=size, after=after))["claims"]
        found += page["nodes"]
        assert page["pageInfo"]["hasPreviousPage"] == (after is not None)
        if not page["pageInfo"]["hasNextPage"]:
            return found
        assert len(page["nodes"]) == size
        after = page["pageInfo"]["endCursor"]


async def test_every_order_walks_through_all_claims_without_gap_or_repeat(world: World) -> None:
    ids = await _many(world, 11)
    fields = {CREATED_AT: "createdAt", SERVICE_DATE: "serviceDate", CLAIMED_AMOUNT: "claimedAmount"}
    for name, field in fields.items():
        for direction in ("ASC", "DESC"):
            nodes = await _walk(world, _order(name, direction), 4)
            assert sorted(node["id"] for node in nodes) == sorted(ids)
            values = [node[field] for node in nodes]
            assert values == sorted(values, reverse=direction == "DESC")


PLACES = """query(
  $where: ClaimFilterInput, $order: ClaimOrder, $first: Int, $after: String, $last: Int, $before: String
) {
  claims(filter: $where, orderBy: $order, first: $first, after: $after, last: $last, before: $before) {
    nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""


async def _both_ways(world: World, where: dict[str, Any], order: dict[str, str]) -> tuple[list[str], list[str]]:
    """The ids in pages of two, from the first and from the last one."""
    forwards: list[str] = []
    backwards: list[str] = []
    place: dict[str, Any] = {"first": 2}
    while place:
        page = (await world.call("biller", PLACES, where=where, order=order, **place))["claims"]
        ids, info = [node["id"] for node in page["nodes"]], page["pageInfo"]
        if "first" in place:
            forwards += ids
            place = {"first": 2, "after": info["endCursor"]} if info["hasNextPage"] else {"last": 2}
        else:
            backwards = ids + backwards
            place = {"last": 2, "before": info["startCursor"]} if info["hasPreviousPage"] else {}
    return forwards, backwards


async def test_claims_of_a_few_days_come_in_the_order_of_the_list(world: World) -> None:
    days = [(today() - timedelta(days=number)).isoformat() for number in range(9)]
    claims = [
        ((await world.create_claim(serviceDate=days[number % 6]))["claim"]["id"], number % 6) for number in range(11)
    ]
    for first, last in ((1, 1), (1, 3), (0, 4), (0, 8)):
        where = {"serviceDate": {"from": days[last], "to": days[first]}}
        expected = [claim for claim, day in claims if first <= day <= last]
        assert await _both_ways(world, where, OLDEST_FIRST) == (expected, expected)
        assert await _both_ways(world, where, NEWEST_FIRST) == (expected[::-1], expected[::-1])


async def test_a_claim_that_comes_between_two_pages_disturbs_nothing(world: World) -> None:
    ids = await _many(world, 4)
    first = (await world.call("biller", PAGE, order=NEWEST_FIRST, first=2))["claims"]
    await world.create_claim()
    after = first["pageInfo"]["endCursor"]
    second = (await world.call("biller", PAGE, order=NEWEST_FIRST, first=2, after=after))["claims"]
    assert [node["id"] for node in first["nodes"] + second["nodes"]] == ids[::-1]
    assert (second["totalCount"], second["pageInfo"]["hasNextPage"]) == (5, False)


@pytest.mark.parametrize(
    "changes",
    [{"order": OLDEST_FIRST}, {"filter": {"status": ["DRAFT"]}}, {"after": "AAAA"}, {"after": "é"}, {"after": ""}],
)
async def test_a_cursor_of_another_list_is_refused(world: World, changes: dict[str, Any]) -> None:
    await _many(world, 3)
    cursor = (await world.call("biller", PAGE, order=NEWEST_FIRST, first=1))["claims"]["pageInfo"]["endCursor"]
    variables = {"order": NEWEST_FIRST, "first": 1, "after": cursor, **changes}
    answer = await world.gateway.gql(PAGE, variables, token=world.token("biller"))
    assert answer.reasons == [("BAD_USER_INPUT", "INVALID_INPUT", "after")]


@pytest.mark.parametrize("first", [0, -1, 101, 2**31 - 1])
async def test_a_page_has_one_to_a_hundred_rows(world: World, first: int) -> None:
    answer = await world.gateway.gql(PAGE, {"order": NEWEST_FIRST, "first": first}, token=world.token("biller"))
    assert answer.reasons == [("BAD_USER_INPUT", "INVALID_INPUT", "first")]


async def test_settlements_invoices_and_eligibility_have_pages_too(world: World) -> None:
    invoices = [await world.issued_invoice("10.00") for _ in range(3)]
    for invoice in invoices:
        await world.settle(invoice["id"], "1.00")
        await world.check_eligibility(forceRefresh=True)
    for role, name in (("finance", "invoices"), ("finance", "settlements"), ("front_desk", "eligibilityHistory")):
        query = f"query($after: String) {{ {name}(first: 2, after: $after) {{ totalCount nodes {{ id }} "
        query += "pageInfo { hasNextPage endCursor } } }"
        one = (await world.call(role, query))[name]
        two = (await world.call(role, query, after=one["pageInfo"]["endCursor"]))[name]
        ids = [node["id"] for node in one["nodes"] + two["nodes"]]
        assert (len(set(ids)), one["totalCount"], one["pageInfo"]["hasNextPage"]) == (3, 3, True)
        assert two["pageInfo"]["hasNextPage"] is False


async def test_each_filter_holds_exactly_its_claims(world: World) -> None:
    draft = (await world.create_claim(items=[{**CONSULTATION, "unitPrice": "10.00"}]))["claim"]["id"]
    consultation = (await world.submitted_claim(type="CONSULTATION"))["id"]
    review = await world.claim_in_review(items=[{**CONSULTATION, "unitPrice": "500.00"}] * 2)
    denied = {"approvedAmount": "0.00", "denials": [{"code": "1705", "amount": "500.00"}]}
    # Two denials of one code, which are one claim.
    await world.adjudicate(review["id"], [{"sequence": 1, **denied}, {"sequence": 2, **denied}])
    number = (await world.claim(draft))["providerClaimNumber"]
    everything = {draft, consultation, review["id"]}
    cases: list[tuple[dict[str, Any], set[str]]] = [
        ({}, everything),
        ({"status": ["DRAFT", "DENIED"]}, {draft, review["id"]}),
        ({"type": ["CONSULTATION"]}, {consultation}),
        ({"payerAnsCode": [world.payer]}, everything),
        ({"payerAnsCode": ["999999"]}, set()),
        ({"providerCnes": [world.provider]}, everything),
        ({"providerCnes": ["9999999"]}, set()),
        ({"patientId": world.patient}, everything),
        ({"patientId": "pat_00000000000000000000000000"}, set()),
        ({"providerClaimNumber": number}, {draft}),
        ({"serviceDate": {"from": today().isoformat()}}, everything),
        ({"serviceDate": {"to": "2020-01-01"}}, set()),
        ({"submittedAt": {"from": "2020-01-01T00:00:00Z"}}, {consultation, review["id"]}),
        ({"submittedAt": {"to": "2020-01-01T00:00:00Z"}}, set()),
        ({"claimedAmount": {"from": "100.00", "to": "100.00"}}, {consultation}),
        ({"claimedAmount": {"from": "100.01"}}, {review["id"]}),
        ({"denialCode": "1705"}, {review["id"]}),
        ({"denialCode": "1801"}, set()),
        ({"inDispute": True}, {review["id"]}),
        ({"inDispute": False}, {draft, consultation}),
    ]
    for where, expected in cases:
        page = (await world.call("biller", PAGE, order=OLDEST_FIRST, first=10, filter=where))["claims"]
        assert ({node["id"] for node in page["nodes"]}, page["totalCount"]) == (expected, len(expected)), where


INVOICES = "query($filter: InvoiceFilterInput) { invoices(filter: $filter) { totalCount nodes { id } } }"


async def test_each_filter_holds_exactly_its_invoices(world: World) -> None:
    draft = (await world.draft_invoice("10.00"))["id"]
    issued = (await world.issued_invoice("100.00"))["id"]
    paid = (await world.issued_invoice("200.00"))["id"]
    await world.settle(paid)
    month = today().strftime("%Y-%m")
    cases: list[tuple[dict[str, Any], set[str]]] = [
        ({}, {draft, issued, paid}),
        ({"status": ["ISSUED"]}, {issued}),
        ({"billingMonth": [month]}, {draft, issued, paid}),
        ({"billingMonth": ["2000-01"]}, set()),
        ({"totalAmount": {"from": "100.00"}}, {issued, paid}),
        ({"totalAmount": {"to": "10.00"}}, {draft}),
        ({"dueDate": {"from": today().isoformat()}}, {issued, paid}),
        ({"dueDate": {"to": today().isoformat()}}, set()),
        ({"overdue": True}, set()),
        ({"overdue": False}, {draft, issued, paid}),
        ({"inDispute": True}, set()),
        ({"inDispute": False}, {draft, issued, paid}),
    ]
    for where, expected in cases:
        found = (await world.call("finance", INVOICES, filter=where))["invoices"]
        assert ({node["id"] for node in found["nodes"]}, found["totalCount"]) == (expected, len(expected)), where
