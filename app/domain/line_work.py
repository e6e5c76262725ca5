"""Work on a line of a statement that waits: who does it, until when, and how posting is to read it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from app.domain.claims import DENIALS_MAX, DeniedAmount
from app.domain.denials import recovered_by
from app.domain.described import DescribedEnum
from app.domain.errors import BillingError, ErrorCode, conflict, refuse
from app.domain.identifiers import NUMBER_LENGTH_MAX
from app.domain.money import Cents, format_money
from app.values.frozen import frozen

NOTE_LENGTH_MAX: Final = 500
PARTS_MAX: Final = 20
NOTHING: Final = Cents(0)


class LineStep(DescribedEnum):
    """A step in the history of a line."""

    MATCH = "MATCH", "Matched to a claim by a person."
    UNMATCH = "UNMATCH", "A match was taken back."
    DISMISS = "DISMISS", "Dismissed with a reason."
    DISMISS_DUPLICATE = "DISMISS_DUPLICATE", "Dismissed as the duplicate of another line."
    MAP_TO_ITEM = "MAP_TO_ITEM", "Mapped to an item of its claim."
    SPLIT = "SPLIT", "Divided into other lines."
    ACCEPT_AS_DENIAL = "ACCEPT_AS_DENIAL", "What the payer left out was accepted as a denial."
    ACCEPT_OVERPAYMENT = "ACCEPT_OVERPAYMENT", "What the payer paid too much was accepted as an unapplied credit."
    KEEP_AS_DEBIT = "KEEP_AS_DEBIT", "What the payer took back was kept as a debit without a claim."
    RECOVER_DENIAL = "RECOVER_DENIAL", "The payment was accepted as one of what had been denied, without an appeal."
    WRITE_OFF = "WRITE_OFF", "What the payer left out was given up."
    SET_ASIDE = "SET_ASIDE", "Set aside until a day."
    ASSIGN = "ASSIGN", "Assigned to a person, or to nobody."
    NOTE = "NOTE", "A note was added."
    UNDO = "UNDO", "An earlier step was taken back."


UNDOABLE: Final = frozenset(LineStep) - {LineStep.UNMATCH, LineStep.NOTE, LineStep.UNDO}


@frozen
class DeniedPart:
    """A denied amount that the payer may pay without an appeal, or so much of one; `item_sequence` is its item."""

    denial_id: str
    amount: Cents
    item_sequence: int | None = None


@frozen
class LineResolution:
    """How posting reads a line, where a person has decided that the payer's own words are not enough.

    `item_sequence` is the item that the line is about, whatever it names. `denials` are added to its own, and accepted
    at once if `is_written_off`. `unapplied` of the paid amount goes to no claim: a credit or, below zero, a debit.
    `recovered` of it pays denied amounts: `parts` says how much of which.
    """

    item_sequence: int | None = None
    denials: tuple[DeniedAmount, ...] = ()
    unapplied: Cents = NOTHING
    recovered: Cents = NOTHING
    is_written_off: bool = False
    parts: tuple[DeniedPart, ...] = ()

    @property
    def denied(self) -> Cents:
        """The sum of the added denials."""
        return Cents(sum(denial.amount for denial in self.denials))


PLAIN: Final = LineResolution()


def carried(resolution: LineResolution | None, *, before: str | None, after: str) -> LineResolution | None:
    """What of a resolution a line has that is matched to the claim `after`: what was decided about another claim says
    nothing about it. Of a line without a claim before, the item that a person has named is that of any claim."""
    if resolution is None or before == after:
        return resolution
    is_named = before is None and resolution.item_sequence is not None
    return LineResolution(item_sequence=resolution.item_sequence) if is_named else None


@frozen
class Expectation:
    """What a line and the lines beside it say about an item or a claim, and what the claim expects, in cents.

    `is_decided` says that the payer has decided it before: then `said` is what the lines pay and deny anew, and
    `expected` what is due, or nothing if they take back; `denied_anew` is a part of `said`, and `recoverable` are the
    denied amounts that may still be paid.
    """

    said: Cents
    expected: Cents
    is_decided: bool = False
    recoverable: tuple[DeniedPart, ...] = ()
    denied_anew: Cents = NOTHING

    @property
    def difference(self) -> Cents:
        """What the payer says above what is expected; below zero if it leaves something out."""
        return Cents(self.said - self.expected)


def with_denial(before: LineResolution, expected: Expectation, code: str, *, written_off: bool) -> LineResolution:
    """The resolution with what the payer left out, or took back, as a denial; CONFLICT if there is nothing.

    Example: informed 100_00, paid 80_00 without a denial: a denial of 20_00.
    """
    if expected.difference >= 0:
        raise conflict("the line leaves nothing out")
    if len(before.denials) == DENIALS_MAX:
        raise conflict(f"the line has {DENIALS_MAX} denials already")
    added = DeniedAmount(code, Cents(-expected.difference))
    return replace(before, denials=(*before.denials, added), is_written_off=before.is_written_off or written_off)


def with_unapplied(before: LineResolution, expected: Expectation | None, paid: Cents) -> LineResolution:
    """The resolution with what the payer paid too much as a credit; the whole line if it has no claim (None).

    CONFLICT if nothing is too much, or if the line itself does not pay it. Example: 110_00 of 100_00: 10_00.
    """
    rest = Cents(paid - before.unapplied)
    surplus = rest if expected is None else expected.difference
    if surplus <= 0 or (rest <= 0 and (expected is None or expected.denied_anew <= 0)):
        raise conflict("the line pays nothing too much")
    # What is denied anew of a paid item is too much without being paid by this line.
    if surplus > rest + max(expected.denied_anew if expected else 0, 0):
        message = f"the line pays only {format_money(rest)} of the {format_money(surplus)} that are too much"
        raise conflict(message)
    return replace(before, unapplied=Cents(before.unapplied + surplus))


def as_debit(paid: Cents) -> LineResolution:
    """The resolution of a line whose whole amount is a debit without a claim; CONFLICT if it takes nothing back."""
    if paid >= 0:
        raise conflict("the line takes nothing back")
    return LineResolution(unapplied=paid)


def with_recovered(before: LineResolution, expected: Expectation, denial_id: str | None = None) -> LineResolution:
    """The resolution with what is paid above the due amount as a payment of what was denied; CONFLICT if it is not.

    Example: 100_00 were denied, nothing is due, and the line pays 100_00: 100_00 are recovered. It pays 60_00: these
    are recovered of the only denial, or of the one that is named.
    """
    paid = expected.difference
    if not expected.is_decided or paid <= 0:
        raise conflict("the line pays nothing that was denied")
    given = {part.denial_id for part in before.parts}
    left = [each for each in expected.recoverable if each.denial_id not in given]
    if denial_id is not None:
        left = [each for each in left if each.denial_id == denial_id]
    places = recovered_by(paid, [each.amount for each in left])
    if places is not None:
        parts = tuple(left[place] for place in places)
    elif len(left) == 1 and paid < left[0].amount:
        parts = (replace(left[0], amount=paid),)
    else:
        known = ", ".join(format_money(each.amount) for each in left) or "nothing"
        if paid < max((each.amount for each in left), default=NOTHING):
            raise conflict(f"{format_money(paid)} is a part of one of these denials: {known}; name it by denialId")
        raise conflict(f"{format_money(paid)} is not the sum of denied amounts that are left: {known}")
    return replace(before, recovered=Cents(before.recovered + paid), parts=(*before.parts, *parts))


@frozen
class LinePart:
    """A part of a line that is split: its claim (None: the line's own), its item, and its amounts; `paid` is below zero
    if it takes back."""

    claim_id: str | None
    item_sequence: int | None
    paid: Cents
    denials: tuple[DeniedAmount, ...] = ()
    patient: Cents = NOTHING

    @property
    def denied(self) -> Cents:
        """The sum of its denials."""
        return Cents(sum(denial.amount for denial in self.denials))


def check_parts(parts: Sequence[LinePart], paid: Cents, denied: Cents, patient: Cents) -> None:
    """INVALID_INPUT unless there are 2 to 20 parts; TOTAL_MISMATCH unless they add up to the line.

    Of a line that takes back without a word, a part may be a denial of just what it takes back: -100_00 is -60_00 that
    are denied and -40_00 that are due again.
    """
    if not 1 < len(parts) <= PARTS_MAX:
        raise refuse(ErrorCode.INVALID_INPUT, f"send 2 to {PARTS_MAX} parts", "parts")
    if paid < 0 and any(part.paid > 0 for part in parts):
        raise refuse(ErrorCode.INVALID_AMOUNT, "parts of a line that takes back cannot pay", "parts")
    if any(_is_below_zero(part, paid) for part in parts):
        raise refuse(ErrorCode.INVALID_AMOUNT, "amounts of parts cannot be below zero", "parts")
    if sum(part.paid for part in parts) != paid:
        raise _mismatch("paid", paid)
    if adds_denials(parts, paid, denied):
        if any(part.denials and part.denied != -part.paid for part in parts):
            raise refuse(ErrorCode.TOTAL_MISMATCH, "a part denies what it takes back, or nothing", "parts")
    elif sum(part.denied for part in parts) != denied:
        raise _mismatch("denied", denied)
    if sum(part.patient for part in parts) != patient:
        raise _mismatch("patient's", patient)


def adds_denials(parts: Sequence[LinePart], paid: Cents, denied: Cents) -> bool:
    """Whether a person says with the parts what is denied of a line that takes back and denies nothing itself."""
    return paid < 0 and not denied and any(part.denials for part in parts)


def _is_below_zero(part: LinePart, paid: Cents) -> bool:
    return part.paid < 0 <= paid or part.patient < 0 or any(denial.amount <= 0 for denial in part.denials)


def _mismatch(what: str, total: Cents) -> BillingError:
    message = f"the {what} amounts of the parts must add up to {format_money(total)}"
    return refuse(ErrorCode.TOTAL_MISMATCH, message, "parts")


def number_variants(number: str | None) -> frozenset[str]:
    """How a provider may have written a claim number that a payer shortens or fills up: without punctuation, with any
    number of leading zeros. Example: `0012-3` may be `123`, `0123`, and so on up to 20 characters."""
    plain = "".join(each for each in number or "" if each.isascii() and each.isalnum()).lstrip("0")
    if not plain:
        return frozenset()
    filled = {plain.zfill(length) for length in range(len(plain), NUMBER_LENGTH_MAX + 1)}
    return frozenset(filled | ({number} if number else set()))
