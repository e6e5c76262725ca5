"""Fields that many filters have: a list means any of its values."""

from collections.abc import Iterable
from enum import Enum
from operator import attrgetter
from typing import Any, Final, TypeVar

import strawberry

from app.schema.base import lists
from app.schema.base.permissions import guarded

Value = TypeVar("Value")
VALUES_MAX: Final = 100
"""Of codes or ids in one condition."""


def any_of(description: str, maximum: int = VALUES_MAX, *, name: str | None = None) -> Any:
    """An optional condition: the object's value is one of these."""
    return strawberry.field(
        default=None, name=name, description=f"{description}: any of these.", directives=lists.up_to(maximum)
    )


def payers() -> Any:
    """The condition on the payer."""
    return any_of("Payer, by registro ANS", name="payerAnsCode")


def providers(description: str = "Provider, by CNES") -> Any:
    """The condition on the provider."""
    return any_of(description, name="providerCnes")


def patient() -> Any:
    """The condition on the patient, for those who may see who it is."""
    return guarded("patients:read", "patients:read_masked", name="patientId", description="Patient, by id.")


def given(values: Iterable[Value] | None) -> tuple[Value, ...] | None:
    """The values as the database layer expects them: members of an enum once each and in one order, since a statement
    is made for each list of them."""
    if values is None:
        return None
    found = tuple(values)
    return tuple(sorted(set(found), key=attrgetter("value"))) if found and isinstance(found[0], Enum) else found
