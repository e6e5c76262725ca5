"""Commands for the outbox, the event log and the inbox."""

from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from app.commands import console
from app.db import outbox as outbox_db
from app.db.engine import Database
from app.db.outbox import ParkedRecord
from app.events.contracts import CONTRACTS


def parked() -> None:
    """List the events that cannot be published, and why; later ones of the same claim or invoice wait for them."""

    async def work(database: Database) -> tuple[list[ParkedRecord], int, int]:
        async with database.reading() as connection:
            held = await outbox_db.parked_count(connection)
            return await outbox_db.parked(connection), held, await outbox_db.unknown_count(connection, CONTRACTS)

    found, held, unknown = console.with_database(work)
    for event in found:
        line = f"{event.aggregate_id}  {event.name} {event.event_id} since {event.parked_at:%Y-%m-%d %H:%M}"
        console.say(f"{line}: {event.parked_reason}")
    console.note(f"{len(found)} events parked, {held - len(found)} wait for them")
    if unknown:
        console.note(f"{unknown} events wait for a gateway of a newer release")


def release(
    aggregates: Annotated[
        list[str] | None, typer.Argument(help="Claims or invoices, as `billing parked` prints them.")
    ] = None,
    is_all: Annotated[bool, typer.Option("--all", help="All that are parked.")] = False,
) -> None:
    """Publish parked events again, after the cause is fixed."""
    if bool(aggregates) == is_all:
        console.fail("name claims or invoices, or use --all")
    chosen = None if is_all else aggregates
    released = console.with_database(
        lambda database: database.transact(lambda connection: _release(connection, chosen))
    )
    console.note(f"{released} events released")


async def _release(connection: AsyncConnection, aggregates: list[str] | None) -> int:
    known = await outbox_db.aggregates_among(connection, aggregates or ())
    unknown = [each for each in aggregates or () if each not in known]
    if unknown:
        console.fail(f"there is no event of {', '.join(unknown)}: see `billing parked`")
    return await outbox_db.release(connection, aggregates)


def republish(
    first: Annotated[int, typer.Option("--from", min=1, help="The first position to publish again.")],
    last: Annotated[int | None, typer.Option("--to", min=1, help="The last one; by default all that follow.")] = None,
) -> None:
    """Publish events of the log again, in order, with the same ids and positions.

    For a topic that lost its data, or a consumer that needs the past; other consumers drop them by id.
    """
    count = console.with_database(
        lambda database: database.transact(lambda connection: outbox_db.publish_again(connection, first, last)),
        timeout_seconds=console.LONG_TIMEOUT_SECONDS,
    )
    console.note(f"{count} events will be published again")
