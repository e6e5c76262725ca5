"""The mutations on claims."""

from datetime import date
from typing import Any

import strawberry

from app.db.claims import ClaimRecord
from app.domain.claims import ClaimType, Denial, ItemDecision
from app.domain.money import FACTOR_ONE, Cents, Factor, Quantity
from app.resolvers import claims
from app.schema.claims import Claim
from app.schema.errors import UserError, answer, user_errors
from app.schema.info import Info
from app.schema.permissions import Requires
from app.services.claim_input import Authorization, ClaimData, ItemData, Practitioner
from app.services.claims import Submission
from app.services.idempotency import Written

KEY = "Repeat a call safely: the same key with the same input answers the first result."
VERSION = "The version you saw; STALE_VERSION if the object has changed since."


@strawberry.input(description="One item to bill.")
class ClaimItemInput:
    table: str = strawberry.field(description="TUSS table: 18, 19, 20, 22, or 00, 90, 98 for payers' own codes.")
    code: str = strawberry.field(description="The code within the table.")
    quantity: Quantity = strawberry.field(description="How many, above zero.")
    unit_price: Cents = strawberry.field(description="Price of one, above zero.")
    factor: Factor = strawberry.field(default=FACTOR_ONE, description="Reduction or surcharge.")
    description: str | None = strawberry.field(default=None, description="Defaults to the TUSS term.")
    performed_on: date | None = strawberry.field(default=None, description="Defaults to the service date.")

    def data(self) -> ItemData:
        """The item as the service takes it."""
        return ItemData(
            self.table, self.code, self.quantity, self.unit_price, self.factor, self.description, self.performed_on
        )


@strawberry.input(description="Who performed the service.")
class PractitionerInput:
    name: str | None = strawberry.field(default=None, description="Name, up to 70 characters.")
    council: str | None = strawberry.field(default=None, description="Council, a code of TISS table 26.")
    number: str | None = strawberry.field(default=None, description="Number in the council, up to 15 characters.")
    state: str | None = strawberry.field(default=None, description="State of the council, a code of TISS table 59.")
    cbo: str | None = strawberry.field(default=None, description="Occupation, a code of TISS table 24.")

    def data(self) -> Practitioner:
        """The practitioner as the service takes it."""
        return Practitioner(self.name, self.council, self.number, self.state, self.cbo)


@strawberry.input(description="The payer's authorization (senha).")
class AuthorizationInput:
    number: str = strawberry.field(description="Number of the authorization, up to 20 characters.")
    issued_on: date | None = strawberry.field(default=None, description="When it was given.")
    valid_until: date | None = strawberry.field(default=None, description="Last day of its validity.")

    def data(self) -> Authorization:
        """The authorization as the service takes it."""
        return Authorization(self.number, self.issued_on, self.valid_until)


@strawberry.input(description="A new claim.")
class CreateClaimInput:
    type: ClaimType = strawberry.field(description="The kind of claim.")
    provider: str = strawberry.field(description="CNES of the provider.")
    payer: str = strawberry.field(description="Registro ANS of the payer.")
    provider_claim_number: str = strawberry.field(description="The provider's own number, up to 20 characters.")
    card_number: str = strawberry.field(description="Card of the insured, up to 20 characters.")
    service_date: date = strawberry.field(description="Day of the service.")
    items: list[ClaimItemInput] = strawberry.field(description="1 to 200 items.")
    idempotency_key: str = strawberry.field(description=KEY)
    claimed_amount: Cents | None = strawberry.field(
        default=None, description="Checked against the sum of the items when given."
    )
    practitioner: PractitionerInput | None = strawberry.field(default=None, description="Who performed the service.")
    authorization: AuthorizationInput | None = strawberry.field(default=None, description="The authorization, if any.")
    clinical_indication: str | None = strawberry.field(default=None, description="Up to 500 characters.")
    diagnosis_codes: list[str] | None = strawberry.field(default=None, description="Up to four CID codes.")
    submit: bool = strawberry.field(default=False, description="Send it to the payer at once.")

    def data(self) -> ClaimData:
        """The claim as the service takes it."""
        return ClaimData(
            type=self.type,
            provider=self.provider,
            payer=self.payer,
            provider_claim_number=self.provider_claim_number,
            card_number=self.card_number,
            service_date=self.service_date,
            items=tuple(item.data() for item in self.items),
            practitioner=self.practitioner.data() if self.practitioner else Practitioner(),
            authorization=self.authorization.data() if self.authorization else None,
            clinical_indication=self.clinical_indication,
            diagnosis_codes=tuple(self.diagnosis_codes or ()),
            claimed_total=self.claimed_amount,
        )


