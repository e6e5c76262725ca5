"""Commands for the outbox, the event log and the inbox."""

from typing import Annotated

import typer

from app.commands import console
from app.db import outbox as outbox_db
from app.db.engine import Database
from app.db.outbox import ParkedRecord


def parked() -> None:
    """List the events that cannot be published, and why; later ones of the same claim or invoice wait for them."""

    async def work(database: Database) -> tuple[list[ParkedRecord], int]:
        async with database.reading() as connection:
            return await outbox_db.parked(connection), await outbox_db.held_back_count(connection)

    found, held = console.with_database(work)
    for event in found:
        line = f"{event.aggregate_id}  {event.name} {event.event_id} since {event.parked_at:%Y-%m-%d %H:%M}"
        console.say(f"{line}: {event.parked_reason}")
    console.note(f"{len(found)} events parked, {held - len(found)} wait for them")


def release(
    aggregates: Annotated[list[str], typer.Argument(help="Claims or invoices, as `billing parked` prints them.")],
) -> None:
    """Publish parked events again, after the cause is fixed."""
    released = console.with_database(
        lambda database: database.transact(lambda connection: outbox_db.release(connection, aggregates))
    )
    console.note(f"{released} events released")


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
