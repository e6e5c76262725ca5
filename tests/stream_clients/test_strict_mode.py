"""Subscriptions that are completed as soon as they start, as React's strict mode does, by npm `graphql-ws`."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.factories import new_world
from tests.faults.waiting import until
from tests.figures import Figures
from tests.gateway import Gateway, running_gateway, server_settings
from tests.services import Services
from tests.stream_clients.node import running

SOCKETS, ROUNDS = 32, 12
TOKEN_SECONDS = 6
WATCH = "subscription { claimStatusChanged { cursor claim { id } } }"
TERM = '{ tussTerm(codeSystem: "22", code: "10101012") { term } }'


@pytest.fixture
async def limited(tmp_path: Path, services: Services) -> AsyncIterator[Gateway]:
    """A gateway with rate limits in Redis, as in production, so that each operation begins with a command to it."""
    settings = await server_settings(tmp_path, services, rate_per_second=4, rate_burst=1_000, streams_per_subject=1_000)
    async with running_gateway(settings) as gateway:
        yield gateway


@pytest.mark.hostile
async def test_every_socket_still_answers_and_no_subscription_is_left(limited: Gateway, figures: Figures) -> None:
    await new_world(limited)
    options = {"sockets": SOCKETS, "rounds": ROUNDS, "subscription": WATCH, "query": TERM, "patienceSeconds": 10}
    token = limited.token("reviewer")
    async with running("strict_mode.mjs", url=limited.url, token=token, **options) as script:
        said = await script.said()
        # The sockets are still open.
        await until(lambda: limited.parts.hub.subscribers == 0, seconds=5)
        left = limited.parts.metrics.subscribers._value.get()
    figures(**said)
    assert (said, left) == ({"sockets": SOCKETS, "completed": SOCKETS * ROUNDS, "answered": SOCKETS}, 0)


async def test_nothing_lives_longer_than_its_token(limited: Gateway) -> None:
    await new_world(limited)
    token = limited.token("reviewer", lifetime=timedelta(seconds=TOKEN_SECONDS))
    async with running(
        "token_end.mjs", url=limited.url, token=token, sockets=2 * SOCKETS, subscription=WATCH
    ) as script:
        assert await script.said() == {"left": 2 * SOCKETS, "watching": 2 * SOCKETS}
        await until(lambda: limited.parts.hub.subscribers == 2 * SOCKETS, seconds=TOKEN_SECONDS)
        closes = await script.said()
    assert closes == {"4403": 2 * SOCKETS}
    await until(lambda: limited.parts.hub.subscribers == 0, seconds=5)
    assert limited.parts.metrics.subscribers._value.get() == 0
