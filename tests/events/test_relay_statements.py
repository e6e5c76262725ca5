"""What a batch costs the relay at the database, and that a leader that has lost its lease changes nothing."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import leadership
from app.db.clock import process_time as now
from app.db.engine import Database
from app.db.event_tables import leases
from app.db.leadership import Lease
from app.db.outbox import OutboxRecord
from app.db.tables import outbox
from app.events.lead import GONE_SECONDS, LEASE_NAME, Lead, LeadLost, session
from app.events.publishing import Publisher, PublishFailed
from app.runtime.build import database_of
from app.telemetry.metrics import Metrics
from tests.events.test_parking import GOOD, raw, record
from tests.faults.stage import prepare
from tests.faults.waiting import until, until_true
from tests.figures import Figures
from tests.gateway import server_settings
from tests.services import Services


class Sent:
    """A transport that stores the ids and positions that it gets, after something that happens meanwhile."""

    def __init__(self) -> None:
        self.events: list[tuple[str, int | None]] = []
        self.meanwhile: Callable[[], Awaitable[None]] | None = None

    async def publish(self, rows: Sequence[OutboxRecord]) -> None:
        self.events += [(row.event_id, row.position) for row in rows]
        if self.meanwhile is not None:
            await self.meanwhile()

    async def close(self) -> None:
        """Nothing to close."""


class Leader(SimpleNamespace):
    """A leader of an empty outbox without a gateway: nothing renews its lease but what it does."""

    database: Database
    connection: AsyncConnection
    lead: Lead
    sent: Sent
    publisher: Publisher

    async def questions(self) -> int:
        """How many statements its session has sent, with this one."""
        found = await self.connection.execute(text("SHOW SESSION STATUS LIKE 'Questions'"))
        return int(found.one()[1])

    async def cost(self, *, publishes: bool) -> int:
        """The statements of one round, COMMIT included."""
        before = await self.questions()
        await self.connection.rollback()
        between = await self.questions()
        await self.connection.rollback()
        assert await self.publisher.publish_batch(self.connection) is publishes
        return await self.questions() - between - (between - before)

    async def rows(self) -> list[tuple[int | None, bool]]:
        """Each event's position, and whether it is marked as published."""
        async with self.database.reading() as connection:
            found = await connection.execute(select(outbox.c.position, outbox.c.published_at).order_by(outbox.c.id))
            return [(position, published is not None) for position, published in found.all()]

    async def lose(self) -> None:
        """Let another process take the lease."""

        async def work(connection: AsyncConnection) -> None:
            taken = update(leases).where(leases.c.name == LEASE_NAME)
            await connection.execute(taken.values(epoch=leases.c.epoch + 1, renewed_at=now()))

        await self.database.transact(work)


@pytest.fixture
async def leader(services: Services, tmp_path: Path) -> AsyncIterator[Leader]:
    settings = await server_settings(tmp_path, services)
    await prepare(settings)
    database = database_of(settings)
    async with session(database) as connection:
        lead, sent = Lead(), Sent()
        assert await lead.take(connection) is not None  # nobody has ever led: the lease is made first
        assert await lead.take(connection) is None
        publisher = Publisher(database, sent, metrics=Metrics(), now=now, lead=lead)
        yield Leader(database=database, connection=connection, lead=lead, sent=sent, publisher=publisher)
    await database.dispose()


async def test_a_batch_costs_three_statements_whatever_its_size_and_a_look_costs_one(
    leader: Leader, figures: Figures
) -> None:
    costs = [await leader.cost(publishes=False)]
    for size in (1, 50, 200):
        await record(leader.database, *[raw(f"inv_{number % 7}") for number in range(size)])
        costs.append(await leader.cost(publishes=True))
    assert costs == [1, 3, 3, 3]
    assert await leader.rows() == [(position, True) for position in range(1, 252)]
    assert [position for _, position in leader.sent.events] == list(range(1, 252))
    figures(statements_of_a_look=costs[0], statements_of_1_event=costs[1], statements_of_200_events=costs[3])


