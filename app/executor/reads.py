"""The ways to read a field's values for a whole level of objects, and how a field declares that it has such a way."""

from asyncio import Future
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final

LEVEL: Final = "level"
"""The attribute of a resolver that says how its values are read for a whole level."""


@dataclass(frozen=True, slots=True)
class Related:
    """Values that a dataloader of the context has by a key of each object; `otherwise` for an object without a key.

    `then` makes the value of what was loaded.
    """

    loader: Callable[[Any], Any]
    key: Callable[[Any], Any]
    otherwise: Any = None
    then: Callable[[Any], Any] | None = None

    def loaded(self, futures: Sequence[Future[Any] | None]) -> list[Any]:
        """The values of objects for whose keys these futures are; they are done."""
        otherwise, then = self.otherwise, self.then
        if then is None:
            return [otherwise if each is None else each.result() for each in futures]
        return [otherwise if each is None else then(each.result()) for each in futures]


@dataclass(frozen=True, slots=True)
class Batched:
    """Values that a function has for a list of objects: context, objects -> a value for each."""

    read: Callable[[Any, Sequence[Any]], Awaitable[Sequence[Any]]]


@dataclass(frozen=True, slots=True)
class Attribute:
    """Values that the objects have."""

    name: str

    def values(self, objects: Sequence[Any], _info: Any, _arguments: Any) -> list[Any]:
        """A value for each object."""
        return list(map(attrgetter(self.name), objects))


@dataclass(frozen=True, slots=True)
class Call:
    """What a synchronous resolver returns."""

    resolver: "Resolver"

    def values(self, objects: Sequence[Any], info: Any, arguments: Any) -> list[Any]:
        """A value for each object."""
        call = self.resolver.call
        return [call(each, info, arguments) for each in objects]


@dataclass(frozen=True, slots=True)
class Await:
    """What an asynchronous resolver returns, called for each object."""

    resolver: "Resolver"

    def loaded(self, futures: Sequence[Future[Any]]) -> list[Any]:
        """The values for which these futures are; they are done."""
        return [each.result() for each in futures]


@dataclass(frozen=True, slots=True)
class Resolver:
    """A resolver, and by which names it takes the object and the info; "" for one that it does not take."""

    function: Callable[..., Any]
    source: str
    info: str

    def call(self, source: Any, info: Any, arguments: Any) -> Any:
        """What it returns."""
        given = dict(arguments)
        if self.info:
            given[self.info] = info
        if self.source == "self":
            return self.function(source, **given)
        if self.source:
            given[self.source] = source
        return self.function(**given)
