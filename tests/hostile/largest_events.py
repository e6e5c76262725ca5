"""The largest event of every subscription: what changes, and the subscription that is told of it."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from app.domain.claim_form import ITEMS_MAX
from app.domain.claims import DENIALS_MAX
from app.services.invoices import CLAIMS_MAX, RECOVERIES_MAX
from tests.hostile import largest_mutations as mutations
from tests.hostile.largest_data import CLAIM, INVOICE, Big, Call


async def claim_status_changed(big: Big) -> tuple[Call, Call]:
    """A claim with as many items, and denials of each, as fit is decided."""
    change = await mutations.adjudicate(big)
    assert change.variables is not None
    query = (
        "subscription($claim: ID!, $after: String!) { claimStatusChanged(filter: { claim: $claim }, after: $after) "
        f"{{ cursor status at claim {{ {CLAIM} patient {{ name cpf }} paidAmount }} }} }}"
    )
    times = ITEMS_MAX * DENIALS_MAX
    return change, big.read(query, '"code":"1705"', times, claim=change.variables["input"]["claimId"])


async def settlements(big: Big) -> tuple[Call, Call]:
    """An invoice with as many lines as fit is paid."""
    change = await mutations.settle_invoice(big)
    assert change.variables is not None
    query = (
        "subscription($invoice: ID!, $after: String!) { settlements(filter: { invoice: $invoice }, after: $after) "
        f"{{ cursor settlement {{ id status amount invoice {{ {INVOICE} settlements {{ id amount }} }} }} }} }}"
    )
    watch = big.read(query, '"kind":', CLAIMS_MAX + RECOVERIES_MAX, invoice=change.variables["input"]["invoiceId"])
    return change, replace(watch, role="finance")


EVENTS: Final[dict[str, Callable[[Big], Awaitable[tuple[Call, Call]]]]] = {
    "Subscription.claimStatusChanged": claim_status_changed,
    "Subscription.settlements": settlements,
}
HEAVIEST_EVENTS: Final = ("Subscription.claimStatusChanged",)
"""What every run measures; BILLING_TEST_HOSTILE=full measures all of EVENTS."""
