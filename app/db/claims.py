"""Queries on claims and their items."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, bindparam, delete, func, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.engine import fetch, fetch_one, run, scalar
from app.db.filters import OPEN_RANGE, Bounds, Condition, equal, one_of, within
from app.db.paging import Keyset
from app.db.records import columns, insert_records, update_record
from app.db.replacements import is_replaced
from app.db.scoping import claims_in
from app.db.sums import summed, total
from app.db.tables import claim_items, claims, denials, invoice_lines
from app.domain.claims import SENT, ClaimStatus, ClaimType
from app.domain.data_scope import DataScope
from app.domain.denials import IN_DISPUTE
from app.domain.encounter import Encounter
from app.domain.money import Cents
from app.domain.preflight import Finding


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
    replaces_id: str | None
    warnings: tuple[Finding, ...] | None
    encounter: Encounter | None
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
    code_system: str
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
class ClaimFilter:
    """A claim matches when every given part does; ranges include both ends, amounts are cents."""

    ids: tuple[str, ...] | None = None
    status: tuple[ClaimStatus, ...] | None = None
    types: tuple[ClaimType, ...] | None = None
    payers: tuple[str, ...] | None = None
    providers: tuple[str, ...] | None = None
    patient: str | None = None
    provider_claim_number: str | None = None
    payer_claim_number: str | None = None
    service_date: Bounds[date] = OPEN_RANGE
    created_at: Bounds[datetime] = OPEN_RANGE
    submitted_at: Bounds[datetime] = OPEN_RANGE
    claimed_cents: Bounds[int] = OPEN_RANGE
    denial_code: str | None = None
    is_in_dispute: bool | None = None
    is_invoiced: bool | None = None


@dataclass(frozen=True, slots=True)
class ClaimSums:
    """Sums over claims, in cents; `paid` is what payments have settled of their invoice lines."""

    claimed_cents: Cents
    approved_cents: Cents
    denied_cents: Cents
    paid_cents: Cents


@dataclass(frozen=True, slots=True)
class ServicesOf:
    """Whose services to look for, `other_than` the claim itself and the one it replaces: neither is a duplicate."""

    provider_cnes: str
    payer_ans: str
    patient_id: str
    other_than: tuple[str, ...]


CLAIM = columns(claims, ClaimRecord)
ITEM = columns(claim_items, ItemRecord)


def _visible(scope: DataScope) -> Select[Any]:
    return select(*CLAIM).where(claims_in(scope))


async def by_ids(connection: AsyncConnection, scope: DataScope, ids: Sequence[str]) -> list[ClaimRecord]:
    """The claims with these ids within the scope."""
    return await fetch(connection, _visible(scope).where(claims.c.id.in_(ids)), ClaimRecord)


async def patients_of(connection: AsyncConnection, scope: DataScope, ids: Sequence[str]) -> dict[str, str]:
    """Claim id -> patient id, for those of these ids that are claims within the scope."""
    query = select(claims.c.id, claims.c.patient_id).where(claims.c.id.in_(ids), claims_in(scope))
    return {row.id: row.patient_id for row in await connection.execute(query)}


async def by_number(connection: AsyncConnection, provider: str, payer: str, number: str) -> ClaimRecord | None:
    """The claim that already has this provider's number with this payer."""
    query = select(*CLAIM).where(
        claims.c.provider_cnes == provider,
        claims.c.payer_ans == payer,
        claims.c.provider_claim_number == number,
    )
    return await fetch_one(connection, query, ClaimRecord)


async def lock(connection: AsyncConnection, scope: DataScope, claim_id: str) -> ClaimRecord | None:
    """The claim, locked until the transaction ends so that two writers take turns."""
    return await fetch_one(connection, _visible(scope).where(claims.c.id == claim_id).with_for_update(), ClaimRecord)


async def lock_many(connection: AsyncConnection, scope: DataScope, ids: Sequence[str]) -> list[ClaimRecord]:
    """Several claims locked at once, always in id order so that two callers cannot deadlock."""
    query = _visible(scope).where(claims.c.id.in_(ids)).order_by(claims.c.id).with_for_update()
    return await fetch(connection, query, ClaimRecord)


async def page(connection: AsyncConnection, scope: DataScope, where: ClaimFilter, keyset: Keyset) -> list[ClaimRecord]:
    """One page of the claims within the scope."""
    return await fetch(connection, keyset.apply(_visible(scope).where(*_conditions(where))), ClaimRecord)


async def count(connection: AsyncConnection, scope: DataScope, where: ClaimFilter) -> int:
    """How many claims within the scope match the filter."""
    query = select(func.count()).select_from(claims).where(claims_in(scope), *_conditions(where))
    return int(await scalar(connection, query))


async def sums(connection: AsyncConnection, scope: DataScope, where: ClaimFilter) -> ClaimSums:
    """Sums over the claims within the scope that match the filter."""
    line, table = invoice_lines.c, claims.c
    paid = select(total(line.settled_cents)).where(line.claim_id == table.id).scalar_subquery()
    amounts = (table.claimed_cents, table.approved_cents, table.denied_cents, paid)
    query = select(*[total(each) for each in amounts]).where(claims_in(scope), *_conditions(where))
    return await summed(connection, query, ClaimSums)


async def is_any(connection: AsyncConnection) -> bool:
    """Whether there is any claim at all, in whatever scope."""
    return await scalar(connection, select(claims.c.id).limit(1)) is not None


async def insert_claim(connection: AsyncConnection, claim: ClaimRecord, items: Sequence[ItemRecord]) -> None:
    """A new claim with its items."""
    await insert_records(connection, claims, [claim])
    await insert_items(connection, items)


