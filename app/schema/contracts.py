"""Contracts between providers and payers, with their price lists."""

from datetime import date, datetime
from typing import Annotated, Any

import strawberry

from app.db.contracts import ContractFilter, ContractRecord, PriceRecord
from app.domain.appeal_terms import ContractAppealClock, ContractAppealDaysKind
from app.domain.contracts import Price, Terms, TissVersion
from app.domain.identifiers import AnsCode, Cnes
from app.domain.money import Cents, Quantity
from app.resolvers import contracts
from app.resolvers.contracts import ContractOrderField
from app.resolvers.paging import Slice
from app.schema.base import filters, inputs, lists
from app.schema.base.arguments import FILTER, ORDER, After, Before, First, FirstLines, Last, LastLines
from app.schema.base.connections import Connection, Node
from app.schema.base.described import described
from app.schema.base.filters import given
from app.schema.base.info import Info
from app.schema.base.mutations import KEY, VERSION, MutationPayload, check_arguments, mutation
from app.schema.base.ordering import OrderDirection, Ordering, direction, ordered, sort_by
from app.schema.base.permissions import Requires, financial
from app.schema.base.relations import paged, related
from app.schema.base.types import input_type, object_type
from app.schema.parties import Payer, Provider
from app.services import contracts as service
from app.services.contracts import ContractForm

WINDOW = "Days from the service to the last day on which a claim can be submitted."
DEADLINE = "Days from a denial to the last day on which it can be appealed."
TERM = "Days from issuing an invoice to its due date."
PROVIDER_CODE = (
    "The payer's code for the provider (codigoPrestadorNaOperadora), used in documents; up to 14 characters."
)
MEMBERSHIP = "Whether the gateway knows all cards of the payer: then a claim with an unknown card is refused."
TISS_VERSION = "TISS version of the documents."

APPEAL_CLOCK = "The day from which the days to appeal count."
RECALCULATION = (
    "Code of Tabela 38 with which a posted statement denies what the payer leaves out of an item without a reason; "
    "null if a person decides."
)
INSTANCES = "How often a denial that the payer upholds can be appealed, 1 or 2 times."
APPEAL_DAYS_KIND = "Which days count for the appeal deadline."

described(ContractAppealClock, "Start of the time to appeal; new values may be added.")
described(ContractAppealDaysKind, "Which days a deadline counts; new values may be added.")
described(TissVersion, "Version of the TISS standard; new values may be added.")


@object_type(description="An agreed price of a code, for services performed while it is valid.")
class ContractPrice(Node):
    record = PriceRecord

    code_system: str = strawberry.field(description="TUSS table (codigoTabela).")
    code: str = strawberry.field(description="Code within the table (codigoProcedimento).")
    valid_from: date = strawberry.field(description="First day on which the price is valid.")
    valid_to: date | None = strawberry.field(description="Last day on which the price is valid; null for no end.")
    quantity_max: Quantity | None = strawberry.field(description="Maximum quantity in one item; null for no limit.")
    needs_authorization: bool = strawberry.field(description="Whether the payer requires an authorization (senha).")
    unit_price_cents: Cents | None = strawberry.field(
        name="unitPrice",
        description="Price of one unit (valorUnitario).",
        extensions=financial("amounts:read", "gateway:configure"),
    )


