"""Payers, providers and patients."""

from datetime import date
from typing import Any

import strawberry

from app.db.parties import PatientRecord, PayerRecord, ProviderRecord
from app.schema.base.connections import Node
from app.schema.base.permissions import maskable, personal


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

    name: str | None = strawberry.field(description="Full name.", extensions=maskable())
    cpf: str | None = strawberry.field(
        description="Taxpayer number (CPF).",
        extensions=maskable("patients:read_cpf"),
    )

    @strawberry.field(description="Date of birth.", extensions=personal("patients:read"))
    def birth_date(patient: strawberry.Parent[PatientRecord]) -> date | None:
        return patient.birth_date


@strawberry.type(description="Who performed the service (profissional executante).")
class Practitioner:
    name: str | None = strawberry.field(description="Name.")
    council: str | None = strawberry.field(description="Professional council (conselho), a code of TISS table 26.")
    number: str | None = strawberry.field(description="Number in the council.")
    state: str | None = strawberry.field(description="State of the council (UF), a code of TISS table 59.")
    cbo: str | None = strawberry.field(description="Occupation (CBO), a code of TISS table 24.")


@strawberry.type(description="The payer's authorization (senha).")
class Authorization:
    number: str = strawberry.field(description="Number of the authorization (senha).")
    issued_on: date | None = strawberry.field(description="When it was given (dataAutorizacao).")
    valid_until: date | None = strawberry.field(description="Last day of its validity (dataValidadeSenha).")
