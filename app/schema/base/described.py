"""Domain enums as GraphQL enums, with a description for every value (the domain itself knows no GraphQL)."""

from enum import StrEnum

import strawberry


def described(enum: type[StrEnum], description: str, values: dict[str, str]) -> None:
    """Register the enum; a value without a description is a mistake that stops the import."""
    strawberry.enum(enum, description=description)
    for value in enum.__strawberry_definition__.values:  # type: ignore[attr-defined]
        value.description = values[value.name]
