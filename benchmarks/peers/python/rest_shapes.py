"""What the REST services accept and answer: pydantic models filled from ORM objects."""

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer
from pydantic.alias_generators import to_camel

from benchmarks.peers.python import cursors

Money = Annotated[int, PlainSerializer(cursors.money, return_type=str)]
Quantity = Annotated[int, PlainSerializer(cursors.quantity, return_type=str)]
Moment = Annotated[datetime, PlainSerializer(cursors.moment, return_type=str)]
GivenMoney = Annotated[int, BeforeValidator(cursors.cents)]
GivenQuantity = Annotated[int, BeforeValidator(cursors.ten_thousandths)]


class Shape(BaseModel):
    """Names in camel case outside."""

    model_config = ConfigDict(from_attributes=True, alias_generator=to_camel, populate_by_name=True)


class ItemShape(Shape):
    """An item as it is answered."""

    sequence: int
    code: str
    description: str
    quantity: Quantity
    unit_price: Money = Field(validation_alias="unit_price_cents")
    total_amount: Money = Field(validation_alias="total_cents")


class InvoiceShape(Shape):
    """An invoice as it is answered."""

    id: str
    number: int
    status: str
    due_amount: Money


class ClaimShape(Shape):
    """A claim as it is answered."""

    id: str
    type: str
    status: str
    service_date: date
    provider_claim_number: str
    claimed_amount: Money = Field(validation_alias="claimed_cents")
    approved_amount: Money | None = Field(validation_alias="approved_cents")
    denied_amount: Money | None = Field(validation_alias="denied_cents")
    created_at: Moment
    items: list[ItemShape]
    invoice: InvoiceShape | None


class CreatedShape(Shape):
    """A new claim as it is answered."""

    id: str
    status: str
    claimed_amount: Money = Field(validation_alias="claimed_cents")


class GivenItem(Shape):
    """An item as it is sent."""

    code_system: str
    code: str
    quantity: GivenQuantity
    unit_price: GivenMoney


class GivenClaim(Shape):
    """A claim as it is sent."""

    type: str
    provider_cnes: str
    payer_ans_code: str
    provider_claim_number: str
    card_number: str
    service_date: date
    items: list[GivenItem]


FLOOR: dict[str, Any] = {"__typename": "Query"}
