"""Column types that mean the same on MySQL, MariaDB and SQLite."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, Generic, TypeVar

import orjson
from sqlalchemy import BigInteger, DateTime, Integer, LargeBinary, String, Text
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

from app.values.adapters import adapter_of

Member = TypeVar("Member", bound=StrEnum)
NEVER_STORED: Final = "\x7f" * 300


def long_text() -> TypeEngine[str]:
    """JSON and other long text, up to 16 MiB on MySQL."""
    return Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")


def long_bytes() -> TypeEngine[bytes]:
    """Bytes, up to 16 MiB on MySQL."""
    return LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql", "mariadb")


def identifier() -> TypeEngine[str]:
    """A public id (30 ASCII characters)."""
    return ascii_text(30)


def counter() -> TypeEngine[int]:
    """A 64-bit number that SQLite can also autoincrement."""
    return BigInteger().with_variant(Integer(), "sqlite")


def day_text() -> TypeEngine[str]:
    """A day cast to text, to be joined with ids and codes: MariaDB from 11.5 on joins no others with them."""
    return String(10).with_variant(mysql.CHAR(10, charset="ascii"), "mysql", "mariadb")


# ruff: noqa: ARG002 - SQLAlchemy gives every type decorator the dialect


class ascii_text(TypeDecorator[str]):  # noqa: N801 - reads like SQLAlchemy's own type functions
    """Ids and codes: ASCII, compared byte by byte on every server.

    MySQL raises an error when such a column is compared with other characters. A lookup with them therefore looks for
    NEVER_STORED, a value that no row has, and an insert fails because that value is too long.
    """

    impl = String
    cache_ok = True

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self.length = length

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name not in ("mysql", "mariadb"):
            return dialect.type_descriptor(String(self.length))
        return dialect.type_descriptor(mysql.VARCHAR(self.length, charset="ascii", collation="ascii_bin"))

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return value if value is None or value.isascii() else NEVER_STORED


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time with microseconds; naive values are a programming error."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name in ("mysql", "mariadb"):
            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(DateTime())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("use a time with a zone: naive times are not stored")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value if value is None else value.replace(tzinfo=UTC)


class EnumText(TypeDecorator[Member], Generic[Member]):
    """A StrEnum stored by its value in 24 ASCII characters."""

    impl = String(24)
    cache_ok = True

    def __init__(self, members: type[Member]) -> None:
        super().__init__()
        self.members = members

    def __repr__(self) -> str:
        return "EnumText()"

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return ascii_text(24).load_dialect_impl(dialect)

    def process_bind_param(self, value: Member | None, dialect: Dialect) -> str | None:
        return None if value is None else value.value

    def process_result_value(self, value: str | None, dialect: Dialect) -> Member | None:
        return None if value is None else self.members(value)


class JsonOf(TypeDecorator[Any]):
    """A small value of a known type (a dataclass, or a tuple of them), stored as JSON text; null stays null."""

    impl = Text
    cache_ok = True

    def __init__(self, kind: Any) -> None:
        super().__init__()
        self.kind = kind

    def __repr__(self) -> str:
        return "JsonOf()"

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(long_text())

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else orjson.dumps(value, default=_listed).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else adapter_of(self.kind).validate_json(value)


def _listed(value: Any) -> list[Any]:
    """A set as JSON: its order says nothing."""
    if isinstance(value, frozenset):
        return sorted(value)
    raise TypeError


class CodeList(TypeDecorator[tuple[str, ...]]):
    """A short list of codes (no commas inside), stored with commas between."""

    impl = String(255)
    cache_ok = True

    def process_bind_param(self, value: tuple[str, ...] | None, dialect: Dialect) -> str | None:
        return None if value is None else ",".join(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> tuple[str, ...] | None:
        return None if value is None else tuple(part for part in value.split(",") if part)
