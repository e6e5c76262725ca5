"""Master data of providers: registering, changing, deactivating."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy.exc import IntegrityError

from app.db import parties as parties_db
from app.db import party_changes as party_changes_db
from app.db.parties import ProviderRecord
from app.domain import ids
from app.domain.errors import BillingError, not_found
from app.domain.identifiers import cnes_failure
from app.domain.parties import NAME_LENGTH_MAX, PartyAction, duplicate, tax_id_failure
from app.domain.refusals import checked
from app.domain.schema_codes import CodeTable
from app.domain.text import text_failure
from app.services.party_changes import PartyKind
from app.services.payers import MANAGE
from app.unit_of_work.action import Action, StoredRecord, answer_of_one
from app.unit_of_work.unit import UnitOfWork
from app.values.frozen import frozen

KIND: Final[PartyKind[ProviderRecord]] = PartyKind(
    name="Provider",
    write=party_changes_db.update_provider,
    provider=lambda provider: provider.cnes,
    payer=lambda _provider: None,
    facts=lambda _provider: {},
)


@frozen
class ProviderForm:
    """A provider as callers register it; `tax_id` is the CNPJ, or the CPF of a self-employed practitioner. `state` is a
    code of table 59."""

    provider: str
    name: str
    tax_id: str
    state: str | None = None


async def register(unit: UnitOfWork, *, form: ProviderForm) -> ProviderRecord:
    """Register a provider; DUPLICATE_PARTY if its CNES is known, NOT_FOUND if it is outside the data scope."""
    shape = [cnes_failure(form.provider, "provider"), *_failures(form.name, form.tax_id, form.state)]
    await checked(shape, _check_new(unit, form.provider))
    provider = ProviderRecord(
        form.provider, form.name.strip(), form.tax_id, version=1, deactivated_at=None, state=form.state
    )
    try:
        await parties_db.insert_providers(unit.connection, [provider])
    except IntegrityError:
        # The check ran without a lock: another caller registered it before this insert.
        raise _known(form.provider) from None
    KIND.note(unit, provider, PartyAction.REGISTER)
    return provider


async def update(
    unit: UnitOfWork, *, provider: str, changes: Mapping[str, Any], version: int | None = None
) -> ProviderRecord:
    """Change the name, the taxpayer number or the state: columns of the row that are given."""
    given = {name: value.strip() for name, value in changes.items()}
    shape = _failures(given.get("name"), given.get("tax_id"), given.get("state"))
    before = await checked(shape, _locked(unit, provider, version))
    return await KIND.change(unit, before, given, PartyAction.UPDATE)


async def deactivate(unit: UnitOfWork, *, provider: str, version: int | None = None) -> ProviderRecord:
    """Refuse new claims of the provider; what it has sent goes on."""
    return await KIND.set_active(unit, await _locked(unit, provider, version), "provider", is_active=False)


async def reactivate(unit: UnitOfWork, *, provider: str, version: int | None = None) -> ProviderRecord:
    """Allow new claims of the provider again."""
    return await KIND.set_active(unit, await _locked(unit, provider, version), "provider", is_active=True)


async def _locked(unit: UnitOfWork, provider: str, version: int | None) -> ProviderRecord:
    _check_scope(unit, provider)
    found = await party_changes_db.lock_provider(unit.connection, provider)
    return KIND.checked(found, version, "provider")


async def _check_new(unit: UnitOfWork, provider: str) -> None:
    _check_scope(unit, provider)
    if await parties_db.provider(unit.connection, provider) is not None:
        raise _known(provider)


def _check_scope(unit: UnitOfWork, provider: str) -> None:
    # A payer and a patient see providers that they do not manage.
    if not unit.scope.contains(provider=provider, payer=None, patient=None):
        raise not_found("provider", "provider")


def _failures(name: str | None, tax_id: str | None, state: str | None) -> list[Any]:
    return [
        text_failure(name, "name", NAME_LENGTH_MAX),
        None if tax_id is None else tax_id_failure(tax_id, "taxId"),
        CodeTable.STATE.failure(state, "state"),
    ]


def _known(provider: str) -> BillingError:
    message = "a provider with this CNES exists: update it"
    return BillingError(duplicate(message, "provider", ids.of_key(ids.PROVIDER, provider)))


def _of_provider(arguments: Mapping[str, Any]) -> list[str]:
    return [arguments["form"].provider if "form" in arguments else arguments["provider"]]


_STORED: Final = StoredRecord(
    ProviderRecord, parties_db.providers_by_id, *("name", "tax_id", "version", "deactivated_at", "state")
)
PROVIDER_ANSWER: Final = answer_of_one(_STORED)
REGISTER: Final = Action("registerProvider", register, needs=MANAGE, answer=PROVIDER_ANSWER, aggregates=_of_provider)
UPDATE: Final = Action("updateProvider", update, needs=MANAGE, answer=PROVIDER_ANSWER, aggregates=_of_provider)
DEACTIVATE: Final = Action(
    "deactivateProvider", deactivate, needs=MANAGE, answer=PROVIDER_ANSWER, aggregates=_of_provider
)
REACTIVATE: Final = Action(
    "reactivateProvider", reactivate, needs=MANAGE, answer=PROVIDER_ANSWER, aggregates=_of_provider
)
