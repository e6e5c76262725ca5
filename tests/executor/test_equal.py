"""Plans and graphql-core give the same answers, byte by byte, and the same entries of the access log.

Each run generates other operations: `BILLING_TEST_EXECUTOR_CASES=5000` more of them, and `BILLING_TEST_SEED`
the same ones as the run that has printed it.
"""

from collections import Counter
from typing import Any

import orjson

from app.auth.roles import NARROWED_TO, ROLES
from app.domain.access_log import AccessDecision
from tests.access.entries import entries, selection_of
from tests.access.world import Rich, nurse_of
from tests.chance import Chance
from tests.executor.both import Both
from tests.executor.rich_operations import operations_on
from tests.executor.seeds import CASES, IS_FULL
from tests.factories import new_world
from tests.figures import Figures

BREAK_GLASS = "health:break_glass"
NAMES = [name for name in ROLES if BREAK_GLASS not in ROLES[name]]


async def _tokens(rich: Rich) -> list[str | None]:
    """A caller of every role in this world's scope, in no scope that has anything, and a nurse with an emergency."""
    world = rich.world
    own: list[str | None] = [world.token(role) for role in ROLES]
    wide = [rich.gateway.token(role) for role in ROLES if role not in NARROWED_TO]
    other = await new_world(rich.gateway)
    nurse = rich.gateway.token("front_desk", providers=[world.provider], sub=nurse_of(world))
    return [*own, *own, *wide, other.token("biller"), nurse, None]


async def test_every_generated_query_is_answered_as_by_graphql_core(
    rich: Rich, chance: Chance, figures: Figures
) -> None:
    both, operations = Both(rich.gateway), operations_on(rich, chance)
    tokens, refused, batches, cut = await _tokens(rich), 0, Counter[str](), set[str]()
    for case in range(CASES):
        made, token = operations.make(), chance.choice(tokens)
        operation = await both.prepared(made.query, made.variables, token)
        if operation is None:
            refused += 1
            continue
        plans, fallbacks = both.ways["plan"], both.ways["fallback"]
        planned, by_plan = await both.by_plan(operation, token), both.read
        core, by_core = await both.by_core(operation, token), both.read
        if planned != core and both.ways["fallback"] > fallbacks and core.has_errors:
            # Both are graphql-core's, which cancels what is under way beside a failure: what it had noted until then
            # depends on the round trips, and these on which statements a session has prepared.
            assert planned.body == core.body, (chance, case, made)
            cut.add(both.request_id)
            continue
        assert planned == core, (chance, case, made)
        if both.ways["plan"] > plans:
            # graphql-core cancels what is under way beside a failure, which may have begun or not.
            assert by_plan.is_no_more_than(by_core), (chance, case, made, by_plan, by_core)
            assert max(by_plan.batches.values(), default=0) <= _depth(orjson.loads(planned.body)), (chance, case, made)
            batches.update(plan=by_plan.batches.total(), core=by_core.batches.total())
    by_ways = {f"batches_by_{name}": number for name, number in batches.items()}
    figures(cases=CASES, refused=refused, cut=len(cut), **both.ways, **by_ways)
    assert refused < CASES / 5
    assert len(cut) <= max(2, both.ways["fallback"] / 5)
    stored = [entry for entry in await both.plan_log.rows() if entry["request_id"] not in cut]
    assert stored == [entry for entry in await both.core_log.rows() if entry["request_id"] not in cut], chance
    assert {entry["decision"] for entry in stored} == set(AccessDecision)


def _depth(answer: Any) -> int:
    """How many objects of an answer are inside each other, itself included. A plan asks each loader at most once for
    what these have at the same depth."""
    if isinstance(answer, list):
        return max(map(_depth, answer), default=0)
    return 1 + max(map(_depth, answer.values()), default=0) if isinstance(answer, dict) else 0


async def test_what_usual_callers_ask_for_is_planned_to_its_end(rich: Rich, chance: Chance) -> None:
    """And is what graphql-core answers: every field of every type by every way to it, for one after the other of the
    roles without emergencies; in short runs by a third of the ways on each of the two, others each time."""
    both = Both(rich.gateway)
    asked = 0
    ways = [entry for entry in entries() if entry.steps[0].type_name != "Mutation"]
    for entry in ways if IS_FULL else chance.sample(ways, len(ways) // 3):
        query = entry.query(" ".join(selection_of(entry.type_name).values()), rich)
        name = NAMES[asked % len(NAMES)]
        token = rich.world.token(name)
        operation = await both.prepared(query, {}, token)
        assert operation is not None, query
        planned = await both.by_plan(operation, token)
        asked += 1
        assert both.ways == {"plan": asked}, (chance, name, query)
        assert planned == await both.by_core(operation, token), (chance, name, query)
    assert asked > 100
    assert await both.plan_log.rows() == await both.core_log.rows()