@object_type(description="A contract between a provider and a payer.")
class Contract(Node):
    record = ContractRecord

    submission_window_days: int = strawberry.field(description=WINDOW)
    appeal_deadline_days: int = strawberry.field(description=DEADLINE)
    payment_term_days: int = strawberry.field(description=TERM)
    version: int = strawberry.field(
        description="Increases with every change; pass it back as `version` to detect concurrent changes."
    )
    created_at: datetime = strawberry.field(description="Time of creation.")
    updated_by: str = strawberry.field(description="Who last changed it: subject of a token.")
    updated_at: datetime = strawberry.field(description="Time of the last change.")
    ends_on: date | None = strawberry.field(
        description="Last day of service that new claims may have; null for a contract that is not closed."
    )

    provider_code: str | None = strawberry.field(description=PROVIDER_CODE)
    holds_membership: bool = strawberry.field(description=MEMBERSHIP)
    tiss_version: TissVersion = strawberry.field(description=TISS_VERSION)
    appeal_clock: ContractAppealClock = strawberry.field(description=APPEAL_CLOCK)
    appeal_days_kind: ContractAppealDaysKind = strawberry.field(description=APPEAL_DAYS_KIND)
    recalculation_code: str | None = strawberry.field(description=RECALCULATION)
    appeal_instances: int = strawberry.field(description=INSTANCES)

    payer = related(
        Payer | None,
        lambda loaders: loaders.payer,
        "payer_ans",
        description="The health insurer (operadora).",
    )

    provider = related(
        Provider | None,
        lambda loaders: loaders.provider,
        "provider_cnes",
        description="The establishment (prestador).",
    )

    @strawberry.field(
        graphql_type=Connection[ContractPrice],
        directives=[lists.LINES_PAGE],
        description="Price list, ordered by table, code and first day.",
    )
    @paged(contracts.PRICES)
    async def prices(
        contract: strawberry.Parent[ContractRecord],
        info: Info,
        first: FirstLines = None,
        after: After = None,
        last: LastLines = None,
        before: Before = None,
    ) -> Any:
        return await contracts.PRICES.page(info.context, contract.id, at=Slice(first, after, last, before))


@input_type(description="Filter for contracts. Every given condition must match.")
class ContractFilterInput:
    ids: list[strawberry.ID] | None = filters.any_of("Id")
    payers: list[AnsCode] | None = filters.payers()
    providers: list[Cnes] | None = filters.providers()

    def where(self) -> ContractFilter:
        """The filter as the database layer expects it."""
        return ContractFilter(given(self.ids), given(self.payers), given(self.providers))


described(ContractOrderField, "What contracts can be sorted by.")


@input_type(description="Order of a list of contracts.")
class ContractOrder(Ordering):
    field: ContractOrderField = sort_by()
    direction: OrderDirection = direction()


