"""Statements as text: what SQLAlchemy makes of a statement, taken apart so that running it does not need SQLAlchemy."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC
from types import FunctionType
from typing import Any, Final

from sqlalchemy import BindParameter, TupleType
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

from app.db.arguments import Places, is_leftover
from app.db.makers import maker_of
from app.db.types import NEVER_STORED, EnumText, JsonOf, UtcDateTime, ascii_text

Rows = Sequence[Sequence[Any]]
Convert = Callable[[Any], Any]
_PLACEHOLDER: Final = re.compile("%%|%s")


class Text:
    """The text of a statement, with %s for parameters.

    `native` is that of a prepared statement, with ? for parameters; None if it cannot be one, or is not worth it.
    """

    __slots__ = ("native", "text")

    def __init__(self, text: str, *, is_prepared: bool = True) -> None:
        self.text = text
        self.native: str | None = None
        if is_prepared and "?" not in text:
            self.native = _PLACEHOLDER.sub(lambda found: "?" if found[0] == "%s" else "%", text)


class Compiled(Text):
    """A statement of one shape, with what turns values into its parameters and its rows into records."""

    __slots__ = ("has_slow_columns", "parameters", "records", "statement")

    def __init__(self, statement: Any, dialect: Dialect, places: Places, record: Callable[..., Any]) -> None:
        # A reference: the shape's key names columns by identity, which nothing else may get meanwhile.
        self.statement = statement
        compiled = statement.compile(dialect=dialect)
        state = compiled.construct_expanded_state()
        super().__init__(state.statement)
        encoders = _encoders(compiled, state.parameter_expansion, state.processors, dialect)
        given = [(state.parameters[name], encoders.get(name)) for name in state.positiontup or ()]
        self.parameters = _parameters(given, places)
        types = [column.type for column in getattr(statement, "selected_columns", ())]
        self.records = records_of(types, dialect, record)
        self.has_slow_columns = any(isinstance(each, JsonOf) for each in types)


def _encoders(
    compiled: SQLCompiler, expansion: Mapping[str, Sequence[str]], processors: Mapping[str, Any], dialect: Dialect
) -> dict[str, Convert | None]:
    """Parameter -> what turns its value into the driver's, if anything does."""
    binds: Mapping[str, BindParameter[Any]] = compiled.binds
    found = {name: encoder_of(bind.type, dialect) for name, bind in binds.items()}
    found |= {each: encoder_of(binds[name].type, dialect) for name, parts in expansion.items() for each in parts}
    # Pairs in an IN have a type of their own for each part, which only SQLAlchemy's processors know.
    pairs = {each for name, parts in expansion.items() for each in parts if isinstance(binds[name].type, TupleType)}
    return found | {name: processors.get(name) for name in pairs}


def encoder_of(kind: TypeEngine[Any], dialect: Dialect) -> Convert | None:
    """What turns a value of this type into the driver's; None for nothing."""
    if isinstance(kind, ascii_text):
        return _ascii
    processor: Convert | None = kind.dialect_impl(dialect).bind_processor(dialect)
    return processor


def _ascii(value: str | None) -> str | None:
    return value if value is None or value.isascii() else NEVER_STORED


def _parameters(given: Sequence[tuple[Any, Convert | None]], places: Places) -> Callable[[Sequence[Any]], list[Any]]:
    """The function from the values of a call to the parameters of the text."""
    numbers = {place if isinstance(place, int) else id(place): number for number, place in enumerate(places.made)}
    parts: list[str] = []
    names: dict[str, Any] = {}
    for number, (value, encode) in enumerate(given):
        place = numbers.get(value if isinstance(value, int) else id(value))
        if place is None:
            if is_leftover(value):
                raise AssertionError(f"a statement changes its argument: {value!r}")
            names[f"c{number}"] = value if encode is None else encode(value)
            parts.append(f"c{number}")
        else:
            names[f"e{number}"] = encode
            parts.append(f"v[{place}]" if encode is None else f"e{number}(v[{place}])")
    return function(f"lambda v: [{', '.join(parts)}]", names)


def records_of(types: Sequence[TypeEngine[Any]], dialect: Dialect, record: Callable[..., Any]) -> Callable[[Rows], Any]:
    """The function from rows to records, written for these columns: it costs a fraction of one that looks them up."""
    names: dict[str, Any] = {"record": maker_of(record), "UTC": UTC}
    parts = [_decoded(f"a{number}", kind, dialect, names) for number, kind in enumerate(types)]
    if all(part == f"a{number}" for number, part in enumerate(parts)):
        return function("lambda rows: [record(*row) for row in rows]", names)
    columns = ", ".join(f"a{number}" for number in range(len(types)))
    return function(f"lambda rows: [record({', '.join(parts)}) for {columns}, in rows]", names)


def _decoded(name: str, kind: TypeEngine[Any], dialect: Dialect, names: dict[str, Any]) -> str:
    """The expression for the value of a column of this type, and what it needs."""
    if isinstance(kind, UtcDateTime):
        return f"{name} if {name} is None else {name}.replace(tzinfo=UTC)"
    if isinstance(kind, EnumText):
        names[f"d{name}"] = {member.value: member for member in kind.members} | {None: None}
        return f"d{name}[{name}]"
    decode = kind.dialect_impl(dialect).result_processor(dialect, None)
    names[f"d{name}"] = decode
    return name if decode is None else f"{name} if {name} is None else d{name}({name})"


def function(source: str, names: dict[str, Any]) -> Callable[..., Any]:
    """The function that the source of a lambda describes, with these names."""
    found: Callable[..., Any] = FunctionType(compile(source, "<statement>", "eval"), names)()
    return found
