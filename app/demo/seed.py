"""Demo data: synthetic parties and cards, the example TISS batch, and claims in every state, made by the services."""

from collections.abc import AsyncIterator, Callable

from tiss import examples

from app.db import claims as claims_db
from app.db.engine import Database
from app.demo.claims import BATCH_SIZE, SEED_CLAIMS
from app.demo.months import SEED_MONTHS
from app.demo.parties import SEED_PARTIES
from app.domain.actor import Actor
from app.services import import_now
from app.unit_of_work.run import Changes


async def seed(
    database: Database, changes: Changes, actor: Actor, *, number: int, on_progress: Callable[[int, int], None]
) -> int:
    """Add missing parties, the example TISS batch and `number` more claims; the result is how many of these."""
    await changes.run(SEED_PARTIES, actor, {})
    await _import_example(database, changes, actor)
    done = 0
    while done < number:
        size = min(BATCH_SIZE, number - done)
        await changes.run(SEED_CLAIMS, actor, {"size": size})
        done += size
        on_progress(done, number)
    return done


async def seed_months(changes: Changes, actor: Actor, *, seed: int) -> None:
    """Add six months of three more payers, unless they are there; the same `seed` makes the same of them each day."""
    await changes.run(SEED_MONTHS, actor, {"seed": seed})


async def _import_example(database: Database, changes: Changes, actor: Actor) -> None:
    async def content() -> AsyncIterator[bytes]:
        yield examples.load("lote-valido")

    document_id = await import_now.store(database, changes, actor, content())
    await import_now.to_end(database, changes, await import_now.start(changes, actor, document_id))


async def is_seeded(database: Database) -> bool:
    """Whether there are claims already."""
    async with database.reading() as connection:
        return await claims_db.is_any(connection)
