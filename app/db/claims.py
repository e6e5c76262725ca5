"""Queries on claims, their items and glosas."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.engine import fetch, fetch_one, run, scalar
from app.db.paging import Keyset
from app.db.scoping import claims_in
from app.db.tables import claim_items, claims, glosas
from app.domain.claims import IN_DISPUTE, ClaimStatus, ClaimType, GlosaStatus
from app.domain.scope import Scope


@dataclass(frozen=True, slots=True)
class ClaimRecord:
    id: str
    type: ClaimType
    status: ClaimStatus
    provider_cnes: str
    payer_ans: str
    patient_id: str
    provider_claim_number: str
    payer_claim_number: str | None
    card_number: str
    practitioner_name: str | None
    practitioner_council: str | None
    practitioner_number: str | None
    practitioner_state: str | None
    practitioner_cbo: str | None
    authorization_number: str | None
    authorization_date: date | None
    authorization_valid_until: date | None
    service_date: date
    clinical_indication: str | None
    diagnosis_codes: tuple[str, ...]
    claimed_cents: int
    processed_cents: int | None
    approved_cents: int | None
    denied_cents: int | None
    version: int
    created_by: str
    created_at: datetime
    submitted_at: datetime | None
    decided_at: datetime | None


@dataclass(frozen=True, slots=True)
class ItemRecord:
    id: str
    claim_id: str
    sequence: int
    table_code: str
    code: str
    description: str
    performed_on: date
    quantity: int
    unit_price_cents: int
    factor: int
    total_cents: int
    processed_cents: int | None
    approved_cents: int | None
    denied_cents: int | None


@dataclass(frozen=True, slots=True)
class GlosaRecord:
    id: str
    claim_id: str
    item_id: str
    code: str
    amount_cents: int
    status: GlosaStatus
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ClaimFilter:
    """Every given part must hold; ranges include both ends, amounts are cents."""

    status: tuple[ClaimStatus, ...] | None = None
    type: ClaimType | None = None
    payer: str | None = None
    provider: str | None = None
    patient: str | None = None
    provider_claim_number: str | None = None
    service_date_from: date | None = None
    service_date_to: date | None = None
    submitted_from: datetime | None = None
    submitted_to: datetime | None = None
    amount_from: int | None = None
    amount_to: int | None = None
    glosa_code: str | None = None
    is_in_dispute: bool | None = None


CLAIM = tuple(claims.c[name] for name in ClaimRecord.__dataclass_fields__)
ITEM = tuple(claim_items.c[name] for name in ItemRecord.__dataclass_fields__)
GLOSA = tuple(glosas.c[name] for name in GlosaRecord.__dataclass_fields__)


def _visible(scope: Scope) -> Select[Any]:
    return select(*CLAIM).where(claims_in(scope))


async def by_ids(connection: AsyncConnection, scope: Scope, ids: Sequence[str]) -> list[ClaimRecord]:
    """The claims of these ids that the scope holds."""
    return await fetch(connection, _visible(scope).where(claims.c.id.in_(ids)), ClaimRecord)


async def by_number(connection: AsyncConnection, provider: str, payer: str, number: str) -> ClaimRecord | None:
    """The claim that already carries this provider's number with this payer."""
    query = select(*CLAIM).where(
        claims.c.provider_cnes == provider,
        claims.c.payer_ans == payer,
        claims.c.provider_claim_number == number,
    )
    return await fetch_one(connection, query, ClaimRecord)


async def lock(connection: AsyncConnection, scope: Scope, claim_id: str) -> ClaimRecord | None:
    """The claim, held until the transaction ends, so that two writers take turns."""
    return await fetch_one(connection, _visible(scope).where(claims.c.id == claim_id).with_for_update(), ClaimRecord)


async def lock_many(connection: AsyncConnection, scope: Scope, ids: Sequence[str]) -> list[ClaimRecord]:
    """Several claims held at once, always in id order so that two callers cannot block each other."""
    query = _visible(scope).where(claims.c.id.in_(ids)).order_by(claims.c.id).with_for_update()
    return await fetch(connection, query, ClaimRecord)


async def page(connection: AsyncConnection, scope: Scope, where: ClaimFilter, keyset: Keyset) -> list[ClaimRecord]:
    """One page of the claims that the scope holds."""
    return await fetch(connection, keyset.apply(_visible(scope).where(*_conditions(where))), ClaimRecord)


