"""What a plan asks of the rules of fields and of the context of an operation, and how it says that it gives up."""

from collections.abc import Callable, Hashable, Sequence
from typing import Any, Protocol

from app.executor.asked import Asked
from app.values.frozen import frozen


class NotPlanned(Exception):
    """A plan does not cover this: graphql-core executes the whole operation, from the start."""


@frozen
class Verdict:
    """What a rule decides for every caller who may see the same.

    `refuse` makes the error of a refused field from the context; None for a field that is shown. The access log gets
    `classes`, of each object that shows the field, or `refusals`, (class, permission) pairs, once. `text` makes a text
    what this caller may see of it; only the values of synchronous fields are texts.
    """

    refuse: Callable[[Any], Exception] | None = None
    classes: tuple[str, ...] = ()
    refusals: tuple[tuple[str, str], ...] = ()
    text: Callable[[Any], Any] | None = None


SHOWN = Verdict()


class Rule(Protocol):
    """The extension of a field that decides who may see it."""

    def verdict(self, context: Any) -> Verdict:
        """The decision for the caller of the context; NotPlanned if it depends on the object."""


class PlanWork(Protocol):
    """The budget of an operation and its turns on the event loop."""

    left: float

    def charge_level(self, objects: int, fields: int) -> None:
        """Count so many objects with so many fields each; an error if they are too many."""

    def expect(self, objects: int) -> None:
        """An error for lists that cannot fit."""

    async def turn(self) -> None:
        """Wait for the next turn."""

    async def pay(self) -> None:
        """Pay for what was executed since the last payment."""


class PlanContext(Protocol):
    """The context of an operation, as a plan needs it."""

    @property
    def visibility(self) -> Hashable | None:
        """Equal for callers who may see the same fields; None for a caller whose operations are not planned."""

    asked: Asked
    """What is used of the records that are read; None for everything."""

    @property
    def work(self) -> PlanWork:
        """What the operation has used of its budget."""

    def note_shown(self, operation: str, classes: Sequence[str], records: Sequence[Any]) -> None:
        """Note for the access log that data of these classes was shown of the records."""

    def note_refused(self, operation: str, refusals: Sequence[tuple[str, str]]) -> None:
        """Note for the access log that these (class, permission) pairs were refused."""
