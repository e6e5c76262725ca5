"""Connections of objects with amounts, and the sums over their whole lists."""

from collections.abc import Sequence
from typing import Any

from app.db.claim_sums import ClaimSums as ClaimSumsRecord
from app.db.denials import DenialSums as DenialSumsRecord
from app.db.invoices import InvoiceSums as InvoiceSumsRecord
from app.db.settlements import SettlementSums as SettlementSumsRecord
from app.domain.money import Cents
from app.resolvers.context import Context
from app.resolvers.paging import Page, values_of
from app.schema.base.connections import Connection
from app.schema.base.permissions import amount, financial
from app.schema.base.relations import batched
from app.schema.base.types import object_type
from app.schema.invoice_objects import Invoice, Settlement
from app.schema.objects import Claim, Denial


@object_type(description="Sums over a list of claims.")
class ClaimSums:
    claimed_cents: Cents | None = amount("claimedAmount", "Claimed (valorInformado).")
    approved_cents: Cents | None = amount("approvedAmount", "Approved by the payer (valorLiberado).")
    denied_cents: Cents | None = amount("deniedAmount", "Denied by the payer (valorGlosa).")
    patient_cents: Cents | None = amount("patientAmount", "Left to patients by the payer (valorFranquia).")
    paid_cents: Cents | None = amount("paidAmount", "Paid for the claims and their won appeals, less reversals.")


@object_type(description="Sums over a list of invoices.")
class InvoiceSums:
    total_cents: Cents | None = amount("totalAmount", "Totals, drafts and cancelled invoices included.")
    settled_cents: Cents | None = amount("settledAmount", "Confirmed settlements, less reversals.")
    due_cents: Cents | None = amount("dueAmount", "Totals less what is settled.")


@object_type(description="Sums over a list of settlements; only confirmed ones count.")
class SettlementSums:
    paid_cents: Cents | None = amount("paidAmount", "Payments.")
    reversed_cents: Cents | None = amount("reversedAmount", "Reversals.")
    net_cents: Cents | None = amount("netAmount", "Payments less reversals, with what payers kept back.")
    withheld_cents: Cents | None = amount("withheldAmount", "Of the net amount, the taxes that payers withheld.")
    discount_cents: Cents | None = amount("discountAmount", "Of the net amount, the financial discounts.")


@object_type(description="Sums over a list of denials.")
class DenialSums:
    amount_cents: Cents | None = amount("amount", "Denied (valorGlosa).")
    in_dispute_cents: Cents | None = amount("inDisputeAmount", "In dispute.")
    won_cents: Cents | None = amount("wonAmount", "Won by appeals.")
    lost_cents: Cents | None = amount("lostAmount", "Finally lost.")
    about_to_be_lost_cents: Cents | None = amount(
        "aboutToBeLostAmount",
        "Open denials of claims that are not replaced, which are lost unless the provider appeals.",
    )


async def _sums_of(_ctx: Context, pages: Sequence[Page[object]]) -> list[Any]:
    asked = [each.sums for each in pages if each.sums is not None]
    return await values_of(asked) if len(asked) == len(pages) else [None] * len(pages)


def _sums(kind: type[Any]) -> Any:
    """The field for the sums of the whole list, which are made by one statement if they are asked for."""
    return batched(
        kind | None,
        _sums_of,
        description="Sums over the whole list, whatever the page; made on request.",
        extensions=financial("amounts:read"),
        asked=frozenset(),
    )


@object_type(description="A page of claims.")
class ClaimConnection(Connection[Claim]):
    sums: ClaimSumsRecord | None = _sums(ClaimSums)


@object_type(description="A page of denials.")
class DenialConnection(Connection[Denial]):
    sums: DenialSumsRecord | None = _sums(DenialSums)


@object_type(description="A page of invoices.")
class InvoiceConnection(Connection[Invoice]):
    sums: InvoiceSumsRecord | None = _sums(InvoiceSums)


@object_type(description="A page of settlements.")
class SettlementConnection(Connection[Settlement]):
    sums: SettlementSumsRecord | None = _sums(SettlementSums)
