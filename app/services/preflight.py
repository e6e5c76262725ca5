"""Preflight: what the payer would object to, found in the gateway's own data before a claim is sent."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Self

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import billed_services
from app.db import claim_references as references_db
from app.db.billed_services import PatientOf
from app.db.claim_references import Asked, ClaimReferences
from app.db.claims import ClaimRecord, ItemRecord
from app.db.engine import KEYS_AT_ONCE
from app.domain.claim_form import ClaimForm
from app.domain.data_scope import DataScope
from app.domain.errors import BillingError, DuplicateClaim, ErrorCode, Failure
from app.domain.money import Cents
from app.domain.parties import deactivated
from app.domain.preflight import (
    Finding,
    Item,
    Service,
    as_warnings,
    authorization_warnings,
    card_warnings,
    coverage_warnings,
    duplicate_warnings,
    of_failures,
    price_warnings,
    total_at_risk,
    total_warnings,
)
from app.services import claim_checks, contracts
from app.services.claim_checks import Checked, Code
from app.values.frozen import frozen


@frozen
class ClaimIdentity:
    """The ids of the checked claim and the one that it replaces, if any: neither counts as a duplicate of the form."""

    claim_id: str | None = None
    replaces_id: str | None = None

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids that exist."""
        return tuple(each for each in (self.claim_id, self.replaces_id) if each is not None)


@frozen
class Preflight:
    """Failures that refuse the claim, warnings, and the rows looked up (None if the input was too invalid for that);
    `document`: what refuses only its submission, since the payer's document cannot be written (readiness.py)."""

    failures: tuple[Failure, ...]
    warnings: tuple[Finding, ...]
    items: tuple[Item, ...]
    checked: Checked | None
    document: tuple[Failure, ...] = ()
    form: ClaimForm | None = None

    @property
    def findings(self) -> list[Finding]:
        """Errors first, then warnings."""
        return [*of_failures((*self.failures, *self.document), list(self.items)), *self.warnings]

    @property
    def amount_at_risk(self) -> Cents:
        """The amount that the findings together may cost."""
        return total_at_risk(self.findings, list(self.items))

    @property
    def is_card_unknown(self) -> bool:
        """Whether the card is new to the gateway, and refused or not."""
        is_new = self.checked is not None and self.checked.coverage is None
        return is_new or any(failure.is_unknown_card for failure in self.failures)

    @property
    def passes(self) -> bool:
        """Whether the claim can be submitted."""
        return not (self.failures or self.document)

    def require_passed(self) -> Checked:
        """The rows looked up; BillingError with all failures if there are any."""
        if self.checked is None or not self.passes:
            raise BillingError(*self.failures, *self.document)
        return self.checked


class BilledServices:
    """What the sent claims of some patients bill of the services of drafts, read at once for a whole batch."""

    def __init__(self, billed: dict[PatientOf, set[Service]]) -> None:
        self._billed = billed

    @classmethod
    async def of_drafts(
        cls, connection: AsyncConnection, scope: DataScope, drafts: Sequence[ClaimRecord], items: Sequence[ItemRecord]
    ) -> Self:
        """Those of these drafts with these items."""
        newborns = {draft.id: _is_newborn(draft) for draft in drafts}
        services = {service for item in items for service in _services([item], is_newborn=newborns[item.claim_id])}
        patients = {_patient_of(draft) for draft in drafts}
        return cls(await billed_services.of_patients(connection, scope, patients, services))

    def of(self, patient: PatientOf) -> set[Service] | None:
        """The services of this patient; None if they were not read."""
        return self._billed.get(patient)

    def add(self, claim: ClaimRecord, items: Sequence[ItemRecord]) -> None:
        """The claim was sent: its services are duplicates in the drafts that follow."""
        self._billed[_patient_of(claim)] |= _services(items, is_newborn=_is_newborn(claim))


def _patient_of(claim: ClaimRecord) -> PatientOf:
    return PatientOf(claim.provider_cnes, claim.payer_ans, claim.patient_id)


def _patient_of_card(form: ClaimForm, checked: Checked) -> PatientOf | None:
    coverage = checked.coverage
    return None if coverage is None else PatientOf(form.provider, form.payer, coverage.patient_id)


async def _is_new_card(
    connection: AsyncConnection, scope: DataScope, checked: Checked, patient: PatientOf | None, identity: ClaimIdentity
) -> bool:
    """Whether only this claim names the card: nobody has registered it, and no other claim with it has been sent."""
    if patient is None or checked.coverage is None:
        return True
    if checked.coverage.terms.is_known:
        return False
    return not await billed_services.sent_claims(connection, scope, patient, identity.ids)


def _services(items: Sequence[ItemRecord] | Sequence[Item], *, is_newborn: bool) -> set[Service]:
    return {(item.code_system, item.code, item.performed_on, is_newborn) for item in items}


def _is_newborn(claim: ClaimRecord | ClaimForm) -> bool:
    return claim.encounter is not None and claim.encounter.newborn


