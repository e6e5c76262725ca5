"""How the rows of a result are read: a function for each combination of column types, made once.

The definitions of a statement's columns are the same bytes every time. To read them takes longer than to read a row, so
what they say is remembered by these bytes.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from functools import lru_cache, partial
from textwrap import indent
from typing import Any, Final

from pymysql.connections import TEXT_TYPES
from pymysql.constants import FIELD_TYPE
from pymysql.converters import convert_date, convert_datetime, decoders, through
from pymysql.protocol import FieldDescriptorPacket

from app.values.frozen import frozen

SHAPES_MAX: Final = 1_000
PACKET_MAX: Final = 2**24 - 1
"""A packet of this size goes on in the next one."""
_BINARY: Final = 63
_NULL: Final = 251
_LENGTHS: Final = {252: 2, 253: 3, 254: 8}
"""The first byte of a length above 250, and in how many bytes the length follows."""
Take = Callable[[bytes, str, int, int, list[Any], int], tuple[int, int]]
"""Bytes, the same as Latin-1, the place of a packet, its number, rows to add to, how many of them at most -> the place
and the number of the first packet that is no whole row, or one too many."""


def _converted(of_text: Callable[[str], Any], otherwise: Callable[[str], Any], text: str) -> Any:
    try:
        return of_text(text)
    except ValueError:
        return otherwise(text)


_FAST: Final = {
    FIELD_TYPE.DATETIME: datetime.fromisoformat,
    FIELD_TYPE.TIMESTAMP: datetime.fromisoformat,
    FIELD_TYPE.DATE: date.fromisoformat,
}
"""Python reads times and days ten times faster than PyMySQL does, but not those that it cannot represent."""
DECODERS: Final = {
    **decoders,
    FIELD_TYPE.DATETIME: partial(_converted, datetime.fromisoformat, convert_datetime),
    FIELD_TYPE.TIMESTAMP: partial(_converted, datetime.fromisoformat, convert_datetime),
    FIELD_TYPE.DATE: partial(_converted, date.fromisoformat, convert_date),
}


@frozen
class Shape:
    """What the definitions of the columns say; `take` raises ValueError for a time that Python has none for, `take_any`
    reads it as PyMySQL does. `whole` reads a row without its packet, from the place at which it begins."""

    fields: Sequence[FieldDescriptorPacket]
    description: tuple[Any, ...]
    take: Take
    take_any: Take
    whole: Callable[[bytes, str, int], tuple[Any, ...]]


@lru_cache(maxsize=SHAPES_MAX)
def shape_of(definitions: bytes, encoding: str) -> Shape:
    """The shape that these packets define, of which the last one only ends them."""
    fields = []
    place = 0
    while place < len(definitions):
        size = int.from_bytes(definitions[place : place + 3], "little")
        start, place = place + 4, place + 4 + size
        if place < len(definitions):
            fields.append(FieldDescriptorPacket(definitions[start:place], encoding))
    kinds = tuple((each.type_code, _encoding(each, encoding)) for each in fields)
    description = tuple(each.description() for each in fields)
    take, _ = _taking(kinds, is_fast=True)
    return Shape(fields, description, take, *_taking(kinds, is_fast=False))


def _encoding(field: FieldDescriptorPacket, encoding: str) -> str | None:
    """The encoding of a column's values; None for bytes."""
    if field.type_code == FIELD_TYPE.JSON:
        return encoding
    if field.type_code in TEXT_TYPES:
        return None if field.charsetnr == _BINARY else encoding
    return "ascii"


@lru_cache(maxsize=SHAPES_MAX)
def _taking(kinds: Sequence[tuple[int, str | None]], *, is_fast: bool) -> tuple[Take, Any]:
    """The functions `take` and `whole` for columns of these types and encodings."""
    names: dict[str, Any] = {"long": _long}
    lines = []
    for number, (kind, encoding) in enumerate(kinds):
        convert = _FAST.get(kind) if is_fast else None
        convert = convert or DECODERS.get(kind)
        names[f"c{number}"] = None if convert is through else convert
        lines += _column(f"a{number}", f"c{number}" if names[f"c{number}"] else "", encoding)
    row = "".join(f"a{number}, " for number in range(len(kinds)))
    of_packets, of_one = (indent("\n".join(lines), " " * deep) for deep in (8, 4))
    source = _SOURCE.format(of_packets=of_packets, of_one=of_one, row=row)
    exec(compile(source, "<rows>", "exec"), names)  # noqa: S102 - made of types of columns, nothing of a client's
    return names["take"], names["whole"]


_SOURCE: Final = """
def take(data, text, place, number, rows, left):
    end = len(data)
    add = rows.append
    while left and end - place > 4:
        size = data[place] | data[place + 1] << 8 | data[place + 2] << 16
        at = place + 4
        stop = at + size
        first = data[at]
        if stop > end or data[place + 3] != number or first == 255 or first == 254 and size < 9 or size == 16777215:
            break
{of_packets}
        add(({row}))
        place = stop
        number = number + 1 & 255
        left -= 1
    return place, number

def whole(data, text, at):
{of_one}
    return ({row})
"""


def _column(name: str, convert: str, encoding: str | None) -> list[str]:
    """The lines that read one value: its length and then so many bytes. What is ASCII need not be decoded again."""
    raw = "data[at:after]"
    text = raw if encoding is None else f"{raw}.decode({encoding!r})"
    short = "text[at:after]" if encoding == "ascii" else text
    if encoding not in (None, "ascii"):
        short = f"v if (v := text[at:after]).isascii() else {raw}.decode({encoding!r})"
    return [
        "at += 1",
        "if (after := at + data[at - 1]) < at + 251:",
        f"    {name} = {f'{convert}({short})' if convert else short}",
        "else:",
        "    at, after = long(data, at)",
        f"    {name} = None if after is None else {f'{convert}({text})' if convert else text}",
        "at = after or at",
    ]


def _long(data: bytes, at: int) -> tuple[int, int | None]:
    """Where a value begins and ends whose length does not fit into the byte before; the end is None for a null."""
    first = data[at - 1]
    if first == _NULL:
        return at, None
    size = _LENGTHS[first]
    start = at + size
    return start, start + int.from_bytes(data[at:start], "little")
