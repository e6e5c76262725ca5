"""The data of every event, by kind: ids, statuses and amounts only. Fields are added, never renamed or removed.

The last ones are what payers send, the others are what the gateway publishes.
"""

from datetime import date
from typing import Annotated, NotRequired

from pydantic import Field, WithJsonSchema
from typing_extensions import TypedDict

from app.domain.adjustments import AdjustmentStatus, AdjustmentStep
from app.domain.appeal_batches import AppealBatchStatus
from app.domain.bank import BankDirection, BankEntryStatus, BankSource
from app.domain.batches import BatchStatus
from app.domain.claims import ClaimStatus, ClaimType
from app.domain.denials import DenialStatus
from app.domain.imports import ImportJobStatus
from app.domain.invoices import InvoiceStatus
from app.domain.line_work import LineStep
from app.domain.remittances import RemittanceLineProblem, RemittanceLineStatus, RemittanceStatus
from app.domain.settlements import PaymentMethod, SettlementStatus
from app.domain.statement import ADJUSTMENTS_MAX, AdjustmentDirection, StatementKind

AnyStatus = (
    AdjustmentStatus
    | AdjustmentStep
    | BankDirection
    | BankEntryStatus
    | BankSource
    | BatchStatus
    | ClaimStatus
    | ClaimType
    | DenialStatus
    | InvoiceStatus
    | RemittanceStatus
    | RemittanceLineStatus
    | RemittanceLineProblem
    | LineStep
    | SettlementStatus
    | ImportJobStatus
)


def status_of(enum: type[AnyStatus]) -> object:
    """A text with the present values as examples, not as an enum: consumers must accept values added later."""
    return WithJsonSchema({"type": "string", "examples": [member.value for member in enum]})


Amount = Annotated[str, Field(pattern=r"^-?[0-9]+\.[0-9]{2}$", description="An amount in BRL, with two decimals.")]
Cnes = Annotated[str, Field(pattern=r"^[0-9]{7}$", description="The provider's CNES.")]
Ans = Annotated[str, Field(pattern=r"^[0-9]{6}$", description="The payer's registro ANS.")]
Version = Annotated[int, Field(ge=1, description="The row's version after the change.")]


class ClaimEventData(TypedDict):
    """A claim (guia) after a change; amounts that are not decided yet are null."""

    claimId: str
    providerClaimNumber: str
    provider: Cnes
    payer: Ans
    previousStatus: NotRequired[Annotated[str, status_of(ClaimStatus)] | None]
    status: Annotated[str, status_of(ClaimStatus)]
    claimedAmount: Amount
    approvedAmount: Amount | None
    deniedAmount: Amount | None
    patientAmount: NotRequired[Amount | None]
    replaces: str | None
    version: Version


class DenialEventData(TypedDict):
    """A denial (glosa) after a change; amounts of an appeal (recurso) are null until it is made or answered."""

    denialId: str
    claimId: str
    provider: Cnes
    payer: Ans
    previousStatus: NotRequired[Annotated[str, status_of(DenialStatus)] | None]
    status: Annotated[str, status_of(DenialStatus)]
    amount: Amount
    appealedAmount: Amount | None
    answeredAmount: Amount | None
    appealDeadline: Annotated[str, WithJsonSchema({"type": "string", "format": "date"})]
    appealInstance: NotRequired[int]


class InvoiceEventData(TypedDict):
    """An invoice (conta) after a change."""

    invoiceId: str
    number: Annotated[int, Field(ge=1)]
    provider: Cnes
    payer: Ans
    previousStatus: NotRequired[Annotated[str, status_of(InvoiceStatus)] | None]
    status: Annotated[str, status_of(InvoiceStatus)]
    totalAmount: Amount
    settledAmount: Amount
    dueAmount: Amount
    version: Version


class SettlementEventData(TypedDict):
    """A new row of the settlement ledger (liquidação); a reversal has the settlement's id in `reverses`."""

    settlementId: str
    invoiceId: str
    provider: Cnes
    payer: Ans
    status: Annotated[str, status_of(SettlementStatus)]
    amount: Amount
    withheldAmount: NotRequired[Amount]
    discountAmount: NotRequired[Amount]
    netAmount: NotRequired[Amount]
    reverses: str | None


class BatchEventData(TypedDict):
    """A batch, the claims that are sent to a payer in one document (lote de guias), after a change."""

    batchId: str
    batchNumber: Annotated[int, Field(ge=1)]
    provider: Cnes
    payer: Ans
    previousStatus: NotRequired[Annotated[str, status_of(BatchStatus)] | None]
    status: Annotated[str, status_of(BatchStatus)]
    claimType: Annotated[str, status_of(ClaimType)]
    guideCount: Annotated[int, Field(ge=0)]
    totalAmount: Amount
    protocolNumber: str | None
    version: Version


class AppealBatchEventData(TypedDict):
    """A batch of appeals, sent to a payer in one document (lote de recurso de glosa), after a change."""

    appealBatchId: str
    batchNumber: Annotated[int, Field(ge=1)]
    provider: Cnes
    payer: Ans
    previousStatus: Annotated[str, status_of(AppealBatchStatus)] | None
    status: Annotated[str, status_of(AppealBatchStatus)]
    denialCount: Annotated[int, Field(ge=1)]
    appealedAmount: Amount
    contestedProtocol: str
    protocolNumber: str | None
    version: Version


