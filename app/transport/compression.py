"""Compressed answers: which of them, by which coding, and where the work is done.

Only an answer to a request with an `Authorization` header is compressed. The length of a compressed answer depends on
how much of what a caller chose (aliases, searches) is repeated in what is secret (BREACH), and so may tell an observer
of the network about data of somebody whom they can make send requests. A page of another site cannot send this header;
it can make a browser send a client certificate, so callers who are known by a certificate alone get plain answers.
Event streams are never compressed: their events have to leave at once, and one by one.
"""

import asyncio
import sys
import zlib
from collections.abc import Callable
from functools import lru_cache
from typing import Final

import brotli
from starlette.datastructures import Headers
from starlette.responses import Response

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

BYTES_MIN: Final = 1024
# Half a millisecond, measured; larger answers are compressed in a thread, so that nobody waits for them.
LOOP_BYTES_MAX: Final = 64 * 1024


def _gzip(body: bytes) -> bytes:
    encoder = zlib.compressobj(level=5, wbits=31)
    return encoder.compress(body) + encoder.flush()


def _brotli(body: bytes) -> bytes:
    found: bytes = brotli.compress(body, quality=4)
    return found


def _zstd(body: bytes) -> bytes:
    return zstd.compress(body, level=3)


CODINGS: Final[dict[str, Callable[[bytes], bytes]]] = {"zstd": _zstd, "br": _brotli, "gzip": _gzip}
"""Content codings, the cheapest for its size first: that one is used where a client likes several equally well."""


async def compress(response: Response, request: Headers) -> None:
    """Encode the response's body as its request accepts it, or leave it as it is."""
    if "authorization" not in request or len(response.body) <= BYTES_MIN:
        return
    response.headers.add_vary_header("Accept-Encoding")
    coding = preferred(request.get("accept-encoding", ""))
    if coding is None:
        return
    response.body = await encoded(bytes(response.body), coding)
    response.headers["content-encoding"] = coding
    response.headers["content-length"] = str(len(response.body))


async def encoded(body: bytes, coding: str) -> bytes:
    """The body in this coding."""
    encode = CODINGS[coding]
    return encode(body) if len(body) <= LOOP_BYTES_MAX else await asyncio.to_thread(encode, body)


@lru_cache(maxsize=256)
def preferred(accept_encoding: str) -> str | None:
    """The coding of the highest weight in Accept-Encoding; None if the plain body is preferred or nothing is named.

    `*` stands for every coding that is not named: "gzip;q=0.5, *;q=0.8" prefers zstd, "br, gzip;q=0" gives br.
    """
    weights = dict(_weighted(part) for part in accept_encoding.lower().split(",") if part.strip())
    rest = weights.get("*", 0.0)
    best = max(CODINGS, key=lambda coding: weights.get(coding, rest))
    weight = weights.get(best, rest)
    return best if weight > 0 and weight >= weights.get("identity", 0.0) else None


def _weighted(part: str) -> tuple[str, float]:
    """A coding and its weight, 0 to 1; what is not a number is 0."""
    name, *parameters = (piece.strip() for piece in part.split(";"))
    given = [piece.removeprefix("q=") for piece in parameters if piece.startswith("q=")]
    try:
        return name, min(max(0.0, float(given[0])), 1.0) if given else 1.0
    except ValueError:
        return name, 0.0
