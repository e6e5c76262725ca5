"""The ways to read a field's values for a whole level of objects, and how a field declares that it has such a way."""

from asyncio import Future
from collections.abc import Awaitable, Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final

from app.executor.asked import Asked, names_in, union
from app.values.frozen import frozen

LEVEL: Final = "level"
"""The attribute of a resolver that says how its values are read for a whole level."""


def has_null(values: Sequence[Any]) -> bool:
    """Whether one is None; `in` would call each object's `__eq__`."""
    return type(None) in set(map(type, values))


@frozen
class Related:
    """Values that a dataloader of the context has by a key of each object; `otherwise` for an object without a key.

    `then` makes the value of what was loaded. The loader has `load_level`: keys -> a future of a value for each, or an
    error in its place.
    """

    loader: Callable[[Any], Any]
    key: Callable[[Any], Any]
    otherwise: Any = None
    then: Callable[[Any], Any] | None = None

    @property
    def asked(self) -> Asked:
        """What it may use of the objects, and of what is loaded."""
        return union([names_in(self.key), frozenset() if self.then is None else names_in(self.then)])

    def load(self, context: Any, objects: Sequence[Any]) -> "Loading":
        """Begin to load the values of the objects."""
        keys = list(map(self.key, objects))
        wanted = [each for each in keys if each is not None] if has_null(keys) else keys
        return Loading(keys, self.loader(context).load_level(wanted))

    def loaded(self, loading: "Loading") -> list[Any]:
        """A value for each object, or the error in its place; all are there."""
        values, then = loading.future.result(), self.then
        if then is not None:
            values = [each if isinstance(each, Exception) else then(each) for each in values]
        if len(values) == len(loading.keys):
            return values
        found, otherwise = iter(values), self.otherwise
        return [otherwise if each is None else next(found) for each in loading.keys]


@frozen
class Loading:
    """The keys of a level, None for objects without one, and what the values of the others are waited for by."""

    keys: list[Any]
    future: Future[list[Any]]


@frozen
class Batched:
    """Values that a function has for a list of objects: context, objects, arguments -> a value for each.

    `asked` is what it may use of the objects, and of other records.
    """

    read: Callable[[Any, Sequence[Any], Mapping[str, Any]], Awaitable[Sequence[Any]]]
    asked: Asked = None


@frozen
class Attribute:
    """Values that the objects have."""

    name: str

    def values(self, objects: Sequence[Any], _info: Any, _arguments: Any) -> list[Any]:
        """A value for each object."""
        return list(map(attrgetter(self.name), objects))


@frozen
class Call:
    """What a synchronous resolver returns."""

    resolver: "Resolver"

    def values(self, objects: Sequence[Any], info: Any, arguments: Any) -> list[Any]:
        """A value for each object."""
        call = self.resolver.call
        return [call(each, info, arguments) for each in objects]


@frozen
class Await:
    """What an asynchronous resolver returns, called for each object."""

    resolver: "Resolver"

    def loaded(self, futures: Sequence[Future[Any]]) -> list[Any]:
        """The values for which these futures are, which are done, or their errors."""
        return [each.exception() or each.result() for each in futures]


@frozen
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
