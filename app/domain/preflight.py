"""Preflight: what a payer would deny and why; errors refuse a submission, warnings are stored with the claim."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from fractions import Fraction
from typing import Final

from app.domain import eligibility
from app.domain.contracts import Price
from app.domain.described import DescribedEnum
from app.domain.eligibility import CoverageTerms
from app.domain.errors import UNKNOWN_CARD, ErrorCode, Failure
from app.domain.money import Cents, Factor, Quantity, format_money, format_quantity, item_total
from app.domain.service_days import OF_A_DAY, ServiceDay
from app.values.frozen import frozen

OVERPRICED: Final = "1705"
UNAUTHORIZED: Final = "1818"
AUTHORIZED_LATER: Final = "1814"
DUPLICATE_ITEM: Final = "3209"
TOO_MANY: Final = "3210"
WRONG_TOTAL: Final = "5042"
COVERAGE_MESSAGES: Final = {
    eligibility.AFTER_END: "the coverage had ended on {day}",
    eligibility.SUSPENDED: "the coverage was suspended on {day}",
    eligibility.WAITING: "{day} is in the waiting period",
    eligibility.NOT_COVERED: "the coverage had not started on {day}",
}


Service = tuple[str, str, date, bool]
"""What was done: code system, code and day, and whether for a newborn on the mother's card."""


class FindingSeverity(DescribedEnum):
    ERROR = "ERROR", "The claim cannot be submitted in this form."
    WARNING = "WARNING", "The payer may deny it, but the claim can be submitted."


@frozen
class Finding:
    """One thing that the payer would object to, its field in the input, and the cents at risk."""

    severity: FindingSeverity
    code: ErrorCode
    message: str
    field: str | None
    tiss_code: str | None
    amount_at_risk: Cents


@frozen
class Item:
    """What the checks need to know of an item; `has_own_day` if it is performed on another day than the claim's."""

    code_system: str
    code: str
    performed_on: date
    quantity: Quantity
    unit_price: Cents
    factor: Factor
    total: Cents
    has_own_day: bool


def of_failures(failures: Iterable[Failure], items: list[Item]) -> list[Finding]:
    """Refusals as findings: a refusal of an item puts its total at risk, one of the service date what was performed on
    it, any other the whole claim."""
    whole = Cents(sum(item.total for item in items))

    def risk(failure: Failure) -> Cents:
        place = _place(failure.field)
        if place is not None and place < len(items):
            return items[place].total
        return _on_service_date(items) if failure.tiss_code in OF_A_DAY else whole

    return [
        Finding(FindingSeverity.ERROR, each.code, each.message, each.field, each.tiss_code, risk(each))
        for each in failures
    ]


def _place(field: str | None) -> int | None:
    """The place of the item that the path is in."""
    parts = (field or "").split(".")
    return int(parts[1]) if parts[0] == "items" and len(parts) > 1 and parts[1].isdigit() else None


def _on_service_date(items: Sequence[Item]) -> Cents:
    """The total of what was performed on the service date; of all items if that is nothing."""
    found = [item.total for item in items if not item.has_own_day]
    return Cents(sum(found or [item.total for item in items]))


def _at_risk(of: ServiceDay, items: Sequence[Item]) -> Cents:
    return _on_service_date(items) if of.item is None else items[of.item].total


def as_warnings(failures: Iterable[Failure], items: list[Item]) -> Iterator[Finding]:
    """What would refuse a claim that was typed, and only warns of one that came as a document."""
    for each in of_failures(failures, items):
        yield replace(each, severity=FindingSeverity.WARNING)


def card_warnings(items: Sequence[Item]) -> Iterator[Finding]:
    """A card that nobody has registered, of a payer whose membership the gateway does not hold."""
    whole = Cents(sum(item.total for item in items))
    yield _warning(ErrorCode.INVALID_CARD, UNKNOWN_CARD, "cardNumber", eligibility.UNKNOWN_CARD, whole)


def coverage_warnings(terms: CoverageTerms, days: Iterable[ServiceDay], items: Sequence[Item]) -> Iterator[Finding]:
    """Waiting period, suspension, and a coverage not started or ended; `service_days` checks the card itself."""
    for each in days:
        decision = eligibility.decide(terms, is_payer_answering=True, service_date=each.day)
        for reason in decision.reasons:
            if reason in COVERAGE_MESSAGES:
                message = COVERAGE_MESSAGES[reason].format(day=each.name)
                yield _warning(ErrorCode.INVALID_DATE, message, each.field(), reason, _at_risk(each, items))


def authorization_warnings(
    issued_on: date | None, days: Iterable[ServiceDay], items: Sequence[Item]
) -> Iterator[Finding]:
    """An authorization issued after the service."""
    for each in days:
        if issued_on is not None and issued_on > each.day:
            message = "the authorization was issued after the service"
            field = each.field("authorization.issuedOn")
            yield _warning(ErrorCode.INVALID_DATE, message, field, AUTHORIZED_LATER, _at_risk(each, items))


