"""The access matrix: what each role may read and do, derived from the rules of the fields in the schema."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from graphql import GraphQLInterfaceType, GraphQLObjectType, GraphQLSchema, get_named_type

from app.schema.base.field_rules import classes_of, rule_of
from app.schema.base.permissions import Authenticated, Requires, guards_of
from app.schema.claims import ORDER_NEEDS as CLAIM_ORDERS
from app.schema.claims import ClaimFilterInput
from app.schema.denials import ORDER_NEEDS as DENIAL_ORDERS
from app.schema.denials import DenialFilterInput
from app.schema.eligibility import EligibilityFilterInput
from app.schema.invoices import ORDER_NEEDS as INVOICE_ORDERS
from app.schema.invoices import InvoiceFilterInput
from app.schema.node import NODE_TYPES
from app.schema.party_lists import BY_CPF
from app.schema.settlements import ORDER_NEEDS as SETTLEMENT_ORDERS
from app.schema.settlements import SettlementFilterInput

YES: Final = "yes"
MASKED: Final = "masked"
NO: Final = "-"
FILTERS: Final = {
    "claims": ClaimFilterInput,
    "denials": DenialFilterInput,
    "invoices": InvoiceFilterInput,
    "settlements": SettlementFilterInput,
    "eligibilityHistory": EligibilityFilterInput,
}
ORDERS: Final[dict[str, Mapping[Any, tuple[str, ...]]]] = {
    "claims": CLAIM_ORDERS,
    "denials": DENIAL_ORDERS,
    "invoices": INVOICE_ORDERS,
    "settlements": SETTLEMENT_ORDERS,
}
Roles = Mapping[str, frozenset[str]]
Cells = dict[str, list[str]]
_INTRO = """# Access matrix

Generated from the schema and the roles by `billing access-matrix`; the tests query the API for every cell. A row is a
field with its class of sensitive data, a column is a role: `yes`, `masked` (only the last characters of the text are
visible) or `-` (refused; a nullable field is null, and the rest of the object is still returned). Every role sees only
objects within the data scope of the token (providers, payer, patient). In an emergency a role with `health:break_glass`
can also read the fields marked HEALTH of one patient.
"""


def cell(rule: Requires | None, permissions: frozenset[str]) -> str:
    """What a caller with these permissions sees of a field with this rule."""
    if rule is None or isinstance(rule, Authenticated):
        return YES
    if permissions.isdisjoint(rule.any_of):
        return NO
    return YES if rule.clear is None or rule.clear in permissions else MASKED


def reachable(schema: GraphQLSchema, permissions: frozenset[str]) -> set[str]:
    """The names of the object types that a caller with these permissions can reach from the root types."""
    reached: set[str] = set()
    waiting = [root.name for root in (schema.query_type, schema.mutation_type, schema.subscription_type) if root]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += _next(schema, name, permissions)
    return reached


def _next(schema: GraphQLSchema, name: str, permissions: frozenset[str]) -> Iterator[str]:
    kind = schema.get_type(name)
    assert isinstance(kind, GraphQLObjectType)  # noqa: S101 - the queue contains only object types
    for field in kind.fields.values():
        target = get_named_type(field.type)
        if cell(rule_of(field), permissions) == NO:
            continue
        if isinstance(target, GraphQLObjectType):
            yield target.name
        elif target.name == "Node":
            readable = [node.type_name for node in NODE_TYPES.values() if not permissions.isdisjoint(node.any_of)]
            yield from (name for each in readable for name in object_types(schema, each))
        elif isinstance(target, GraphQLInterfaceType):
            yield from object_types(schema, target.name)


def object_types(schema: GraphQLSchema, name: str) -> list[str]:
    """The names of the object types that the type stands for: its own, or those of an interface."""
    kind = schema.get_type(name)
    if isinstance(kind, GraphQLInterfaceType):
        return sorted(each.name for each in schema.get_possible_types(kind))
    return [name]


def matrix(schema: GraphQLSchema, roles: Roles) -> dict[str, Cells]:
    """Title -> row -> the cells in the order of the roles."""
    types = {role: reachable(schema, permissions) for role, permissions in roles.items()}
    tables = {
        kind.name: _fields(kind, roles, types)
        for kind in sorted(schema.type_map.values(), key=lambda each: each.name)
        if isinstance(kind, GraphQLObjectType) and not kind.name.startswith("__")
    }
    tables["Objects by id (`node`, `nodes`)"] = {
        f"{prefix}_... ({node.type_name})": _row(roles, node.any_of) for prefix, node in NODE_TYPES.items()
    }
    tables["Filters and orders"] = {
        name: _row(roles, any_of) for name, any_of in (*guarded_arguments(), ("patients: cpf", BY_CPF))
    }
    return {title: rows for title, rows in tables.items() if rows}


def _fields(kind: GraphQLObjectType, roles: Roles, types: Mapping[str, set[str]]) -> Cells:
    """One row for each field."""
    rows = {}
    for name, field in kind.fields.items():
        classes = ", ".join(classes_of(field))
        rows[f"{name} ({classes})" if classes else name] = [
            cell(rule_of(field), permissions) if kind.name in types[role] else NO for role, permissions in roles.items()
        ]
    return rows


def guarded_arguments() -> Iterable[tuple[str, tuple[str, ...]]]:
    """Every filter field and every order that needs a permission, because it would reveal a guarded value."""
    for root, kind in FILTERS.items():
        yield from ((f"{root}: filter {name}", any_of) for name, any_of in guards_of(kind).items())
        orders = ORDERS.get(root, {})
        yield from ((f"{root}: order {order.value}", any_of) for order, any_of in orders.items())


def _row(roles: Roles, any_of: Iterable[str]) -> list[str]:
    return [NO if permissions.isdisjoint(any_of) else YES for permissions in roles.values()]


def document(schema: GraphQLSchema, roles: Roles) -> str:
    """The whole table as Markdown."""
    parts = [_INTRO]
    for title, rows in matrix(schema, roles).items():
        parts.append(f"\n## {title}\n\n| field | {' | '.join(roles)} |\n| --- |{' --- |' * len(roles)}\n")
        parts += [f"| {name} | {' | '.join(cells)} |\n" for name, cells in rows.items()]
    return "".join(parts)
