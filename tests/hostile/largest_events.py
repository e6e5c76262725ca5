"""The largest event of every subscription: the call that changes something, and the subscription that is told of it."""

from collections.abc import Awaitable, Callable
from typing import Final

from app.domain.claim_form import ITEMS_MAX
from app.domain.claims import DENIALS_MAX
from app.resolvers.paging import LINES_PAGE_MAX
from tests.hostile import largest_documents as documents
from tests.hostile import largest_mutations as mutations
from tests.hostile.largest_data import CLAIM, INVOICE, INVOICE_LINES, REMITTANCE, Big, Call
from tests.hostile.largest_queries import SETTLEMENTS


def _told(big: Big, field: str, selected: str, text: str, times: int, *, role: str = "finance") -> Call:
    query = f"subscription($after: String!) {{ {field}(after: $after) {{ cursor occurredAt {selected} }} }}"
    return big.read(query, text, times, role=role)


async def claim_status_changed(big: Big) -> tuple[Call, Call]:
    """A claim with as many items, and denials of each, as fit is decided."""
    selected = f"status claim {{ {CLAIM} patient {{ name cpf }} paidAmount }}"
    told = _told(big, "claimStatusChanged", selected, '"code":"1705"', ITEMS_MAX * DENIALS_MAX, role="reviewer")
    return await mutations.adjudicate(big), told


async def denial_status_changed(big: Big) -> tuple[Call, Call]:
    """One denial of a claim with as many items as fit is accepted."""
    selected = f"status denial {{ id status claim {{ {CLAIM} }} }}"
    told = _told(big, "denialStatusChanged", selected, '"sequence":', ITEMS_MAX, role="reviewer")
    return await mutations.accept_denial(big), told


async def invoice_status_changed(big: Big) -> tuple[Call, Call]:
    """An invoice with as many lines as fit is issued."""
    told = _told(big, "invoiceStatusChanged", f"status invoice {{ {INVOICE} }}", '"kind":', INVOICE_LINES)
    return await mutations.issue_invoice(big), told


async def settlement_recorded(big: Big) -> tuple[Call, Call]:
    """An invoice with as many lines as fit is paid."""
    selected = f"settlement {{ id status amount invoice {{ {INVOICE} {SETTLEMENTS} }} }}"
    return await mutations.settle_invoice(big), _told(big, "settlementRecorded", selected, '"kind":', INVOICE_LINES)


async def remittance_line_waiting(big: Big) -> tuple[Call, Call]:
    """A statement with as many lines as fit is imported, one of them about an unknown claim."""
    change = await mutations.import_remittance(big)
    assert change.variables is not None
    change.variables["input"]["content"]["lines"][-1]["providerClaimNumber"] = "unknown"
    selected = f"waitingLines remittance {{ {REMITTANCE} }}"
    return change, _told(big, "remittanceLineWaiting", selected, '"sequence":', LINES_PAGE_MAX)


async def import_job_progressed(big: Big) -> tuple[Call, Call]:
    """A batch with as many guides as fit is imported."""
    selected = "status job { id status totalCount results(first: 100) { nodes { number outcome } } }"
    return await documents.import_batch(big), _told(big, "importJobProgressed", selected, '"totalCount"', 1)


EVENTS: Final[dict[str, Callable[[Big], Awaitable[tuple[Call, Call]]]]] = {
    "Subscription.claimStatusChanged": claim_status_changed,
    "Subscription.denialStatusChanged": denial_status_changed,
    "Subscription.invoiceStatusChanged": invoice_status_changed,
    "Subscription.settlementRecorded": settlement_recorded,
    "Subscription.remittanceLineWaiting": remittance_line_waiting,
    "Subscription.importJobProgressed": import_job_progressed,
}
HEAVIEST_EVENTS: Final = ("Subscription.claimStatusChanged",)
"""What every run measures; BILLING_TEST_SCALE=full measures all of EVENTS."""
