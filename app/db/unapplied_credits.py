"""Queries on unapplied credits and their uses."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Select, Update, and_, case, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.children import Children
from app.db.counting import CANDIDATES_MAX, row_count
from app.db.filters import Condition, one_of
from app.db.pages import Chosen, Others, Values
from app.db.paging import Keyset
from app.db.queue_tables import unapplied_credit_moves, unapplied_credits
from app.db.records import columns, insert_records, update_columns
from app.db.scoping import credits_in, parties_of
from app.db.statements import query, query_one, query_total, writing
from app.db.sums import total
from app.domain.credits import CreditStep
from app.domain.data_scope import DataScope
from app.values.frozen import frozen


@frozen
class CreditRecord:
    id: str
    provider_cnes: str
    payer_ans: str
    remittance_id: str
    line_id: str | None
    claim_id: str | None
    amount_cents: int
    used_cents: int
    paid_on: date
    version: int
    created_by: str
    created_at: datetime
    # Of a credit beside the claims of a statement; it has no line.
    adjustment_id: str | None

    @property
    def left_cents(self) -> int:
        """What is not used yet."""
        return self.amount_cents - self.used_cents


@frozen
class CreditMoveRecord:
    """A use of a credit, or the reversal of one, and what of the credit is used after it."""

    id: str
    credit_id: str
    action: CreditStep
    reverses_id: str | None
    settlement_id: str | None
    amount_cents: int
    used_cents: int
    reason: str | None
    actor: str
    at: datetime


@frozen
class UsesOfStatement:
    """What of the credits of its lines went back, and what its credits beside the claims have settled, in cents."""

    refunded: int
    settled_beside: int


@frozen
class CreditFilter:
    """A credit matches when every given part does."""

    ids: tuple[str, ...] | None = None
    payers: tuple[str, ...] | None = None
    providers: tuple[str, ...] | None = None
    is_left: bool | None = None


CREDIT = columns(unapplied_credits, CreditRecord)
MOVE = columns(unapplied_credit_moves, CreditMoveRecord)


def _visible(scope: DataScope) -> Select[Any]:
    return select(*CREDIT).where(credits_in(scope))


def _visible_moves(scope: DataScope) -> Select[Any]:
    query = select(*MOVE).join(unapplied_credits, unapplied_credits.c.id == unapplied_credit_moves.c.credit_id)
    return query.where(credits_in(scope))


MOVES_OF: Final = Children(_visible_moves, unapplied_credit_moves.c.credit_id, CreditMoveRecord)


async def insert_credits(connection: AsyncConnection, rows: Sequence[CreditRecord]) -> None:
    """New credits."""
    await insert_records(connection, unapplied_credits, rows)


async def insert_move(connection: AsyncConnection, credit: CreditRecord, move: CreditMoveRecord) -> None:
    """A use of a credit that the caller has locked, and the credit as it is after it."""
    await insert_records(connection, unapplied_credit_moves, [move])
    await update_columns(connection, unapplied_credits, [credit], "used_cents", "version")


@query(CreditRecord)
def by_ids(scope: DataScope, ids: Sequence[str]) -> Select[Any]:
    """The credits with these ids within the scope."""
    return _visible(scope).where(unapplied_credits.c.id.in_(ids))


@query_one(CreditRecord)
def lock(scope: DataScope, credit_id: str) -> Select[Any]:
    """The credit, locked until the transaction ends."""
    return _visible(scope).where(unapplied_credits.c.id == credit_id).with_for_update()


@query(CreditRecord)
def of_lines(scope: DataScope, ids: Sequence[str]) -> Select[Any]:
    """The credits that came from these lines, oldest first."""
    return _visible(scope).where(unapplied_credits.c.line_id.in_(ids)).order_by(unapplied_credits.c.id)


@query(CreditMoveRecord)
def moves_by_ids(scope: DataScope, ids: Sequence[str]) -> Select[Any]:
    """The uses with these ids, of credits within the scope."""
    return _visible_moves(scope).where(unapplied_credit_moves.c.id.in_(ids))


@query(CreditMoveRecord)
def moves_of_credit(scope: DataScope, credit_id: str) -> Select[Any]:
    """The uses of a credit, oldest first."""
    table = unapplied_credit_moves.c
    return _visible_moves(scope).where(table.credit_id == credit_id).order_by(table.id)


@query_total(UsesOfStatement)
def uses_of_statement(remittance_id: str) -> Select[Any]:
    """What uses of the credits of a statement, which the caller has locked, have done with its money."""
    credit, move = unapplied_credits.c, unapplied_credit_moves.c
    is_refund = and_(credit.line_id.is_not(None), move.settlement_id.is_(None), move.action != CreditStep.WITHDRAW)
    is_beside = and_(credit.line_id.is_(None), move.settlement_id.is_not(None))
    parts = [total(case((each, move.amount_cents), else_=0)) for each in (is_refund, is_beside)]
    found = select(*parts).join(unapplied_credit_moves, move.credit_id == credit.id)
    return found.where(credit.remittance_id == remittance_id)


@query(CreditMoveRecord)
def moves_of_settlements(scope: DataScope, ids: Sequence[str]) -> Select[Any]:
    """The uses that made these settlements."""
    return _visible_moves(scope).where(unapplied_credit_moves.c.settlement_id.in_(ids))


@writing
def correct_days(remittance_id: str, paid_on: date) -> Update:
    """Give the credits of a remittance, which the caller has locked, its corrected day of payment."""
    table = unapplied_credits.c
    found = update(unapplied_credits).where(table.remittance_id == remittance_id)
    return found.values(paid_on=paid_on)


@query(CreditRecord)
def page(scope: DataScope, where: CreditFilter, keyset: Keyset) -> Select[Any]:
    """One page of the credits within the scope."""
    return _chosen(scope, where).page(CREDIT, keyset)


@query_total(row_count)
def count(scope: DataScope, where: CreditFilter, most: int = CANDIDATES_MAX) -> Select[Any]:
    """How many credits within the scope match the filter; of at most so many it is asked whether something is left."""
    return _chosen(scope, where).count(most)


def _conditions(where: CreditFilter) -> list[Condition]:
    table = unapplied_credits.c
    return one_of((table.id, where.ids), (table.payer_ans, where.payers), (table.provider_cnes, where.providers))


def _chosen(scope: DataScope, where: CreditFilter) -> Chosen:
    table = unapplied_credits.c
    columns = (table.id, table.used_cents, table.amount_cents)
    others = Others(columns, conditions=lambda credit: _is_left(where, credit))
    conditions = [credits_in(scope), *_conditions(where)]
    return Chosen(unapplied_credits, conditions, _values(scope, where), others, newest=table.created_at)


def _is_left(where: CreditFilter, credit: Any) -> list[Condition]:
    if where.is_left is None:
        return []
    return [credit.used_cents < credit.amount_cents if where.is_left else credit.used_cents == credit.amount_cents]


def _values(scope: DataScope, where: CreditFilter) -> list[Values]:
    table = unapplied_credits.c
    return parties_of(scope, table.provider_cnes, where.providers, table.payer_ans, where.payers)
