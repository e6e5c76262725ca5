"""Queries on contracts between providers and payers, and their price lists."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, cast, delete, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.children import Children
from app.db.counting import count_of, row_count
from app.db.engine import run
from app.db.filters import Condition, one_of
from app.db.paging import Keyset
from app.db.records import columns, insert_records, update_record
from app.db.reference_tables import contract_prices, contracts
from app.db.scoping import contracts_in
from app.db.statements import query, query_one, query_total
from app.db.types import day_text
from app.domain.appeal_terms import ContractAppealClock, ContractAppealDaysKind
from app.domain.contracts import Price, Terms, TissVersion
from app.domain.data_scope import DataScope
from app.domain.ids import time_of
from app.domain.money import Cents, Quantity
from app.values.frozen import frozen


@frozen
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
    ends_on: date | None
    provider_code: str | None
    holds_membership: bool
    tiss_version: TissVersion
    appeal_clock: ContractAppealClock
    appeal_days_kind: ContractAppealDaysKind
    recalculation_code: str | None
    appeal_instances: int

    @property
    def created_at(self) -> datetime:
        """The time in its id, which is the database's."""
        return time_of(self.id)

    @property
    def terms(self) -> Terms:
        """The contract's periods in days."""
        return Terms(self.submission_window_days, self.appeal_deadline_days, self.payment_term_days)


@frozen
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
        """The price in the form that the rules use."""
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


@frozen
class ContractFilter:
    """A contract matches when every given part does."""

    ids: tuple[str, ...] | None = None
    payers: tuple[str, ...] | None = None
    providers: tuple[str, ...] | None = None


PRICES_MAX: Final = 20_000
_PRICES: dict[tuple[tuple[str, int, datetime], tuple[str, str]], list[PriceRecord]] = {}
"""Version of a contract and code -> the prices of the code, of every period."""
CONTRACT = columns(contracts, ContractRecord)
PRICE = columns(contract_prices, PriceRecord)


def _visible(scope: DataScope) -> Select[Any]:
    return select(*CONTRACT).where(contracts_in(scope))


def _between(provider: str, payer: str) -> Select[Any]:
    return select(*CONTRACT).where(contracts.c.provider_cnes == provider, contracts.c.payer_ans == payer)


@query(ContractRecord)
def by_ids(scope: DataScope, ids: Sequence[str]) -> Select[Any]:
    """Contracts of the scope by their ids."""
    return _visible(scope).where(contracts.c.id.in_(ids))


@query_one(ContractRecord)
def between(provider: str, payer: str) -> Select[Any]:
    """The contract of this pair, without a data scope: its rules bind every caller who may act for the pair."""
    return _between(provider, payer)


@query_one(ContractRecord)
def lock(provider: str, payer: str) -> Select[Any]:
    """The contract of this pair, locked until the transaction ends."""
    return _between(provider, payer).with_for_update()


@query_one(ContractRecord)
def lock_one(scope: DataScope, contract_id: str) -> Select[Any]:
    """The contract with this id within the scope, locked until the transaction ends."""
    return _visible(scope).where(contracts.c.id == contract_id).with_for_update()


@query(ContractRecord)
def page(scope: DataScope, where: ContractFilter, keyset: Keyset) -> Select[Any]:
    """One page of the contracts within the scope."""
    return keyset.apply(_visible(scope).where(*_conditions(where)))


@query_total(row_count)
def count(scope: DataScope, where: ContractFilter) -> Select[Any]:
    """How many contracts within the scope match the filter."""
    return count_of(_visible(scope).where(*_conditions(where)))


def _conditions(where: ContractFilter) -> list[Condition]:
    table = contracts.c
    return one_of((table.id, where.ids), (table.payer_ans, where.payers), (table.provider_cnes, where.providers))


def _visible_prices(scope: DataScope) -> Select[Any]:
    query = select(*PRICE).join(contracts, contracts.c.id == contract_prices.c.contract_id)
    return query.where(contracts_in(scope))


@query(PriceRecord)
def prices_by_ids(scope: DataScope, ids: Sequence[str]) -> Select[Any]:
    """The prices with these ids, of contracts within the scope."""
    return _visible_prices(scope).where(contract_prices.c.id.in_(ids))


@query(PriceRecord)
def prices_of(scope: DataScope, ids: Sequence[str]) -> Select[Any]:
    """The price lists of these contracts of the scope, ordered by code system, code and first day."""
    table = contract_prices.c
    query = _visible_prices(scope).where(table.contract_id.in_(ids))
    return query.order_by(table.code_system, table.code, table.valid_from)


PRICES_OF: Final = Children(_visible_prices, contract_prices.c.contract_id, PriceRecord)
PRICE_ORDER: Final[ColumnElement[str]] = (
    contract_prices.c.code_system + " " + contract_prices.c.code + " " + cast(contract_prices.c.valid_from, day_text())
).label("price_order")
"""By table, code and first day, as one text, such as `22 10101012 2026-01-01`: a keyset has one column."""


@query(PriceRecord)
def prices_for(contract_id: str, codes: Sequence[tuple[str, str]]) -> Select[Any]:
    """The prices of these (code system, code) pairs in one contract, of every period."""
    table = contract_prices.c
    pairs = tuple_(table.code_system, table.code)
    return select(*PRICE).where(table.contract_id == contract_id, pairs.in_(codes))


async def prices_of_version(
    connection: AsyncConnection, contract: ContractRecord, codes: Sequence[tuple[str, str]]
) -> list[PriceRecord]:
    """The same from memory, as far as this process has read them: every change of a price changes the version of its
    contract, and the time beside it, which a version that was rolled back does not share with its successor."""
    version = (contract.id, contract.version, contract.updated_at)
    # Taken before the statement, during which others may empty the memory.
    found = {code: _PRICES[version, code] for code in codes if (version, code) in _PRICES}
    missing = [code for code in codes if code not in found]
    if missing:
        if len(_PRICES) + len(missing) > PRICES_MAX:
            _PRICES.clear()
        found |= {code: [] for code in missing}
        for each in await prices_for(connection, contract.id, missing):
            found[each.code_system, each.code].append(each)
        _PRICES.update({(version, code): found[code] for code in missing})
    return [row for code in codes for row in found[code]]


async def insert_contract(connection: AsyncConnection, contract: ContractRecord) -> None:
    """A new contract, still without prices."""
    await insert_records(connection, contracts, [contract])


async def update_contract(connection: AsyncConnection, contract: ContractRecord) -> None:
    """Write the whole row of a contract that the caller has locked."""
    await update_record(connection, contracts, contract)


async def update_price(connection: AsyncConnection, price: PriceRecord) -> None:
    """Write the whole row of a price whose contract is locked."""
    await update_record(connection, contract_prices, price)


async def delete_prices(connection: AsyncConnection, contract_id: str) -> None:
    """Delete the price list of a contract that is about to get a new one."""
    await run(connection, delete(contract_prices).where(contract_prices.c.contract_id == contract_id))


async def insert_prices(connection: AsyncConnection, prices: Sequence[PriceRecord]) -> None:
    """More prices, in one statement."""
    await insert_records(connection, contract_prices, prices)


@query(str)
def providers_with_code(scope: DataScope, payer: str, code: str) -> Select[Any]:
    """The CNES of the providers that have this code at the payer."""
    table = contracts.c
    return select(table.provider_cnes).where(contracts_in(scope), table.payer_ans == payer, table.provider_code == code)