@strawberry.input(description="Changes of a draft: what is left out stays, null clears.")
class UpdateDraftClaimInput:
    id: strawberry.ID = strawberry.field(description="The draft.")
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)
    type: ClaimType | None = strawberry.field(default=strawberry.UNSET, description="The kind of claim.")
    provider_claim_number: str | None = strawberry.field(default=strawberry.UNSET, description="The provider's number.")
    card_number: str | None = strawberry.field(default=strawberry.UNSET, description="Card of the insured.")
    service_date: date | None = strawberry.field(default=strawberry.UNSET, description="Day of the service.")
    items: list[ClaimItemInput] | None = strawberry.field(default=strawberry.UNSET, description="All items anew.")
    practitioner: PractitionerInput | None = strawberry.field(
        default=strawberry.UNSET, description="Who performed the service; all of it anew."
    )
    authorization: AuthorizationInput | None = strawberry.field(
        default=strawberry.UNSET, description="The authorization; all of it anew."
    )
    clinical_indication: str | None = strawberry.field(default=strawberry.UNSET, description="Up to 500 characters.")
    diagnosis_codes: list[str] | None = strawberry.field(default=strawberry.UNSET, description="Up to four CID codes.")

    def changes(self) -> dict[str, Any]:
        """The given fields as changes of ClaimData; null where a claim needs a value counts as left out."""
        plain = ("type", "provider_claim_number", "card_number", "service_date")
        found = {name: getattr(self, name) for name in plain if getattr(self, name) not in (None, strawberry.UNSET)}
        if self.items is not None and self.items is not strawberry.UNSET:
            found["items"] = tuple(item.data() for item in self.items)
        if self.practitioner is not strawberry.UNSET:
            found["practitioner"] = self.practitioner.data() if self.practitioner else Practitioner()
        if self.authorization is not strawberry.UNSET:
            found["authorization"] = self.authorization.data() if self.authorization else None
        if self.clinical_indication is not strawberry.UNSET:
            found["clinical_indication"] = self.clinical_indication
        if self.diagnosis_codes is not strawberry.UNSET:
            found["diagnosis_codes"] = tuple(self.diagnosis_codes or ())
        return found


@strawberry.input(description="The claims of one batch.")
class SubmitClaimsInput:
    claim_ids: list[strawberry.ID] = strawberry.field(description="1 to 100 drafts of one type.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="Which claim to move on.")
class ClaimActionInput:
    id: strawberry.ID = strawberry.field(description="The claim.")
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="One denial of an item.")
class DenialInput:
    code: str = strawberry.field(description="The reason, a code of Tabela 38.")
    amount: Cents = strawberry.field(description="The denied amount, above zero.")


@strawberry.input(description="The payer's decision on one item.")
class ItemDecisionInput:
    sequence: int = strawberry.field(description="Which item.")
    approved_amount: Cents = strawberry.field(description="What is paid; with the denials it makes the item's total.")
    denials: list[DenialInput] = strawberry.field(default_factory=list, description="What is not paid, and why.")

    def data(self) -> ItemDecision:
        """The decision as the service takes it."""
        return ItemDecision(
            self.sequence, self.approved_amount, tuple(Denial(each.code, each.amount) for each in self.denials)
        )


@strawberry.input(description="The payer's decision on a claim, item by item.")
class AdjudicateClaimInput:
    id: strawberry.ID = strawberry.field(description="The claim under review.")
    items: list[ItemDecisionInput] = strawberry.field(description="A decision for every item.")
    payer_claim_number: str | None = strawberry.field(default=None, description="The payer's own number of the claim.")
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str = strawberry.field(description=KEY)


@strawberry.type(description="What became of a mutation on one claim.")
class ClaimPayload:
    claim: Claim | None = strawberry.field(default=None, description="The claim as it is now; null when refused.")
    errors: list[UserError] = strawberry.field(default_factory=list, description="Why nothing was done.")
    replayed: bool = strawberry.field(
        default=False, description="Whether this is the stored answer of an earlier call."
    )


