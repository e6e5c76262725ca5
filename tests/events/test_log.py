"""The event log: what it stores and for how long, which cursors are valid in it, and how it is published again."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import ColumnElement, insert, update
from sqlalchemy.ext.asyncio import AsyncConnection
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from app.db import outbox as outbox_db
from app.db.clock import process_time as now
from app.db.engine import Database, run
from app.db.tables import outbox
from app.domain import ids
from app.events import lead
from app.events.contracts import CONTRACTS
from app.runtime.build import database_of
from tests.commands import billing
from tests.events.test_parking import GOOD, at_rest, metrics, on_topic, positions, raw, record
from tests.factories import World, new_world
from tests.faults.stage import prepare
from tests.gateway import Gateway, embedded_settings, running_gateway, server_settings

WATCH = "subscription { settlementRecorded { settlement { amount } } }"
READERS = {"settlementRecorded": "finance", "claimStatusChanged": "reviewer"}
"""Every stream, and a role that may subscribe to it."""
MINUTE = timedelta(minutes=1)
SINCE = datetime.fromisoformat("2026-03-01T10:20:30+00:00")


@pytest.fixture(scope="module", params=["embedded", "servers"])
async def own(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    """A gateway whose log no other module writes to. Its lease is long: a leader that a busy machine stops for most of
    a second repeats what it may have sent, and here every repetition is counted."""
    directory = tmp_path_factory.mktemp("log")
    if request.param == "embedded":
        settings = embedded_settings(directory)
    else:
        settings = await server_settings(directory, request.getfixturevalue("services"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lead, "LEASE_SECONDS", 60.0)
        async with running_gateway(settings) as found:
            yield found


async def _change(gateway: Gateway, chosen: ColumnElement[bool], **values: Any) -> None:
    async def work(connection: AsyncConnection) -> None:
        await connection.execute(update(outbox).where(chosen).values(**values))

    await gateway.database.transact(work)


async def _age(gateway: Gateway, *, up_to: int, by: timedelta) -> None:
    """Let everything up to this position have been published that long ago."""
    chosen = outbox.c.published_at.is_not(None) & (outbox.c.position <= up_to)
    await _change(gateway, chosen, published_at=now() - by)


async def _tidied(gateway: Gateway, expected: list[int]) -> None:
    """Let the relay tidy at once instead of within a minute, and wait until just these positions are left."""
    gateway.parts.relay._cleanup_at = 0.0
    gateway.parts.relay.wake()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(5):
            while await positions(gateway.database) != expected:  # noqa: ASYNC110 - no signal
                await asyncio.sleep(0.02)
    assert await positions(gateway.database) == expected


async def _last(gateway: Gateway) -> int:
    await at_rest(gateway)
    return (await positions(gateway.database))[-1]


async def _first_message(world: World, stream: str, after: str) -> Any:
    """The first message of a subscription after this cursor: a refusal, or where the stream starts."""
    return (await first_messages(world, stream, after, 1))[0]


async def first_messages(world: World, stream: str, after: str, count: int) -> list[Any]:
    """The first messages of a subscription after this cursor; the second one is its first event."""
    query = f'subscription {{ {stream}(after: "{after}") {{ cursor }} }}'
    address = world.gateway.url.replace("http://", "ws://") + "/graphql"
    async with connect(address, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket:
        hello = {"authorization": f"Bearer {world.token(READERS[stream])}"}
        await socket.send(json.dumps({"type": "connection_init", "payload": hello}))
        assert json.loads(await socket.recv())["type"] == "connection_ack"
        await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": query}}))
        async with asyncio.timeout(10):
            return [json.loads(await socket.recv()) for _ in range(count)]


def _refusals(message: Any) -> list[tuple[str, str]]:
    assert message["type"] == "error", message
    return [(error["extensions"]["code"], ".".join(error["extensions"]["field"])) for error in message["payload"]]


async def test_what_was_published_longer_ago_than_events_are_kept_is_deleted(own: Gateway) -> None:
    world, retention = await new_world(own), timedelta(days=own.settings.event_retention_days)
    invoice = await world.issued_invoice()
    old = await _last(own)
    await world.settle(invoice["id"], "10.00")
    last = await _last(own)
    assert last == old + 2
    await _age(own, up_to=last, by=retention - MINUTE)
    await _age(own, up_to=old, by=retention + MINUTE)
    await _tidied(own, [old + 1, old + 2])


async def test_the_last_position_is_kept_however_old_it_is_and_numbering_goes_on_from_it(own: Gateway) -> None:
    world, retention = await new_world(own), timedelta(days=own.settings.event_retention_days)
    invoice = await world.issued_invoice()
    last = await _last(own)
    await _age(own, up_to=last, by=retention * 3)
    await _tidied(own, [last])
    await world.settle(invoice["id"], "10.00")
    assert await _last(own) == last + 2
    assert await positions(own.database) == [last, last + 1, last + 2]


async def test_what_has_not_left_is_kept_however_old_it_is(own: Gateway) -> None:
    world, retention = await new_world(own), timedelta(days=own.settings.event_retention_days)
    await world.create_claim()
    refused, broken = [raw(ids.new_id(ids.INVOICE)) for _ in range(2)], ids.new_id(ids.INVOICE)
    await record(own.database, *refused)
    first_kept = await _last(own) - 1
    # Refused by the broker: numbered, and never published.
    parked = {"published_at": None, "parked_at": now() - retention * 3, "parked_reason": "the broker says no"}
    await _change(own, outbox.c.event_id.in_([event.event_id for event in refused]), **parked)
    await record(own.database, raw(broken, data="{"), raw(broken))
    await at_rest(own, parked=4)
    await world.create_claim()
    await at_rest(own, parked=4)
    last = first_kept + 2
    assert (await positions(own.database))[-1] == last
    await _change(own, outbox.c.id > 0, recorded_at=now() - retention * 3)
    await _age(own, up_to=last, by=retention * 3)
    await _tidied(own, [first_kept, first_kept + 1, last])
    async with own.database.reading() as connection:
        assert await outbox_db.parked_count(connection) == 4
    await _change(own, outbox.c.data == "{", data=GOOD)
    await _change(own, outbox.c.parked_at.is_not(None), parked_at=None)
    assert await _last(own) == last + 2


@pytest.mark.parametrize("stream", READERS)
async def test_a_cursor_stands_within_what_is_kept(own: Gateway, stream: str) -> None:
    world, retention = await new_world(own), timedelta(days=own.settings.event_retention_days)
    invoice = await world.issued_invoice()
    first = await _last(own)
    await _age(own, up_to=first, by=retention + MINUTE)
    await _tidied(own, [first])
    await world.settle(invoice["id"], "10.00")
    await world.submitted_claim()
    last = await _last(own)
    for lost in (0, first - 2):
        assert _refusals(await _first_message(world, stream, await own.stream_cursor(lost))) == [
            ("CURSOR_EXPIRED", "after")
        ]
    for ahead in (last + 1, 10**17):
        assert _refusals(await _first_message(world, stream, await own.stream_cursor(ahead))) == [
            ("CURSOR_EXPIRED", "after")
        ]
    for garbage in ("x", "", "LTE", "MS41", "é"):
        assert _refusals(await _first_message(world, stream, garbage)) == [("BAD_USER_INPUT", "after")]
    # After what was deleted come two events of the settlement, then two of the claim.
    places = {"settlementRecorded": [first + 1], "claimStatusChanged": [first + 3, first + 4]}[stream]
    for good in (first - 1, first, places[0] - 1):
        query = f'subscription {{ {stream}(after: "{await own.stream_cursor(good)}") {{ cursor }} }}'
        async with own.subscribed(query, world.token(READERS[stream])) as stream_events:
            assert [(await stream_events.next())[stream]["cursor"] for _ in places] == [
                await own.stream_cursor(place) for place in places
            ]
            assert await stream_events.is_silent(0.1)


async def test_a_cursor_at_the_end_hears_what_comes_and_nothing_before(own: Gateway) -> None:
    world = await new_world(own)
    invoice = await world.issued_invoice()
    await world.settle(invoice["id"], "10.00")
    end = await own.stream_cursor(await _last(own))
    query = f'subscription {{ settlementRecorded(after: "{end}") {{ settlement {{ amount }} }} }}'
    async with own.subscribed(query, world.token("finance")) as stream:
        assert await stream.is_silent(0.3)
        await world.settle(invoice["id"], "20.00")
        assert (await stream.next())["settlementRecorded"]["settlement"]["amount"] == "20.00"


async def test_events_are_published_again_as_they_were_and_subscribers_hear_nothing_twice(own: Gateway) -> None:
    world = await new_world(own)
    invoices = [(await world.issued_invoice())["id"] for _ in range(2)]
    begun = await _last(own)
    for amount in ("1.00", "2.00", "3.00"):
        for invoice in invoices:
            await world.settle(invoice, amount)
    last = await _last(own)
    before = {} if own.is_embedded else await on_topic(own.settings)
    published = (await metrics(own))["billing_outbox_published_total"]
    async with own.subscribed(WATCH, world.token("finance")) as stream:
        first, end = begun + 2, last - 1
        count = await own.database.transact(lambda connection: outbox_db.publish_again(connection, first, end))
        assert count == end - first + 1
        await at_rest(own)
        assert await stream.is_silent(0.3)
        await world.settle(invoices[0], "4.00")
        assert (await stream.next())["settlementRecorded"]["settlement"]["amount"] == "4.00"
        assert await stream.is_silent(0.2)
    assert await _last(own) == last + 1
    assert (await metrics(own))["billing_outbox_published_total"] - published == count + 1
    if not own.is_embedded:
        again = {key: [each for each in events if first <= each[1] <= end] for key, events in before.items()}
        after = {
            key: [each for each in events if each[1] <= last] for key, events in (await on_topic(own.settings)).items()
        }
        assert after == {key: [*events, *again[key]] for key, events in before.items()}
        assert sum(map(len, again.values())) == count


async def test_publishing_again_leaves_out_what_has_not_left_yet(own: Gateway) -> None:
    world = await new_world(own)
    await world.create_claim()
    refused, broken = raw(ids.new_id(ids.INVOICE)), ids.new_id(ids.INVOICE)
    await record(own.database, refused)
    last = await _last(own)
    parked = {"published_at": None, "parked_at": now(), "parked_reason": "the broker says no"}
    await _change(own, outbox.c.event_id == refused.event_id, **parked)
    await record(own.database, raw(broken, data="{"), raw(broken))
    await at_rest(own, parked=3)
    assert await own.database.transact(lambda connection: outbox_db.publish_again(connection, last - 1, None)) == 1
    assert await own.database.transact(lambda connection: outbox_db.publish_again(connection, last, None)) == 0
    await at_rest(own, parked=3)
    await _change(own, outbox.c.data == "{", data=GOOD)
    await _change(own, outbox.c.parked_at.is_not(None), parked_at=None)
    assert await _last(own) == last + 2


async def _billing(directory: Path, *arguments: str) -> tuple[int, str, str]:
    """The exit code of the console script, and what it says."""
    done = await asyncio.to_thread(billing, *arguments, BILLING_VAR_DIR=str(directory))
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
async def shelf(tmp_path: Path) -> AsyncIterator[tuple[Database, list[str]]]:
    """A database without a gateway: three events are published, one is parked, one waits for it; their ids."""
    settings = embedded_settings(tmp_path)
    await prepare(settings)
    database = database_of(settings)
    events = [asdict(raw(aggregate)) for aggregate in ("inv_a", "inv_a", "inv_a", "inv_b", "inv_b")]
    nothing = {"position": None, "published_at": None, "parked_at": None, "parked_reason": None}
    left = [{"position": number, "published_at": now()} for number in (1, 2, 3)]
    parked: dict[str, Any] = {"parked_at": SINCE, "parked_reason": "the data is not JSON"}
    rows = [event | nothing | more for event, more in zip(events, [*left, parked, {}], strict=True)]
    await database.transact(lambda connection: run(connection, insert(outbox), rows))
    yield database, [event["event_id"] for event in events]
    await database.dispose()


async def test_the_command_line_tells_of_parked_events_and_has_events_published_again(
    shelf: tuple[Database, list[str]], tmp_path: Path
) -> None:
    database, names = shelf
    line = f"inv_b  InvoiceIssued {names[3]} since 2026-03-01 10:20: the data is not JSON\n"
    no_inbox = "billing: there is no inbox without Kafka: BILLING_EVENTS_URL is not kafka://\n"
    assert [*await asyncio.gather(_billing(tmp_path, "parked"), _billing(tmp_path, "redeliver"))] == [
        (0, line, "1 events parked, 1 wait for them\n"),
        (1, "", no_inbox),
    ]
    for arguments, problem in (
        (("inv_b", "inv_typo"), "there is no event of inv_typo: see `billing parked`"),
        ((), "name claims or invoices, or use --all"),
        (("--all", "inv_b"), "name claims or invoices, or use --all"),
    ):
        assert await _billing(tmp_path, "release", *arguments) == (1, "", f"billing: {problem}\n")
    release = _billing(tmp_path, "release", "inv_a", "inv_b")
    republish = _billing(tmp_path, "republish", "--from", "2", "--to", "2")
    assert [*await asyncio.gather(release, republish)] == [
        (0, "", "1 events released\n"),
        (0, "", "1 events will be published again\n"),
    ]
    async with database.reading() as connection:
        assert (await outbox_db.parked(connection), await outbox_db.parked_count(connection)) == ([], 0)
    # The released ones have no position yet.
    assert await _waiting(database) == [names[1]]


async def _waiting(database: Database) -> list[str]:
    async with database.reading() as connection:
        may_be = await outbox_db.may_be_published(connection, CONTRACTS)
        return [row.event_id for row in await outbox_db.unpublished(connection, 10, may_be)]
