"""Mutations on master data that belongs to everybody: payers and providers."""

from typing import Any

import strawberry

from app.domain.contracts import STANDARD_TERMS, Terms
from app.domain.identifiers import AnsCode, Cnes, TaxId
from app.schema.base.mutations import KEY, VERSION, MutationPayload, mutation
from app.schema.base.types import input_type, object_type
from app.schema.contracts import DEADLINE, TERM, WINDOW
from app.schema.parties import Payer, Provider
from app.services import payers, providers
from app.services.payers import PayerForm
from app.services.providers import ProviderForm

NAME = "Name, up to 160 characters."
TAX_ID = "Taxpayer number: CNPJ, or CPF of a self-employed practitioner."

STATE = "State, a code of table 59 such as 35; its holidays count for deadlines in business days."


def given(**values: Any) -> dict[str, Any]:
    """The values that are not null: null leaves a field unchanged."""
    return {name: value for name, value in values.items() if value is not None}


@input_type(description="A payer to register.")
class RegisterPayerInput:
    payer: AnsCode = strawberry.field(name="payerAnsCode", description="Registration with the ANS (registroANS).")
    name: str = strawberry.field(description=NAME)
    submission_window_days: int = strawberry.field(default=STANDARD_TERMS.submission_window_days, description=WINDOW)
    appeal_deadline_days: int = strawberry.field(default=STANDARD_TERMS.appeal_deadline_days, description=DEADLINE)
    payment_term_days: int = strawberry.field(default=STANDARD_TERMS.payment_term_days, description=TERM)
    idempotency_key: str = strawberry.field(description=KEY)

    def arguments(self) -> dict[str, Any]:
        """The arguments of the service."""
        terms = Terms(self.submission_window_days, self.appeal_deadline_days, self.payment_term_days)
        return {"form": PayerForm(self.payer, self.name, terms)}


@input_type(description="Changes to a payer: null leaves a field unchanged.")
class UpdatePayerInput:
    payer: AnsCode = strawberry.field(name="payerAnsCode", description="The payer, by registro ANS.")
    name: str | None = strawberry.field(default=None, description=NAME)
    submission_window_days: int | None = strawberry.field(default=None, description=WINDOW)
    appeal_deadline_days: int | None = strawberry.field(default=None, description=DEADLINE)
    payment_term_days: int | None = strawberry.field(default=None, description=TERM)
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)

    def arguments(self) -> dict[str, Any]:
        """The arguments of the service."""
        changes = given(
            name=self.name,
            submission_window_days=self.submission_window_days,
            appeal_deadline_days=self.appeal_deadline_days,
            payment_term_days=self.payment_term_days,
        )
        return {"payer": self.payer, "changes": changes, "version": self.version}


@input_type(description="The payer to deactivate.")
class DeactivatePayerInput:
    payer: AnsCode = strawberry.field(name="payerAnsCode", description="The payer, by registro ANS.")
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@input_type(description="The payer to reactivate.")
class ReactivatePayerInput:
    payer: AnsCode = strawberry.field(name="payerAnsCode", description="The payer, by registro ANS.")
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@object_type(description="Result of a change of a payer.")
class PayerPayload(MutationPayload):
    payer: Payer | None = strawberry.field(default=None, description="The payer after the mutation; null if refused.")


@input_type(description="A provider to register.")
class RegisterProviderInput:
    provider: Cnes = strawberry.field(name="providerCnes", description="Number in the CNES.")
    name: str = strawberry.field(description=NAME)
    tax_id: TaxId = strawberry.field(description=TAX_ID)
    state: str | None = strawberry.field(default=None, description=STATE)
    idempotency_key: str = strawberry.field(description=KEY)

    def arguments(self) -> dict[str, Any]:
        """The arguments of the service."""
        return {"form": ProviderForm(self.provider, self.name, self.tax_id, self.state)}


@input_type(description="Changes to a provider: null leaves a field unchanged.")
class UpdateProviderInput:
    provider: Cnes = strawberry.field(name="providerCnes", description="The provider, by CNES.")
    name: str | None = strawberry.field(default=None, description=NAME)
    tax_id: TaxId | None = strawberry.field(default=None, description=TAX_ID)
    state: str | None = strawberry.field(default=None, description=STATE)
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)

    def arguments(self) -> dict[str, Any]:
        """The arguments of the service."""
        changes = given(name=self.name, tax_id=self.tax_id, state=self.state)
        return {"provider": self.provider, "changes": changes, "version": self.version}


@input_type(description="The provider to deactivate.")
class DeactivateProviderInput:
    provider: Cnes = strawberry.field(name="providerCnes", description="The provider, by CNES.")
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@input_type(description="The provider to reactivate.")
class ReactivateProviderInput:
    provider: Cnes = strawberry.field(name="providerCnes", description="The provider, by CNES.")
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@object_type(description="Result of a change of a provider.")
class ProviderPayload(MutationPayload):
    provider: Provider | None = strawberry.field(
        default=None, description="The provider after the mutation; null if refused."
    )


OLD_CLAIMS = "New claims and drafts that name it are refused; what exists stays valid."
MUTATIONS = (
    mutation(
        payers.REGISTER,
        RegisterPayerInput,
        PayerPayload,
        "Registers a payer; its terms hold where no contract says otherwise.",
    ),
    mutation(payers.UPDATE, UpdatePayerInput, PayerPayload, "Changes the name or the terms of a payer."),
    mutation(payers.DEACTIVATE, DeactivatePayerInput, PayerPayload, f"Deactivates a payer. {OLD_CLAIMS}"),
    mutation(payers.REACTIVATE, ReactivatePayerInput, PayerPayload, "Makes a deactivated payer active again."),
    mutation(providers.REGISTER, RegisterProviderInput, ProviderPayload, "Registers a provider."),
    mutation(
        providers.UPDATE,
        UpdateProviderInput,
        ProviderPayload,
        "Changes the name, the taxpayer number or the state of a provider.",
    ),
    mutation(providers.DEACTIVATE, DeactivateProviderInput, ProviderPayload, f"Deactivates a provider. {OLD_CLAIMS}"),
    mutation(
        providers.REACTIVATE, ReactivateProviderInput, ProviderPayload, "Makes a deactivated provider active again."
    ),
)
