"""Queries on batches of appeals (lotes de recurso de glosa), which denials are in them, and their documents."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Select, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.appeal_tables import appeal_batch_denials, appeal_batch_documents, appeal_batch_history, appeal_batches
from app.db.batch_tables import batch_claims, batches
from app.db.batches import DocumentRecord
from app.db.children import Children
from app.db.counting import row_count
from app.db.denials import AMOUNTS, DENIAL, DenialRecord
from app.db.engine import run, scalar
from app.db.filters import OPEN_RANGE, Bounds, Condition, lacks, one_of, within
from app.db.pages import Chosen
from app.db.paging import Keyset
from app.db.records import columns, insert_records, update_record
from app.db.reference_tables import providers
from app.db.scoping import appeal_batches_in, claims_in, parties_of
from app.db.statements import query, query_one, query_pairs, query_total
from app.db.tables import claims, denials
from app.domain.appeal_batches import AppealBatchAction, AppealBatchStatus
from app.domain.data_scope import DataScope
from app.domain.denials import DenialStatus
from app.values.frozen import frozen


@frozen
class AppealBatchRecord:
    id: str
    number: int
    provider_cnes: str
    payer_ans: str
    contested_protocol: str
    tiss_version: str
    status: AppealBatchStatus
    denial_count: int
    total_cents: int
    protocol_number: str | None
    protocol_on: date | None
    reason: str | None
    version: int
    created_by: str
    created_at: datetime
    sent_at: datetime | None
    changed_at: datetime
    appeal_instance: int

    @property
    def updated_at(self) -> datetime:
        """The time of its last change."""
        return self.changed_at


@frozen
class AppealMemberRecord:
    """A denial in a batch: `active_denial_id` is its id while it can be in no other one."""

    batch_id: str
    denial_id: str
    sequence: int
    active_denial_id: str | None
    answered_cents: int | None


@frozen
class AppealBatchStep:
    """A step of the batch, and its row after it."""

    id: str
    batch_id: str
    action: AppealBatchAction
    status: AppealBatchStatus
    version: int
    denial_count: int
    total_cents: int
    reason: str | None
    actor: str
    at: datetime


@frozen
class AppealBatchFilter:
    """A batch matches when every given part does; ranges include both ends."""

    ids: tuple[str, ...] | None = None
    status: tuple[AppealBatchStatus, ...] | None = None
    payers: tuple[str, ...] | None = None
    providers: tuple[str, ...] | None = None
    created_at: Bounds[datetime] = OPEN_RANGE


@frozen
class UnsentFilter:
    """Appeals of a provider to a payer, against denials with one of these codes; `has_protocol`: only those of claims
    whose batch (lote de guias) has a protocol."""

    provider: str
    payer: str
    has_protocol: bool
    codes: tuple[str, ...] | None = None


OF_PROTOCOL_MAX: Final = 20
"""Batches of one protocol that an answer without their number is looked for in."""
BATCH = columns(appeal_batches, AppealBatchRecord)
MEMBER = columns(appeal_batch_denials, AppealMemberRecord)
DOCUMENT = columns(appeal_batch_documents, DocumentRecord)
STEP = columns(appeal_batch_history, AppealBatchStep)


def _visible(scope: DataScope) -> Select[Any]:
    return select(*BATCH).where(appeal_batches_in(scope))


def _visible_denials(scope: DataScope) -> Select[Any]:
    joined = select(*DENIAL).join(appeal_batch_denials, appeal_batch_denials.c.denial_id == denials.c.id)
    return joined.join(claims, claims.c.id == denials.c.claim_id).where(claims_in(scope))


def _visible_steps(scope: DataScope) -> Select[Any]:
    joined = select(*STEP).join(appeal_batches, appeal_batches.c.id == appeal_batch_history.c.batch_id)
    return joined.where(appeal_batches_in(scope))


DENIALS_OF: Final = Children(_visible_denials, appeal_batch_denials.c.batch_id, DenialRecord, amounts=AMOUNTS)
HISTORY_OF: Final = Children(_visible_steps, appeal_batch_history.c.batch_id, AppealBatchStep)


@query(AppealBatchRecord)
def by_ids(scope: DataScope, ids: Sequence[str]) -> Select[Any]:
    """The batches with these ids within the scope."""
    return _visible(scope).where(appeal_batches.c.id.in_(ids))


@query_one(AppealBatchRecord)
def by_number(scope: DataScope, provider: str, payer: str, number: int) -> Select[Any]:
    """The batch with this number of the provider and payer, within the scope."""
    table = appeal_batches.c
    return _visible(scope).where(table.provider_cnes == provider, table.payer_ans == payer, table.number == number)


@query(AppealBatchRecord)
def by_protocol(scope: DataScope, provider: str, payer: str, number: str) -> Select[Any]:
    """The sent batches with this protocol, the payer's own or that of the contested claims, the oldest first."""
    table = appeal_batches.c
    chosen = _visible(scope).where(
        table.provider_cnes == provider, table.payer_ans == payer, table.sent_at.is_not(None)
    )
    chosen = chosen.where(or_(table.protocol_number == number, table.contested_protocol == number))
    return chosen.order_by(table.number).limit(OF_PROTOCOL_MAX)


