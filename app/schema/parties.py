"""Payers, providers and patients."""

from datetime import date, datetime
from typing import Any

import strawberry
from strawberry.extensions.field_extension import FieldExtension

from app.db.parties import PatientRecord, PayerRecord, ProviderRecord
from app.domain.access_log import DataClass
from app.domain.identifiers import AnsCode, Cnes, Cpf, TaxId
from app.executor.reach import Owner
from app.resolvers import coverages, parties, patients
from app.resolvers.paging import Slice
from app.schema.base import lists
from app.schema.base.arguments import After, Before, First, Last
from app.schema.base.connections import Connection, Node, connection_of
from app.schema.base.info import Info
from app.schema.base.later import later
from app.schema.base.permissions import Requires, marked, maskable, personal
from app.schema.base.relations import paged
from app.schema.base.types import object_type
from app.schema.party_history import PartyHistoryEntry

# Whoever sees an object of a provider sees the provider; its number may be a person's CPF and is masked.
VERSION = "Increases with every change; pass it back as `version` to detect concurrent changes."
ACTIVE = "Whether new claims may name it; what exists stays valid in any case."
DEACTIVATED = "Time since when it is deactivated; null if it is active."
READERS = ("claims:read", "invoices:read", "remittances:read", "contracts:read", "eligibility:read")


def shown_patient() -> list[FieldExtension]:
    """The extensions of a field that leads to a patient."""
    return [Requires("patients:read", "patients:read_masked", data=DataClass.PERSONAL)]


