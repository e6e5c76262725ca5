"""What documents are measured as, and where they are refused, before anything runs."""

import time
from typing import Any

import pytest
from graphql import get_introspection_query, parse
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.claim_form import ITEMS_MAX
from app.schema.root import schema
from app.transport.cost import INPUT_COST
from app.transport.documents import Documents
from app.transport.errors import RequestError
from app.transport.limits import Limits, TooComplex
from app.transport.measure import Measure, measure
from app.transport.parameters import Parameters
from app.transport.pipeline import Pipeline
from tests.figures import assert_within
from tests.graphql.http_audits.toy import Context

CORE = schema._schema
LINE = "lines { nodes { claim { items { code } } } }"


def measured(query: str, **limits: int) -> Measure:
    (found,) = measure(CORE, parse(query), Limits(**limits)).values()
    return found


@pytest.mark.parametrize(
    ("query", "cost", "depth"),
    [
        ("{ me { subject } }", 2, 2),
        ("{ me { subject roles } }", 3, 2),
        ("{ claims { totalCount } }", 2, 2),
        ("{ claims { nodes { id } } }", 2 + 20, 3),
        ("{ claims(first: 3) { nodes { id status } pageInfo { endCursor } } }", 2 + 3 * 2 + 2, 3),
        ("{ claims(first: 3) { edges { node { id } } } }", 2 + 3 * 2, 4),
        ('{ nodes(ids: ["a", "b"]) { id } }', 1 + 2 * INPUT_COST + 2, 2),
        ("{ claims(first: 5) { nodes { items { code } } } }", 2 + 5 * (1 + ITEMS_MAX), 4),
        ("{ invoices(first: 2) { nodes { LINE } } }", 2 + 2 * (2 + 20 * (1 + 1 + ITEMS_MAX)), 7),
        ("{ invoice(id: 1) { lines(first: 9) { nodes { id } } settlements { nodes { id } } } }", 1 + 2 + 9 + 2 + 20, 4),
        ("query { claims(first: 5) { ...P } } fragment P on ClaimConnection { nodes { id } }", 2 + 5, 3),
        ("{ claims(first: 999999999999) { nodes { id } } }", 2 + 100, 3),
        ("{ claims(first: 101) { nodes { id } } }", 2 + 100, 3),
        ("{ claims(last: 3) { nodes { id } } }", 2 + 3, 3),
        ("{ claims(first: null) { nodes { id } } }", 2 + 20, 3),
        ("{ nothing { such } }", 2, 2),
    ],
)
def test_cost_counts_what_an_answer_may_hold(query: str, cost: int, depth: int) -> None:
    found = measured(query.replace("LINE", LINE))
    assert (found.cost.of({}), found.depth) == (cost, depth)


PAGE = "query($n: Int!) { claims(first: $n) { nodes { id } } }"
PAGE_OF_100 = PAGE.replace("Int!", "Int! = 100")
PAGE_OR_DEFAULT = PAGE.replace("Int!", "Int")
IDS = "query($i: [ID!]!) { nodes(ids: $i) { id } }"
TWO_IDS = IDS.replace("[ID!]!", '[ID!]! = ["a", "b"]')
IDS_IN_LIST = "query($a: ID!, $b: ID!) { nodes(ids: [$a, $b, $a]) { id } }"
FILTER = "query($f: ClaimFilterInput = { status: [DRAFT, DENIED] }) { claims(filter: $f) { totalCount } }"
IMPORT = "mutation($i: ImportRemittanceInput!) { importRemittance(input: $i) { alreadyImported } }"
STATEMENT = {"payerAnsCode": "1", "providerCnes": "2", "idempotencyKey": "k"}
LINE_OF_ONE = {"paidAmount": "1.00", "denials": {"code": "1705", "amount": "1.00"}}


@pytest.mark.parametrize(
    ("query", "variables", "cost"),
    [
        (PAGE, {"n": 7}, 2 + 7),
        (PAGE, {"n": 100.0}, 2 + 100),
        (PAGE, {"n": 0}, 2),
        (PAGE, {"n": -1}, 2),
        (PAGE, {"n": 5000}, 2 + 100),
        (PAGE_OF_100, {}, 2 + 100),
        (PAGE_OF_100, {"n": 3}, 2 + 3),
        (PAGE_OR_DEFAULT, {}, 2 + 20),
        (IDS, {"i": ["a"] * 4}, 1 + 4 * (INPUT_COST + 1)),
        (IDS, {"i": "a"}, 1 + 1 * (INPUT_COST + 1)),
        (TWO_IDS, {}, 1 + 2 * (INPUT_COST + 1)),
        (IDS_IN_LIST, {"a": "a", "b": "b"}, 1 + 3 * (INPUT_COST + 1)),
        (FILTER, {}, 2 + 2 * INPUT_COST),
        (FILTER, {"f": {"status": "DRAFT"}}, 2 + 1 * INPUT_COST),
        (IMPORT, {"i": {**STATEMENT, "content": {"lines": [LINE_OF_ONE] * 3}}}, 2 + 6 * INPUT_COST),
    ],
)
async def test_the_cost_is_that_of_the_coerced_variables(query: str, variables: dict[str, Any], cost: int) -> None:
    pipeline = Pipeline(schema, deadline_seconds=1)
    assert (await pipeline.prepare(Parameters(query, variables), Context([], is_authenticated=True))).cost == cost


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        (PAGE, {}),
        (PAGE, {"n": None}),
        (PAGE, {"n": True}),
        (PAGE, {"n": "7"}),
        (PAGE, {"n": 1.5}),
        (IDS, {"i": [None]}),
    ],
)
async def test_variables_that_do_not_fit_are_refused_before_their_cost(query: str, variables: dict[str, Any]) -> None:
    pipeline = Pipeline(schema, deadline_seconds=1, limits=Limits(cost=1))
    with pytest.raises(RequestError, match="Variable") as refused:
        await pipeline.prepare(Parameters(query, variables), Context([], is_authenticated=True))
    assert refused.value.code == "BAD_USER_INPUT"