@query_pairs(AppealBatchRecord)
def of_denials(scope: DataScope, ids: Sequence[str]) -> Select[Any]:
    """Denial id -> its active batch; denials that are in none are left out."""
    member = appeal_batch_denials.c
    pairs = select(member.active_denial_id, *BATCH).join(appeal_batch_denials, member.batch_id == appeal_batches.c.id)
    return pairs.where(member.active_denial_id.in_(ids), appeal_batches_in(scope))


@query_one(AppealBatchRecord)
def lock(scope: DataScope, batch_id: str) -> Select[Any]:
    """The batch, locked until the transaction ends; the caller has locked the claims of its denials before."""
    return _visible(scope).where(appeal_batches.c.id == batch_id).with_for_update()


@query(AppealBatchRecord)
def lock_of_denials(denial_ids: Sequence[str]) -> Select[Any]:
    """The active batches of these denials, locked in id order, without a data scope."""
    member = appeal_batch_denials.c
    of_them = select(member.batch_id).where(member.active_denial_id.in_(denial_ids))
    query = select(*BATCH).where(appeal_batches.c.id.in_(of_them))
    return query.order_by(appeal_batches.c.id).with_for_update()


@query(AppealBatchRecord)
def page(scope: DataScope, where: AppealBatchFilter, keyset: Keyset) -> Select[Any]:
    """One page of the batches within the scope."""
    return _chosen(scope, where).page(BATCH, keyset)


@query_total(row_count)
def count(scope: DataScope, where: AppealBatchFilter) -> Select[Any]:
    """How many batches within the scope match the filter."""
    return _chosen(scope, where).count()


def _chosen(scope: DataScope, where: AppealBatchFilter) -> Chosen:
    table = appeal_batches.c
    parties = parties_of(scope, table.provider_cnes, where.providers, table.payer_ans, where.payers)
    conditions = [appeal_batches_in(scope), *_conditions(where)]
    return Chosen(appeal_batches, conditions, [(table.status, where.status), *parties])


async def next_number(connection: AsyncConnection, provider: str, payer: str) -> int:
    """The next number of the provider and payer; the provider's row stays locked until the commit, so that no number is
    lost or doubled."""
    await scalar(connection, select(providers.c.cnes).where(providers.c.cnes == provider).with_for_update())
    table = appeal_batches.c
    latest = select(func.max(table.number)).where(table.provider_cnes == provider, table.payer_ans == payer)
    return (await scalar(connection, latest) or 0) + 1


async def insert(connection: AsyncConnection, batch: AppealBatchRecord, members: Sequence[AppealMemberRecord]) -> None:
    """A new batch with its denials."""
    await insert_records(connection, appeal_batches, [batch])
    await insert_records(connection, appeal_batch_denials, members)


async def insert_document(connection: AsyncConnection, document: DocumentRecord) -> None:
    """The document of a batch; it is never changed."""
    await insert_records(connection, appeal_batch_documents, [document])


async def insert_steps(connection: AsyncConnection, steps: Sequence[AppealBatchStep]) -> None:
    """Append steps of batches; they are never changed."""
    await insert_records(connection, appeal_batch_history, steps)


async def update_batch(connection: AsyncConnection, batch: AppealBatchRecord) -> None:
    """Write the whole row of a batch that the caller has locked."""
    await update_record(connection, appeal_batches, batch)


