"""The root types, put together from the features, and the schema."""

import strawberry
from strawberry.schema.config import StrawberryConfig

from app.schema.claim_mutations import ClaimMutation
from app.schema.claims import ClaimQuery
from app.schema.coverage import Patient
from app.schema.eligibility import EligibilityMutation, EligibilityQuery
from app.schema.invoices import InvoiceMutation, InvoiceQuery
from app.schema.me import NodeQuery
from app.schema.permissions import SCOPE, ScopeName
from app.schema.scalars import SCALARS
from app.schema.settlements import SettlementMutation, SettlementQuery, SettlementSubscription
from app.schema.tuss import TussQuery


@strawberry.type(description="What can be read.")
class Query(NodeQuery, ClaimQuery, InvoiceQuery, SettlementQuery, EligibilityQuery, TussQuery):
    pass


@strawberry.type(description="What can be done; expected refusals come back as `errors` of the payload.")
class Mutation(ClaimMutation, InvoiceMutation, SettlementMutation, EligibilityMutation):
    pass


@strawberry.type(description="What can be watched.")
class Subscription(SettlementSubscription):
    pass


def build() -> strawberry.Schema:
    """The whole schema."""
    return strawberry.Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=[Patient],
        config=StrawberryConfig(
            scalar_map={**SCALARS, ScopeName: SCOPE},
            disable_field_suggestions=True,
        ),
    )


schema = build()
