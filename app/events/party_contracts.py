"""The contracts of events about master data: payers, providers, and who belongs to them."""

from collections.abc import Mapping
from typing import Final

from app.events.event_contract import EventContract
from app.events.payloads import CoverageEventData, PartyEventData, PatientEventData, PractitionerEventData

_STEPS: Final = {
    "Registered": "is registered",
    "Updated": "is changed",
    "Deactivated": "is deactivated: new claims that name it are refused",
    "Reactivated": "is active again",
}


_OF_COVERAGES: Final = {
    "Registered": "is registered",
    "Updated": "is changed",
    "Ended": "gets another last day",
}


def _contracts(what: str, data: type, steps: Mapping[str, str] = _STEPS) -> dict[str, EventContract]:
    return {
        f"{what}{step}": EventContract(
            f"br.billing.{what.lower()}.{step.lower()}.v1", data, f"A {what.lower()} {text}."
        )
        for step, text in steps.items()
    }


PARTY_CONTRACTS: Final = {
    **_contracts("Payer", PartyEventData),
    **_contracts("Provider", PartyEventData),
    **_contracts("Patient", PatientEventData, {**_STEPS, "Merged": "is merged: one event for each of the two"}),
    **_contracts("Coverage", CoverageEventData, _OF_COVERAGES),
    **_contracts("Practitioner", PractitionerEventData),
}
"""The contracts by the event's short name."""
