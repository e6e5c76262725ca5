"""What a claim must look like before it is kept: every rule on a new or changed claim, all failures at once."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import contracts as contracts_db
from app.db import parties as coverage_db
from app.db.claims import ClaimRecord, ItemRecord
from app.db.contracts import ContractRecord
from app.db.parties import CoverageRecord, PayerRecord
from app.db.tuss import TussRecord
from app.domain import ids
from app.domain.claims import ClaimType, date_failures
from app.domain.data_scope import DataScope
from app.domain.encounter import Encounter, Practitioner
from app.domain.errors import ErrorCode, Failure
from app.domain.identifiers import NUMBER_LENGTH_MAX, ans_failure, card_failure, cnes_failure, code_failure
from app.domain.money import CENTS_MAX, Cents, Factor, Quantity, item_total
from app.domain.text import ascii_failure, text_failure
from app.services import parties, tuss

ITEMS_MAX: Final = 200
DIAGNOSES_MAX: Final = 4


@dataclass(frozen=True, slots=True)
class ItemData:
    """One item as the provider sends it; description and day default to the TUSS term and the service date."""

    code_system: str
    code: str
    quantity: Quantity
    unit_price: Cents
    factor: Factor
    description: str | None = None
    performed_on: date | None = None

    @property
    def total(self) -> Cents:
        """unit price x quantity x factor, rounded half up."""
        return item_total(self.unit_price, self.quantity, self.factor)


@dataclass(frozen=True, slots=True)
class Authorization:
    """The payer's authorization (senha) with its dates."""

    number: str
    issued_on: date | None = None
    valid_until: date | None = None


@dataclass(frozen=True, slots=True)
class ClaimData:
    """A claim as the provider sends it; `claimed_total` is checked against the items when given."""

    type: ClaimType
    provider: str
    payer: str
    provider_claim_number: str
    card_number: str
    service_date: date
    items: tuple[ItemData, ...]
    practitioner: Practitioner = field(default_factory=Practitioner)
    authorization: Authorization | None = None
    clinical_indication: str | None = None
    diagnosis_codes: tuple[str, ...] = ()
    claimed_total: Cents | None = None
    encounter: Encounter | None = None

    @property
    def total(self) -> Cents:
        """The sum of the items."""
        return Cents(sum(item.total for item in self.items))


@dataclass(frozen=True, slots=True)
class Checked:
    """What the checks looked up on the way: payer, coverage, contract (if any) and the terms of the codes."""

    payer: PayerRecord
    coverage: CoverageRecord
    contract: ContractRecord | None
    terms: dict[tuple[str, str], TussRecord]


async def examine(
    connection: AsyncConnection, *, scope: DataScope, data: ClaimData, today: date
) -> tuple[list[Failure], Checked | None]:
    """Every failure found, and what was looked up unless a party or the card is unknown."""
    failures = list(_shape_failures(data))
    if failures:
        return failures, None
    payer, party_failures = await parties.find(connection, scope, provider=data.provider, payer=data.payer)
    coverage = await coverage_db.coverage_of_card(connection, data.payer, data.card_number)
    contract = await contracts_db.between(connection, data.provider, data.payer)
    terms_failures, terms = await tuss.code_failures(connection, list(_uses(data)))
    failures = [*party_failures, *terms_failures]
    if payer is not None:
        window = contract.submission_window_days if contract else payer.submission_window_days
        failures += [*_coverage_failures(data, coverage), *_date_failures(data, window, today)]
    if payer is None or coverage is None:
        return failures, None
    return failures, Checked(payer, coverage, contract, terms)


def _coverage_failures(data: ClaimData, coverage: CoverageRecord | None) -> list[Failure]:
    if coverage is None:
        return [Failure(ErrorCode.INVALID_CARD, "the payer has no such card", "cardNumber", "1001")]
    if coverage.card_valid_until is not None and coverage.card_valid_until < data.service_date:
        return [Failure(ErrorCode.INVALID_CARD, "the card had expired on the service date", "cardNumber", "1017")]
    return []


def _date_failures(data: ClaimData, window: int, today: date) -> Iterable[Failure]:
    valid_until = data.authorization.valid_until if data.authorization else None
    yield from date_failures(data.service_date, today=today, window_days=window, authorization_valid_until=valid_until)
    for index, item in enumerate(data.items):
        if item.performed_on is not None and item.performed_on > today:
            message = "an item cannot be performed in the future"
            yield Failure(ErrorCode.INVALID_DATE, message, f"items.{index}.performedOn", "3223")


def _uses(data: ClaimData) -> Iterator[tuss.CodeUse]:
    for index, item in enumerate(data.items):
        day = item.performed_on or data.service_date
        yield tuss.CodeUse(f"items.{index}", item.code_system, item.code, day)


def _shape_failures(data: ClaimData) -> Iterator[Failure]:
    found: list[Failure | None] = [
        cnes_failure(data.provider, "provider"),
        ans_failure(data.payer, "payer"),
        card_failure(data.card_number, "cardNumber"),
        ascii_failure(data.provider_claim_number, "providerClaimNumber", NUMBER_LENGTH_MAX),
        *_practitioner_failures(data.practitioner, "practitioner"),
        *_encounter_failures(data.encounter),
        *_optional(data.clinical_indication, "clinicalIndication", 500),
    ]
    if data.authorization is not None:
        found.append(ascii_failure(data.authorization.number, "authorization.number", NUMBER_LENGTH_MAX))
    yield from (failure for failure in found if failure is not None)
    yield from _diagnosis_failures(data.diagnosis_codes)
    yield from _items_failures(data)


def _optional(text: str | None, field: str, length_max: int) -> list[Failure | None]:
    return [] if text is None else [text_failure(text, field, length_max)]


