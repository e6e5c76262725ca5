"""Exporting claims to the payer in one call: a batch is created and sent; the same claims give the same document."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from app.db import batches as batches_db
from app.db.batches import BatchRecord
from app.db.claims import ClaimRecord
from app.domain.batches import BatchStatus
from app.services import batch_documents, batches, claims
from app.services.batch_documents import WRITING_SECONDS_MAX, BatchDocument
from app.unit_of_work.action import Action, StoredAnswer
from app.unit_of_work.unit import UnitOfWork


async def export(unit: UnitOfWork, *, claim_ids: Sequence[str]) -> BatchDocument:
    """Create a batch of these claims, in the given order, and send it. If they are those of an active batch, the result
    is its document, which is written if that batch is still open."""
    chosen = await batches.chosen_claims(unit, claim_ids)
    known = await _batch_of(unit, claim_ids)
    if known is None:
        batch = await batches.create(unit, claim_ids=claim_ids)
        return (await batches.send_locked(unit, batch, chosen))[1]
    if known.status is BatchStatus.OPEN:
        return (await batches.send_locked(unit, *await batches.locked(unit, known.id, known.version)))[1]
    return await _stored(unit, known, chosen)


async def _batch_of(unit: UnitOfWork, claim_ids: Sequence[str]) -> BatchRecord | None:
    """The active batch that has these claims and no other ones; None if there is none."""
    found = await batches_db.of_claims(unit.connection, unit.scope, claim_ids)
    batch = found.get(claim_ids[0])
    if batch is None or batch.guide_count != len(claim_ids):
        return None
    return batch if all(each in found and found[each].id == batch.id for each in claim_ids) else None


async def _stored(unit: UnitOfWork, batch: BatchRecord, chosen: Sequence[ClaimRecord]) -> BatchDocument:
    found = await batches_db.document_of(unit.connection, unit.scope, batch.id)
    assert found is not None, "written when the batch was sent"  # noqa: S101
    batch_documents.disclose(unit, chosen)
    return await batch_documents.unpacked(batch.number, found, chosen)


def _facts(done: BatchDocument) -> Any:
    stored = [claims.STORED_CLAIM.facts(each) for each in done.claims]
    return [done.number, done.written_at.isoformat(), stored]


async def _rebuild(unit: UnitOfWork, facts: Any) -> BatchDocument:
    """The stored document; releases without batches stored none, and it is written again of the claims as they were."""
    number, at, stored = facts
    chosen = await claims.STORED_CLAIM.read(unit, stored)
    provider, payer, written_at = chosen[0].provider_cnes, chosen[0].payer_ans, datetime.fromisoformat(at)
    batch = await batches_db.by_number(unit.connection, unit.scope, provider, payer, int(number))
    if batch is not None and batch.sent_at == written_at:
        return await _stored(unit, batch, chosen)
    return await batch_documents.written(unit, chosen, number, written_at)


EXPORT: Final = Action(
    "exportBatch",
    export,
    needs="batches:export",
    answer=StoredAnswer(_facts, _rebuild),
    seconds=WRITING_SECONDS_MAX,
)
