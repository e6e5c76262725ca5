"""Commands for payers' statements that could not be handled."""

import sys
from typing import Annotated

import typer
from aiokafka.errors import KafkaError

from app.commands import console
from app.db import dead_statements as dead_statements_db
from app.db.dead_statements import DeadStatementRecord, Place
from app.db.engine import Database
from app.events import dead_letters
from app.runtime.settings import Settings
from app.runtime.tls import client_context
from app.services import dead_statements as dead_statements_service


def dead_statements(
    raw: Annotated[str | None, typer.Option(help="Write the bytes of this one (TOPIC/PARTITION/OFFSET).")] = None,
    dismiss: Annotated[list[str] | None, typer.Option(help="Take this one off the list; may be repeated.")] = None,
) -> None:
    """List payers' statements that could not be handled, and why."""
    if raw is not None:
        _write_raw(_place(raw))
    elif dismiss:
        _dismiss([_place(each) for each in dismiss])
    else:
        _list()


def redeliver() -> None:
    """Move payers' statements from the dead-letter topic back to the inbox, after the cause is fixed."""
    settings = console.settings()
    if not settings.events_url.startswith("kafka://"):
        console.fail("there is no inbox without Kafka: BILLING_EVENTS_URL is not kafka://")
    moved = console.with_database(lambda database: _redeliver(settings, database))
    console.note(f"{moved} messages put back")


async def _redeliver(settings: Settings, database: Database) -> int:
    try:
        moved = await dead_letters.redeliver(
            settings.events_url, settings.remittances_topic, client_context(settings, "kafka")
        )
    except (KafkaError, OSError) as error:
        console.note(f"billing: Kafka is not available: {type(error).__name__}")
        raise typer.Exit(console.EXIT_UNAVAILABLE) from None
    places = [place for place in map(Place.read, moved) if place is not None]
    await dead_statements_service.resolve(database, places)
    return len(moved)


def _list() -> None:
    async def work(database: Database) -> list[DeadStatementRecord]:
        async with database.reading() as connection:
            return await dead_statements_db.open_ones(connection)

    found = console.with_database(work)
    for dead in found:
        until = "" if dead.last_offset == dead.first_offset else f" to {dead.last_offset}"
        console.say(f"{dead.place}{until}  {dead.code} since {dead.dead_at:%Y-%m-%d %H:%M}: {dead.reason}")
    console.note(f"{len(found)} statements could not be handled")


def _write_raw(place: Place) -> None:
    async def work(database: Database) -> bytes | None:
        async with database.reading() as connection:
            return await dead_statements_db.raw_of(connection, place)

    found = console.with_database(work)
    if found is None:
        console.fail(f"there is no dead statement {place}: see `billing dead-statements`")
    sys.stdout.buffer.write(found)


def _dismiss(places: list[Place]) -> None:
    resolved = console.with_database(lambda database: dead_statements_service.resolve(database, places))
    if resolved < len(places):
        console.fail(f"{len(places) - resolved} of these are not on the list: see `billing dead-statements`")
    console.note(f"{resolved} statements dismissed")


def _place(text: str) -> Place:
    found = Place.read(text)
    if found is None:
        console.fail(f"{text} is not a place: use TOPIC/PARTITION/OFFSET")
    return found
