"""Input types of a claim besides its codes and prices: practitioners, authorization, encounter, details of services."""

from datetime import date, time

import strawberry

from app.domain.claim_form import Authorization
from app.domain.encounter import Admission, Encounter, Facility, Practitioner
from app.domain.identifiers import Cpf
from app.domain.services import TEAM_MAX, ServiceDetails, TeamMember
from app.schema.base import lists
from app.schema.base.types import input_type


@input_type(description="Practitioner who performed the service (profissional executante).")
class PractitionerInput:
    name: str | None = strawberry.field(default=None, description="Name (nomeProf), up to 70 characters.")
    council: str | None = strawberry.field(
        default=None, description="Professional council (conselho), a code of TISS table 26."
    )
    number: str | None = strawberry.field(
        default=None, description="Registration number in the council, up to 15 characters."
    )
    state: str | None = strawberry.field(
        default=None, description="State of the council (UF), a code of TISS table 59."
    )
    cbo: str | None = strawberry.field(default=None, description="Occupation (CBO), a code of TISS table 24.")

    def to_domain(self) -> Practitioner:
        """The practitioner as a domain value."""
        return Practitioner(self.name, self.council, self.number, self.state, self.cbo)


@input_type(description="The payer's authorization (senha).")
class AuthorizationInput:
    number: str = strawberry.field(description="Authorization number (senha), up to 20 characters.")
    issued_on: date | None = strawberry.field(default=None, description="Day on which it was issued (dataAutorizacao).")
    valid_until: date | None = strawberry.field(
        default=None, description="Last day on which it is valid (dataValidadeSenha)."
    )

    def to_domain(self) -> Authorization:
        """The authorization as a domain value."""
        return Authorization(self.number, self.issued_on, self.valid_until)


@input_type(description="Another provider that a claim names.")
class FacilityInput:
    code: str | None = strawberry.field(
        default=None, description="Its code at the payer, or its CNPJ, up to 14 characters."
    )
    name: str | None = strawberry.field(default=None, description="Name, up to 70 characters.")
    cnes: str | None = strawberry.field(default=None, description="CNES.")

    def to_domain(self) -> Facility:
        """The facility as a domain value."""
        return Facility(self.code, self.name, self.cnes)


@input_type(description="The billed part of a hospital stay (dadosInternacao).")
class AdmissionInput:
    starts_on: date | None = strawberry.field(default=None, description="First billed day.")
    starts_at: time | None = strawberry.field(default=None, description="Time on that day.")
    ends_on: date | None = strawberry.field(default=None, description="Last billed day.")
    ends_at: time | None = strawberry.field(default=None, description="Time on that day.")
    type: str | None = strawberry.field(default=None, description="Type of stay (tipoInternacao, TISS table 57).")
    regime: str | None = strawberry.field(default=None, description="Regime (regimeInternacao, TISS table 41).")

    def to_domain(self) -> Admission:
        """The stay as a domain value."""
        return Admission(self.starts_on, self.starts_at, self.ends_on, self.ends_at, self.type, self.regime)


