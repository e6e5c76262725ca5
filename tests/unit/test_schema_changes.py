"""`make schema-diff`: each kind of change has its level, and the same one as in graphql-core where that has one."""

import pytest
from graphql import build_schema
from graphql.utilities import find_breaking_changes, find_dangerous_changes

from scripts.schema_changes import Level, changes

BASE = """
directive @cost(weight: String!) on FIELD_DEFINITION
directive @requiresScopes(scopes: [[String!]!]!) on FIELD_DEFINITION
directive @authenticated on FIELD_DEFINITION
directive @constraint(maxItems: Int!) on INPUT_FIELD_DEFINITION | ARGUMENT_DEFINITION
directive @mark(level: Int = 1) repeatable on FIELD_DEFINITION | OBJECT
interface Node { id: ID! }
type Claim implements Node { id: ID! status: Status parts: [Claim!]! }
type Denial implements Node { id: ID! }
type Term { id: ID! }
union Found = Claim | Denial
enum Status { OPEN PAID }
input Filter { status: [Status!], number: Int = 1 }
scalar Money
type Query { claims(filter: Filter!, first: Int = 20): [Claim!] found: Found amount: Money }
"""

# What to replace in the base, by what, and the lines of the report.
PLAIN = [
    ("scalar Money", "scalar Money type Extra { id: ID! }", ["SAFE      Extra: type added"]),
    ("[Claim!]!", "[Claim!]! more: Int", ["SAFE      Claim.more: field added"]),
    ("status: Status", "", ["BREAKING  Claim.status: removed"]),
    ("status: Status", "status: Status!", ["SAFE      Claim.status: type Status became Status!"]),
    ("parts: [Claim!]!", "parts: [Claim]!", ["BREAKING  Claim.parts: type [Claim!]! became [Claim]!"]),
    ("parts: [Claim!]!", "parts: [Claim!]", ["BREAKING  Claim.parts: type [Claim!]! became [Claim!]"]),
    ("parts: [Claim!]!", "parts: Claim!", ["BREAKING  Claim.parts: type [Claim!]! became Claim!"]),
    ("amount: Money", "amount: Int", ["BREAKING  Query.amount: type Money became Int"]),
    ("filter: Filter!", "filter: Filter", ["SAFE      Query.claims(filter:): type Filter! became Filter"]),
    ("first: Int = 20", "first: Int! = 20", ["BREAKING  Query.claims(first:): type Int became Int!"]),
    ("first: Int = 20", "first: Int = 50", ["DANGEROUS Query.claims(first:): default 20 became 50"]),
    ("first: Int = 20", "first: Int", ["DANGEROUS Query.claims(first:): default 20 removed"]),
    (", first: Int = 20", "", ["BREAKING  Query.claims(first:): removed"]),
    ("first: Int = 20", "first: Int = 20, after: ID", ["DANGEROUS Query.claims(after:): argument added"]),
    ("first: Int = 20", "first: Int = 20, after: ID!", ["BREAKING  Query.claims(after:): required argument added"]),
    ("number: Int = 1", "number: Int = 2", ["DANGEROUS Filter.number: default 1 became 2"]),
    ("number: Int = 1", "number: Int = 1, id: ID", ["DANGEROUS Filter.id: input field added"]),
    ("number: Int = 1", "number: Int = 1, id: ID! = 7", ["DANGEROUS Filter.id: input field added"]),
    ("number: Int = 1", "number: Int = 1, id: ID!", ["BREAKING  Filter.id: required input field added"]),
    ("status: [Status!],", "status: [Status!] = [OPEN],", ["SAFE      Filter.status: default [OPEN] added"]),
    ("status: [Status!],", "status: [Status!]!,", ["BREAKING  Filter.status: type [Status!] became [Status!]!"]),
    ("OPEN PAID", "OPEN PAID LOST", ["DANGEROUS Status.LOST: enum value added"]),
    ("OPEN PAID", "OPEN", ["BREAKING  Status.PAID: removed"]),
    ("= Claim | Denial", "= Claim", ["BREAKING  Found: no longer contains Denial"]),
    ("= Claim | Denial", "= Claim | Denial | Term", ["DANGEROUS Found: now contains Term"]),
    ("type Term {", "type Term implements Node {", ["DANGEROUS Term: now implements Node"]),
    ("type Denial implements Node {", "type Denial {", ["BREAKING  Denial: no longer implements Node"]),
    ("scalar Money", "scalar Money interface Entity { id: ID! }", ["SAFE      Entity: interface added"]),
    ("union Found = Claim | Denial", "type Found { id: ID! }", ["BREAKING  Found: changed from union to type"]),
    ("directive @authenticated on FIELD_DEFINITION", "", ["BREAKING  @authenticated: removed"]),
    ("@mark(level: Int = 1)", "@mark", ["BREAKING  @mark(level:): removed"]),
    ("level: Int = 1", "level: Int = 1, by: Int", ["SAFE      @mark(by:): argument added"]),
    ("level: Int = 1", "level: Int = 1, by: Int!", ["BREAKING  @mark(by:): required argument added"]),
    ("repeatable on", "on", ["BREAKING  @mark: no longer allows repetition"]),
    ("| OBJECT", "", ["BREAKING  @mark: no longer allows OBJECT"]),
    ("| OBJECT", "| OBJECT | ENUM", ["SAFE      @mark: now allows ENUM"]),
    ("scalar Money", '"Reais" scalar Money', ["SAFE      Money: description changed"]),
    ("filter: Filter!", '"Which" filter: Filter!', ["SAFE      Query.claims(filter:): description changed"]),
    ("amount: Money", 'amount: Money @cost(weight: "5")', ['SAFE      Query.amount: @cost(weight: "5")']),
    (
        "OPEN PAID",
        'OPEN PAID @deprecated(reason: "Use OPEN until 2027-06-30.")',
        ['SAFE      Status.PAID: @deprecated(reason: "Use OPEN until 2027-06-30.")'],
    ),
]  # fmt: skip