@strawberry.type(description="What became of one claim of a batch.")
class SubmitClaimResult:
    claim_id: strawberry.ID = strawberry.field(description="The claim that was asked for.")
    claim: Claim | None = strawberry.field(description="The claim as it is now; null when refused.")

    @strawberry.field(description="Why this claim was not submitted.")
    def errors(result: strawberry.Parent[Submission]) -> list[UserError]:
        return user_errors(result.failures)


@strawberry.type(description="What became of a batch; one claim's refusal leaves the others alone.")
class SubmitClaimsPayload:
    results: list[SubmitClaimResult] = strawberry.field(
        default_factory=list, description="A result per claim, in input order."
    )
    errors: list[UserError] = strawberry.field(default_factory=list, description="Why the whole batch was refused.")
    replayed: bool = strawberry.field(
        default=False, description="Whether this is the stored answer of an earlier call."
    )


def _claim(written: Written[ClaimRecord]) -> dict[str, Any]:
    return {"claim": written.value, "replayed": written.replayed}


def _results(written: Written[list[Submission]]) -> dict[str, Any]:
    return {"results": written.value, "replayed": written.replayed}


@strawberry.type
class ClaimMutation:
    @strawberry.mutation(
        description="Create a claim, as a draft or sent at once (POST /claims/ before).",
        extensions=[Requires("claims:create")],
    )
    async def create_claim(self, info: Info, input: CreateClaimInput) -> ClaimPayload:
        ctx = info.context

        async def act() -> Written[ClaimRecord]:
            return await claims.create(ctx, data=input.data(), is_submitted=input.submit, key=input.idempotency_key)

        return await answer(ctx, "createClaim", ClaimPayload, input, act, _claim)

    @strawberry.mutation(description="Change a draft.", extensions=[Requires("claims:create")])
    async def update_draft_claim(self, info: Info, input: UpdateDraftClaimInput) -> ClaimPayload:
        ctx = info.context

        async def act() -> Written[ClaimRecord]:
            return await claims.update_draft(
                ctx, claim_id=input.id, changes=input.changes(), version=input.version, key=input.idempotency_key
            )

        return await answer(ctx, "updateDraftClaim", ClaimPayload, input, act, _claim)

    @strawberry.mutation(
        description="Send up to 100 drafts of one type, with a result for each.",
        extensions=[Requires("claims:submit")],
    )
    async def submit_claims(self, info: Info, input: SubmitClaimsInput) -> SubmitClaimsPayload:
        ctx = info.context

        async def act() -> Written[list[Submission]]:
            return await claims.submit_many(ctx, claim_ids=input.claim_ids, key=input.idempotency_key)

        return await answer(ctx, "submitClaims", SubmitClaimsPayload, input, act, _results)

    @strawberry.mutation(
        description="Withdraw a claim that is not decided yet.", extensions=[Requires("claims:cancel")]
    )
    async def cancel_claim(self, info: Info, input: ClaimActionInput) -> ClaimPayload:
        ctx = info.context

        async def act() -> Written[ClaimRecord]:
            return await claims.cancel(ctx, claim_id=input.id, version=input.version, key=input.idempotency_key)

        return await answer(ctx, "cancelClaim", ClaimPayload, input, act, _claim)

    @strawberry.mutation(description="Take a submitted claim into review.", extensions=[Requires("claims:review")])
    async def start_review(self, info: Info, input: ClaimActionInput) -> ClaimPayload:
        ctx = info.context

        async def act() -> Written[ClaimRecord]:
            return await claims.start_review(ctx, claim_id=input.id, version=input.version, key=input.idempotency_key)

        return await answer(ctx, "startReview", ClaimPayload, input, act, _claim)

    @strawberry.mutation(
        description="Decide a claim under review, item by item; its status follows from the items.",
        extensions=[Requires("claims:adjudicate")],
    )
    async def adjudicate_claim(self, info: Info, input: AdjudicateClaimInput) -> ClaimPayload:
        ctx = info.context

        async def act() -> Written[ClaimRecord]:
            return await claims.adjudicate(
                ctx,
                claim_id=input.id,
                decisions=[item.data() for item in input.items],
                payer_claim_number=input.payer_claim_number,
                version=input.version,
                key=input.idempotency_key,
            )

        return await answer(ctx, "adjudicateClaim", ClaimPayload, input, act, _claim)
