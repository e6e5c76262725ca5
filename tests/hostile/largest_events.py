"""The largest event of every subscription: what changes, and the subscription that is told of it."""

from collections.abc import Awaitable, Callable
from typing import Final

from app.domain.claim_form import ITEMS_MAX
from app.domain.claims import DENIALS_MAX
from app.domain.statement import LINES_MAX
from app.resolvers.paging import PAGE_MAX
from app.services.invoices import CLAIMS_MAX, RECOVERIES_MAX
from tests.factories import key
from tests.hostile import largest_mutations as mutations
from tests.hostile.largest_data import CLAIM, INVOICE, Big, Call


async def claim_status_changed(big: Big) -> tuple[Call, Call]:
    """A claim with as many items, and denials of each, as fit is decided."""
    change = await mutations.adjudicate(big)
    assert change.variables is not None
    query = (
        "subscription($claim: ID!, $after: String!) { claimStatusChanged(filter: { claimId: $claim }, after: $after) "
        f"{{ cursor previousStatus status occurredAt claim {{ {CLAIM} patient {{ name cpf }} paidAmount }} }} }}"
    )
    times = ITEMS_MAX * DENIALS_MAX
    return change, big.read(query, '"code":"1705"', times, claim=change.variables["input"]["claimId"])


async def settlement_recorded(big: Big) -> tuple[Call, Call]:
    """An invoice with as many lines as fit is paid."""
    change = await mutations.settle_invoice(big)
    assert change.variables is not None
    query = (
        "subscription($invoice: ID!, $after: String!) { "
        "settlementRecorded(filter: { invoiceId: $invoice }, after: $after) "
        f"{{ cursor settlement {{ id status amount invoice {{ {INVOICE} settlements {{ id amount }} }} }} }} }}"
    )
    invoice, lines = change.variables["input"]["invoiceId"], CLAIMS_MAX + RECOVERIES_MAX
    return change, big.read(query, '"kind":', lines, role="finance", invoice=invoice)


async def denial_status_changed(big: Big) -> tuple[Call, Call]:
    """A denial of the largest claim is appealed."""
    change = await mutations.appeal_denial(big)
    query = (
        "subscription($after: String!) { denialStatusChanged(after: $after) "
        f"{{ cursor previousStatus status denial {{ id claim {{ {CLAIM} }} }} }} }}"
    )
    return change, big.read(query, '"sequence":', ITEMS_MAX)


async def invoice_status_changed(big: Big) -> tuple[Call, Call]:
    """An invoice with as many lines as fit is issued."""
    change = await mutations.issue_invoice(big)
    assert change.variables is not None
    query = (
        "subscription($invoice: ID!, $after: String!) { "
        "invoiceStatusChanged(filter: { invoiceId: $invoice }, after: $after) "
        f"{{ cursor previousStatus status invoice {{ {INVOICE} }} }} }}"
    )
    invoice, lines = change.variables["input"]["invoiceId"], CLAIMS_MAX + RECOVERIES_MAX
    return change, big.read(query, '"kind":', lines, role="finance", invoice=invoice)


async def remittance_line_waiting(big: Big) -> tuple[Call, Call]:
    """A statement is imported, none of whose lines, as many as fit, has a claim."""
    lines = [{"providerClaimNumber": f"NENHUMA{number}", "paidAmount": "1"} for number in range(LINES_MAX)]
    values = {"payer": big.world.payer, "provider": big.world.provider, "idempotencyKey": key()}
    values["statementNumber"] = key()[:20]
    fields = "alreadyImported"
    change = big.change("finance", "importRemittance", fields, fields, 1, lines=lines, **values)
    query = (
        "subscription($after: String!) { remittanceLineWaiting(after: $after) { cursor waitingLines "
        "lines(first: 100) { totalCount nodes { id sequence problem claim { id } } } remittance { id status } } }"
    )
    return change, big.read(query, '"sequence":', PAGE_MAX, role="finance")


EVENTS: Final[dict[str, Callable[[Big], Awaitable[tuple[Call, Call]]]]] = {
    "Subscription.claimStatusChanged": claim_status_changed,
    "Subscription.denialStatusChanged": denial_status_changed,
    "Subscription.invoiceStatusChanged": invoice_status_changed,
    "Subscription.settlementRecorded": settlement_recorded,
    "Subscription.remittanceLineWaiting": remittance_line_waiting,
}
HEAVIEST_EVENTS: Final = ("Subscription.claimStatusChanged",)
"""What every run measures; BILLING_TEST_HOSTILE=full measures all of EVENTS."""
