"""Master data of practitioners: each provider registers those who work for it."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy.exc import IntegrityError

from app.db import registered_practitioners as practitioners_db
from app.db.registered_practitioners import PractitionerRecord
from app.domain import ids
from app.domain.errors import BillingError, Failure
from app.domain.parties import PERSON_LENGTH_MAX, PartyAction, duplicate
from app.domain.refusals import checked
from app.domain.schema_codes import CodeTable
from app.domain.text import ascii_failure, text_failure
from app.services.party_changes import PartyKind
from app.services.patients import check_provider
from app.unit_of_work.action import Action, StoredRecord, answer_of_one
from app.unit_of_work.unit import UnitOfWork
from app.values.frozen import frozen

NUMBER_LENGTH_MAX: Final = 15
KIND: Final[PartyKind[PractitionerRecord]] = PartyKind(
    name="Practitioner",
    write=practitioners_db.update_practitioner,
    provider=lambda practitioner: practitioner.provider_cnes,
    payer=lambda _practitioner: None,
    facts=lambda practitioner: {"practitionerId": practitioner.id},
)


@frozen
class PractitionerForm:
    """A practitioner as a provider registers it: council of table 26, state of table 59, occupation of table 24."""

    provider: str
    name: str
    council: str
    number: str
    state: str
    cbo: str


async def register(unit: UnitOfWork, *, form: PractitionerForm) -> PractitionerRecord:
    """Register a practitioner of the provider; DUPLICATE_PARTY if it has one with this number of the council."""
    shape = [*_council_failures(form), *_failures(form.name, form.cbo)]
    await checked(shape, check_provider(unit, form.provider))
    known = await practitioners_db.by_number(unit.connection, form.provider, form.council, form.number, form.state)
    if known is not None:
        raise _known(known.id)
    practitioner = PractitionerRecord(
        id=ids.new_id(ids.PRACTITIONER, at=unit.now),
        provider_cnes=form.provider,
        name=form.name.strip(),
        council=form.council,
        number=form.number,
        state=form.state,
        cbo=form.cbo,
        version=1,
        deactivated_at=None,
    )
    try:
        await practitioners_db.insert_practitioner(unit.connection, practitioner)
    except IntegrityError:
        # The check ran without a lock: another caller registered the number before this insert.
        raise _known(None) from None
    KIND.note(unit, practitioner, PartyAction.REGISTER)
    return practitioner


async def update(
    unit: UnitOfWork, *, id: str, changes: Mapping[str, Any], version: int | None = None
) -> PractitionerRecord:
    """Change the name or the occupation: columns of the row that are given. Another number is another practitioner."""
    given = {name: value.strip() for name, value in changes.items()}
    before = await checked(_failures(given.get("name"), given.get("cbo")), _locked(unit, id, version))
    return await KIND.change(unit, before, given, PartyAction.UPDATE)


async def deactivate(unit: UnitOfWork, *, id: str, version: int | None = None) -> PractitionerRecord:
    """Refuse new claims of the provider that name the practitioner."""
    return await KIND.set_active(unit, await _locked(unit, id, version), is_active=False)


async def reactivate(unit: UnitOfWork, *, id: str, version: int | None = None) -> PractitionerRecord:
    """Allow new claims that name the practitioner again."""
    return await KIND.set_active(unit, await _locked(unit, id, version), is_active=True)


async def _locked(unit: UnitOfWork, practitioner_id: str, version: int | None) -> PractitionerRecord:
    found = await practitioners_db.lock(unit.connection, unit.scope, practitioner_id)
    return KIND.checked(found, version, "id")


def _council_failures(form: PractitionerForm) -> list[Failure | None]:
    return [
        ascii_failure(form.number, "number", NUMBER_LENGTH_MAX),
        CodeTable.COUNCIL.failure(form.council, "council"),
        CodeTable.STATE.failure(form.state, "state"),
    ]


def _failures(name: str | None, cbo: str | None) -> list[Failure | None]:
    return [text_failure(name, "name", PERSON_LENGTH_MAX), CodeTable.OCCUPATION.failure(cbo, "cbo")]


def _known(practitioner_id: str | None) -> BillingError:
    message = "the provider has a practitioner with this number of the council: update that one"
    return BillingError(duplicate(message, "number", practitioner_id))


_STORED: Final = StoredRecord(PractitionerRecord, practitioners_db.by_ids, *("cbo", "version", "deactivated_at"))
PRACTITIONER_ANSWER: Final = answer_of_one(_STORED)
MANAGE: Final = "practitioners:register"
REGISTER: Final = Action("registerPractitioner", register, needs=MANAGE, answer=PRACTITIONER_ANSWER)
UPDATE: Final = Action("updatePractitioner", update, needs=MANAGE, answer=PRACTITIONER_ANSWER)
DEACTIVATE: Final = Action("deactivatePractitioner", deactivate, needs=MANAGE, answer=PRACTITIONER_ANSWER)
REACTIVATE: Final = Action("reactivatePractitioner", reactivate, needs=MANAGE, answer=PRACTITIONER_ANSWER)
