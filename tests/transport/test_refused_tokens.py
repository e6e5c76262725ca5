"""Refused tokens are counted by address, and shut out nobody whose token was accepted before."""

import json
import math
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.gateway import Gateway, embedded_settings, running_gateway

ME = "{ me { subject } }"
BURST = 3


@pytest.fixture
async def strict(tmp_path: Path) -> AsyncIterator[Gateway]:
    settings = embedded_settings(tmp_path, refused_tokens_per_second=0.01, refused_tokens_burst=BURST)
    async with running_gateway(settings) as gateway:
        yield gateway


def _token(gateway: Gateway, subject: str) -> str:
    return gateway.token("finance", sub=subject, providers=["*"])


def _forged(gateway: Gateway, number: int) -> str:
    """A token of the right form with a wrong signature, each with another one."""
    head, _, _signature = _token(gateway, f"forged-{number}").rpartition(".")
    return f"{head}.{'A' * 86}"


async def _statuses(gateway: Gateway, *tokens: str) -> list[int]:
    return [(await gateway.gql(ME, token=token)).status for token in tokens]


def _waits(began: float) -> range:
    """A hundred seconds for a refusal, less what has passed since the first one: that is nothing on a quiet machine."""
    return range(100 - math.ceil(time.monotonic() - began), 101)


async def test_after_too_many_refusals_new_tokens_wait_and_known_ones_work_on(strict: Gateway) -> None:
    known = _token(strict, "known")
    forged = [_forged(strict, number) for number in range(BURST + 2)]
    assert await _statuses(strict, known) == [200]
    began = time.monotonic()
    assert await _statuses(strict, *forged[:BURST]) == [401] * BURST
    refused = await strict.gql(ME, token=forged[BURST])
    assert (refused.status, refused.codes) == (429, ["RATE_LIMITED"])
    assert int(refused.headers["retry-after"]) in _waits(began)
    assert await _statuses(strict, forged[BURST + 1], _token(strict, "new"), known) == [429, 429, 200]
    assert (await strict.gql("{ __typename }")).status == 200


async def test_a_client_that_repeats_one_refused_token_uses_up_nothing_of_its_address(strict: Gateway) -> None:
    broken = _forged(strict, 0)
    assert await _statuses(strict, *[broken] * (BURST + 2)) == [401] * (BURST + 1) + [429]
    assert await _statuses(strict, _token(strict, "new"), _forged(strict, 1), broken) == [200, 401, 429]


async def test_a_socket_is_closed_with_the_code_of_the_rate(strict: Gateway) -> None:
    began = time.monotonic()
    await _statuses(strict, *[_forged(strict, number) for number in range(BURST + 1)])
    address = strict.url.replace("http://", "ws://") + "/graphql"
    async with connect(address, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket:
        payload = {"authorization": f"Bearer {_forged(strict, 9)}"}
        await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4429
    assert closed.value.rcvd.reason in {f"too many requests, try again in {wait} s" for wait in _waits(began)}
