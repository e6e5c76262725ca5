"""Eligibility: type, history and the check."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import strawberry

from app.db.eligibility import EligibilityFilter, EligibilityRecord
from app.db.parties import PatientRecord, PayerRecord, ProviderRecord
from app.domain import tabela38
from app.domain.calendar import business_day
from app.domain.eligibility import EligibilityOutcome, EligibilitySource
from app.resolvers import eligibility
from app.resolvers.context import Context
from app.schema.base.connections import Connection, Node
from app.schema.base.described import described
from app.schema.base.info import Info
from app.schema.base.mutations import MutationPayload, checked_arguments, mutation
from app.schema.base.permissions import Requires, check_input, health, maskable, needing, personal
from app.schema.parties import Patient, Payer, Provider
from app.services import eligibility as service
from app.services.eligibility import Question
from app.unit_of_work.idempotency import Written

described(
    EligibilityOutcome,
    "What the payer answered; new values may be added.",
    {
        "ELIGIBLE": "Covered on the service date.",
        "NOT_ELIGIBLE": "Not covered; the reasons say why.",
        "UNDETERMINED": "The payer did not answer; that is not a no.",
    },
)
described(
    EligibilitySource,
    "Where an answer came from.",
    {"PAYER": "The payer was asked.", "CACHE": "An earlier answer of the payer was repeated."},
)


@strawberry.type(description="Why a card is not covered.")
class EligibilityReason:
    code: str = strawberry.field(description="A code of Tabela 38.")
    description: str | None = strawberry.field(description="Its official text, in Portuguese.")


@strawberry.type(description="An answer to: is this card covered on this day? (elegibilidade). Never changes.")
class Eligibility(Node):
    outcome: EligibilityOutcome = strawberry.field(description="The answer.")
    source: EligibilitySource = strawberry.field(description="Where it came from.")
    service_date: date = strawberry.field(description="The day that was asked about.")
    asked_payer_at: datetime = strawberry.field(description="When the payer was really asked.")
    answered_at: datetime = strawberry.field(description="When this answer was given.")
    expires_at: datetime | None = strawberry.field(description="Until when it may be repeated; null: not at all.")
    card_valid_until: date | None = strawberry.field(description="Last day of the card, as far as the payer says.")
    plan_name: str | None = strawberry.field(name="plan", description="The plan, as far as the payer says.")
    procedure_code: str | None = strawberry.field(
        description="The procedure that was asked about.", extensions=health("claims:read_items", "eligibility:check")
    )
    card_number: str | None = strawberry.field(description="The card that was asked about.", extensions=maskable())

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return isinstance(value, EligibilityRecord)

    @strawberry.field(name="reasons", description="Why not, in the order of their codes.")
    def explained(found: strawberry.Parent[EligibilityRecord]) -> list[EligibilityReason]:
        return [EligibilityReason(code=code, description=tabela38.description(code)) for code in found.reasons]

    @strawberry.field(graphql_type=Payer | None, description="The insurer.")
    async def payer(found: strawberry.Parent[EligibilityRecord], info: Info) -> PayerRecord | None:
        return await info.context.loaders.payer.load(found.payer_ans)

    @strawberry.field(graphql_type=Provider | None, description="The provider that asked.")
    async def provider(found: strawberry.Parent[EligibilityRecord], info: Info) -> ProviderRecord | None:
        return await info.context.loaders.provider.load(found.provider_cnes)

    @strawberry.field(
        graphql_type=Patient | None,
        description="The insured person, if the payer knows the card.",
        extensions=personal("patients:read", "patients:read_masked"),
    )
    async def patient(found: strawberry.Parent[EligibilityRecord], info: Info) -> PatientRecord | None:
        return await info.context.loaders.patient.load(found.patient_id) if found.patient_id else None


@strawberry.input(description="Which answers to list; every given part must hold.")
class EligibilityFilterInput:
    payer: str | None = strawberry.field(default=None, description="Of the payer with this registro ANS.")
    provider: str | None = strawberry.field(default=None, description="Asked by the provider with this CNES.")
    patient: strawberry.ID | None = needing("patients:read", "patients:read_masked", description="About this patient.")
    outcome: EligibilityOutcome | None = strawberry.field(default=None, description="With this outcome.")
    service_date_from: date | None = strawberry.field(default=None, description="Asked for this day or later.")
    service_date_to: date | None = strawberry.field(default=None, description="Asked for this day or earlier.")

    def where(self) -> EligibilityFilter:
        """The filter as the database layer takes it."""
        return EligibilityFilter(
            self.payer, self.provider, self.patient, self.outcome, self.service_date_from, self.service_date_to
        )


@strawberry.type
class EligibilityQuery:
    @strawberry.field(
        graphql_type=Connection[Eligibility],
        description="The caller's earlier answers, newest first.",
        extensions=[Requires("eligibility:read")],
    )
    async def eligibility_history(
        self, info: Info, filter: EligibilityFilterInput | None = None, first: int = 20, after: str | None = None
    ) -> Any:
        asked = filter or EligibilityFilterInput()
        checked_arguments(filter=asked)
        check_input(info, asked)
        return await eligibility.history(info.context, where=asked.where(), first=first, after=after)


@strawberry.input(description="A procedure to ask about.")
class ProcedureInput:
    code_system: str = strawberry.field(description="TUSS table.")
    code: str = strawberry.field(description="TUSS code.")


@strawberry.input(description="Whom and what to ask about.")
class CheckEligibilityInput:
    provider: str = strawberry.field(description="CNES of the provider that asks.")
    payer: str = strawberry.field(description="Registro ANS of the payer.")
    card_number: str = strawberry.field(description="Card of the insured, up to 20 characters.")
    service_date: date | None = strawberry.field(default=None, description="Defaults to today.")
    procedure: ProcedureInput | None = strawberry.field(default=None, description="A procedure, if it matters.")
    force_refresh: bool = strawberry.field(default=False, description="Ask the payer even if an answer is at hand.")

    def arguments(self) -> dict[str, Any]:
        """What the resolver wants to know."""
        return {"question": self.question, "is_forced": self.force_refresh}

    def question(self, today: date) -> Question:
        """The question as the service takes it; `today` is the day when none is given."""
        procedure = self.procedure
        return Question(
            provider=self.provider,
            payer=self.payer,
            card_number=self.card_number,
            service_date=self.service_date or today,
            code_system=procedure.code_system if procedure else None,
            procedure_code=procedure.code if procedure else None,
        )


@strawberry.type(description="Result of a check.")
class CheckEligibilityPayload(MutationPayload):
    eligibility: Eligibility | None = strawberry.field(default=None, description="The answer; null when refused.")


async def _check(ctx: Context, arguments: Mapping[str, Any]) -> Written[EligibilityRecord]:
    question = arguments["question"](business_day(ctx.now()))
    return Written(await eligibility.check(ctx, question=question, is_forced=arguments["is_forced"]))


MUTATIONS = (
    mutation(
        service.CHECK,
        CheckEligibilityInput,
        CheckEligibilityPayload,
        "Ask whether a card is covered on a day (POST /eligibility/check of the REST service).",
        via=_check,
    ),
)
