"""Public ids: a type prefix and a UUIDv7 in Crockford base32, so that ids sort by creation time."""

import os
import re
import time
from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime.fromtimestamp(0, UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_MILLISECOND: Final = timedelta(milliseconds=1)
_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS: Final = [first + second for first in _ALPHABET for second in _ALPHABET]
_SHAPE: Final = re.compile(r"[a-z]{3}_[0-7][0-9a-hjkmnp-tv-z]{25}")

_NATURAL: Final = re.compile(r"pyr_\d{6}|prv_\d{7}|tus_\d{2}_[0-9A-Za-z]{1,10}", re.ASCII)

CLAIM: Final = "clm"
ITEM: Final = "itm"
DENIAL: Final = "dnl"
INVOICE: Final = "inv"
LINE: Final = "lin"
SETTLEMENT: Final = "stl"
ALLOCATION: Final = "alc"
DEDUCTION: Final = "ded"
BANK_FILE: Final = "bkf"
BANK_ENTRY: Final = "bke"
BANK_MATCH: Final = "bkm"
CONTRACT: Final = "ctr"
PRICE: Final = "prc"
REMITTANCE: Final = "rem"
REMITTANCE_LINE: Final = "rml"
REMITTANCE_LINE_HISTORY: Final = "rlh"
STATEMENT_MAPPING: Final = "stm"
CREDIT: Final = "crd"
CREDIT_MOVE: Final = "crm"
REMITTANCE_ADJUSTMENT: Final = "rma"
ADJUSTMENT_HISTORY: Final = "adh"
BATCH: Final = "bat"
BATCH_HISTORY: Final = "bth"
APPEAL_BATCH: Final = "apb"
APPEAL_BATCH_HISTORY: Final = "aph"
APPEAL_ATTACHMENT: Final = "apf"
APPEAL_TEMPLATE: Final = "apt"
CLAIM_HISTORY: Final = "hst"
INVOICE_HISTORY: Final = "ivh"
ELIGIBILITY: Final = "elg"
PATIENT: Final = "pat"
COVERAGE: Final = "cov"
AUDIT: Final = "aud"
EMERGENCY: Final = "emg"
EVENT: Final = "evt"
PAYER: Final = "pyr"
PROVIDER: Final = "prv"
PRACTITIONER: Final = "pra"
PARTY_HISTORY: Final = "pth"
TERM: Final = "tus"
DOCUMENT: Final = "doc"
IMPORT_JOB: Final = "job"
IMPORT_RESULT: Final = "imr"


def _uuid7(nanoseconds: int) -> int:
    milliseconds, rest = divmod(nanoseconds, 1_000_000)
    # The fraction of the millisecond, not chance, orders ids of the same millisecond (RFC 9562, 6.2, method 3).
    fraction = (rest << 12) // 1_000_000
    low = int.from_bytes(os.urandom(8), "big") >> 2
    return (milliseconds << 80) | (7 << 76) | (fraction << 64) | (2 << 62) | low


def new_id(prefix: str, *, at: datetime | None = None) -> str:
    """A new id such as `clm_01k8...`: 30 ASCII characters.

    `at` is its time where more than the look of lists depends on the order of ids; otherwise it is this machine's.
    """
    nanoseconds = time.time_ns() if at is None else (at - _EPOCH) // _MICROSECOND * 1_000
    return _text(prefix, _uuid7(nanoseconds))


def _text(prefix: str, value: int) -> str:
    return prefix + "_" + "".join([_PAIRS[(value >> shift) & 1023] for shift in range(120, -1, -10)])


def lowest_at(prefix: str, at: datetime) -> str:
    """The lowest id that could be made at this time, or later."""
    return _text(prefix, (at - _EPOCH) // _MILLISECOND << 80)


def time_of(identifier: str) -> datetime:
    """When the id was made, to the millisecond."""
    return _EPOCH + _MILLISECOND * (_value(identifier) >> 80)


def earlier(identifier: str, seconds: int) -> str:
    """The lowest id that could be made this long before the one that is given."""
    return _text(identifier[:3], max((_value(identifier) >> 80) - seconds * 1_000, 0) << 80)


def _value(identifier: str) -> int:
    value = 0
    for digit in identifier.partition("_")[2]:
        value = (value << 5) | _ALPHABET.index(digit)
    return value


def prefix_of(identifier: str) -> str | None:
    """The type prefix of a well-formed id, or None."""
    return identifier[:3] if _SHAPE.fullmatch(identifier) or _NATURAL.fullmatch(identifier) else None


def of_key(prefix: str, *key: str) -> str:
    """The id of an object that has a key of its own, such as `pyr_123456` or `tus_22_10101012`."""
    return "_".join((prefix, *key))


def key_of(identifier: str) -> tuple[str, ...]:
    """The parts of the key that the id was made of (`of_key`)."""
    return tuple(identifier.split("_")[1:])
