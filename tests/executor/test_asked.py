"""Which columns of records a plan reads, and what happens when it needs more than it has asked for."""

import re
from operator import attrgetter

import pytest

from app.db.claims import ClaimRecord
from app.db.denials import DenialRecord
from app.db.makers import maker_of_some
from app.executor.asked import names_in, passes_on, union, with_inner
from tests.access.world import Rich
from tests.executor.both import Both
from tests.gateway import heard

PATIENTS = "{{ claims(first: 2) {{ nodes {{ patient {{ {fields} }} }} pageInfo {{ endCursor }} }} }}"
ACTIONS = "{ claims(first: 2) { nodes { id availableActions { action } } } }"


@pytest.fixture
def mode() -> str:
    return "mysql"


async def _columns(rich: Rich, query: str) -> dict[str, set[str]]:
    """Table -> the columns that a plan of the query reads of it."""
    both, token = Both(rich.gateway), rich.world.token("reviewer")
    operation = await both.prepared(query, {}, token)
    assert operation is not None
    with heard(rich.gateway.database) as found:
        await both.by_plan(operation, token)
    assert both.ways == {"plan": 1}
    columns: dict[str, set[str]] = {}
    for text, _ in found:
        for table, name in re.findall(
            r"\b(claims|patients)\.(\w+)", re.split(r"\sFROM (?!(?:claims|patient_registrations)\s+WHERE)", text)[0]
        ):
            columns.setdefault(table, set()).add(name)
    return columns


async def test_a_plan_reads_what_it_writes_with_keys_and_the_columns_of_cursors(rich: Rich) -> None:
    read = await _columns(rich, PATIENTS.format(fields="name"))
    assert read["patients"] == {"id", "name", "merged_into_id"}
    assert read["claims"] == {"id", "patient_id", "replaces_id", "freed_id", "created_at"}


async def test_what_hides_a_column_is_read_with_it(rich: Rich) -> None:
    read = await _columns(rich, PATIENTS.format(fields="name birthDate"))
    assert {"id", "name", "birth_date"} <= read["patients"]
    assert "cpf" not in read["patients"]


async def test_a_function_that_gets_whole_records_finds_every_column(rich: Rich) -> None:
    read = await _columns(rich, ACTIONS)
    assert set(ClaimRecord.__dataclass_fields__) <= read["claims"]


async def test_a_plan_that_asked_for_too_little_is_answered_and_asks_for_everything_then(rich: Rich) -> None:
    both, token = Both(rich.gateway), rich.world.token("reviewer")
    operation = await both.prepared("{ claims(first: 2) { nodes { id status } } }", {}, token)
    assert operation is not None
    plan = both.engine.plan(operation, await both.context(token))
    assert plan is not None
    plan.asked = frozenset({"id"})
    expected = await both.by_core(operation, token)
    assert await both.by_plan(operation, token) == expected
    assert await both.by_plan(operation, token) == expected
    assert both.ways == {"fallback": 1, "plan": 1}


def test_names_are_those_of_the_whole_code() -> None:
    assert names_in(lambda claim: [each.id for each in claim.items if each.code]) == frozenset({"items", "id", "code"})
    assert names_in(attrgetter("claim_id")) == frozenset({"claim_id"})
    assert names_in(len) is None
    assert union([frozenset({"a"}), frozenset({"b"})]) == frozenset({"a", "b"})
    assert union([frozenset({"a"}), None]) is None


def test_a_property_counts_as_what_it_uses() -> None:
    assert {"amount_cents", "answered_cents", "status"} <= with_inner(DenialRecord, frozenset({"shares"}))


def test_a_function_that_passes_an_object_on_is_noticed() -> None:
    assert not passes_on(lambda claim: claim.id or claim.status.value, "claim")
    assert passes_on(lambda claim: (repr(claim), claim.id), "claim")
    assert passes_on(lambda claim: None if claim.id is None else claim, "claim")
    assert passes_on(lambda claim: any(claim.id for _ in range(2)), "claim")


def test_a_part_of_a_record_is_a_record_that_lacks_the_rest() -> None:
    part = maker_of_some(ClaimRecord, ("id", "status"))("clm_1", "DRAFT")
    assert type(part) is ClaimRecord
    assert (part.id, part.status) == ("clm_1", "DRAFT")
    with pytest.raises(AttributeError):
        part.created_at  # noqa: B018 - what is read is missing
