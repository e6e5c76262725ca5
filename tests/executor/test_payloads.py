"""What is selected of a mutation's payload and of a stream's message: by a plan, and by graphql-core."""

from inspect import isawaitable
from typing import Any

import pytest
from graphql import ExecutionResult, create_source_event_stream, execute_subscription_event

from app.auth.roles import ROLES
from app.schema.root import schema
from app.transport.answers import Answer
from app.transport.documents import Operation
from tests.access.world import Rich
from tests.chance import Chance
from tests.executor.both import Both
from tests.executor.rich_operations import operations_on
from tests.executor.seeds import SELECTIONS
from tests.executor.stored import StoredLog
from tests.factories import CONSULTATION, key
from tests.figures import Figures
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
  createClaim(input: $input) { claim { id patient { name } history(after: "x") { totalCount } } replayed } }"""
"""The patient is read beside a list that fails, for which the whole claim is null."""
STREAM = f"""subscription($after: String) {{
  claimStatusChanged(after: $after) {{ cursor occurredAt status previousStatus claim {{ {CLAIM} }} }} }}"""


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
    await Both(rich.gateway).by_core(operation, token)
    planned = await both.by_plan(operation, token)
    assert planned == await both.by_core(operation, token)
    assert await both.plan_log.rows() == await both.core_log.rows()


async def _created(rich: Rich, query: str, items: int) -> tuple[Any, dict[str, int]]:
    """A payload of createClaim, and what has executed so many of its objects."""
    values = shaped("createClaim", rich.world.claim_input(items=[CONSULTATION] * items, idempotencyKey=key()))
    before = await rich.gateway.payloads()
    found = await rich.gateway.gql(query, {"input": values}, token=rich.world.token("biller"))
    return found.body["data"]["createClaim"], await rich.gateway.payloads() - before


async def test_a_payload_of_many_values_has_a_plan_too(rich: Rich) -> None:
    """70 items are more than 300 values, which are converted in the thread."""
    query = "mutation($input: CreateClaimInput!) { createClaim(input: $input) { claim { items { code } } } }"
    for items in (1, 70):
        found = {"claim": {"items": [{"code": CONSULTATION["code"]}] * items}}
        assert await _created(rich, query, items) == (found, {"plan": 1})


async def test_a_payload_that_graphql_core_has_to_write_is_counted(rich: Rich) -> None:
    assert await _created(rich, NULLED, 1) == ({"claim": None, "replayed": False}, {"fallback": 1})


async def _events(both: Both, executor: Any, count: int) -> list[Any]:
    """The first messages of a stream."""
    source = create_source_event_stream(executor)
    stream: Any = await source if isawaitable(source) else source
    found = [await anext(stream) for _ in range(count)]
    await stream.aclose()
    return found


async def _compare(both: Both, operation: Operation, token: str, event: Any) -> bool:
    """Compare the message of an event, and what it notes, in both ways; whether it has a plan."""
    context = await both.context(token)
    plan = both.engine.plan(operation, context)
    by_plan = await _answered(both, both.engine.executor(operation, context, plan), event, both.plan_log)
    executor = both.engine.executor(operation, await both.context(token))
    assert by_plan == await _answered(both, executor, event, both.core_log), operation
    return plan is not None


async def _answered(both: Both, executor: Any, event: Any, log: StoredLog) -> tuple[bytes, Any, int]:
    executor = executor.build_per_event_executor(event)
    context = executor.context_value
    both.engine.limit(context, pays=False)
    found = execute_subscription_event(executor)
    result: ExecutionResult = await found if isawaitable(found) else found
    log.enter_heard(context)
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
    for event in await _events(both, both.engine.executor(operation, context), 6):
        assert await _compare(both, operation, token, event)
    stored = await both.plan_log.rows()
    assert stored == await both.core_log.rows()
    assert all(entry["hearers"] is None and entry["operation"] == "claimStatusChanged" for entry in stored)
    assert len(stored) > 3


async def test_every_generated_message_is_written_as_by_graphql_core(
    rich: Rich, chance: Chance, figures: Figures
) -> None:
    """Of each subscription, for every role that may have it."""
    both, start = Both(rich.gateway), await rich.gateway.stream_cursor(0)
    operations, compared, planned = operations_on(rich, chance), 0, 0
    subscriptions = schema._schema.subscription_type
    assert subscriptions is not None
    for name in subscriptions.fields:
        events, tokens = await _heard(both, rich, name, start)
        for case in range(10 * SELECTIONS):
            made, token = operations.below("subscription", name, "after", start), tokens[case % len(tokens)]
            operation = await both.prepared(made.query, made.variables, token)
            if operation is None:
                continue
            planned += await _compare(both, operation, token, chance.choice(events))
            compared += 1
    figures(compared=compared, planned=planned)
    assert await both.plan_log.rows() == await both.core_log.rows(), chance
    assert planned > compared / 2


async def _heard(both: Both, rich: Rich, name: str, start: str) -> tuple[list[Any], list[str]]:
    """Where a subscription starts and its first event, and the tokens of all roles that may have it."""
    messages: list[Any] = []
    tokens = []
    query = f"subscription($after: String) {{ {name}(after: $after) {{ cursor }} }}"
    for token in map(rich.world.token, ROLES):
        operation = await both.prepared(query, {"after": start}, token)
        assert operation is not None
        source = create_source_event_stream(both.engine.executor(operation, await both.context(token)))
        stream: Any = await source if isawaitable(source) else source
        if isinstance(stream, ExecutionResult):
            continue
        tokens.append(token)
        # Those of the first one are executed for all.
        messages = messages or [await anext(stream), await anext(stream)]
        await stream.aclose()
    return messages, tokens
