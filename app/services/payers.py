"""Master data of payers: registering, changing, deactivating. Payers belong to everybody, so a caller who is narrowed
to some providers changes none."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy.exc import IntegrityError

from app.db import parties as parties_db
from app.db import party_changes as party_changes_db
from app.db.parties import PayerRecord
from app.domain import ids
from app.domain.contracts import STANDARD_TERMS, Terms, terms_failures
from app.domain.errors import BillingError, not_found
from app.domain.identifiers import ans_failure
from app.domain.parties import NAME_LENGTH_MAX, PartyAction, duplicate
from app.domain.refusals import checked
from app.domain.text import text_failure
from app.services.party_changes import PartyKind
from app.unit_of_work.action import Action, StoredRecord, answer_of_one
from app.unit_of_work.unit import UnitOfWork
from app.values.frozen import frozen

KIND: Final[PartyKind[PayerRecord]] = PartyKind(
    name="Payer",
    write=party_changes_db.update_payer,
    provider=lambda _payer: None,
    payer=lambda payer: payer.ans_code,
    facts=lambda _payer: {},
)


@frozen
class PayerForm:
    """A payer as callers register it; its terms hold for providers without a contract."""

    payer: str
    name: str
    terms: Terms = STANDARD_TERMS


async def register(unit: UnitOfWork, *, form: PayerForm) -> PayerRecord:
    """Register a payer; DUPLICATE_PARTY if its registro ANS is known."""
    shape = [ans_failure(form.payer, "payer"), *_failures(form.name, form.terms)]
    await checked(shape, _check_new(unit, form.payer))
    payer = PayerRecord(
        ans_code=form.payer,
        name=form.name.strip(),
        submission_window_days=form.terms.submission_window_days,
        appeal_deadline_days=form.terms.appeal_deadline_days,
        payment_term_days=form.terms.payment_term_days,
        is_answering=True,
        version=1,
        deactivated_at=None,
    )
    try:
        await parties_db.insert_payers(unit.connection, [payer])
    except IntegrityError:
        # The check ran without a lock: another caller registered it before this insert.
        raise _known(form.payer) from None
    KIND.note(unit, payer, PartyAction.REGISTER)
    return payer


async def update(
    unit: UnitOfWork, *, payer: str, changes: Mapping[str, Any], version: int | None = None
) -> PayerRecord:
    """Change the name or the terms: columns of the row that are given."""
    given: dict[str, Any] = {
        name: value.strip() if isinstance(value, str) else value for name, value in changes.items()
    }
    terms = Terms(
        given.get("submission_window_days", STANDARD_TERMS.submission_window_days),
        given.get("appeal_deadline_days", STANDARD_TERMS.appeal_deadline_days),
        given.get("payment_term_days", STANDARD_TERMS.payment_term_days),
    )
    before = await checked(_failures(given.get("name"), terms), _locked(unit, payer, version))
    return await KIND.change(unit, before, given, PartyAction.UPDATE)


async def deactivate(unit: UnitOfWork, *, payer: str, version: int | None = None) -> PayerRecord:
    """Refuse new claims to the payer; what was sent to it goes on."""
    return await KIND.set_active(unit, await _locked(unit, payer, version), "payer", is_active=False)


async def reactivate(unit: UnitOfWork, *, payer: str, version: int | None = None) -> PayerRecord:
    """Allow new claims to the payer again."""
    return await KIND.set_active(unit, await _locked(unit, payer, version), "payer", is_active=True)


async def _locked(unit: UnitOfWork, payer: str, version: int | None) -> PayerRecord:
    _check_scope(unit, payer)
    return KIND.checked(await party_changes_db.lock_payer(unit.connection, payer), version, "payer")


async def _check_new(unit: UnitOfWork, payer: str) -> None:
    _check_scope(unit, payer)
    if await parties_db.payer(unit.connection, payer) is not None:
        raise _known(payer)


def _check_scope(unit: UnitOfWork, payer: str) -> None:
    if not unit.scope.contains(provider=None, payer=payer, patient=None):
        raise not_found("payer", "payer")


def _failures(name: str | None, terms: Terms) -> list[Any]:
    return [text_failure(name, "name", NAME_LENGTH_MAX), *terms_failures(terms)]


def _known(payer: str) -> BillingError:
    message = "a payer with this registro ANS exists: update it"
    return BillingError(duplicate(message, "payer", ids.of_key(ids.PAYER, payer)))


def _of_payer(arguments: Mapping[str, Any]) -> list[str]:
    return [arguments["form"].payer if "form" in arguments else arguments["payer"]]


_STORED: Final = StoredRecord(
    PayerRecord,
    party_changes_db.payers_by_id,
    *("name", "submission_window_days", "appeal_deadline_days", "payment_term_days", "version", "deactivated_at"),
)
PAYER_ANSWER: Final = answer_of_one(_STORED)
MANAGE: Final = "parties:manage"
REGISTER: Final = Action("registerPayer", register, needs=MANAGE, answer=PAYER_ANSWER, aggregates=_of_payer)
UPDATE: Final = Action("updatePayer", update, needs=MANAGE, answer=PAYER_ANSWER, aggregates=_of_payer)
DEACTIVATE: Final = Action("deactivatePayer", deactivate, needs=MANAGE, answer=PAYER_ANSWER, aggregates=_of_payer)
REACTIVATE: Final = Action("reactivatePayer", reactivate, needs=MANAGE, answer=PAYER_ANSWER, aggregates=_of_payer)
