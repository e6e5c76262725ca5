"""How many rows a list has, asked of the database by plain SQL: what the counts of the API are compared with."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from tests.scale.lists import EVERYBODY, List
from tests.scale.rows import identifier

# ruff: noqa: S608 - the words of these tests
_DISPUTED: Final = "('OPEN', 'APPEALED')"
_DENIED: Final = "SELECT claim_id FROM denials WHERE"
_BILLED: Final = "SELECT billed_claim_id FROM invoice_lines WHERE billed_claim_id IS NOT NULL"
_RECOVERED: Final = "SELECT billed_denial_id FROM invoice_lines WHERE billed_denial_id IS NOT NULL"
_WON: Final = "t.status IN ('OVERTURNED', 'PARTIALLY_OVERTURNED')"
_PRICED: Final = (
    "claim_items t JOIN claims p ON p.id = t.claim_id JOIN contracts k ON k.provider_cnes = p.provider_cnes "
    "AND k.payer_ans = p.payer_ans JOIN contract_prices c ON c.contract_id = k.id AND c.code = t.code "
    "AND c.code_system = t.code_system AND c.valid_from <= t.performed_on"
)
_IN_DISPUTE: Final = (
    "SELECT l.invoice_id FROM invoice_lines l JOIN denials d ON d.claim_id = l.claim_id "
    f"WHERE l.kind = 'CLAIM' AND d.status IN {_DISPUTED}"
)
_IS_LATE: Final = "t.status IN ('ISSUED', 'PARTIALLY_SETTLED') AND t.due_date < CURRENT_DATE"
_TREATED: Final = "SELECT patient_id FROM claims WHERE {providers} AND submitted_at IS NOT NULL"
_KNOWN: Final = (
    "SELECT patient_id FROM claims WHERE {providers} UNION SELECT patient_id FROM eligibility_checks WHERE {providers}"
)
_COVERED: Final = "SELECT patient_id FROM coverages WHERE payer_ans = '{payer}'"
_BILLING: Final = (
    "SELECT provider_cnes FROM claims WHERE payer_ans = '{payer}' "
    "UNION SELECT provider_cnes FROM contracts WHERE payer_ans = '{payer}'"
)
LISTS: Final = {
    "claims": ("claims t", "t", "TRUE"),
    "denials": ("denials t JOIN claims p ON p.id = t.claim_id", "p", "TRUE"),
    "invoices": ("invoices t", "t", "TRUE"),
    "unmatchedRemittanceLines": (
        "remittance_lines t JOIN remittances p ON p.id = t.remittance_id",
        "p",
        "t.status = 'UNMATCHED'",
    ),
    "unappliedCredits": ("unapplied_credits t", "t", "TRUE"),
    "remittanceAdjustments": (
        "remittance_adjustments t JOIN remittances p ON p.id = t.remittance_id",
        "p",
        "p.cancelled_id = ''",
    ),
    "settlements": ("settlements t", "t", "TRUE"),
    "remittances": ("remittances t", "t", "TRUE"),
    "batches": ("batches t", "t", "TRUE"),
    "appealBatches": ("appeal_batches t", "t", "TRUE"),
    "eligibilityHistory": ("eligibility_checks t", "t", "TRUE"),
    "contracts": ("contracts t", "t", "TRUE"),
    "bankEntries": ("bank_entries t", "t", "TRUE"),
    "announcedPayments": (
        "remittances t",
        "t",
        "t.paid_cents > 0 AND t.id NOT IN (SELECT active_remittance_id FROM bank_matches)",
    ),
    "underpayments": (
        _PRICED,
        "p",
        "p.status IN ('APPROVED', 'PARTIALLY_APPROVED') AND t.unit_price_cents < c.unit_price_cents",
    ),
    "emergencyAccesses": ("emergency_accesses t", "t", "TRUE"),
    "payers": ("payers t", "t", "TRUE"),
    "practitioners": ("claims t", "t", "TRUE"),
    "providers": ("providers t", "t", "TRUE"),
    "patients": ("patients t JOIN coverages p ON p.patient_id = t.id", "p", "t.merged_into_id IS NULL"),
    "myAccessLog": (
        "access_log_persons t JOIN access_log_persons p ON p.person = t.person",
        "p",
        # The first entry is about the patient who asks.
        f"p.entry_id = '{identifier('aud', 0)}'",
    ),
}
"""List -> its tables, the one of them that has provider and payer, and what is always asked."""
_COUNTED: Final = {
    "practitioners": "DISTINCT t.practitioner_name, t.practitioner_council, t.practitioner_number, "
    "t.practitioner_state, t.practitioner_cbo"
}
"""List -> what is counted where it is not its rows."""
_NAMES: Final = {"practitioners": "t.practitioner_name"}
_OF_PROVIDERS: Final = {
    "emergencyAccesses": f"t.patient_id IN ({_KNOWN})",
    "payers": "TRUE",
    "providers": "t.{cnes}",
    "patients": f"t.id IN ({_KNOWN})",
}
_OF_PAYER: Final = {
    "emergencyAccesses": f"t.patient_id IN ({_COVERED})",
    "payers": "TRUE",
    "providers": f"t.cnes IN ({_BILLING})",
    "patients": f"t.id IN ({_COVERED})",
}
_OF_PATIENT: Final = {
    "claims": "t.patient_id = '{patient}'",
    "denials": "p.patient_id = '{patient}'",
    "eligibilityHistory": "t.patient_id = '{patient}'",
    "emergencyAccesses": "t.patient_id = '{patient}'",
    "myAccessLog": "TRUE",
    "patients": "t.id = '{patient}'",
    "payers": "TRUE",
    "practitioners": "t.patient_id = '{patient}'",
    "providers": "t.cnes IN (SELECT provider_cnes FROM claims WHERE patient_id = '{patient}')",
    "underpayments": "p.patient_id = '{patient}'",
}
"""List -> whose rows these callers see; of the others those with their provider or payer, and a patient none."""
_FLAGS: Final = {
    "claims inDispute": f"t.id IN ({_DENIED} status IN {_DISPUTED})",
    "claims invoiced": f"t.id IN ({_BILLED})",
    "denials recoveryInvoiced": f"t.id IN ({_RECOVERED})",
    "invoices inDispute": f"t.status <> 'CANCELLED' AND t.id IN ({_IN_DISPUTE})",
    "invoices overdue": _IS_LATE,
    "unappliedCredits isLeft": "t.used_cents < t.amount_cents",
    "unmatchedRemittanceLines isAssigned": "t.assigned_to IS NOT NULL",
    "unmatchedRemittanceLines isSetAside": "t.set_aside_until IS NOT NULL",
    "practitioners isRegistered": "t.practitioner_number IN (SELECT number FROM practitioners)",
    **{f"{name} isActive": "t.deactivated_at IS NULL" for name in ("patients", "payers", "providers")},
}
_COLUMNS: Final = {
    "payerAnsCode": "payer_ans",
    "assignee": "assigned_to",
    "amount": "amount_cents",
    "claimedAmount": "claimed_cents",
    "totalAmount": "total_cents",
    "number": "number",
}
_OF_PARENT: Final = {"payer_ans", "provider_cnes", "paid_on", "card_number"}
_PART: Final = re.compile(r'(\w+): (?:\[([^]]*)\]|\{ from: "([^"]*)"(?:, to: "([^"]*)")? \}|"([^"]*)"|(true|false))')


async def plain_count(connection: AsyncConnection, listed: List, condition: str, scope: dict[str, Any]) -> int:
    """How many rows the list has with this condition, as GraphQL writes it, for a token with this data scope."""
    source, parties, always = LISTS[listed.name]
    parts = [always, *_parts(listed, condition, parties), *_seen(listed.name, condition, parties, scope)]
    counted = _COUNTED.get(listed.name, "*")
    query = f"SELECT COUNT({counted}) FROM {source} WHERE {' AND '.join(f'({each})' for each in parts)}"
    return int((await connection.exec_driver_sql(query)).scalar_one())


def _seen(name: str, condition: str, parties: str, scope: dict[str, Any]) -> Iterator[str]:
    if not any(scope.values()):
        yield "TRUE" if name == "payers" else "FALSE"
    if scope.get("providers") and scope["providers"] != EVERYBODY[1]["providers"]:
        codes = f"IN ({', '.join(map(repr, scope['providers']))})"
        own = _OF_PROVIDERS.get(name, f"{parties}.{{providers}}")
        if name == "patients" and ("cpf" in condition or "birthDate" in condition):
            # Whoever is found by a document is treated by the caller.
            own = f"t.id IN ({_TREATED})"
        yield own.format(providers=f"provider_cnes {codes}", cnes=f"cnes {codes}")
    if "payer" in scope:
        yield _OF_PAYER.get(name, f"{parties}.payer_ans = '{{payer}}'").format(**scope)
    if "patient" in scope:
        yield _OF_PATIENT.get(name, "FALSE").format(**scope)


def _parts(listed: List, condition: str, parties: str) -> Iterator[str]:
    is_of_parent = listed.name == "unmatchedRemittanceLines" and listed.argument == "filter"
    for field, values, low, high, one, flag in _PART.findall(condition):
        if field == "denialCode":
            yield f"t.id IN ({_DENIED} code = '{one}')"
        elif field == "search":
            yield from (f"LOWER({_NAMES.get(listed.name, 't.name')}) LIKE '%%{word}%%'" for word in one.split())
        elif flag:
            asked = _FLAGS[f"{listed.name} {field}"]
            yield asked if flag == "true" else f"NOT ({asked})" if field != "overdue" else f"({asked}) IS NOT TRUE"
            if field == "recoveryInvoiced":
                yield _WON
        else:
            yield _compared(_column(field, parties, is_of_parent=is_of_parent), field, values, low, high, one)


def _column(field: str, parties: str, *, is_of_parent: bool) -> str:
    name = _COLUMNS.get(field) or re.sub("([A-Z])", lambda found: f"_{found[1].lower()}", field)
    name = "id" if name == "ids" else name
    return f"{parties if is_of_parent or name in _OF_PARENT else 't'}.{name}"


def _compared(column: str, field: str, listed: str, low: str, high: str, one: str) -> str:
    if listed:
        # Months are stored without their hyphen.
        values = [repr(each.strip(' "').replace("-", "")) for each in listed.split(",")]
        return f"{column} IN ({', '.join(values)})"
    if one:
        return f"{column} = '{one}'"
    ends = [(">=", low), ("<=", high)]
    return " AND ".join(f"{column} {sign} {_value(field, each)}" for sign, each in ends if each)


def _value(field: str, value: str) -> str:
    return str(int(Decimal(value) * 100)) if field.lower().endswith("amount") else f"'{value.rstrip('Z')}'"
