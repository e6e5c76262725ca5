"""An operation leaves nothing for the garbage collector: its objects go with the last reference to them."""

import gc
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.factories import World

MADE_ONCE = 2
"""Each operation is sent so often before it is watched: the first ones compile it, and fill memories."""
WATCHED = 2
"""A plan that gives up does so for the third time, and then graphql-core executes the operation alone."""
CLAIM = "id claimedAmount items { code denials { id } } patient { name } invoice { id number }"
OPERATIONS = {
    "a list": f"{{ claims {{ totalCount nodes {{ {CLAIM} }} edges {{ cursor }} pageInfo {{ endCursor }} }} }}",
    "pages of each object of a list": "{ claims { nodes { history { totalCount nodes { id } } } } }",
    "objects by their ids": "query ($id: ID!) { node(id: $id) { id ... on Claim { items { code } } } }",
    "an object that there is not": '{ claim(id: "clm_00000000000000000000000000") { id } }',
    "a field that is refused": "{ bankEntries { nodes { id } } }",
    "what is no field": "{ claims { nodes { colour } } }",
    "a page that fails": 'query ($id: ID!) { claim(id: $id) { items { code } invoices(after: "x") { nodes { id } } } }',
    "a failure that nulls its object": """query ($id: ID!) {
      claim(id: $id) { patient { name } items { code } history(after: "x") { totalCount } } }""",
    "the schema": "{ __schema { types { name fields { name } } } }",
}
ERRORS = {
    "a field that is refused": ["FORBIDDEN"],
    "what is no field": ["GRAPHQL_VALIDATION_FAILED"],
    "a page that fails": ["BAD_USER_INPUT"],
    "a failure that nulls its object": ["BAD_USER_INPUT"],
}


@pytest.fixture(autouse=True, scope="module")
def _few_objects() -> None:
    """The collector walks what is made from here on: through all that tests before have left, each of the hundred
    collections of this module would take up to 0.7 s."""
    gc.collect()
    gc.freeze()


@asynccontextmanager
async def _garbage() -> AsyncIterator[Counter[str]]:
    """The objects of an operation that only the collector would have freed, by their type."""
    found: Counter[str] = Counter()
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        yield found
        gc.collect()
        found.update(f"{type(each).__module__}.{type(each).__name__}" for each in gc.garbage if _is_own(each))
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


def _is_own(value: Any) -> bool:
    # What goes on beside operations, such as the relay, is of other folders.
    return type(value).__module__.startswith(("app.executor.", "app.resolvers.", "app.schema.", "app.transport."))


@pytest.mark.parametrize("name", OPERATIONS)
async def test_a_query_leaves_no_cycle(world: World, name: str) -> None:
    operation, claim = OPERATIONS[name], (await world.approved_claim())["id"]
    variables = {"id": claim} if "$id" in operation else {}
    for times in range(MADE_ONCE + WATCHED):
        async with _garbage() as found:
            answer = await world.gateway.gql(operation, variables, token=world.token("biller"))
        codes = [error["extensions"]["code"] for error in answer.body.get("errors", [])]
        assert codes == ERRORS.get(name, [])
        assert times < MADE_ONCE or found == {}


async def test_a_mutation_leaves_no_cycle(world: World) -> None:
    for _ in range(MADE_ONCE + 1):
        async with _garbage() as found:
            payload = await world.mutate(
                "biller", "createClaim", "claim { id items { code } history { nodes { id } } }", **world.claim_input()
            )
            assert payload["errors"] == []
    assert found == {}
