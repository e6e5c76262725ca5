"""Eligibility: type, history and check."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any

import strawberry

from app.db.eligibility import EligibilityFilter, EligibilityRecord
from app.db.parties import PatientRecord
from app.domain import tabela38
from app.domain.calendar import business_day
from app.domain.eligibility import EligibilityOutcome, EligibilitySource
from app.domain.identifiers import AnsCode, Cnes
from app.resolvers import eligibility
from app.resolvers.context import Context
from app.resolvers.eligibility import EligibilityOrderField
from app.resolvers.paging import Slice
from app.schema.base import filters, lists
from app.schema.base.arguments import FILTER, ORDER, After, Before, First, Last
from app.schema.base.connections import Connection, Node
from app.schema.base.described import described
from app.schema.base.filters import given
from app.schema.base.info import Info
from app.schema.base.mutations import MutationPayload, check_arguments, mutation
from app.schema.base.ordering import OrderDirection, Ordering, direction, ordered, sort_by
from app.schema.base.permissions import Requires, check_input, health, maskable, personal
from app.schema.base.ranges import DateRangeInput, DateTimeRangeInput, bounds
from app.schema.base.relations import related
from app.schema.base.types import input_type, object_type
from app.schema.parties import Patient, Payer, Provider
from app.services import eligibility as service
from app.services.eligibility import Question
from app.unit_of_work.idempotency import Written

described(EligibilityOutcome, "Outcome of an eligibility check; new values may be added.")
described(EligibilitySource, "Source of an answer.")


@object_type(description="Reason why a card is not covered.")
class EligibilityReason:
    code: str = strawberry.field(description="Code of Tabela 38 (TISS table 38).")
    description: str | None = strawberry.field(
        description="Official text of the code, in Portuguese; null for an unknown code."
    )


@object_type(
    description="Result of an eligibility check (elegibilidade): whether a card is covered on a day. Never changes."
)
class Eligibility(Node):
    record = EligibilityRecord

    outcome: EligibilityOutcome = strawberry.field(description="Outcome of the check.")
    source: EligibilitySource = strawberry.field(description="Source of the answer.")
    service_date: date = strawberry.field(description="Service date that was checked.")
    asked_payer_at: datetime = strawberry.field(
        description="Time at which the payer was asked; earlier than `answeredAt` if the answer was reused."
    )
    answered_at: datetime = strawberry.field(description="Time of this answer.")
    created_by: str = strawberry.field(description="Who asked: the subject of a token.")
    expires_at: datetime | None = strawberry.field(
        description="Time until which the answer may be reused; null if it may not be reused."
    )
    card_valid_until: date | None = strawberry.field(
        description="Last day on which the card is valid; null if the payer did not state it.",
        extensions=personal("eligibility:read", "eligibility:check"),
    )
    plan_name: str | None = strawberry.field(
        name="plan",
        description="Plan name; null if the payer did not state it.",
        extensions=personal("eligibility:read", "eligibility:check"),
    )
    procedure_code: str | None = strawberry.field(
        description="Procedure that was checked; null if none was given.",
        extensions=health("claims:read_items", "eligibility:check"),
    )
    card_number: str | None = strawberry.field(
        description="Card number that was checked (numeroCarteira).", extensions=maskable()
    )

    @strawberry.field(
        name="reasons",
        directives=[lists.COVER_REASONS],
        description="Reasons why the card is not covered, ordered by code; empty if it is.",
    )
    def explained(record: strawberry.Parent[EligibilityRecord]) -> list[EligibilityReason]:
        return [EligibilityReason(code=code, description=tabela38.description(code)) for code in record.reasons]

    payer = related(
        Payer | None,
        lambda loaders: loaders.payer,
        "payer_ans",
        description="The payer that was asked.",
    )

    provider = related(
        Provider | None,
        lambda loaders: loaders.provider,
        "provider_cnes",
        description="The provider that asked.",
    )

    @strawberry.field(
        graphql_type=Patient | None,
        description="The patient; null if the payer does not know the card.",
        extensions=personal("patients:read", "patients:read_masked"),
    )
    async def patient(record: strawberry.Parent[EligibilityRecord], info: Info) -> PatientRecord | None:
        return await info.context.loaders.patient.load(record.patient_id) if record.patient_id else None


@input_type(description="Filter for eligibility checks. Every given condition must match; ranges include both ends.")
class EligibilityFilterInput:
    ids: list[strawberry.ID] | None = filters.any_of("Id")
    payers: list[AnsCode] | None = filters.payers()
    providers: list[Cnes] | None = filters.providers("Provider that asked, by CNES")
    patient: strawberry.ID | None = filters.patient()
    outcomes: list[EligibilityOutcome] | None = filters.any_of("Outcome", len(EligibilityOutcome), name="outcome")
    service_date: DateRangeInput | None = strawberry.field(default=None, description="Service date that was checked.")
    answered_at: DateTimeRangeInput | None = strawberry.field(default=None, description="Time of the answer.")

    def where(self) -> EligibilityFilter:
        """The filter as the database layer expects it."""
        return EligibilityFilter(
            ids=given(self.ids),
            payers=given(self.payers),
            providers=given(self.providers),
            patient=self.patient,
            outcomes=given(self.outcomes),
            service_date=bounds(self.service_date),
            answered_at=bounds(self.answered_at),
        )


described(EligibilityOrderField, "What eligibility checks can be sorted by.")


@input_type(description="Order of a list of eligibility checks.")
class EligibilityOrder(Ordering):
    field: EligibilityOrderField = sort_by()
    direction: OrderDirection = direction()


class EligibilityQuery:
    @strawberry.field(
        graphql_type=Connection[Eligibility] | None,
        description="Eligibility checks in the caller's data scope, by default newest first.",
        extensions=[Requires("eligibility:read")],
        directives=[lists.PAGE],
    )
    async def eligibility_history(
        self,
        info: Info,
        filter: Annotated[EligibilityFilterInput | None, FILTER] = None,
        order_by: Annotated[EligibilityOrder | None, ORDER] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        criteria = filter or EligibilityFilterInput()
        check_arguments(filter=criteria)
        check_input(info, criteria)
        order = ordered(eligibility.ORDERS, order_by, eligibility.NEWEST_FIRST)
        return await eligibility.HISTORY.page(
            info.context, criteria.where(), order, at=Slice(first, after, last, before)
        )


@input_type(description="A procedure to check.")
class ProcedureInput:
    code_system: str = strawberry.field(description="TUSS table (codigoTabela).")
    code: str = strawberry.field(description="Code within the table (codigoProcedimento).")


@input_type(description="An eligibility check.")
class CheckEligibilityInput:
    provider: Cnes = strawberry.field(name="providerCnes", description="Provider that asks, by CNES.")
    payer: AnsCode = strawberry.field(name="payerAnsCode", description="Payer, by registro ANS.")
    card_number: str = strawberry.field(description="Card number of the patient (numeroCarteira), up to 20 characters.")
    service_date: date | None = strawberry.field(
        default=None, description="Service date; defaults to today in Brasília."
    )
    procedure: ProcedureInput | None = strawberry.field(
        default=None, description="Procedure to check; null checks the card alone."
    )
    force_refresh: bool = strawberry.field(
        default=False, description="Whether to ask the payer even if an earlier answer may be reused."
    )

    def arguments(self) -> dict[str, Any]:
        """The arguments of `_check`."""
        return {"question": self.question, "is_forced": self.force_refresh}

    def question(self, today: date) -> Question:
        """The question for the service; `today` is the default service date."""
        procedure = self.procedure
        return Question(
            provider=self.provider,
            payer=self.payer,
            card_number=self.card_number,
            service_date=self.service_date or today,
            code_system=procedure.code_system if procedure else None,
            procedure_code=procedure.code if procedure else None,
        )


@object_type(description="Result of an eligibility check.")
class CheckEligibilityPayload(MutationPayload):
    eligibility: Eligibility | None = strawberry.field(
        default=None, description="The eligibility check; null if refused."
    )


async def _check(ctx: Context, arguments: Mapping[str, Any], _key: str | None) -> Written[EligibilityRecord]:
    question = arguments["question"](business_day(ctx.now()))
    return Written(await eligibility.check(ctx, question=question, is_forced=arguments["is_forced"]))


MUTATIONS = (
    mutation(
        service.CHECK,
        CheckEligibilityInput,
        CheckEligibilityPayload,
        "Checks whether a card is covered on a day (POST /eligibility/check of the REST API).",
        via=_check,
    ),
)
