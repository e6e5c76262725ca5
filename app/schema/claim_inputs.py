"""Input types of the mutations on claims."""

from dataclasses import MISSING, fields
from datetime import date
from typing import Any

import strawberry

from app.domain.claim_form import DIAGNOSES_MAX, GUIDE_ITEMS_MAX, ITEMS_MAX, ClaimForm, ItemForm
from app.domain.claims import DENIALS_MAX, DeniedAmount, ItemDecision
from app.domain.identifiers import AnsCode, Cnes
from app.domain.money import FACTOR_ONE, Cents, Factor, Quantity
from app.schema.base import lists
from app.schema.base.enums import ClaimType
from app.schema.base.mutations import KEY, VERSION
from app.schema.base.types import input_type
from app.schema.encounter_inputs import AuthorizationInput, EncounterInput, PractitionerInput, ServiceDetailsInput
from app.services.claims import BATCH_MAX


@input_type(description="An item to bill (item da guia).")
class ClaimItemInput:
    code_system: str = strawberry.field(
        description="TUSS table (codigoTabela): 18, 19, 20 or 22; 00, 90 or 98 for a payer's own codes."
    )
    code: str = strawberry.field(description="Code within the table (codigoProcedimento).")
    quantity: Quantity = strawberry.field(description="Quantity (quantidadeExecutada).")
    unit_price: Cents = strawberry.field(description="Price of one unit (valorUnitario), above zero.")
    factor: Factor = strawberry.field(default=FACTOR_ONE, description="Reduction or surcharge (reducaoAcrescimo).")
    description: str | None = strawberry.field(
        default=None, description="Description (descricaoProcedimento); defaults to the TUSS term."
    )
    performed_on: date | None = strawberry.field(
        default=None, description="Day of execution (dataExecucao); defaults to the service date."
    )
    total: Cents | None = strawberry.field(
        name="totalAmount",
        default=None,
        description="Total (valorTotal), up to 0.01 off unit price x quantity x factor; defaults to that, rounded.",
    )
    sequence: int | None = strawberry.field(
        default=None, description="Number within the claim (sequencialItem), 1 to 9999; defaults to the next free one."
    )
    details: ServiceDetailsInput | None = strawberry.field(
        default=None, description="What the guide says of it besides."
    )

    def to_domain(self) -> ItemForm:
        """The item as a domain value."""
        return ItemForm(
            code_system=self.code_system,
            code=self.code,
            quantity=self.quantity,
            unit_price=self.unit_price,
            factor=self.factor,
            description=self.description,
            performed_on=self.performed_on,
            stated_total=self.total,
            sequence=self.sequence,
            details=self.details.to_domain() if self.details else None,
        )


def _form_fields(input: object) -> dict[str, Any]:
    """The fields of ClaimForm that the input has under the same name and that are given.

    Null becomes the default of the field; for a required field it is treated as omitted.
    """
    found = {}
    for field in fields(ClaimForm):
        value = getattr(input, field.name, strawberry.UNSET)
        if value is None:
            value = strawberry.UNSET if field.default is MISSING else field.default
        if value is not strawberry.UNSET:
            found[field.name] = _domain_value(value)
    return found


def _domain_value(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_domain_value(each) for each in value)
    return value.to_domain() if hasattr(value, "to_domain") else value


