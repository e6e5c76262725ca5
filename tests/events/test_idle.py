"""What a process costs that nobody uses: it leads, reads the topic, waits for statements and seals the access log."""

import asyncio
import time
from collections import Counter
from pathlib import Path
from typing import Any

from sqlalchemy import event

from app.events.relay import IDLE_SECONDS
from app.runtime.job_worker import LOOK_SECONDS
from tests.faults.waiting import until_true
from tests.figures import Figures, assert_within
from tests.gateway import Gateway, heard, running_gateway, server_settings
from tests.services import Services

REST_SECONDS = 2 * LOOK_SECONDS
"""Two rounds of everything that runs at rest, of which looks for jobs are the rarest; a part of a round is no rate."""
STATEMENTS_PER_SECOND = 4.5
"""2 renew the lease, 0.5 look at the outbox, 0.5 at the log, 0.2 at the access log, 1 for jobs and commits."""


async def test_an_idle_leader_sends_few_statements(services: Services, tmp_path: Path, figures: Figures) -> None:
    async with running_gateway(await server_settings(tmp_path, services)) as gateway:
        await until_true(lambda: _is_at_rest(gateway))
        commits: list[Any] = []
        event.listen(gateway.database.engine.sync_engine, "commit", commits.append)
        with heard(gateway.database) as statements:
            began, cpu = time.monotonic(), time.process_time()
            await asyncio.sleep(REST_SECONDS)
            seconds, cpu = time.monotonic() - began, time.process_time() - cpu
        per_second = _rounds([text for text, _ in statements] + ["commit"] * len(commits)) / seconds
        looks = sum("FROM outbox" in text and "parked_at" in text for text, _ in statements)
        renewals = sum(text.startswith("UPDATE leases") for text, _ in statements)
    figures(idle_statements_per_second=per_second, idle_cpu_percent=cpu / seconds * 100)
    # It does look and renew.
    assert looks >= 2
    assert renewals >= 2
    assert_within(REST_SECONDS / IDLE_SECONDS + 2, looks=looks)
    assert_within(STATEMENTS_PER_SECOND, statements_per_second=per_second)


def _rounds(statements: list[str]) -> int:
    """How often something was done again: the time may hold one more of each statement than there were rounds of it."""
    return sum(max(count - 1, 1) for count in Counter(statements).values())


async def _is_at_rest(gateway: Gateway) -> bool:
    """Whether it reads, and leads: the first clean-up of the log, the next one in a minute, has ended too."""
    reader = gateway.parts.reader
    assert reader is not None
    return reader.is_reading.is_set() and gateway.parts.relay._cleanup_at > 0
