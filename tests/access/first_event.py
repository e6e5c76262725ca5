"""The first event of a stream, for those who should get none."""

import asyncio
import json
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

from tests.gateway import Gateway

PATIENCE: ContextVar[float] = ContextVar("PATIENCE", default=1.0)
"""By how much the waiting for an event is longer than usual."""


async def first_event(
    gateway: Gateway, token: str, body: dict[str, Any], *, seconds: float = 0.15, begun: asyncio.Event | None = None
) -> Any:
    """The data of the event; None if nothing comes within the time. `begun` is set when the stream begins."""
    headers = {"authorization": f"Bearer {token}", "accept": "text/event-stream"}
    heard: list[Any] = []
    stream = gateway.client.stream("POST", "/graphql", json=body, headers=headers, timeout=None)
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds * PATIENCE.get()), stream as answer:
            async for line in answer.aiter_lines():
                if line.startswith("data: "):
                    heard.append(json.loads(line.removeprefix("data: ")).get("data"))
                    # The first message is the cursor from which the stream starts.
                    if len(heard) == 2:
                        break
                    if begun is not None:
                        begun.set()
    return heard[1] if len(heard) == 2 else None
