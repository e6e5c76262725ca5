"""Searching names by words: whatever the case and the accents, on every server."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, String, or_
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from app.db.filters import Condition
from app.domain.words import is_number


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


def has_words(words: Sequence[str], name: ColumnElement[Any], code: ColumnElement[Any]) -> list[Condition]:
    """Each word (of `words_of`) is part of the name, or digits with which the code starts."""
    return [_has(word, name, code) for word in words]


def _has(word: str, name: ColumnElement[Any], code: ColumnElement[Any]) -> Condition:
    found: Condition = _Folded(name).contains(word, autoescape=True)
    return or_(found, code.startswith(word, autoescape=True)) if is_number(word) else found
