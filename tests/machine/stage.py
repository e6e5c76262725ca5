"""Where the machine plays: a gateway on real servers in a thread of its own, driven by plain blocking calls."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pymysql
from pymysql.cursors import DictCursor
from sqlalchemy.engine import make_url

from tests.factories import World, new_world
from tests.gateway import LIMITS, Gateway, running_gateway, server_settings
from tests.services import Services

Result = TypeVar("Result")
STRANGER_PROVIDER = "9999999"


class Stage:
    """The running gateway, its clock, and a window onto its database that knows nothing of the gateway's code."""

    def __init__(self, gateway: Gateway, loop: asyncio.AbstractEventLoop) -> None:
        self.gateway = gateway
        self.days = 0
        self._loop = loop
        self._client = httpx.Client(base_url=gateway.url, timeout=30, limits=LIMITS)
        url = make_url(gateway.settings.database)
        self.rows = pymysql.connect(
            host=url.host,
            port=url.port or 3306,
            user=url.username,
            password=url.password or "",
            database=url.database,
            autocommit=True,
            cursorclass=DictCursor,
        )

    def close(self) -> None:
        """Give back what was opened."""
        self._client.close()
        self.rows.close()

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """The result of something that belongs to the gateway's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=60)

    def world(self) -> World:
        """Parties of this example's own."""
        return self.run(new_world(self.gateway))

    def sweep(self) -> int:
        """One round of the deadlines, at the stage's time."""
        return self.run(self.gateway.sweep())

    def call(self, token: str, query: str, **variables: Any) -> dict[str, Any]:
        """The data of an operation that must not fail."""
        body = {"query": query, "variables": variables}
        answer = self._client.post("/graphql", json=body, headers={"authorization": f"Bearer {token}"}).json()
        assert "errors" not in answer, (query, variables, answer["errors"])
        data: dict[str, Any] = answer["data"]
        return data

    def upload(self, token: str, content: bytes) -> str:
        """The id of the stored document."""
        headers = {"authorization": f"Bearer {token}", "content-type": "text/csv"}
        answer = self._client.post("/documents", content=content, headers=headers)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def select(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """Rows as they are in the database now."""
        with self.rows.cursor() as cursor:
            cursor.execute(query, values)
            return list(cursor.fetchall())


@contextmanager
def staged(directory: Path, services: Services) -> Iterator[Stage]:
    """A stage, until the block ends."""
    loop = asyncio.new_event_loop()
    ready: threading.Event = threading.Event()
    done = asyncio.Event()
    found: list[Stage] = []

    async def serve() -> None:
        settings = await server_settings(directory, services, sweep_interval_seconds=86_400)
        async with running_gateway(settings, clock=lambda: _time(found)) as gateway:
            found.append(Stage(gateway, loop))
            ready.set()
            await done.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    assert ready.wait(timeout=120), "the gateway did not start"
    try:
        yield found[0]
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join(timeout=30)
        found[0].close()
        loop.close()


def _time(found: list[Stage]) -> datetime:
    days = found[0].days if found else 0
    return datetime.now(UTC) + timedelta(days=days)
