"""The remittance (demonstrativo): a payer's statement of what it pays and denies, matched to claims line by line."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.domain.claims import DECIDED, SENT, ClaimStatus, DeniedAmount, ItemDecision
from app.domain.errors import conflict
from app.domain.money import Cents


class RemittanceSource(StrEnum):
    TYPED = "TYPED"
    TISS = "TISS"
    EVENT = "EVENT"


class RemittanceStatus(StrEnum):
    IMPORTED = "IMPORTED"
    PARTIALLY_POSTED = "PARTIALLY_POSTED"
    POSTED = "POSTED"


class RemittanceLineStatus(StrEnum):
    MATCHED = "MATCHED"
    UNMATCHED = "UNMATCHED"
    POSTED = "POSTED"


class RemittanceLineAction(StrEnum):
    MATCH = "MATCH"
    POST = "POST"
    PUT_BACK = "PUT_BACK"


LINE_TRANSITIONS: dict[tuple[RemittanceLineStatus, RemittanceLineAction], RemittanceLineStatus] = {
    (RemittanceLineStatus.UNMATCHED, RemittanceLineAction.MATCH): RemittanceLineStatus.MATCHED,
    (RemittanceLineStatus.MATCHED, RemittanceLineAction.MATCH): RemittanceLineStatus.MATCHED,
    (RemittanceLineStatus.MATCHED, RemittanceLineAction.POST): RemittanceLineStatus.POSTED,
    (RemittanceLineStatus.MATCHED, RemittanceLineAction.PUT_BACK): RemittanceLineStatus.UNMATCHED,
}


def next_line_status(status: RemittanceLineStatus, action: RemittanceLineAction) -> RemittanceLineStatus:
    """The state after the action; CONFLICT for every pair that the table does not name."""
    try:
        return LINE_TRANSITIONS[status, action]
    except KeyError:
        raise conflict(f"a line that is {status} cannot {action.value.lower().replace('_', ' ')}") from None


class RemittanceLineProblem(StrEnum):
    """Why a line waits for a person."""

    UNKNOWN_CLAIM = "UNKNOWN_CLAIM"
    AMBIGUOUS = "AMBIGUOUS"
    UNKNOWN_ITEM = "UNKNOWN_ITEM"
    AMOUNTS_DIFFER = "AMOUNTS_DIFFER"
    NOT_PAYABLE = "NOT_PAYABLE"
    OVERPAID = "OVERPAID"


def remittance_status(lines: Sequence[RemittanceLineStatus]) -> RemittanceStatus:
    """A remittance is posted when all its lines are."""
    posted = sum(status is RemittanceLineStatus.POSTED for status in lines)
    if posted == len(lines):
        return RemittanceStatus.POSTED
    return RemittanceStatus.PARTIALLY_POSTED if posted else RemittanceStatus.IMPORTED


@dataclass(frozen=True, slots=True)
class BilledItem:
    """An item as the claim has it; `denied` once it is decided."""

    sequence: int
    code: str
    total: Cents
    denied: Cents | None = None


@dataclass(frozen=True, slots=True)
class PaidLine:
    """A line as the statement has it: for one item (by sequence, else by code), or for the whole claim."""

    item_sequence: int | None
    item_code: str | None
    paid: Cents
    denials: tuple[DeniedAmount, ...] = ()

    @property
    def denied(self) -> Cents:
        """The sum of the line's denials."""
        return Cents(sum(denial.amount for denial in self.denials))

    @property
    def is_whole_claim(self) -> bool:
        """Whether the line names no item."""
        return self.item_sequence is None and self.item_code is None


def payable(status: ClaimStatus, *, is_replaced: bool) -> RemittanceLineProblem | None:
    """NOT_PAYABLE for a claim that the payer does not have (any more)."""
    return RemittanceLineProblem.NOT_PAYABLE if status not in SENT or is_replaced else None


def is_decided(status: ClaimStatus) -> bool:
    """Whether the statement can only pay, because the decision is there."""
    return status in DECIDED


def decisions(
    items: Sequence[BilledItem], lines: Sequence[PaidLine]
) -> tuple[ItemDecision, ...] | RemittanceLineProblem:
    """The decision on every item that these lines amount to, or why they do not settle the claim."""
    if len(lines) == 1 and lines[0].is_whole_claim:
        return _whole(items, lines[0])
    placed = place(items, lines)
    if isinstance(placed, RemittanceLineProblem):
        return placed
    found = []
    for item in items:
        line = placed.get(item.sequence)
        if line is None or line.paid + line.denied != item.total:
            return RemittanceLineProblem.AMOUNTS_DIFFER
        found.append(ItemDecision(item.sequence, line.paid, line.denials))
    return tuple(found)


def place(items: Sequence[BilledItem], lines: Sequence[PaidLine]) -> dict[int, PaidLine] | RemittanceLineProblem:
    """The line of each item, by sequence number; several lines for one item are AMBIGUOUS."""
    found: dict[int, PaidLine] = {}
    for line in lines:
        candidates = [item for item in items if _names(line, item)]
        free = [item for item in candidates if item.sequence not in found]
        if not candidates:
            return RemittanceLineProblem.UNKNOWN_ITEM
        fitting = [item for item in free if line.paid + line.denied == item.total] or free
        if not fitting or (len(fitting) > 1 and len({item.total for item in fitting}) > 1):
            return RemittanceLineProblem.AMBIGUOUS
        found[fitting[0].sequence] = line
    return found


def _names(line: PaidLine, item: BilledItem) -> bool:
    if line.item_sequence is not None:
        return line.item_sequence == item.sequence and line.item_code in (None, item.code)
    return line.item_code == item.code


def _whole(items: Sequence[BilledItem], line: PaidLine) -> tuple[ItemDecision, ...] | RemittanceLineProblem:
    """One line for a whole claim: all paid, all denied for one reason, or a claim of a single item."""
    if line.paid + line.denied != sum(item.total for item in items):
        return RemittanceLineProblem.AMOUNTS_DIFFER
    if not line.denials:
        return tuple(ItemDecision(item.sequence, item.total) for item in items)
    if len(items) == 1:
        return (ItemDecision(items[0].sequence, line.paid, line.denials),)
    if line.paid == 0 and len(line.denials) == 1:
        code = line.denials[0].code
        return tuple(ItemDecision(item.sequence, Cents(0), (DeniedAmount(code, item.total),)) for item in items)
    return RemittanceLineProblem.AMOUNTS_DIFFER


def payment(items: Sequence[BilledItem], lines: Sequence[PaidLine], *, due: Cents) -> Cents | RemittanceLineProblem:
    """What the lines pay of a decided claim: at most what is due, and no denial that the decision did not make."""
    if all(line.is_whole_claim for line in lines):
        known = sum(item.denied or 0 for item in items)
        if any(line.denials for line in lines) and sum(line.denied for line in lines) != known:
            return RemittanceLineProblem.AMOUNTS_DIFFER
    else:
        placed = place(items, lines)
        if isinstance(placed, RemittanceLineProblem):
            return placed
        by_sequence = {item.sequence: item for item in items}
        if any(line.denials and line.denied != by_sequence[number].denied for number, line in placed.items()):
            return RemittanceLineProblem.AMOUNTS_DIFFER
    paid = Cents(sum(line.paid for line in lines))
    return RemittanceLineProblem.OVERPAID if paid > due else paid
