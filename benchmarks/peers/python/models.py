"""ORM classes over the gateway's tables, for the peers in Python: only the columns that the benchmark asks for."""

import os
import secrets
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Select, String, and_, or_, select, tuple_
from sqlalchemy.dialects.mysql import DATETIME
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from benchmarks.peers.python.cursors import place_of

PROVIDERS = os.environ["PROVIDERS"].split(",")
"""Everybody sees these, so that all answers are equal; a peer has no callers."""
_MOMENT = DATETIME(fsp=6)


def database_url(driver: str) -> str:
    """The database of the run."""
    given = os.environ
    return f"mysql+{driver}://{given['DB_USER']}@{given['DB_HOST']}:{given['DB_PORT']}/{given['DB_NAME']}"


class Base(DeclarativeBase):
    """All of them."""


class Patient(Base):
    __tablename__ = "patients"
    id: Mapped[str] = mapped_column(String(30), primary_key=True)
    name: Mapped[str]


class Payer(Base):
    __tablename__ = "payers"
    ans_code: Mapped[str] = mapped_column(String(6), primary_key=True)
    name: Mapped[str]


class Coverage(Base):
    __tablename__ = "coverages"
    id: Mapped[str] = mapped_column(String(30), primary_key=True)
    patient_id: Mapped[str]
    payer_ans: Mapped[str]
    card_number: Mapped[str]


class Term(Base):
    __tablename__ = "tuss_terms"
    code_system: Mapped[str] = mapped_column(String(2), primary_key=True)
    code: Mapped[str] = mapped_column(String(10), primary_key=True)
    term: Mapped[str]


class Denial(Base):
    __tablename__ = "denials"
    id: Mapped[str] = mapped_column(String(30), primary_key=True)
    item_id: Mapped[str] = mapped_column(ForeignKey("claim_items.id"))
    code: Mapped[str]
    status: Mapped[str]
    amount_cents: Mapped[int]


class Item(Base):
    __tablename__ = "claim_items"
    id: Mapped[str] = mapped_column(String(30), primary_key=True)
    claim_id: Mapped[str] = mapped_column(ForeignKey("claims.id"))
    sequence: Mapped[int]
    code_system: Mapped[str]
    code: Mapped[str]
    description: Mapped[str]
    performed_on: Mapped[date]
    quantity: Mapped[int]
    unit_price_cents: Mapped[int]
    factor: Mapped[int]
    total_cents: Mapped[int]


class Claim(Base):
    __tablename__ = "claims"
    id: Mapped[str] = mapped_column(String(30), primary_key=True)
    type: Mapped[str]
    status: Mapped[str]
    provider_cnes: Mapped[str]
    payer_ans: Mapped[str]
    patient_id: Mapped[str]
    provider_claim_number: Mapped[str]
    card_number: Mapped[str]
    service_date: Mapped[date]
    diagnosis_codes: Mapped[str]
    claimed_cents: Mapped[int]
    approved_cents: Mapped[int | None]
    denied_cents: Mapped[int | None]
    version: Mapped[int]
    created_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(_MOMENT)
    items: Mapped[list[Item]] = relationship(order_by=Item.sequence)
    invoice: Mapped["Invoice | None"] = relationship(
        secondary="invoice_lines",
        primaryjoin="Claim.id == InvoiceLine.billed_claim_id",
        secondaryjoin="Invoice.id == InvoiceLine.invoice_id",
        uselist=False,
        viewonly=True,
    )


class InvoiceLine(Base):
    __tablename__ = "invoice_lines"
    id: Mapped[str] = mapped_column(String(30), primary_key=True)
    invoice_id: Mapped[str] = mapped_column(ForeignKey("invoices.id"))
    billed_claim_id: Mapped[str | None] = mapped_column(ForeignKey("claims.id"))
    kind: Mapped[str]
    amount_cents: Mapped[int]
    settled_cents: Mapped[int]


class Invoice(Base):
    __tablename__ = "invoices"
    id: Mapped[str] = mapped_column(String(30), primary_key=True)
    number: Mapped[int]
    status: Mapped[str]
    provider_cnes: Mapped[str]
    billing_month: Mapped[str]
    total_cents: Mapped[int]
    settled_cents: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(_MOMENT)

    @property
    def due_amount(self) -> int:
        """What is not paid yet, in cents."""
        return self.total_cents - self.settled_cents


class Settlement(Base):
    __tablename__ = "settlements"
    id: Mapped[str] = mapped_column(String(30), primary_key=True)
    invoice_id: Mapped[str]
    provider_cnes: Mapped[str]
    status: Mapped[str]
    amount_cents: Mapped[int]
    paid_on: Mapped[date]
    method: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(_MOMENT)


def page(model: type[Any], first: int, after: str | None) -> Select[Any]:
    """The oldest rows first, after the cursor."""
    query = select(model).where(model.provider_cnes.in_(PROVIDERS)).order_by(model.created_at, model.id).limit(first)
    if after is None:
        return query
    moment, identifier = place_of(after)
    later = or_(model.created_at > moment, model.id > identifier)
    return query.where(and_(model.created_at >= moment, later))


def terms_of(pairs: Sequence[tuple[str, str]]) -> Select[Any]:
    """The terms of these codes, each a pair of table and code."""
    return select(Term).where(tuple_(Term.code_system, Term.code).in_(pairs))


def coverage_of(payer: str, card: str) -> Select[Any]:
    """The coverage of a card."""
    return select(Coverage).where(Coverage.payer_ans == payer, Coverage.card_number == card)


def new_id(prefix: str) -> str:
    """A new id of the usual length."""
    return f"{prefix}_{secrets.token_hex(13)}"


def new_item(sequence: int, given: dict[str, Any], day: date, term: str) -> Item:
    """An item of a new claim; `given` has integer cents and ten-thousandths."""
    return Item(
        id=new_id("itm"),
        sequence=sequence,
        code_system=given["code_system"],
        code=given["code"],
        description=term[:150],
        performed_on=day,
        quantity=given["quantity"],
        unit_price_cents=given["unit_price"],
        factor=100,
        total_cents=round(given["quantity"] * given["unit_price"] / 10_000),
    )


def new_claim(given: dict[str, Any], patient: str, terms: Sequence[Term], now: datetime) -> Claim:
    """A draft with its items."""
    texts = {(term.code_system, term.code): term.term for term in terms}
    day = given["service_date"]
    items = [
        new_item(place, item, day, texts[item["code_system"], item["code"]])
        for place, item in enumerate(given["items"], start=1)
    ]
    return Claim(
        id=new_id("clm"),
        type=given["type"],
        status="DRAFT",
        provider_cnes=given["provider_cnes"],
        payer_ans=given["payer_ans_code"],
        patient_id=patient,
        provider_claim_number=given["provider_claim_number"],
        card_number=given["card_number"],
        service_date=day,
        diagnosis_codes="",
        claimed_cents=sum(item.total_cents for item in items),
        version=1,
        created_by="benchmark",
        created_at=now,
        items=items,
    )
