"""Deleting a draft: nobody but its provider has seen it, and another claim may use its number."""

from typing import Any, Final

from sqlalchemy.exc import IntegrityError

from app.db import batches as batches_db
from app.db import claims as claims_db
from app.db import guides as guides_db
from app.db import history as history_db
from app.db import remittances as remittances_db
from app.domain.actions import ClaimOperation
from app.domain.claims import check_deletion
from app.domain.errors import conflict
from app.events.contracts import claim_event
from app.services import claims, remittance_lines
from app.unit_of_work.action import Action, StoredAnswer
from app.unit_of_work.unit import UnitOfWork
from app.values.frozen import frozen


@frozen
class DeletedDraft:
    """What is left of a deleted draft for its caller."""

    deleted_claim_id: str
    provider_claim_number: str


async def delete(unit: UnitOfWork, *, id: str, version: int | None) -> DeletedDraft:
    """Delete a draft with its items and history; lines of statements that it matched wait for a person again."""
    # Before the claim: whoever posts a statement locks them in this order.
    matching = await remittances_db.lock_of_claim(unit.connection, id)
    claim = await claims.locked(unit, id, version)
    check_deletion(claim.status)
    if await batches_db.is_member(unit.connection, id):
        raise conflict("the claim was in a batch: cancel it instead")
    await remittance_lines.forget_draft(unit, matching, id)
    await claims_db.delete_items(unit.connection, id)
    await guides_db.delete_of_draft(unit.connection, id)
    await history_db.delete_of_draft(unit.connection, id)
    try:
        await claims_db.delete_claim(unit.connection, id)
    except IntegrityError:
        raise conflict("a statement has just been matched to the claim: try again") from None
    unit.emit(claim_event("ClaimDeleted", claim, previous=claim.status, at=unit.now))
    unit.changed(claim.id, claim.patient_id)
    return DeletedDraft(claim.id, claim.provider_claim_number)


async def _rebuild(_unit: UnitOfWork, facts: Any) -> DeletedDraft:
    return DeletedDraft(*facts)


DELETE: Final = Action(
    "deleteDraftClaim",
    delete,
    needs="claims:create",
    answer=StoredAnswer(lambda deleted: [deleted.deleted_claim_id, deleted.provider_claim_number], _rebuild),
    offers=ClaimOperation.DELETE_DRAFT,
)
