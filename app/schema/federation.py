"""Apollo Federation 2: the entities of this subgraph by their keys, and its SDL.

Entities are found as `nodes` finds objects, so permissions, data scope and access log are the same.
Specification: https://www.apollographql.com/docs/graphos/schema-design/federated-schemas/reference/subgraph-spec
"""

import asyncio
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Annotated, Any, Final, NewType, Union

import strawberry
from graphql import is_abstract_type

from app.domain import ids as public_ids
from app.domain.errors import ErrorCode, refuse
from app.schema.base import lists
from app.schema.base.connections import OfRecord
from app.schema.base.info import Info
from app.schema.base.permissions import Authenticated, Requires
from app.schema.base.types import object_type
from app.schema.node import NODE_TYPES, NODES_MAX, find
from app.schema.open_fields import OPEN_FIELDS
from app.schema.root import QUERIES, build, query_of, schema

SPECIFICATION: Final = "https://specs.apollo.dev/federation/v2.3"
NATURAL_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "Payer": ("ansCode",),
    "Provider": ("cnes",),
    "TussTerm": ("codeSystem", "code"),
}
"""Type -> the fields that its id is made of, in this order: a second key of it."""
SHAREABLE: Final = ("PageInfo",)
"""Types that other subgraphs define too, with the same meaning in each."""
PERMISSIONS: Final = "https://billing.example/permissions/v1.0"
"""The identity of the directives below in a supergraph. Routers do not know it, and so do not apply them."""
COMPOSED: Final = ("@authenticated", "@requiresScopes", "@sensitive")
"""Directives that a supergraph keeps, for its readers."""
INTROSPECT: Final = "schema:introspect"
_TYPE: Final = re.compile(r"^type (\w+)(?: implements [\w& ]+)?(?= \{$)", re.MULTILINE)


def _classes(prefix: str) -> Iterator[tuple[str, tuple[str, type[OfRecord]]]]:
    core = schema._schema  # noqa: SLF001 - Strawberry has no public name for it
    kind: Any = core.type_map[NODE_TYPES[prefix].type_name]
    for each in core.get_possible_types(kind) if is_abstract_type(kind) else [kind]:
        yield each.name, (prefix, each.extensions["strawberry-definition"].origin)


_ENTITIES: Final = dict(pair for prefix in NODE_TYPES for pair in _classes(prefix))
"""Type -> the prefix of its ids and its class; of an interface, the types that have it."""
_Entity: Any = Annotated[
    Union[tuple(kind for _, kind in _ENTITIES.values())],  # noqa: UP007 - the types are known at run time only
    strawberry.union("_Entity", description="An object that other subgraphs may name by its key."),
]
Representation = NewType("Representation", object)
_ANY: Final = strawberry.scalar(
    name="_Any",
    description="An entity by one of its keys: `{__typename, id}`, with text as values.",
    serialize=lambda value: value,
    parse_value=lambda value: value,
)


@object_type(name="_Service", description="This subgraph, for the composition of a supergraph.")
class Service:
    sdl: str = strawberry.field(description="The schema with the directives of Apollo Federation.")


def sdl() -> str:
    """The schema for clients, with the keys of its entities, the links, and what a supergraph keeps of permissions."""
    links = [_link(SPECIFICATION, "@key", "@shareable", "@composeDirective"), _link(PERMISSIONS, *COMPOSED)]
    kept = [f'@composeDirective(name: "{each}")' for each in COMPOSED]
    head = "\n  ".join(["extend schema", *links, *kept])
    return f"{head}\n\n{_TYPE.sub(_with_directives, schema.as_str())}"


def _link(url: str, *imported: str) -> str:
    names = ", ".join(f'"{each}"' for each in imported)
    return f'@link(url: "{url}", import: [{names}])'


def _with_directives(found: re.Match[str]) -> str:
    name = found[1]
    keys = [("id",), *([NATURAL_KEYS[name]] if name in NATURAL_KEYS else [])] if name in _ENTITIES else []
    shared = ["@shareable"] if name in SHAREABLE else []
    return " ".join([found[0], *(f'@key(fields: "{" ".join(key)}")' for key in keys), *shared])


async def _entity(info: Info, given: Any, place: int) -> Any:
    """The object, or None as `node` says it, also for an id of another type; INVALID_INPUT for what names no object."""
    path = f"representations.{place}"
    if not isinstance(given, dict):
        raise refuse(ErrorCode.INVALID_INPUT, "send an object with __typename and a key", path)
    name = given.get("__typename")
    if not isinstance(name, str) or name not in _ENTITIES:
        raise refuse(ErrorCode.INVALID_INPUT, "name a type that has a key", f"{path}.__typename")
    prefix, kind = _ENTITIES[name]
    identifier = _id_of(prefix, NATURAL_KEYS.get(name, ()), given)
    if identifier is None:
        raise refuse(ErrorCode.INVALID_INPUT, "send the fields of one key, each as text", f"{path}.id")
    if public_ids.prefix_of(identifier) != prefix:
        return None
    found = await find(info, identifier)
    return found if isinstance(found, kind.record) else None


def _id_of(prefix: str, natural: tuple[str, ...], given: Mapping[str, Any]) -> str | None:
    """The id that is given, or made of the fields of the second key; None without either."""
    values = [given.get(each) for each in (("id",) if "id" in given else natural)]
    texts = [each for each in values if isinstance(each, str)]
    if not texts or len(texts) != len(values):
        return None
    return texts[0] if "id" in given else public_ids.of_key(prefix, *texts)


Representations = Annotated[
    list[Representation],
    strawberry.argument(
        description=f"Entities by their keys, at most {NODES_MAX}.",
        directives=lists.up_to(NODES_MAX, checked_by_service=True),
    ),
]


class EntityQuery:
    @strawberry.field(
        name="_service",
        description="This subgraph's schema, for composition.",
        extensions=[Requires(INTROSPECT)],
    )
    async def service(self) -> Service:
        return Service(sdl=_sdl())

    @strawberry.field(
        name="_entities",
        graphql_type=list[_Entity | None],
        directives=[lists.ENTITIES],
        description=f"Up to {NODES_MAX} objects by their keys, found as `nodes` finds them: null for each that is not "
        "found, or that the caller may not read.",
        extensions=[Authenticated()],
    )
    async def entities(self, info: Info, representations: Representations) -> list[Any]:
        if len(representations) > NODES_MAX:
            message = f"request at most {NODES_MAX} representations at once"
            raise refuse(ErrorCode.INVALID_INPUT, message, "representations")
        found = [_entity(info, each, place) for place, each in enumerate(representations)]
        return list(await asyncio.gather(*found, return_exceptions=True))


_sdl = cache(sdl)


@cache
def subgraph() -> strawberry.Schema:
    """The schema for clients, with the two fields that federation adds to it."""
    texts = {**OPEN_FIELDS.texts, "the schema, for those who may introspect it": ("_Service.sdl",)}
    return build(
        query_of(*QUERIES, EntityQuery), scalars={Representation: _ANY}, open_fields=replace(OPEN_FIELDS, texts=texts)
    )