CHAIN = " ".join(f"fragment F{n} on Claim {{ ...F{n + 1} ...F{n + 1} }}" for n in range(40))
REFUSED = {
    "depth": ("{claims{nodes{" + "replaces{" * 14 + "id" + "}" * 17, 16, 15),
    "depth by fragments": ("{claims{nodes{...A}}} fragment A on Claim {" + "replaces{" * 13 + "id" + "}" * 14, 16, 15),
    "aliases": ("{ me { " + " ".join(f"a{n}: subject" for n in range(101)) + "} }", 101, 100),
    "aliases by fragments": ("{claims{nodes{...F0}}} " + CHAIN + " fragment F40 on Claim { a: id }", 2**40, 100),
    "directives": ("{ me { subject " + "@include(if: true) " * 51 + "} }", 51, 50),
    "root fields": ("{ " + "me { subject } " * 21 + "}", 21, 20),
    "fragments": ("{ me { subject } } " + " ".join(f"fragment F{n} on Me {{ roles }}" for n in range(51)), 51, 50),
    "spreads": ("{ me { " + "... on Me { roles } ... on Me { subject } " * 51 + "} }", 101, 100),
    "repeated fields": ("{ me { " + "subject " * 101 + "} }", 100 * 100 + 1, 10_000),
}


@pytest.mark.parametrize("limit", REFUSED)
def test_what_is_over_a_limit_says_which_and_by_how_much(limit: str) -> None:
    query, found, most = REFUSED[limit]
    with pytest.raises(TooComplex) as refused:
        Documents(schema).get(query)
    name = limit.removesuffix(" by fragments")
    assert refused.value.extensions == {"code": "TOO_COMPLEX", "limit": name, "found": found, "max": most}


async def test_a_cost_over_the_limit_is_refused_with_the_variables_that_make_it() -> None:
    pipeline = Pipeline(schema, deadline_seconds=1, limits=Limits(cost=50))
    query = "query($n: Int!) { claims(first: $n) { nodes { id } } }"
    assert (await pipeline.prepare(Parameters(query, {"n": 48}), Context([], is_authenticated=True))).cost == 50
    with pytest.raises(TooComplex) as refused:
        await pipeline.prepare(Parameters(query, {"n": 49}), Context([], is_authenticated=True))
    assert refused.value.extensions == {"code": "TOO_COMPLEX", "limit": "cost", "found": 51, "max": 50}


@pytest.mark.parametrize(
    "fragments",
    [
        "fragment A on Claim { ...A }",
        "fragment A on Claim { ...B } fragment B on Claim { ...A }",
        "fragment A on Claim { replaces { ...B } } fragment B on Claim { replaces { ...A } }",
    ],
)
def test_a_cycle_of_fragments_is_refused(fragments: str) -> None:
    with pytest.raises(RequestError, match="cycle"):
        Documents(schema).get("{ claims { nodes { ...A } } } " + fragments)


def test_the_usual_introspection_fits_and_a_deeper_one_does_not() -> None:
    assert Documents(schema).get(get_introspection_query()).measures["IntrospectionQuery"].introspects
    with pytest.raises(RequestError, match="introspection depth"):
        Documents(schema).get(
            "{ __schema { types { fields { type { fields { type { fields { type { name } } } } } } } } }"
        )
    assert not Documents(schema).get("{ __typename me { __typename } }").measures[None].introspects


def test_a_chain_of_fragments_costs_its_length_and_not_its_paths() -> None:
    tree = parse("{claims{nodes{...F0}}} " + CHAIN + " fragment F40 on Claim { id }")
    started = time.process_time()
    (found,) = measure(CORE, tree, Limits()).values()
    assert found.cost.of({}) == 10**12  # the ceiling: 20 * 2**40 is above it
    assert_within(0.05, processor_seconds=time.process_time() - started)


_LEAVES = st.sampled_from(["id", "status", "a: version"])
_SETS = st.recursive(
    st.lists(_LEAVES, min_size=1, max_size=3).map(" ".join),
    lambda inner: st.lists(
        st.one_of(
            _LEAVES,
            inner.map(lambda text: f"replaces {{ {text} }}"),
            inner.map(lambda text: f"history {{ id }} items {{ id }} ... on Claim {{ {text} }}"),
        ),
        min_size=1,
        max_size=3,
    ).map(" ".join),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(_SETS)
def test_fragments_count_as_if_they_were_written_out(selection: str) -> None:
    free = {"depth": 99, "aliases": 999, "spreads": 999, "repeats": 10**6, "cost": 10**9}
    plain = measured(f"{{ claims(first: 3) {{ nodes {{ {selection} }} }} }}", **free)
    spread = measured(f"{{ claims(first: 3) {{ nodes {{ ...F }} }} }} fragment F on Claim {{ {selection} }}", **free)
    assert (plain.depth, plain.aliases, plain.cost.of({})) == (spread.depth, spread.aliases, spread.cost.of({}))
