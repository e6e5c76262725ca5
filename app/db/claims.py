"""Queries on claims and their items."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, bindparam, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.children import Children
from app.db.claim_sums import AMOUNTS
from app.db.counting import CANDIDATES_MAX, row_count
from app.db.engine import Overtaken, batches, fetch, fetch_in, run, scalar
from app.db.filters import OPEN_RANGE, Bounds, Condition, Elsewhere, equal, one_of, within
from app.db.merged_patients import same_patient
from app.db.pages import Chosen, Others, Start, Values
from app.db.paging import Keyset
from app.db.records import columns, insert_record_if, insert_records, update_columns, update_record
from app.db.reference_tables import coverages
from app.db.scoping import claims_in, parties_of
from app.db.statements import query, query_by_keys, query_one, query_total
from app.db.tables import claim_items, claims, denials, invoice_lines
from app.domain.claims import ClaimStatus, ClaimType
from app.domain.data_scope import DataScope
from app.domain.denials import IN_DISPUTE
from app.domain.encounter import Encounter
from app.domain.money import Cents
from app.domain.paid_lines import BilledItem
from app.domain.preflight import Finding
from app.domain.services import ServiceDetails
from app.values.frozen import frozen


@frozen
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
    patient_cents: int | None
    replaces_id: str | None
    warnings: tuple[Finding, ...] | None
    encounter: Encounter | None
    freed_id: str
    version: int
    created_by: str
    created_at: datetime
    submitted_at: datetime | None
    decided_at: datetime | None


@frozen
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
    patient_cents: int | None
    document_sequence: int | None
    details: ServiceDetails | None

    @property
    def number(self) -> int:
        """The number of the item in its document (sequencialItem), which another item may have too."""
        return self.sequence if self.document_sequence is None else self.document_sequence

    @property
    def billed(self) -> BilledItem:
        """The item in the form that the rules of statements use."""
        denied = None if self.denied_cents is None else Cents(self.denied_cents)
        return BilledItem(
            self.sequence, self.code, Cents(self.total_cents), denied, self.performed_on, self.document_sequence
        )


@frozen
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


CLAIM = columns(claims, ClaimRecord)
_DISPUTED: Final = sorted(IN_DISPUTE)
ITEM = columns(claim_items, ItemRecord)


def _visible(scope: DataScope) -> Select[Any]:
    return select(*CLAIM).where(claims_in(scope))


OF_PATIENT: Final = Children(_visible, claims.c.patient_id, ClaimRecord, amounts=AMOUNTS)


@query(ClaimRecord)
def by_ids(scope: DataScope, ids: Sequence[str]) -> Select[Any]:
    """The claims with these ids within the scope."""
    return _visible(scope).where(claims.c.id.in_(ids))


async def patients_of(connection: AsyncConnection, scope: DataScope, ids: Sequence[str]) -> dict[str, str]:
    """Claim id -> patient id, for those of these ids that are claims within the scope."""
    query = select(claims.c.id, claims.c.patient_id).where(claims.c.id.in_(ids), claims_in(scope))
    return {row.id: row.patient_id for row in await connection.execute(query)}


@query_one(ClaimRecord)
def by_number(provider: str, payer: str, number: str) -> Select[Any]:
    """The claim that already has this provider's number with this payer; not one that has left it to others."""
    return select(*CLAIM).where(
        claims.c.provider_cnes == provider,
        claims.c.payer_ans == payer,
        claims.c.provider_claim_number == number,
        claims.c.freed_id == "",
    )


@query_one(ClaimRecord)
def lock(scope: DataScope, claim_id: str) -> Select[Any]:
    """The claim, locked until the transaction ends so that two writers take turns."""
    return _visible(scope).where(claims.c.id == claim_id).with_for_update()


async def lock_many(connection: AsyncConnection, scope: DataScope, ids: Sequence[str]) -> list[ClaimRecord]:
    """Several claims locked at once, always in id order so that two callers cannot deadlock."""
    query = _visible(scope).order_by(claims.c.id).with_for_update()
    return await fetch_in(connection, query, claims.c.id, sorted(ids), ClaimRecord)


