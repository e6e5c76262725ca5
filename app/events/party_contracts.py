"""The contracts of events about master data: payers, providers, and who belongs to them."""

from typing import Final

from app.events.event_contract import EventContract
from app.events.payloads import PartyEventData

_STEPS: Final = {
    "Registered": "is registered",
    "Updated": "is changed",
    "Deactivated": "is deactivated: new claims that name it are refused",
    "Reactivated": "is active again",
}


def _contracts(what: str, data: type) -> dict[str, EventContract]:
    return {
        f"{what}{step}": EventContract(
            f"br.billing.{what.lower()}.{step.lower()}.v1", data, f"A {what.lower()} {text}."
        )
        for step, text in _STEPS.items()
    }


PARTY_CONTRACTS: Final = {**_contracts("Payer", PartyEventData), **_contracts("Provider", PartyEventData)}
"""The contracts by the event's short name."""