async def examine(
    connection: AsyncConnection,
    *,
    scope: DataScope,
    form: ClaimForm,
    identity: ClaimIdentity,
    today: date,
    billed: BilledServices | None = None,
    accepted: Collection[Code] = (),
    free: Collection[str] = (),
    may_be_zero: bool = False,
) -> Preflight:
    """All findings on this claim; nothing is changed. `billed`: what is billed elsewhere, where it was read before;
    `accepted`: codes that are a warning if no table has them, as are those at the fields `free`, and a total of
    zero where it `may_be_zero`."""
    items = tuple(_items(form))
    services = _services(items, is_newborn=_is_newborn(form))
    asked = _asked(form)
    elsewhere: set[Service] | None = None
    if billed is None and 0 < len(services) <= KEYS_AT_ONCE:
        found, elsewhere = await references_db.look_up_with_billed(connection, scope, asked, services, identity.ids)
    else:
        found = await references_db.look_up(connection, asked)
    failures, checked = await claim_checks.examine(
        connection,
        scope=scope,
        form=form,
        today=today,
        found=found,
        accepted=accepted,
        free=free,
        may_be_zero=may_be_zero,
    )
    is_visible = not any(failure.code is ErrorCode.NOT_FOUND for failure in failures)
    if is_visible and found.claim_id not in (None, identity.claim_id):
        failures.append(duplicate_number(found.claim_id))
    if is_visible and identity.replaces_id is None:
        # A correction belongs to a claim that was made while its parties were active.
        failures += _deactivated(found)
    warnings: list[Finding] = []
    if checked and checked.is_well_formed:
        patient = _patient_of_card(form, checked)
        if patient is not None and elsewhere is None:
            elsewhere = billed.of(patient) if billed else None
        if patient is not None and elsewhere is None:
            elsewhere = await _billed_elsewhere(connection, scope, patient, services, identity)
        if await _is_new_card(connection, scope, checked, patient, identity):
            warnings = list(card_warnings(items))
        warnings += await _warnings(connection, form, checked, items, elsewhere or set())
    return Preflight(tuple(failures), tuple(warnings), items, checked, form=form)


def _asked(form: ClaimForm) -> Asked:
    who = form.practitioner
    return Asked(
        form.provider,
        form.payer,
        form.card_number,
        form.provider_claim_number,
        who.council or "",
        who.number or "",
        who.state or "",
    )


def _deactivated(found: ClaimReferences) -> list[Failure]:
    payer = found.payer
    return [
        *([deactivated("payer", "payer")] if payer is not None and not payer.is_active else []),
        *([] if found.has_active_provider else [deactivated("provider", "provider")]),
        *([] if found.has_active_patient else [deactivated("patient", "cardNumber")]),
        *([] if found.has_active_practitioner else [deactivated("practitioner", "practitioner.number")]),
    ]


async def of_rows(
    connection: AsyncConnection,
    *,
    scope: DataScope,
    claim: ClaimRecord,
    items: Sequence[ItemRecord],
    form: ClaimForm,
    today: date,
    billed: BilledServices | None = None,
) -> Preflight:
    """The findings on the claim of these rows; `form` is that of the claim."""
    identity = ClaimIdentity(claim.id, claim.replaces_id)
    return await examine(
        connection,
        scope=scope,
        form=form,
        identity=identity,
        today=today,
        billed=billed,
        accepted=accepted_codes(claim, items),
        may_be_zero=claim.claimed_cents == 0,
    )


def accepted_codes(claim: ClaimRecord, items: Sequence[ItemRecord]) -> frozenset[Code]:
    """The codes of a claim that the payer has seen, on itself or on the one that it corrects: a document may have
    brought them. Those of another draft were typed, and have to be in their tables when it is sent."""
    return claim_checks.codes_of(items) if claim.submitted_at or claim.replaces_id else frozenset()


def _items(form: ClaimForm) -> list[Item]:
    return [
        Item(
            each.code_system,
            each.code,
            each.performed_on or form.service_date,
            each.quantity,
            each.unit_price,
            each.factor,
            each.total,
            each.performed_on not in (None, form.service_date),
        )
        for each in form.items
    ]


def duplicate_number(claim_id: str | None = None) -> Failure:
    """The failure for a number that the provider has already used, for this claim if it is known."""
    message = "the claim number was already used with this payer: use another number"
    return DuplicateClaim(ErrorCode.DUPLICATE_CLAIM, message, "providerClaimNumber", "1308", claim_id=claim_id)


async def _billed_elsewhere(
    connection: AsyncConnection,
    scope: DataScope,
    patient: PatientOf,
    services: Collection[Service],
    identity: ClaimIdentity,
) -> set[Service]:
    found = await billed_services.of_patients(connection, scope, [patient], services, other_than=identity.ids)
    return found[patient]


async def _warnings(
    connection: AsyncConnection,
    form: ClaimForm,
    checked: Checked,
    items: tuple[Item, ...],
    elsewhere: set[Service],
) -> list[Finding]:
    found, days = list(items), claim_checks.days_of(form)
    authorization = form.authorization
    issued_on = authorization.issued_on if authorization else None
    codes = sorted({(item.code_system, item.code) for item in items})
    prices = await contracts.prices_for(connection, checked.contract, codes)
    return [
        *(coverage_warnings(checked.coverage.terms, days, items) if checked.coverage else ()),
        *authorization_warnings(issued_on, days, items),
        *price_warnings(found, prices, is_authorized=authorization is not None),
        *as_warnings(checked.unknown_codes, found),
        *total_warnings(items),
        *duplicate_warnings(found, elsewhere, is_newborn=_is_newborn(form)),
    ]
