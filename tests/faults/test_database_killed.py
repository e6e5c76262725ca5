"""MySQL is killed under load and comes back: every acknowledged payment is there, none twice, and work goes on soon."""

import asyncio
import time
from pathlib import Path

from tests.faults.clients import Payer, Subscriber, paying, watched_by
from tests.faults.history import Observers, Outcome, check, read_truth
from tests.faults.stage import invoices, staged
from tests.faults.waiting import all_published, until
from tests.figures import Figures, assert_within
from tests.gateway import server_settings
from tests.length import scaled
from tests.servers.base import Server
from tests.services import Services, start

KILLS = scaled(full=2, short=2)
UNDER_LOAD_SECONDS = scaled(full=5, short=1)


async def _kill_and_restart(mysql: Server, payer: Payer) -> float:
    """How long after its return the first payment was acknowledged."""
    await until(lambda: bool(payer.answered_at))
    await asyncio.to_thread(mysql.kill)
    await asyncio.sleep(1)
    await asyncio.to_thread(mysql.restart)
    back_at = time.monotonic()
    await until(lambda: payer.answered_at[-1] > back_at, seconds=20)
    return next(moment for moment in payer.answered_at if moment > back_at) - back_at


async def test_nothing_acknowledged_is_lost_when_the_database_dies(
    services: Services, tmp_path: Path, figures: Figures
) -> None:
    mysql = await asyncio.to_thread(start, "mysql")
    try:
        own = Services({**services.servers, "mysql": mysql})
        async with staged(await server_settings(tmp_path, own), processes=2) as fleet:
            bills = await invoices(fleet, 4)
            payer, subscriber = Payer(fleet), Subscriber(fleet, fleet.token("finance"))
            pauses = []
            async with watched_by(subscriber):
                async with paying(payer, bills, writers=8):
                    for _ in range(KILLS):
                        await asyncio.sleep(UNDER_LOAD_SECONDS)
                        pauses.append(await _kill_and_restart(mysql, payer))
                await all_published(fleet.database)
                truth = await read_truth(fleet.database)
                await until(lambda: len(subscriber.told) >= len(truth.ledger))
    finally:
        mysql.discard()
    assert check(payer.history, truth, Observers([], [subscriber.told])) == []
    assert_within(3, longest_pause=max(pauses))
    acknowledged = [one for one in payer.history if one.outcome is Outcome.OK]
    assert len(acknowledged) >= 30
    figures(
        kills=KILLS,
        acknowledged=len(acknowledged),
        unknown_at_first=sum(one.outcome is Outcome.UNKNOWN for one in payer.history),
        answered_by_replay=payer.replays,
        slowest_first_success_seconds=max(pauses),
        lost=0,
        doubled=0,
    )