class ContractQuery:
    @strawberry.field(
        graphql_type=Contract | None,
        description="A contract by id; null if it does not exist in the caller's data scope.",
        extensions=[Requires("contracts:read")],
    )
    async def contract(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Id of the contract.")]
    ) -> ContractRecord | None:
        return await info.context.loaders.contract.load(id)

    @strawberry.field(
        graphql_type=Connection[Contract] | None,
        directives=[lists.PAGE],
        description="Contracts in the caller's data scope, by default by provider; without one, the payer's own terms "
        "apply.",
        extensions=[Requires("contracts:read")],
    )
    async def contracts(
        self,
        info: Info,
        filter: Annotated[ContractFilterInput | None, FILTER] = None,
        order_by: Annotated[ContractOrder | None, ORDER] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        check_arguments(filter=filter)
        where = (filter or ContractFilterInput()).where()
        order = ordered(contracts.ORDERS, order_by, contracts.BY_PROVIDER)
        return await contracts.CONTRACTS.page(info.context, where, order, at=Slice(first, after, last, before))


@input_type(description="An agreed price of a code.")
class ContractPriceInput:
    code_system: str = strawberry.field(description="TUSS table (codigoTabela).")
    code: str = strawberry.field(description="Code within the table (codigoProcedimento).")
    unit_price: Cents = strawberry.field(description="Price of one unit (valorUnitario), above zero.")
    valid_from: date = strawberry.field(description="First day on which the price is valid.")
    valid_to: date | None = strawberry.field(
        default=None, description="Last day on which the price is valid; null for no end."
    )
    quantity_max: Quantity | None = strawberry.field(
        default=None, description="Maximum quantity in one item; null for no limit."
    )
    needs_authorization: bool = strawberry.field(
        default=False, description="Whether the payer requires an authorization (senha)."
    )

    def to_domain(self) -> Price:
        """The price as a domain value."""
        return Price(
            self.code_system,
            self.code,
            self.unit_price,
            self.valid_from,
            self.valid_to,
            self.quantity_max,
            self.needs_authorization,
        )


@input_type(one_of=True, description="A new price list, or prices to add to the current one.")
class ContractPricesInput:
    replace: list[ContractPriceInput] | None = strawberry.field(
        default=strawberry.UNSET,
        description="New price list, up to 1000 prices.",
        directives=lists.up_to(service.PRICES_MAX, checked_by_service=True),
    )
    add: list[ContractPriceInput] | None = strawberry.field(
        default=strawberry.UNSET,
        description="Up to 1000 prices to add, for lists that do not fit into one request.",
        directives=lists.up_to(service.PRICES_MAX, checked_by_service=True),
    )


def _prices(given: list[ContractPriceInput] | None) -> tuple[Price, ...] | None:
    return None if given is None else tuple(price.to_domain() for price in given)


@input_type(description="A contract between a provider and a payer.")
class SaveContractInput:
    provider: Cnes = strawberry.field(name="providerCnes", description="Provider, by CNES.")
    payer: AnsCode = strawberry.field(name="payerAnsCode", description="Payer, by registro ANS.")
    submission_window_days: int = strawberry.field(description=WINDOW)
    appeal_deadline_days: int = strawberry.field(description=DEADLINE)
    payment_term_days: int = strawberry.field(description=TERM)
    prices: ContractPricesInput | None = strawberry.field(
        default=None, description="What changes in the price list; null leaves it unchanged."
    )
    provider_code: str | None = strawberry.field(
        default=strawberry.UNSET, description=f"{PROVIDER_CODE} Omit it to leave it unchanged; null removes it."
    )
    holds_membership: bool | None = strawberry.field(
        default=None, description=f"{MEMBERSHIP} Null leaves it unchanged; false for a new contract."
    )
    tiss_version: TissVersion | None = strawberry.field(
        default=None, description=f"{TISS_VERSION} Null leaves it unchanged; the newest for a new contract."
    )
    appeal_clock: ContractAppealClock | None = strawberry.field(
        default=None, description=f"{APPEAL_CLOCK} Null leaves it unchanged; ISSUE for a new contract."
    )
    appeal_days_kind: ContractAppealDaysKind | None = strawberry.field(
        default=None, description=f"{APPEAL_DAYS_KIND} Null leaves it unchanged; CALENDAR for a new contract."
    )
    appeal_instances: int | None = strawberry.field(
        default=None, description=f"{INSTANCES} Null leaves it unchanged; 1 for a new contract."
    )
    recalculation_code: str | None = strawberry.field(
        default=strawberry.UNSET, description=f"{RECALCULATION} Omit it to leave it unchanged; null removes it."
    )
    version: int | None = strawberry.field(default=None, description=f"{VERSION} 0 if there is no contract yet.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)

    def arguments(self) -> dict[str, Any]:
        """The arguments of the service."""
        terms = Terms(self.submission_window_days, self.appeal_deadline_days, self.payment_term_days)
        changes = self.prices or ContractPricesInput()
        prices = _prices(inputs.member(changes.replace))
        added = _prices(inputs.member(changes.add)) or ()
        form = ContractForm(self.provider, self.payer, terms, prices, added, self._details())
        return {"form": form, "version": self.version}

    def _details(self) -> dict[str, Any] | None:
        names = ("holds_membership", "tiss_version", "appeal_clock", "appeal_days_kind", "appeal_instances")
        given = {name: getattr(self, name) for name in names}
        found: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        for name in ("provider_code", "recalculation_code"):
            if getattr(self, name) is not strawberry.UNSET:
                found[name] = getattr(self, name)
        return found or None


@object_type(description="Result of saving a contract.")
class ContractPayload(MutationPayload):
    contract: Contract | None = strawberry.field(
        default=None, description="The contract after the mutation; null if refused."
    )


MUTATIONS = (mutation(service.SAVE, SaveContractInput, ContractPayload, "Creates or changes a contract."),)