def _practitioner_failures(who: Practitioner, path: str) -> Iterator[Failure | None]:
    yield from _optional(who.name, f"{path}.name", 70)
    limits = {"council": 2, "number": 15, "state": 2, "cbo": 6}
    for name, length_max in limits.items():
        text = getattr(who, name)
        if text is not None:
            yield ascii_failure(text, f"{path}.{name}", length_max)


def _encounter_failures(encounter: Encounter | None) -> Iterator[Failure | None]:
    if encounter is None:
        return
    codes = (
        ("priority", encounter.priority, 1),
        ("type", encounter.type, 2),
        ("accident", encounter.accident, 1),
        ("setting", encounter.setting, 2),
        ("visitType", encounter.visit_type, 1),
    )
    for name, code, length_max in codes:
        if code is not None:
            yield ascii_failure(code, f"encounter.{name}", length_max)
    if encounter.requester is not None:
        yield from _practitioner_failures(encounter.requester, "encounter.requester")


def _diagnosis_failures(codes: tuple[str, ...]) -> Iterator[Failure]:
    if len(codes) > DIAGNOSES_MAX:
        yield Failure(ErrorCode.INVALID_INPUT, f"at most {DIAGNOSES_MAX} diagnosis codes", "diagnosisCodes")
    for index, code in enumerate(codes):
        if not (code.isascii() and code.replace(".", "").isalnum() and len(code) <= 5):
            yield Failure(ErrorCode.INVALID_INPUT, "a CID code is like A09 or J18.9", f"diagnosisCodes.{index}")


def _items_failures(data: ClaimData) -> Iterator[Failure]:
    if not 1 <= len(data.items) <= ITEMS_MAX:
        yield Failure(ErrorCode.INVALID_INPUT, f"a claim has 1 to {ITEMS_MAX} items", "items")
    for index, item in enumerate(data.items):
        yield from _item_failures(f"items.{index}", item)
    if data.total > CENTS_MAX:
        yield Failure(ErrorCode.INVALID_AMOUNT, "the claim's total is above 99999999.99", "items")
    if data.claimed_total is not None and data.claimed_total != data.total:
        message = "the items do not add up to the claimed total"
        yield Failure(ErrorCode.TOTAL_MISMATCH, message, "claimedAmount", "5042")


def _item_failures(path: str, item: ItemData) -> Iterator[Failure]:
    if item.quantity <= 0:
        yield Failure(ErrorCode.INVALID_QUANTITY, "a quantity is above zero", f"{path}.quantity", "1806")
    if item.factor <= 0:
        yield Failure(ErrorCode.INVALID_QUANTITY, "a factor is above zero", f"{path}.factor", "1806")
    if item.unit_price <= 0:
        yield Failure(ErrorCode.INVALID_AMOUNT, "a unit price is above zero", f"{path}.unitPrice", "5040")
    elif item.quantity > 0 and item.factor > 0 and not 0 < item.total <= CENTS_MAX:
        yield Failure(ErrorCode.INVALID_AMOUNT, "the item's total must be 0.01 to 99999999.99", f"{path}.unitPrice")
    found = [code_failure(item.code, f"{path}.code"), *_optional(item.description, f"{path}.description", 150)]
    yield from (failure for failure in found if failure is not None)


def item_records(claim_id: str, data: ClaimData, checked: Checked) -> list[ItemRecord]:
    """The items as rows, numbered from 1 without gaps."""
    return [_item_record(claim_id, number, item, data, checked) for number, item in enumerate(data.items, start=1)]


def _item_record(claim_id: str, sequence: int, item: ItemData, data: ClaimData, checked: Checked) -> ItemRecord:
    term = checked.terms.get((item.code_system, item.code))
    return ItemRecord(
        id=ids.new_id(ids.ITEM),
        claim_id=claim_id,
        sequence=sequence,
        code_system=item.code_system,
        code=item.code,
        description=item.description or (term.term[:150] if term else item.code),
        performed_on=item.performed_on or data.service_date,
        quantity=item.quantity,
        unit_price_cents=item.unit_price,
        factor=item.factor,
        total_cents=item.total,
        processed_cents=None,
        approved_cents=None,
        denied_cents=None,
    )


def data_of(claim: ClaimRecord, items: Iterable[ItemRecord]) -> ClaimData:
    """A kept claim as the input that would create it again: the base that changes are laid over."""
    return ClaimData(
        type=claim.type,
        provider=claim.provider_cnes,
        payer=claim.payer_ans,
        provider_claim_number=claim.provider_claim_number,
        card_number=claim.card_number,
        service_date=claim.service_date,
        items=tuple(_item_data(item, claim) for item in items),
        practitioner=Practitioner(
            claim.practitioner_name,
            claim.practitioner_council,
            claim.practitioner_number,
            claim.practitioner_state,
            claim.practitioner_cbo,
        ),
        authorization=_authorization_of(claim),
        clinical_indication=claim.clinical_indication,
        diagnosis_codes=claim.diagnosis_codes,
        encounter=claim.encounter,
    )


def _authorization_of(claim: ClaimRecord) -> Authorization | None:
    if claim.authorization_number is None:
        return None
    return Authorization(claim.authorization_number, claim.authorization_date, claim.authorization_valid_until)


def _item_data(item: ItemRecord, claim: ClaimRecord) -> ItemData:
    return ItemData(
        code_system=item.code_system,
        code=item.code,
        quantity=Quantity(item.quantity),
        unit_price=Cents(item.unit_price_cents),
        factor=Factor(item.factor),
        description=item.description,
        # An item on the service date keeps following it when the date is changed.
        performed_on=None if item.performed_on == claim.service_date else item.performed_on,
    )