@input_type(description="A claim (guia).")
class ClaimInput:
    type: ClaimType = strawberry.field(description="Claim type (tipo de guia).")
    provider: Cnes = strawberry.field(name="providerCnes", description="Provider, by CNES.")
    payer: AnsCode = strawberry.field(name="payerAnsCode", description="Payer, by registro ANS.")
    provider_claim_number: str = strawberry.field(
        description="The provider's claim number (numeroGuiaPrestador), up to 20 characters."
    )
    card_number: str = strawberry.field(description="Card number of the patient (numeroCarteira), up to 20 characters.")
    service_date: date = strawberry.field(description="Day of the service (dataAtendimento).")
    items: list[ClaimItemInput] = strawberry.field(description="Items, 1 to 200.", directives=lists.up_to(ITEMS_MAX))
    claimed_amount: Cents | None = strawberry.field(
        default=None, description="Total of the claim; if given, it must equal the sum of the items."
    )
    practitioner: PractitionerInput | None = strawberry.field(
        default=None, description="Practitioner who performed the service (profissional executante)."
    )
    authorization: AuthorizationInput | None = strawberry.field(
        default=None, description="The payer's authorization (senha), if there is one."
    )
    clinical_indication: str | None = strawberry.field(
        default=None, description="Clinical indication (indicacaoClinica), up to 500 characters."
    )
    diagnosis_codes: list[str] | None = strawberry.field(
        default=None,
        description="Diagnoses, up to four CID codes.",
        directives=lists.up_to(DIAGNOSES_MAX, checked_by_service=True),
    )
    encounter: EncounterInput | None = strawberry.field(default=None, description="Encounter (atendimento).")

    def to_domain(self) -> ClaimForm:
        """The claim as a domain value."""
        return ClaimForm(**_form_fields(self), claimed_total=self.claimed_amount)


@input_type(description="A new claim, and whether to submit it.")
class CreateClaimInput:
    claim: ClaimInput = strawberry.field(description="The claim.")
    submit: bool = strawberry.field(default=False, description="Whether to send the claim to the payer at once.")
    idempotency_key: str = strawberry.field(description=KEY)

    def arguments(self) -> dict[str, Any]:
        """The arguments of the service."""
        return {"form": self.claim.to_domain(), "submit": self.submit}


@input_type(description="Changes to a claim: omitted fields are unchanged, null clears a field.")
class ClaimChangesInput:
    type: ClaimType | None = strawberry.field(default=strawberry.UNSET, description="Claim type (tipo de guia).")
    provider_claim_number: str | None = strawberry.field(
        default=strawberry.UNSET, description="The provider's claim number (numeroGuiaPrestador), up to 20 characters."
    )
    card_number: str | None = strawberry.field(
        default=strawberry.UNSET, description="Card number of the patient (numeroCarteira), up to 20 characters."
    )
    service_date: date | None = strawberry.field(
        default=strawberry.UNSET, description="Day of the service (dataAtendimento)."
    )
    items: list[ClaimItemInput] | None = strawberry.field(
        default=strawberry.UNSET,
        description="Items, 1 to 200; replaces all current items.",
        directives=lists.up_to(ITEMS_MAX),
    )
    practitioner: PractitionerInput | None = strawberry.field(
        default=strawberry.UNSET,
        description="Practitioner who performed the service; replaces the current one as a whole.",
    )
    authorization: AuthorizationInput | None = strawberry.field(
        default=strawberry.UNSET, description="The payer's authorization (senha); replaces the current one as a whole."
    )
    clinical_indication: str | None = strawberry.field(
        default=strawberry.UNSET, description="Clinical indication (indicacaoClinica), up to 500 characters."
    )
    diagnosis_codes: list[str] | None = strawberry.field(
        default=strawberry.UNSET,
        description="Diagnoses, up to four CID codes.",
        directives=lists.up_to(DIAGNOSES_MAX, checked_by_service=True),
    )
    encounter: EncounterInput | None = strawberry.field(
        default=strawberry.UNSET, description="Encounter (atendimento); replaces the current one as a whole."
    )

    def changes(self) -> dict[str, Any]:
        """The given fields as changes of ClaimForm; null for a required field is treated as omitted."""
        return _form_fields(self)


@input_type(description="Changes to a draft claim.")
class UpdateDraftClaimInput:
    id: strawberry.ID = strawberry.field(name="claimId", description="Id of a draft claim.")
    claim: ClaimChangesInput = strawberry.field(description="What changes.")
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)

    def arguments(self) -> dict[str, Any]:
        """The arguments of the service."""
        return {"id": self.id, "changes": self.claim.changes(), "version": self.version}


