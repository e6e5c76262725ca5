"""Connections on objects: pages of each parent, read by one statement for all parents of a level."""

from typing import Any

from tests.factories import World, flat, key, new_world
from tests.gateway import Gateway

PAGE = """query($id: ID!, $first: Int!, $after: String, $filter: InvoiceLineFilterInput) {
  invoice(id: $id) { lines(first: $first, after: $after, filter: $filter) {
    totalCount edges { cursor node { id amount } } nodes { id }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  } }
}"""


async def _invoice(world: World, *amounts: str) -> str:
    """The id of a draft invoice with a line for each amount."""
    claims = [(await world.approved_claim(amount))["id"] for amount in amounts]
    return str((await world.create_invoice(claims))["invoice"]["id"])


async def _lines(world: World, invoice_id: str, first: int = 2, **variables: Any) -> Any:
    return (await world.call("finance", PAGE, id=invoice_id, first=first, **variables))["invoice"]["lines"]


async def _refused(world: World, **variables: Any) -> tuple[list[str], list[Any]]:
    """The codes and the paths of the errors."""
    answer = await world.gateway.gql(PAGE, variables, token=world.token("finance"))
    return answer.codes, [each["path"] for each in answer.body["errors"]]


async def test_pages_follow_each_other_without_gaps(world: World) -> None:
    invoice = await _invoice(world, "10.00", "20.00", "30.00", "40.00", "50.00")
    seen, after = [], None
    for number, size in enumerate((2, 2, 1)):
        page = await _lines(world, invoice, after=after)
        info = page["pageInfo"]
        assert (page["totalCount"], len(page["edges"])) == (5, size)
        assert (info["hasPreviousPage"], info["hasNextPage"]) == (number > 0, number < 2)
        assert info["startCursor"] == page["edges"][0]["cursor"]
        assert page["nodes"] == [{"id": edge["node"]["id"]} for edge in page["edges"]]
        seen += [edge["node"]["amount"] for edge in page["edges"]]
        after = info["endCursor"]
    assert seen == ["10.00", "20.00", "30.00", "40.00", "50.00"]
    end = await _lines(world, invoice, after=after)
    assert (end["nodes"], end["pageInfo"]["endCursor"], end["totalCount"]) == ([], None, 5)


async def test_the_filter_holds_for_page_and_count(world: World) -> None:
    invoice = await _invoice(world, "10.00", "20.00")
    values = {"kind": "CREDIT", "amount": "3.00", "reason": "Taxa", "idempotencyKey": key()}
    await world.mutate("finance", "adjustInvoice", "invoice { id }", id=invoice, **values)
    page = await _lines(world, invoice, filter={"kind": ["CREDIT", "DEBIT"]})
    assert (page["totalCount"], [edge["node"]["amount"] for edge in page["edges"]]) == (1, ["3.00"])
    several = {"kind": ["DEBIT", "CREDIT", "CLAIM"]}
    first = await _lines(world, invoice, filter=several)
    rest = await _lines(world, invoice, filter=several, after=first["pageInfo"]["endCursor"])
    assert (first["totalCount"], first["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasNextPage"]) == (3, True, False)
    assert [edge["node"]["amount"] for page in (first, rest) for edge in page["edges"]] == ["10.00", "20.00", "3.00"]
    assert (await _lines(world, invoice, filter={"kind": []}))["totalCount"] == 0
    assert (await _lines(world, invoice, filter={}))["totalCount"] == 3


async def test_a_cursor_is_valid_for_its_own_parent_list_and_filter_only(world: World) -> None:
    one, other = await _invoice(world, "10.00", "20.00", "30.00"), await _invoice(world, "10.00", "20.00", "30.00")
    cursor = (await _lines(world, one))["pageInfo"]["endCursor"]
    assert [each["node"]["amount"] for each in (await _lines(world, one, after=cursor))["edges"]] == ["30.00"]
    refused = (["BAD_USER_INPUT"], [["invoice", "lines"]])
    assert await _refused(world, id=other, first=2, after=cursor) == refused
    assert await _refused(world, id=one, first=2, after=cursor, filter={"kind": ["CLAIM"]}) == refused
    history = "query($id: ID!, $after: String) { invoice(id: $id) { history(after: $after) { totalCount } } }"
    answer = await world.gateway.gql(history, {"id": one, "after": cursor}, token=world.token("finance"))
    assert (answer.codes, answer.body["errors"][0]["path"]) == (["BAD_USER_INPUT"], ["invoice", "history"])


