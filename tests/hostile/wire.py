"""Requests byte by byte, as no library would send them, and what a gateway process pays for them."""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.faults.processes import GatewayProcess

SECONDS = 6.0
ACCEPT = b"accept: application/graphql-response+json\r\n"
JSON = b"content-type: application/json\r\n"


@dataclass(frozen=True)
class Answered:
    """A status with the code of its first error; 0 for a connection that was ended without an answer."""

    status: int
    code: str | None = None
    text: str = ""


def cpu_seconds(process: GatewayProcess) -> float:
    """User and system time of the process so far, from the kernel's clock of it (as clock_getcpuclockid names it)."""
    return time.clock_gettime((~process.pid << 3) | 2)


def post(body: bytes, *headers: bytes, length: int | None = None, media: bytes = JSON) -> bytes:
    """A POST of this body; `length` is what it says of its length."""
    announced = b"content-length: %d\r\n" % (len(body) if length is None else length)
    more = b"".join(header + b"\r\n" for header in headers)
    return (
        b"POST /graphql HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\n"
        + ACCEPT
        + media
        + announced
        + more
        + b"\r\n"
        + body
    )


def get(query_string: bytes, *headers: bytes) -> bytes:
    """A GET with this query string."""
    more = b"".join(header + b"\r\n" for header in headers)
    return (
        b"GET /graphql?"
        + query_string
        + b" HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\n"
        + ACCEPT
        + more
        + b"\r\n"
    )


async def answer(process: GatewayProcess, parts: Sequence[bytes], *, pause_seconds: float = 0.0) -> Answered:
    """Send the parts one after the other, then read to the end; TimeoutError after some seconds."""
    async with asyncio.timeout(SECONDS):
        reader, writer = await asyncio.open_connection("127.0.0.1", process.settings.port)
        try:
            with suppress(ConnectionError):
                for part in parts:
                    writer.write(part)
                    await writer.drain()
                    await asyncio.sleep(pause_seconds)
            return _answered(await _read(reader))
        finally:
            writer.close()


async def _read(reader: asyncio.StreamReader) -> bytes:
    found = b""
    with suppress(ConnectionError):
        while chunk := await reader.read(65_536):
            found += chunk
            head, _, body = found.partition(b"\r\n\r\n")
            lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            if lengths and len(body) >= int(lengths[0].partition(b":")[2]):
                break
    return found


def _answered(text: bytes) -> Answered:
    if not text:
        return Answered(0)
    head, _, body = text.partition(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1])
    return Answered(status, _code(body), text.decode(errors="replace"))


def _code(body: bytes) -> str | None:
    try:
        found: Any = json.loads(body)
        code: str = found["errors"][0]["extensions"]["code"]
    except (ValueError, KeyError, TypeError):
        return None
    return code


async def spoken(
    process: GatewayProcess,
    frames: Sequence[str | bytes],
    token: str | None,
    *,
    enough: Callable[[list[Any]], bool] = lambda _told: False,
) -> tuple[int | None, list[Any]]:
    """Send frames over a socket, after an initialisation if there is a token: the close code, or None while it stays
    open, and the messages. `enough` says when all that must come is there; what comes soon after it is added."""
    told: list[Any] = []
    address = process.url.replace("http://", "ws://") + "/graphql"
    async with connect(address, subprotocols=[Subprotocol("graphql-transport-ws")], close_timeout=1) as socket:
        with suppress(ConnectionClosed):
            if token is not None:
                await socket.send(json.dumps({"type": "connection_init", "payload": {"authorization": token}}))
                assert json.loads(await socket.recv())["type"] == "connection_ack"
            for frame in frames:
                await socket.send(frame)
        with suppress(TimeoutError, ConnectionClosed):
            async with asyncio.timeout(SECONDS):
                while not enough(told):
                    told.append(json.loads(await socket.recv()))
            async with asyncio.timeout(0.25):
                while True:
                    told.append(json.loads(await socket.recv()))
        return socket.close_code, told
