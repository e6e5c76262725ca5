"""The root types, put together from the features, and the schema."""

from collections.abc import Iterable

import strawberry
from graphql import (
    GraphQLArgument,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLNamedType,
    GraphQLObjectType,
    Undefined,
)
from strawberry.schema.config import StrawberryConfig

from app.schema.access_log import AccessLogMutation, AccessLogQuery
from app.schema.base.permissions import SCOPE, ScopeName
from app.schema.base.scalars import SCALARS
from app.schema.claim_mutations import ClaimMutation
from app.schema.claim_stream import ClaimSubscription
from app.schema.claims import ClaimQuery
from app.schema.contracts import ContractMutation, ContractQuery
from app.schema.denials import DenialMutation, DenialQuery
from app.schema.eligibility import EligibilityMutation, EligibilityQuery
from app.schema.invoices import InvoiceMutation, InvoiceQuery
from app.schema.me import NodeQuery
from app.schema.parties import Patient
from app.schema.reconciliation import ReconciliationQuery
from app.schema.remittances import RemittanceMutation, RemittanceQuery
from app.schema.settlements import SettlementMutation, SettlementQuery, SettlementSubscription
from app.schema.tuss import TussQuery


@strawberry.type(description="What can be read.")
class Query(
    NodeQuery,
    ClaimQuery,
    DenialQuery,
    InvoiceQuery,
    SettlementQuery,
    RemittanceQuery,
    ReconciliationQuery,
    ContractQuery,
    EligibilityQuery,
    TussQuery,
    AccessLogQuery,
):
    pass


@strawberry.type(description="What can be done; expected refusals come back as `errors` of the payload.")
class Mutation(
    ClaimMutation,
    DenialMutation,
    InvoiceMutation,
    SettlementMutation,
    RemittanceMutation,
    ContractMutation,
    EligibilityMutation,
    AccessLogMutation,
):
    pass


@strawberry.type(description="What can be watched.")
class Subscription(SettlementSubscription, ClaimSubscription):
    pass


def build() -> strawberry.Schema:
    """The whole schema."""
    found = _strawberry()
    _leave_out_null_defaults(found._schema.type_map.values())  # noqa: SLF001 - Strawberry has no public name for it
    return found


def _leave_out_null_defaults(types: Iterable[GraphQLNamedType]) -> None:
    """An optional input says nothing about its default; Strawberry would print `= null` for every one."""
    for each in types:
        members: list[GraphQLArgument | GraphQLInputField] = []
        if isinstance(each, GraphQLInputObjectType):
            members = list(each.fields.values())
        elif isinstance(each, GraphQLObjectType):
            members = [argument for field in each.fields.values() for argument in field.args.values()]
        for member in members:
            if member.default_value is None:
                member.default_value, member.default = Undefined, None


def _strawberry() -> strawberry.Schema:
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
