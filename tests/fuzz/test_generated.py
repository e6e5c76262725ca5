"""Generated queries and mutations against a live gateway: whatever is asked, no answer is a fault of the gateway.

`BILLING_TEST_FUZZ_CASES=2000` runs more of them, other ones each time.
"""

import json
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from hypothesis_graphql import Mode, mutations, queries

from app.auth.roles import ROLES
from app.schema.root import schema
from tests.access.world import add_targets, rich_world
from tests.faults.processes import Fleet, GatewayProcess, running_fleet
from tests.faults.stage import prepare
from tests.figures import Figures
from tests.fuzz.values import CASES, FAULTS, scalars, with_variables
from tests.gateway import LIMITS, server_settings
from tests.services import Services

CORE = schema._schema
ALL = "all of them"
EXPECTED = {200, 400, 401, 403}


@dataclass
class Target:
    """A live gateway with one of everything, and what became of the documents so far."""

    process: GatewayProcess
    http: httpx.Client
    tokens: dict[str, str]
    world: dict[str, str]
    ids: list[str]
    sent: int = 0
    executed: int = 0
    codes: Counter[str] = field(default_factory=Counter)

    def begin(self) -> None:
        """Count from here on."""
        self.sent = self.executed = 0
        self.codes.clear()

    def ask(self, role: str, query: str, variables: dict[str, Any]) -> None:
        """Send one document; AssertionError for an answer that no client should get."""
        text = json.dumps({"query": query, "variables": variables})
        note(f"as {role}: {text}")
        headers = {
            "authorization": f"Bearer {self.tokens[role]}",
            "accept": "application/graphql-response+json",
            "content-type": "application/json",
        }
        answer = self.http.post("/graphql", content=text, headers=headers)
        assert answer.status_code in EXPECTED, answer.text
        body = answer.json()
        self.sent += 1
        self.executed += "data" in body
        self.codes.update(_codes(body) or ["none"])

    def finish(self, figures: Figures) -> None:
        """Nothing went wrong that no client was told of."""
        figures(documents=self.sent, executed=self.executed, **dict(self.codes.most_common(8)))
        log = self.process.log.read_text()
        assert "Traceback" not in log, log[log.index("Traceback") - 500 :][:4000]
        assert "internal error" not in log


def _codes(body: dict[str, Any]) -> list[str]:
    """The code of each error; each has one, and those of a field say where."""
    found = []
    for error in body.get("errors", []):
        code = error["extensions"]["code"]
        assert code not in FAULTS, body
        assert error["message"], body
        assert "data" not in body or error["path"], body
        found.append(code)
    return found


@pytest.fixture(scope="module")
async def fleet(services: Services, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    # Generated documents ask for much of everything: with the usual limit, half of them would not be executed.
    found = await server_settings(tmp_path_factory.mktemp("fuzz"), services, cost_max=50_000_000)
    await prepare(found)
    async with running_fleet(found, [GatewayProcess(found)]) as fleet:
        yield fleet


@pytest.fixture(scope="module")
async def target(fleet: Fleet) -> AsyncIterator[Target]:
    rich = await rich_world(fleet)  # type: ignore[arg-type]
    await add_targets(rich)
    world = rich.world
    tokens = {role: world.token(role) for role in ROLES}
    everybody = {"roles": list(ROLES), "providers": ["*"], "payer": world.payer}
    tokens[ALL] = fleet.token("reviewer", **{**everybody, "roles": [r for r in ROLES if r != "patient"]})
    named = {"payer": world.payer, "provider": world.provider, "card": world.card, "number": rich.number}
    with httpx.Client(base_url=fleet.processes[0].url, timeout=30, limits=LIMITS) as http:
        yield Target(fleet.processes[0], http, tokens, named, sorted(rich.ids.values()))


def _run(examples: int) -> Any:
    """So many documents: the same ones in every short run, others in each long one."""
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=not CASES,
        database=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )


def _roles() -> st.SearchStrategy[str]:
    return st.sampled_from((*[ALL] * len(ROLES), *ROLES))


@pytest.mark.parametrize("operations", [queries, mutations], ids=["queries", "mutations"])
@pytest.mark.parametrize("place", ["literals", "variables"])
def test_whatever_the_schema_allows_is_answered(target: Target, figures: Figures, operations: Any, place: str) -> None:
    target.begin()
    documents = operations(CORE, custom_scalars=scalars(target.world, target.ids), codec=None)

    @_run(CASES // 5 if CASES else 20)
    @given(_roles(), documents)
    def run(role: str, document: str) -> None:
        target.ask(role, *(with_variables(CORE, document) if place == "variables" else (document, {})))

    run()
    target.finish(figures)
    assert target.executed > target.sent // 2


def test_whatever_the_schema_does_not_allow_is_refused(target: Target, figures: Figures) -> None:
    target.begin()
    documents = queries(CORE, custom_scalars=scalars(target.world, target.ids), mode=Mode.NEGATIVE, codec=None)

    @_run(CASES // 5 if CASES else 20)
    @given(_roles(), documents)
    def run(role: str, document: str) -> None:
        target.ask(role, document, {})

    run()
    target.finish(figures)
    assert not target.executed
