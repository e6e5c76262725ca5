"""Statuses and steps of the domain as GraphQL enums; import them from here so that they are registered."""

from app.domain.claims import ClaimAction, ClaimStatus, ClaimType
from app.domain.denials import DenialAction, DenialStatus
from app.domain.invoices import InvoiceAction, InvoiceLineKind, InvoiceStatus
from app.domain.settlements import PaymentMethod, SettlementStatus
from app.schema.base.described import described

__all__ = [
    "ClaimAction",
    "ClaimStatus",
    "ClaimType",
    "DenialAction",
    "DenialStatus",
    "InvoiceAction",
    "InvoiceLineKind",
    "InvoiceStatus",
    "PaymentMethod",
    "SettlementStatus",
]

described(
    ClaimType,
    "Type of a claim (tipo de guia).",
    {
        "CONSULTATION": "Consultation (guia de consulta).",
        "SP_SADT": "Diagnostic and therapeutic services (guia SP/SADT).",
        "ADMISSION_SUMMARY": "Summary of a hospital stay (guia de resumo de internação).",
        "INDIVIDUAL_FEES": "Fees of one professional during a hospital stay (guia de honorários).",
    },
)
described(
    ClaimStatus,
    "Status of a claim; new values may be added.",
    {
        "DRAFT": "Not sent yet; can still be changed.",
        "SUBMITTED": "Sent to the payer.",
        "UNDER_REVIEW": "The payer is reviewing it.",
        "PENDING_INFORMATION": "The payer is waiting for information from the provider.",
        "APPROVED": "Every item was approved in full.",
        "PARTIALLY_APPROVED": "Approved in part and denied in part.",
        "DENIED": "Nothing was approved.",
        "CANCELLED": "Withdrawn before the payer decided.",
    },
)
described(
    ClaimAction,
    "Step in the life of a claim; new values may be added.",
    {
        "CREATE": "Created as a draft.",
        "UPDATE": "The draft was changed.",
        "SUBMIT": "Sent to the payer.",
        "START_REVIEW": "The payer started or resumed the review.",
        "REQUEST_INFORMATION": "The payer requested information.",
        "APPROVE": "Decided: every item approved in full.",
        "APPROVE_PARTIALLY": "Decided: approved in part.",
        "DENY": "Decided: nothing approved.",
        "CANCEL": "Withdrawn.",
    },
)
described(
    DenialStatus,
    "Status of a denial (glosa); new values may be added.",
    {
        "OPEN": "Neither accepted nor appealed.",
        "ACCEPTED": "The provider accepted the loss.",
        "APPEALED": "The provider appealed (recurso de glosa); the payer has not answered yet.",
        "OVERTURNED": "The payer reversed the denial in full.",
        "PARTIALLY_OVERTURNED": "The payer reversed the denial in part.",
        "UPHELD": "The payer upheld the denial.",
        "EXPIRED": "The appeal deadline passed without an appeal.",
    },
)
described(
    DenialAction,
    "Step in the life of a denial; new values may be added.",
    {
        "DENY": "The payer denied the amount.",
        "ACCEPT": "The provider accepted the loss.",
        "APPEAL": "The provider appealed (recurso de glosa).",
        "OVERTURN": "The payer reversed the denial in full.",
        "OVERTURN_PARTIALLY": "The payer reversed the denial in part.",
        "UPHOLD": "The payer upheld the denial.",
        "EXPIRE": "The appeal deadline passed without an appeal.",
    },
)
described(
    InvoiceStatus,
    "Status of an invoice, after ISSUED derived from its settlements; new values may be added.",
    {
        "DRAFT": "Not sent yet.",
        "ISSUED": "Sent to the payer; nothing is settled.",
        "PARTIALLY_SETTLED": "Paid in part.",
        "SETTLED": "Paid in full.",
        "CANCELLED": "Withdrawn; its claims can be invoiced again.",
    },
)
described(
    InvoiceAction,
    "Step in the life of an invoice; new values may be added.",
    {
        "CREATE": "Created as a draft.",
        "ADJUST": "A credit or debit changed the total.",
        "ISSUE": "Sent to the payer.",
        "CANCEL": "Withdrawn.",
        "SETTLE": "A payment was recorded.",
        "REVERSE": "A payment was reversed.",
    },
)
described(
    InvoiceLineKind,
    "Kind of an invoice line; new values may be added.",
    {
        "CLAIM": "An approved claim.",
        "RECOVERY": "The amount won by an appeal.",
        "CREDIT": "An adjustment in the provider's favor; it increases the total.",
        "DEBIT": "An adjustment in the payer's favor; it reduces the total.",
    },
)
described(
    SettlementStatus,
    "Status of a settlement; new values may be added.",
    {
        "PENDING": "Announced, but not received yet.",
        "CONFIRMED": "The payment was received.",
        "FAILED": "The payment did not arrive.",
    },
)
described(
    PaymentMethod,
    "Payment method (formaPagamento); new values may be added.",
    {
        "BANK_TRANSFER": "Bank transfer (TED, DOC).",
        "PIX": "Instant payment (Pix).",
        "BOLETO": "Bank payment slip (boleto).",
        "CHECK": "Check (cheque).",
        "OFFSET": "Offset against debits.",
    },
)