def price_warnings(items: list[Item], prices: list[Price], *, is_authorized: bool) -> Iterator[Finding]:
    """Items above or below the contract's price on their day, above its quantity, or without the authorization that it
    requires."""
    by_code: dict[tuple[str, str], list[Price]] = {}
    for price in prices:
        by_code.setdefault((price.code_system, price.code), []).append(price)
    for index, item in enumerate(items):
        for price in by_code.get((item.code_system, item.code), []):
            if price.is_valid_on(item.performed_on):
                yield from _contract_warnings(f"items.{index}", item, price, is_authorized=is_authorized)


def _contract_warnings(path: str, item: Item, price: Price, *, is_authorized: bool) -> Iterator[Finding]:
    if item.unit_price > price.unit_price:
        message = f"the contract pays {format_money(price.unit_price)}"
        agreed = item_total(price.unit_price, item.quantity, item.factor)
        risk = Cents(max(0, item.total - agreed))
        yield _warning(ErrorCode.INVALID_AMOUNT, message, f"{path}.unitPrice", OVERPRICED, risk)
    # What a package includes costs nothing, and is not billed below its price.
    if 0 < item.unit_price < price.unit_price:
        message = f"the contract pays {format_money(price.unit_price)}: billing less loses the difference"
        yield _warning(ErrorCode.INVALID_AMOUNT, message, f"{path}.unitPrice", None, Cents(0))
    if price.quantity_max is not None and item.quantity > price.quantity_max:
        message = f"the contract allows {format_quantity(price.quantity_max)} at once"
        allowed = item_total(item.unit_price, price.quantity_max, item.factor)
        risk = Cents(max(0, item.total - allowed))
        yield _warning(ErrorCode.INVALID_QUANTITY, message, f"{path}.quantity", TOO_MANY, risk)
    if price.needs_authorization and not is_authorized:
        message = "the contract asks for an authorization"
        yield _warning(ErrorCode.INVALID_INPUT, message, f"{path}.code", UNAUTHORIZED, item.total)


def total_warnings(items: Sequence[Item]) -> Iterator[Finding]:
    """Totals that are a cent off what they are made of."""
    for index, item in enumerate(items):
        computed = item_total(item.unit_price, item.quantity, item.factor)
        if item.total != computed:
            message = f"unit price x quantity x factor is {format_money(computed)}"
            risk = Cents(max(0, item.total - computed))
            yield _warning(ErrorCode.TOTAL_MISMATCH, message, f"items.{index}.total", WRONG_TOTAL, risk)


def duplicate_warnings(items: list[Item], elsewhere: set[Service], *, is_newborn: bool) -> Iterator[Finding]:
    """Items billed before for the same patient, code and day: on other claims (`elsewhere`), or earlier on this one."""
    seen: set[Service] = set()
    for index, item in enumerate(items):
        key = (item.code_system, item.code, item.performed_on, is_newborn)
        if key in elsewhere or key in seen:
            where = "on another claim" if key in elsewhere else "twice on this claim"
            message = f"the same service of the same day is {where}"
            yield _warning(ErrorCode.DUPLICATE_CLAIM, message, f"items.{index}", DUPLICATE_ITEM, item.total)
        seen.add(key)


def _warning(code: ErrorCode, message: str, field: str, tiss_code: str | None, risk: Cents) -> Finding:
    return Finding(FindingSeverity.WARNING, code, message, field, tiss_code, risk)


def total_at_risk(findings: Iterable[Finding], items: list[Item]) -> Cents:
    """What all findings together may cost, in cents; no cent counts twice.

    A finding leaves a share of its item's total, and several findings on one item multiply their shares. Example: two
    units at 50_00 bill 100_00; the contract pays 40_00 and allows one unit. The price puts 20_00 at risk and leaves
    80 %, the quantity puts 50_00 at risk and leaves 50 %. The payer pays 40_00 = 100_00 x 80 % x 50 %, so 60_00 are at
    risk and not 70_00, which would count the extra 10_00 of the second unit twice.

    A finding that is not about an item, such as an unknown card, puts the whole claim at risk; one that puts less at
    risk is about the service date, such as a coverage that had ended on it: everything performed on that day.
    """
    safe = [Fraction(item.total) for item in items]
    for finding in findings:
        place = _place(finding.field)
        if place is not None:
            total = items[place].total
            safe[place] *= Fraction(total - finding.amount_at_risk, total) if total else 0
        elif finding.amount_at_risk:
            is_whole = finding.amount_at_risk >= sum(item.total for item in items)
            safe = [
                Fraction(0) if is_whole or not each.has_own_day else rest
                for each, rest in zip(items, safe, strict=True)
            ]
    # Exact fractions until here, so that only the result is rounded: half up, item by item.
    return Cents(sum(item.total - math.floor(rest + Fraction(1, 2)) for item, rest in zip(items, safe, strict=True)))
