"""Which operations are planned, when, and what a plan leaves to graphql-core."""

import asyncio
import gc
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from app.executor.trials import RESTS
from tests.access.test_audit import entries_of
from tests.access.world import Rich, nurse_of
from tests.factories import key
from tests.gateway import embedded_settings, running_gateway
from tests.inputs import shaped

DATABASE = "billing.db"
LIST = "{ claims(first: 5) { nodes { id items { code } } } }"


@pytest.fixture(scope="module")
async def rich(sqlite_rich: Rich, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rich]:
    """A gateway of its own, with a copy of the world with one of everything, that plans when production does."""
    directory = tmp_path_factory.mktemp("plans")
    await asyncio.to_thread(_copy, sqlite_rich.gateway.settings.var_dir, directory)
    settings = embedded_settings(directory, plans_at_once=False)
    async with running_gateway(settings, is_prepared=True) as gateway:
        yield replace(sqlite_rich, world=replace(sqlite_rich.world, gateway=gateway))


def _copy(source: Path, target: Path) -> None:
    """Keys and database of a gateway that runs."""
    shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns(f"{DATABASE}*"))
    with closing(sqlite3.connect(source / DATABASE)) as found, closing(sqlite3.connect(target / DATABASE)) as copy:
        found.backup(copy)


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


async def test_a_query_of_many_values_is_counted_too(rich: Rich) -> None:
    """More than 300 values are converted in the thread, where graphql-core executes the query."""
    query = "query($filter: ClaimFilterInput) { claims(filter: $filter) { nodes { id } } }"
    before = await rich.gateway.executions()
    for times in (301, 301, 1):
        variables = {"filter": {"status": ["DRAFT"] * times}}
        assert (await rich.gateway.gql(query, variables, token=rich.world.token("biller"))).body["data"] is not None
    assert await rich.gateway.executions() - before == {"core": 3}


async def test_a_caller_whose_emergency_might_open_a_field_has_no_plan(rich: Rich) -> None:
    nurse = rich.gateway.token("front_desk", providers=[rich.world.provider], sub=nurse_of(rich.world))
    query = f'{{ claim(id: "{rich.ids["claim"]}") {{ items {{ code }} }} }}'
    assert await _ways(rich, [query] * 3, nurse) == ["core"] * 3
    assert len((await rich.gateway.gql(query, token=nurse)).data["claim"]["items"]) == 2
    assert await _ways(rich, ["{ claims { nodes { id status } } }"] * 2, nurse) == ["core", "plan"]


NULLED = """query($id: ID!, $cursor: String) {
  claim(id: $id) { id items { code } history(after: $cursor) { totalCount } } }"""
"""With a cursor of another list the claim is null, which its plan leaves to graphql-core."""


async def _nulled(rich: Rich, cursor: str | None, query: str = NULLED) -> tuple[str, str]:
    """What executed the query for the claim with this cursor, and the id of the request."""
    before = await rich.gateway.executions()
    variables = {"id": rich.ids["claim"], "cursor": cursor}
    answer = await rich.gateway.gql(query, variables, token=rich.world.token("biller"))
    assert [each["path"] for each in answer.body.get("errors", [])] == ([["claim", "history"]] if cursor else [])
    assert (answer.body["data"]["claim"] is None) == (cursor is not None)
    (way,) = (await rich.gateway.executions() - before).elements()
    return way, answer.headers["x-request-id"]


async def _nulled_ways(rich: Rich, cursors: list[str | None], query: str = NULLED) -> list[str]:
    return [(await _nulled(rich, each, query))[0] for each in cursors]


async def test_a_plan_that_gives_up_three_times_is_tried_again_after_a_hundred_executions(rich: Rich) -> None:
    assert await _nulled_ways(rich, ["x"] * 4) == ["core", *["fallback"] * 3]
    assert await _nulled_ways(rich, ["x"] * (RESTS + 1)) == [*["core"] * RESTS, "fallback"]
    assert await _nulled_ways(rich, [None] * (RESTS + 2)) == [*["core"] * RESTS, "plan", "plan"]


async def test_a_plan_that_mostly_gets_to_its_end_is_tried_each_time(rich: Rich) -> None:
    ways = await _nulled_ways(rich, [None, *["x", None, "x", None, None] * 10], f"# other\n{NULLED}")
    assert ways == ["core", *["fallback", "plan", "fallback", "plan", "plan"] * 10]


async def test_a_payload_whose_plan_gives_up_three_times_is_left_to_graphql_core(rich: Rich) -> None:
    query = """mutation($input: CreateClaimInput!) {
      createClaim(input: $input) { claim { id history(after: "x") { totalCount } } replayed } }"""
    variables = {"input": shaped("createClaim", rich.world.claim_input(idempotencyKey=key()))}
    before = await rich.gateway.payloads()
    for _ in range(6):
        answer = await rich.gateway.gql(query, variables, token=rich.world.token("biller"))
        assert answer.body["data"]["createClaim"]["claim"] is None
    assert await rich.gateway.payloads() - before == {"core": 3, "fallback": 3}


async def test_what_a_plan_that_gave_up_has_done_is_not_counted(rich: Rich) -> None:
    """It has sent statements for nothing, until it is not tried any more; what is shown is entered once each time."""
    query = NULLED.replace(" claim(", " shown: claim(id: $id) { id patient { name } } claim(")
    ways, sent, requests = [], [], []
    for _ in range(6):
        with rich.gateway.counting() as statements:
            way, request = await _nulled(rich, "x", query)
        ways.append(way)
        sent.append(len(statements))
        requests.append(request)
    assert ways == ["core", *["fallback"] * 3, *["core"] * 2]
    assert sent == [2, *[5] * 3, *[2] * 2]
    for each in requests:
        (logged,) = await entries_of(rich.gateway, each)
        assert (logged.entry.data_classes, len(logged.persons)) == ("HEALTH,PERSONAL", 1)


async def test_nothing_that_was_begun_is_left_when_a_plan_gives_up(rich: Rich) -> None:
    """A coroutine that is never awaited would be a warning, and an error of this test run."""
    nurse = rich.gateway.token("front_desk", providers=[rich.world.provider], sub=nurse_of(rich.world))
    query = f'{{ claims {{ totalCount }} node(id: "{rich.ids["claim"]}") {{ ... on Claim {{ clinicalIndication }} }} }}'
    ways = await _ways(rich, [query] * 5, nurse)
    gc.collect()
    assert ways == ["core", *["fallback"] * 3, "core"]
