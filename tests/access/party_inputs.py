"""A good input for every mutation of master data and contracts that names something of somebody's."""

from typing import Any

from tests.access.world import Rich
from tests.factories import CONSULTATION, key, today


def of_parties(victim: Rich) -> dict[str, dict[str, Any]]:
    """The inputs, all of the victim's parties."""
    ids, world = victim.ids, victim.world
    once = {"idempotencyKey": key()}
    parties = {"provider": world.provider, "payer": world.payer}
    terms = {"submissionWindowDays": 9, "appealDeadlineDays": 9, "paymentTermDays": 9}
    return {
        "saveContract": {**parties, **terms},
        "checkEligibility": {**parties, "cardNumber": world.card},
        "endContractPrice": {
            "contractId": ids["contract"],
            "codeSystem": "22",
            "code": CONSULTATION["code"],
            "validTo": today().isoformat(),
        },
        "closeContract": {"contractId": ids["contract"], "endsOn": today().isoformat()},
        "updatePayer": {"payer": world.payer, "name": "Outro nome"},
        "deactivatePayer": {"payer": world.payer},
        "reactivatePayer": {"payer": world.payer},
        "updateProvider": {"provider": world.provider, "name": "Outro nome"},
        "deactivateProvider": {"provider": world.provider},
        "reactivateProvider": {"provider": world.provider},
        "registerPatient": {"provider": world.provider, "name": "Joana Teste", **once},
        "updatePatient": {"patientId": ids["patient"], "name": "Outro Nome"},
        "deactivatePatient": {"patientId": ids["patient"]},
        "reactivatePatient": {"patientId": ids["patient"]},
        "mergePatients": {"patientId": ids["patient"], "mergedPatientId": ids["spare_patient"], **once},
        "registerCoverage": {
            "patientId": ids["patient"],
            "payer": world.payer,
            "cardNumber": key()[:20],
            "plan": "Plano",
            "startsOn": "2026-01-01",
            **once,
        },
        "updateCoverage": {"coverageId": ids["coverage"], "plan": "Outro plano"},
        "endCoverage": {"coverageId": ids["coverage"], "endsOn": "2099-01-01"},
        "registerPractitioner": {
            "provider": world.provider,
            "name": "Dra. Bia",
            "council": "06",
            "number": key()[:15],
            "state": "35",
            "cbo": "225125",
            **once,
        },
        "updatePractitioner": {"practitionerId": ids["practitioner"], "name": "Outro Nome"},
        "deactivatePractitioner": {"practitionerId": ids["practitioner"]},
        "reactivatePractitioner": {"practitionerId": ids["practitioner"]},
    }
