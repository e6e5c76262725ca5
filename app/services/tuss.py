"""TUSS terms: loading the published tables and checking the codes of a claim."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from itertools import islice
from typing import Any, Final

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import tuss as tuss_db
from app.db.engine import Database
from app.db.tuss import TussRecord
from app.domain.errors import ErrorCode, Failure
from app.domain.text import fold
from app.services.code_tables import published_codes

BILLABLE_TABLES: Final = ("18", "19", "20", "22")
OWN_TABLES: Final = ("00", "90", "98")
BATCH_SIZE: Final = 2_000


@dataclass(frozen=True, slots=True)
class CodeUse:
    """One use of a code in a claim: its path in the input and the day on which it was performed."""

    field: str
    code_system: str
    code: str
    performed_on: date


async def code_failures(
    connection: AsyncConnection, uses: Sequence[CodeUse]
) -> tuple[list[Failure], dict[tuple[str, str], TussRecord]]:
    """Unknown tables (3150), unknown or outdated codes (1801), and the terms that were found.

    Tables 00, 90 and 98 are the payers' own and packages: their codes are not published, so they pass.
    """
    keys = sorted({(use.code_system, use.code) for use in uses if use.code_system in BILLABLE_TABLES})
    rows = await tuss_db.known(connection, keys)
    terms = {(row.code_system, row.code): row for row in rows}
    found = (_failure(use, terms.get((use.code_system, use.code))) for use in uses)
    return [failure for failure in found if failure is not None], terms


def _failure(use: CodeUse, term: TussRecord | None) -> Failure | None:
    if use.code_system in OWN_TABLES:
        return None
    if use.code_system not in BILLABLE_TABLES:
        return unknown_table(f"{use.field}.codeSystem")
    if term is None:
        message = "the TUSS table has no such code: look it up with tussTerms"
        return Failure(ErrorCode.UNKNOWN_CODE, message, f"{use.field}.code", "1801")
    if not term.is_valid_on(use.performed_on):
        message = "the code was not valid on the day: look it up with tussTerms"
        return Failure(ErrorCode.UNKNOWN_CODE, message, f"{use.field}.code", "1801")
    return None


def unknown_table(field: str) -> Failure:
    """A table whose codes no claim may use."""
    tables = ", ".join((*BILLABLE_TABLES, *OWN_TABLES[:-1]))
    message = f"unknown TUSS table: use {tables} or {OWN_TABLES[-1]}"
    return Failure(ErrorCode.UNKNOWN_CODE, message, field, "3150")


def published_terms() -> list[dict[str, Any]]:
    """The terms that the `tiss` package ships (CC BY-ND: loaded as they are) and the codes of the smaller tables, as
    rows of the table."""
    source = files("tiss.tuss") / "_data" / "tuss.json"
    return [_row(record) for record in (*orjson.loads(source.read_bytes())["records"], *published_codes())]


def _row(record: dict[str, str]) -> dict[str, Any]:
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


def _batches(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, BATCH_SIZE)):
        yield batch


async def load(database: Database, *, on_progress: Callable[[int, int], None]) -> int:
    """Add the published terms that are missing, one batch per transaction; the result is how many were added.

    `on_progress` gets (done, total). Running it again adds nothing.
    """
    rows = published_terms()
    async with database.reading() as connection:
        tables = sorted({row["code_system"] for row in rows})
        known = {(table, code) for table in tables for code in await tuss_db.existing_codes(connection, table)}
    missing = [row for row in rows if (row["code_system"], row["code"]) not in known]
    done = len(rows) - len(missing)
    for batch in _batches(missing):
        await _insert(database, batch)
        done += len(batch)
        on_progress(done, len(rows))
    on_progress(len(rows), len(rows))
    return len(missing)


async def _insert(database: Database, batch: list[dict[str, Any]]) -> None:
    async def work(connection: AsyncConnection) -> None:
        await tuss_db.insert_many(connection, batch)

    await database.transact(work)
