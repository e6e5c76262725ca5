"""Cursors of streams: only those that the gateway has made are read, and only in the event log that they are of."""

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import identity
from app.db.tables import outbox
from app.domain.cursor_key import TAG_BYTES, CursorKey
from app.runtime.settings import Settings
from tests.events.test_parking import at_rest, positions
from tests.factories import World, new_world
from tests.faults.clients import opened
from tests.figures import Figures
from tests.gateway import Gateway, embedded_settings, running_gateway, server_settings
from tests.inputs import dotted
from tests.services import Services
from tests.streams import asked, listening, told_all

STREAMS = {"settlementRecorded": "finance", "claimStatusChanged": "biller"}
"""Every stream, and a role that may subscribe to it."""
WATCH = "subscription Watch($after: String) { claimStatusChanged(after: $after) { cursor status } }"
FORGED_MIN = 1_000
OLD_POSITIONS = range(520)
DELETED = "events after this cursor have been deleted: read the list again, and subscribe without a cursor"
RESTORED = "the event log was restored after this cursor was made: read the list again, and subscribe without a cursor"
ENDED = "the event log was restored: read the list again, and subscribe without a cursor"
VALUES = [
    *(
        "true",
        "false",
        "null",
        "0",
        "-1",
        "1.5",
        "1e400",
        "NaN",
        "1" + "0" * 17,
        "1" + "0" * 30,
        "9" * 4_000,
        "[]",
        "{}",
    ),
    *('"9999-12-31T23:59:59-14:00"', '"0"', '""', '"x"'),
]


def _plain(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _bytes(cursor: str) -> bytes:
    return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))


def _forgeries(own: str, of_a_list: str) -> list[str]:
    """Unsigned and wrongly signed cursors, a good one with each of its bits changed, and the cursor of a list."""
    _, position, event, incarnation = json.loads(_bytes(own)[TAG_BYTES:])
    contents = [f'["stream",{value},"{event}","{incarnation}"]'.encode() for value in [*VALUES, position, position + 1]]
    contents += [b'["stream"]', b'["stream",0]', b"[]", b"{}", b"0", b""]
    other = CursorKey("the secret of another gateway")
    old = [_plain(str(position).encode()) for position in (*OLD_POSITIONS, 10**17, 10**18)]
    unsigned = [_plain(prefix + content) for prefix in (b"", b"\0" * TAG_BYTES) for content in contents]
    signed, tagged = [other.sign(content) for content in contents], _bytes(own)
    flipped = [
        _plain(tagged[:index] + bytes([tagged[index] ^ 1 << bit]) + tagged[index + 1 :])
        for index in range(len(tagged))
        for bit in range(8)
    ]
    spelled = [own + "=", own + "A", own[:-1], " " + own, own * 30, own.upper(), "é", "", "\n", "x", "A" * 100_000]
    return [*dict.fromkeys([*old, *unsigned, *signed, *flipped, *spelled, of_a_list])]


