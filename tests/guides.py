"""Values of createClaim for each type of guide, with all that its document needs."""

from typing import Any

from tests.factories import CONSULTATION, DOCTOR, today

DAY = today().isoformat()
FACILITY = {"code": "H1", "name": "Hospital", "cnes": "1234567"}
STAY = {"startsOn": DAY, "startsAt": "08:00:00", "endsOn": DAY, "endsAt": "18:00:00", "type": "1", "regime": "1"}
AUTHORIZED = {"number": "S1", "issuedOn": DAY}
MEMBER = {"role": "00", "cpf": "52998224725", "practitioner": DOCTOR}
MEDICINE = {"codeSystem": "20", "code": "90000544", "quantity": "0.5", "unitPrice": "29.00"}
FEES: dict[str, Any] = {
    "type": "INDIVIDUAL_FEES",
    "items": [{**CONSULTATION, "details": {"team": [MEMBER]}}],
    "encounter": {
        "mainClaimNumber": "M1",
        "location": FACILITY,
        "admission": {"startsOn": DAY, "endsOn": DAY},
        "issuedOn": DAY,
        "priority": "1",
    },
}
SUMMARY: dict[str, Any] = {
    "type": "ADMISSION_SUMMARY",
    "authorization": AUTHORIZED,
    "encounter": {
        "mainClaimNumber": "M1",
        "priority": "1",
        "billingType": "4",
        "admission": STAY,
        "accident": "9",
        "dischargeReason": "12",
    },
}
DENTAL: dict[str, Any] = {
    "type": "DENTAL_TREATMENT",
    "items": [{**CONSULTATION, "details": {"isAuthorized": True}}],
    "encounter": {"planName": "Ouro", "type": "1", "billingType": "4"},
}
