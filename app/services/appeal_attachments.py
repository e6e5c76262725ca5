"""Attaching documents to appeals, and removing them before the appeal is sent."""

from typing import Final

from app.db import appeal_attachments as attachments_db
from app.db import documents as documents_db
from app.db.appeal_attachments import AppealAttachmentRecord
from app.db.denials import DenialRecord
from app.db.documents import DocumentRecord
from app.domain import attachments, ids
from app.domain.actions import DenialOperation
from app.domain.attachments import ATTACHMENTS_MAX, BYTES_MAX, NAME_MAX
from app.domain.denials import DenialAction, next_status
from app.domain.errors import ErrorCode, Failure, conflict, not_found, refuse
from app.domain.refusals import checked
from app.domain.text import text_failure
from app.services import appeal_batch_steps, denials, documents
from app.services.denials import DENIAL_ANSWER
from app.unit_of_work.action import Action
from app.unit_of_work.unit import UnitOfWork

_TOO_LARGE: Final = Failure(
    ErrorCode.INVALID_INPUT, f"attach at most {BYTES_MAX:,} bytes: split the file, or reduce its images", "documentId"
)


async def attach(unit: UnitOfWork, *, id: str, document_id: str, file_name: str) -> DenialRecord:
    """Attach an uploaded document to the appeal against a denial that is not sent yet; the same bytes again change
    nothing. INVALID_INPUT for anything but a PDF, PNG or JPEG file that does nothing when it is opened."""
    document = await checked([_name_failure(file_name)], _checked(unit, document_id))
    claim, denial = await denials.locked(unit, id)
    next_status(denial.status, DenialAction.ATTACH)
    await appeal_batch_steps.require_unsent(unit, denial.id)
    present = await _of_appeal(unit, denial)
    if any(each.digest == document.digest for each in present):
        unit.changed(denial.id, claim.patient_id)
        return denial
    if len(present) >= ATTACHMENTS_MAX:
        raise conflict(f"an appeal has at most {ATTACHMENTS_MAX} attachments: join some files")
    await attachments_db.insert(
        unit.connection,
        AppealAttachmentRecord(
            id=ids.new_id(ids.APPEAL_ATTACHMENT),
            denial_id=denial.id,
            appeal_instance=denial.appeal_instance,
            document_id=document.id,
            file_name=file_name,
            digest=document.digest,
            size=document.size,
            kind=document.kind,
            created_by=unit.subject,
            created_at=unit.now,
            removed_at=None,
        ),
    )
    return denials.record_unchanged(unit, claim, denial, DenialAction.ATTACH)


async def remove(unit: UnitOfWork, *, id: str) -> DenialRecord:
    """Remove an attachment of an appeal that is not sent yet."""
    seen = await attachments_db.one(unit.connection, unit.scope, id)
    if seen is None:
        raise not_found("attachment")
    claim, denial = await denials.locked(unit, seen.denial_id)
    next_status(denial.status, DenialAction.REMOVE_ATTACHMENT)
    await appeal_batch_steps.require_unsent(unit, denial.id)
    found = [each for each in await _of_appeal(unit, denial) if each.id == id]
    if not found:
        raise conflict("the attachment is that of an answered appeal, or was removed")
    await attachments_db.remove(unit.connection, found, unit.now)
    return denials.record_unchanged(unit, claim, denial, DenialAction.REMOVE_ATTACHMENT)


def _name_failure(name: str) -> Failure | None:
    found = text_failure(name, "fileName", NAME_MAX)
    if found is None and any(each in name for each in '/\\"'):
        return Failure(ErrorCode.INVALID_INPUT, "use the name alone, without folders and quotation marks", "fileName")
    return found


async def _checked(unit: UnitOfWork, document_id: str) -> DocumentRecord:
    """The document, whose content was looked through."""
    content = await documents.small_content(unit, document_id, BYTES_MAX, _TOO_LARGE)
    (document,) = await documents_db.by_ids(unit.connection, unit.scope, [document_id], unit.subject)
    reason = await unit.children.run(attachments.failure, content, document.kind)
    if reason is not None:
        raise refuse(ErrorCode.INVALID_INPUT, reason, "documentId")
    return document


async def _of_appeal(unit: UnitOfWork, denial: DenialRecord) -> list[AppealAttachmentRecord]:
    found = await attachments_db.of_denials(unit.connection, unit.scope, [denial.id])
    return [each for each in found if each.appeal_instance == denial.appeal_instance]


ATTACH: Final = Action(
    "attachToAppeal", attach, needs="denials:appeal", answer=DENIAL_ANSWER, offers=DenialOperation.ATTACH
)
REMOVE: Final = Action("removeAppealAttachment", remove, needs="denials:appeal", answer=DENIAL_ANSWER)
