"""Statuses and steps of the domain as GraphQL enums; import them from here so that they are registered."""

from app.domain.claims import ClaimAction, ClaimStatus, ClaimType
from app.domain.denials import DenialAction, DenialStatus
from app.domain.documents import DocumentKind
from app.domain.invoices import InvoiceAction, InvoiceLineKind, InvoiceStatus
from app.domain.parties import PartyAction
from app.domain.remittances import RemittanceLineProblem, RemittanceLineStatus, RemittanceSource, RemittanceStatus
from app.domain.settlements import PaymentMethod, SettlementStatus
from app.schema.base.described import described

__all__ = [
    "ClaimAction",
    "ClaimStatus",
    "ClaimType",
    "DenialAction",
    "DenialStatus",
    "DocumentKind",
    "InvoiceAction",
    "InvoiceLineKind",
    "InvoiceStatus",
    "PartyAction",
    "PaymentMethod",
    "RemittanceLineProblem",
    "RemittanceLineStatus",
    "RemittanceSource",
    "RemittanceStatus",
    "SettlementStatus",
]

described(ClaimType, "Type of a claim (tipo de guia).")
described(ClaimStatus, "Status of a claim; new values may be added.")
described(ClaimAction, "Step in the life of a claim; new values may be added.")
described(DenialStatus, "Status of a denial (glosa); new values may be added.")
described(DenialAction, "Step in the life of a denial; new values may be added.")
described(InvoiceStatus, "Status of an invoice, after ISSUED derived from its settlements; new values may be added.")
described(InvoiceAction, "Step in the life of an invoice; new values may be added.")
described(InvoiceLineKind, "Kind of an invoice line; new values may be added.")
described(
    PartyAction, "Step in the life of a payer, provider, patient, coverage or practitioner; new values may be added."
)
described(SettlementStatus, "Status of a settlement; new values may be added.")
described(PaymentMethod, "Payment method (formaPagamento); new values may be added.")
described(RemittanceSource, "Source of a remittance; new values may be added.")
described(RemittanceStatus, "Status of a remittance; new values may be added.")
described(RemittanceLineStatus, "Status of a remittance line; new values may be added.")
described(RemittanceLineProblem, "Reason why a line is unmatched; new values may be added.")
described(DocumentKind, "Kind of a document, by its first bytes; new values may be added.")
