"""The vocabulary of the access log: kinds of entries, decisions, classes of data, and purposes of use."""

from collections.abc import Collection
from typing import Final

from app.domain.described import DescribedEnum


class AccessKind(DescribedEnum):
    """What an entry records; a PROCESS entry is the start or the end of a gateway process, or an archiving."""

    READ = "READ", "Data was read."
    WRITE = "WRITE", "Data was changed."
    PROCESS = "PROCESS", "A gateway process started or stopped, or entries were archived."


class AccessDecision(DescribedEnum):
    ALLOWED = "ALLOWED", "The access was allowed."
    REFUSED = "REFUSED", "The caller lacked a permission and saw nothing."


class DataClass(DescribedEnum):
    """What kind of sensitive data a field or a document carries."""

    PERSONAL = "PERSONAL", "Identifies a person."
    HEALTH = "HEALTH", "Describes a person's health."
    FINANCIAL = "FINANCIAL", "Amounts and bank details."


class PurposeOfUse(DescribedEnum):
    """Why data is used, by HL7's codes: healthcare payment, eligibility verification, patient requested, system
    administration, break the glass."""

    HPAYMT = "HPAYMT", "Payment for healthcare."
    ELIGVER = "ELIGVER", "Verification of eligibility."
    PATRQT = "PATRQT", "The patient's own request."
    HSYSADMIN = "HSYSADMIN", "Administration of the system."
    BTG = "BTG", "Emergency access (break-glass)."


_PURPOSES: Final = {
    "patient": PurposeOfUse.PATRQT,
    "front_desk": PurposeOfUse.ELIGVER,
    "admin": PurposeOfUse.HSYSADMIN,
}


def purpose_of(roles: Collection[str]) -> PurposeOfUse:
    """What callers of these roles use data for: billing, unless all their roles serve one other purpose."""
    found = {_PURPOSES.get(role, PurposeOfUse.HPAYMT) for role in roles}
    return found.pop() if len(found) == 1 else PurposeOfUse.HPAYMT
