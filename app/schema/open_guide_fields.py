"""The fields of guides that are visible to whoever sees their object, reviewed: see `open_fields.py`."""

from typing import Final

GUIDES: Final[dict[str, tuple[str, ...]]] = {
    "objects of a guide whose fields have rules": (
        "Encounter.location",
        "Encounter.requestingProvider",
        "TeamMember.practitioner",
    ),
    "what a guide says of an item, which is only found where `claims:read_items` is asked for": (
        "ClaimItem.documentSequence",
        "ServiceDetails.isAuthorized",
    ),
    "days of an encounter's paperwork": ("Encounter.issuedOn",),
}
GUIDE_TEXTS: Final[dict[str, tuple[str, ...]]] = {
    "what an encounter's paperwork says of other providers, numbers and plans": (
        "Encounter.billingType",
        "Encounter.mainClaimNumber",
        "Encounter.planName",
        "Facility.cnes",
        "Facility.code",
        "Facility.name",
    ),
}
