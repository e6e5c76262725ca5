"""A claim as the provider sends it, and the checks that need no other data; they report all failures at once."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import count
from typing import Final

from app.domain.claims import ClaimType
from app.domain.encounter import Encounter, Facility, Practitioner
from app.domain.errors import ErrorCode, Failure
from app.domain.identifiers import NUMBER_LENGTH_MAX, ans_failure, card_failure, cnes_failure, code_failure
from app.domain.money import CENTS_MAX, Cents, Factor, Quantity, is_near_total, item_total
from app.domain.schema_codes import CodeTable
from app.domain.services import NO_PRACTITIONER, ServiceDetails, details_failures
from app.domain.text import ascii_failure, text_failure
from app.values.frozen import frozen

ITEMS_MAX: Final = 200
"""Of a claim that is typed."""
GUIDE_ITEMS_MAX: Final = 2_000
"""Of a claim that came as a guide: a long hospital stay has so many medicines and materials."""
DIAGNOSES_MAX: Final = 4
SEQUENCE_MAX: Final = 9999
ZERO_TOTAL: Final = Failure(ErrorCode.INVALID_AMOUNT, "the claim's total must be above zero", "items", "5040")
"""Of a claim that is typed; a guide may be of nothing but services that are included in others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemForm:
    """One item as the provider sends it; description and day default to the TUSS term and the service date.

    `sequence` is the number of the item within the claim; items without one get the next free number. It is the
    document's own (sequencialItem), unless another item has that or it is not 1 to 9999: then `document_sequence` is.
    `stated_total` is a total that is up to a cent off, as systems that cut off fractions of cents write it.
    """

    code_system: str
    code: str
    quantity: Quantity
    unit_price: Cents
    factor: Factor
    description: str | None
    performed_on: date | None
    stated_total: Cents | None = None
    sequence: int | None = None
    document_sequence: int | None = None
    details: ServiceDetails | None = None

    @property
    def computed_total(self) -> Cents:
        """Unit price x quantity x factor, rounded half up."""
        return item_total(self.unit_price, self.quantity, self.factor)

    @property
    def has_factor(self) -> bool:
        """Whether the factor is above zero, or the total says too that the service is included in another."""
        return self.factor > 0 or (self.factor == 0 and self.stated_total == 0)

    @property
    def total(self) -> Cents:
        """What is billed: the stated total, if there is one."""
        return self.computed_total if self.stated_total is None else self.stated_total


@frozen
class Authorization:
    """The payer's authorization (senha) with its dates."""

    number: str
    issued_on: date | None = None
    valid_until: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimForm:
    """A claim as the provider sends it; `claimed_total` is checked against the items when given.

    A field without a default is required. The others are absent by default: a document or input that does not have such
    a field need not mention it. Changes start from the form of the stored claim, which has every field, so that nothing
    is cleared by leaving it out.
    """

    type: ClaimType
    provider: str
    payer: str
    provider_claim_number: str
    card_number: str
    service_date: date
    items: tuple[ItemForm, ...]
    practitioner: Practitioner = NO_PRACTITIONER
    authorization: Authorization | None = None
    clinical_indication: str | None = None
    diagnosis_codes: tuple[str, ...] = ()
    claimed_total: Cents | None = None
    encounter: Encounter | None = None

    @property
    def total(self) -> Cents:
        """The sum of the items."""
        return Cents(sum(item.total for item in self.items))


def shape_failures(form: ClaimForm) -> Iterator[Failure]:
    """Every failure of form, length and sum, with its path in the input."""
    found: list[Failure | None] = [
        cnes_failure(form.provider, "provider"),
        ans_failure(form.payer, "payer"),
        card_failure(form.card_number, "cardNumber"),
        ascii_failure(form.provider_claim_number, "providerClaimNumber", NUMBER_LENGTH_MAX),
        *_practitioner_failures(form.practitioner, "practitioner"),
        *_encounter_failures(form.encounter, form.type),
        text_failure(form.clinical_indication, "clinicalIndication", 500, is_printed=True),
    ]
    if form.authorization is not None:
        found.append(ascii_failure(form.authorization.number, "authorization.number", NUMBER_LENGTH_MAX))
    yield from (failure for failure in found if failure is not None)
    yield from _diagnosis_failures(form.diagnosis_codes)
    yield from _items_failures(form)


