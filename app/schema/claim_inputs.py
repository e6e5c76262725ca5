"""What clients send about claims."""

from datetime import date
from typing import Any

import strawberry

from app.domain.claim_form import Authorization, ClaimForm, ItemForm
from app.domain.claims import DeniedAmount, ItemDecision
from app.domain.encounter import Encounter, Practitioner
from app.domain.money import FACTOR_ONE, Cents, Factor, Quantity
from app.schema.base.enums import ClaimType
from app.schema.base.mutations import KEY, VERSION


@strawberry.input(description="One item to bill.")
class ClaimItemInput:
    code_system: str = strawberry.field(description="TUSS table: 18, 19, 20, 22, or 00, 90, 98 for payers' own codes.")
    code: str = strawberry.field(description="The code within the table.")
    quantity: Quantity = strawberry.field(description="How many, above zero.")
    unit_price: Cents = strawberry.field(description="Price of one, above zero.")
    factor: Factor = strawberry.field(default=FACTOR_ONE, description="Reduction or surcharge.")
    description: str | None = strawberry.field(default=None, description="Defaults to the TUSS term.")
    performed_on: date | None = strawberry.field(default=None, description="Defaults to the service date.")

    def data(self) -> ItemForm:
        """The item as the service takes it."""
        return ItemForm(
            code_system=self.code_system,
            code=self.code,
            quantity=self.quantity,
            unit_price=self.unit_price,
            factor=self.factor,
            description=self.description,
            performed_on=self.performed_on,
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


@strawberry.input(description="What a TISS guide says beside what is billed; what is left out gets its usual value.")
class EncounterInput:
    priority: str | None = strawberry.field(default=None, description="1 elective, 2 urgent (TISS table 23).")
    type: str | None = strawberry.field(default=None, description="Type of encounter (tipoAtendimento, TISS table 50).")
    accident: str | None = strawberry.field(default=None, description="Accident indicator (TISS table 36).")
    setting: str | None = strawberry.field(default=None, description="Setting (regimeAtendimento, TISS table 76).")
    visit_type: str | None = strawberry.field(
        default=None, description="First visit or return (tipoConsulta, TISS table 52)."
    )
    newborn: bool = strawberry.field(default=False, description="A newborn on the mother's card.")
    requester: PractitionerInput | None = strawberry.field(default=None, description="Who asked for the service.")

    def data(self) -> Encounter:
        """The encounter as the service takes it."""
        return Encounter(
            priority=self.priority,
            type=self.type,
            accident=self.accident,
            setting=self.setting,
            visit_type=self.visit_type,
            newborn=self.newborn,
            requester=self.requester.data() if self.requester else None,
        )


@strawberry.input(description="A claim as the provider sends it.")
class ClaimInput:
    type: ClaimType = strawberry.field(description="The kind of claim.")
    provider: str = strawberry.field(description="CNES of the provider.")
    payer: str = strawberry.field(description="Registro ANS of the payer.")
    provider_claim_number: str = strawberry.field(description="The provider's own number, up to 20 characters.")
    card_number: str = strawberry.field(description="Card of the insured, up to 20 characters.")
    service_date: date = strawberry.field(description="Day of the service.")
    items: list[ClaimItemInput] = strawberry.field(description="1 to 200 items.")
    claimed_amount: Cents | None = strawberry.field(
        default=None, description="Checked against the sum of the items when given."
    )
    practitioner: PractitionerInput | None = strawberry.field(default=None, description="Who performed the service.")
    authorization: AuthorizationInput | None = strawberry.field(default=None, description="The authorization, if any.")
    clinical_indication: str | None = strawberry.field(default=None, description="Up to 500 characters.")
    diagnosis_codes: list[str] | None = strawberry.field(default=None, description="Up to four CID codes.")
    encounter: EncounterInput | None = strawberry.field(
        default=None, description="What TISS documents say beyond the billing facts."
    )

    def form(self) -> ClaimForm:
        """The claim as the service takes it."""
        return ClaimForm(
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
            encounter=self.encounter.data() if self.encounter else None,
        )


@strawberry.input(description="A new claim.")
class CreateClaimInput(ClaimInput):
    submit: bool = strawberry.field(default=False, description="Send it to the payer at once.")
    idempotency_key: str = strawberry.field(description=KEY)

    def arguments(self) -> dict[str, Any]:
        """The arguments of the service."""
        return {"form": self.form(), "submit": self.submit}


@strawberry.input(description="Changes of a claim: what is left out stays, null clears.")
class ClaimChangesInput:
    id: strawberry.ID = strawberry.field(description="The claim.")
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

    encounter: EncounterInput | None = strawberry.field(
        default=strawberry.UNSET, description="What TISS documents say; all of it anew."
    )

    def changes(self) -> dict[str, Any]:
        """The given fields as changes of ClaimForm; null where a claim needs a value counts as left out."""
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
        if self.encounter is not strawberry.UNSET:
            found["encounter"] = self.encounter.data() if self.encounter else None
        return found


@strawberry.input(description="Changes of a draft: what is left out stays, null clears.")
class UpdateDraftClaimInput(ClaimChangesInput):
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)

    def arguments(self) -> dict[str, Any]:
        """The arguments of the service."""
        return {"id": self.id, "changes": self.changes(), "version": self.version}


@strawberry.input(description="A corrected claim in the place of a decided one: what is left out stays, null clears.")
class ReplaceClaimInput(ClaimChangesInput):
    provider_claim_number: str = strawberry.field(description="The new claim's own number.")
    submit: bool = strawberry.field(default=False, description="Send it to the payer at once.")
    idempotency_key: str = strawberry.field(description=KEY)

    def arguments(self) -> dict[str, Any]:
        """The arguments of the service."""
        return {"id": self.id, "changes": self.changes(), "submit": self.submit}


@strawberry.input(description="The claims of one batch.")
class SubmitClaimsInput:
    claim_ids: list[strawberry.ID] = strawberry.field(description="1 to 100 drafts of one type.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="Which claim to move on.")
class ClaimActionInput:
    id: strawberry.ID = strawberry.field(description="The claim.")
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="Which claim to withdraw.")
class CancelClaimInput:
    id: strawberry.ID = strawberry.field(description="A claim that is not decided yet.")
    reason: str | None = strawberry.field(default=None, description="Why, up to 500 characters; goes into the history.")
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="What the payer wants to know before it decides.")
class RequestInformationInput:
    id: strawberry.ID = strawberry.field(description="The claim under review.")
    reason: str = strawberry.field(description="What is missing, up to 500 characters; goes into the history.")
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="The claims of a TISS batch document.")
class ExportBatchInput:
    claim_ids: list[strawberry.ID] = strawberry.field(description="1 to 100 sent claims of one type.")
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
            self.sequence, self.approved_amount, tuple(DeniedAmount(each.code, each.amount) for each in self.denials)
        )


@strawberry.input(description="The payer's decision on a claim, item by item.")
class AdjudicateClaimInput:
    id: strawberry.ID = strawberry.field(description="The claim under review.")
    items: list[ItemDecisionInput] = strawberry.field(description="A decision for every item.")
    payer_claim_number: str | None = strawberry.field(default=None, description="The payer's own number of the claim.")
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str = strawberry.field(description=KEY)

    def arguments(self) -> dict[str, Any]:
        """The arguments of the service."""
        return {
            "id": self.id,
            "decisions": [item.data() for item in self.items],
            "payer_claim_number": self.payer_claim_number,
            "version": self.version,
        }
