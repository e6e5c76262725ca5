"""A claim form checked against the gateway's data, and conversions between forms and rows."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import fields, replace
from datetime import date
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import tuss as tuss_db
from app.db.claim_references import ClaimReferences
from app.db.claims import ClaimRecord, ItemRecord
from app.db.contracts import ContractRecord
from app.db.parties import CoverageRecord, PayerRecord
from app.db.tuss import TussRecord
from app.domain import claim_form, ids
from app.domain.claim_form import GUIDE_ITEMS_MAX, ZERO_TOTAL, Authorization, ClaimForm, ItemForm
from app.domain.data_scope import DataScope
from app.domain.encounter import Practitioner
from app.domain.errors import UNKNOWN_CARD, ErrorCode, Failure
from app.domain.money import Cents, Factor, Quantity
from app.domain.service_days import Limits, ServiceDay, day_failures, service_days
from app.services import parties, tuss
from app.values.frozen import frozen

Code = tuple[str, str]
"""A table and a code of it."""
TABLE_LENGTH: Final = 2


@frozen
class Checked:
    """The rows that the checks looked up: payer, coverage (None for a card that only the claim names), contract (if
    any) and the terms of the codes; `unknown_codes` says which codes were accepted although no table has them, and
    `is_well_formed` whether every value has its form."""

    payer: PayerRecord
    coverage: CoverageRecord | None
    contract: ContractRecord | None
    terms: dict[Code, TussRecord]
    unknown_codes: tuple[Failure, ...] = ()
    is_well_formed: bool = True


async def examine(
    connection: AsyncConnection,
    *,
    scope: DataScope,
    form: ClaimForm,
    today: date,
    found: ClaimReferences,
    accepted: Collection[Code] = (),
    free: Collection[str] = (),
    may_be_zero: bool = False,
) -> tuple[list[Failure], Checked | None]:
    """All failures, and the rows looked up; None instead of rows if the payer is unknown, or the card of a payer whose
    membership the gateway holds. `found` is what the form refers to; codes that are `accepted` need no term, nor do
    those at the fields `free`, and the total `may_be_zero`. A value without its form is not looked up, but all others
    are: whoever fills in the form hears of everything at once."""
    shape = list(claim_form.shape_failures(form))
    malformed = [each for each in shape if each.field not in free and not (may_be_zero and each == ZERO_TOTAL)]
    if len(form.items) > GUIDE_ITEMS_MAX:
        return malformed, None
    places = {each.field for each in malformed}
    payer, coverage, contract = found.payer, found.coverage, found.contract
    holds_membership = contract is not None and contract.holds_membership
    if coverage is not None and holds_membership and not coverage.terms.is_known:
        coverage = None
    is_in_scope = scope.contains(provider=form.provider, payer=form.payer, patient=None)
    party_failures = parties.failures(has_payer=payer is not None, has_provider=found.has_provider and is_in_scope)
    # A table is looked at even if the code has not its form.
    uses = [
        use for use in _uses(form) if f"{use.field}.code" not in places or use.code_system not in tuss.BILLABLE_TABLES
    ]
    terms = await tuss_db.known(connection, found.identity.terms_version, tuss.published_codes(uses))
    unknown = tuss.code_failures(uses, terms)
    terms_failures = [each for each in unknown if _code_at(form, each) not in accepted]
    failures = [*party_failures, *terms_failures]
    is_refused = coverage is None and holds_membership
    if is_refused:
        failures.append(Failure(ErrorCode.INVALID_CARD, UNKNOWN_CARD, "cardNumber", "1001"))
    if payer is not None:
        limits = _limits(form, payer, coverage, contract, today)
        failures += day_failures(form.service_date, days_of(form), limits)
    failures = [*malformed, *(each for each in failures if each.field not in places)]
    if payer is None or is_refused:
        return failures, None
    tolerated = (*shape, *(each for each in unknown if _code_at(form, each) in accepted))
    return failures, Checked(payer, coverage, contract, terms, tolerated, is_well_formed=not malformed)


def codes_of(items: Iterable[ItemForm | ItemRecord]) -> frozenset[Code]:
    """The codes of these items that a column can store, each with its table."""
    return frozenset((item.code_system, item.code) for item in items if len(item.code_system) == TABLE_LENGTH)


def _code_at(form: ClaimForm, failure: Failure) -> Code:
    """The code of the item that the failure names."""
    item = form.items[int((failure.field or "").split(".")[1])]
    return item.code_system, item.code


def _limits(
    form: ClaimForm, payer: PayerRecord, coverage: CoverageRecord | None, contract: ContractRecord | None, today: date
) -> Limits:
    return Limits(
        today=today,
        window_days=contract.submission_window_days if contract else payer.submission_window_days,
        contract_ends_on=contract.ends_on if contract else None,
        card_valid_until=coverage.card_valid_until if coverage else None,
        authorization_valid_until=form.authorization.valid_until if form.authorization else None,
    )


def days_of(form: ClaimForm) -> list[ServiceDay]:
    """The days on which the form bills something."""
    return service_days(form.service_date, [item.performed_on for item in form.items])


def _uses(form: ClaimForm) -> Iterator[tuss.CodeUse]:
    for index, item in enumerate(form.items):
        day = item.performed_on or form.service_date
        yield tuss.CodeUse(f"items.{index}", item.code_system, item.code, day)


SHARED: Final = tuple(
    field.name for field in fields(ClaimForm) if field.name in {column.name for column in fields(ClaimRecord)}
)
"""Fields of the form that are columns of the same name: a new one is stored and read back without a line here."""


def columns_of(form: ClaimForm, patient_id: str) -> dict[str, Any]:
    """The columns of a claim's row that its form and its patient decide."""
    who, authorization = form.practitioner, form.authorization
    return {name: getattr(form, name) for name in SHARED} | {
        "patient_id": patient_id,
        "practitioner_name": who.name,
        "practitioner_council": who.council,
        "practitioner_number": who.number,
        "practitioner_state": who.state,
        "practitioner_cbo": who.cbo,
        "authorization_number": authorization.number if authorization else None,
        "authorization_date": authorization.issued_on if authorization else None,
        "authorization_valid_until": authorization.valid_until if authorization else None,
        "claimed_cents": form.total,
    }


