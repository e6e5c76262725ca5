"""Requests on the short way that are cut off in the middle of whatever they do: an answer is the caller's own rows or
an error, what a mutation has begun is there once or not at all, and what is asked afterwards is answered rightly."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from app.transport.pipeline import Pipeline
from tests.factories import CONSULTATION, World, new_world
from tests.figures import Figures
from tests.gateway import Gateway, running_gateway, server_settings, with_driver
from tests.inputs import shaped
from tests.length import scaled
from tests.services import Services

REQUESTS = scaled(full=10_000, short=300)
AT_ONCE = 16
CLAIMS = 8
SECONDS_MAX = 0.03
"""With sixteen at once, a request takes about half of that; every third has all the time that it needs."""
ONE = (
    """query($id: ID!) { claim(id: $id) { id claimedAmount items { totalAmount } patient { id } payer { ansCode } } }"""
)
MANY = "query($ids: [ID!]!) { nodes(ids: $ids) { id ... on Claim { claimedAmount items { totalAmount } } } }"
CREATE = """mutation($input: CreateClaimInput!) { createClaim(input: $input) {
  errors { code message } replayed claim { providerClaimNumber } } }"""
CUT_OFF = {"TIMEOUT", "UNAVAILABLE"}


@pytest.fixture(scope="module", params=("asyncmy", "aiomysql"))
async def gateway(
    request: pytest.FixtureRequest, services: Services, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gateway]:
    """A gateway with each driver."""
    settings = await server_settings(tmp_path_factory.mktemp("cut"), services, events_url="memory://")
    async with running_gateway(with_driver(settings, request.param)) as found:
        yield found


@contextmanager
def _hurried(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Most operations of the block have little time, each another one."""
    in_time: Any = Pipeline._in_time

    async def hurried(pipeline: Pipeline, *work: Any) -> Any:
        seconds = random.uniform(0, SECONDS_MAX) if random.random() < 2 / 3 else work[-1]
        return await in_time(pipeline, *work[:-1], seconds)

    with monkeypatch.context() as patch:
        patch.setattr(Pipeline, "_in_time", hurried)
        yield


async def _reads(world: World) -> list[tuple[str, dict[str, Any], Any]]:
    """Queries with their variables, and what they answer when there is time."""
    ids = []
    for number in range(CLAIMS):
        created = await world.create_claim(items=[{**CONSULTATION, "unitPrice": f"{100 + number}.00"}])
        ids.append(created["claim"]["id"])
    asked = [(ONE, {"id": each}) for each in ids] + [(MANY, {"ids": ids[number:]}) for number in range(CLAIMS)]
    return [(query, variables, await world.call("biller", query, **variables)) for query, variables in asked]


async def test_no_answer_is_that_of_a_request_that_was_cut_short(
    gateway: Gateway, short: list[bool], figures: Figures, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, counts = await new_world(gateway), Counter[str]()
    reads = await _reads(world)

    async def asked() -> None:
        query, variables, right = random.choice(reads)
        answer = await gateway.gql(query, variables, token=world.token("biller"))
        if answer.codes:
            assert set(answer.codes) <= CUT_OFF, answer.body
            counts["cut off"] += 1
        else:
            counts["right" if answer.body["data"] == right else "wrong"] += 1

    async def some() -> None:
        for _ in range(REQUESTS // AT_ONCE):
            await asked()

    short.clear()
    with _hurried(monkeypatch):
        await asyncio.gather(*[some() for _ in range(AT_ONCE)])
    figures(**counts, short=sum(short))
    assert counts["wrong"] == 0
    assert min(counts["right"], counts["cut off"]) > REQUESTS / 10
    assert short == [True] * (REQUESTS // AT_ONCE * AT_ONCE)
    for query, variables, right in reads:
        assert await world.call("biller", query, **variables) == right


async def test_a_mutation_that_was_cut_short_is_done_once(
    gateway: Gateway, figures: Figures, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sent again with its key until it is answered, it gives one claim of its own number."""
    world, counts = await new_world(gateway), Counter[str]()
    await world.create_claim()

    async def created() -> None:
        values = world.claim_input()
        given = {"input": shaped("createClaim", values)}
        while (answer := await gateway.gql(CREATE, given, token=world.token("biller"))).codes:
            assert set(answer.codes) <= CUT_OFF, answer.body
            counts["cut off"] += 1
        payload = answer.body["data"]["createClaim"]
        assert payload["claim"] == {"providerClaimNumber": values["providerClaimNumber"]}
        counts["replayed" if payload["replayed"] else "done"] += 1

    with _hurried(monkeypatch):
        await asyncio.gather(*[created() for _ in range(REQUESTS // 10)])
    figures(**counts)
    found = await world.call("biller", "{ claims { totalCount } }")
    assert found["claims"]["totalCount"] == 1 + REQUESTS // 10
    assert counts["cut off"] > 0