@pytest.fixture
async def embedded(tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway of this test's own."""
    async with running_gateway(embedded_settings(tmp_path)) as gateway:
        yield gateway


@pytest.mark.hostile
async def test_every_stream_refuses_every_cursor_that_the_gateway_has_not_made(
    embedded: Gateway, figures: Figures
) -> None:
    world = await new_world(embedded)
    await world.create_claim()
    await told_all(embedded)
    page = (await world.call("biller", "{ claims(first: 1) { streamCursor pageInfo { endCursor } } }"))["claims"]
    own = page["streamCursor"]
    forgeries = _forgeries(own, page["pageInfo"]["endCursor"])
    for stream, role in STREAMS.items():
        errors = await _errors(world, stream, role, forgeries)
        assert errors == [("BAD_USER_INPUT", "INVALID_INPUT", "after", [stream], "invalid stream cursor")] * len(errors)
        async with listening(embedded, world.token(role), _watch(stream), after=own) as listener:
            assert listener.start.payload["data"][stream]["cursor"] == own
    list_of_claims = f'{{ claims(first: 1, after: "{own}") {{ nodes {{ id }} }} }}'
    answer = await embedded.gql(list_of_claims, token=world.token("biller"))
    assert answer.reasons == [("BAD_USER_INPUT", "INVALID_INPUT", "after")]
    assert len(forgeries) >= FORGED_MIN
    figures(forged_stream_cursors=len(forgeries) * len(STREAMS), accepted=0)


def _watch(stream: str) -> str:
    return f"subscription Watch($after: String) {{ {stream}(after: $after) {{ cursor }} }}"


async def _errors(world: World, stream: str, role: str, cursors: list[str]) -> list[Any]:
    """Code, reason, field, path and message with which each of the cursors is refused."""
    found = []
    async with opened(world.gateway.url, world.token(role)) as socket:
        for number, after in enumerate(cursors):
            payload = {"query": _watch(stream), "variables": {"after": after}}
            await socket.send(json.dumps({"id": str(number), "type": "subscribe", "payload": payload}))
            message = json.loads(await socket.recv())
            assert (message["type"], message["id"]) == ("error", str(number)), after
            [error] = message["payload"]
            details = error["extensions"]
            found.append(
                (details["code"], details["reason"], dotted(details["field"]), error["path"], error["message"])
            )
    return found


@pytest.fixture
async def installation(tmp_path: Path, services: Services) -> Settings:
    """The settings of gateways that share a database and a secret."""
    return await server_settings(tmp_path, services, cache_secret=SecretStr("a" * 32))


async def _refusal(gateway: Gateway, after: str) -> tuple[str, str, str]:
    """Code, field and message with which a cursor is refused."""
    body = {"query": WATCH, "variables": {"after": after}}
    async with asked(gateway, gateway.token("biller"), body, "socket") as listener:
        message = await listener.next()
    assert message.kind == "error", message
    [error] = message.payload
    return error["extensions"]["code"], ".".join(error["extensions"]["field"]), error["message"]


async def _submitted(world: World) -> list[str]:
    """Submit a claim; the cursors of its two events."""
    gateway = world.gateway
    await at_rest(gateway)
    await told_all(gateway)
    async with listening(gateway, world.token("biller"), WATCH) as listener:
        await world.submitted_claim()
        return [event["cursor"] for event in await listener.events(2)]


async def _rest(gateway: Gateway, after: str, count: int) -> list[str]:
    """The cursors of the next events after a cursor."""
    async with listening(gateway, gateway.token("biller"), WATCH, after=after) as listener:
        events = await listener.events(count)
        assert await listener.is_silent()
    return [event["cursor"] for event in events]


async def _restore(gateway: Gateway, rows: list[dict[str, Any]]) -> None:
    """Let the outbox be what it was at the backup."""

    async def work(connection: AsyncConnection) -> None:
        await connection.execute(delete(outbox))
        await connection.execute(insert(outbox), rows)

    await gateway.database.transact(work)


async def test_a_restored_log_refuses_the_cursors_of_what_it_has_lost(installation: Settings) -> None:
    async with running_gateway(installation) as gateway:
        world = await new_world(gateway)
        before = await _submitted(world)
        async with gateway.database.reading() as connection:
            backup = [dict(row) for row in (await connection.execute(select(outbox))).mappings()]
        lost = [*await _submitted(world), *await _submitted(world)]
        assert await _rest(gateway, before[0], 5) == [before[1], *lost]
        await _restore(gateway, backup)
    async with running_gateway(installation, is_prepared=True) as gateway:
        expired = [("CURSOR_EXPIRED", "after", RESTORED)] * len(lost)
        assert [await _refusal(gateway, cursor) for cursor in lost] == expired
        assert await _rest(gateway, before[0], 1) == [before[1]]
        world = await new_world(gateway)
        new = [*await _submitted(world), *await _submitted(world), *await _submitted(world)]
        assert len(await positions(gateway.database)) > len(backup) + len(lost)
        # The same positions have other events now.
        assert [await _refusal(gateway, cursor) for cursor in lost] == expired
        assert await _rest(gateway, before[1], len(new)) == new


async def test_a_renewed_identity_expires_every_cursor(embedded: Gateway) -> None:
    world = await new_world(embedded)
    cursors = [await embedded.stream_cursor(0), *await _submitted(world)]
    assert await _rest(embedded, cursors[0], 2) == cursors[1:]
    await embedded.database.transact(identity.renew)
    assert [await _refusal(embedded, cursor) for cursor in cursors] == [("CURSOR_EXPIRED", "after", RESTORED)] * 3
    new = [await embedded.stream_cursor(position) for position in await positions(embedded.database)]
    assert await _rest(embedded, await embedded.stream_cursor(0), 2) == new


async def test_a_gateway_that_runs_while_its_database_is_restored_ends_its_streams(embedded: Gateway) -> None:
    world = await new_world(embedded)
    await _submitted(world)
    async with embedded.database.reading() as connection:
        backup = [dict(row) for row in (await connection.execute(select(outbox))).mappings()]
    await _submitted(world)
    patient = "subscription { claimStatusChanged { cursor status } }"
    async with (
        listening(embedded, world.token("biller"), WATCH) as biller,
        listening(embedded, world.token("patient"), patient) as listener,
    ):
        await _restore(embedded, backup)
        await embedded.database.transact(identity.renew)
        assert (await embedded.client.get("/health/ready")).status_code == 200
        for ended in (biller, listener):
            [error] = (await ended.next()).payload
            assert error == {"message": ENDED, "extensions": {"code": "CURSOR_EXPIRED", "retryable": False}}
    async with listening(embedded, world.token("biller"), WATCH) as again:
        await world.submitted_claim()
        # The lost events had these positions.
        assert [event["status"] for event in await again.events(2)] == ["DRAFT", "SUBMITTED"]
    assert await positions(embedded.database) == [1, 2, 3, 4]


async def test_where_the_event_itself_was_deleted_the_identity_decides(embedded: Gateway) -> None:
    world = await new_world(embedded)
    start = await embedded.stream_cursor(0)
    cursors = await _submitted(world)
    first = outbox.c.position == 1
    await embedded.database.transact(lambda connection: connection.execute(delete(outbox).where(first)))
    assert await _rest(embedded, cursors[0], 1) == cursors[1:]
    assert await _refusal(embedded, start) == ("CURSOR_EXPIRED", "after", DELETED)
    await embedded.database.transact(identity.renew)
    assert await _refusal(embedded, cursors[0]) == ("CURSOR_EXPIRED", "after", RESTORED)


async def test_a_replica_continues_from_the_cursors_of_another_without_its_redis(
    installation: Settings, tmp_path: Path
) -> None:
    other = installation.model_copy(update={"var_dir": tmp_path / "other", "redis_url": "memory://"})
    async with running_gateway(installation) as one, running_gateway(other, is_prepared=True) as two:
        world = await new_world(one)
        cursors = await _submitted(world)
        await told_all(two)
        assert await _rest(two, cursors[0], 1) == cursors[1:]
        stranger = other.model_copy(update={"cache_secret": SecretStr("b" * 32), "var_dir": tmp_path / "stranger"})
    async with running_gateway(stranger, is_prepared=True) as gateway:
        assert await _refusal(gateway, cursors[0]) == ("BAD_USER_INPUT", "after", "invalid stream cursor")