def _practitioner_failures(practitioner: Practitioner, path: str) -> Iterator[Failure | None]:
    yield text_failure(practitioner.name, f"{path}.name", 70)
    yield CodeTable.COUNCIL.failure(practitioner.council, f"{path}.council")
    yield ascii_failure(practitioner.number, f"{path}.number", 15)
    yield CodeTable.STATE.failure(practitioner.state, f"{path}.state")
    yield CodeTable.OCCUPATION.failure(practitioner.cbo, f"{path}.cbo")


def _encounter_failures(encounter: Encounter | None, kind: ClaimType) -> Iterator[Failure | None]:
    if encounter is None:
        return
    is_dental = kind is ClaimType.DENTAL_TREATMENT
    types, billing = (
        (CodeTable.DENTAL_ENCOUNTER, CodeTable.DENTAL_BILLING)
        if is_dental
        else (CodeTable.ENCOUNTER, CodeTable.BILLING)
    )
    yield CodeTable.PRIORITY.failure(encounter.priority, "encounter.priority")
    yield types.failure(encounter.type, "encounter.type")
    yield CodeTable.ACCIDENT.failure(encounter.accident, "encounter.accident")
    yield CodeTable.SETTING.failure(encounter.setting, "encounter.setting")
    yield CodeTable.VISIT.failure(encounter.visit_type, "encounter.visitType")
    yield billing.failure(encounter.billing_type, "encounter.billingType")
    yield CodeTable.DISCHARGE.failure(encounter.discharge_reason, "encounter.dischargeReason")
    yield ascii_failure(encounter.main_claim_number, "encounter.mainClaimNumber", NUMBER_LENGTH_MAX)
    yield text_failure(encounter.plan_name, "encounter.planName", 40)
    yield text_failure(encounter.notes, "encounter.notes", 500, is_printed=True)
    if encounter.admission is not None:
        yield CodeTable.ADMISSION.failure(encounter.admission.type, "encounter.admission.type")
        yield CodeTable.REGIME.failure(encounter.admission.regime, "encounter.admission.regime")
    if encounter.requester is not None:
        yield from _practitioner_failures(encounter.requester, "encounter.requester")
    yield from _facility_failures(encounter.requesting_provider, "encounter.requestingProvider")
    yield from _facility_failures(encounter.location, "encounter.location")


def _facility_failures(facility: Facility | None, path: str) -> Iterator[Failure | None]:
    if facility is None:
        return
    yield ascii_failure(facility.code, f"{path}.code", 14)
    yield text_failure(facility.name, f"{path}.name", 70)
    yield ascii_failure(facility.cnes, f"{path}.cnes", 7)


def _diagnosis_failures(codes: tuple[str, ...]) -> Iterator[Failure]:
    if len(codes) > DIAGNOSES_MAX:
        yield Failure(ErrorCode.INVALID_INPUT, f"send at most {DIAGNOSES_MAX} diagnosis codes", "diagnosisCodes")
    for index, code in enumerate(codes):
        letters = code.replace(".", "")
        if not (code.isascii() and letters.isalnum() and len(letters) <= 4 and len(code) <= 5):
            yield Failure(
                ErrorCode.INVALID_INPUT, "invalid CID code: write it like A09 or K35.8", f"diagnosisCodes.{index}"
            )


