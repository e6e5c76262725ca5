"""Registers enums of the domain, which does not depend on GraphQL, as described GraphQL enums."""

from enum import StrEnum

import strawberry


def described(enum: type[StrEnum], description: str, values: dict[str, str]) -> None:
    """Register the enum; KeyError at import if a value has no description."""
    strawberry.enum(enum, description=description)
    for value in enum.__strawberry_definition__.values:  # type: ignore[attr-defined]
        value.description = values[value.name]
