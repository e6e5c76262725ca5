"""Contracts between providers and payers, with their price lists."""

from datetime import date, datetime
from typing import Any

import strawberry

from app.db.contracts import ContractRecord, PriceRecord
from app.db.parties import PayerRecord, ProviderRecord
from app.domain.contracts import Price, Terms
from app.domain.money import Cents, Quantity
from app.resolvers import contracts
from app.schema.base.info import Info
from app.schema.base.mutations import KEY, VERSION, MutationPayload, mutation
from app.schema.base.permissions import Requires, financial
from app.schema.parties import Payer, Provider
from app.services import contracts as service
from app.services.contracts import ContractForm

WINDOW = "Days from the service to the last day on which a claim may be sent."
DEADLINE = "Days from a denial to the last day on which it may be appealed."
TERM = "Days from issuing an invoice to its due date."


@strawberry.type(description="One agreed price of a code, for services performed while it is valid.")
class ContractPrice:
    code_system: str = strawberry.field(description="TUSS table.")
    code: str = strawberry.field(description="The code within the table.")
    valid_from: date = strawberry.field(description="First day.")
    valid_to: date | None = strawberry.field(description="Last day; null until further notice.")
    quantity_max: Quantity | None = strawberry.field(description="At most this many in one item.")
    needs_authorization: bool = strawberry.field(description="Whether the payer asks for an authorization (senha).")
    unit_price_cents: Cents | None = strawberry.field(
        name="unitPrice", description="The price of one.", extensions=financial("amounts:read", "gateway:configure")
    )


@strawberry.type(description="What a provider and a payer have agreed.")
class Contract:
    id: strawberry.ID = strawberry.field(description="The contract's id.")
    submission_window_days: int = strawberry.field(description=WINDOW)
    appeal_deadline_days: int = strawberry.field(description=DEADLINE)
    payment_term_days: int = strawberry.field(description=TERM)
    version: int = strawberry.field(description="Goes up with every change; give it back to change what you saw.")
    updated_by: str = strawberry.field(description="Who changed it last.")
    updated_at: datetime = strawberry.field(description="When it was last changed.")

    @strawberry.field(graphql_type=Payer | None, description="The insurer.")
    async def payer(contract: strawberry.Parent[ContractRecord], info: Info) -> PayerRecord | None:
        return await info.context.loaders.payer.load(contract.payer_ans)

    @strawberry.field(graphql_type=Provider | None, description="The establishment.")
    async def provider(contract: strawberry.Parent[ContractRecord], info: Info) -> ProviderRecord | None:
        return await info.context.loaders.provider.load(contract.provider_cnes)

    @strawberry.field(graphql_type=list[ContractPrice], description="The price list, by table, code and first day.")
    async def prices(contract: strawberry.Parent[ContractRecord], info: Info) -> list[PriceRecord]:
        return await info.context.loaders.prices_of_contract.load(contract.id)


@strawberry.type
class ContractQuery:
    @strawberry.field(
        graphql_type=list[Contract],
        description="The caller's contracts; where there is none, the payer's own terms hold.",
        extensions=[Requires("contracts:read")],
    )
    async def contracts(self, info: Info, provider: str | None = None, payer: str | None = None) -> Any:
        return await contracts.of_scope(info.context, provider=provider, payer=payer)


@strawberry.input(description="One agreed price.")
class ContractPriceInput:
    code_system: str = strawberry.field(description="TUSS table.")
    code: str = strawberry.field(description="The code within the table.")
    unit_price: Cents = strawberry.field(description="The price of one, above zero.")
    valid_from: date = strawberry.field(description="First day.")
    valid_to: date | None = strawberry.field(default=None, description="Last day.")
    quantity_max: Quantity | None = strawberry.field(default=None, description="At most this many in one item.")
    needs_authorization: bool = strawberry.field(default=False, description="Whether an authorization is asked for.")

    def data(self) -> Price:
        """The price as the service takes it."""
        return Price(
            self.code_system,
            self.code,
            self.unit_price,
            self.valid_from,
            self.valid_to,
            self.quantity_max,
            self.needs_authorization,
        )


@strawberry.input(description="What a provider and a payer have agreed.")
class SaveContractInput:
    provider: str = strawberry.field(description="CNES of the provider.")
    payer: str = strawberry.field(description="Registro ANS of the payer.")
    submission_window_days: int = strawberry.field(description=WINDOW)
    appeal_deadline_days: int = strawberry.field(description=DEADLINE)
    payment_term_days: int = strawberry.field(description=TERM)
    prices: list[ContractPriceInput] | None = strawberry.field(
        default=None, description="The whole price list anew, up to 1000 prices; left out, the list stays."
    )
    add_prices: list[ContractPriceInput] = strawberry.field(
        default_factory=list, description="Up to 1000 prices more, for lists that do not fit into one request."
    )
    version: int | None = strawberry.field(default=None, description=f"{VERSION} 0: there is none yet.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)

    def arguments(self) -> dict[str, Any]:
        """The arguments of the service."""
        terms = Terms(self.submission_window_days, self.appeal_deadline_days, self.payment_term_days)
        prices = None if self.prices is None else tuple(price.data() for price in self.prices)
        added = tuple(price.data() for price in self.add_prices)
        form = ContractForm(self.provider, self.payer, terms, prices, added)
        return {"form": form, "version": self.version}


@strawberry.type(description="Result of a contract.")
class ContractPayload(MutationPayload):
    contract: Contract | None = strawberry.field(default=None, description="The contract as it is now.")


MUTATIONS = (mutation(service.SAVE, SaveContractInput, ContractPayload, "Create or change a contract."),)
