"""The data of every event, by kind: ids, statuses and amounts only. Fields are added, never renamed or removed.

The last ones are what payers send us, the others what we tell.
"""

from datetime import date
from typing import Annotated, NotRequired

from pydantic import Field, WithJsonSchema
from typing_extensions import TypedDict

from app.domain.claims import ClaimStatus
from app.domain.denials import DenialStatus
from app.domain.invoices import InvoiceStatus
from app.domain.remittances import RemittanceStatus
from app.domain.settlements import PaymentMethod, SettlementStatus


def _status(enum: type[ClaimStatus | DenialStatus | InvoiceStatus | RemittanceStatus | SettlementStatus]) -> object:
    """The values of today, as text: consumers must bear with new ones."""
    return WithJsonSchema({"type": "string", "examples": [member.value for member in enum]})


Amount = Annotated[str, Field(pattern=r"^-?[0-9]+\.[0-9]{2}$", description="BRL with two decimals.")]
Cnes = Annotated[str, Field(pattern=r"^[0-9]{7}$", description="The provider's CNES.")]
Ans = Annotated[str, Field(pattern=r"^[0-9]{6}$", description="The payer's registro ANS.")]
Version = Annotated[int, Field(ge=1, description="The row's version after the step.")]


class ClaimData(TypedDict):
    """A claim (guia) after a step; amounts that are not decided yet are null."""

    claimId: str
    providerClaimNumber: str
    provider: Cnes
    payer: Ans
    status: Annotated[str, _status(ClaimStatus)]
    claimedAmount: Amount
    approvedAmount: Amount | None
    deniedAmount: Amount | None
    replaces: str | None
    version: Version


class DenialData(TypedDict):
    """A denial (glosa) after a step; amounts of an appeal that was not made or answered yet are null."""

    denialId: str
    claimId: str
    provider: Cnes
    payer: Ans
    status: Annotated[str, _status(DenialStatus)]
    amount: Amount
    appealedAmount: Amount | None
    answeredAmount: Amount | None
    appealDeadline: Annotated[str, WithJsonSchema({"type": "string", "format": "date"})]


class InvoiceData(TypedDict):
    """An invoice (conta) after a step."""

    invoiceId: str
    number: Annotated[int, Field(ge=1)]
    provider: Cnes
    payer: Ans
    status: Annotated[str, _status(InvoiceStatus)]
    totalAmount: Amount
    settledAmount: Amount
    dueAmount: Amount
    version: Version


class SettlementData(TypedDict):
    """A new row of the settlement ledger (liquidação); `reverses` is the row that a reversal takes back."""

    settlementId: str
    invoiceId: str
    provider: Cnes
    payer: Ans
    status: Annotated[str, _status(SettlementStatus)]
    amount: Amount
    reverses: str | None


class RemittanceData(TypedDict):
    """A payer's statement (demonstrativo), taken in or carried out."""

    remittanceId: str
    statementNumber: str
    provider: Cnes
    payer: Ans
    status: Annotated[str, _status(RemittanceStatus)]
    paidAmount: Amount
    deniedAmount: Amount


Paid = Annotated[str, Field(pattern=r"^[0-9]{1,8}(\.[0-9]{1,2})?$", description="BRL, at most two decimals.")]


class StatementDenialData(TypedDict):
    """A denied amount and its reason in Tabela 38."""

    code: str
    amount: Paid


class StatementLineData(TypedDict):
    """What a statement says of an item (by sequence or code) or of a whole claim, which one of its numbers names."""

    paidAmount: Paid
    providerClaimNumber: NotRequired[str | None]
    payerClaimNumber: NotRequired[str | None]
    itemSequence: NotRequired[int | None]
    itemCode: NotRequired[str | None]
    denials: NotRequired[list[StatementDenialData]]


class StatementData(TypedDict):
    """A payer's statement (demonstrativo); without `paidOn` it decides claims and pays nothing."""

    provider: Cnes
    payer: Ans
    statementNumber: str
    paidOn: NotRequired[date | None]
    method: NotRequired[PaymentMethod]
    bankReference: NotRequired[str | None]
    lines: Annotated[list[StatementLineData], Field(min_length=1, max_length=2_000)]
