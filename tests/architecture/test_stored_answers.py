"""Answers that earlier releases stored with idempotency keys (`idempotency/released`): the present code reads them."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from enum import StrEnum
from itertools import count
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import Column, Table, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import migrate
from app.db.engine import Database
from app.db.tables import claims
from app.db.types import CodeList, EnumText, JsonOf
from app.domain.actor import Door, operator
from app.services.actions import ACTIONS
from app.services.inbox import RECEIVE
from app.tiss.child_processes import ChildProcesses
from app.unit_of_work import idempotency
from app.unit_of_work.unit import UnitOfWork

RELEASED = sorted((Path(__file__).parents[2] / "idempotency" / "released").glob("*.json"))
TABLES = {
    "clm": "claims",
    "dnl": "denials",
    "inv": "invoices",
    "stl": "settlements",
    "rem": "remittances",
    "bat": "batches",
    "bkf": "bank_files",
    "bke": "bank_entries",
    "bkm": "bank_matches",
    "rml": "remittance_lines",
    "rma": "remittance_adjustments",
    "crd": "unapplied_credits",
    "crm": "unapplied_credit_moves",
    "apb": "appeal_batches",
    "apt": "appeal_templates",
    "stm": "statement_mappings",
    "ctr": "contracts",
    "emg": "emergency_accesses",
    "pat": "patients",
    "cov": "coverages",
    "pra": "practitioners",
}
KEYED = {action.name: action for action in (*ACTIONS, RECEIVE) if action.answer is not None}
NOW = datetime(2026, 4, 1, 12, 0, tzinfo=UTC)
NOT_SAMPLED = {"exportBatch", "importBatch", "cancelImportJob"}
"""The first writes its document again, which takes whole claims; its facts are those of claims, with a number and a
time. Of an import job, which goes on after the answer, only the id is stored."""
RENAMED = {"claim_id": "id", "claim": "object"}
REFUSAL = ("code", "message", "field", "tiss_code")
"""What the list that the first release stored for a refusal has, in order."""
_numbers = count(1)


def _sample(path: Path) -> tuple[str, Any]:
    found = json.loads(path.read_text())
    return found["action"], found["facts"]


def _value(column: Column[Any]) -> Any:
    kind = column.type
    if isinstance(kind, EnumText):
        members: type[StrEnum] = kind.members
        return next(iter(members))
    if isinstance(kind, CodeList | JsonOf):
        return ()
    number = next(_numbers)
    others: dict[type, Any] = {str: str(number), int: number, bool: True, datetime: NOW, date: NOW.date()}
    return others[getattr(kind, "impl_instance", kind).python_type]


async def _insert(connection: AsyncConnection, table: Table, **given: Any) -> Any:
    """A row with these values, and the rows that it refers to; the value of its first key column."""
    row = dict(given)
    for column in table.columns:
        if column.name in row or column.nullable:
            continue
        parents = [each.column.table for each in column.foreign_keys]
        row[column.name] = await _insert(connection, parents[0]) if parents else _value(column)
    (key, *_) = table.primary_key.columns
    if not (await connection.execute(select(table).where(key == row[key.name]))).all():
        await connection.execute(insert(table).values(row))
    return row[key.name]


def _ids(facts: Any) -> Iterator[str]:
    yield from dict.fromkeys(re.findall(r'"([a-z]{3}_[0-9a-z]{26})"', json.dumps(facts)))


@pytest.fixture(scope="module")
async def database(tmp_path_factory: pytest.TempPathFactory) -> Any:
    found = Database(f"sqlite+aiosqlite:///{tmp_path_factory.mktemp('answers') / 'answers.db'}")
    await migrate.upgrade(found)
    yield found
    await found.dispose()


async def _rebuilt(database: Database, name: str, facts: Any) -> Any:
    """What a repeated call gets from these facts, as facts again."""
    answer = KEYED[name].answer
    assert answer is not None
    async with database.engine.begin() as connection:
        for code in re.findall(r'"pyr_([0-9]{6})"', json.dumps(facts)):
            await _insert(connection, claims.metadata.tables["payers"], ans_code=code)
        for code in re.findall(r'"prv_([0-9]{7})"', json.dumps(facts)):
            await _insert(connection, claims.metadata.tables["providers"], cnes=code)
        for identifier in _ids(facts):
            await _insert(connection, claims.metadata.tables[TABLES[identifier[:3]]], id=identifier)
        unit = UnitOfWork(connection, operator("test", Door.CLI, request_id="test"), NOW, ChildProcesses())
        return orjson.loads(orjson.dumps(answer.facts(await answer.rebuild(unit, facts))))


def _missing(old: Any, new: Any, path: str = "") -> list[str]:
    """Where the new facts differ from the old ones; columns that were added do not count."""
    if isinstance(old, list) and isinstance(new, dict):
        return _missing(old, [new[name] for name in REFUSAL], path)
    if isinstance(old, dict):
        return [each for name in old for each in _missing(old[name], new.get(_now(name, new)), f"{path}.{name}")]
    if isinstance(old, list):
        pairs = zip(old, new, strict=True)
        return [each for index, (a, b) in enumerate(pairs) for each in _missing(a, b, f"{path}[{index}]")]
    return [] if _plain(old) == _plain(new) else [f"{path}: {old!r} is {new!r}"]


def _now(name: str, new: dict[str, Any]) -> str:
    """What the name of an earlier release is called now."""
    return name if name in new else RENAMED.get(name, name)


def _plain(value: Any) -> Any:
    """Times without the two ways to write UTC."""
    return value.replace("+00:00", "Z") if isinstance(value, str) else value


def test_every_kind_of_answer_has_a_released_sample() -> None:
    sampled = {id(KEYED[_sample(path)[0]].answer) for path in RELEASED}
    assert {name for name, action in KEYED.items() if id(action.answer) not in sampled} == NOT_SAMPLED


@pytest.mark.parametrize("path", RELEASED, ids=lambda path: path.stem)
async def test_a_released_answer_is_read_as_it_was(path: Path, database: Database) -> None:
    name, facts = _sample(path)
    assert _missing(facts, await _rebuilt(database, name, facts)) == []


@pytest.mark.parametrize("path", RELEASED, ids=lambda path: path.stem)
async def test_an_answer_from_before_a_column_was_added_is_read_too(path: Path, database: Database) -> None:
    """Each stored column in turn is left out, as in the answers of a release that did not have it."""
    name, facts = _sample(path)
    for older in _without_one_column(facts):
        assert _missing(older, await _rebuilt(database, name, older)) == []


def _without_one_column(facts: Any) -> Iterator[Any]:
    records = [facts] if isinstance(facts, dict) else [each for each in facts if isinstance(each, dict)]
    for place, record in enumerate(records):
        for column in set(record) - {"id", "object", "claim_id", "claim", "failures"}:
            older = json.loads(json.dumps(facts))
            found = [older] if isinstance(older, dict) else [each for each in older if isinstance(each, dict)]
            del found[place][column]
            yield older


async def test_a_request_with_a_field_that_was_added_later_is_the_same_request() -> None:
    """As long as the caller does not send it: its default says what the earlier release did."""
    before = {"form": {"provider": "2077485"}, "version": None}
    after = {"form": {"provider": "2077485", "later": None}}
    other = {"form": {"provider": "2077486"}}
    assert await idempotency.fingerprint(before) == await idempotency.fingerprint(after)
    assert await idempotency.fingerprint(before) != await idempotency.fingerprint(other)
