"""Payers from the official register of the ANS that the `tiss` package ships: it lists the active ones."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from functools import cache
from importlib.resources import files
from itertools import islice
from typing import Final

import orjson

from app.db import parties as parties_db
from app.db import party_changes as party_changes_db
from app.db.parties import PayerRecord
from app.domain.actor import Actor
from app.domain.contracts import STANDARD_TERMS
from app.domain.parties import NAME_LENGTH_MAX, PartyAction
from app.services.payers import KIND
from app.unit_of_work.action import Action
from app.unit_of_work.run import Changes
from app.unit_of_work.unit import UnitOfWork
from app.values.frozen import frozen

BATCH_SIZE: Final = 100


@frozen
class Entry:
    """A payer of the register, by registro ANS, with its registered name (razão social)."""

    code: str
    name: str


@frozen
class LoadedPayers:
    """How many payers were registered, renamed, reactivated and deactivated, and how many stayed as they were.

    `left_inactive` were deactivated by a person, `not_in_register` never came from the register: both are left alone.
    """

    registered: int = 0
    renamed: int = 0
    reactivated: int = 0
    deactivated: int = 0
    unchanged: int = 0
    left_inactive: int = 0
    not_in_register: int = 0

    def __add__(self, other: "LoadedPayers") -> "LoadedPayers":
        return LoadedPayers(*[getattr(self, each.name) + getattr(other, each.name) for each in fields(self)])

    @property
    def is_nothing_new(self) -> bool:
        """Whether nothing was changed."""
        return not (self.registered or self.renamed or self.reactivated or self.deactivated)


@cache
def published() -> tuple[Entry, ...]:
    """The entries of the register, by code."""
    source = files("tiss.operadoras") / "_data" / "healthplans.json"
    records = orjson.loads(source.read_bytes())["records"].values()
    found = [Entry(each["registro_ans"], each["razao_social"][:NAME_LENGTH_MAX]) for each in records]
    return tuple(sorted(found, key=lambda entry: entry.code))


async def load(
    changes: Changes, actor: Actor, entries: Sequence[Entry], *, on_progress: Callable[[int, int], None]
) -> LoadedPayers:
    """Bring the payers in line with the register, a hundred in each transaction; running it again changes nothing.

    A payer that an earlier run has loaded and that the register no longer has is deactivated. `on_progress` gets
    (done, total).
    """
    total, done = LoadedPayers(), 0
    for batch in _batches(entries):
        total += (await changes.run(LOAD, actor, {"entries": batch})).value
        done += len(batch)
        on_progress(done, len(entries))
    return total + (await changes.run(RETIRE, actor, {"codes": frozenset(entry.code for entry in entries)})).value


def _batches(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    iterator = iter(entries)
    while batch := list(islice(iterator, BATCH_SIZE)):
        yield batch


async def load_entries(unit: UnitOfWork, *, entries: Sequence[Entry]) -> LoadedPayers:
    """Register the payers that are new, with the usual terms, and rename those whose name has changed."""
    codes = [entry.code for entry in entries]
    known = {payer.ans_code: payer for payer in await party_changes_db.lock_payers(unit.connection, codes)}
    retired = set(await party_changes_db.deactivated_by(unit.connection, unit.subject))
    missing = [_payer(entry) for entry in entries if entry.code not in known]
    await parties_db.insert_payers(unit.connection, missing)
    for payer in missing:
        KIND.note(unit, payer, PartyAction.REGISTER)
    total = LoadedPayers(registered=len(missing))
    for entry in entries:
        if entry.code in known:
            total += await _renew(unit, known[entry.code], entry, is_retired=entry.code in retired)
    return total


async def _renew(unit: UnitOfWork, payer: PayerRecord, entry: Entry, *, is_retired: bool) -> LoadedPayers:
    renamed = await KIND.change(unit, payer, {"name": entry.name}, PartyAction.UPDATE)
    is_renamed = renamed.version > payer.version
    if renamed.is_active:
        return LoadedPayers(renamed=int(is_renamed), unchanged=int(not is_renamed))
    if not is_retired:
        return LoadedPayers(renamed=int(is_renamed), left_inactive=1)
    await KIND.set_active(unit, renamed, is_active=True)
    return LoadedPayers(renamed=int(is_renamed), reactivated=1)


def _payer(entry: Entry) -> PayerRecord:
    return PayerRecord(
        ans_code=entry.code,
        name=entry.name,
        submission_window_days=STANDARD_TERMS.submission_window_days,
        appeal_deadline_days=STANDARD_TERMS.appeal_deadline_days,
        payment_term_days=STANDARD_TERMS.payment_term_days,
        is_answering=True,
        version=1,
        deactivated_at=None,
    )


async def retire(unit: UnitOfWork, *, codes: frozenset[str]) -> LoadedPayers:
    """Deactivate the payers that an earlier run has loaded and that are none of these."""
    loaded = set(await party_changes_db.registered_by(unit.connection, unit.subject))
    others = [code for code in await party_changes_db.payer_codes(unit.connection) if code not in codes]
    gone = [code for code in others if code in loaded]
    rows = await party_changes_db.lock_payers(unit.connection, gone)
    active = [payer for payer in rows if payer.is_active]
    for payer in active:
        await KIND.set_active(unit, payer, is_active=False)
    return LoadedPayers(deactivated=len(active), not_in_register=len(others) - len(gone))


LOAD: Final = Action("loadPayers", load_entries)
RETIRE: Final = Action("retirePayers", retire)
"""Used by `billing load-payers`."""
