"""Every cell of docs/access.md, asked of the API: each role, by a way into every type, each of its fields.

`BILLING_TEST_SCALE=full` asks each role by every way.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from app.auth import roles
from app.auth.roles import ROLES
from app.schema import access_matrix as access
from app.schema.root import schema
from tests.access.entries import PERSONAL_TO_THE_CALLER, Entry, descend, entries, selection_of
from tests.access.table import FILE, Oracle
from tests.access.world import Rich, rich_world
from tests.figures import Figures
from tests.gateway import Gateway
from tests.length import IS_FULL

ENTRIES = entries()
ORACLE = Oracle()
ALL = frozenset(scope for scopes in ROLES.values() for scope in scopes)
# Nothing is logged of a caller who is no patient, and only patients have a log.
FOR_PATIENTS = "myAccessLog"
OF_PATIENTS = "AccessLogEntry"
EMERGENCY = "health:break_glass"


@pytest.fixture(scope="module")
def everything() -> Iterator[str]:
    """A role with every permission, to compare with."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(roles.ROLES, "everything", ALL)
        yield "everything"


@pytest.fixture(scope="module")
async def rich(server_gateway: Gateway) -> Rich:
    """A world with one of everything."""
    return await rich_world(server_gateway)


@pytest.fixture(scope="module")
async def whole(rich: Rich, everything: str) -> list[dict[str, Any]]:
    """The answers to a caller with every permission, for each way."""
    return [await ask(rich, entry, _token(rich, everything, entry)) for entry in ENTRIES]


def test_the_table_is_what_the_schema_says() -> None:
    shown = {role: scopes for role, scopes in ROLES.items() if role != "everything"}
    assert FILE.read_text() == access.document(schema._schema, shown), "run: billing access-matrix > docs/access.md"


def _token(rich: Rich, role: str, entry: Entry) -> str:
    if role == "everything":
        scope: dict[str, Any] = {"providers": [rich.world.provider]}
        if entry.steps[0].field == FOR_PATIENTS or entry.type_name == OF_PATIENTS:
            scope = {"patient": rich.world.patient}
        return rich.gateway.token(role, **scope)
    return rich.world.token(role)


async def ask(rich: Rich, entry: Entry, token: str) -> dict[str, Any]:
    """The answer to everything of the type, by this way."""
    query = entry.query(" ".join(selection_of(entry.type_name).values()), rich)
    return (await rich.gateway.gql(query, token=token)).body


def names(error: dict[str, Any]) -> list[str]:
    """An error's path without the places in lists."""
    return [step for step in error.get("path", []) if isinstance(step, str)]


def found_at(body: dict[str, Any], entry: Entry) -> Any:
    """The object that this way leads to."""
    return descend(body["data"] or {}, [step.field for step in entry.steps])


def refused_at(body: dict[str, Any], path: list[str]) -> bool:
    """Whether FORBIDDEN stands at this path."""
    errors = body.get("errors", [])
    return any(error["extensions"]["code"] == "FORBIDDEN" and names(error) == path for error in errors)


def _barrier(entry: Entry, role: str) -> list[str] | None:
    """The path at which the table stops this role on its way, if it does."""
    path: list[str] = []
    if entry.reader is not None and ORACLE.tables["Objects by id (`node`, `nodes`)"][entry.reader][role] == "-":
        return ["node"]
    for step in entry.steps:
        path.append(step.field)
        if ORACLE.cell(step.type_name, step.field, role) == "-":
            return path
    return None


def _ways_of(role: str) -> list[Entry]:
    """One way into each type, another one for each role and an open one if there is any; in the full run every way."""
    if IS_FULL:
        return ENTRIES
    found: dict[str, list[Entry]] = {}
    for entry in ENTRIES:
        found.setdefault(entry.type_name, []).append(entry)
    turn = list(ROLES).index(role)
    chosen = [[way for way in ways if _barrier(way, role) is None] or ways for ways in found.values()]
    return [ways[turn % len(ways)] for ways in chosen]


def _differences(entry: Entry, role: str, body: dict[str, Any], whole: dict[str, Any]) -> list[str]:
    """The cells that are not as the table says."""
    barrier = _barrier(entry, role)
    if barrier is not None:
        is_refused = refused_at(body, barrier) and found_at(body, entry) is None
        return [] if is_refused else [f"{role} got to {entry}: {body}"]
    seen, reference = found_at(body, entry), found_at(whole, entry)
    if role == "payer_agent" and _is_of_account(entry):
        return [] if seen is None else [f"{role} got to {entry}: {body}"]
    if seen is None:
        return [f"{role} did not get to {entry}: {body.get('errors')}"]
    path = [step.field for step in entry.steps]
    wrong = []
    for field in selection_of(entry.type_name):
        cell = ORACLE.cell(entry.type_name, field, role)
        if role == "payer_agent" and (entry.type_name, field) == OF_ACCOUNT and seen[field] is None:
            continue
        if not _is_right(cell, seen[field], reference[field], refused_at(body, [*path, field]), entry, field):
            wrong.append(
                f"{role} {entry}.{field} is {seen[field]!r}, the table says {cell} (all: {reference[field]!r})"
            )
    return wrong


OF_ACCOUNT = ("BankEntry", "file")
"""A payer sees which of its payments have arrived, and nothing of the account that they came to."""


def _is_of_account(entry: Entry) -> bool:
    return entry.type_name == "BankFile" or OF_ACCOUNT in [(step.type_name, step.field) for step in entry.steps]


def _is_right(cell: str, seen: Any, whole: Any, is_refused: bool, entry: Entry, field: str) -> bool:
    if cell == "-":
        return is_refused and seen is None
    if is_refused:
        return False
    if cell == "masked":
        return isinstance(seen, str) and seen != whole and seen.startswith("*") and len(seen) == len(whole)
    if entry.steps[0].field == FOR_PATIENTS:
        return True  # the log grows by being read
    if field == "streamCursor":
        return isinstance(seen, str)  # the end of the event log, which gets the world's last events meanwhile
    is_own = {(entry.type_name, field), (entry.type_name, "*")} & PERSONAL_TO_THE_CALLER
    return bool(is_own) or _comparable(seen) == _comparable(whole)


def _comparable(value: Any) -> Any:
    """Objects by their kind and lists by whether they hold any: what a role's scope narrows is not the matter here."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return value[0]
    return value


async def test_each_way_leads_somewhere(whole: list[dict[str, Any]]) -> None:
    """Or the cells behind it would be right for the wrong reason."""
    found = zip(ENTRIES, whole, strict=True)
    assert [f"{way}: {body}" for way, body in found if found_at(body, way) is None or "errors" in body] == []


@pytest.mark.parametrize("role", [role for role in ROLES if role != "everything"])
async def test_each_role_sees_what_the_table_says_and_nothing_else(
    rich: Rich, whole: list[dict[str, Any]], role: str, short: list[bool], figures: Figures
) -> None:
    wrong, before, asked = [], await rich.gateway.executions(), _ways_of(role)
    for entry, reference in zip(ENTRIES, whole, strict=True):
        if entry not in asked:
            continue
        body = await ask(rich, entry, _token(rich, role, entry))
        wrong += _differences(entry, role, body, reference)
    assert wrong == [], "\n".join(wrong)
    assert short == [True] * len(asked)
    queries = sum(entry.steps[0].type_name == "Query" for entry in asked)
    executed = await rich.gateway.executions() - before
    figures(queries=queries, **executed)
    # Whoever may have an emergency access is answered by graphql-core where it might open a field.
    assert executed["plan"] == queries or (EMERGENCY in ROLES[role] and executed["plan"] > queries / 2)
