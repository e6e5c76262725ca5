"""Answers are compressed as Accept-Encoding weighs the codings, never on the loop for long, and never for ambient
credentials."""

import asyncio
import gzip
import json
import sys
from typing import Any

import brotli
import httpx
import pytest
from starlette.datastructures import Headers
from starlette.responses import Response

from app.transport.compression import BYTES_MIN, CODINGS, LOOP_BYTES_MAX, compress, preferred
from tests.factories import World
from tests.figures import Figures, assert_within
from tests.loop_time import measured

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

DECODERS: dict[str, Any] = {"gzip": gzip.decompress, "br": brotli.decompress, "zstd": zstd.decompress}
QUERY = "{ tussTerms(first: 100) { nodes { codeSystem code term validFrom validTo } } }"
ACCEPTED = [
    ("gzip, deflate, br, zstd", "zstd"),
    ("gzip, deflate, br", "br"),
    ("gzip", "gzip"),
    ("GZIP;q=0.9, br;q=0.5", "gzip"),
    ("gzip;q=0.5, *;q=0.8", "zstd"),
    ("br, gzip;q=0", "br"),
    ("*", "zstd"),
    ("*;q=0.1, zstd;q=0", "br"),
    ("identity, gzip;q=0.5", None),
    ("identity;q=0.5, gzip;q=0.5", "gzip"),
    ("identity;q=0", None),
    ("gzip;q=0", None),
    ("gzip;q=nan", None),
    ("deflate, compress", None),
    ("", None),
]


@pytest.mark.parametrize(("accept_encoding", "coding"), ACCEPTED)
def test_the_coding_follows_the_weights(accept_encoding: str, coding: str | None) -> None:
    assert preferred(accept_encoding) == coding


@pytest.mark.parametrize("coding", CODINGS)
async def test_an_answer_is_the_same_in_every_coding(server_world: World, coding: str) -> None:
    headers = {"authorization": f"Bearer {server_world.token('biller')}", "accept-encoding": "identity"}
    async with httpx.AsyncClient(base_url=server_world.gateway.url) as client:
        plain = await client.post("/graphql", json={"query": QUERY}, headers=headers)
        headers["accept-encoding"] = coding
        async with client.stream("POST", "/graphql", json={"query": QUERY}, headers=headers) as answer:
            body = b"".join([chunk async for chunk in answer.aiter_raw()])
    assert (answer.headers["content-encoding"], answer.headers["content-length"]) == (coding, str(len(body)))
    assert (answer.headers["vary"], plain.headers["vary"]) == ("Accept-Encoding, Origin",) * 2
    assert "content-encoding" not in plain.headers
    assert json.loads(DECODERS[coding](body))["data"] == plain.json()["data"]
    assert len(body) < len(plain.content) / 3


@pytest.mark.parametrize(
    ("size", "headers", "coding"),
    [
        (BYTES_MIN + 1, {"authorization": "Bearer x", "accept-encoding": "gzip"}, "gzip"),
        (BYTES_MIN, {"authorization": "Bearer x", "accept-encoding": "gzip"}, None),
        (BYTES_MIN + 1, {"authorization": "Bearer x"}, None),
        (BYTES_MIN + 1, {"accept-encoding": "gzip"}, None),
    ],
    ids=["a token", "a short answer", "no coding", "a certificate or nobody"],
)
async def test_only_long_answers_to_a_token_are_compressed(
    size: int, headers: dict[str, str], coding: str | None
) -> None:
    response = Response(b"x" * size)
    await compress(response, Headers(headers))
    assert response.headers.get("content-encoding") == coding


async def test_an_event_stream_is_never_compressed(server_world: World) -> None:
    headers = {"authorization": f"Bearer {server_world.token('biller')}", "accept": "text/event-stream"}
    async with server_world.gateway.client.stream("POST", "/graphql", json={"query": QUERY}, headers=headers) as answer:
        text = (await answer.aread()).decode()
    assert "content-encoding" not in answer.headers
    assert text.startswith("event: next\ndata: {")


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("size", [LOOP_BYTES_MAX, 4 * 1024 * 1024], ids=["on the loop", "in a thread"])
async def test_the_loop_is_never_kept_for_long(coding: str, size: int, figures: Figures) -> None:
    rows = [{"id": f"clm_{number:026d}", "total": f"{number % 977}.{number % 89:02d}"} for number in range(size // 40)]
    response = Response(json.dumps(rows).encode()[:size])
    headers = Headers({"authorization": "Bearer x", "accept-encoding": coding})
    with measured() as turn:
        await asyncio.sleep(0)
        await compress(response, headers)
        await asyncio.sleep(0)
    figures(size=size, milliseconds=turn.longest_milliseconds, compressed=len(response.body))
    assert response.headers["content-encoding"] == coding
    assert_within(5, milliseconds=turn.longest_milliseconds)
