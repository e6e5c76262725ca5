"""The process whose relay leads is killed while eight writers pay: nothing is lost, nothing out of order."""

import asyncio
import time
from pathlib import Path

from tests.faults.clients import Payer, Subscriber, TopicReader, paying, watched_by
from tests.faults.history import Observers, check, read_truth
from tests.faults.processes import Fleet
from tests.faults.stage import invoices, staged
from tests.faults.waiting import all_published, until
from tests.figures import Figures, assert_within
from tests.gateway import server_settings
from tests.length import scaled
from tests.services import Services

KILLS = scaled(full=5, short=2)


async def _kill_leader(fleet: Fleet) -> float:
    """Kill it, and start it again when another one leads; how long the others needed."""
    leader = await fleet.leader()
    began = time.monotonic()
    leader.kill()
    await fleet.leader()
    seconds = time.monotonic() - began
    await leader.start()
    return seconds


async def test_killed_leaders_lose_nothing_and_are_replaced_at_once(
    services: Services, tmp_path: Path, figures: Figures
) -> None:
    settings = await server_settings(tmp_path, services)
    async with staged(settings, processes=3) as fleet:
        bills = await invoices(fleet, 8)
        payer = Payer(fleet)
        reader = TopicReader(services.kafka.url, settings.events_topic)
        subscriber = Subscriber(fleet, fleet.token("finance"))
        takeovers = []
        async with watched_by(reader, subscriber):
            async with paying(payer, bills, writers=8):
                for _ in range(KILLS):
                    await asyncio.sleep(0.5)
                    takeovers.append(await _kill_leader(fleet))
            await all_published(fleet.database)
            truth = await read_truth(fleet.database)
            await until(lambda: len({event.event_id for event in reader.seen}) >= len(truth.log))
            await until(lambda: len(subscriber.told) >= len(truth.ledger))
    assert check(payer.history, truth, Observers([reader.seen], [subscriber.told])) == []
    assert_within(2, slowest_takeover=max(takeovers))
    assert len(truth.ledger) >= 50
    figures(
        kills=KILLS,
        payments=len(truth.ledger),
        events=len(truth.log),
        slowest_takeover_seconds=max(takeovers),
        lost=0,
        out_of_order=0,
    )
