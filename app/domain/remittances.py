"""The remittance (demonstrativo): a payer's statement of what it pays and denies, matched to claims line by line."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from enum import StrEnum

from app.domain.claims import DECIDED, SENT, ClaimStatus, DeniedAmount, ItemDecision
from app.domain.described import DescribedEnum
from app.domain.errors import wrong_status
from app.domain.money import Cents
from app.domain.paid_lines import BilledItem, PaidLine, names


class RemittanceSource(DescribedEnum):
    TYPED = "TYPED", "Entered line by line."
    TISS = "TISS", "Imported from a TISS document."
    SPREADSHEET = "SPREADSHEET", "Imported from a spreadsheet, by a mapping of its columns."
    EVENT = "EVENT", "Received as an event from the payer."


class RemittanceStatus(DescribedEnum):
    IMPORTING = "IMPORTING", "Its lines are being stored by a job; posted only after all of them are there."
    REVIEW = "REVIEW", "Contradicts itself or the claims; posted only after a person has released it."
    IMPORTED = "IMPORTED", "Imported; no line is posted."
    POSTING = "POSTING", "Its lines are being posted, unit by unit, until all are done."
    PARTIALLY_POSTED = "PARTIALLY_POSTED", "Some lines are posted."
    POSTED = "POSTED", "All lines are posted or dismissed."
    CANCELLED = "CANCELLED", "Cancelled: the import was wrong; its number can be imported again."


class RemittanceLineStatus(DescribedEnum):
    MATCHED = "MATCHED", "Matched to a claim; not posted yet."
    UNMATCHED = "UNMATCHED", "Needs to be matched by a person."
    POSTED = "POSTED", "Posted: its decision and payment are recorded."
    DISMISSED = "DISMISSED", "Dismissed with a reason; can still be matched."
    HELD = "HELD", "Accounts for some items of its claim; posted when the payer has decided the others."
    SPLIT = "SPLIT", "Divided into other lines, which have its amounts."
    CANCELLED = "CANCELLED", "Cancelled with its remittance."


class RemittanceLineAction(StrEnum):
    MATCH = "MATCH"
    UNMATCH = "UNMATCH"
    RESOLVE = "RESOLVE"
    DISMISS = "DISMISS"
    SPLIT = "SPLIT"
    UNDO = "UNDO"
    WORK = "WORK"
    HOLD = "HOLD"
    POST = "POST"
    PUT_BACK = "PUT_BACK"
    PAY = "PAY"
    CANCEL = "CANCEL"


LINE_TRANSITIONS: dict[tuple[RemittanceLineStatus, RemittanceLineAction], RemittanceLineStatus] = {
    (RemittanceLineStatus.UNMATCHED, RemittanceLineAction.MATCH): RemittanceLineStatus.MATCHED,
    (RemittanceLineStatus.MATCHED, RemittanceLineAction.MATCH): RemittanceLineStatus.MATCHED,
    (RemittanceLineStatus.MATCHED, RemittanceLineAction.POST): RemittanceLineStatus.POSTED,
    (RemittanceLineStatus.MATCHED, RemittanceLineAction.HOLD): RemittanceLineStatus.HELD,
    (RemittanceLineStatus.HELD, RemittanceLineAction.POST): RemittanceLineStatus.POSTED,
    (RemittanceLineStatus.HELD, RemittanceLineAction.PAY): RemittanceLineStatus.MATCHED,
    (RemittanceLineStatus.HELD, RemittanceLineAction.UNMATCH): RemittanceLineStatus.UNMATCHED,
    (RemittanceLineStatus.MATCHED, RemittanceLineAction.PUT_BACK): RemittanceLineStatus.UNMATCHED,
    (RemittanceLineStatus.MATCHED, RemittanceLineAction.UNMATCH): RemittanceLineStatus.UNMATCHED,
    # Its statement only decided, and is paid now.
    (RemittanceLineStatus.POSTED, RemittanceLineAction.PAY): RemittanceLineStatus.MATCHED,
    (RemittanceLineStatus.UNMATCHED, RemittanceLineAction.DISMISS): RemittanceLineStatus.DISMISSED,
    (RemittanceLineStatus.DISMISSED, RemittanceLineAction.MATCH): RemittanceLineStatus.MATCHED,
    (RemittanceLineStatus.UNMATCHED, RemittanceLineAction.RESOLVE): RemittanceLineStatus.MATCHED,
    (RemittanceLineStatus.UNMATCHED, RemittanceLineAction.WORK): RemittanceLineStatus.UNMATCHED,
    (RemittanceLineStatus.MATCHED, RemittanceLineAction.WORK): RemittanceLineStatus.MATCHED,
    (RemittanceLineStatus.UNMATCHED, RemittanceLineAction.SPLIT): RemittanceLineStatus.SPLIT,
    (RemittanceLineStatus.UNMATCHED, RemittanceLineAction.UNDO): RemittanceLineStatus.UNMATCHED,
    (RemittanceLineStatus.MATCHED, RemittanceLineAction.UNDO): RemittanceLineStatus.UNMATCHED,
    (RemittanceLineStatus.DISMISSED, RemittanceLineAction.UNDO): RemittanceLineStatus.UNMATCHED,
    (RemittanceLineStatus.SPLIT, RemittanceLineAction.UNDO): RemittanceLineStatus.UNMATCHED,
    # Only of a line that is nothing but an unapplied credit: see `line_resolutions.undo`.
    (RemittanceLineStatus.POSTED, RemittanceLineAction.UNDO): RemittanceLineStatus.UNMATCHED,
    (RemittanceLineStatus.MATCHED, RemittanceLineAction.CANCEL): RemittanceLineStatus.CANCELLED,
    (RemittanceLineStatus.UNMATCHED, RemittanceLineAction.CANCEL): RemittanceLineStatus.CANCELLED,
    (RemittanceLineStatus.DISMISSED, RemittanceLineAction.CANCEL): RemittanceLineStatus.CANCELLED,
    (RemittanceLineStatus.SPLIT, RemittanceLineAction.CANCEL): RemittanceLineStatus.CANCELLED,
}
DONE = frozenset(
    {
        RemittanceLineStatus.POSTED,
        RemittanceLineStatus.DISMISSED,
        RemittanceLineStatus.SPLIT,
        # Of a remittance that is not cancelled: a part of a line that is no longer split.
        RemittanceLineStatus.CANCELLED,
    }
)
"""Lines that nothing is left to do with."""


def next_line_status(status: RemittanceLineStatus, action: RemittanceLineAction) -> RemittanceLineStatus:
    """The state after the action; CONFLICT for every pair that is not in the table."""
    try:
        return LINE_TRANSITIONS[status, action]
    except KeyError:
        raise wrong_status(action.value.lower().replace("_", " "), "a line", status) from None


class RemittanceLineProblem(DescribedEnum):
    """Why a line must be checked by hand."""

    UNKNOWN_CLAIM = "UNKNOWN_CLAIM", "No claim has these numbers."
    AMBIGUOUS = "AMBIGUOUS", "The numbers match several claims, or the line matches several items."
    UNKNOWN_ITEM = "UNKNOWN_ITEM", "The claim has no such item."
    AMOUNTS_DIFFER = "AMOUNTS_DIFFER", "The amounts do not add up to the claim, or contradict its decision."
    NOT_PAYABLE = "NOT_PAYABLE", "The claim was not submitted, or its invoice is not issued."
    OVERPAID = "OVERPAID", "The line pays more than is due."
    REPEATED = "REPEATED", "The statement has decided the whole item or claim in an earlier line."
    DOUBTFUL = "DOUBTFUL", "A value of the line cannot be read, or the statement has it twice: see its findings."
    TAKES_TOO_MUCH = "TAKES_TOO_MUCH", "The line takes back more than was paid for the claim."
    MATCH_REMOVED = "MATCH_REMOVED", "A person removed its match."
    NOT_POSTED = "NOT_POSTED", "Posting it was refused or failed; match it to post it again."


def remittance_status(lines: Collection[RemittanceLineStatus]) -> RemittanceStatus:
    """POSTED when nothing is left to do with any line, PARTIALLY_POSTED when some are posted."""
    if DONE.issuperset(lines):
        return RemittanceStatus.POSTED
    is_posted = RemittanceLineStatus.POSTED in lines or RemittanceLineStatus.HELD in lines
    return RemittanceStatus.PARTIALLY_POSTED if is_posted else RemittanceStatus.IMPORTED


def payable(status: ClaimStatus, *, is_replaced: bool) -> RemittanceLineProblem | None:
    """NOT_PAYABLE for a claim that the payer does not have, or that another claim replaces."""
    return RemittanceLineProblem.NOT_PAYABLE if status not in SENT or is_replaced else None


def is_decided(status: ClaimStatus) -> bool:
    """Whether the claim is decided: a statement can then only pay it."""
    return status in DECIDED


def decisions(
    items: Sequence[BilledItem], lines: Sequence[PaidLine]
) -> tuple[ItemDecision, ...] | RemittanceLineProblem:
    """The decisions on all items that the lines of an undecided claim contain, or why they do not decide it.

    Every item needs a line that accounts for its whole total. Example: items of 18_50 and 12_00; a line pays 18_50 for
    the first, another pays 10_00 and denies 2_00 for the second. With 9_00 instead of 10_00 it would be AMOUNTS_DIFFER,
    because nothing says what has become of 1_00. With 9_00 and 1_00 that the patient owes it is decided.
    """
    if any(line.paid < 0 for line in lines):
        return RemittanceLineProblem.AMOUNTS_DIFFER
    if len(lines) == 1 and lines[0].is_whole_claim:
        return _whole(items, lines[0])
    matched = lines_by_item(items, lines)
    if isinstance(matched, RemittanceLineProblem):
        return matched
    found = []
    for item in items:
        line = matched.get(item.sequence)
        if line is None or line.said != item.total:
            return RemittanceLineProblem.AMOUNTS_DIFFER
        found.append(ItemDecision(item.sequence, line.paid, line.denials, line.patient))
    return tuple(found)


def holds(items: Sequence[BilledItem], lines: Sequence[PaidLine]) -> bool:
    """Whether the lines account for some items of an undecided claim in full, and say nothing about the others: the
    payer decides it one statement at a time. Example: items of 100_00 and 16_00, and a line of 100_00 for the first."""
    if any(line.is_whole_claim for line in lines):
        return False
    found = lines_by_item(items, lines)
    if isinstance(found, RemittanceLineProblem):
        return False
    totals = {item.sequence: item.total for item in items}
    return len(found) < len(items) and all(each.said == totals[name] for name, each in found.items())


def recalculated(
    items: Sequence[BilledItem], lines: Sequence[PaidLine], code: str
) -> tuple[ItemDecision, ...] | RemittanceLineProblem:
    """The decisions as `decisions` finds them, where what a line without a denial leaves out of its item is a denial
    with this code. Example: an item of 100_00, of which 80_00 are paid without a word: a denial of 20_00."""
    if len(lines) == 1 and lines[0].is_whole_claim and len(items) == 1:
        lines = (replace(lines[0], item=items[0].sequence),)
    found = lines_by_item(items, lines)
    if isinstance(found, RemittanceLineProblem):
        return found
    totals = {item.sequence: item.total for item in items}
    completed = []
    for sequence, line in found.items():
        rest = Cents(totals[sequence] - line.paid - line.patient)
        denials = (DeniedAmount(code, rest),) if rest > 0 and not line.denials else line.denials
        completed.append(replace(line, item=sequence, denials=denials))
    return decisions(items, completed)


def lines_by_item(
    items: Sequence[BilledItem], lines: Sequence[PaidLine]
) -> dict[int, PaidLine] | RemittanceLineProblem:
    """Item sequence -> what the lines say about it together; AMBIGUOUS when the item cannot be determined.

    Lines that name the same item by its number add up: the payer has split it. Example: an item of 100_00, a line of
    50_00 paid and another of 50_00 denied.

    A line that names only a code, or a number that the document gives several items, may be about each of them.
    Example: items 1 and 2 have the same code, with totals 18_50 and 12_00.

    - Lines of 12_00 and then 18_50: the first is about item 2, since its amounts add up to that total, the second
      about item 1, the only one left.
    - A line of 15_00: it adds up to neither, and choosing one would be a guess, so AMBIGUOUS.
    - If both totals were 12_00, a line of 15_00 would be about item 1: between equal items the choice does not matter.
      Items of the line's own day come first, so that a denial is that of the right day.
    - A third line of this code finds no item left: AMBIGUOUS. If the code is that of one item only, the lines add up.
    """
    found: dict[int, PaidLine] = {}
    # Those with a sequence, and a day, first: they leave the others fewer items to choose from.
    known = (_by_code(items, line) for line in lines)
    for line in sorted(known, key=lambda each: (not each.has_number, each.day is None)):
        item = _item_of(line, items, found)
        if isinstance(item, RemittanceLineProblem):
            return item
        before = found.get(item.sequence)
        found[item.sequence] = line if before is None else _together(before, line)
    return found


def _item_of(
    line: PaidLine, items: Sequence[BilledItem], taken: dict[int, PaidLine]
) -> BilledItem | RemittanceLineProblem:
    named = [item for item in items if names(line, item)]
    if not named:
        return RemittanceLineProblem.UNKNOWN_ITEM
    if len(named) == 1:
        return named[0]
    free = [item for item in named if item.sequence not in taken]
    free = [item for item in free if line.day is not None and item.day == line.day] or free
    fitting = [item for item in free if line.said == item.total] or free
    if not fitting or len({item.total for item in fitting}) > 1:
        return RemittanceLineProblem.AMBIGUOUS
    return fitting[0]


def _by_code(items: Sequence[BilledItem], line: PaidLine) -> PaidLine:
    """The line by its code alone, if its sequence is that of another code: the payer numbers items in its own way.

    If its amounts are those of the item with its sequence, and of no other, the payer has changed the code instead.
    """
    if line.item is not None or line.item_sequence is None or line.item_code is None:
        return line
    if any(names(line, item) for item in items):
        return line
    coded = [item for item in items if item.code == line.item_code]
    fitting = [item for item in items if item.total == line.said]
    is_changed = any(item.number == line.item_sequence for item in fitting) and not any(
        item in fitting for item in coded
    )
    return replace(line, item_sequence=None) if coded and not is_changed else line


def _together(first: PaidLine, second: PaidLine) -> PaidLine:
    patient = Cents(first.patient + second.patient)
    denials = first.denials + second.denials
    return replace(first, paid=Cents(first.paid + second.paid), denials=denials, patient=patient)


def repeated(items: Sequence[BilledItem], lines: Sequence[PaidLine]) -> frozenset[int]:
    """The places of lines about items, or the whole claim, that earlier lines have accounted for in full.

    Example: the same guide in two protocols of a statement, an item of 100_00 paid in both: the second line.
    """
    said: dict[tuple[bool, tuple[int, ...]], int] = {}
    found = set()
    for place, line in enumerate(_by_code(items, each) for each in lines):
        named = [item for item in items if line.is_whole_claim or names(line, item)]
        name = (line.has_number, () if line.is_whole_claim else tuple(item.sequence for item in named))
        total = sum(item.total for item in named)
        amount = line.said
        if total and amount > 0 and said.get(name, 0) == total:
            found.add(place)
        else:
            said[name] = said.get(name, 0) + amount
    return frozenset(found)


def lines_about(items: Sequence[BilledItem], line: PaidLine, others: Sequence[PaidLine]) -> tuple[Cents, Cents]:
    """What the line, and the others about the same item, account for of an undecided claim, and the total of that item.

    A line about the whole claim, or about no item of it, is compared with the whole claim.
    """
    line, others = _by_code(items, line), [_by_code(items, each) for each in others]
    named = [item for item in items if names(line, item)]
    same = [each for each in others if not named or any(names(each, item) for item in named)]
    said = line.said + sum(each.said for each in same)
    return Cents(said), Cents(sum(item.total for item in named or items))


def _whole(items: Sequence[BilledItem], line: PaidLine) -> tuple[ItemDecision, ...] | RemittanceLineProblem:
    """The decisions of one line about the whole claim: all paid, all denied for one reason, or of a single item.

    Anything else is AMOUNTS_DIFFER: the line does not say which items it denies.
    """
    if line.said != sum(item.total for item in items):
        return RemittanceLineProblem.AMOUNTS_DIFFER
    if len(items) == 1:
        return (ItemDecision(items[0].sequence, line.paid, line.denials, line.patient),)
    if not line.denials and not line.patient:
        return tuple(ItemDecision(item.sequence, item.total) for item in items)
    if line.paid == 0 and not line.patient and len(line.denials) == 1:
        code = line.denials[0].code
        return tuple(ItemDecision(item.sequence, Cents(0), (DeniedAmount(code, item.total),)) for item in items)
    return RemittanceLineProblem.AMOUNTS_DIFFER


def taking_back(amount: Cents, *, paid: Cents, is_paying: bool) -> RemittanceLineProblem | None:
    """Why lines cannot take so much back of a claim: they are of no payment, or more than was `paid` for it."""
    if not is_paying:
        return RemittanceLineProblem.AMOUNTS_DIFFER
    return RemittanceLineProblem.TAKES_TOO_MUCH if amount > paid else None


def payment(items: Sequence[BilledItem], lines: Sequence[PaidLine], *, due: Cents) -> Cents | RemittanceLineProblem:
    """What the lines pay of a decided claim, in cents: at most `due`, and only denials that the decision made.

    Example: items of 18_50 and 12_00, decided with 2_00 denied of the second, so 28_50 are due.

    - 18_50 for the first, 10_00 paid and 2_00 denied for the second: 28_50 are paid.
    - 10_00 paid and 3_00 denied for the second: AMOUNTS_DIFFER, since 2_00 were denied.
    - Lines without denials need not repeat them: 10_00 for the whole claim is a part payment of 10_00.
    - 30_00 for the whole claim: OVERPAID.
    """
    if any(line.paid < 0 for line in lines):
        return RemittanceLineProblem.AMOUNTS_DIFFER
    if all(line.is_whole_claim for line in lines):
        decided = sum(item.denied or 0 for item in items)
        if any(line.denials for line in lines) and sum(line.denied for line in lines) != decided:
            return RemittanceLineProblem.AMOUNTS_DIFFER
    else:
        matched = lines_by_item(items, lines)
        if isinstance(matched, RemittanceLineProblem):
            return matched
        by_sequence = {item.sequence: item for item in items}
        if any(line.denials and line.denied != by_sequence[number].denied for number, line in matched.items()):
            return RemittanceLineProblem.AMOUNTS_DIFFER
    paid = Cents(sum(line.paid for line in lines))
    return RemittanceLineProblem.OVERPAID if paid > due else paid
