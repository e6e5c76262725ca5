"""The root types, composed from the features, and the schema."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

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
from strawberry.tools import create_type
from strawberry.types.field import StrawberryField

from app.schema import (
    access_log,
    adjustments,
    appeal_answers,
    appeal_attachments,
    appeal_batch_changes,
    appeal_changes,
    appeal_templates,
    bank,
    batch_changes,
    bulk,
    claim_changes,
    claim_mutations,
    contract_ends,
    contracts,
    denials,
    eligibility,
    imports,
    invoices,
    line_work,
    party_changes,
    party_import,
    patient_changes,
    registered_practitioners,
    remittance_changes,
    remittances,
    settlements,
    sheets,
    unapplied_credits,
)
from app.schema.access_log import AccessLogQuery
from app.schema.adjustments import RemittanceAdjustmentQuery
from app.schema.appeal_batches import AppealBatchQuery
from app.schema.appeal_drafts import AppealDraftQuery
from app.schema.appeal_templates import AppealTemplateQuery
from app.schema.bank import BankQuery
from app.schema.base.field_rules import OpenFields, require_rules
from app.schema.base.permissions import SCOPE, ScopeName
from app.schema.base.scalars import SCALARS
from app.schema.base.user_errors import ERROR_TYPES
from app.schema.batches import BatchQuery
from app.schema.breakdowns import BreakdownQuery
from app.schema.claim_errors import DuplicateClaimError
from app.schema.claims import ClaimQuery
from app.schema.contracts import ContractQuery
from app.schema.coverages import CoverageQuery
from app.schema.deductions import DeductionQuery
from app.schema.denials import DenialQuery
from app.schema.documents import DocumentQuery
from app.schema.eligibility import EligibilityQuery
from app.schema.history import ClaimStep, DenialStep
from app.schema.imports import ImportQuery
from app.schema.invoices import InvoiceQuery
from app.schema.me import MeQuery
from app.schema.node import NODE_TYPES, NodeQuery
from app.schema.open_fields import OPEN_FIELDS
from app.schema.parties import Patient
from app.schema.party_errors import DuplicatePartyError
from app.schema.party_lists import PartyQuery
from app.schema.reconciliation import ReconciliationQuery
from app.schema.registered_practitioners import RegisteredPractitionerQuery
from app.schema.remittances import RemittanceQuery
from app.schema.request_errors import RequestErrorCode
from app.schema.settlements import SettlementQuery
from app.schema.sheets import SheetQuery
from app.schema.subscriptions import SUBSCRIPTIONS
from app.schema.tuss import TussQuery
from app.schema.unapplied_credits import UnappliedCreditQuery
from app.schema.underpayments import UnderpaymentQuery

QUERIES: Final[tuple[type, ...]] = (
    MeQuery,
    NodeQuery,
    ClaimQuery,
    DenialQuery,
    InvoiceQuery,
    SettlementQuery,
    BatchQuery,
    AppealBatchQuery,
    AppealTemplateQuery,
    AppealDraftQuery,
    RemittanceQuery,
    SheetQuery,
    UnappliedCreditQuery,
    RemittanceAdjustmentQuery,
    ReconciliationQuery,
    DeductionQuery,
    UnderpaymentQuery,
    BankQuery,
    BreakdownQuery,
    ContractQuery,
    PartyQuery,
    CoverageQuery,
    RegisteredPractitionerQuery,
    EligibilityQuery,
    DocumentQuery,
    ImportQuery,
    TussQuery,
    AccessLogQuery,
)
"""Classes with the fields of a feature."""


def query_of(*parts: type) -> type:
    """The root type with the fields of these classes. They are no types of Strawberry: nobody sees them."""
    fields = [each for part in parts for each in vars(part).values() if isinstance(each, StrawberryField)]
    return create_type("Query", fields, description="Queries.")


MUTATIONS: Final[tuple[StrawberryField, ...]] = (
    *claim_mutations.MUTATIONS,
    *bulk.MUTATIONS,
    *claim_changes.MUTATIONS,
    *batch_changes.MUTATIONS,
    *denials.MUTATIONS,
    *appeal_changes.MUTATIONS,
    *appeal_attachments.MUTATIONS,
    *appeal_batch_changes.MUTATIONS,
    *appeal_answers.MUTATIONS,
    *appeal_templates.MUTATIONS,
    *invoices.MUTATIONS,
    *settlements.MUTATIONS,
    *remittances.MUTATIONS,
    *remittance_changes.MUTATIONS,
    *sheets.MUTATIONS,
    *line_work.MUTATIONS,
    *unapplied_credits.MUTATIONS,
    *adjustments.MUTATIONS,
    *bank.MUTATIONS,
    *contracts.MUTATIONS,
    *contract_ends.MUTATIONS,
    *eligibility.MUTATIONS,
    *imports.MUTATIONS,
    *access_log.MUTATIONS,
    *party_changes.MUTATIONS,
    *party_import.MUTATIONS,
    *patient_changes.MUTATIONS,
    *registered_practitioners.MUTATIONS,
)
Mutation = create_type(
    "Mutation", list(MUTATIONS), description="Mutations; expected failures are returned as `errors` of the payload."
)


Query = query_of(*QUERIES)
Subscription = create_type("Subscription", list(SUBSCRIPTIONS), description="Subscriptions.")


def build(
    query: type = Query, *, scalars: Mapping[object, Any] = MappingProxyType({}), open_fields: OpenFields = OPEN_FIELDS
) -> strawberry.Schema:
    """The whole schema; UnruledFields if a field has neither a rule nor a place in the list of open fields.

    `scalars` are those that only this `query` has."""
    built = strawberry.Schema(
        query=query,
        mutation=Mutation,
        subscription=Subscription,
        types=[
            Patient,
            ClaimStep,
            DenialStep,
            DuplicateClaimError,
            DuplicatePartyError,
            RequestErrorCode,
            *ERROR_TYPES,
        ],
        config=StrawberryConfig(
            scalar_map={**SCALARS, ScopeName: SCOPE, **scalars},
            disable_field_suggestions=True,
        ),
    )
    core = built._schema  # noqa: SLF001 - Strawberry has no public name for it
    require_rules(core, open_fields, {each.type_name: each.data for each in NODE_TYPES.values()})
    _omit_null_defaults(core.type_map.values())
    return built


def _omit_null_defaults(types: Iterable[GraphQLNamedType]) -> None:
    """Remove the default `null` that Strawberry would print as `= null` for every optional argument and input field."""
    for each in types:
        members: list[GraphQLArgument | GraphQLInputField] = []
        if isinstance(each, GraphQLInputObjectType):
            members = list(each.fields.values())
        elif isinstance(each, GraphQLObjectType):
            members = [argument for field in each.fields.values() for argument in field.args.values()]
        for member in members:
            if member.default_value is None:
                member.default_value, member.default = Undefined, None


schema = build()
