"""Checks that do not depend on each other: one refusal has the reasons of all of them, so that a form is corrected in
one round."""

from collections.abc import Awaitable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from app.domain.errors import BillingError, Failure, raise_any

Found = TypeVar("Found")


class Refusals:
    """The reasons found so far. What later checks say of a value that has been refused, or of what is in it, is left
    out: it may follow from that."""

    def __init__(self, failures: Iterable[Failure | None] = ()) -> None:
        self._found = [failure for failure in failures if failure is not None]
        self._places = {failure.field or "" for failure in self._found}

    @contextmanager
    def also(self) -> Iterator[None]:
        """A further check: what it raises is added."""
        try:
            yield
        except BillingError as error:
            found = [failure for failure in error.failures if self._places.isdisjoint(_wholes(failure.field or ""))]
            self._found += found
            self._places |= {failure.field or "" for failure in found}

    def raise_any(self) -> None:
        """End with all that was found; nothing happens if that is nothing. Call it before anything is written."""
        raise_any(self._found)


def _wholes(place: str) -> list[str]:
    """The place, and all that it is in."""
    steps = place.split(".")
    return [".".join(steps[: count + 1]) for count in range(len(steps))]


async def checked(failures: Iterable[Failure | None], subject: Awaitable[Found]) -> Found:
    """What the values are for, such as a locked row; it is looked up, and refused, also if the values have failures."""
    refusals = Refusals(failures)
    with refusals.also():
        found = await subject
    refusals.raise_any()
    return found
