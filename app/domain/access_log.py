"""The access log: who looked at or changed whose data and why, pseudonyms for the persons, and the hash chain."""

import hashlib
import hmac
from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Final

import orjson

FIRST_HASH: Final = "0" * 64
PERSON_HEX_DIGITS: Final = 32


class AccessKind(StrEnum):
    """What an entry tells of; a PROCESS entry is the start or the end of a gateway process."""

    READ = "READ"
    WRITE = "WRITE"
    PROCESS = "PROCESS"


class AccessDecision(StrEnum):
    ALLOWED = "ALLOWED"
    REFUSED = "REFUSED"


class PurposeOfUse(StrEnum):
    """Why data is used, by HL7's codes: healthcare payment, eligibility verification, patient requested, system
    administration, break the glass."""

    HPAYMT = "HPAYMT"
    ELIGVER = "ELIGVER"
    PATRQT = "PATRQT"
    HSYSADMIN = "HSYSADMIN"
    BTG = "BTG"


_PURPOSES: Final = {
    "patient": PurposeOfUse.PATRQT,
    "front_desk": PurposeOfUse.ELIGVER,
    "admin": PurposeOfUse.HSYSADMIN,
}


def purpose_of(roles: Collection[str]) -> PurposeOfUse:
    """What callers of these roles use data for: billing, unless all their roles serve one other purpose."""
    found = {_PURPOSES.get(role, PurposeOfUse.HPAYMT) for role in roles}
    return found.pop() if len(found) == 1 else PurposeOfUse.HPAYMT


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the access log, without its place.

    `person` is a pseudonym, `data_classes` and `roles` are comma-separated names. `writer` is the process that wrote
    it; `writer_sequence` numbers what one process writes outside of transactions, without gaps.
    """

    id: str
    at: datetime
    kind: AccessKind
    actor: str
    roles: str
    purpose: PurposeOfUse
    operation: str
    object_id: str | None
    person: str | None
    data_classes: str
    decision: AccessDecision
    detail: str | None
    request_id: str
    writer: str
    writer_sequence: int | None


class Seal:
    """The secret side of the access log: pseudonyms that only its owner can make, hashes that only its owner can forge.

    Losing the secret makes the log unverifiable; it is never changed while a log is kept.
    """

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def person(self, patient_id: str) -> str:
        """The pseudonym of a patient: 32 hexadecimal digits."""
        return self._digest(b"person\0" + patient_id.encode())[:PERSON_HEX_DIGITS]

    def hash(self, previous: str, position: int, entry: Entry) -> str:
        """The hash of an entry at its position behind the one whose hash is `previous`: 64 hexadecimal digits."""
        parts = [previous, position, *(_plain(getattr(entry, field.name)) for field in fields(entry))]
        return self._digest(b"entry\0" + orjson.dumps(parts))

    def _digest(self, message: bytes) -> str:
        return hmac.new(self._secret, message, hashlib.sha256).hexdigest()


def _plain(value: object) -> object:
    return value.isoformat(timespec="microseconds") if isinstance(value, datetime) else value
