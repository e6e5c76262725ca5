"""A list and then a subscription, with the clients of frontends, while the gateway restarts and is killed: nothing is
missed and nothing comes twice."""

import asyncio
from collections import defaultdict
from pathlib import Path

from tests.factories import key
from tests.faults.clients import Payer
from tests.faults.history import Outcome
from tests.faults.stage import invoices, staged
from tests.gateway import embedded_settings
from tests.stream_clients.node import Script, running

CLIENTS = {"graphql-ws", "graphql-sse", "apollo", "urql"}
PAUSE_MILLISECONDS = 500


async def _settled(payer: Payer, invoice: str, count: int) -> list[str]:
    """Pay so many times; the settlements, in order."""
    done = [await payer.pay(invoice, 100, key()) for _ in range(count)]
    assert {one.outcome for one in done} == {Outcome.OK}
    return [str(one.settlement) for one in done]


async def _heard(script: Script, count: int) -> dict[str, list[str]]:
    """The settlements of the next events, once every client has had so many or more."""
    found: dict[str, list[str]] = defaultdict(list)
    while set(found) != CLIENTS or min(map(len, found.values())) < count:
        said = await script.said()
        found[said["client"]].append(said["id"])
    return found


async def test_list_then_watch_misses_nothing_and_repeats_nothing(tmp_path: Path) -> None:
    settings = embedded_settings(tmp_path, drain_seconds=0.5)
    async with staged(settings) as fleet:
        (process,) = fleet.processes
        payer, invoice = Payer(fleet), (await invoices(fleet, 1))[0]["id"]
        expected = await _settled(payer, invoice, 2)
        options = {"url": process.url, "token": payer.token, "invoice": invoice}
        async with running("watch.mjs", pauseMilliseconds=PAUSE_MILLISECONDS, **options) as script:
            listed = [await script.said() for _ in CLIENTS]
            assert {one["client"]: one["listed"] for one in listed} == dict.fromkeys(CLIENTS, expected[::-1])
            expected += await _settled(payer, invoice, 2)
            heard = await _heard(script, 2)
            expected += await _settled(payer, invoice, 2)
            paying = asyncio.create_task(_settled(payer, invoice, 3))
            assert await process.terminate() == 0
            await process.start()
            expected += await paying
            paying = asyncio.create_task(_settled(payer, invoice, 3))
            process.kill()
            await process.start()
            expected += await paying
            expected += await _settled(payer, invoice, 1)
            for client, more in (await _heard(script, 9)).items():
                heard[client] += more
    assert heard == dict.fromkeys(CLIENTS, expected[2:])
