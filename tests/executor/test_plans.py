"""Which operations are planned, when, and what a plan leaves to graphql-core."""

import gc
from collections.abc import AsyncIterator

import pytest

from tests.access.world import Rich, nurse_of, rich_world
from tests.gateway import embedded_settings, running_gateway

LIST = "{ claims(first: 5) { nodes { id items { code } } } }"


@pytest.fixture(scope="module")
async def rich(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rich]:
    """A gateway of its own, with one of everything, that plans when production does."""
    settings = embedded_settings(tmp_path_factory.mktemp("plans"), plans_at_once=False)
    async with running_gateway(settings) as gateway:
        yield await rich_world(gateway)


async def _ways(rich: Rich, queries: list[str], token: str) -> list[str]:
    """What executed each of these queries."""
    ways = []
    before = await rich.gateway.executions()
    for query in queries:
        await rich.gateway.gql(query, token=token)
        after = await rich.gateway.executions()
        ways += list((after - before).elements())
        before = after
    return ways


async def test_an_operation_is_planned_when_it_comes_again(rich: Rich) -> None:
    token = rich.world.token("biller")
    assert await _ways(rich, [LIST, LIST, LIST], token) == ["core", "plan", "plan"]
    assert await _ways(rich, [LIST, LIST], rich.world.token("reviewer")) == ["core", "plan"]


async def test_callers_with_the_same_permissions_have_one_plan(rich: Rich) -> None:
    query = "{ invoices(first: 5) { nodes { id } } }"
    other = rich.gateway.token("finance", providers=["7654321"])
    assert await _ways(rich, [query], rich.world.token("finance")) == ["core"]
    assert await _ways(rich, [query], other) == ["plan"]


async def test_each_value_of_a_condition_has_its_plan(rich: Rich) -> None:
    gateway, token = rich.gateway, rich.world.token("biller")
    query = "query($more: Boolean!) { me { subject roles @include(if: $more) } }"
    before = await gateway.executions()
    found = [
        set((await gateway.gql(query, {"more": more}, token=token)).data["me"]) for more in (True, True, False, False)
    ]
    assert await gateway.executions() - before == {"core": 2, "plan": 2}
    assert found == [{"subject", "roles"}] * 2 + [{"subject"}] * 2


async def test_a_caller_whose_emergency_might_open_a_field_has_no_plan(rich: Rich) -> None:
    nurse = rich.gateway.token("front_desk", providers=[rich.world.provider], sub=nurse_of(rich.world))
    query = f'{{ claim(id: "{rich.ids["claim"]}") {{ items {{ code }} }} }}'
    assert await _ways(rich, [query] * 3, nurse) == ["core"] * 3
    assert len((await rich.gateway.gql(query, token=nurse)).data["claim"]["items"]) == 2
    assert await _ways(rich, ["{ claims { nodes { id status } } }"] * 2, nurse) == ["core", "plan"]


async def test_a_failure_that_nulls_an_object_falls_back(rich: Rich) -> None:
    query = f'{{ claim(id: "{rich.ids["claim"]}") {{ id history(after: "x") {{ totalCount }} }} }}'
    token = rich.world.token("biller")
    assert await _ways(rich, [query] * 2, token) == ["core", "fallback"]
    body = (await rich.gateway.gql(query, token=token)).body
    assert (body["data"], [each["path"] for each in body["errors"]]) == ({"claim": None}, [["claim", "history"]])


async def test_nothing_that_was_begun_is_left_when_a_plan_gives_up(rich: Rich) -> None:
    """A coroutine that is never awaited would be a warning, and an error of this test run."""
    nurse = rich.gateway.token("front_desk", providers=[rich.world.provider], sub=nurse_of(rich.world))
    query = f'{{ claims {{ totalCount }} node(id: "{rich.ids["claim"]}") {{ ... on Claim {{ clinicalIndication }} }} }}'
    ways = await _ways(rich, [query] * 3, nurse)
    gc.collect()
    assert ways == ["core", "fallback", "fallback"]
