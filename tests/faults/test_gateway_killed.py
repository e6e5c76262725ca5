"""The gateway is killed in the middle of keyed payments: each has its effect once, and its event once."""

import asyncio
import random
import signal
from pathlib import Path

from app.runtime.settings import Settings
from tests.factories import key
from tests.faults.clients import Payer
from tests.faults.history import Outcome, check, read_truth
from tests.faults.processes import Fleet, GatewayProcess
from tests.faults.stage import invoices, staged
from tests.faults.waiting import all_published
from tests.figures import Figures
from tests.gateway import server_settings
from tests.length import scaled
from tests.services import Services

MUTATIONS = scaled(full=200, short=60)
CALLERS = 6
SHORTEST_LIFE_SECONDS, LONGEST_LIFE_SECONDS = 0.02, 0.08


async def _kill_at_random(fleet: Fleet, ended: asyncio.Event) -> int:
    """Kill the only gateway and start it again, until the event is set; how often."""
    kills = 0
    while not ended.is_set():
        await asyncio.sleep(random.uniform(SHORTEST_LIFE_SECONDS, LONGEST_LIFE_SECONDS))
        fleet.processes[0].kill()
        kills += 1
        await fleet.processes[0].start()
    return kills


async def test_each_of_many_payments_counts_once_however_often_the_gateway_dies(
    services: Services, tmp_path: Path, figures: Figures
) -> None:
    settings = await server_settings(tmp_path, services)
    async with staged(settings) as fleet:
        bills = [bill["id"] for bill in await invoices(fleet, 4)]
        payer, ended = Payer(fleet), asyncio.Event()
        wanted = [(random.choice(bills), random.randint(1, 100), key()) for _ in range(MUTATIONS)]
        waiting = list(wanted)

        async def pay() -> None:
            while waiting:
                await payer.pay(*waiting.pop())

        killing = asyncio.create_task(_kill_at_random(fleet, ended))
        await asyncio.gather(*[pay() for _ in range(CALLERS)])
        ended.set()
        kills = await killing
        payer.replays = 0
        again = [await payer.pay(*each) for each in wanted]
        await all_published(fleet.database)
        truth = await read_truth(fleet.database)
    assert check(payer.history, truth) == []
    assert {one.outcome for one in again} == {Outcome.OK}
    assert payer.replays == MUTATIONS
    assert len(truth.ledger) == MUTATIONS
    assert kills >= 2
    unknown = sum(one.outcome is Outcome.UNKNOWN for one in payer.history)
    figures(mutations=MUTATIONS, kills=kills, unknown_attempts=unknown, effects=len(truth.ledger), doubled=0, lost=0)


async def test_a_death_between_commit_and_answer_is_told_by_the_replay(
    services: Services, tmp_path: Path, figures: Figures
) -> None:
    failpoint = tmp_path / "failpoint"

    def fragile(settings: Settings) -> GatewayProcess:
        return GatewayProcess(settings, module="tests.faults.failpoint", extra={"FAILPOINT": str(failpoint)})

    settings = await server_settings(tmp_path, services)
    async with staged(settings, make=fragile) as fleet:
        bill = (await invoices(fleet, 1))[0]["id"]
        payer, name = Payer(fleet), key()
        failpoint.touch()
        first = await payer._attempt(bill, 4_000, name)
        assert (first.outcome, await fleet.processes[0].ended()) == (Outcome.UNKNOWN, -signal.SIGKILL)
        committed = await read_truth(fleet.database)
        assert [(row.invoice, row.cents) for row in committed.ledger] == [(bill, 4_000)]
        await fleet.processes[0].start()
        told = await payer.pay(bill, 4_000, name)
        await all_published(fleet.database)
        truth = await read_truth(fleet.database)
    assert (told.outcome, told.settlement, payer.replays) == (Outcome.OK, committed.ledger[0].id, 1)
    assert check([*payer.history, first], truth) == []
    figures(effects=len(truth.ledger), told_by_replay=payer.replays)