async def test_a_page_of_lines_has_1_to_1000_objects(world: World) -> None:
    invoice = await _invoice(world, "10.00")
    for first in (0, -1, 1_001):
        assert await _refused(world, id=invoice, first=first) == (["BAD_USER_INPUT"], [["invoice", "lines"]])
    assert len((await _lines(world, invoice, first=1_000))["nodes"]) == 1


async def test_each_parent_has_its_own_page_and_count(world: World) -> None:
    await _invoice(world, "10.00", "20.00", "30.00")
    await _invoice(world, "40.00")
    oldest_first = "orderBy: { field: CREATED_AT, direction: ASC }"
    query = f"{{ invoices({oldest_first}) {{ nodes {{ lines(first: 2) {{ totalCount nodes {{ amount }} }} }} }} }}"
    found = [each["lines"] for each in flat(await world.call("finance", query))["invoices"]]
    assert found == [
        {"totalCount": 3, "nodes": [{"amount": "10.00"}, {"amount": "20.00"}]},
        {"totalCount": 1, "nodes": [{"amount": "40.00"}]},
    ]


async def test_prices_are_ordered_by_table_code_and_day(gateway: Gateway) -> None:
    world = await new_world(gateway)
    given = [
        ("22", "40304361", "2026-01-01"),
        ("22", "10101012", "2026-06-01"),
        ("22", "10101012", "2026-01-01"),
        ("18", "60000481", "2026-01-01"),
    ]
    prices = [
        {"codeSystem": table, "code": code, "unitPrice": "1.00", "validFrom": day}
        | ({"validTo": "2026-05-31"} if (code, day) == ("10101012", "2026-01-01") else {})
        for table, code, day in given
    ]
    terms = {"submissionWindowDays": 60, "appealDeadlineDays": 15, "paymentTermDays": 45, "prices": prices}
    parties = {"provider": world.provider, "payer": world.payer}
    saved = await world.mutate("admin", "saveContract", "contract { id }", **parties, **terms)
    assert saved["errors"] == []
    fields = "prices(first: 1, after: $after) { nodes { codeSystem code validFrom } pageInfo { endCursor } }"
    query = f"query($after: String) {{ contracts {{ nodes {{ {fields} }} }} }}"
    seen, after = [], None
    for _ in given:
        (contract,) = (await world.call("biller", query, after=after))["contracts"]["nodes"]
        seen += [tuple(each.values()) for each in contract["prices"]["nodes"]]
        after = contract["prices"]["pageInfo"]["endCursor"]
    assert seen == sorted(given)


async def test_a_filter_of_too_many_values_is_refused(world: World) -> None:
    """For one object and for a level of them, by graphql-core and then by a plan."""
    invoice = await _invoice(world, "10.00")
    kinds = ["CLAIM", "RECOVERY", "DEBIT", "CREDIT", "CLAIM"]
    for _ in range(3):
        refused = await _refused(world, id=invoice, first=2, filter={"kind": kinds})
        assert refused == (["BAD_USER_INPUT"], [["invoice", "lines"]])
    levels = (
        "query($kind: [InvoiceLineKind!]) { invoices { nodes { id lines(filter: { kind: $kind }) { totalCount } } } }"
    )
    for _ in range(3):
        answer = await world.gateway.gql(levels, {"kind": kinds}, token=world.token("finance"))
        (error,) = answer.body["errors"]
        assert (error["message"], error["path"]) == ("send at most 4 values", ["invoices", "nodes", 0, "lines"])
        assert error["extensions"]["field"] == ["filter", "kind"]
    assert (await _lines(world, invoice, filter={"kind": kinds[:4]}))["totalCount"] == 1
