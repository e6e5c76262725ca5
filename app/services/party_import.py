"""Master data from a file, row by row: what is new is registered, what differs is changed, what is known stays."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from itertools import islice
from typing import Any, Final

from app.db import parties as parties_db
from app.db import patient_changes as patient_changes_db
from app.db import registered_practitioners as practitioners_db
from app.domain.actor import Actor, Door
from app.domain.contracts import STANDARD_TERMS
from app.domain.eligibility import CoverageTerms
from app.domain.errors import BillingError, ErrorCode, Failure, raise_any, refuse
from app.domain.party_rows import PartyRow, PartyRowKind, PartyRowOutcome
from app.services import coverages, patients, payers, practitioners, providers
from app.services.coverages import CoverageForm
from app.services.party_changes import Party
from app.services.patients import PatientForm
from app.services.payers import PayerForm
from app.services.practitioners import PractitionerForm
from app.services.providers import ProviderForm
from app.unit_of_work.action import Action, StoredAnswer
from app.unit_of_work.run import Changes
from app.unit_of_work.unit import UnitOfWork
from app.values.frozen import frozen

ROWS_MAX: Final = 500
"""Of a call; the command takes files of any length, in batches."""
BATCH_SIZE: Final = 100
TERMS: Final = ("submission_window_days", "appeal_deadline_days", "payment_term_days")
NEEDS: Final = {
    PartyRowKind.PAYER: payers.MANAGE,
    PartyRowKind.PROVIDER: payers.MANAGE,
    PartyRowKind.PATIENT: patients.REGISTRATION,
    PartyRowKind.COVERAGE: patients.REGISTRATION,
    PartyRowKind.PRACTITIONER: practitioners.MANAGE,
}
"""The permission for a row of each kind, the same as that of its own mutations."""
Values = Mapping[str, Any]
Taken = tuple[Party, bool]
"""The party, and whether the row has changed anything."""


@frozen
class RowResult:
    """The result for one row, by its line in the file."""

    line: int
    kind: PartyRowKind | None
    outcome: PartyRowOutcome
    party_id: str | None = None
    failures: tuple[Failure, ...] = ()


async def import_rows(
    changes: Changes, actor: Actor, rows: Iterable[PartyRow], *, on_results: Callable[[Sequence[RowResult]], None]
) -> dict[PartyRowOutcome, int]:
    """Import the rows of a file, a hundred in each transaction; a second import changes nothing.

    `on_results` gets the results of each batch when it is committed. The result is how many rows had each outcome.
    """
    counts = dict.fromkeys(PartyRowOutcome, 0)
    iterator = iter(rows)
    while batch := await asyncio.to_thread(_next_batch, iterator):
        results = (await changes.run(IMPORT_BATCH, actor, {"rows": batch})).value
        for each in results:
            counts[each.outcome] += 1
        on_results(results)
    return counts


def _next_batch(rows: Iterator[PartyRow]) -> list[PartyRow]:
    return list(islice(rows, BATCH_SIZE))


async def take_rows(unit: UnitOfWork, *, rows: Sequence[PartyRow]) -> list[RowResult]:
    """The rows in their order, each for itself: a later row may refer to an earlier one."""
    if not 1 <= len(rows) <= ROWS_MAX:
        raise refuse(ErrorCode.INVALID_INPUT, f"send 1 to {ROWS_MAX} rows", "csv")
    return [await _take(unit, row) for row in rows]


async def _take(unit: UnitOfWork, row: PartyRow) -> RowResult:
    try:
        raise_any(row.failures)
        kind = row.kind
        assert kind is not None  # noqa: S101 - a row of an unknown kind has a failure
        _check_permission(unit, kind)
        async with unit.attempt():
            party, is_changed = await _TAKERS[kind](unit, row.values)
    except BillingError as error:
        return RowResult(row.line, row.kind, PartyRowOutcome.REFUSED, None, error.failures)
    outcome = PartyRowOutcome.TAKEN if is_changed else PartyRowOutcome.UNCHANGED
    return RowResult(row.line, kind, outcome, party.id)


def _check_permission(unit: UnitOfWork, kind: PartyRowKind) -> None:
    # Whoever runs the command line has the database anyway.
    if unit.actor.door is not Door.CLI and NEEDS[kind] not in unit.actor.permissions:
        raise refuse(ErrorCode.INVALID_INPUT, f"rows of this kind need the permission {NEEDS[kind]}", "kind")


async def _payer(unit: UnitOfWork, values: Values) -> Taken:
    code = values["payer_ans_code"]
    known = await parties_db.payer(unit.connection, code)
    if known is None:
        terms = replace(STANDARD_TERMS, **_given(values, *TERMS))
        return await payers.register(unit, form=PayerForm(code, values["name"], terms)), True
    after = await payers.update(unit, payer=code, changes=_given(values, "name", *TERMS))
    return after, after.version > known.version


async def _provider(unit: UnitOfWork, values: Values) -> Taken:
    code = values["provider_cnes"]
    known = await parties_db.provider(unit.connection, code)
    if known is None:
        return await providers.register(
            unit, form=ProviderForm(code, values["name"], values["tax_id"], values.get("state"))
        ), True
    after = await providers.update(unit, provider=code, changes=_given(values, "name", "tax_id", "state"))
    return after, after.version > known.version


async def _patient(unit: UnitOfWork, values: Values) -> Taken:
    if "cpf" not in values and "birth_date" not in values:
        raise refuse(ErrorCode.INVALID_INPUT, "give the CPF or the day of birth: a name alone is no person", "cpf")
    known = await _known_patient(unit, values)
    if known is None:
        form = PatientForm(values["provider_cnes"], values["name"], values.get("cpf"), values.get("birth_date"))
        return await patients.register(unit, form=form), True
    before = await patients.locked(unit, known, None)
    after = await patients.update(unit, id=known, changes=_given(values, "name", "cpf", "birth_date"))
    return after, after.version > before.version


async def _known_patient(unit: UnitOfWork, values: Values) -> str | None:
    """The patient of the CPF or, without one, of this name and day of birth among those of the provider."""
    if "cpf" in values:
        found = await patient_changes_db.with_cpf(unit.connection, values["cpf"])
        seen = await patient_changes_db.treated_by_id(unit.connection, unit.scope, found) if found else []
        return seen[0].id if seen else None
    name, birth_date = values.get("name"), values.get("birth_date")
    if name is None or birth_date is None:
        return None
    provider = values["provider_cnes"]
    found = await patient_changes_db.registered_as(unit.connection, provider, name, birth_date)
    return found[0] if found else None


async def _coverage(unit: UnitOfWork, values: Values) -> Taken:
    patient, is_new = await _patient_of_card(unit, values)
    payer, card = values["payer_ans_code"], values["card_number"]
    known = await parties_db.coverage_of_card(unit.connection, payer, card)
    dates: dict[str, Any] = {each.name: values.get(each.name) for each in fields(CoverageTerms)}
    if known is None or known.patient_id != patient:
        form = CoverageForm(patient, payer, card, values["plan"], CoverageTerms(**dates))
        return await coverages.register(unit, form=form), True
    changes = {"plan_name": values["plan"], **_given(values, *dates)}
    after = await coverages.update(unit, id=known.id, changes=changes)
    return after, is_new or after.version > known.version


async def _patient_of_card(unit: UnitOfWork, values: Values) -> tuple[str, bool]:
    """The patient of a card; one whose name is in the row is registered with it."""
    known = await _known_patient(unit, values)
    if known is not None:
        return known, False
    if "name" not in values:
        message = "unknown patient: give the CPF, or name and day of birth, of a patient who is registered"
        raise refuse(ErrorCode.NOT_FOUND, message, "cpf")
    made, _ = await _patient(unit, values)
    return made.id, True


async def _practitioner(unit: UnitOfWork, values: Values) -> Taken:
    form = PractitionerForm(
        values["provider_cnes"], values["name"], values["council"], values["number"], values["state"], values["cbo"]
    )
    known = await practitioners_db.by_number(unit.connection, form.provider, form.council, form.number, form.state)
    if known is None:
        return await practitioners.register(unit, form=form), True
    after = await practitioners.update(unit, id=known.id, changes=_given(values, "name", "cbo"))
    return after, after.version > known.version


def _given(values: Values, *names: str) -> dict[str, Any]:
    return {name: values[name] for name in names if values.get(name) is not None}


_TAKERS: Final[Mapping[PartyRowKind, Callable[[UnitOfWork, Values], Awaitable[Taken]]]] = {
    PartyRowKind.PAYER: _payer,
    PartyRowKind.PROVIDER: _provider,
    PartyRowKind.PATIENT: _patient,
    PartyRowKind.COVERAGE: _coverage,
    PartyRowKind.PRACTITIONER: _practitioner,
}


def _facts(results: list[RowResult]) -> Any:
    return [
        [each.line, each.kind, each.outcome, each.party_id, [_plain(failure) for failure in each.failures]]
        for each in results
    ]


def _plain(failure: Failure) -> list[str | None]:
    return [failure.code, failure.message, failure.field, failure.tiss_code]


async def _rebuild(_unit: UnitOfWork, facts: Any) -> list[RowResult]:
    return [
        RowResult(
            line,
            None if kind is None else PartyRowKind(kind),
            PartyRowOutcome(outcome),
            party_id,
            tuple(Failure(ErrorCode(code), *rest) for code, *rest in failures),
        )
        for line, kind, outcome, party_id, failures in facts
    ]


IMPORT_BATCH: Final = Action("importPartyRows", take_rows)
"""Used by `billing import-parties`, once per batch."""
IMPORT: Final = Action("importParties", take_rows, needs="parties:import", answer=StoredAnswer(_facts, _rebuild))
