"""The steps of migrations: each may be repeated after a migration was killed, and none holds up the running release.

MySQL commits every change of a table at once, so a killed migration leaves some of its steps done: a step that finds
its result does nothing. On MySQL a change of a table says by `ALGORITHM` and `LOCK` that writers go on meanwhile; the
server refuses what would need more. A step waits at most a second for a table that is in use, since whoever wants the
table after it would wait behind it, and then tries again.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import sqlalchemy as sa
from alembic import op
from alembic.ddl.base import AddColumn
from sqlalchemy.exc import OperationalError
from sqlalchemy.schema import CreateColumn, CreateIndex

from app.db.server_errors import LOCK_TIMEOUTS, error_number

BATCH_SIZE: Final = 1_000
ATTEMPTS_MAX: Final = 60
PAUSE_SECONDS: Final = 1.0


def create_table(name: str, *parts: Any, **options: Any) -> None:
    """Create a table that nothing uses yet."""
    if not sa.inspect(op.get_bind()).has_table(name):
        op.create_table(name, *parts, **options)


def drop_table(name: str) -> None:
    """Drop a table that no release uses any more."""
    if sa.inspect(op.get_bind()).has_table(name):
        op.drop_table(name)


def insert_only_row(table: str, values: dict[str, Any]) -> None:
    """Insert the one row of a table, if it has none."""
    target = sa.table(table, *map(sa.column, values))
    if op.get_bind().execute(sa.select(sa.func.count()).select_from(target)).scalar_one() == 0:
        op.get_bind().execute(target.insert().values(values))


def add_column(table: str, column: sa.Column[Any]) -> None:
    """Add a column that may be null or has a server default: the running release inserts rows without it."""
    if not column.nullable and column.server_default is None:
        raise ValueError(
            f"{table}.{column.name} must be nullable or have a server default: the running release omits it"
        )
    if column.name in {each["name"] for each in sa.inspect(op.get_bind()).get_columns(table)}:
        return
    if _is_sqlite():
        op.add_column(table, column)
    else:
        _online(f"{_compiled(AddColumn(table, column))}, ALGORITHM=INSTANT")


def create_index(name: str, table: str, columns: list[str], *, unique: bool = False) -> None:
    """Add an index; writers go on while it is built."""
    if name in {each["name"] for each in sa.inspect(op.get_bind()).get_indexes(table)}:
        return
    if _is_sqlite():
        op.create_index(name, table, columns, unique=unique)
        return
    target = sa.Table(table, sa.MetaData(), *[sa.Column(each, sa.Integer) for each in columns])
    index = sa.Index(name, *[target.c[each] for each in columns], unique=unique)
    _online(f"{_compiled(CreateIndex(index))} ALGORITHM=INPLACE LOCK=NONE")


def drop_index(name: str, *, table_name: str) -> None:
    """Drop an index that no statement of the running release needs."""
    if name not in {each["name"] for each in sa.inspect(op.get_bind()).get_indexes(table_name)}:
        return
    if _is_sqlite():
        op.drop_index(name, table_name=table_name)
    else:
        _online(f"ALTER TABLE {table_name} DROP INDEX {name}, ALGORITHM=INPLACE, LOCK=NONE")


def create_unique(name: str, table: str, columns: list[str]) -> None:
    """Add a unique constraint, when a migration is taken back: on SQLite, where it is part of the table, this writes
    the table again."""
    if name in {each["name"] for each in sa.inspect(op.get_bind()).get_unique_constraints(table)}:
        return
    if _is_sqlite():
        with op.batch_alter_table(table) as batch:
            batch.create_unique_constraint(name, columns)
    else:
        create_index(name, table, columns, unique=True)


def drop_unique(name: str, *, table_name: str) -> None:
    """Drop a unique constraint whose place another unique index has taken."""
    if name not in {each["name"] for each in sa.inspect(op.get_bind()).get_unique_constraints(table_name)}:
        return
    if _is_sqlite():
        with op.batch_alter_table(table_name) as batch:
            batch.drop_constraint(name, type_="unique")
    else:
        drop_index(name, table_name=table_name)


def drop_column(table: str, column: str) -> None:
    """Drop a column, in the release after the one that stopped using it."""
    if column not in {each["name"] for each in sa.inspect(op.get_bind()).get_columns(table)}:
        return
    if _is_sqlite():
        with op.batch_alter_table(table) as batch:
            batch.drop_column(column)
    else:
        _online(f"ALTER TABLE {table} DROP COLUMN {column}, ALGORITHM=INPLACE, LOCK=NONE")


def set_nullable(table: str, column: str, kind: Any, *, nullable: bool) -> None:
    """Let a column be null, which the running release fills; or take that back, which needs that no row is."""
    if _is_sqlite():
        with op.batch_alter_table(table) as batch:
            batch.alter_column(column, existing_type=kind, nullable=nullable)
        return
    text = _compiled(CreateColumn(sa.Column(column, kind, nullable=nullable)))
    _online(f"ALTER TABLE {table} MODIFY {text}, ALGORITHM=INPLACE, LOCK=NONE")


def f(name: str) -> str:
    """A name as it is: drafts mark so what follows the naming convention."""
    return name


def backfill(table: str, key: str, values: dict[str, str], *, missing: str) -> int:
    """Set columns to SQL expressions, where the condition `missing` holds, in batches of 1,000 rows by the key, each
    committed by itself; how many rows were changed.

    The key is unique and not null. The running release goes on writing rows without the column: run it again, or let
    the next release fill in what is left, before a later migration relies on it.
    """
    # ruff: noqa: S608 - names and expressions of our own migrations
    changes = ", ".join(f"{name} = {expression}" for name, expression in values.items())
    place = sa.text(f"SELECT {key} FROM {table} WHERE {key} > :after ORDER BY {key} LIMIT 1 OFFSET {BATCH_SIZE - 1}")
    first = sa.text(f"SELECT MIN({key}) FROM {table}")
    changed = 0
    with _committing() as run:
        after = run(first).scalar()
        bound = ">="
        while after is not None:
            upto = run(place, after=after).scalar()
            limits = f"{key} {bound} :after" + ("" if upto is None else f" AND {key} <= :upto")
            batch = sa.text(f"UPDATE {table} SET {changes} WHERE {limits} AND ({missing})")
            changed += run(batch, after=after, **({} if upto is None else {"upto": upto})).rowcount
            after, bound = upto, ">"
    return changed


@contextmanager
def _committing() -> Iterator[Callable[..., Any]]:
    """A function that runs a statement and commits it; on SQLite the whole migration is one transaction."""
    bind = op.get_bind()

    def run(statement: sa.TextClause, **values: Any) -> Any:
        return _patiently(lambda: bind.execute(statement, values))

    if _is_sqlite():
        yield run
    else:
        with op.get_context().autocommit_block():
            yield run


def _online(statement: str) -> None:
    _patiently(lambda: op.execute(sa.text(statement)))


def _patiently(work: Callable[[], Any]) -> Any:
    """Run it, and again while a table or row is in use, for about a minute."""
    for attempt in range(ATTEMPTS_MAX):
        try:
            return work()
        except OperationalError as error:
            if error_number(error) not in LOCK_TIMEOUTS or attempt == ATTEMPTS_MAX - 1:
                raise
            time.sleep(PAUSE_SECONDS)
    raise AssertionError("the loop returns or raises")


def _compiled(statement: Any) -> str:
    return str(statement.compile(dialect=op.get_bind().dialect)).strip()


def _is_sqlite() -> bool:
    return bool(op.get_bind().dialect.name == "sqlite")
