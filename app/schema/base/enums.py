"""States and steps of the domain as GraphQL enums; schema modules take them from here, so that they are described."""

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
    "The kind of claim (tipo de guia).",
    {
        "CONSULTATION": "A consultation (guia de consulta).",
        "SP_SADT": "Diagnostic and therapeutic services (guia SP/SADT).",
        "ADMISSION_SUMMARY": "The summary of a hospital stay (guia de resumo de internação).",
        "INDIVIDUAL_FEES": "Fees of one professional during a stay (guia de honorários).",
    },
)
described(
    ClaimStatus,
    "Where a claim stands; new values may be added.",
    {
        "DRAFT": "Not sent yet; may still be changed.",
        "SUBMITTED": "Sent to the payer.",
        "UNDER_REVIEW": "The payer is looking at it.",
        "PENDING_INFORMATION": "The payer waits for an answer of the provider.",
        "APPROVED": "Every item approved in full.",
        "PARTIALLY_APPROVED": "Something was approved and something denied.",
        "DENIED": "Nothing was approved.",
        "CANCELLED": "Withdrawn before a decision.",
    },
)
described(
    ClaimAction,
    "A step of a claim; new values may be added.",
    {
        "CREATE": "Created as a draft.",
        "UPDATE": "The draft was changed.",
        "SUBMIT": "Sent to the payer.",
        "START_REVIEW": "Taken into review, for the first time or again.",
        "REQUEST_INFORMATION": "The payer asked for information.",
        "APPROVE": "Decided: every item in full.",
        "APPROVE_PARTIALLY": "Decided: some of it denied.",
        "DENY": "Decided: nothing approved.",
        "CANCEL": "Withdrawn.",
    },
)
described(
    DenialStatus,
    "Where a denial (glosa) stands; new values may be added.",
    {
        "OPEN": "Neither accepted nor appealed.",
        "ACCEPTED": "The provider accepts the loss.",
        "APPEALED": "The provider has appealed (recurso de glosa).",
        "OVERTURNED": "The payer gave way in full.",
        "PARTIALLY_OVERTURNED": "The payer gave way in part.",
        "UPHELD": "The payer kept the denial.",
        "EXPIRED": "The deadline to appeal has passed.",
    },
)
described(
    DenialAction,
    "A step of a denial; new values may be added.",
    {
        "DENY": "The payer denied the amount.",
        "ACCEPT": "The provider took the loss.",
        "APPEAL": "The provider contested it (recurso de glosa).",
        "OVERTURN": "The payer pays all of it after all.",
        "OVERTURN_PARTIALLY": "The payer pays a part of it after all.",
        "UPHOLD": "The payer keeps the denial.",
        "EXPIRE": "The deadline passed without an appeal.",
    },
)
described(
    InvoiceStatus,
    "Where an invoice stands; from ISSUED on it follows from the settlements. New values may be added.",
    {
        "DRAFT": "Not sent yet.",
        "ISSUED": "Sent to the payer, nothing settled.",
        "PARTIALLY_SETTLED": "Paid in part.",
        "SETTLED": "Paid in full.",
        "CANCELLED": "Withdrawn; its claims may be billed again.",
    },
)
described(
    InvoiceAction,
    "A step of an invoice; new values may be added.",
    {
        "CREATE": "Created as a draft.",
        "ADJUST": "A credit or debit changed the total.",
        "ISSUE": "Sent to the payer.",
        "CANCEL": "Withdrawn.",
        "SETTLE": "A payment arrived.",
        "REVERSE": "A payment was taken back.",
    },
)
described(
    InvoiceLineKind,
    "What a line of an invoice is; new values may be added.",
    {
        "CLAIM": "An approved claim.",
        "RECOVERY": "What an appeal has won.",
        "CREDIT": "An adjustment in the provider's favour.",
        "DEBIT": "An adjustment in the payer's favour; it takes from the total.",
    },
)
described(
    SettlementStatus,
    "Where a settlement stands; new values may be added.",
    {"PENDING": "Announced.", "CONFIRMED": "The money has arrived.", "FAILED": "The payment did not arrive."},
)
described(
    PaymentMethod,
    "How the payer paid (formaPagamento); new values may be added.",
    {
        "BANK_TRANSFER": "Transfer between accounts (TED, DOC).",
        "PIX": "Instant payment.",
        "BOLETO": "Bank slip.",
        "CHECK": "Cheque.",
        "OFFSET": "Set off against debits.",
    },
)