async def test_events_beyond_one_batch_and_beside_events_that_are_held_back_have_the_same_positions(
    leader: Leader,
) -> None:
    bad = [raw("inv_bad", data="{"), *[raw("inv_bad", data=GOOD) for _ in range(220)]]
    good = [raw(f"inv_{number % 3}") for number in range(230)]
    await record(leader.database, *[event for pair in zip(bad, good, strict=False) for event in pair], *good[221:])
    rounds = 0
    while await leader.publisher.publish_batch(leader.connection):
        rounds += 1
    assert rounds == 2
    assert leader.sent.events == [(event.event_id, position) for position, event in enumerate(good, start=1)]


async def test_a_leader_whose_lease_was_taken_numbers_nothing_and_sends_nothing(leader: Leader) -> None:
    await record(leader.database, raw("inv_a"))
    await leader.lose()
    assert leader.lead.may_send()
    with pytest.raises(LeadLost):
        await leader.publisher.publish_batch(leader.connection)
    assert (await leader.rows(), leader.sent.events, leader.lead.may_send()) == ([(None, False)], [], False)


async def test_a_leader_whose_lease_is_taken_while_it_sends_marks_nothing(leader: Leader) -> None:
    await record(leader.database, raw("inv_a"))
    leader.sent.meanwhile = leader.lose
    with pytest.raises(LeadLost):
        await leader.publisher.publish_batch(leader.connection)
    assert [position for _, position in leader.sent.events] == [1]
    assert await leader.rows() == [(1, False)]
    with pytest.raises(LeadLost):
        leader.lead.check()


async def test_what_a_leader_writes_renews_its_lease(leader: Leader) -> None:
    before = await _renewed_at(leader)
    await record(leader.database, raw("inv_a"))
    assert await leader.publisher.publish_batch(leader.connection) is True
    numbered_and_marked = await _renewed_at(leader)
    assert numbered_and_marked > before


async def test_a_follower_looks_again_when_the_lease_may_be_free(leader: Leader) -> None:
    follower = Lead()
    async with session(leader.database) as connection:
        assert await leadership.show_session(leader.connection, Lease(LEASE_NAME, 1))
        seconds = await follower.take(connection)
        assert seconds is not None
        assert 0.05 <= seconds <= 0.5
        # The leader's session ends: it is replaced after `GONE_SECONDS` and not later.
        await leader.connection.invalidate()
        waited = 0.0
        while (seconds := await follower.take(connection)) is not None:
            waited += seconds
            await asyncio.sleep(seconds)
    assert waited <= GONE_SECONDS + 0.05


async def test_a_leader_shows_its_session_once_that_of_a_stopped_one_has_ended(leader: Leader) -> None:
    async with session(leader.database) as stopped:
        # A stopped process keeps its session for up to thirty seconds.
        assert await leadership.show_session(stopped, Lease(LEASE_NAME, 0))
        before = await _shown_by(leader)
        renewed_at = await _renewed_at(leader)
        async with leader.lead.renewed(leader.database):

            async def is_renewed() -> bool:
                return await _renewed_at(leader) > renewed_at  # type: ignore[no-any-return]

            async def shows_its_own() -> bool:
                return await _shown_by(leader) not in {None, before}

            await until_true(is_renewed)
            assert await _shown_by(leader) == before
            await stopped.invalidate()
            await until_true(shows_its_own)


async def _shown_by(leader: Leader) -> int | None:
    """The number of the session that shows that the leader is there."""
    name = f"billing.{LEASE_NAME}.{leader.database.engine.url.database}"
    async with leader.database.reading() as connection:
        found: int | None = await connection.scalar(select(func.is_used_lock(name)))
        return found


async def test_what_is_sent_again_is_sent_with_a_new_lease(leader: Leader) -> None:
    may_send: list[bool] = []

    async def fails_once() -> None:
        may_send.append(leader.lead.may_send())
        if len(may_send) == 1:
            raise ConnectionError

    leader.sent.meanwhile = fails_once
    await record(leader.database, raw("inv_a"))
    with pytest.raises(PublishFailed):
        await leader.publisher.publish_batch(leader.connection)
    await until(lambda: not leader.lead.may_send())
    assert await leader.publisher.publish_batch(leader.connection) is True
    assert (may_send, await leader.rows()) == ([True, True], [(1, True)])


async def _renewed_at(leader: Leader) -> Any:
    async with leader.database.reading() as connection:
        return (await connection.execute(select(leases.c.renewed_at).where(leases.c.name == LEASE_NAME))).scalar_one()
