"""Each rule by itself: a caller with every permission but the rule's is refused, and only by that rule.

Each rule is also taken away once: the same probe must then see the data, or it would not notice that the rule is gone.
"""

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import pytest
from graphql import GraphQLObjectType
from strawberry.utils.str_converters import to_camel_case

from app.auth import roles
from app.schema import node
from app.schema.access_matrix import FILTERS, guarded_arguments
from app.schema.base.field_rules import rule_of
from app.schema.base.permissions import Authenticated, Requires
from app.schema.node import NODE_TYPES
from tests.access.entries import CORE, Entry, Step, descend, entries, rooted, selection_of
from tests.access.test_fields import ALL, FOR_PATIENTS, OF_PATIENTS, found_at, refused_at
from tests.access.world import Rich, rich_world
from tests.figures import Figures
from tests.gateway import Gateway
from tests.graphql.test_who_sees_what import INPUTS

ENTRIES = entries()
ROOTS = ("Query", "Mutation", "Subscription")
OF_ERRORS = {"DuplicateClaimError", "OverSettlementError"}
"""Only a refusal leads to them: test_error_facts.py asks for their fields with and without the permission."""
OF_MUTATIONS = {f"{verb}PatientPayload" for verb in ("Register", "Update", "Deactivate", "Reactivate")}
OF_MUTATIONS |= {"MergePatientsPayload"}
"""Only a mutation leads to them: test_patients.py asks for their fields with and without the permission."""
AMOUNTS = '{from: "1.00"}'
VALUES = {"claimed_amount": AMOUNTS, "total_amount": AMOUNTS, "amount": AMOUNTS, "patient": '"x"'}
VALUES |= {"denial_code": '"1705"', "in_dispute": "true", "invoiced": "true", "recovery_invoiced": "true"}
NAMES = {"patient": "patientId"}


def rules_of(type_name: str) -> list[tuple[str, Requires]]:
    """The fields of the type that have a rule, and the rule."""
    kind = CORE.get_type(type_name)
    assert isinstance(kind, GraphQLObjectType)
    found = [(name, rule_of(field)) for name, field in kind.fields.items()]
    return [(name, rule) for name, rule in found if rule is not None and not isinstance(rule, Authenticated)]


def protected() -> list[tuple[str, str, Requires]]:
    """Every field with a rule that is no root field."""
    types = [name for name, kind in CORE.type_map.items() if isinstance(kind, GraphQLObjectType) and name not in ROOTS]
    types = [name for name in types if name not in OF_ERRORS | OF_MUTATIONS]
    return [(name, field, rule) for name in types for field, rule in rules_of(name)]


@pytest.fixture(scope="module")
async def rich(embedded_gateway: Gateway) -> Rich:
    """A world with one of everything, which no test changes."""
    return await rich_world(embedded_gateway)


@contextmanager
def role_without(monkeypatch: pytest.MonkeyPatch, any_of: tuple[str, ...]) -> Iterator[str]:
    """A role with every permission but these, and without the way round by an emergency."""
    name = "without-" + "-".join(any_of)
    with monkeypatch.context() as patch:
        patch.setitem(roles.ROLES, name, ALL - set(any_of) - {"health:break_glass"})
        yield name


@contextmanager
def without_rule(monkeypatch: pytest.MonkeyPatch, rule: Requires) -> Iterator[None]:
    """The rule lets everybody in."""
    with monkeypatch.context() as patch:
        patch.setattr(rule, "allow", lambda _principal: None)
        yield


def again(query: str) -> str:
    """The query as another document: a plan decides the rules once, for a document and a set of permissions."""
    return f"{query} # without the rule"


def _on_the_way(entry: Entry) -> list[Requires]:
    """The rules of the fields that the way goes through."""
    found = []
    for step in entry.steps:
        kind = CORE.get_type(step.type_name)
        assert isinstance(kind, GraphQLObjectType)
        rule = rule_of(kind.fields[step.field])
        if rule is not None and not isinstance(rule, Authenticated):
            found.append(rule)
    return found