async def insert_items(connection: AsyncConnection, items: Sequence[ItemRecord]) -> None:
    """The items of one claim, in one statement."""
    await insert_records(connection, claim_items, items)


async def delete_items(connection: AsyncConnection, claim_id: str) -> None:
    """Delete the items of a draft that is about to get new ones."""
    await run(connection, delete(claim_items).where(claim_items.c.claim_id == claim_id))


async def update_claim(connection: AsyncConnection, claim: ClaimRecord) -> None:
    """Write the whole row of a claim that the caller has locked."""
    await update_record(connection, claims, claim)


async def update_items(connection: AsyncConnection, items: Sequence[ItemRecord]) -> None:
    """Write the decided amounts of items whose claim is locked."""
    names = ("processed_cents", "approved_cents", "denied_cents")
    statement = update(claim_items).where(claim_items.c.id == bindparam("item"))
    statement = statement.values({name: bindparam(f"new_{name}") for name in names})
    rows = [{"item": item.id, **{f"new_{name}": getattr(item, name) for name in names}} for item in items]
    await run(connection, statement, rows)


async def items_of_claims(connection: AsyncConnection, scope: DataScope, claim_ids: Sequence[str]) -> list[ItemRecord]:
    """The items of those of these claims that are within the scope, in sequence order."""
    query = select(*ITEM).join(claims, claims.c.id == claim_items.c.claim_id)
    query = query.where(claim_items.c.claim_id.in_(claim_ids), claims_in(scope))
    return await fetch(connection, query.order_by(claim_items.c.claim_id, claim_items.c.sequence), ItemRecord)


async def items_by_ids(connection: AsyncConnection, scope: DataScope, ids: Sequence[str]) -> list[ItemRecord]:
    """The items with these ids whose claims are within the scope."""
    query = select(*ITEM).join(claims, claims.c.id == claim_items.c.claim_id)
    return await fetch(connection, query.where(claim_items.c.id.in_(ids), claims_in(scope)), ItemRecord)


async def active_replacements(connection: AsyncConnection, scope: DataScope, ids: Sequence[str]) -> list[ClaimRecord]:
    """The claims that replace these ones and are not cancelled."""
    query = _visible(scope).where(claims.c.replaces_id.in_(ids), claims.c.status != ClaimStatus.CANCELLED)
    return await fetch(connection, query, ClaimRecord)


async def replaced_among(connection: AsyncConnection, ids: Sequence[str]) -> set[str]:
    """Which of these claims have a replacement that is not cancelled."""
    table = claims.c
    query = select(table.replaces_id).where(table.replaces_id.in_(ids), table.status != ClaimStatus.CANCELLED)
    return {row[0] for row in (await connection.execute(query)).all()}


async def by_numbers(
    connection: AsyncConnection, scope: DataScope, provider: str, payer: str, numbers: Sequence[str]
) -> list[ClaimRecord]:
    """The claims with one of these numbers, the provider's own or the payer's."""
    table = claims.c
    named = or_(table.provider_claim_number.in_(numbers), table.payer_claim_number.in_(numbers))
    query = _visible(scope).where(table.provider_cnes == provider, table.payer_ans == payer, named)
    return await fetch(connection, query, ClaimRecord)


async def services_elsewhere(
    connection: AsyncConnection, scope: DataScope, claim: ServicesOf, services: Sequence[tuple[str, str, date]]
) -> set[tuple[str, str, date]]:
    """Which of these (table, code, day) other claims of this provider and payer bill for the same patient. Each is one
    row of the result: a patient may have thousands of items on one day."""
    item, table = claim_items.c, claims.c
    service = (item.code_system, item.code, item.performed_on)
    query = (
        select(*service)
        .distinct()
        .join(claims, table.id == item.claim_id)
        .where(table.provider_cnes == claim.provider_cnes, table.payer_ans == claim.payer_ans)
        .where(table.patient_id == claim.patient_id)
        .where(tuple_(*service).in_(services))
        .where(table.status.in_(sorted(SENT)), table.id.not_in(claim.other_than), claims_in(scope))
        .where(~is_replaced())
    )
    return {(row[0], row[1], row[2]) for row in (await connection.execute(query)).all()}


def _conditions(where: ClaimFilter) -> list[Condition]:
    table = claims.c
    matching = equal(
        (table.patient_id, where.patient),
        (table.provider_claim_number, where.provider_claim_number),
        (table.payer_claim_number, where.payer_claim_number),
    )
    matching += one_of(
        (table.id, where.ids),
        (table.status, where.status),
        (table.type, where.types),
        (table.payer_ans, where.payers),
        (table.provider_cnes, where.providers),
    )
    ranges = within(
        (table.service_date, where.service_date),
        (table.created_at, where.created_at),
        (table.submitted_at, where.submitted_at),
        (table.claimed_cents, where.claimed_cents),
    )
    return [*matching, *ranges, *_denial_conditions(where), *_billing_conditions(where)]


def _billing_conditions(where: ClaimFilter) -> list[Condition]:
    if where.is_invoiced is None:
        return []
    billed = select(invoice_lines.c.id).where(invoice_lines.c.billed_claim_id == claims.c.id).exists()
    return [billed if where.is_invoiced else ~billed]


def _denial_conditions(where: ClaimFilter) -> list[Condition]:
    of_claim = select(denials.c.id).where(denials.c.claim_id == claims.c.id)
    found: list[Condition] = []
    if where.denial_code is not None:
        found.append(of_claim.where(denials.c.code == where.denial_code).exists())
    if where.is_in_dispute is not None:
        disputed = of_claim.where(denials.c.status.in_(sorted(IN_DISPUTE))).exists()
        found.append(disputed if where.is_in_dispute else ~disputed)
    return found
