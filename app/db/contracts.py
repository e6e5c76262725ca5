"""Queries on contracts between providers and payers, and their price lists."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, delete, insert, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.engine import fetch, fetch_one, run
from app.db.reference_tables import contract_prices, contracts
from app.db.scoping import contracts_in
from app.domain.contracts import Price, Terms
from app.domain.data_scope import DataScope
from app.domain.money import Cents, Quantity


@dataclass(frozen=True, slots=True)
class ContractRecord:
    id: str
    provider_cnes: str
    payer_ans: str
    submission_window_days: int
    appeal_deadline_days: int
    payment_term_days: int
    version: int
    updated_by: str
    updated_at: datetime

    @property
    def terms(self) -> Terms:
        """The contract's periods in days."""
        return Terms(self.submission_window_days, self.appeal_deadline_days, self.payment_term_days)


@dataclass(frozen=True, slots=True)
class PriceRecord:
    id: str
    contract_id: str
    code_system: str
    code: str
    unit_price_cents: int
    valid_from: date
    valid_to: date | None
    quantity_max: int | None
    needs_authorization: bool

    @property
    def price(self) -> Price:
        """The price as the rules take it."""
        limit = None if self.quantity_max is None else Quantity(self.quantity_max)
        return Price(
            self.code_system,
            self.code,
            Cents(self.unit_price_cents),
            self.valid_from,
            self.valid_to,
            limit,
            self.needs_authorization,
        )


CONTRACT = tuple(contracts.c[name] for name in ContractRecord.__dataclass_fields__)
PRICE = tuple(contract_prices.c[name] for name in PriceRecord.__dataclass_fields__)


def _between(provider: str, payer: str) -> Select[Any]:
    return select(*CONTRACT).where(contracts.c.provider_cnes == provider, contracts.c.payer_ans == payer)


async def by_ids(connection: AsyncConnection, scope: DataScope, ids: Sequence[str]) -> list[ContractRecord]:
    """Contracts of the scope by their ids."""
    query = select(*CONTRACT).where(contracts.c.id.in_(ids), contracts_in(scope))
    return await fetch(connection, query, ContractRecord)


async def between(connection: AsyncConnection, provider: str, payer: str) -> ContractRecord | None:
    """The contract of this pair, for the rules: whoever may act for the pair is bound by it."""
    return await fetch_one(connection, _between(provider, payer), ContractRecord)


async def lock(connection: AsyncConnection, provider: str, payer: str) -> ContractRecord | None:
    """The contract held for a change."""
    return await fetch_one(connection, _between(provider, payer).with_for_update(), ContractRecord)


async def of_scope(
    connection: AsyncConnection, scope: DataScope, provider: str | None, payer: str | None
) -> list[ContractRecord]:
    """The contracts that the scope holds, by provider and payer."""
    query = select(*CONTRACT).where(contracts_in(scope))
    if provider is not None:
        query = query.where(contracts.c.provider_cnes == provider)
    if payer is not None:
        query = query.where(contracts.c.payer_ans == payer)
    order = (contracts.c.provider_cnes, contracts.c.payer_ans)
    return await fetch(connection, query.order_by(*order).limit(500), ContractRecord)


async def prices_of(connection: AsyncConnection, ids: Sequence[str]) -> list[PriceRecord]:
    """The price lists of these contracts, by table, code and first day."""
    table = contract_prices.c
    query = select(*PRICE).where(table.contract_id.in_(ids))
    return await fetch(connection, query.order_by(table.code_system, table.code, table.valid_from), PriceRecord)


async def prices_for(
    connection: AsyncConnection, contract_id: str, codes: Sequence[tuple[str, str]]
) -> list[PriceRecord]:
    """The prices of these (table, code) pairs in one contract, of whatever period."""
    table = contract_prices.c
    pairs = tuple_(table.code_system, table.code)
    query = select(*PRICE).where(table.contract_id == contract_id, pairs.in_(codes))
    return await fetch(connection, query, PriceRecord)


async def insert_contract(connection: AsyncConnection, contract: ContractRecord) -> None:
    """A new contract, still without prices."""
    await run(connection, insert(contracts).values(**asdict(contract)))


async def update_contract(connection: AsyncConnection, contract: ContractRecord) -> None:
    """Write the whole row of a contract that the caller holds locked."""
    values = asdict(contract)
    await run(connection, update(contracts).where(contracts.c.id == values.pop("id")).values(**values))


async def delete_prices(connection: AsyncConnection, contract_id: str) -> None:
    """Drop the price list of a contract that is about to get a new one."""
    await run(connection, delete(contract_prices).where(contract_prices.c.contract_id == contract_id))


async def insert_prices(connection: AsyncConnection, prices: Sequence[PriceRecord]) -> None:
    """More prices, in one statement."""
    await run(connection, insert(contract_prices), [asdict(price) for price in prices])