def report(old: str, new: str) -> list[str]:
    return [str(change) for change in changes(old, new)]


@pytest.mark.parametrize(("before", "after", "said"), PLAIN)
def test_a_change_has_the_level_of_graphql_core(before: str, after: str, said: list[str]) -> None:
    new = BASE.replace(before, after)
    assert report(BASE, new) == said
    schemas = build_schema(BASE), build_schema(new)
    levels = [change.level for change in changes(BASE, new)]
    assert levels.count(Level.BREAKING) == len(find_breaking_changes(*schemas))
    assert levels.count(Level.DANGEROUS) == len(find_dangerous_changes(*schemas))


FIELD = "amount: Money"
AMOUNTS = f'{FIELD} @requiresScopes(scopes: [["amounts:read"]])'
EITHER = f'{FIELD} @requiresScopes(scopes: [["amounts:read"], ["claims:read"]])'
BOTH = f'{FIELD} @requiresScopes(scopes: [["amounts:read", "claims:read"]])'
SIGNED_IN = f"{FIELD} @authenticated"


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (FIELD, AMOUNTS, "BREAKING  Query.amount: now needs amounts:read"),
        (FIELD, SIGNED_IN, "BREAKING  Query.amount: now needs a token"),
        (SIGNED_IN, AMOUNTS, "BREAKING  Query.amount: now needs amounts:read"),
        (EITHER, AMOUNTS, "BREAKING  Query.amount: now needs amounts:read"),
        (AMOUNTS, BOTH, "BREAKING  Query.amount: now needs amounts:read and claims:read"),
        (BOTH, EITHER, "DANGEROUS Query.amount: now needs amounts:read or claims:read"),
        (AMOUNTS, EITHER, "DANGEROUS Query.amount: now needs amounts:read or claims:read"),
        (AMOUNTS, SIGNED_IN, "DANGEROUS Query.amount: now needs a token"),
        (AMOUNTS, FIELD, "DANGEROUS Query.amount: now needs nothing"),
    ],
)
def test_a_permission_that_callers_lack_is_breaking(before: str, after: str, said: str) -> None:
    assert report(BASE.replace(FIELD, before), BASE.replace(FIELD, after)) == [said]


LIST = "status: [Status!],"
FIVE, TEN = (f"status: [Status!] @constraint(maxItems: {most})," for most in (5, 10))


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (TEN, FIVE, "BREAKING  Filter.status: now accepts 5 at most"),
        (LIST, TEN, "BREAKING  Filter.status: now accepts 10 at most"),
        (FIVE, TEN, "SAFE      Filter.status: now accepts 10 at most"),
        (FIVE, LIST, "SAFE      Filter.status: now accepts any number"),
    ],
)
def test_a_shorter_list_than_callers_may_send_is_breaking(before: str, after: str, said: str) -> None:
    assert report(BASE.replace(LIST, before), BASE.replace(LIST, after)) == [said]


def test_an_input_that_takes_one_field_only_is_breaking() -> None:
    several = BASE.replace("number: Int = 1", "number: Int")
    one = several.replace("input Filter", "input Filter @oneOf")
    assert report(several, one) == ["BREAKING  Filter: now takes exactly one field"]
    assert report(one, several) == ["SAFE      Filter: now takes any number of fields"]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('@cost(weight: "1")', '@cost(weight: "5")', '@cost(weight: "1") became @cost(weight: "5")'),
        ('@cost(weight: "1")', "", "@cost removed"),
        ("@mark(level: 1) @mark(level: 2)", "@mark(level: 2) @mark(level: 1)", None),
        ('@deprecated(reason: "Use more.")', "", "@deprecated removed"),
    ],
)
def test_other_directives_are_safe(before: str, after: str, said: str | None) -> None:
    old, new = (BASE.replace(FIELD, f"{FIELD} {directives}") for directives in (before, after))
    assert report(old, new) == ([f"SAFE      Query.amount: {said}"] if said else [])


def test_what_is_inside_a_type_that_left_is_no_change_of_its_own() -> None:
    without = BASE.replace("type Denial implements Node { id: ID! }", "").replace("= Claim | Denial", "= Claim")
    assert report(BASE, without) == ["BREAKING  Denial: removed", "BREAKING  Found: no longer contains Denial"]
    assert report(without, BASE) == ["SAFE      Denial: type added", "DANGEROUS Found: now contains Denial"]
