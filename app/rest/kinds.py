"""The kinds of values in bodies and query strings: how each is read, and how the OpenAPI document describes it.

Numbers come as `Number`, the text that was sent: nothing is ever a float, so 0.1 is exactly 0.1, and what a caller's
own floats made of it, 0.30000000000000004, is seen and refused.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from app.values.frozen import frozen


class Number(str):
    """A JSON number as it was written."""

    __slots__ = ()


class Invalid(Exception):
    """A value cannot be read; `field` is its dotted path in the body, or the name of a parameter."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


class Kind(Protocol):
    """What a value may be."""

    @property
    def schema(self) -> dict[str, Any]:
        """Its JSON Schema."""

    def read(self, value: Any, at: str) -> Any:
        """The value as the operation takes it; Invalid if it is of another kind."""


@frozen
class Text:
    """A text; the operation checks what is in it. `shape` is what to say of it in the document."""

    shape: Mapping[str, Any]

    @property
    def schema(self) -> dict[str, Any]:
        """A string."""
        return {"type": "string", **self.shape}

    def read(self, value: Any, at: str) -> str:
        """The text."""
        if not isinstance(value, str) or isinstance(value, Number):
            raise Invalid(at, "send a text")
        return value


@frozen
class Decimal:
    """An amount or a quantity: a number, taken by its decimal text, or that text itself."""

    example: str

    @property
    def schema(self) -> dict[str, Any]:
        """A number or a string."""
        return {"type": ["number", "string"], "examples": [self.example]}

    def read(self, value: Any, at: str) -> str:
        """Its text: the operation refuses what is no exact amount."""
        if not isinstance(value, str):
            raise Invalid(at, f'send a number, or its text: "{self.example}"')
        return str(value)


@frozen
class Whole:
    """A whole number from `least` to `most`; in a query string, its digits."""

    least: int
    most: int

    @property
    def schema(self) -> dict[str, Any]:
        """An integer."""
        return {"type": "integer", "minimum": self.least, "maximum": self.most}

    def read(self, value: Any, at: str) -> int:
        """The number."""
        # The length first: converting thousands of digits would take long.
        is_whole = isinstance(value, Number) and len(value) <= 12 and value.isascii() and value.isdecimal()
        if not is_whole or not self.least <= int(value) <= self.most:
            raise Invalid(at, f"send a whole number from {self.least} to {self.most}")
        return int(value)


@frozen
class Flag:
    """True or false."""

    @property
    def schema(self) -> dict[str, Any]:
        """A boolean."""
        return {"type": "boolean"}

    def read(self, value: Any, at: str) -> bool:
        """The value."""
        if not isinstance(value, bool):
            raise Invalid(at, "send true or false")
        return value


@frozen
class OneOf:
    """One of these texts."""

    values: tuple[str, ...]

    @property
    def schema(self) -> dict[str, Any]:
        """An enumeration."""
        return {"type": "string", "enum": list(self.values)}

    def read(self, value: Any, at: str) -> str:
        """The text."""
        if value not in self.values:
            raise Invalid(at, f"send one of {', '.join(self.values)}")
        return str(value)


@frozen
class ListOf:
    """A list of up to `most` values of one kind."""

    kind: Kind
    most: int

    @property
    def schema(self) -> dict[str, Any]:
        """An array."""
        return {"type": "array", "items": self.kind.schema, "maxItems": self.most}

    def read(self, value: Any, at: str) -> list[Any]:
        """Its values."""
        if not isinstance(value, list) or len(value) > self.most:
            raise Invalid(at, f"send a list of at most {self.most}")
        return [self.kind.read(each, f"{at}.{index}") for index, each in enumerate(value)]


@frozen
class Member:
    """A member of an object, or a parameter of a query string.

    `path` is where its value goes in the operation's input, dotted; "" for one that only chooses the operation.
    """

    name: str
    path: str
    kind: Kind
    description: str
    is_required: bool = False
    default: Any = None


@frozen
class Group:
    """An object of these members and no others. A member that is null counts as one that is missing."""

    members: tuple[Member, ...]

    @property
    def schema(self) -> dict[str, Any]:
        """An object."""
        required = [each.name for each in self.members if each.is_required]
        return {
            "type": "object",
            "properties": {each.name: described(each) for each in self.members},
            **({"required": required} if required else {}),
            "additionalProperties": False,
        }

    def read(self, value: Any, at: str) -> dict[str, Any]:
        """The values that the operation takes, nested as their paths say."""
        return placed(self.members, self.values(value, at))

    def values(self, value: Any, at: str = "") -> dict[str, Any]:
        """The values by the members' names, with defaults."""
        if not isinstance(value, dict):
            raise Invalid(at, "send an object")
        prefix = f"{at}." if at else ""
        known = {each.name for each in self.members}
        if not known.issuperset(value):
            # The name itself may be anything, so it is not repeated.
            raise Invalid(at, f"there is a member that is unknown here; known are {', '.join(sorted(known))}")
        found = {}
        for each in self.members:
            given = value.get(each.name)
            if given is None and each.is_required:
                raise Invalid(f"{prefix}{each.name}", "this member is missing")
            if given is not None or each.default is not None:
                found[each.name] = each.default if given is None else each.kind.read(given, f"{prefix}{each.name}")
        return found


def described(member: Member) -> dict[str, Any]:
    """The schema of a member, with what it means; null is the same as leaving it out, unless it is required."""
    schema = {**member.kind.schema, "description": member.description}
    if member.default is not None:
        schema["default"] = member.default
    return schema if member.is_required else {"anyOf": [schema, {"type": "null"}], "description": member.description}


def placed(members: Sequence[Member], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values nested as the members' paths say: {"payer_id": "1"} under `claim.payerAnsCode` is
    {"claim": {"payerAnsCode": "1"}}, and a path that ends in `.0` makes a list of the one value."""
    found: dict[str, Any] = {}
    for member in members:
        if member.path and member.name in values:
            is_listed = member.path.endswith(".0")
            *above, last = member.path.removesuffix(".0").split(".")
            inner = found
            for step in above:
                inner = inner.setdefault(step, {})
            inner[last] = [values[member.name]] if is_listed else values[member.name]
    return found


def located(members: Sequence[Member], steps: Sequence[str]) -> str | None:
    """The dotted path in the body of a path in the operation's input; None if no member leads there."""
    for member in members:
        own = member.path.removesuffix(".0").split(".")
        if member.path and list(steps[: len(own)]) == own:
            return ".".join([member.name, *_inside(member.kind, list(steps[len(own) :]))])
    return None


def _inside(kind: Kind, steps: list[str]) -> list[str]:
    if isinstance(kind, ListOf) and steps:
        return [steps[0], *_inside(kind.kind, steps[1:])]
    if isinstance(kind, Group) and steps:
        inner = located(kind.members, steps)
        return [] if inner is None else [inner]
    return []


TEXT: Final = Text({})
DATE: Final = Text({"examples": ["2026-11-02"]})
