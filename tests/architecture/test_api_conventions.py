"""The schema keeps the rules of docs/api-conventions.md, and each rule notices what it is there for."""

from functools import cache
from typing import Final

import pytest
from graphql import GraphQLSchema, build_schema

from app.schema.root import schema
from app.services.actions import ACTIONS
from tests.architecture.api_rules import RULES

PRINTED: Final = schema.as_str()
PAYLOAD: Final = "type DoItPayload { errors: [UserError!]! replayed: Boolean! }"
ERRORS: Final = "interface UserError { code: ErrorCode! message: String! tissCode: String field: [String!] }"
MUTATION: Final = "type Mutation { doIt(input: DoItInput!): DoItPayload }"
BROKEN: Final = {
    "names are written as graphql writes them": (
        "type Query { Some_thing: color } enum color { RED_one }",
        ["color is not PascalCase", "Query.Some_thing is not camelCase", "color.RED_one is not SCREAMING_SNAKE_CASE"],
    ),
    "an enum carries the name of its owner": (
        "type Query { it: Status } enum Status { NEW }",
        ["Status is one word: put the owner's name before it"],
    ),
    "a mutation has an input and a payload of its own": (
        "type Query { it: Int } type Mutation { doIt(id: ID!): Done! } type Done { it: Int }",
        [
            "doIt must take input: DoItInput! alone",
            "doIt must return DoItPayload, nullable",
            "Done must have errors and replayed",
        ],
    ),
    "subscriptions are named after what happened": (
        "type Query { it: Int } type Subscription { settlements: Row! } type Row { it: Int }",
        ["settlements does not say what happened", "settlements must return SettlementsEvent"],
    ),
    "an input names objects by the id of what they are": (
        "type Query { it(input: It): Int } input It { claim: ID }",
        ["It.claim is an id: say of what, as in claimId"],
    ),
    "parties are named by their public numbers": (
        "type Query { it(input: It, provider: String): Int } input It { payer: String }",
        [
            "It.payer: name payers by payerAnsCode and providers by providerCnes",
            "Query.it.provider: name payers by payerAnsCode and providers by providerCnes",
        ],
    ),
    "only look ups have an id argument": (
        "type Query { claims(id: ID): [Int!] it: Row } type Row { part(id: ID): Int }",
        ["Query.claims(id:) is no look-up of one object", "Row.part(id:) is no look-up of one object"],
    ),
    "output has objects and not their ids": (
        "type Query { it: Row } type Row { id: ID! claimId: ID }",
        ["Row.claimId is an id: return the object"],
    ),
    "guarded fields and root fields are nullable": (
        "directive @authenticated on FIELD_DEFINITION type Query { me: Int! @authenticated }",
        ["Query.me can be refused: make it nullable"],
    ),
    "lists have no nulls in them": (
        "type Query { its: [Int] }",
        ["Query.its may have nulls in its list: write [Int!]"],
    ),
    "a list has pages or a bound": (
        "type Query { its: [Int!] rows: RowConnection } type RowConnection { nodes: [Int!]! }",
        [
            "Query.its is a list without a bound: give it a ListSize of app/schema/base/lists.py",
            "Query.rows is a connection without first, after, last and before",
            "RowConnection lacks edges, nodes, pageInfo or totalCount",
            "Query.rows lacks directives=[lists.PAGE]",
        ],
    ),
    "filters and orders have their shape": (
        "type Query { its(filter: Wanted, orderBy: ItOrder): Int } input Wanted { it: Int } enum ItOrder { NEWEST }",
        [
            "Query.its(filter:) must be an input called …FilterInput",
            "Query.its(orderBy:) must have a field and a direction",
        ],
    ),
    "ranges are types with two ends": (
        (
            "type Query { its(filter: ItFilterInput): Int } input ItFilterInput { dueFrom: Int, due: DayRangeInput } "
            "input DayRangeInput { from: Int }"
        ),
        [
            "ItFilterInput.dueFrom is half a range: use DateRangeInput, DateTimeRangeInput or MoneyRangeInput",
            "DayRangeInput must have from and to alone",
        ],
    ),
    "scalars are specified and no amount is a float": (
        "type Query { it: Row } type Row { paidAmount: Float day: Day } scalar Day",
        ["Day has no @specifiedBy", "Row.paidAmount is an amount and not Money"],
    ),
    "amounts are named as amounts": (
        "type Query { it: Row } type Row { total: Money paidAmount: Money } scalar Money",
        ["Row.total is Money: end it in Amount or Price"],
    ),
    "errors of a payload are user errors": (
        "type Query { it: Done } type Done { errors: [String!]! }",
        [
            "UserError must have code, message, field (a list), tissCode and tissDescription alone",
            "Done.errors must be [UserError!]!",
        ],
    ),
    "work on many objects has one shape": (
        (
            "type Query { it: Int } type Mutation { doThem(input: DoThemInput!): DoThemPayload } "
            "input DoThemInput { ids: [ID!]! } type DoThemPayload { results: [Row!]! } type Row { id: ID! }"
        ),
        [
            "DoThemPayload.results must be of a type that is a BulkResult",
            "DoThemInput must have atomic: Boolean! = false",
        ],
    ),
    "a mutation may have a key and must where it would act twice": (
        (
            "type Query { it: Int } "
            "type Mutation { doIt(input: DoItInput!): Int createIt(input: CreateItInput!): Int } "
            "input DoItInput { it: Int } input CreateItInput { idempotencyKey: String }"
        ),
        ["DoItInput has no idempotencyKey", "createIt would act twice: its key must be String!"],
    ),
    "a change of a versioned object may name its version": (
        (
            "type Query { it: Int } type Mutation { endIt(input: EndItInput!): EndItPayload } type Claim { it: Int } "
            "input EndItInput { claimId: ID! } type EndItPayload { claim: Claim }"
        ),
        ["EndItInput has no version"],
    ),
    "either or is one of": (
        'type Query { it(input: It): Int } input It { "Lines; null if `xml` is given." lines: Int, xml: String }',
        ["It.lines excludes another field: make the two a @oneOf input"],
    ),
    "inputs do not copy each other": (
        (
            "type Query { it(a: First, b: Second): Int } input First { a: Int, b: Int, c: Int, d: Int, e: Int } "
            "input Second { a: Int, b: Int, c: Int, d: Int, e: Int }"
        ),
        ["First and Second share a: Int, b: Int, c: Int, d: Int, e: Int: make a form of them"],
    ),
    "a deprecation names its replacement and its day": (
        'type Query { it: Int @deprecated(reason: "old") }',
        ["Query.it: name the replacement in backticks and the day of removal"],
    ),
}
"""For each rule a schema that breaks it, and what the rule says."""


@cache
def _whole() -> GraphQLSchema:
    """The schema as clients read it; no rule changes it."""
    return build_schema(PRINTED)


@pytest.mark.parametrize("name", RULES)
def test_the_schema_keeps_the_rule(name: str) -> None:
    assert list(RULES[name](_whole())) == []


@pytest.mark.parametrize("name", RULES)
def test_a_schema_that_breaks_the_rule_is_told_so(name: str) -> None:
    text, said = BROKEN[name]
    assert list(RULES[name](build_schema(text))) == said


def test_every_action_is_a_mutation() -> None:
    fields = _whole().mutation_type
    assert fields is not None
    assert sorted(fields.fields) == sorted(action.name for action in ACTIONS)


def test_costs_and_sizes_are_printed() -> None:
    assert "directive @listSize" in PRINTED
    assert "directive @cost" in PRINTED
    assert PRINTED.count("@cost(") > 5
