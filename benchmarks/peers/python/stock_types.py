"""The types of stock Strawberry: each is filled from its ORM object, relations come from data loaders."""

from datetime import date, datetime
from typing import Any, NewType, Self

import strawberry

from benchmarks.peers.python import cursors, models
from benchmarks.peers.python.stock_loaders import Loaders

Money = NewType("Money", int)
Quantity = NewType("Quantity", int)
YearMonth = NewType("YearMonth", str)
Moment = NewType("Moment", datetime)
SCALARS: dict[Any, Any] = {
    Money: strawberry.scalar(name="Money", serialize=cursors.money, parse_value=cursors.cents),
    Quantity: strawberry.scalar(name="Quantity", serialize=cursors.quantity, parse_value=cursors.ten_thousandths),
    YearMonth: strawberry.scalar(name="YearMonth", serialize=cursors.month, parse_value=str),
    Moment: strawberry.scalar(name="DateTime", serialize=cursors.moment, parse_value=datetime.fromisoformat),
}


Info = strawberry.Info[dict[str, Any], None]


def _loaders(info: Info) -> Loaders:
    found: Loaders = info.context["loaders"]
    return found


@strawberry.type
class Patient:
    id: strawberry.ID
    name: str | None

    @classmethod
    def of(cls, row: models.Patient) -> Self:
        return cls(id=strawberry.ID(row.id), name=row.name)


@strawberry.type
class Payer:
    ans_code: str
    name: str

    @classmethod
    def of(cls, row: models.Payer) -> Self:
        return cls(ans_code=row.ans_code, name=row.name)


@strawberry.type
class Denial:
    id: strawberry.ID
    code: str
    status: str
    amount: Money | None

    @classmethod
    def of(cls, row: models.Denial) -> Self:
        return cls(id=strawberry.ID(row.id), code=row.code, status=row.status, amount=Money(row.amount_cents))


@strawberry.type
class ClaimItem:
    id: strawberry.ID
    sequence: int
    code: str
    description: str
    quantity: Quantity
    unit_price: Money | None
    total_amount: Money | None

    @classmethod
    def of(cls, row: models.Item) -> Self:
        return cls(
            id=strawberry.ID(row.id),
            sequence=row.sequence,
            code=row.code,
            description=row.description,
            quantity=Quantity(row.quantity),
            unit_price=Money(row.unit_price_cents),
            total_amount=Money(row.total_cents),
        )

    @strawberry.field
    async def denials(self, info: Info) -> list[Denial]:
        return [Denial.of(row) for row in await _loaders(info).denials.load(self.id)]


@strawberry.type
class InvoiceLine:
    id: strawberry.ID
    kind: str
    amount: Money | None
    settled_amount: Money | None

    @classmethod
    def of(cls, row: models.InvoiceLine) -> Self:
        amounts = {"amount": Money(row.amount_cents), "settled_amount": Money(row.settled_cents)}
        return cls(id=strawberry.ID(row.id), kind=row.kind, **amounts)


@strawberry.type
class InvoiceLineConnection:
    nodes: list[InvoiceLine]


@strawberry.type
class Invoice:
    id: strawberry.ID
    number: int
    status: str
    billing_month: YearMonth
    total_amount: Money | None
    settled_amount: Money | None
    due_amount: Money | None

    @classmethod
    def of(cls, row: models.Invoice) -> Self:
        return cls(
            id=strawberry.ID(row.id),
            number=row.number,
            status=row.status,
            billing_month=YearMonth(row.billing_month),
            total_amount=Money(row.total_cents),
            settled_amount=Money(row.settled_cents),
            due_amount=Money(row.total_cents - row.settled_cents),
        )

    @strawberry.field
    async def lines(self, info: Info, first: int = 20) -> InvoiceLineConnection:
        rows = await _loaders(info).lines.load(self.id)
        return InvoiceLineConnection(nodes=[InvoiceLine.of(row) for row in rows[:first]])


@strawberry.type
class Claim:
    id: strawberry.ID
    type: str
    status: str
    provider_claim_number: str
    service_date: date
    created_at: Moment
    claimed_amount: Money | None
    approved_amount: Money | None
    denied_amount: Money | None
    patient_id: strawberry.Private[str]
    payer_ans: strawberry.Private[str]

    @classmethod
    def of(cls, row: models.Claim) -> Self:
        return cls(
            id=strawberry.ID(row.id),
            type=row.type,
            status=row.status,
            provider_claim_number=row.provider_claim_number,
            service_date=row.service_date,
            created_at=Moment(row.created_at),
            claimed_amount=Money(row.claimed_cents),
            approved_amount=None if row.approved_cents is None else Money(row.approved_cents),
            denied_amount=None if row.denied_cents is None else Money(row.denied_cents),
            patient_id=row.patient_id,
            payer_ans=row.payer_ans,
        )

    @strawberry.field
    async def patient(self, info: Info) -> Patient | None:
        return Patient.of(await _loaders(info).patient.load(self.patient_id))

    @strawberry.field
    async def payer(self, info: Info) -> Payer | None:
        return Payer.of(await _loaders(info).payer.load(self.payer_ans))

    @strawberry.field
    async def items(self, info: Info) -> list[ClaimItem] | None:
        return [ClaimItem.of(row) for row in await _loaders(info).items.load(self.id)]

    @strawberry.field
    async def invoice(self, info: Info) -> Invoice | None:
        row = await _loaders(info).invoice_of_claim.load(self.id)
        return None if row is None else Invoice.of(row)


@strawberry.type
class Settlement:
    id: strawberry.ID
    status: str
    amount: Money | None
    paid_on: date
    method: str
    invoice_id: strawberry.Private[str]

    @classmethod
    def of(cls, row: models.Settlement) -> Self:
        return cls(
            id=strawberry.ID(row.id),
            status=row.status,
            amount=Money(row.amount_cents),
            paid_on=row.paid_on,
            method=row.method,
            invoice_id=row.invoice_id,
        )

    @strawberry.field
    async def invoice(self, info: Info) -> Invoice | None:
        return Invoice.of(await _loaders(info).invoice.load(self.invoice_id))


@strawberry.type
class ClaimConnection:
    nodes: list[Claim]


@strawberry.type
class InvoiceConnection:
    nodes: list[Invoice]


@strawberry.type
class SettlementConnection:
    nodes: list[Settlement]
