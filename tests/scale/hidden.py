"""Indexes that the server keeps up to date, but does not use for a while."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from tests.scale.reads import Sent

INDEXES: Final = """SELECT DISTINCT table_name AS table_name, index_name AS index_name
FROM information_schema.statistics WHERE table_schema = DATABASE() AND index_name <> 'PRIMARY' ORDER BY 1, 2"""
WORDS: Final = {True: ("IGNORED", "NOT IGNORED"), False: ("INVISIBLE", "VISIBLE")}
"""By whether the server is MariaDB."""


@dataclass(frozen=True)
class Index:
    """An index that is not the primary key."""

    table: str
    name: str


async def secondary_indexes(connection: AsyncConnection) -> list[Index]:
    """Those of all tables."""
    found = (await connection.exec_driver_sql(INDEXES)).mappings().all()
    return [Index(each["table_name"], each["index_name"]) for each in found]


@asynccontextmanager
async def hidden(connection: AsyncConnection, index: Index) -> AsyncIterator[None]:
    """Hide the index until the block ends."""
    version = str((await connection.exec_driver_sql("SELECT VERSION()")).scalar_one())
    hide, show = WORDS["mariadb" in version.lower()]
    change = f"ALTER TABLE {index.table} ALTER INDEX {index.name}"
    await connection.exec_driver_sql(f"{change} {hide}")
    try:
        yield
    finally:
        await connection.exec_driver_sql(f"{change} {show}")


def without_hints(statement: Sent, index: Index) -> Sent:
    """The statement without hints that name the index, which the server would refuse: the gateway names indexes that it
    knows of."""
    hint = rf" (?:FORCE|IGNORE|USE) INDEX(?: FOR ORDER BY)? \({index.name}\)"
    return Sent(re.sub(hint, "", statement.text), statement.parameters)
