"""What is selected of the payload of every mutation: by a plan, and by graphql-core, for callers of every role."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest

from app.auth import roles
from app.auth.roles import NARROWED_TO, PERMISSIONS, ROLES
from app.schema.root import schema
from app.services.actions import ACTIONS
from tests.access.inputs import ALWAYS_REFUSED
from tests.access.world import Rich, nurse_of, open_emergency
from tests.chance import Chance
from tests.executor.both import Both
from tests.executor.changes import answered_by, inputs_of_all, noted
from tests.executor.rich_operations import operations_on
from tests.executor.seeds import IS_FULL, SELECTIONS
from tests.faults.waiting import all_published
from tests.figures import Figures
from tests.inputs import input_type, shaped

NEEDS = {action.name: action.needs for action in ACTIONS}
WHOLE = "everything"
NURSE = "nurse"
CALLERS = (*ROLES, WHOLE, NURSE)
"""Of a role, with every permission, and with an emergency access."""


@contextmanager
def _caller(rich: Rich, kind: str, mutation: str) -> Iterator[str]:
    """The token of such a caller who may run this mutation too."""
    role, world = "front_desk" if kind == NURSE else kind, rich.world
    scopes: dict[str, dict[str, Any]] = {
        "payer": {"payer": world.payer, "providers": ["*"]},
        "patient": {"patient": world.patient},
    }
    scope = scopes.get(NARROWED_TO.get(role, ""), {"providers": ["*" if kind == WHOLE else world.provider]})
    subject = {"sub": nurse_of(world)} if kind == NURSE else {}
    permissions = PERMISSIONS if kind == WHOLE else ROLES[role]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(roles.ROLES, f"{kind}-{mutation}", permissions | {NEEDS[mutation]})
        yield rich.gateway.token(f"{kind}-{mutation}", **scope, **subject)


@dataclass(frozen=True)
class Done:
    """A mutation with its input, and its payload."""

    name: str
    given: dict[str, Any]
    payload: Any


@dataclass
class Stage:
    """Runs mutations, and asks for their payloads in both ways; `callers` counts who asked."""

    rich: Rich
    chance: Chance
    both: Both = field(init=False)
    callers: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.both, self._operations = Both(self.rich.gateway), operations_on(self.rich, self.chance)
        self._turns = count(self.chance.randrange(len(CALLERS)))

    async def carry_out(self, title: str, values: dict[str, Any]) -> Done:
        """Run the mutation, by a caller with every permission; AssertionError if the input is not good."""
        name, payloads = title.partition(" ")[0], list[Any]()
        given = shaped(name, values)
        query = f"mutation($input: {input_type(name)}!) {{ {name}(input: $input) {{ errors {{ code }} }} }}"
        with _caller(self.rich, WHOLE, name) as token, noted(payloads):
            operation = await self.both.prepared(query, {"input": given}, token)
            assert operation is not None, title
            await Both(self.rich.gateway).by_core(operation, token)
        assert bool(payloads[0].errors) is (title in ALWAYS_REFUSED), (title, payloads)
        return Done(name, given, payloads[0])

    async def compare(self, done: Done) -> None:
        """Select something of what was done, as the next kind of caller."""
        kind = CALLERS[next(self._turns) % len(CALLERS)]
        made = self._operations.below("mutation", done.name, "input", done.given)
        with _caller(self.rich, kind, done.name) as token, answered_by(done.payload):
            operation = await self.both.prepared(made.query, made.variables, token)
            if operation is None:
                # It is too long, too deep or too dear.
                return
            planned = await self.both.by_plan(operation, token)
            assert planned == await self.both.by_core(operation, token), (self.chance, kind, made)
            self.callers[kind] += 1


async def test_every_payload_is_written_as_by_graphql_core(changing: Rich, chance: Chance, figures: Figures) -> None:
    """Outside of the full run of half of the mutations on each database, of others each time."""
    stage, root = Stage(changing, chance), schema._schema.mutation_type
    done = [await stage.carry_out(*each) for each in (await inputs_of_all(changing)).items()]
    assert root is not None
    assert {each.name for each in done} == set(root.fields)
    await open_emergency(changing.world)
    # A payment has a position from when its event is published.
    await all_published(changing.gateway.database)
    asked = done * SELECTIONS if IS_FULL else chance.sample(done, len(done) // 2)
    for each in asked:
        await stage.compare(each)
    figures(selections=stage.callers.total(), **stage.both.ways)
    assert set(stage.callers) == set(CALLERS)
    assert stage.both.ways["payload_plan"] > len(asked) / 2
    assert await stage.both.plan_log.rows() == await stage.both.core_log.rows(), chance
