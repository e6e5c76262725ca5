"""What a claim's guide says of the encounter (atendimento) and of each service besides its code and price."""

from datetime import date, time
from typing import Any

import strawberry

from app.domain.access_log import DataClass
from app.domain.encounter import Encounter as EncounterRecord
from app.domain.identifiers import Cpf
from app.domain.services import TEAM_MAX
from app.domain.services import ServiceDetails as ServiceDetailsRecord
from app.domain.services import TeamMember as TeamMemberRecord
from app.schema.base import lists
from app.schema.base.permissions import health, marked, personal
from app.schema.base.types import object_type
from app.schema.parties import Practitioner

HEALTH = marked(DataClass.HEALTH)


@object_type(description="Another provider that a claim names.")
class Facility:
    code: str | None = strawberry.field(description="Its code at the payer, or its CNPJ; null if not given.")
    name: str | None = strawberry.field(description="Name; null if not given.")
    cnes: str | None = strawberry.field(description="CNES; null if not given.")


@object_type(description="The billed part of a hospital stay (dadosInternacao).")
class Admission:
    starts_on: date | None = strawberry.field(description="First billed day; null if not given.", directives=HEALTH)
    starts_at: time | None = strawberry.field(description="Time on that day; null if not given.", directives=HEALTH)
    ends_on: date | None = strawberry.field(description="Last billed day; null if not given.", directives=HEALTH)
    ends_at: time | None = strawberry.field(description="Time on that day; null if not given.", directives=HEALTH)
    type: str | None = strawberry.field(
        description="Type of stay (tipoInternacao), a code of TISS table 57; null if not given.", directives=HEALTH
    )
    regime: str | None = strawberry.field(
        description="Regime (regimeInternacao), a code of TISS table 41; null if not given.", directives=HEALTH
    )


@object_type(description="What a claim says of the encounter (atendimento) besides its items.")
class Encounter:
    priority: str | None = strawberry.field(
        description="Priority (caraterAtendimento), a code of TISS table 23; null if not given.", directives=HEALTH
    )
    type: str | None = strawberry.field(
        description="Type of encounter (tipoAtendimento), a code of TISS table 50 (dental: 51); null if not given.",
        directives=HEALTH,
    )
    accident: str | None = strawberry.field(
        description="Accident indicator (indicacaoAcidente), a code of TISS table 36; null if not given.",
        directives=HEALTH,
    )
    setting: str | None = strawberry.field(
        description="Setting (regimeAtendimento), a code of TISS table 76; null if not given.", directives=HEALTH
    )
    visit_type: str | None = strawberry.field(
        description="Visit type (tipoConsulta), a code of TISS table 52; null if not given.", directives=HEALTH
    )
    newborn: bool = strawberry.field(
        description="Whether the patient is a newborn on the mother's card (atendimentoRN).", directives=HEALTH
    )
    requested_on: date | None = strawberry.field(
        description="Day of the request (dataSolicitacao); null if not given.", directives=HEALTH
    )
    main_claim_number: str | None = strawberry.field(
        description="Number of the guide that this one belongs to (guiaPrincipal); null if not given."
    )
    billing_type: str | None = strawberry.field(
        description="Type of billing (tipoFaturamento), a code of TISS table 55; null if not given."
    )
    discharge_reason: str | None = strawberry.field(
        description="Reason of the end (motivoEncerramento), a code of TISS table 39; null if not given.",
        directives=HEALTH,
    )
    issued_on: date | None = strawberry.field(
        description="Day on which the guide was issued (dataEmissaoGuia); null if not given."
    )
    plan_name: str | None = strawberry.field(
        description="The patient's plan as a dental guide names it (planoBeneficiario); null if not given."
    )
    notes: str | None = strawberry.field(description="Observations (observacao); null if none.", directives=HEALTH)

    @strawberry.field(
        graphql_type=Practitioner | None,
        description="Practitioner who requested the service (profissional solicitante); null if not given.",
    )
    def requester(encounter: strawberry.Parent[EncounterRecord]) -> Any:
        return encounter.requester

    @strawberry.field(
        graphql_type=Facility | None,
        description="Provider that requested the service (contratado solicitante); null if not given.",
    )
    def requesting_provider(encounter: strawberry.Parent[EncounterRecord]) -> Any:
        return encounter.requesting_provider

    @strawberry.field(
        graphql_type=Facility | None,
        description="Where professionals who bill for themselves worked (localContratado); null if not given.",
    )
    def location(encounter: strawberry.Parent[EncounterRecord]) -> Any:
        return encounter.location

    @strawberry.field(
        graphql_type=Admission | None,
        description="The hospital stay; null if there is none.",
        extensions=health("claims:read_health"),
    )
    def admission(encounter: strawberry.Parent[EncounterRecord]) -> Any:
        return encounter.admission


@object_type(description="A professional who took part in a service (equipe).")
class TeamMember:
    role: str | None = strawberry.field(
        description="Degree of participation (grauPart), a code of TISS table 35; null if not given.", directives=HEALTH
    )
    code: str | None = strawberry.field(
        description="The professional's code at the payer; null if not given.",
        extensions=personal("practitioners:read"),
    )
    cpf: Cpf | None = strawberry.field(
        description="The professional's CPF; null if not given.", extensions=personal("practitioners:read")
    )

    @strawberry.field(graphql_type=Practitioner, description="Who it is.")
    def practitioner(member: strawberry.Parent[TeamMemberRecord]) -> Any:
        return member.practitioner


@object_type(description="What a guide says of a service besides its code and price.")
class ServiceDetails:
    expense_kind: str | None = strawberry.field(
        description="Kind of expense (codigoDespesa), a code of TISS table 25; null for a procedure.", directives=HEALTH
    )
    unit: str | None = strawberry.field(
        description="Unit of measure (unidadeMedida), a code of TISS table 60; null if not given.", directives=HEALTH
    )
    access_route: str | None = strawberry.field(
        description="Access route (viaAcesso), a code of TISS table 61; null if not given.", directives=HEALTH
    )
    technique: str | None = strawberry.field(
        description="Technique (tecnicaUtilizada), a code of TISS table 48; null if not given.", directives=HEALTH
    )
    starts_at: time | None = strawberry.field(description="Start (horaInicial); null if not given.", directives=HEALTH)
    ends_at: time | None = strawberry.field(description="End (horaFinal); null if not given.", directives=HEALTH)
    tooth: str | None = strawberry.field(
        description="Tooth (codDente), a code of TISS table 28; null if not given.", directives=HEALTH
    )
    mouth_region: str | None = strawberry.field(
        description="Region of the mouth (codRegiao), a code of TISS table 42; null if not given.", directives=HEALTH
    )
    tooth_faces: str | None = strawberry.field(
        description="Faces of the tooth (denteFace); null if not given.", directives=HEALTH
    )
    is_authorized: bool | None = strawberry.field(
        description="Whether the payer authorized the dental service (autorizado); null if not given."
    )

    @strawberry.field(
        graphql_type=list[TeamMember] | None,
        directives=[lists.TEAM],
        extensions=health("claims:read_items"),
        description=f"Professionals who took part (equipe); at most {TEAM_MAX}.",
    )
    def team(details: strawberry.Parent[ServiceDetailsRecord]) -> Any:
        return details.team
