"""Fields whose values are read for a whole level of objects at once: each is declared once, for plans and graphql-core.

A plan reads the values of all objects of a level together (`app/executor/reads.py`). graphql-core calls the resolver of
each object, whose dataloader does the same a little later.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any, TypeVar

import strawberry
from strawberry.dataloader import DataLoader

from app.executor.asked import Asked
from app.executor.reads import LEVEL, Batched, Related
from app.resolvers.context import Context
from app.resolvers.loaders import Loaders
from app.resolvers.nested import NestedList
from app.resolvers.paging import Slice
from app.schema.base.info import Info
from app.schema.base.mutations import check_arguments

Resolve = TypeVar("Resolve", bound=Callable[..., Any])


def related(
    kind: Any,
    loader: Callable[[Loaders], DataLoader[Any, Any]],
    key: str | Callable[[Any], Any],
    *,
    description: str,
    name: str | None = None,
    otherwise: Any = None,
    then: Callable[[Any], Any] | None = None,
    extensions: Sequence[Any] = (),
    directives: Sequence[Any] = (),
) -> Any:
    """What a dataloader has by a key of the object, an attribute or a function; `otherwise` for a key that is None.

    `then` makes the field's value of what was loaded.
    """
    read = Related(
        lambda context: loader(context.loaders), attrgetter(key) if isinstance(key, str) else key, otherwise, then
    )

    async def resolve(record: strawberry.Parent[Any], info: Info) -> Any:
        found = read.key(record)
        if found is None:
            return otherwise
        loaded = await loader(info.context.loaders).load(found)
        return loaded if then is None else then(loaded)

    setattr(resolve, LEVEL, read)
    return _field(resolve, kind, description, name, extensions, directives)


def batched(
    kind: Any,
    read: Callable[[Context, Sequence[Any]], Awaitable[Sequence[Any]]],
    *,
    description: str,
    extensions: Sequence[Any] = (),
    directives: Sequence[Any] = (),
    asked: Asked = None,
) -> Any:
    """What a function has for a list of objects, a value for each; `asked` are the attributes of records that it may
    use, None for all."""

    def of_level(context: Context, objects: Sequence[Any], _arguments: Any) -> Awaitable[Sequence[Any]]:
        return read(context, objects)

    async def resolve(record: strawberry.Parent[Any], info: Info) -> Any:
        (found,) = await read(info.context, [record])
        return found

    setattr(resolve, LEVEL, Batched(of_level, asked))
    return _field(resolve, kind, description, None, extensions, directives)


def paged(listed: NestedList[Any]) -> Callable[[Resolve], Resolve]:
    """Declares the resolver of a connection on objects: the pages of a level are read together. Its arguments are
    those of a page (`Slice`) and, if it has one, `filter`, an input with a `where`."""

    def of_level(context: Context, objects: Sequence[Any], arguments: Mapping[str, Any]) -> Awaitable[Sequence[Any]]:
        given = dict(arguments)
        where = filtered_by(given.pop("filter", None))
        return listed.pages(context, [each.id for each in objects], where=where, at=Slice(**given))

    def declare(resolve: Resolve) -> Resolve:
        setattr(resolve, LEVEL, Batched(of_level, frozenset({"id"})))
        return resolve

    return declare


def filtered_by(filter: Any) -> Any:
    """What the `where` of a filter gives, or None without one; INVALID_INPUT for one that is refused."""
    check_arguments(filter=filter)
    return None if filter is None else filter.where()


def _field(
    resolve: Any, kind: Any, description: str, name: str | None, extensions: Sequence[Any], directives: Sequence[Any]
) -> Any:
    return strawberry.field(
        resolver=resolve,
        name=name,
        graphql_type=kind,
        description=description,
        extensions=list(extensions),
        directives=list(directives),
    )
