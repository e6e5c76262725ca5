"""Queries on batches (lotes de guias), which claims are in them, and their documents."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Select, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.batch_tables import batch_claims, batch_documents, batch_history, batches
from app.db.children import Children
from app.db.claim_sums import AMOUNTS
from app.db.claims import CLAIM, ClaimRecord
from app.db.counting import row_count
from app.db.engine import run, scalar
from app.db.filters import OPEN_RANGE, Bounds, Condition, equal, lacks, one_of, within
from app.db.pages import Chosen, Values
from app.db.paging import Keyset
from app.db.records import columns, insert_records, update_record
from app.db.reference_tables import providers
from app.db.scoping import batches_in, claims_in, parties_of
from app.db.statements import query, query_by_keys, query_one, query_pairs, query_total
from app.db.tables import claims
from app.domain.batches import FINISHED, UNDECIDED, BatchAction, BatchStatus
from app.domain.claims import ClaimStatus, ClaimType
from app.domain.data_scope import DataScope
from app.values.frozen import frozen


@frozen
class BatchRecord:
    id: str
    number: int
    provider_cnes: str
    payer_ans: str
    type: ClaimType
    tiss_version: str
    status: BatchStatus
    guide_count: int
    total_cents: int
    protocol_number: str | None
    protocol_on: date | None
    reason: str | None
    version: int
    created_by: str
    created_at: datetime
    sent_at: datetime | None
    changed_at: datetime

    @property
    def updated_at(self) -> datetime:
        """The time of its last change."""
        return self.changed_at


@frozen
class MemberRecord:
    """A claim in a batch: `active_claim_id` is its id while it can be in no other one."""

    batch_id: str
    claim_id: str
    sequence: int
    active_claim_id: str | None
    refusal_code: str | None


@frozen
class DocumentRecord:
    """The document of a batch, compressed; `sha256` is that of the document itself."""

    batch_id: str
    file_name: str
    hash: str
    sha256: str
    content: bytes
    written_at: datetime


@frozen
class BatchStep:
    """A step of the batch, and its row after it; `claim_id` is the claim that the step is about."""

    id: str
    batch_id: str
    action: BatchAction
    status: BatchStatus
    version: int
    claim_id: str | None
    guide_count: int
    total_cents: int
    reason: str | None
    actor: str
    at: datetime


@frozen
class BatchFilter:
    """A batch matches when every given part does; ranges include both ends."""

    ids: tuple[str, ...] | None = None
    status: tuple[BatchStatus, ...] | None = None
    types: tuple[ClaimType, ...] | None = None
    payers: tuple[str, ...] | None = None
    providers: tuple[str, ...] | None = None
    numbers: tuple[int, ...] | None = None
    protocol_number: str | None = None
    created_at: Bounds[datetime] = OPEN_RANGE


BATCH = columns(batches, BatchRecord)
MEMBER = columns(batch_claims, MemberRecord)
DOCUMENT = columns(batch_documents, DocumentRecord)
STEP = columns(batch_history, BatchStep)


def _visible(scope: DataScope) -> Select[Any]:
    return select(*BATCH).where(batches_in(scope))


def _visible_claims(scope: DataScope) -> Select[Any]:
    joined = select(*CLAIM).join(batch_claims, batch_claims.c.claim_id == claims.c.id)
    return joined.where(claims_in(scope), batch_claims.c.refusal_code.is_(None))


def _visible_steps(scope: DataScope) -> Select[Any]:
    return select(*STEP).join(batches, batches.c.id == batch_history.c.batch_id).where(batches_in(scope))


CLAIMS_OF: Final = Children(_visible_claims, batch_claims.c.batch_id, ClaimRecord, amounts=AMOUNTS)
HISTORY_OF: Final = Children(_visible_steps, batch_history.c.batch_id, BatchStep)


@query(BatchRecord)
def by_ids(scope: DataScope, ids: Sequence[str]) -> Select[Any]:
    """The batches with these ids within the scope."""
    return _visible(scope).where(batches.c.id.in_(ids))


@query(BatchStep)
def steps_by_ids(scope: DataScope, ids: Sequence[str]) -> Select[Any]:
    """The steps with these ids, of batches within the scope."""
    return _visible_steps(scope).where(batch_history.c.id.in_(ids))


@query_one(BatchRecord)
def by_number(scope: DataScope, provider: str, payer: str, number: int) -> Select[Any]:
    """The batch with this number of the provider and payer, within the scope."""
    table = batches.c
    return _visible(scope).where(table.provider_cnes == provider, table.payer_ans == payer, table.number == number)


@query(BatchRecord)
def numbered(scope: DataScope, provider: str, payer: str, numbers: Sequence[int]) -> Select[Any]:
    """The batches of a provider and payer with these numbers."""
    table = batches.c
    own = (table.provider_cnes == provider, table.payer_ans == payer, table.number.in_(numbers))
    return _visible(scope).where(*own)


@query_pairs(BatchRecord)
def of_claims(scope: DataScope, ids: Sequence[str]) -> Select[Any]:
    """Claim id -> its active batch; claims that are in none are left out."""
    member = batch_claims.c
    pairs = select(member.active_claim_id, *BATCH).join(batch_claims, member.batch_id == batches.c.id)
    return pairs.where(member.active_claim_id.in_(ids), batches_in(scope))


@query_one(BatchRecord)
def lock(scope: DataScope, batch_id: str) -> Select[Any]:
    """The batch, locked until the transaction ends; the caller has locked its claims before."""
    return _visible(scope).where(batches.c.id == batch_id).with_for_update()


@query(BatchRecord)
def page(scope: DataScope, where: BatchFilter, keyset: Keyset) -> Select[Any]:
    """One page of the batches within the scope."""
    return _chosen(scope, where).page(BATCH, keyset)


@query_total(row_count)
def count(scope: DataScope, where: BatchFilter) -> Select[Any]:
    """How many batches within the scope match the filter."""
    return _chosen(scope, where).count()


async def next_number(connection: AsyncConnection, provider: str, payer: str) -> int:
    """The next number of the provider and payer; the provider's row stays locked until the commit, so that no number is
    lost or doubled.

    The first one follows the numbers of documents that releases without batches have written.
    """
    table = batches.c
    earlier = select(providers.c.last_batch_number).where(providers.c.cnes == provider).with_for_update()
    found: int = await scalar(connection, earlier)
    latest = select(func.max(table.number)).where(table.provider_cnes == provider, table.payer_ans == payer)
    return max(found, await scalar(connection, latest) or 0) + 1


async def insert(connection: AsyncConnection, batch: BatchRecord, members: Sequence[MemberRecord]) -> None:
    """A new batch with its claims."""
    await insert_records(connection, batches, [batch])
    await insert_records(connection, batch_claims, members)


async def insert_document(connection: AsyncConnection, document: DocumentRecord) -> None:
    """The document of a batch; it is never changed."""
    await insert_records(connection, batch_documents, [document])


async def insert_steps(connection: AsyncConnection, steps: Sequence[BatchStep]) -> None:
    """Append steps of batches; they are never changed."""
    await insert_records(connection, batch_history, steps)


async def update_batch(connection: AsyncConnection, batch: BatchRecord) -> None:
    """Write the whole row of a batch that the caller has locked."""
    await update_record(connection, batches, batch)


@query(MemberRecord)
def members_of(batch_ids: Sequence[str]) -> Select[Any]:
    """The claims of batches that the caller may see, in the order of the documents."""
    member = batch_claims.c
    return select(*MEMBER).where(member.batch_id.in_(batch_ids)).order_by(member.batch_id, member.sequence)


@query_one(DocumentRecord)
def document_of(scope: DataScope, batch_id: str) -> Select[Any]:
    """The document of a batch within the scope, if it is written."""
    query = select(*DOCUMENT).join(batches, batches.c.id == batch_documents.c.batch_id)
    return query.where(batch_documents.c.batch_id == batch_id, batches_in(scope))


async def remove(connection: AsyncConnection, batch_id: str, claim_id: str) -> None:
    """Take a claim out of an open batch that the caller has locked."""
    member = batch_claims.c
    await run(connection, delete(batch_claims).where(member.batch_id == batch_id, member.claim_id == claim_id))


async def release(connection: AsyncConnection, batch_id: str) -> None:
    """Leave all claims of a batch that the caller has locked to other batches."""
    statement = update(batch_claims).where(batch_claims.c.batch_id == batch_id)
    await run(connection, statement.values(active_claim_id=None))


async def refuse(connection: AsyncConnection, batch_id: str, claim_id: str, code: str) -> None:
    """Leave a claim that the payer has refused to other batches; the caller has locked the batch."""
    member = batch_claims.c
    statement = update(batch_claims).where(member.batch_id == batch_id, member.claim_id == claim_id)
    await run(connection, statement.values(active_claim_id=None, refusal_code=code))


@query_by_keys(str)
def waiting_for(claim_ids: Sequence[str]) -> Select[Any]:
    """The ids of the batches that wait for the decision of one of these claims, without a data scope."""
    member = batch_claims.c
    query = select(member.batch_id).distinct().join(batches, batches.c.id == member.batch_id)
    return query.where(batches.c.status.in_(sorted(UNDECIDED)), member.active_claim_id.in_(claim_ids))


@query(BatchRecord)
def lock_waiting(batch_ids: Sequence[str]) -> Select[Any]:
    """Those of these batches that wait for decisions of the payer, locked in id order, without a data scope."""
    table = batches.c
    query = select(*BATCH).where(table.id.in_(batch_ids), table.status.in_(sorted(UNDECIDED)))
    return query.order_by(table.id).with_for_update()


@query_pairs(int)
def unfinished(batch_ids: Sequence[str]) -> Select[Any]:
    """Batch id -> how many of its claims are neither decided nor cancelled; batches without any are left out."""
    member = batch_claims.c
    query = select(member.batch_id, func.count()).join(claims, claims.c.id == member.active_claim_id)
    query = query.where(member.batch_id.in_(batch_ids), claims.c.status.not_in(sorted(FINISHED)))
    return query.group_by(member.batch_id)


@query(ClaimRecord)
def unsent_claims(scope: DataScope, provider: str, payer: str, days: tuple[date, date], most: int) -> Select[Any]:
    """The first submitted claims of the provider and payer that are in no batch, of services on these days, by type."""
    table = claims.c
    member = select(batch_claims.c.claim_id).where(batch_claims.c.active_claim_id == table.id)
    first, last = days
    query = select(*CLAIM).where(claims_in(scope), table.provider_cnes == provider, table.payer_ans == payer)
    query = query.where(table.status == ClaimStatus.SUBMITTED, table.service_date >= first, table.service_date <= last)
    return query.where(lacks(member)).order_by(table.type, table.created_at, table.id).limit(most)


async def was_sent(connection: AsyncConnection, claim_id: str) -> bool:
    """Whether the claim is or was in a batch that was sent."""
    joined = select(batches.c.id).join(batch_claims, batch_claims.c.batch_id == batches.c.id)
    query = joined.where(batch_claims.c.claim_id == claim_id, batches.c.sent_at.is_not(None))
    return await scalar(connection, query.limit(1)) is not None


async def is_member(connection: AsyncConnection, claim_id: str) -> bool:
    """Whether the claim is or was in a batch, unless it was removed from it before sending."""
    query = select(batch_claims.c.batch_id).where(batch_claims.c.claim_id == claim_id).limit(1)
    return await scalar(connection, query) is not None


def _conditions(where: BatchFilter) -> list[Condition]:
    table = batches.c
    matching = one_of(
        (table.id, where.ids),
        (table.status, where.status),
        (table.type, where.types),
        (table.payer_ans, where.payers),
        (table.provider_cnes, where.providers),
        (table.number, where.numbers),
    )
    return [
        *matching,
        *equal((table.protocol_number, where.protocol_number)),
        *within((table.created_at, where.created_at)),
    ]


def _chosen(scope: DataScope, where: BatchFilter) -> Chosen:
    return Chosen(batches, [batches_in(scope), *_conditions(where)], _values(scope, where))


def _values(scope: DataScope, where: BatchFilter) -> list[Values]:
    table = batches.c
    parties = parties_of(scope, table.provider_cnes, where.providers, table.payer_ans, where.payers)
    return [(table.status, where.status), (table.type, where.types), *parties]
