"""Pages that are read backwards, by `last` and `before`: the same lists, from their ends."""

from typing import Any

import pytest

from app.auth import roles
from tests.access.world import rich_world
from tests.factories import CONSULTATION, World, today
from tests.figures import Figures
from tests.gateway import Gateway
from tests.graphql.test_cursors import EVERYTHING, PERIOD, lists, needed

PAGE = """
query($order: ClaimOrder, $first: Int, $after: String, $last: Int, $before: String) {
  claims(orderBy: $order, first: $first, after: $after, last: $last, before: $before) {
    totalCount nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""
LINES = """
query($ids: [ID!]!, $last: Int, $before: String) {
  nodes(ids: $ids) { ... on Invoice { lines(last: $last, before: $before) {
    nodes { amount } pageInfo { hasNextPage hasPreviousPage startCursor }
  } } }
}
"""
ORDERS = [(field, way) for field in ("CREATED_AT", "SERVICE_DATE", "CLAIMED_AMOUNT") for way in ("ASC", "DESC")]


async def _claims(world: World, **variables: Any) -> Any:
    return (await world.call("biller", PAGE, **variables))["claims"]


async def test_every_order_is_walked_backwards_without_gap_or_repeat(world: World) -> None:
    for number in range(7):
        items = [{**CONSULTATION, "unitPrice": f"{10 + number % 3}.00"}]
        day = today().replace(day=1) if number % 2 else today()
        await world.create_claim(items=items, serviceDate=day.isoformat())
    for field, way in ORDERS:
        order = {"field": field, "direction": way}
        whole = (await _claims(world, order=order))["nodes"]
        found: list[Any] = []
        before = None
        for size in (3, 3, 1):
            page = await _claims(world, order=order, last=3, before=before)
            info = page["pageInfo"]
            assert (page["totalCount"], len(page["nodes"])) == (7, size)
            assert (info["hasPreviousPage"], info["hasNextPage"]) == (size == 3, before is not None)
            found, before = [*page["nodes"], *found], info["startCursor"]
        assert found == whole
        # From there on in the other direction.
        forth = await _claims(world, order=order, first=2, after=before)
        assert forth["nodes"] == whole[1:3]


async def test_lists_of_a_level_are_read_backwards_together(world: World) -> None:
    ids = []
    for amounts in (("10.00", "20.00", "30.00"), ("40.00",)):
        claims = [(await world.approved_claim(amount))["id"] for amount in amounts]
        ids.append((await world.create_invoice(claims))["invoice"]["id"])
    long, short = [each["lines"] for each in (await world.call("finance", LINES, ids=ids, last=2))["nodes"]]
    assert [each["amount"] for each in long["nodes"]] == ["20.00", "30.00"]
    assert (long["pageInfo"]["hasPreviousPage"], long["pageInfo"]["hasNextPage"]) == (True, False)
    assert ([each["amount"] for each in short["nodes"]], short["pageInfo"]["hasPreviousPage"]) == (["40.00"], False)
    before = long["pageInfo"]["startCursor"]
    ((earlier,),) = [(await world.call("finance", LINES, ids=ids[:1], last=2, before=before))["nodes"]]
    assert earlier["lines"] == {
        "nodes": [{"amount": "10.00"}],
        "pageInfo": {
            "hasNextPage": True,
            "hasPreviousPage": False,
            "startCursor": earlier["lines"]["pageInfo"]["startCursor"],
        },
    }


@pytest.mark.parametrize(
    ("given", "field", "message"),
    [
        ({"first": 1, "last": 1}, "last", "give either first or last"),
        ({"last": 0}, "last", "last must be 1 to 100"),
        ({"last": 101}, "last", "last must be 1 to 100"),
        ({"last": 1, "after": "own"}, "after", "after goes with first, and before with last"),
        ({"before": "own"}, "before", "after goes with first, and before with last"),
        ({"last": 1, "before": "x"}, "before", "use a cursor of this list, with the same filter and order"),
    ],
)
async def test_a_page_has_one_direction(world: World, given: dict[str, Any], field: str, message: str) -> None:
    await world.create_claim()
    own = (await _claims(world, first=1))["pageInfo"]["endCursor"]
    variables = {name: own if value == "own" else value for name, value in given.items()}
    answer = await world.gateway.gql(PAGE, variables, token=world.token("biller"))
    assert answer.reasons == [("BAD_USER_INPUT", "INVALID_INPUT", field)]
    assert answer.body["errors"][0]["message"] == message


async def test_every_list_ends_as_it_does_forwards(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, figures: Figures
) -> None:
    monkeypatch.setitem(roles.ROLES, "everything", EVERYTHING)
    world = (await rich_world(gateway)).world
    await rich_world(gateway)
    token = gateway.token("everything", providers=["*"])
    lengths: dict[str, int] = {}
    for name in lists():
        needs = (
            needed(world).get(name, "").replace(PERIOD, f'period: {{ from: "{today().year}-01-01", to: "{today()}" }}')
        )

        async def page(arguments: str, name: str = name, needs: str = needs) -> list[str]:
            query = f"{{ {name}({arguments} {needs}) {{ edges {{ cursor }} pageInfo {{ startCursor }} }} }}"
            found = (await gateway.gql(query, token=token)).data[name]
            return [each["cursor"] for each in found["edges"]]

        whole = await page("last: 5")
        for place, cursor in enumerate(whole):
            # What goes before the last five may be there too.
            wanted = whole[max(place - 2, 0) : place]
            assert not wanted or (await page(f'last: 2, before: "{cursor}"'))[-len(wanted) :] == wanted, name
            assert await page(f'first: 4, after: "{cursor}"') == whole[place + 1 :], name
        lengths[name] = len(whole)
    figures(**lengths)
    assert sum(length > 1 for length in lengths.values()) > len(lengths) / 2
