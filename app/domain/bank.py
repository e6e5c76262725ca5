"""Entries of a provider's bank account, and how they fit the payments that payers announce."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final

import orjson

from app.domain.described import DescribedEnum
from app.domain.errors import BillingError, ErrorCode, Failure, refuse, status_conflict
from app.domain.money import CENTS_MAX, Cents, format_money
from app.domain.text import text_failure
from app.values.frozen import frozen

ENTRIES_MAX: Final = 5_000
FILE_BYTES_MAX: Final = 2 * 1024 * 1024
ACCOUNT_LENGTH_MAX: Final = 40
DESCRIPTION_LENGTH_MAX: Final = 200
DOCUMENT_LENGTH_MAX: Final = 60
DAYS_APART_MAX: Final = 5
"""So many days before or after the announced day of payment an entry is still taken for it: weekends and holidays."""
GROUP_MAX: Final = 20
"""Entries and statements that one match by hand may join."""


class BankSource(DescribedEnum):
    OFX = "OFX", "A statement of the account as OFX, 1.x or 2.x."
    CNAB240 = "CNAB240", "A statement of the account as CNAB 240 (extrato para conciliação)."
    TYPED = "TYPED", "Typed entries."


class BankDirection(DescribedEnum):
    CREDIT = "CREDIT", "Money that came in."
    DEBIT = "DEBIT", "Money that went out."


class BankEntryStatus(DescribedEnum):
    WAITING = "WAITING", "No payment of a payer explains it yet."
    MATCHED = "MATCHED", "Explained by payments that payers announced."
    DISMISSED = "DISMISSED", "Not from a payer, as a person has said."


class BankAction(DescribedEnum):
    MATCH = "MATCH", "Matched to payments."
    UNMATCH = "UNMATCH", "The match, or the dismissal, was taken back."
    DISMISS = "DISMISS", "Left out as not from a payer."


TRANSITIONS: Final[dict[tuple[BankEntryStatus, BankAction], BankEntryStatus]] = {
    (BankEntryStatus.WAITING, BankAction.MATCH): BankEntryStatus.MATCHED,
    (BankEntryStatus.DISMISSED, BankAction.MATCH): BankEntryStatus.MATCHED,
    (BankEntryStatus.MATCHED, BankAction.UNMATCH): BankEntryStatus.WAITING,
    (BankEntryStatus.WAITING, BankAction.DISMISS): BankEntryStatus.DISMISSED,
    (BankEntryStatus.DISMISSED, BankAction.UNMATCH): BankEntryStatus.WAITING,
}


def next_status(status: BankEntryStatus, action: BankAction) -> BankEntryStatus:
    """The state after the action; CONFLICT for every pair that is not in the table."""
    try:
        return TRANSITIONS[status, action]
    except KeyError:
        message = f"cannot {action.value.lower()} a {status} bank entry"
        raise BillingError(status_conflict(message, status)) from None


@frozen
class BankLine:
    """An entry as the bank states it; `account` and `document` are empty where it states none."""

    booked_on: date
    direction: BankDirection
    amount: Cents
    account: str = ""
    document: str = ""
    description: str = ""


def identities(lines: Sequence[BankLine]) -> list[str]:
    """A digest of each entry, the same in every file that has it, whatever the file's name, encoding and period.

    Banks reuse and renew their own numbers, so an entry is told by account, day, direction and amount; the second one
    that is equal in these is the second of that day, and so on. A file has whole days, or the beginning of one.
    """
    seen: Counter[tuple[str, date, str, int]] = Counter()
    found = []
    for line in lines:
        facts = (line.account, line.booked_on, line.direction.value, int(line.amount))
        seen[facts] += 1
        found.append(hashlib.sha256(orjson.dumps([*facts, seen[facts]])).hexdigest())
    return found


def digest_of(found: Iterable[str]) -> str:
    """A digest of a file by its entries, in whatever order."""
    return hashlib.sha256("".join(sorted(found)).encode()).hexdigest()


def line_failures(lines: Sequence[BankLine], *, today: date) -> list[Failure]:
    """What is wrong with entries, with paths as `entries.0.amount`."""
    if not 1 <= len(lines) <= ENTRIES_MAX:
        return [Failure(ErrorCode.INVALID_INPUT, f"needs 1 to {ENTRIES_MAX} entries", "entries")]
    return [
        failure
        for index, line in enumerate(lines)
        for failure in _failures(line, f"entries.{index}", today=today)
        if failure is not None
    ]


def _failures(line: BankLine, path: str, *, today: date) -> list[Failure | None]:
    is_amount = 0 < line.amount <= CENTS_MAX
    return [
        None if is_amount else Failure(ErrorCode.INVALID_AMOUNT, "must be 0.01 to 99999999.99", f"{path}.amount"),
        Failure(ErrorCode.INVALID_DATE, "the day is in the future", f"{path}.bookedOn")
        if line.booked_on > today
        else None,
        text_failure(line.account or None, f"{path}.account", ACCOUNT_LENGTH_MAX),
        text_failure(line.document or None, f"{path}.document", DOCUMENT_LENGTH_MAX),
        text_failure(line.description or None, f"{path}.description", DESCRIPTION_LENGTH_MAX),
    ]


@frozen
class Announced:
    """A payment that a statement announces: its net amount, day, and the bank's reference if it has one."""

    id: str
    paid_on: date
    net: Cents
    reference: str | None


def choose(line: BankLine, payments: Sequence[Announced]) -> Announced | None:
    """The payment that an entry is: of the same amount and at most five days apart; None if that is not clear.

    Of several, the one whose reference the entry names, else the only one of the same day.

    - 93_85 on the 20th; announced are 93_85 for the 19th and 93_85 for the 20th: the second.
    - 93_85 on the 20th; announced are two of 93_85 for the 20th, without references: None, a person decides.
    """
    if line.direction is not BankDirection.CREDIT:
        return None
    fitting = [
        each
        for each in payments
        if each.net == line.amount and abs((each.paid_on - line.booked_on).days) <= DAYS_APART_MAX
    ]
    named = [each for each in fitting if _names(line, each)]
    same_day = [each for each in fitting if each.paid_on == line.booked_on]
    for found in (named, fitting, same_day):
        if len(found) == 1:
            return found[0]
    return None


def choose_entry(lines: Sequence[BankLine], payment: Announced) -> int | None:
    """The index of the entry that a payment is, by the rules of `choose`; None if that is not clear."""
    fitting = [index for index, line in enumerate(lines) if choose(line, [payment]) is not None]
    named = [index for index in fitting if _names(lines[index], payment)]
    same_day = [index for index in fitting if lines[index].booked_on == payment.paid_on]
    for found in (named, fitting, same_day):
        if len(found) == 1:
            return found[0]
    return None


def _names(line: BankLine, payment: Announced) -> bool:
    return bool(payment.reference) and str(payment.reference) in f"{line.document} {line.description}"


def check_group(entries: Sequence[tuple[BankDirection, Cents]], nets: Sequence[Cents]) -> None:
    """INVALID_AMOUNT unless the entries add up to the net payments."""
    received = sum(amount if direction is BankDirection.CREDIT else -amount for direction, amount in entries)
    if received != sum(nets):
        message = f"the entries are {format_money(received)}, the payments {format_money(sum(nets))}"
        raise refuse(ErrorCode.INVALID_AMOUNT, message, "entryIds")
