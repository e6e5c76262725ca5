"""How many rows a list has, asked of the database by plain SQL: what the counts of the API are compared with."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from tests.scale.lists import List

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
_KNOWN: Final = (
    "SELECT patient_id FROM claims WHERE {providers} UNION SELECT patient_id FROM eligibility_checks WHERE {providers}"
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
}
"""List -> its tables, the one of them that has provider and payer, and what is always asked."""
_FLAGS: Final = {
    "claims inDispute": f"t.id IN ({_DENIED} status IN {_DISPUTED})",
    "claims invoiced": f"t.id IN ({_BILLED})",
    "denials recoveryInvoiced": f"t.id IN ({_RECOVERED})",
    "invoices inDispute": f"t.status <> 'CANCELLED' AND t.id IN ({_IN_DISPUTE})",
    "invoices overdue": _IS_LATE,
    "unappliedCredits isLeft": "t.used_cents < t.amount_cents",
    "unmatchedRemittanceLines isAssigned": "t.assigned_to IS NOT NULL",
    "unmatchedRemittanceLines isSetAside": "t.set_aside_until IS NOT NULL",
}
_COLUMNS: Final = {
    "payerAnsCode": "payer_ans",
    "assignee": "assigned_to",
    "amount": "amount_cents",
    "claimedAmount": "claimed_cents",
    "totalAmount": "total_cents",
    "number": "number",
}
_OF_PARENT: Final = {"payer_ans", "provider_cnes", "paid_on"}
_PART: Final = re.compile(r'(\w+): (?:\[([^]]*)\]|\{ from: "([^"]*)"(?:, to: "([^"]*)")? \}|"([^"]*)"|(true|false))')


async def plain_count(connection: AsyncConnection, listed: List, condition: str, providers: list[str] | None) -> int:
    """How many rows the list has with this condition, as GraphQL writes it, for these providers or everybody."""
    name = listed.name
    source, parties, always = LISTS[name]
    parts = [always, *_parts(listed, condition, parties)]
    if providers is not None:
        own = f"provider_cnes IN ({', '.join(map(repr, providers))})"
        is_of_patient = name == "emergencyAccesses"
        parts.append(f"t.patient_id IN ({_KNOWN.format(providers=own)})" if is_of_patient else f"{parties}.{own}")
    query = f"SELECT COUNT(*) FROM {source} WHERE {' AND '.join(f'({each})' for each in parts)}"
    return int((await connection.exec_driver_sql(query)).scalar_one())


def _parts(listed: List, condition: str, parties: str) -> Iterator[str]:
    is_of_parent = listed.name == "unmatchedRemittanceLines" and listed.argument == "filter"
    for field, values, low, high, one, flag in _PART.findall(condition):
        if field == "denialCode":
            yield f"t.id IN ({_DENIED} code = '{one}')"
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
