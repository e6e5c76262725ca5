"""The budget of an operation and its turns, on a schema whose lists are as long as they are asked for."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Awaitable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from inspect import isawaitable
from typing import Annotated, Any

import orjson
import pytest
import strawberry
from graphql import ExecutionResult
from strawberry.schema.config import StrawberryConfig

from app.transport.execution import MANY_VALUES, Engine
from app.transport.executor import paced
from app.transport.limits import Limits
from app.transport.parameters import Parameters
from app.transport.pipeline import Pipeline
from app.transport.work import FIELDS_PER_TURN
from tests.figures import assert_within
from tests.graphql.http_audits import toy

WIDE = "query Wide($n: Int!) { things(n: $n) { name number } }"
RESOLVED: list[int] = []
SLOW_ROUNDS = 2_000


@strawberry.type
class Thing:
    """An object of a list."""

    number: int

    @strawberry.field
    def name(self) -> str:
        """A field that leaves a trace."""
        RESOLVED.append(self.number)
        return f"thing {self.number}"

    @strawberry.field
    async def later(self) -> int:
        """A field that is awaited."""
        await asyncio.sleep(0)
        return self.number

    @strawberry.field
    async def next(self) -> "Thing":
        """The one after it."""
        await asyncio.sleep(0)
        return Thing(number=self.number + 1)

    @strawberry.field
    async def slow(self, from_: Annotated[int, strawberry.argument(name="from")]) -> int:
        """One of this number fails at once; those before it are slow."""
        if self.number == from_:
            raise ValueError("broken")
        for _ in range(SLOW_ROUNDS if self.number < from_ else 0):
            await asyncio.sleep(0)
        return self.number

    @strawberry.field
    async def fails(self, after: int) -> int:
        """A field that fails after so many turns of the loop."""
        for _ in range(after):
            await asyncio.sleep(0)
        raise ValueError("broken")

    @strawberry.field
    def things(self, n: int) -> list["Thing"]:
        """More of them."""
        return [Thing(number=each) for each in range(n)]


@strawberry.type
class Query:
    """Reads."""

    @strawberry.field
    def things(self, n: int) -> list[Thing]:
        """As many as are asked for."""
        return [Thing(number=each) for each in range(n)]

    @strawberry.field
    def broken(self) -> list[Thing]:
        """A failure, and objects that come later."""

        async def later() -> Thing:
            return Thing(number=1)

        return [ValueError("first"), later(), later()]  # type: ignore[list-item]

    @strawberry.field
    def all(self, values: list[int]) -> list[Thing]:
        """Those of these numbers."""
        return [Thing(number=each) for each in values]


@strawberry.type
class Mutation:
    """Writes."""

    @strawberry.mutation
    def make(self, n: int) -> list[Thing]:
        """As many as are asked for."""
        return [Thing(number=each) for each in range(n)]


@strawberry.type
class Subscription:
    """Streams."""

    @strawberry.subscription
    async def made(self, n: int) -> AsyncIterator[list[Thing]]:
        """As many in each of two events, and then three in the last."""
        for number in (n, n, 3):
            yield [Thing(number=each) for each in range(number)]


SCHEMA = strawberry.Schema(Query, Mutation, Subscription, config=StrawberryConfig(disable_field_suggestions=True))


@dataclass
class Context(toy.Context):
    """A context that notes which tokens were taken."""

    tokens: list[int] = field(default_factory=list)

    async def admit(self, tokens: int) -> None:
        """Note them."""
        self.tokens.append(tokens)


@pytest.fixture
def context() -> Context:
    RESOLVED.clear()
    return Context([], is_authenticated=True)


async def _executed(query: str, n: int, context: Context, **limits: int) -> ExecutionResult | Awaitable[Any]:
    pipeline = Pipeline(SCHEMA, deadline_seconds=60, limits=Limits(**{"cost": 10**9, "fields": 10**9, **limits}))
    operation = await pipeline.prepare(Parameters(query, {"n": n}), context)
    return pipeline._engine.execute(operation, context)


async def test_what_fits_into_one_turn_is_executed_synchronously(context: Context) -> None:
    for query, n in (("{ __typename }", 0), (WIDE, FIELDS_PER_TURN // 2)):
        result = await _executed(query, n, context)
        assert isinstance(result, ExecutionResult)
        assert result.errors is None


async def test_others_have_the_loop_after_each_turn(context: Context) -> None:
    objects, rounds = 5_000, 0
    result = await _executed(WIDE, objects, context)
    assert isawaitable(result)
    assert len(RESOLVED) <= FIELDS_PER_TURN
    most, before = 0, len(RESOLVED)
    task = asyncio.ensure_future(result)
    while not task.done():
        await asyncio.sleep(0)
        rounds += 1
        most, before = max(most, len(RESOLVED) - before), len(RESOLVED)
    assert (await task).data == {"things": [{"name": f"thing {n}", "number": n} for n in range(objects)]}
    assert list(range(objects)) == RESOLVED
    assert rounds >= objects * 2 / FIELDS_PER_TURN
    assert most <= FIELDS_PER_TURN


async def test_what_wakes_up_at_once_is_completed_in_turns(context: Context) -> None:
    result = await _executed("query($n: Int!) { things(n: $n) { later } }", 3_000, context)
    assert isawaitable(result)
    assert (await result).data == {"things": [{"later": n} for n in range(3_000)]}
    assert context.work._turns_taken >= 3_000 / FIELDS_PER_TURN


DEEP = [
    ("{ things(n: 1) { next { next { next { later again: later } } } fails(after: %d) } }", range(10)),
    ("{ things(n: 2000) { next { things(n: 2) { next { later } fails(after: %d) } } } }", [2]),
    ("{ things(n: 500) { things(n: 3) { next { things(n: 2) { later fails(after: %d) } } } } }", [2]),
]


@pytest.mark.parametrize("query", [query % turns for query, all_turns in DEEP for turns in all_turns])
async def test_what_a_failure_keeps_from_beginning_is_not_left(context: Context, query: str) -> None:
    """A coroutine that is never awaited would be a warning, and an error of this test run."""
    result = await _executed(query, 0, context)
    assert isawaitable(result)
    found = await result
    assert (found.data, [error.path[-1] for error in found.errors]) == (None, ["fails"])
    del found, result
    gc.collect()


async def test_what_a_list_still_holds_beside_a_failure_is_not_left(context: Context) -> None:
    result = await _executed("{ broken { number } }", 0, context)
    found = await result if isawaitable(result) else result
    assert (found.data, [error.path for error in found.errors or ()]) == (None, [["broken", 0]])
    del found, result
    gc.collect()


async def test_the_first_failure_of_a_list_of_many_turns_is_the_one_that_is_told(context: Context) -> None:
    """Not that of its first object, and at once."""
    query = "{ things(n: 300) { number slow(from: 250) } }"
    result = await _executed(query, 0, context)
    assert isawaitable(result)
    task, rounds = asyncio.ensure_future(result), 0
    while not task.done():
        await asyncio.sleep(0)
        rounds += 1
    found = await task
    assert [error.path for error in found.errors] == [["things", 250, "slow"]]
    assert rounds < SLOW_ROUNDS / 2


@pytest.mark.parametrize("turns", range(1, 12))
async def test_what_a_cancellation_keeps_from_beginning_is_not_left(context: Context, turns: int) -> None:
    query = "query($n: Int!) { things(n: $n) { next { things(n: 2) { next { later again: later } } } } }"
    result = await _executed(query, 300, context)
    assert isawaitable(result)
    task = asyncio.ensure_future(result)
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    del task, result
    gc.collect()


async def test_what_was_begun_in_a_thread_for_nobody_is_not_left(context: Context) -> None:
    engine = Engine(SCHEMA, fields_max=10**9)
    pipeline = Pipeline(SCHEMA, deadline_seconds=60, limits=Limits(cost=10**9, fields=10**9))
    values = {"all": list(range(2 * MANY_VALUES))}
    operation = await pipeline.prepare(
        Parameters("query($all: [Int!]!) { all(values: $all) { later } }", values), context
    )
    with ThreadPoolExecutor(1) as thread:
        started = engine.start(operation, context, thread)
        assert isawaitable(started)
        task = asyncio.ensure_future(started)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    gc.collect()


async def test_an_operation_of_one_turn_waits_for_one_turn_of_each_other(context: Context) -> None:
    long = await _executed(WIDE, 20_000, context)
    assert isawaitable(long)
    waiting = asyncio.ensure_future(long)
    await asyncio.sleep(0)
    short = await _executed("query($n: Int!) { things(n: $n) { later } }", 20, Context([], is_authenticated=True))
    assert isawaitable(short)
    before = len(RESOLVED)
    assert len((await short).data["things"]) == 20
    assert len(RESOLVED) - before < 10 * FIELDS_PER_TURN
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


REFUSED = {"code": "TOO_COMPLEX", "limit": "fields", "max": 1_000}


def _refused(answer: Any, found: int) -> None:
    assert answer.data is None
    assert [error["extensions"] for error in answer.errors] == [{**REFUSED, "found": found}]


@pytest.mark.parametrize(
    ("query", "n", "found", "resolved"),
    [
        # The root field, and one more for each object at least.
        (WIDE, 1_000, 1 + 1_000, 0),
        # Two for each object: the 500th is one too many.
        (WIDE, 999, 1 + 500 * 2, 499),
        ("mutation($n: Int!) { make(n: $n) { name number } }", 999, 501 * 2, 500),
    ],
)
async def test_the_budget_ends_an_operation(context: Context, query: str, n: int, found: int, resolved: int) -> None:
    pipeline = Pipeline(SCHEMA, deadline_seconds=60, limits=Limits(cost=10**9, fields=1_000))
    operation = await pipeline.prepare(Parameters(query, {"n": n}), context)
    answer = await pipeline.answer(operation, context)
    _refused(answer, found)
    assert len(RESOLVED) == resolved
    assert (answer.status, answer.legacy_status) == (400, 200)


async def test_the_budget_ends_an_event_and_the_next_one_has_its_own(context: Context) -> None:
    pipeline = Pipeline(SCHEMA, deadline_seconds=60, limits=Limits(cost=10**9, fields=1_000))
    query = "subscription($n: Int!) { made(n: $n) { name } }"
    operation = await pipeline.prepare(Parameters(query, {"n": 1_001}), context)
    answers = [answer async for answer in pipeline.events(operation, context)]
    _refused(answers[0], 1 + 1_001)
    _refused(answers[1], 1 + 1_001)
    assert orjson.loads(answers[2].body)["data"] == {"made": [{"name": f"thing {n}"} for n in range(3)]}


async def test_a_query_pays_for_what_it_executes_and_a_mutation_does_not(context: Context) -> None:
    result = await _executed(WIDE, 5_000, context)
    assert isawaitable(result)
    await result
    assert sum(context.tokens[1:]) == 10  # ten thousand fields
    other = Context([], is_authenticated=True)
    result = await _executed("mutation($n: Int!) { make(n: $n) { name number } }", 5_000, other)
    assert isawaitable(result)
    await result
    assert other.tokens == [1]  # for reading the request


async def test_the_budget_and_the_turns_cost_little(context: Context, figures: Any) -> None:
    """The same operation on the executor without them, by turns in one run."""
    pipeline = Pipeline(SCHEMA, deadline_seconds=60, limits=Limits(cost=10**9))
    operation = await pipeline.prepare(Parameters(WIDE, {"n": FIELDS_PER_TURN // 2}), context)
    bare = Engine(SCHEMA, fields_max=10**9)
    bare._executor = SCHEMA.execution_context_class
    assert paced(bare._executor) is not bare._executor
    times: dict[str, list[float]] = {"bare": [], "with": []}
    for _ in range(60):
        for name, engine in (("bare", bare), ("with", pipeline._engine)):
            began = time.thread_time()
            for _ in range(5):
                engine.execute(operation, Context([]))
            times[name].append(time.thread_time() - began)
    ratio = min(times["with"]) / min(times["bare"])
    figures(budget_and_turns_ratio=ratio)
    assert_within(1.15, ratio=ratio)