def _token(rich: Rich, role: str, entry: Entry | None = None) -> str:
    if entry is not None and (entry.steps[0].field == FOR_PATIENTS or entry.type_name == OF_PATIENTS):
        return rich.gateway.token(role, patient=rich.world.patient)
    return rich.gateway.token(role, providers=[rich.world.provider])


def _is_readable(entry: Entry, rule: Requires) -> bool:
    """Whether objects are found by id without the rule's permissions, where the way begins with an id."""
    return entry.reader is None or not set(NODE_TYPES[entry.reader[:3]].any_of) <= set(rule.any_of)


def _way_to(type_name: str, rule: Requires) -> tuple[Entry, list[Requires]]:
    """A way to the type, and what on it would stop a caller without the rule's permissions: best nothing."""
    ways = [entry for entry in ENTRIES if entry.type_name == type_name and _is_readable(entry, rule)]
    barriers = [[each for each in _on_the_way(way) if set(each.any_of) <= set(rule.any_of)] for way in ways]
    return min(zip(ways, barriers, strict=True), key=lambda found: len(found[1]))


async def test_every_field_is_guarded_by_its_own_rule(
    rich: Rich, monkeypatch: pytest.MonkeyPatch, short: list[bool], figures: Figures
) -> None:
    empty: list[str] = []
    before, queries = await rich.gateway.executions(), 0
    for type_name, field, rule in protected():
        entry, barriers = _way_to(type_name, rule)
        queries += 2 * (entry.steps[0].type_name == "Query")
        query = entry.query(selection_of(type_name)[field], rich)
        path = [step.field for step in (*entry.steps, Step(type_name, field))]
        with role_without(monkeypatch, rule.any_of) as role, ExitStack() as opened:
            for barrier in barriers:
                opened.enter_context(without_rule(monkeypatch, barrier))
            token = _token(rich, role, entry)
            body = (await rich.gateway.gql(query, token=token)).body
            assert refused_at(body, path), (entry, field, body)
            assert re.sub(r"\[[\d,-]+\]", "", body["extensions"]["redacted"][0]).split(".") == path
            assert found_at(body, entry) == {field: None}, (entry, field)
            with without_rule(monkeypatch, rule):
                open_ = (await rich.gateway.gql(again(query), token=token)).body
        assert "errors" not in open_, (entry, field, open_)
        if descend(open_["data"], path) is None and not EMPTY & {field, f"{type_name}.{field}"}:
            empty.append(f"{type_name}.{field}")
    assert empty == [], "\n".join(empty)
    executed = await rich.gateway.executions() - before
    figures(rules=len(protected()), removals_caught=len(protected()), **executed)
    # It is the plans that ask the rules, behind the short way.
    assert executed == {"plan": queries}
    assert short == [True] * 2 * len(protected())


# Fields of the rich world's objects that hold nothing there: that they answer without an error is what shows them open.
EMPTY = {"reason", "amount", "processedAmount", "approvedAmount", "deniedAmount", "answeredAmount", "warnings"}
EMPTY |= {
    "netAmount",
    "RemittanceBalance.differenceAmount",
    "releaseReason",
    "bankEntries",
    "adjustments",
    "wonAppeals",
    "RemittanceAdjustment.line",
}
EMPTY |= {"deactivatedAt", "endsOn", "waitingUntil", "suspendedFrom", "suspendedUntil", "otherPatient"}
EMPTY |= {"cancelReason", "dismissalReason", "wonAmount", "procedureCode", "patient", "claim", "denial", "invoice"}


async def test_every_root_field_is_guarded_by_its_own_rule(
    rich: Rich, monkeypatch: pytest.MonkeyPatch, short: list[bool], figures: Figures
) -> None:
    probes = _root_probes(rich)
    for name, rule, query in probes:
        with role_without(monkeypatch, rule.any_of) as role:
            token = _token(rich, role)
            refused = await rich.gateway.gql(query, token=token)
            assert (refused.codes, refused.body["errors"][0]["path"]) == (["FORBIDDEN"], [name]), refused.body
            with without_rule(monkeypatch, rule):
                open_ = await rich.gateway.gql(again(query), token=token)
        assert "FORBIDDEN" not in open_.codes, (name, open_.body)
    figures(rules=len(probes), removals_caught=len(probes))
    assert short == [True] * 2 * len(probes)


