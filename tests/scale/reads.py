"""What the server does for a statement: its plan, and how many rows and entries of indexes it looks at."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from tests.gateway import Gateway, heard, is_of_request

COUNTERS: Final = "SHOW SESSION STATUS WHERE Variable_name LIKE 'Handler_read%%'"
MERGED: Final = " UNION "


@dataclass(frozen=True)
class Sent:
    """A statement as the gateway sends it."""

    text: str
    parameters: Any


@dataclass(frozen=True)
class Work:
    """What a statement costs: stored tables that are read from end to end, those whose rows are sorted, the indexes
    that are read, and how many entries and rows are looked at; `pages` is how many of its parts are merged."""

    scanned: tuple[str, ...]
    sorted: tuple[str, ...]
    indexes: frozenset[str]
    pages: int
    examined: int


@contextmanager
def sent_statements(gateway: Gateway) -> Iterator[list[Sent]]:
    """The statements that requests send inside the block, known after it; those of background tasks are left out."""
    found: list[Sent] = []
    with heard(gateway.database, when=is_of_request) as everything:
        yield found
    found += [Sent(text, parameters) for text, parameters in everything if text.startswith("SELECT")]


async def work_of(connection: AsyncConnection, statement: Sent) -> Work:
    """Explain the statement, run it again, and read the server's counters."""
    parameters = tuple(statement.parameters)
    plan = (await connection.exec_driver_sql(f"EXPLAIN {statement.text}", parameters)).mappings().all()
    # Names in brackets are results of other parts of the plan, which have the rows of the page at most.
    stored = [each for each in plan if each["table"] is not None and not each["table"].startswith("<")]
    scanned = tuple(each["table"] for each in stored if each["type"] == "ALL")
    sorted_ = tuple(each["table"] for each in stored if "Using filesort" in (each["Extra"] or ""))
    # Several names where the server joins two indexes of a table.
    indexes = frozenset(name for each in stored for name in re.split(r"[,|]", each["key"] or ""))
    await connection.exec_driver_sql("FLUSH STATUS")
    await connection.exec_driver_sql(statement.text, parameters)
    counted = (await connection.exec_driver_sql(COUNTERS)).mappings().all()
    examined = sum(int(each["Value"]) for each in counted)
    return Work(scanned, sorted_, indexes - {"", "PRIMARY"}, statement.text.count(MERGED) + 1, examined)
