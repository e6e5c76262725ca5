"""What must hold of a payment once all of its statement is done: its taxes, and what the books have of it."""

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from app.domain.deductions import kind_of
from tests.machine.books import Row, Rows

BY_HAND = "estorno"
"""The reason of reversals that no statement makes, in the random lives."""
QUERY = """query($payer: [AnsCode!]) { remittances(filter: { payerAnsCode: $payer }, first: 100) { nodes {
  id threeWayMatch { differenceAmount dismissedAmount } } } }"""


def check(rows: Rows, shown: list[dict[str, Any]]) -> None:
    """Taxes are complete when no credit is left, and what is announced is posted or dismissed, as QUERY shows."""
    matches = {each["id"]: each["threeWayMatch"] for each in shown}
    for remittance in _done(rows):
        credits = [each for each in rows.credits.of("remittance_id", remittance["id"]) if each["line_id"]]
        if all(each["used_cents"] == each["amount_cents"] for each in credits):
            _taxes_are_complete(rows, remittance)
        beside = rows.adjustments.of("remittance_id", remittance["id"])
        waits = any(each["status"] in ("OPEN", "DISPUTED") and not _kind(each) for each in beside)
        found = matches.get(remittance["id"])
        if found is not None and not waits:
            assert Decimal(found["differenceAmount"]) == Decimal(found["dismissedAmount"]), (remittance, found)


def _done(rows: Rows) -> Iterator[Row]:
    """Paid statements of which nothing waits, of which nobody has reversed a payment by hand, and whose taxes are far
    less than what they pay, or above it."""
    for remittance in rows.remittances.values():
        of_number = rows.settlements.of("statement_number", remittance["statement_number"])
        is_reversed = any(each["reason"] == BY_HAND for each in of_number)
        is_done = remittance["status"] == "POSTED" and remittance["paid_on"] is not None
        if is_done and not is_reversed and _fits(rows, remittance):
            yield remittance


def _fits(rows: Rows, remittance: Row) -> bool:
    whole = _whole(rows, remittance)
    lines = rows.remittance_lines.of("remittance_id", remittance["id"])
    gross = sum(each["paid_cents"] for each in lines if each["paid_cents"] > 0 and not each["split_from_id"])
    own = _own(rows, remittance)
    taxes = sum(whole.values())
    return taxes >= gross or (taxes * 2 <= gross and all(each["amount_cents"] >= len(whole) for each in own))


def _own(rows: Rows, remittance: Row) -> list[Row]:
    """The settlements of the statement, and their reversals, but not what it takes back of earlier ones."""
    back = f"taken back by statement {remittance['statement_number']}"
    found = rows.settlements.of("statement_number", remittance["statement_number"])
    return [each for each in found if each["reason"] != back]


def _whole(rows: Rows, remittance: Row) -> Counter[str]:
    whole: Counter[str] = Counter()
    for each in rows.adjustments.of("remittance_id", remittance["id"]):
        if kind := _kind(each):
            whole[kind] += each["amount_cents"]
    return whole


def _taxes_are_complete(rows: Rows, remittance: Row) -> None:
    kept: Counter[str] = Counter()
    found = [row for each in _own(rows, remittance) for row in rows.deductions.of("settlement_id", each["id"])]
    for row in [*found, *rows.deductions.of("remittance_id", remittance["id"])]:
        kept[row["kind"]] += row["amount_cents"]
    assert +kept == +_whole(rows, remittance), (remittance, kept)


def _kind(adjustment: Row) -> str | None:
    is_debit = adjustment["direction"] == "DEBIT"
    return kind_of(adjustment["type"], adjustment["description"]) if is_debit else None
