"""A list and then a subscription, with the example clients, while their token ends and the gateway restarts and is
killed: nothing is missed and nothing comes twice."""

import asyncio
import time
from datetime import timedelta
from pathlib import Path

from tests.clients.built import BUILDS
from tests.clients.watching import EXAMPLES, SCRIPTS, settled, watching
from tests.faults.clients import Payer
from tests.faults.stage import invoices, staged
from tests.gateway import embedded_settings
from tests.npm import install

TOKEN_SECONDS = 8


async def test_a_client_that_lists_and_watches_misses_nothing_and_repeats_nothing(tmp_path: Path) -> None:
    install(EXAMPLES)
    programs = {name: ["node", f"{name}.mjs"] for name in SCRIPTS}
    programs |= {build.name: build() for build in BUILDS}
    token = tmp_path / "token"
    settings = embedded_settings(tmp_path, drain_seconds=0.5)
    async with staged(settings) as fleet:
        (process,) = fleet.processes
        payer, invoice = Payer(fleet), (await invoices(fleet, 1))[0]["id"]
        expected = await settled(payer, invoice, 2)
        token.write_text(fleet.token("finance", providers=["*"], lifetime=timedelta(seconds=TOKEN_SECONDS)))
        token_ends_at = time.monotonic() + TOKEN_SECONDS
        commands = {name: [*program, f"{process.url}/graphql", str(token)] for name, program in programs.items()}
        commands["single"] = [*commands["graphql-sse"], "single"]
        async with watching(EXAMPLES, commands) as watchers:

            async def all_show() -> None:
                for name, watcher in watchers.items():
                    assert (name, await watcher.shows(len(expected))) == (name, expected[::-1])

            await all_show()
            expected += await settled(payer, invoice, 2)
            await all_show()
            token.write_text(payer.token)
            await asyncio.sleep(max(0, token_ends_at + 1 - time.monotonic()))
            expected += await settled(payer, invoice, 2)
            await all_show()
            paying = asyncio.create_task(settled(payer, invoice, 3))
            assert await process.terminate() == 0
            await process.start()
            expected += await paying
            paying = asyncio.create_task(settled(payer, invoice, 3))
            process.kill()
            await process.start()
            expected += await paying
            expected += await settled(payer, invoice, 1)
            await all_show()