@input_type(description="Encounter (atendimento), for TISS documents: each type of guide needs some of these.")
class EncounterInput:
    priority: str | None = strawberry.field(
        default=None, description="Priority (caraterAtendimento, TISS table 23): 1 elective, 2 urgent."
    )
    type: str | None = strawberry.field(default=None, description="Type of encounter (tipoAtendimento, TISS table 50).")
    accident: str | None = strawberry.field(
        default=None, description="Accident indicator (indicacaoAcidente, TISS table 36)."
    )
    setting: str | None = strawberry.field(default=None, description="Setting (regimeAtendimento, TISS table 76).")
    visit_type: str | None = strawberry.field(
        default=None, description="Visit type: first visit or return (tipoConsulta, TISS table 52)."
    )
    newborn: bool = strawberry.field(
        default=False, description="Whether the patient is a newborn on the mother's card (atendimentoRN)."
    )
    requester: PractitionerInput | None = strawberry.field(
        default=None,
        description="Practitioner who requested the service (profissional solicitante); default: who did it.",
    )

    requesting_provider: FacilityInput | None = strawberry.field(
        default=None,
        description="Provider that requested the service (contratado solicitante); defaults to the one that bills.",
    )
    requested_on: date | None = strawberry.field(default=None, description="Day of the request (dataSolicitacao).")
    main_claim_number: str | None = strawberry.field(
        default=None,
        description="Number of the guide that this one belongs to (guiaPrincipal), up to 20 characters.",
    )
    location: FacilityInput | None = strawberry.field(
        default=None, description="Where professionals who bill for themselves worked (localContratado)."
    )
    admission: AdmissionInput | None = strawberry.field(default=None, description="The hospital stay.")
    billing_type: str | None = strawberry.field(
        default=None, description="Type of billing (tipoFaturamento, TISS table 55)."
    )
    discharge_reason: str | None = strawberry.field(
        default=None, description="Reason of the end (motivoEncerramento, TISS table 39)."
    )
    issued_on: date | None = strawberry.field(
        default=None, description="Day on which the guide was issued (dataEmissaoGuia)."
    )
    plan_name: str | None = strawberry.field(
        default=None, description="The patient's plan (planoBeneficiario), in dental guides; up to 40 characters."
    )
    notes: str | None = strawberry.field(default=None, description="Observations (observacao), up to 500 characters.")

    def to_domain(self) -> Encounter:
        """The encounter as a domain value."""
        return Encounter(
            priority=self.priority,
            type=self.type,
            accident=self.accident,
            setting=self.setting,
            visit_type=self.visit_type,
            newborn=self.newborn,
            requester=self.requester.to_domain() if self.requester else None,
            requesting_provider=self.requesting_provider.to_domain() if self.requesting_provider else None,
            requested_on=self.requested_on,
            main_claim_number=self.main_claim_number,
            location=self.location.to_domain() if self.location else None,
            admission=self.admission.to_domain() if self.admission else None,
            billing_type=self.billing_type,
            discharge_reason=self.discharge_reason,
            issued_on=self.issued_on,
            plan_name=self.plan_name,
            notes=self.notes,
        )


@input_type(description="A professional who took part in a service (equipe).")
class TeamMemberInput:
    role: str | None = strawberry.field(default=None, description="Degree of participation (grauPart, TISS table 35).")
    practitioner: PractitionerInput = strawberry.field(description="Who it is.")
    code: str | None = strawberry.field(
        default=None, description="The professional's code at the payer, up to 14 characters."
    )
    cpf: Cpf | None = strawberry.field(default=None, description="The professional's CPF, if there is no code.")

    def to_domain(self) -> TeamMember:
        """The member as a domain value."""
        return TeamMember(self.role, self.practitioner.to_domain(), self.code, self.cpf)


@input_type(description="What a guide says of a service besides its code and price.")
class ServiceDetailsInput:
    expense_kind: str | None = strawberry.field(
        default=None, description="Kind of expense (codigoDespesa, TISS table 25); omit it for a procedure."
    )
    unit: str | None = strawberry.field(default=None, description="Unit of measure (unidadeMedida, TISS table 60).")
    access_route: str | None = strawberry.field(default=None, description="Access route (viaAcesso, TISS table 61).")
    technique: str | None = strawberry.field(default=None, description="Technique (tecnicaUtilizada, TISS table 48).")
    starts_at: time | None = strawberry.field(default=None, description="Start (horaInicial).")
    ends_at: time | None = strawberry.field(default=None, description="End (horaFinal).")
    tooth: str | None = strawberry.field(default=None, description="Tooth (codDente, TISS table 28).")
    mouth_region: str | None = strawberry.field(
        default=None, description="Region of the mouth (codRegiao, TISS table 42)."
    )
    tooth_faces: str | None = strawberry.field(default=None, description="Faces of the tooth (denteFace).")
    is_authorized: bool | None = strawberry.field(
        default=None, description="Whether the payer authorized the dental service (autorizado)."
    )
    team: list[TeamMemberInput] | None = strawberry.field(
        default=None,
        description=f"Professionals who took part (equipe), up to {TEAM_MAX}.",
        directives=lists.up_to(TEAM_MAX, checked_by_service=True),
    )

    def to_domain(self) -> ServiceDetails:
        """The details as a domain value."""
        return ServiceDetails(
            expense_kind=self.expense_kind,
            unit=self.unit,
            access_route=self.access_route,
            technique=self.technique,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            tooth=self.tooth,
            mouth_region=self.mouth_region,
            tooth_faces=self.tooth_faces,
            is_authorized=self.is_authorized,
            team=tuple(each.to_domain() for each in self.team or ()),
        )