async def count(connection: AsyncConnection, scope: Scope, where: ClaimFilter) -> int:
    """How many claims the filter holds within the scope."""
    query = select(func.count()).select_from(claims).where(claims_in(scope), *_conditions(where))
    return int(await scalar(connection, query))


async def insert_claim(connection: AsyncConnection, claim: ClaimRecord, items: Sequence[ItemRecord]) -> None:
    """A new claim with its items."""
    await run(connection, insert(claims).values(**asdict(claim)))
    await insert_items(connection, items)


async def insert_items(connection: AsyncConnection, items: Sequence[ItemRecord]) -> None:
    """The items of one claim, in one statement."""
    await run(connection, insert(claim_items), [asdict(item) for item in items])


async def delete_items(connection: AsyncConnection, claim_id: str) -> None:
    """Drop the items of a draft that is about to get new ones."""
    await run(connection, delete(claim_items).where(claim_items.c.claim_id == claim_id))


async def update_claim(connection: AsyncConnection, claim: ClaimRecord) -> None:
    """Write the whole row of a claim that the caller holds locked."""
    values = asdict(claim)
    await run(connection, update(claims).where(claims.c.id == values.pop("id")).values(**values))


async def update_item(connection: AsyncConnection, item: ItemRecord) -> None:
    """Write the decided amounts of one item whose claim is locked."""
    amounts = {
        "processed_cents": item.processed_cents,
        "approved_cents": item.approved_cents,
        "denied_cents": item.denied_cents,
    }
    await run(connection, update(claim_items).where(claim_items.c.id == item.id).values(**amounts))


async def insert_glosas(connection: AsyncConnection, rows: Sequence[GlosaRecord]) -> None:
    """The denials of one decision."""
    await run(connection, insert(glosas), [asdict(row) for row in rows])


async def items_of_claims(connection: AsyncConnection, scope: Scope, claim_ids: Sequence[str]) -> list[ItemRecord]:
    """The items of these claims, in sequence order, as far as the scope holds the claims."""
    query = select(*ITEM).join(claims, claims.c.id == claim_items.c.claim_id)
    query = query.where(claim_items.c.claim_id.in_(claim_ids), claims_in(scope))
    return await fetch(connection, query.order_by(claim_items.c.claim_id, claim_items.c.sequence), ItemRecord)


async def glosas_of_items(connection: AsyncConnection, scope: Scope, item_ids: Sequence[str]) -> list[GlosaRecord]:
    """The glosas of these items, oldest first, as far as the scope holds the claims."""
    query = select(*GLOSA).join(claims, claims.c.id == glosas.c.claim_id)
    query = query.where(glosas.c.item_id.in_(item_ids), claims_in(scope))
    return await fetch(connection, query.order_by(glosas.c.id), GlosaRecord)


def _conditions(where: ClaimFilter) -> list[ColumnElement[bool]]:
    table = claims.c
    equal = (
        (table.type, where.type),
        (table.payer_ans, where.payer),
        (table.provider_cnes, where.provider),
        (table.patient_id, where.patient),
        (table.provider_claim_number, where.provider_claim_number),
    )
    ranges = (
        (table.service_date, where.service_date_from, where.service_date_to),
        (table.submitted_at, where.submitted_from, where.submitted_to),
        (table.claimed_cents, where.amount_from, where.amount_to),
    )
    found: list[ColumnElement[bool]] = [column == value for column, value in equal if value is not None]
    found += [column >= low for column, low, _ in ranges if low is not None]
    found += [column <= high for column, _, high in ranges if high is not None]
    if where.status is not None:
        found.append(table.status.in_(where.status))
    return found + _glosa_conditions(where)


def _glosa_conditions(where: ClaimFilter) -> list[ColumnElement[bool]]:
    of_claim = select(glosas.c.id).where(glosas.c.claim_id == claims.c.id)
    found: list[ColumnElement[bool]] = []
    if where.glosa_code is not None:
        found.append(of_claim.where(glosas.c.code == where.glosa_code).exists())
    if where.is_in_dispute is not None:
        disputed = of_claim.where(glosas.c.status.in_(sorted(IN_DISPUTE))).exists()
        found.append(disputed if where.is_in_dispute else ~disputed)
    return found
