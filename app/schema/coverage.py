"""Payers, providers and patients."""

from datetime import date
from typing import Any

import strawberry

from app.db.coverage import PatientRecord, PayerRecord, ProviderRecord
from app.domain.identifiers import mask
from app.schema.info import Info
from app.schema.nodes import Node
from app.schema.permissions import personal


@strawberry.type(description="A health insurer (operadora).")
class Payer:
    ans_code: str = strawberry.field(description="Its registration with the regulator ANS (registroANS), six digits.")
    name: str = strawberry.field(description="Its registered name.")
    submission_window_days: int = strawberry.field(description="How many days after the service a claim may be sent.")
    payment_term_days: int = strawberry.field(description="How many days after issue an invoice falls due.")

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return isinstance(value, PayerRecord)


@strawberry.type(description="A hospital, clinic or laboratory (prestador).")
class Provider:
    cnes: str = strawberry.field(description="Its number in the national register of health establishments (CNES).")
    name: str = strawberry.field(description="Its name.")
    tax_id: str = strawberry.field(description="Its CNPJ, or the CPF of a single practitioner.")

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return isinstance(value, ProviderRecord)


@strawberry.type(description="An insured person (beneficiário).")
class Patient(Node):
    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return isinstance(value, PatientRecord)

    @strawberry.field(
        name="name",
        description="Full name; starred without `beneficiary:read`.",
        extensions=personal("beneficiary:read", "beneficiary:read_masked"),
    )
    def masked_name(patient: strawberry.Parent[PatientRecord], info: Info) -> str | None:
        return clear_or_masked(info, patient.name)

    @strawberry.field(
        name="cpf",
        description="Taxpayer number (CPF); only its last two digits without `beneficiary:read_cpf`.",
        extensions=personal("beneficiary:read", "beneficiary:read_masked"),
    )
    def masked_cpf(patient: strawberry.Parent[PatientRecord], info: Info) -> str | None:
        may_see = "beneficiary:read_cpf" in info.context.principal.scopes
        return patient.cpf if may_see else mask(patient.cpf)

    @strawberry.field(description="Date of birth.", extensions=personal("beneficiary:read"))
    def birth_date(patient: strawberry.Parent[PatientRecord]) -> date | None:
        return patient.birth_date


def clear_or_masked(info: Info, text: str | None) -> str | None:
    """The text for callers who may read beneficiaries in clear, starred for those who may see masked data only."""
    return text if "beneficiary:read" in info.context.principal.scopes else mask(text)
