"""Example clients that show a list and then what is added to it."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from tests.factories import key
from tests.faults.clients import Payer
from tests.faults.history import Outcome
from tests.stream_clients.node import Script, launched

EXAMPLES = Path(__file__).parents[2] / "docs" / "clients"
SCRIPTS = ("apollo", "apollo-http", "graphql-sse", "graphql-ws", "urql")


class Watcher:
    """A client, and the ids that it shows, newest first."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.ids: list[str] = []

    async def shows(self, count: int) -> list[str]:
        """What it shows once that is so many or more."""
        while len(self.ids) < count:
            said: dict[str, Any] = await self._script.said()
            match said:
                case {"listed": nodes} | {"shown": nodes}:
                    self.ids = [node["id"] for node in nodes]
                case {"added": node}:
                    self.ids.insert(0, node["id"])
                case _:
                    raise AssertionError(said)
        return self.ids


@asynccontextmanager
async def watching(folder: Path, commands: Mapping[str, Sequence[str]]) -> AsyncIterator[dict[str, Watcher]]:
    """The clients by name, each started by its command in the folder."""
    async with AsyncExitStack() as stack:
        yield {
            name: Watcher(await stack.enter_async_context(launched(folder, *command)))
            for name, command in commands.items()
        }


async def settled(payer: Payer, invoice: str, count: int) -> list[str]:
    """Pay so many times; the settlements, in order."""
    done = [await payer.pay(invoice, 100, key()) for _ in range(count)]
    assert {one.outcome for one in done} == {Outcome.OK}
    return [str(one.settlement) for one in done]


def last_line(text: str) -> Any:
    """The value in the last line of what a client printed."""
    return json.loads(text.splitlines()[-1])
