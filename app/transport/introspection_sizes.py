"""How long the lists of introspection are in a schema: their mean length, so that the cost of an introspection is about
the number of fields in its answer."""

from collections.abc import Iterable, Mapping, Sized
from functools import lru_cache
from typing import Final

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
)

Sizes = Mapping[tuple[str, str], int]
_COMPOSITE: Final = (GraphQLObjectType, GraphQLInterfaceType)


@lru_cache(maxsize=8)
def introspection_sizes(schema: GraphQLSchema) -> Sizes:
    """(introspection type, its field) -> the mean length of the list, rounded up."""
    types = list(schema.type_map.values())
    composites = [each for each in types if isinstance(each, _COMPOSITE)]
    fields: list[GraphQLField] = [each for kind in composites for each in kind.fields.values()]
    directives: list[dict[str, GraphQLArgument]] = [each.args for each in schema.directives]
    return {
        ("__Schema", "types"): len(types),
        ("__Schema", "directives"): len(schema.directives),
        ("__Type", "fields"): _mean((each.fields for each in composites), len(types)),
        ("__Type", "interfaces"): _mean((each.interfaces for each in composites), len(types)),
        ("__Type", "possibleTypes"): _mean(
            (
                schema.get_possible_types(each)
                for each in types
                if isinstance(each, GraphQLInterfaceType | GraphQLUnionType)
            ),
            len(types),
        ),
        ("__Type", "enumValues"): _mean(
            (each.values for each in types if isinstance(each, GraphQLEnumType)), len(types)
        ),
        ("__Type", "inputFields"): _mean(
            (each.fields for each in types if isinstance(each, GraphQLInputObjectType)), len(types)
        ),
        ("__Field", "args"): _mean((each.args for each in fields), len(fields)),
        ("__Directive", "args"): _mean(directives, len(directives)),
        ("__Directive", "locations"): _mean((each.locations for each in schema.directives), len(schema.directives)),
    }


def _mean(lists: Iterable[Sized], among: int) -> int:
    return -(-sum(len(each) for each in lists) // max(among, 1))
