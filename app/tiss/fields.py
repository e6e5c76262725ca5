"""The words in which the tables of guides are written: a field, and the items and teams that repeat."""

from typing import Any

from app.tiss.values import TEXT, Codec
from app.values.frozen import frozen

Path = tuple[str, ...]
"""The names of elements, from the guide or the item down."""


@frozen
class Field:
    """A value of the claim and its element: `name` is the path in ClaimForm, or of a value that only a document has."""

    name: str
    path: Path
    codec: Codec = TEXT


@frozen
class Team:
    """The professionals of an item: the element that repeats, and the element inside it with the fields."""

    path: Path
    fields: tuple[Field, ...]


@frozen
class Items:
    """Items of one kind: the element that repeats, its fields, and what every such item is where it does not say.

    `is_only` for the one item of a consultation, whose element does not repeat.
    """

    path: Path
    fields: tuple[Field, ...]
    constants: dict[str, Any]
    team: Team | None = None
    is_expense: bool = False
    is_only: bool = False


@frozen
class Sum:
    """A sum over the items, in an element of the guide: over all if it names no kinds of expense.

    `None` among the kinds stands for procedures.
    """

    path: Path
    kinds: frozenset[str | None] | None = None


@frozen
class Contractor:
    """Where the guide says who bills: the elements that may hold the code at the payer, CNPJ or CPF, and the CNES."""

    code: Path
    cnes: Path
    cnpj: Path | None = None
    cpf: Path | None = None


def fields(base: str, **paths: str | tuple[str, Codec]) -> tuple[Field, ...]:
    """Fields whose elements are below `base`: `name="a/b"`, or `name=("a/b", CODEC)`; `__` in a name is a dot."""
    start = _parts(base)
    found = []
    for name, given in paths.items():
        path, codec = given if isinstance(given, tuple) else (given, TEXT)
        found.append(Field(name.replace("__", "."), start + _parts(path), codec))
    return tuple(found)


def path(text: str) -> Path:
    """The path of "a/b"."""
    return _parts(text)


def _parts(text: str) -> Path:
    return tuple(text.split("/")) if text else ()
