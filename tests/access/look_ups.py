"""How the lists that forms and dashboards read are asked for what is of one world."""

from typing import Final

from tests.factories import World

SUMS: Final = {
    "claims": "claimedAmount approvedAmount deniedAmount paidAmount",
    "denials": "amount inDisputeAmount wonAmount lostAmount aboutToBeLostAmount",
    "invoices": "totalAmount settledAmount dueAmount",
    "settlements": "paidAmount reversedAmount netAmount withheldAmount discountAmount",
}
"""List -> the amounts of its sums."""


def look_ups(world: World, parties: str) -> dict[str, str]:
    """Root field -> arguments that find something of the world; `parties` are the arguments that name its own."""
    return {
        "providers": f'search: "{world.provider}"',
        "practitioners": f'search: "{world.provider}"',
        "registeredPractitioners": f'providerCnes: "{world.provider}"',
        "patients": f'cardNumber: "{world.card}"',
        "billingBreakdown": f"groupBy: [PAYER], {parties}",
        "denialBreakdown": f"groupBy: [CODE], {parties}",
        "withheldTaxes": parties,
        "underpayments": f"filter: {{ {parties} }}",
    }


def sheet_of(world: World, document_id: str) -> str:
    """How a spreadsheet of the world is looked at."""
    given = f'payerAnsCode: "{world.payer}", providerCnes: "{world.provider}"'
    return f'spreadsheetPreview(spreadsheet: {{{given}, documentId: "{document_id}"}}) {{ rowCount }}'
