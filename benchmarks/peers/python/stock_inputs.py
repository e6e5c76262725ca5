"""The inputs of stock Strawberry, and the payload of its mutation."""

from datetime import date
from enum import Enum

import strawberry

from benchmarks.peers.python.stock_types import Claim, Money, Quantity


@strawberry.enum
class OrderDirection(Enum):
    ASC = "ASC"
    DESC = "DESC"


@strawberry.enum
class OrderField(Enum):
    CREATED_AT = "CREATED_AT"


@strawberry.input
class Order:
    field: OrderField
    direction: OrderDirection


@strawberry.input
class ClaimItemInput:
    code_system: str
    code: str
    quantity: Quantity
    unit_price: Money


@strawberry.input
class ClaimInput:
    type: str
    provider_cnes: str
    payer_ans_code: str
    provider_claim_number: str
    card_number: str
    service_date: date
    items: list[ClaimItemInput]


@strawberry.input
class CreateClaimInput:
    claim: ClaimInput
    idempotency_key: str


@strawberry.type
class UserError:
    code: str
    message: str


@strawberry.type
class CreateClaimPayload:
    claim: Claim | None
    errors: list[UserError]
    replayed: bool