class RemittanceEventData(TypedDict):
    """A remittance, the payer's statement (demonstrativo), after a change."""

    remittanceId: str
    statementNumber: str
    provider: Cnes
    payer: Ans
    status: Annotated[str, status_of(RemittanceStatus)]
    paidAmount: Amount
    deniedAmount: Amount


class WaitingLinesEventData(TypedDict):
    """Lines of a remittance that began to wait in the queue of unmatched lines, by one change."""

    remittanceId: str
    statementNumber: str
    provider: Cnes
    payer: Ans
    previousStatus: Annotated[str, status_of(RemittanceLineStatus)] | None
    waitingLines: Annotated[int, Field(ge=1)]


class RemittanceLineEventData(TypedDict):
    """A line of a remittance after a step of a person."""

    remittanceId: str
    remittanceLineId: str
    provider: Cnes
    payer: Ans
    action: Annotated[str, status_of(LineStep)]
    previousStatus: Annotated[str, status_of(RemittanceLineStatus)]
    status: Annotated[str, status_of(RemittanceLineStatus)]
    problem: Annotated[str, status_of(RemittanceLineProblem)] | None


class CreditEventData(TypedDict):
    """An unapplied credit after a change: its amount, and what of it is used."""

    creditId: str
    remittanceId: str
    provider: Cnes
    payer: Ans
    amount: Amount
    usedAmount: Amount
    version: Version


class AdjustmentEventData(TypedDict):
    """A debit or credit of a statement that belongs to no claim, after a step of a person."""

    remittanceAdjustmentId: str
    remittanceId: str
    provider: Cnes
    payer: Ans
    action: Annotated[str, status_of(AdjustmentStep)]
    previousStatus: Annotated[str, status_of(AdjustmentStatus)]
    status: Annotated[str, status_of(AdjustmentStatus)]
    amount: Amount
    version: Version


Count = Annotated[int, Field(ge=0)]


class ImportEventData(TypedDict):
    """The import of a document; `provider` and `payer` are null if its guides have several, or none is known."""

    importJobId: str
    documentId: str
    provider: Cnes | None
    payer: Ans | None
    status: Annotated[str, status_of(ImportJobStatus)]
    total: Annotated[Count, Field(description="Guides of the document; 0 before it was opened.")]
    taken: Annotated[Count, Field(description="Guides that became claims, without and with warnings.")]
    unchanged: Annotated[Count, Field(description="Guides that were imported before.")]
    refused: Annotated[Count, Field(description="Guides that were not imported.")]


class PartyEventData(TypedDict):
    """A payer or a provider after a change; the other one of `payer` and `provider` is null."""

    provider: Cnes | None
    payer: Ans | None
    isActive: bool
    version: Version


class PatientEventData(PartyEventData):
    """A patient after a change, by an id that means nothing outside the gateway; `provider` and `payer` are null."""

    patientId: str
    mergedInto: str | None


class CoverageEventData(PartyEventData):
    """A card of a patient at the payer after a change, without its number; `provider` is null."""

    coverageId: str
    patientId: str


class PractitionerEventData(PartyEventData):
    """A practitioner of the provider after a change, without name and number; `payer` is null."""

    practitionerId: str


StatementAmount = Annotated[
    str, Field(pattern=r"^[0-9]{1,8}(\.[0-9]{1,2})?$", description="An amount in BRL, with at most two decimals.")
]


class StatementDenialData(TypedDict):
    """A denied amount and its reason code (Tabela 38)."""

    code: str
    amount: StatementAmount


class StatementLineData(TypedDict):
    """The decision on one item (by sequence or code) or on a whole claim, which is found by one of its numbers."""

    paidAmount: StatementAmount
    providerClaimNumber: NotRequired[str | None]
    payerClaimNumber: NotRequired[str | None]
    itemSequence: NotRequired[int | None]
    itemCode: NotRequired[str | None]
    denials: NotRequired[list[StatementDenialData]]
    patientAmount: NotRequired[StatementAmount | None]
    billedAmount: NotRequired[StatementAmount | None]
    processedAmount: NotRequired[StatementAmount | None]
    quantity: NotRequired[Annotated[str, Field(pattern=r"^[0-9]{1,5}(\.[0-9]{1,4})?$")] | None]
    performedOn: NotRequired[date | None]
    cardNumber: NotRequired[Annotated[str, Field(max_length=20)] | None]
    protocolNumber: NotRequired[Annotated[str, Field(max_length=20)] | None]
    codeSystem: NotRequired[Annotated[str, Field(max_length=2)] | None]
    description: NotRequired[Annotated[str, Field(max_length=150)] | None]


class StatementAdjustmentData(TypedDict):
    """A debit, credit or tax beside the claims."""

    direction: AdjustmentDirection
    amount: StatementAmount
    adjustmentType: NotRequired[Annotated[str, Field(max_length=2)] | None]
    description: NotRequired[Annotated[str, Field(max_length=100)] | None]


class StatementData(TypedDict):
    """A payer's statement (demonstrativo); without `paidOn` it decides claims but pays nothing."""

    provider: Cnes
    payer: Ans
    statementNumber: str
    paidOn: NotRequired[date | None]
    method: NotRequired[PaymentMethod]
    bankReference: NotRequired[str | None]
    kind: NotRequired[StatementKind | None]
    issuedOn: NotRequired[date | None]
    netAmount: NotRequired[StatementAmount | None]
    adjustments: NotRequired[Annotated[list[StatementAdjustmentData], Field(max_length=ADJUSTMENTS_MAX)]]
    lines: Annotated[list[StatementLineData], Field(min_length=1, max_length=2_000)]
