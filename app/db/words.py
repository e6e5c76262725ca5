"""Searching names by words: whatever the case and the accents, on every server."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, String, TypeDecorator, bindparam, or_
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from app.db.filters import Condition
from app.db.types import NEVER_STORED
from app.domain.words import is_number

ESCAPE: Final = "/"


class _Part(TypeDecorator[str]):
    """A word as the pattern of texts that contain it. The parameter is made of the word, so that one statement serves
    all words."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's
        return None if value is None else f"%{_escaped(value)}%"


class _Start(TypeDecorator[str]):
    """A word as the pattern of codes that start with it, if it is a number; other words are the start of none."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's
        return None if value is None else f"{value}%" if is_number(value) else NEVER_STORED


def _escaped(word: str) -> str:
    for each in (ESCAPE, "%", "_"):
        word = word.replace(each, ESCAPE + each)
    return word


class _Folded(FunctionElement[str]):
    """The text without case and accents. SQLite has the function from `app/db/engine.py`."""

    name = "folded"
    type = String()
    inherit_cache = True


@compiles(_Folded)
def _by_function(element: _Folded, compiler: SQLCompiler, **options: Any) -> str:
    return f"folded({compiler.process(element.clauses, **options)})"


@compiles(_Folded, "mysql")
@compiles(_Folded, "mariadb")
def _by_collation(element: _Folded, compiler: SQLCompiler, **options: Any) -> str:
    return f"({compiler.process(element.clauses, **options)} COLLATE utf8mb4_unicode_ci)"


def has_words(
    words: Sequence[str], name: ColumnElement[Any], code: ColumnElement[Any] | None = None
) -> list[Condition]:
    """Each word (of `words_of`) is part of the name, or digits with which the code, if there is one, starts."""
    return [_has(word, name, code) for word in words]


def _has(word: str, name: ColumnElement[Any], code: ColumnElement[Any] | None) -> Condition:
    is_part = _Folded(name).like(bindparam(None, word, _Part()), escape=ESCAPE)
    return is_part if code is None else or_(is_part, code.like(bindparam(None, word, _Start())))