@query(ClaimRecord)
def page(scope: DataScope, where: ClaimFilter, keyset: Keyset) -> Select[Any]:
    """One page of the claims within the scope."""
    return chosen(scope, where).page(CLAIM, keyset)


@query_total(row_count)
def count(scope: DataScope, where: ClaimFilter, most: int = CANDIDATES_MAX) -> Select[Any]:
    """How many claims within the scope match the filter; at most so many are asked for their denials and invoices."""
    return chosen(scope, where).count(most)


@query_total(AMOUNTS.of)
def sums(scope: DataScope, where: ClaimFilter) -> Select[Any]:
    """Sums over the claims within the scope that match the filter."""
    return select(*AMOUNTS.totals).where(*chosen(scope, where).every)


async def is_any(connection: AsyncConnection) -> bool:
    """Whether there is any claim at all, in whatever scope."""
    return await scalar(connection, select(claims.c.id).limit(1)) is not None


async def insert_claim(
    connection: AsyncConnection, claim: ClaimRecord, items: Sequence[ItemRecord], coverage_id: str
) -> None:
    """A new claim with its items, on a coverage that is the patient's until the transaction ends: a merge of patients
    waits. Overtaken if the coverage has become another patient's."""
    given = {"coverage": coverage_id, "holder": claim.patient_id}
    if not await insert_record_if(connection, claims, claim, _HOLDS_COVERAGE, given):
        raise Overtaken
    await insert_items(connection, items)


_HOLDS_COVERAGE: Final = (
    select(coverages.c.id)
    .where(coverages.c.id == bindparam("coverage"), coverages.c.patient_id == bindparam("holder"))
    .with_for_update(read=True)
)


async def insert_items(connection: AsyncConnection, items: Sequence[ItemRecord]) -> None:
    """The items of one claim, in one statement."""
    await insert_records(connection, claim_items, items)


async def delete_items(connection: AsyncConnection, claim_id: str) -> None:
    """Delete the items of a draft that is about to get new ones, or to be deleted."""
    await run(connection, delete(claim_items).where(claim_items.c.claim_id == claim_id))


async def delete_claim(connection: AsyncConnection, claim_id: str) -> None:
    """Delete a draft, whose items and history are deleted already."""
    await run(connection, delete(claims).where(claims.c.id == claim_id))


async def update_claim(connection: AsyncConnection, claim: ClaimRecord) -> None:
    """Write the whole row of a claim that the caller has locked."""
    await update_record(connection, claims, claim)


async def update_items(connection: AsyncConnection, items: Sequence[ItemRecord]) -> None:
    """Write the decided amounts of items whose claim is locked."""
    amounts = ("processed_cents", "approved_cents", "denied_cents", "patient_cents")
    await update_columns(connection, claim_items, items, *amounts)


@query_by_keys(ItemRecord)
def items_of_claims(scope: DataScope, claim_ids: Sequence[str]) -> Select[Any]:
    """The items of those of these claims that are within the scope, in sequence order."""
    query = select(*ITEM).join(claims, claims.c.id == claim_items.c.claim_id)
    query = query.where(claims_in(scope)).order_by(claim_items.c.claim_id, claim_items.c.sequence)
    return query.where(claim_items.c.claim_id.in_(claim_ids))


@query(ItemRecord)
def items_by_ids(scope: DataScope, ids: Sequence[str]) -> Select[Any]:
    """The items with these ids whose claims are within the scope."""
    query = select(*ITEM).join(claims, claims.c.id == claim_items.c.claim_id)
    return query.where(claim_items.c.id.in_(ids), claims_in(scope))


@query(ClaimRecord)
def active_replacements(scope: DataScope, ids: Sequence[str]) -> Select[Any]:
    """The claims that replace these ones and are not cancelled."""
    return _visible(scope).where(claims.c.replaces_id.in_(ids), claims.c.status != ClaimStatus.CANCELLED)


