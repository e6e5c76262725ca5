"""Loading the published TUSS terms: what is new is added, what was changed follows, and what is gone ends."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from importlib.resources import files
from itertools import islice
from typing import Any, Final

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import clock, identity
from app.db import tuss as tuss_db
from app.db.engine import Database
from app.db.tuss import TussRecord
from app.domain.calendar import business_day
from app.domain.text import fold
from app.services.code_tables import published_codes
from app.values.frozen import frozen

BATCH_SIZE: Final = 2_000
Row = dict[str, Any]
"""A term by the names of its columns."""


@frozen
class LoadedTerms:
    """How many terms were added, changed and ended."""

    added: int
    changed: int
    ended: int


def published_terms() -> list[Row]:
    """The terms that the `tiss` package ships (CC BY-ND: loaded as they are) and the codes of the smaller tables, as
    rows of the table."""
    source = files("tiss.tuss") / "_data" / "tuss.json"
    return [_row(record) for record in (*orjson.loads(source.read_bytes())["records"], *published_codes())]


def _row(record: dict[str, str]) -> Row:
    return {
        "code_system": record["tabela"],
        "code": record["codigo"],
        "term": record["termo"],
        "search_text": fold(record["termo"]),
        "valid_from": _day(record["vigencia_inicio"]),
        "valid_to": _day(record["vigencia_fim"]),
    }


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


async def load(
    database: Database, rows: Sequence[Row], *, on_progress: Callable[[int, int], None] = lambda _done, _total: None
) -> LoadedTerms:
    """Bring the terms in line with the published ones, some thousand in each transaction; again, it changes nothing.
    Processes read the terms that they remember again, whatever was done to the table since the last time.

    A term of one of their tables that they do not have any more was valid until yesterday: what was done before is
    still billed by it. Terms of other tables stay as they are. `on_progress` gets (done, total). NoIdentity.
    """
    known, yesterday = await _known(database, sorted({row["code_system"] for row in rows}))
    missing = [row for row in rows if _key(row) not in known]
    changed = [row for row in rows if _key(row) in known and _facts(row) != _facts_of(known[_key(row)])]
    published = {_key(row) for row in rows}
    gone = [term for key, term in known.items() if key not in published]
    ended = [term for term in gone if term.valid_to is None or term.valid_to > yesterday]
    done = len(rows) - len(missing) - len(changed)
    for insert, write in ((missing, tuss_db.insert_many), (changed, tuss_db.update_many)):
        for batch in _batches(insert):
            await _run(database, write, batch)
            done += len(batch)
            on_progress(done, len(rows))
    for batch in _batches([_ending(term, yesterday) for term in ended]):
        await _run(database, tuss_db.update_many, batch)
    await database.transact(tuss_db.renew_version)
    on_progress(len(rows), len(rows))
    return LoadedTerms(len(missing), len(changed), len(ended))


async def _known(database: Database, tables: Sequence[str]) -> tuple[dict[tuple[str, str], TussRecord], date]:
    """The terms of these tables as they are, and the day before today by the database's clock."""
    async with database.reading() as connection:
        # Without it nothing could be loaded: better told before thousands of terms are read.
        await identity.read(connection)
        today = business_day(await clock.now(connection))
        terms = [term for table in tables for term in await tuss_db.of_table(connection, table)]
    return {(term.code_system, term.code): term for term in terms}, today - timedelta(days=1)


def _key(row: Row) -> tuple[str, str]:
    return row["code_system"], row["code"]


def _facts(row: Row) -> tuple[str, date | None, date | None]:
    return row["term"], row["valid_from"], row["valid_to"]


def _facts_of(term: TussRecord) -> tuple[str, date | None, date | None]:
    return term.term, term.valid_from, term.valid_to


def _ending(term: TussRecord, last_day: date) -> Row:
    return {
        "code_system": term.code_system,
        "code": term.code,
        "term": term.term,
        "search_text": fold(term.term),
        "valid_from": term.valid_from,
        "valid_to": last_day,
    }


def _batches(rows: Sequence[Row]) -> Iterator[list[Row]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, BATCH_SIZE)):
        yield batch


async def _run(database: Database, write: tuss_db.Write, batch: list[Row]) -> None:
    async def work(connection: AsyncConnection) -> None:
        await write(connection, batch)
        await tuss_db.renew_version(connection)

    await database.transact(work)