@query(AppealMemberRecord)
def members_of(batch_ids: Sequence[str]) -> Select[Any]:
    """The denials of batches that the caller may see, in the order of the documents."""
    member = appeal_batch_denials.c
    return select(*MEMBER).where(member.batch_id.in_(batch_ids)).order_by(member.batch_id, member.sequence)


@query(AppealBatchStep)
def steps_by_ids(scope: DataScope, ids: Sequence[str]) -> Select[Any]:
    """The steps with these ids, of batches within the scope."""
    return _visible_steps(scope).where(appeal_batch_history.c.id.in_(ids))


@query_one(DocumentRecord)
def document_of(scope: DataScope, batch_id: str) -> Select[Any]:
    """The document of a batch within the scope, if it is written."""
    joined = select(*DOCUMENT).join(appeal_batches, appeal_batches.c.id == appeal_batch_documents.c.batch_id)
    return joined.where(appeal_batch_documents.c.batch_id == batch_id, appeal_batches_in(scope))


async def release(connection: AsyncConnection, batch_id: str) -> None:
    """Leave all denials of a batch that the caller has locked to other batches."""
    statement = update(appeal_batch_denials).where(appeal_batch_denials.c.batch_id == batch_id)
    await run(connection, statement.values(active_denial_id=None))


async def release_refused(connection: AsyncConnection, batch_id: str, denial_ids: Sequence[str]) -> None:
    """Leave these denials of a batch that the caller has locked to other batches."""
    member = appeal_batch_denials.c
    statement = update(appeal_batch_denials).where(member.batch_id == batch_id, member.denial_id.in_(denial_ids))
    await run(connection, statement.values(active_denial_id=None))


async def release_denial(connection: AsyncConnection, denial_id: str, answered_cents: int) -> None:
    """The appeal is answered: the denial may be appealed again in another batch. The caller has locked the batch."""
    statement = update(appeal_batch_denials).where(appeal_batch_denials.c.active_denial_id == denial_id)
    await run(connection, statement.values(active_denial_id=None, answered_cents=answered_cents))


async def is_waiting(connection: AsyncConnection, batch_id: str) -> bool:
    """Whether the batch has appeals that are not answered."""
    member = appeal_batch_denials.c
    left = select(member.denial_id).where(member.batch_id == batch_id, member.active_denial_id.is_not(None))
    return await scalar(connection, left.limit(1)) is not None


@query(DenialRecord)
def unsent(scope: DataScope, where: UnsentFilter, most: int) -> Select[Any]:
    """The first appealed denials of the filter that are in no active batch, oldest first."""
    member = select(appeal_batch_denials.c.denial_id).where(appeal_batch_denials.c.active_denial_id == denials.c.id)
    query = select(*DENIAL).join(claims, claims.c.id == denials.c.claim_id).where(claims_in(scope))
    query = query.where(claims.c.provider_cnes == where.provider, claims.c.payer_ans == where.payer)
    query = query.where(denials.c.status == DenialStatus.APPEALED, lacks(member))
    query = query.where(*one_of((denials.c.code, where.codes)))
    if where.has_protocol:
        sent = select(batch_claims.c.claim_id).join(batches, batches.c.id == batch_claims.c.batch_id)
        sent = sent.where(batch_claims.c.active_claim_id == claims.c.id, batches.c.protocol_number.is_not(None))
        query = query.where(sent.exists())
    return query.order_by(denials.c.id).limit(most)


@query_pairs(str)
def protocols_of(claim_ids: Sequence[str]) -> Select[Any]:
    """Claim id -> the payer's protocol of the batch (lote de guias) in which it was sent, of claims that have one."""
    member = batch_claims.c
    query = select(member.active_claim_id, batches.c.protocol_number).join(batches, batches.c.id == member.batch_id)
    return query.where(member.active_claim_id.in_(claim_ids), batches.c.protocol_number.is_not(None))


def _conditions(where: AppealBatchFilter) -> list[Condition]:
    table = appeal_batches.c
    return [
        *one_of(
            (table.id, where.ids),
            (table.status, where.status),
            (table.payer_ans, where.payers),
            (table.provider_cnes, where.providers),
        ),
        *within((table.created_at, where.created_at)),
    ]
