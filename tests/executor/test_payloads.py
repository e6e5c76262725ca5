"""What is selected of a mutation's payload and of a stream's message: by a plan, and by graphql-core."""

from collections.abc import AsyncIterator
from inspect import isawaitable
from typing import Any

import pytest
from graphql import ExecutionResult, create_source_event_stream, execute_subscription_event

from app.transport.answers import Answer
from tests.access.world import Rich, rich_world
from tests.executor.both import Both
from tests.factories import key
from tests.gateway import embedded_settings, running_gateway
from tests.inputs import shaped

CLAIM = """id status claimedAmount cardNumber items { code totalAmount denials { code amount } } patient { name cpf }
  payer { name } history { totalCount nodes { __typename actor ... on ClaimStep { action } } }
  availableActions { action blockedBy { code } }"""
CREATE = f"""mutation($input: CreateClaimInput!) {{
  one: createClaim(input: $input) {{ claim {{ {CLAIM} }} errors {{ code message field }} replayed }}
  two: createClaim(input: $input) {{ claim {{ invoice {{ id }} id }} errors {{ __typename }} replayed }} }}"""
REFUSED = (
    'mutation { cancelClaim(input: { claimId: "clm_x", reason: "x" }) { claim { id } errors { code message field } } }'
)
NULLED = """mutation($input: CreateClaimInput!) {
  createClaim(input: $input) { claim { id history(after: "x") { totalCount } } replayed } }"""
STREAM = f"""subscription($after: String) {{
  claimStatusChanged(after: $after) {{ cursor occurredAt status previousStatus claim {{ {CLAIM} }} }} }}"""


@pytest.fixture(scope="module")
async def rich(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rich]:
    """A gateway of its own, with one of everything."""
    async with running_gateway(embedded_settings(tmp_path_factory.mktemp("payloads"))) as gateway:
        yield await rich_world(gateway)


@pytest.mark.parametrize("query", [CREATE, NULLED, REFUSED])
@pytest.mark.parametrize("role", ["biller", "finance", "patient"])
async def test_a_payload_is_written_as_by_graphql_core(rich: Rich, query: str, role: str) -> None:
    both, token = Both(rich.gateway), rich.world.token(role)
    variables = (
        {"input": shaped("createClaim", rich.world.claim_input(idempotencyKey=key()))} if "$input" in query else {}
    )
    operation = await both.prepared(query, variables, token)
    assert operation is not None
    plan = both.engine.plan(operation, await both.context(token))
    assert plan is not None
    assert len(plan.payloads) == len(operation.node.selection_set.selections)
    # The first one makes the claim; the others are replays.
    await both.by_core(operation, token)
    planned = await both.by_plan(operation, token)
    assert planned == await both.by_core(operation, token)


async def _events(both: Both, executor: Any, count: int) -> list[Any]:
    """The first messages of a stream."""
    source = create_source_event_stream(executor)
    stream: Any = await source if isawaitable(source) else source
    found = [await anext(stream) for _ in range(count)]
    await stream.aclose()
    return found


async def _answered(both: Both, executor: Any, event: Any) -> tuple[bytes, Any, int]:
    executor = executor.build_per_event_executor(event)
    context = executor.context_value
    both.engine.limit(context, pays=False)
    found = execute_subscription_event(executor)
    result: ExecutionResult = await found if isawaitable(found) else found
    return Answer.of(result, "both").body, vars(context.notes), context.work.fields


@pytest.mark.parametrize("role", ["biller", "billing_reader", "reviewer"])
async def test_a_message_of_a_stream_is_written_as_by_graphql_core(rich: Rich, role: str) -> None:
    both, token = Both(rich.gateway), rich.world.token(role)
    operation = await both.prepared(STREAM, {"after": await rich.gateway.stream_cursor(0)}, token)
    assert operation is not None
    context = await both.context(token)
    plan = both.engine.plan(operation, context)
    assert plan is not None
    assert list(plan.payloads) == ["claimStatusChanged"]
    by_plan, by_core = both.engine.executor(operation, context, plan), both.engine.executor(operation, context)
    for event in await _events(both, by_core, 6):
        assert await _answered(both, by_plan, event) == await _answered(both, by_core, event)
