"""The vocabulary of the access log: kinds of entries, decisions, classes of data, and purposes of use."""

from collections.abc import Collection
from enum import StrEnum
from typing import Final


class AccessKind(StrEnum):
    """What an entry records; a PROCESS entry is the start or the end of a gateway process, or an archiving."""

    READ = "READ"
    WRITE = "WRITE"
    PROCESS = "PROCESS"


class AccessDecision(StrEnum):
    ALLOWED = "ALLOWED"
    REFUSED = "REFUSED"


class DataClass(StrEnum):
    """What kind of sensitive data a field or a document carries."""

    PERSONAL = "PERSONAL"
    HEALTH = "HEALTH"
    FINANCIAL = "FINANCIAL"


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