@input_type(description="The correction of a decided claim: a new claim, for which omitted fields are copied.")
class ReplaceClaimInput:
    id: strawberry.ID = strawberry.field(name="claimId", description="Id of a decided claim.")
    claim: ClaimChangesInput = strawberry.field(
        description="What is different in the new claim; it needs a `providerClaimNumber` of its own."
    )
    submit: bool = strawberry.field(default=False, description="Whether to send the claim to the payer at once.")
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str = strawberry.field(description=KEY)

    def arguments(self) -> dict[str, Any]:
        """The arguments of the service."""
        return {"id": self.id, "changes": self.claim.changes(), "submit": self.submit, "version": self.version}


@input_type(description="The claim whose review starts.")
class StartReviewInput:
    id: strawberry.ID = strawberry.field(name="claimId", description="Id of the claim.")
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@input_type(description="The claim to withdraw.")
class CancelClaimInput:
    id: strawberry.ID = strawberry.field(name="claimId", description="Id of a claim that is not decided yet.")
    reason: str | None = strawberry.field(
        default=None, description="Reason, up to 500 characters; stored in the history."
    )
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@input_type(description="The payer's request for information on a claim.")
class RequestInformationInput:
    id: strawberry.ID = strawberry.field(name="claimId", description="Id of a claim under review.")
    reason: str = strawberry.field(description="Missing information, up to 500 characters; stored in the history.")
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@input_type(description="Claims to export as a TISS batch (lote de guias).")
class ExportBatchInput:
    claim_ids: list[strawberry.ID] = strawberry.field(
        description="Ids of 1 to 100 submitted claims of the same type and payer.",
        directives=lists.up_to(BATCH_MAX, checked_by_service=True),
    )
    idempotency_key: str = strawberry.field(description=KEY)


@input_type(description="A denial of an item (glosa).")
class DenialInput:
    code: str = strawberry.field(description="Reason for the denial, a code of Tabela 38 (tipoGlosa).")
    amount: Cents = strawberry.field(description="Denied amount (valorGlosa), above zero.")


@input_type(description="The payer's decision on one item.")
class ItemDecisionInput:
    sequence: int = strawberry.field(description="Number of the item within the claim (sequencialItem).")
    approved_amount: Cents = strawberry.field(
        description="Approved amount (valorLiberado); with the denials and the patient's amount it must equal the "
        "item's total."
    )
    denials: list[DenialInput] = strawberry.field(
        default_factory=list,
        description=f"Denied amounts and their reasons (glosas), up to {DENIALS_MAX}.",
        directives=lists.up_to(DENIALS_MAX),
    )
    patient_amount: Cents | None = strawberry.field(
        default=None, description="What the patient owes of the item (valorFranquia); null if nothing."
    )

    def to_domain(self) -> ItemDecision:
        """The decision as a domain value."""
        denials = tuple(DeniedAmount(each.code, each.amount) for each in self.denials)
        return ItemDecision(self.sequence, self.approved_amount, denials, self.patient_amount or Cents(0))


@input_type(description="The payer's decision on a claim, item by item.")
class AdjudicateClaimInput:
    id: strawberry.ID = strawberry.field(name="claimId", description="Id of a claim under review.")
    items: list[ItemDecisionInput] = strawberry.field(
        description="One decision for every item.", directives=lists.up_to(GUIDE_ITEMS_MAX)
    )
    payer_claim_number: str | None = strawberry.field(
        default=None, description="The payer's claim number (numeroGuiaOperadora)."
    )
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str = strawberry.field(description=KEY)

    def arguments(self) -> dict[str, Any]:
        """The arguments of the service."""
        return {
            "id": self.id,
            "decisions": [item.to_domain() for item in self.items],
            "payer_claim_number": self.payer_claim_number,
            "version": self.version,
        }