def _root_probes(rich: Rich) -> list[tuple[str, Requires, str]]:
    reads = [(name, rule, Entry("", (Step("Query", name),), rooted(name))) for name, rule in rules_of("Query")]
    found = [(name, rule, entry.query("__typename", rich)) for name, rule, entry in reads]
    return found + [
        (name, rule, f"mutation {{ {name}(input: {{ {INPUTS[name]} }}) {{ errors {{ code }} }} }}")
        for name, rule in rules_of("Mutation")
    ]


async def test_every_subscription_is_guarded_by_its_own_rule(
    rich: Rich, monkeypatch: pytest.MonkeyPatch, figures: Figures
) -> None:
    for name, rule in rules_of("Subscription"):
        with role_without(monkeypatch, rule.any_of) as role:
            token = _token(rich, role)
            assert await _first_code(rich, name, token) == "FORBIDDEN"
            with without_rule(monkeypatch, rule):
                assert await _first_code(rich, name, token) is None
    figures(rules=len(rules_of("Subscription")), removals_caught=len(rules_of("Subscription")))


async def _first_code(rich: Rich, name: str, token: str) -> Any:
    """The code with which the event stream refuses to begin; None if an event of the past comes."""
    start = await rich.gateway.stream_cursor(0)
    body = {"query": f'subscription {{ {name}(after: "{start}") {{ cursor }} }}'}
    headers = {"authorization": f"Bearer {token}", "accept": "text/event-stream"}
    async with rich.gateway.client.stream("POST", "/graphql", json=body, headers=headers) as answer:
        async for line in answer.aiter_lines():
            if line.startswith("data: "):
                errors = json.loads(line.removeprefix("data: ")).get("errors")
                return errors[0]["extensions"]["code"] if errors else None
    raise AssertionError("the stream ended without a word")


async def test_every_kind_of_id_is_guarded_by_its_own_rule(
    rich: Rich, monkeypatch: pytest.MonkeyPatch, short: list[bool], figures: Figures
) -> None:
    by_id = [entry for entry in ENTRIES if entry.reader is not None and len(entry.steps) == 1]
    for entry in by_id:
        prefix = (entry.reader or "")[:3]
        query = entry.query("id", rich)
        with role_without(monkeypatch, NODE_TYPES[prefix].any_of) as role:
            token = _token(rich, role, entry)
            assert (await rich.gateway.gql(query, token=token)).codes == ["FORBIDDEN"], entry
            with monkeypatch.context() as patch:
                patch.setitem(node.NODE_TYPES, prefix, replace(NODE_TYPES[prefix], any_of=tuple(ALL)))
                assert (await rich.gateway.gql(query, token=token)).data["node"] is not None
    assert {(entry.reader or "")[:3] for entry in by_id} == set(NODE_TYPES)
    figures(rules=len(by_id), removals_caught=len(by_id))
    assert short == [True] * 2 * len(by_id)


async def test_every_filter_and_order_is_guarded_by_its_own_rule(
    rich: Rich, monkeypatch: pytest.MonkeyPatch, short: list[bool], figures: Figures
) -> None:
    probes = list(guarded_arguments())
    for name, any_of in probes:
        root, _, rest = name.partition(": ")
        kind, _, member = rest.partition(" ")
        with role_without(monkeypatch, any_of) as role:
            answer = await rich.gateway.gql(
                f"{{ {root}({_argument(kind, member)}) {{ totalCount }} }}", token=_token(rich, role)
            )
            assert (answer.codes, answer.body["errors"][0]["path"]) == (["FORBIDDEN"], [root]), (name, answer.body)
            plain = await rich.gateway.gql(f"{{ {root} {{ totalCount }} }}", token=_token(rich, role))
            assert "errors" not in plain.body
    assert {name.partition(":")[0] for name, _ in probes} == set(FILTERS)
    figures(rules=len(probes))
    assert short == [True] * 2 * len(probes)


def _argument(kind: str, member: str) -> str:
    if kind == "order":
        return f"orderBy: {{field: {member}, direction: ASC}}"
    return f"filter: {{{NAMES.get(member) or to_camel_case(member)}: {VALUES[member]}}}"