async def replaced_among(connection: AsyncConnection, ids: Sequence[str]) -> set[str]:
    """Which of these claims have a replacement that is not cancelled."""
    table = claims.c
    found: set[str] = set()
    for batch in batches(ids):
        query = select(table.replaces_id).where(table.replaces_id.in_(batch), table.status != ClaimStatus.CANCELLED)
        found.update((await connection.execute(query)).scalars())
    return found


async def by_numbers(
    connection: AsyncConnection,
    scope: DataScope,
    provider: str,
    payer: str,
    *,
    own_numbers: Sequence[str],
    payer_numbers: Sequence[str],
    authorizations: Sequence[str] = (),
) -> list[ClaimRecord]:
    """The claims with one of these numbers of their own, or of the payer's, or with one of these authorizations."""
    table = claims.c
    visible = _visible(scope).where(table.provider_cnes == provider, table.payer_ans == payer)
    found: dict[str, ClaimRecord] = {}
    # Numbers of the payer have no index: one statement reads the claims once.
    conditions: list[Condition] = [
        table.provider_claim_number.in_(batch) & (table.freed_id == "") for batch in batches(own_numbers)
    ]
    conditions += [table.payer_claim_number.in_(payer_numbers)] if payer_numbers else []
    conditions += [table.authorization_number.in_(batch) for batch in batches(authorizations)]
    for condition in conditions:
        found |= {claim.id: claim for claim in await fetch(connection, visible.where(condition), ClaimRecord)}
    return list(found.values())


def chosen(scope: DataScope, where: ClaimFilter) -> Chosen:
    """The claims within the scope that match the filter."""
    others = Others((claims.c.id,), elsewhere=lambda claim: _elsewhere(where, claim.id))
    conditions = [claims_in(scope), *_conditions(where)]
    return Chosen(claims, conditions, _values(scope, where), others, _start(where), newest=claims.c.created_at)


def _conditions(where: ClaimFilter) -> list[Condition]:
    table = claims.c
    matching = [] if where.patient is None else [same_patient(table.patient_id, where.patient)]
    matching += equal(
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
    return [*matching, *ranges]


def _values(scope: DataScope, where: ClaimFilter) -> list[Values]:
    table = claims.c
    parties = parties_of(scope, table.provider_cnes, where.providers, table.payer_ans, where.payers)
    return [(table.status, where.status), (table.type, where.types), *parties]


def _elsewhere(where: ClaimFilter, claim: ColumnElement[str]) -> list[Elsewhere]:
    of_claim = select(denials.c.id).where(denials.c.claim_id == claim)
    billed = select(invoice_lines.c.id).where(invoice_lines.c.billed_claim_id == claim)
    found: list[Elsewhere] = []
    if where.denial_code is not None:
        found.append(Elsewhere(of_claim.where(denials.c.code == where.denial_code)))
    if where.is_in_dispute is not None:
        found.append(Elsewhere(of_claim.where(denials.c.status.in_(_DISPUTED)), where.is_in_dispute))
    if where.is_invoiced is not None:
        found.append(Elsewhere(billed, where.is_invoiced))
    return found


def _start(where: ClaimFilter) -> Start | None:
    """The denials or the lines of invoices that the claims have, if the filter wants any."""
    of_code = equal((denials.c.code, where.denial_code))
    if of_code or where.is_in_dispute:
        rows = select(denials.c.claim_id).where(*(of_code or [denials.c.status.in_(_DISPUTED)]))
    elif where.is_invoiced:
        billed = invoice_lines.c.billed_claim_id
        rows = select(billed.label("claim_id")).where(billed.is_not(None)).order_by(billed.desc())
    else:
        return None
    return Start(
        rows, lambda row: row.join(claims, claims.c.id == row.c.claim_id), [claims.c.id], is_first=bool(of_code)
    )