@object_type(description="A health insurer (operadora).")
class Payer(Node):
    record = PayerRecord
    owner = Owner.EVERYBODY

    ans_code: AnsCode = strawberry.field(description="Registration with the regulator ANS (registroANS), six digits.")
    name: str = strawberry.field(description="Registered name.")
    submission_window_days: int = strawberry.field(
        description="Days after the service within which a claim can be submitted, if no contract says otherwise."
    )
    appeal_deadline_days: int = strawberry.field(
        description="Days from a denial to the last day on which it can be appealed, if no contract says otherwise."
    )
    payment_term_days: int = strawberry.field(
        description="Days from issuing an invoice to its due date, if no contract says otherwise."
    )
    version: int = strawberry.field(description=VERSION)
    is_active: bool = strawberry.field(description=ACTIVE)
    deactivated_at: datetime | None = strawberry.field(description=DEACTIVATED)

    @strawberry.field(
        graphql_type=Connection[PartyHistoryEntry] | None,
        directives=[lists.PAGE],
        description="Changes, oldest first.",
        extensions=[Requires("parties:manage")],
    )
    @paged(parties.HISTORY)
    async def history(
        party: strawberry.Parent[PayerRecord],
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        return await parties.HISTORY.page(info.context, party.id, at=Slice(first, after, last, before))


@object_type(description="A hospital, clinic or laboratory (prestador).")
class Provider(Node):
    record = ProviderRecord
    owner = Owner.EVERYBODY

    cnes: Cnes = strawberry.field(description="Number in the national register of health establishments (CNES).")
    name: str = strawberry.field(description="Name of the establishment.")

    tax_id: TaxId | None = strawberry.field(
        description="Taxpayer number: CNPJ, or CPF of a self-employed practitioner.",
        extensions=[Requires(*READERS, data=DataClass.PERSONAL, clear="practitioners:read")],
    )
    state: str | None = strawberry.field(description="State, a code of table 59; null if unknown.")
    version: int = strawberry.field(description=VERSION)
    is_active: bool = strawberry.field(description=ACTIVE)
    deactivated_at: datetime | None = strawberry.field(description=DEACTIVATED)

    @strawberry.field(
        graphql_type=Connection[PartyHistoryEntry] | None,
        directives=[lists.PAGE],
        description="Changes, oldest first.",
        extensions=[Requires("parties:manage")],
    )
    @paged(parties.HISTORY)
    async def history(
        party: strawberry.Parent[ProviderRecord],
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        return await parties.HISTORY.page(info.context, party.id, at=Slice(first, after, last, before))


@object_type(description="A patient: a person insured by a payer (beneficiário).")
class Patient(Node):
    record = PatientRecord

    @strawberry.field(description="Full name; null if only a card number is known.", extensions=maskable())
    def name(patient: strawberry.Parent[PatientRecord]) -> str | None:
        return patient.name or None

    cpf: Cpf | None = strawberry.field(
        description="Taxpayer number (CPF); null for a provider that has not registered the patient or sent a claim.",
        extensions=maskable("patients:read_cpf"),
    )

    @strawberry.field(
        description="Date of birth; null for a provider that has not registered the patient or sent a claim.",
        extensions=personal("patients:read"),
    )
    def birth_date(patient: strawberry.Parent[PatientRecord]) -> date | None:
        return patient.birth_date

    version: int | None = strawberry.field(description=VERSION, extensions=personal("patients:read"))
    is_active: bool | None = strawberry.field(description=ACTIVE, extensions=personal("patients:read"))
    deactivated_at: datetime | None = strawberry.field(description=DEACTIVATED, extensions=personal("patients:read"))

    @strawberry.field(
        graphql_type=connection_of(later("Coverage", "coverages")) | None,
        directives=[lists.PAGE],
        description="The patient's cards, oldest first; none for a provider that does not treat the patient.",
        extensions=personal("patients:read"),
    )
    @paged(coverages.OF_PATIENT)
    async def coverages(
        patient: strawberry.Parent[PatientRecord],
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        return await coverages.OF_PATIENT.page(info.context, patient.id, at=Slice(first, after, last, before))

    @strawberry.field(
        graphql_type=Connection[PartyHistoryEntry] | None,
        directives=[lists.PAGE],
        description="Changes of the patient's data, oldest first.",
        extensions=personal("patients:read"),
    )
    @paged(parties.HISTORY)
    async def history(
        patient: strawberry.Parent[PatientRecord],
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        return await parties.HISTORY.page(info.context, patient.id, at=Slice(first, after, last, before))

    @strawberry.field(
        graphql_type=later("ClaimConnection", "summed_lists") | None,
        directives=[lists.PAGE],
        description="The patient's claims in the caller's data scope, newest first.",
        extensions=personal("claims:read"),
    )
    @paged(patients.CLAIMS)
    async def claims(
        patient: strawberry.Parent[PatientRecord],
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        return await patients.CLAIMS.page(info.context, patient.id, at=Slice(first, after, last, before))

    @strawberry.field(
        graphql_type=connection_of(later("Eligibility", "eligibility")) | None,
        directives=[lists.PAGE],
        description="Eligibility checks of the patient in the caller's data scope, newest first.",
        extensions=personal("eligibility:read"),
    )
    @paged(patients.ELIGIBILITY_CHECKS)
    async def eligibility_checks(
        patient: strawberry.Parent[PatientRecord],
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        return await patients.ELIGIBILITY_CHECKS.page(info.context, patient.id, at=Slice(first, after, last, before))


@object_type(description="A practitioner who performs services (profissional executante).")
class Practitioner:
    name: str | None = strawberry.field(
        description="Name (nomeProf); null if not given.", extensions=personal("practitioners:read")
    )
    council: str | None = strawberry.field(
        description="Professional council (conselho), a code of TISS table 26; null if not given."
    )
    number: str | None = strawberry.field(
        description="Registration number in the council; null if not given.", extensions=personal("practitioners:read")
    )
    state: str | None = strawberry.field(
        description="State of the council (UF), a code of TISS table 59; null if not given."
    )
    cbo: str | None = strawberry.field(description="Occupation (CBO), a code of TISS table 24; null if not given.")


@object_type(description="The payer's authorization (senha).")
class Authorization:
    number: str = strawberry.field(description="Authorization number (senha).", directives=marked(DataClass.PERSONAL))
    issued_on: date | None = strawberry.field(
        description="Day on which it was issued (dataAutorizacao); null if not given."
    )
    valid_until: date | None = strawberry.field(
        description="Last day on which it is valid (dataValidadeSenha); null if not given."
    )