def item_records(claim_id: str, form: ClaimForm, checked: Checked) -> list[ItemRecord]:
    """The items as rows, each with its own number or the next free one."""
    numbers = claim_form.sequences(form.items)
    return [
        _item_record(claim_id, number, item, form, checked) for number, item in zip(numbers, form.items, strict=True)
    ]


def _item_record(claim_id: str, sequence: int, item: ItemForm, form: ClaimForm, checked: Checked) -> ItemRecord:
    return ItemRecord(
        id=ids.new_id(ids.ITEM),
        claim_id=claim_id,
        sequence=sequence,
        code_system=item.code_system,
        code=item.code,
        description=described(item, checked),
        performed_on=item.performed_on or form.service_date,
        quantity=item.quantity,
        unit_price_cents=item.unit_price,
        factor=item.factor,
        total_cents=item.total,
        processed_cents=None,
        approved_cents=None,
        denied_cents=None,
        patient_cents=None,
        document_sequence=item.document_sequence,
        details=item.details,
    )


def described(item: ItemForm, checked: Checked) -> str:
    """What is done: in the claim's own words, or the term of the code."""
    term = checked.terms.get((item.code_system, item.code))
    return item.description or (term.term[:150] if term else item.code)


def form_of(claim: ClaimRecord, items: Iterable[ItemRecord]) -> ClaimForm:
    """The form that would create this claim again: what changes are applied to."""
    shared = {name: getattr(claim, name) for name in SHARED}
    return ClaimForm(
        **shared,
        provider=claim.provider_cnes,
        payer=claim.payer_ans,
        items=tuple(_item_form(item, claim) for item in items),
        practitioner=Practitioner(
            claim.practitioner_name,
            claim.practitioner_council,
            claim.practitioner_number,
            claim.practitioner_state,
            claim.practitioner_cbo,
        ),
        authorization=_authorization_of(claim),
    )


def _authorization_of(claim: ClaimRecord) -> Authorization | None:
    if claim.authorization_number is None:
        return None
    return Authorization(claim.authorization_number, claim.authorization_date, claim.authorization_valid_until)


def _item_form(item: ItemRecord, claim: ClaimRecord) -> ItemForm:
    found = ItemForm(
        code_system=item.code_system,
        code=item.code,
        quantity=Quantity(item.quantity),
        unit_price=Cents(item.unit_price_cents),
        factor=Factor(item.factor),
        description=item.description,
        # None: an item performed on the service date still follows that date when it is changed.
        performed_on=None if item.performed_on == claim.service_date else item.performed_on,
        sequence=item.sequence,
        document_sequence=item.document_sequence,
        details=item.details,
    )
    is_stated = item.total_cents != found.computed_total or item.factor == 0
    return replace(found, stated_total=Cents(item.total_cents)) if is_stated else found
