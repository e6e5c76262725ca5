"""How the value of a scalar or an enum becomes JSON: an expression of the generated code for each type.

The usual class of a built-in scalar's values is tested in place, which takes a tenth of a call. Any other value goes
through graphql-core's own serializer, or fails: then graphql-core executes the operation and says what is wrong.
"""

from collections.abc import Callable
from typing import Any, Final

from graphql import GraphQLEnumType, GraphQLLeafType, GraphQLScalarType, Undefined

from app.executor.rules import NotPlanned

_TESTS: Final = {
    "String": "{value}.__class__ is str",
    "ID": "{value}.__class__ is str",
    "Int": "{value}.__class__ is int and -2147483648 <= {value} <= 2147483647",
    "Boolean": "{value}.__class__ is bool",
}

Bind = Callable[[Any], str]
"""Gives an object a name in the generated code."""


def expression(kind: GraphQLLeafType, value: str, bind: Bind, *, is_nullable: bool) -> str:
    """The expression for a value, itself an expression; it uses the variable `v`."""
    if isinstance(kind, GraphQLEnumType):
        made = f"{bind(_names(kind))}[v]" if _is_text(kind) else f"{bind(kind.coerce_output_value)}(v)"
        return _guarded(value, made, bind, is_nullable=is_nullable)
    test = _TESTS["String"] if kind.serialize is str else _TESTS.get(kind.name)
    if test is None:
        return _guarded(value, f"{bind(kind.serialize)}(v)", bind, is_nullable=is_nullable)
    usual = test.format(value="v").replace("v.__class__", f"(v := {value}).__class__", 1)
    usual = f"{usual} or v is None" if is_nullable else usual
    return f"v if {usual} else {bind(_strict(kind))}(v)"


def _guarded(value: str, made: str, bind: Bind, *, is_nullable: bool) -> str:
    otherwise = "None" if is_nullable else f"{bind(missing)}()"
    return f"{made} if (v := {value}) is not None else {otherwise}"


def missing() -> Any:
    """A null where there must be none."""
    raise NotPlanned("a value is missing")


def _is_text(kind: GraphQLEnumType) -> bool:
    return all(isinstance(each.value, str) for each in kind.values.values())


def _names(kind: GraphQLEnumType) -> dict[Any, str]:
    """Value -> name. Members of the domain's enums equal their values, and have their hashes."""
    return {each.value: name for name, each in kind.values.items()}


def _strict(kind: GraphQLScalarType) -> Callable[[Any], Any]:
    def serialized(value: Any) -> Any:
        if value is None or isinstance(value, Exception):
            missing()
        found = kind.coerce_output_value(value)
        return missing() if found is None or found is Undefined else found

    return serialized
