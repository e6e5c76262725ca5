"""What a plan says of failures itself, and a fault of ours: the answer is graphql-core's, and the log says so once."""

from collections.abc import Mapping, Sequence

import orjson
import strawberry
from structlog.testing import capture_logs

from app.resolvers.context import Context
from app.schema.base.relations import batched
from app.transport.answers import Answer
from app.transport.parameters import Parameters
from app.transport.pipeline import Pipeline
from tests.access.world import Rich
from tests.executor.both import Both

ITEMS = 3
PATIENT = "Maria"
QUERY = "{ items { number patient } }"
OTHERS: Mapping[str, str] = {}
OTHER = "{ items { patient } }"


async def _read(_context: Context, objects: Sequence[object]) -> list[str]:
    """It fails for a level of several objects, with the name of a patient in the error's text."""
    return [PATIENT] if len(objects) == 1 else [OTHERS[PATIENT]]


@strawberry.type
class _Item:
    number: int
    patient: str = batched(str, _read, description="Read for a level.")


@strawberry.type
class _Query:
    @strawberry.field
    def items(self) -> list[_Item]:
        return [_Item(number=number) for number in range(ITEMS)]


async def _answer(pipeline: Pipeline, both: Both, query: str) -> Answer:
    context = await both.context(both.gateway.token("biller"))
    return await pipeline.answer(await pipeline.prepare(Parameters(query, {}), context), context)


async def test_a_fault_of_a_plan_is_one_line_of_the_log_without_what_was_read(sqlite_rich: Rich) -> None:
    ways: list[str] = []
    schema = strawberry.Schema(_Query)
    pipeline = Pipeline(schema, deadline_seconds=60, on_execution=ways.append, plans_at_once=True)
    both = Both(sqlite_rich.gateway)
    with capture_logs() as log:
        answers = [await _answer(pipeline, both, query) for query in (QUERY, QUERY, QUERY, QUERY, OTHER)]
    assert [each.data for each in answers[:4]] == [
        {"items": [{"number": number, "patient": PATIENT} for number in range(ITEMS)]}
    ] * 4
    assert ways == [*["fallback"] * 3, "core", "fallback"]
    lines = [each for each in log if each["event"] == "plan_failed"]
    assert [(each["log_level"], each["operation"], each["error"]) for each in lines] == [
        ("warning", "items", "KeyError")
    ] * 2
    assert "in _read\n    return [PATIENT] if" in lines[0]["place"]
    assert f"'{PATIENT}'" not in str(lines)


async def test_a_cursor_of_one_object_is_an_error_of_each_other_object(sqlite_rich: Rich) -> None:
    both, token = Both(sqlite_rich.gateway), sqlite_rich.world.token("biller")
    first = "{ claims { nodes { invoices(first: 1) { pageInfo { endCursor } } } } }"
    nodes = (await sqlite_rich.gateway.gql(first, token=token)).data["claims"]["nodes"]
    cursors = [each["invoices"]["pageInfo"]["endCursor"] for each in nodes]
    own = next(number for number, each in enumerate(cursors) if each is not None)
    query = "query($after: String) { claims { nodes { id invoices(after: $after) { totalCount nodes { id } } } } }"
    operation = await both.prepared(query, {"after": cursors[own]}, token)
    assert operation is not None
    planned = await both.by_plan(operation, token)
    assert planned == await both.by_core(operation, token)
    assert both.ways == {"plan": 1}
    body = orjson.loads(planned.body)
    answered = [number for number, each in enumerate(body["data"]["claims"]["nodes"]) if each["invoices"] is not None]
    assert answered == [own]
    assert [each["extensions"].get("count", 1) for each in body["errors"]] == [len(cursors) - 1]
