"""Registers enums of the domain, which does not depend on GraphQL, as described GraphQL enums."""

from collections.abc import Mapping
from enum import StrEnum

import strawberry

from app.domain.described import DescribedEnum


def described(enum: type[DescribedEnum], description: str, *, name: str | None = None) -> None:
    """Register the enum, under another name than its own if one is given; its values have their own descriptions."""
    described_by(enum, description, {value.name: value.description for value in enum}, name=name)


def described_by(enum: type[StrEnum], description: str, values: Mapping[str, str], *, name: str | None = None) -> None:
    """Register an enum whose values are described elsewhere; KeyError at import if one has no description."""
    strawberry.enum(enum, name=name, description=description)
    for value in enum.__strawberry_definition__.values:  # type: ignore[attr-defined]
        value.description = values[value.name]