def _items_failures(form: ClaimForm) -> Iterator[Failure]:
    if not form.items:
        yield Failure(ErrorCode.INVALID_INPUT, "add at least one item", "items")
    elif len(form.items) > GUIDE_ITEMS_MAX:
        message = f"the claim has more than {GUIDE_ITEMS_MAX:,} items: split it into several"
        yield Failure(ErrorCode.INVALID_INPUT, message, "items")
    for index, item in enumerate(form.items):
        yield from _item_failures(f"items.{index}", item)
    yield from _sequence_failures(form.items)
    total = form.total
    if total > CENTS_MAX:
        yield Failure(ErrorCode.INVALID_AMOUNT, "the claim's total is above 99999999.99", "items")
    elif form.items and total == 0 and all(item.quantity > 0 and item.has_factor for item in form.items):
        yield ZERO_TOTAL
    if form.claimed_total is not None and form.claimed_total != total:
        message = "the items do not add up to the claimed total"
        yield Failure(ErrorCode.TOTAL_MISMATCH, message, "claimedAmount", "5042")


def _sequence_failures(items: tuple[ItemForm, ...]) -> Iterator[Failure]:
    seen: set[int] = set()
    for index, item in enumerate(items):
        if item.sequence is None:
            continue
        if not 1 <= item.sequence <= SEQUENCE_MAX:
            message = f"an item's number must be 1 to {SEQUENCE_MAX}"
            yield Failure(ErrorCode.INVALID_INPUT, message, f"items.{index}.sequence")
        elif item.sequence in seen:
            message = "two items have the same number: give each its own"
            yield Failure(ErrorCode.INVALID_INPUT, message, f"items.{index}.sequence")
        seen.add(item.sequence)


def sequences(items: tuple[ItemForm, ...]) -> list[int]:
    """The number of each item: its own, or the smallest that no other item has."""
    return unique_numbers([item.sequence for item in items], {item.document_sequence for item in items})


def unique_numbers(numbers: Sequence[int | None], reserved: Collection[int | None] = ()) -> list[int]:
    """A number for each item, 1 to 9999 and each once: its own where it can be, or the smallest that no item has.

    Example: 0, 3, 3 become 1, 3, 2. New numbers are none of those `reserved`."""
    taken = {*numbers, *reserved}
    free = (number for number in count(1) if number not in taken)
    seen: set[int] = set()
    found = []
    for number in numbers:
        is_own = number is not None and 1 <= number <= SEQUENCE_MAX and number not in seen
        found.append(number if is_own and number is not None else next(free))
        seen.add(found[-1])
    return found


def with_document_numbers(items: Iterable[ItemForm], earlier: Iterable[ItemForm]) -> tuple[ItemForm, ...]:
    """The items, of which the same service under the same number keeps the document's number of the earlier one."""
    known = {(each.sequence, each.code_system, each.code): each.document_sequence for each in earlier}
    return tuple(
        replace(item, document_sequence=known.get((item.sequence, item.code_system, item.code))) for item in items
    )


def _item_failures(path: str, item: ItemForm) -> Iterator[Failure]:
    if item.quantity <= 0:
        yield Failure(ErrorCode.INVALID_QUANTITY, "a quantity must be above zero", f"{path}.quantity", "1806")
    if not item.has_factor:
        yield Failure(ErrorCode.INVALID_QUANTITY, "a factor must be above zero", f"{path}.factor", "1806")
    if item.quantity > 0 and item.has_factor:
        yield from _total_failures(path, item)
    found = [
        code_failure(item.code, f"{path}.code"),
        text_failure(item.description, f"{path}.description", 150, is_printed=True),
    ]
    found += details_failures(item.details, f"{path}.details")
    yield from (failure for failure in found if failure is not None)


def _total_failures(path: str, item: ItemForm) -> Iterator[Failure]:
    total = item.total
    if item.unit_price < 0 or total < 0:
        yield Failure(ErrorCode.INVALID_AMOUNT, "an amount must not be below zero", f"{path}.unitPrice", "5040")
    elif total > CENTS_MAX or (total == 0 < item.unit_price and item.stated_total is None):
        yield Failure(ErrorCode.INVALID_AMOUNT, "the item's total must be 0.01 to 99999999.99", f"{path}.unitPrice")
    elif item.stated_total is not None and not is_near_total(
        item.stated_total, item.unit_price, item.quantity, item.factor
    ):
        message = "the item's total is more than 0.01 off unit price x quantity x factor"
        yield Failure(ErrorCode.TOTAL_MISMATCH, message, f"{path}.total", "5042")
