"""Import jobs: started and cancelled by callers, and carried out some guides at a time, each time in one commit."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from app.db import imports as imports_db
from app.db.imports import ImportJobRecord, ImportResultRecord, JobPlace
from app.domain import identifiers, ids
from app.domain.claim_form import ClaimForm
from app.domain.documents import DocumentKind
from app.domain.errors import BillingError, DuplicateClaim, ErrorCode, Failure, conflict, not_found, refuse
from app.domain.identifiers import ans_failure, cnes_failure
from app.domain.imports import ImportJobAction, ImportJobKind, ImportJobStatus, ImportOutcome, next_status
from app.events.import_events import import_event
from app.services import batch_import, import_jobs
from app.services.batch_import import GuideOutcome, GuideResult
from app.services.import_jobs import Parties
from app.tiss.read_batch import FAILURES_MAX, IncomingGuide
from app.unit_of_work.action import Action, StoredAnswer
from app.unit_of_work.unit import UnitOfWork
from app.values.frozen import frozen


class JobLost(Exception):
    """Another process has taken the job, or it was cancelled."""


@frozen
class Hold:
    """A job as its holder has seen it last."""

    job: ImportJobRecord
    holder: str


@frozen
class TakenGuides:
    """The job after some guides, and how many were refused for a card that nobody has."""

    job: ImportJobRecord
    unknown_cards: int


async def start(unit: UnitOfWork, *, document_id: str) -> ImportJobRecord:
    """Queue the import of a document; NOT_FOUND, INVALID_INPUT for one that is no XML and no zip, CONFLICT after too
    many others."""
    document = await import_jobs.document_of(unit, document_id)
    if document.kind not in (DocumentKind.XML, DocumentKind.ZIP):
        message = "the document is neither XML nor a zip: upload a TISS batch, or a zip of several"
        raise refuse(ErrorCode.INVALID_INPUT, message, "documentId")
    return await import_jobs.queue(unit, document, (document.provider_cnes, document.payer_ans))


async def cancel(unit: UnitOfWork, *, id: str) -> ImportJobRecord:
    """Cancel a job that has not ended: the guide that is being imported is the last one, or is left out."""
    job = await imports_db.lock(unit.connection, unit.scope, id, unit.subject)
    if job is None:
        raise not_found("import job")
    if job.kind is ImportJobKind.STATEMENT and job.status is ImportJobStatus.RUNNING:
        raise conflict("cancel the remittances of the job instead", "importJobId")
    return await _end(unit, job, ImportJobAction.CANCEL)


async def begin(unit: UnitOfWork, *, hold: Hold, total: int, parties: Parties) -> ImportJobRecord:
    """The document was opened: it has `total` guides, and the first one these parties."""
    job, (provider, payer) = hold.job, _filled(unit, hold.job, parties)
    status = next_status(job.status, ImportJobAction.BEGIN)
    if not await imports_db.begin(unit.connection, job.id, hold.holder, status, unit.now, total, provider, payer):
        raise JobLost
    await imports_db.set_parties_of_document(unit.connection, job.document_id, provider, payer)
    begun = replace(job, status=status, started_at=unit.now, total=total, provider_cnes=provider, payer_ans=payer)
    unit.emit(import_event("ImportStarted", begun, at=unit.now))
    unit.changed(job.id)
    return begun


def _filled(unit: UnitOfWork, job: ImportJobRecord, parties: Parties) -> Parties:
    """What the token of the uploader says goes before what the document says, and that only of parties in its scope:
    nobody can lay a document before others."""
    provider, payer = parties
    is_own = provider is None or unit.scope.contains(provider=provider, payer=payer, patient=None)
    # A document of a version whose schema is not here may have anything in their place.
    is_number = (provider is None or cnes_failure(provider, "") is None) and ans_failure(payer or "", "") is None
    if not (is_own and is_number):
        return job.provider_cnes, job.payer_ans
    return job.provider_cnes or provider, job.payer_ans or payer


async def take_guides(
    unit: UnitOfWork, *, hold: Hold, guides: Sequence[IncomingGuide], file: str | None
) -> TakenGuides:
    """Import the next guides and store their results; JobLost, and nothing has happened, if the job is not the holder's
    any more. One that is refused leaves nothing, and the others stay."""
    found = [await _taken(unit, guide, hold.job.document_id) for guide in guides]
    done = Counter(_outcome_of(each) for each in found)
    job = await advance(unit, hold, done, lote=hold.job.lote, guide=hold.job.guide + len(guides))
    for guide in guides:
        if guide.form is not None:
            job = await _check_parties(unit, job, guide.form)
    await _store_results(unit, job, found, file)
    return TakenGuides(job, sum(any(failure.is_unknown_card for failure in each.failures) for each in found))


async def _store_results(
    unit: UnitOfWork, job: ImportJobRecord, found: Sequence[GuideResult], file: str | None
) -> None:
    """The results of what the job has done last."""
    first = job.done - len(found) + 1
    results = [_result(job.id, first + place, each, file) for place, each in enumerate(found)]
    await imports_db.insert_results(unit.connection, results)
    unit.changed(job.id)


def _result(job_id: str, position: int, found: GuideResult, file: str | None) -> ImportResultRecord:
    return ImportResultRecord(
        id=ids.new_id(ids.IMPORT_RESULT),
        job_id=job_id,
        position=position,
        file=file,
        number=found.number[: identifiers.NUMBER_LENGTH_MAX],
        outcome=_outcome_of(found),
        claim_id=None if found.outcome is GuideOutcome.REFUSED else found.claim_id,
        failures=found.failures[:FAILURES_MAX],
        warnings=found.warnings,
    )


async def _taken(unit: UnitOfWork, guide: IncomingGuide, document_id: str) -> GuideResult:
    """What becomes of the guide; a refusal is a result too."""
    failures = guide.failures
    # Once more if another import of the guide was first: now its claim is there to be compared.
    for _attempt in range(2):
        if guide.form is None:
            break
        try:
            async with unit.attempt():
                return await batch_import.import_guide(unit, guide=guide, form=guide.form, document_id=document_id)
        except BillingError as error:
            failures = error.failures
            if not any(isinstance(each, DuplicateClaim) for each in failures):
                break
    return GuideResult(guide.number, GuideOutcome.REFUSED, failures=failures)


def _outcome_of(found: GuideResult) -> ImportOutcome:
    if found.outcome is GuideOutcome.IMPORTED:
        return ImportOutcome.TAKEN_WITH_WARNINGS if found.warnings else ImportOutcome.TAKEN
    return ImportOutcome.UNCHANGED if found.outcome is GuideOutcome.UNCHANGED else ImportOutcome.REFUSED


async def _check_parties(unit: UnitOfWork, job: ImportJobRecord, form: ClaimForm) -> ImportJobRecord:
    """A document with guides of several payers or providers belongs to none of them: whoever uploaded it sees it."""
    provider = job.provider_cnes if job.provider_cnes == form.provider else None
    payer = job.payer_ans if job.payer_ans == form.payer else None
    if (provider, payer) == (job.provider_cnes, job.payer_ans):
        return job
    await imports_db.set_parties(unit.connection, job.id, provider, payer)
    await imports_db.set_parties_of_document(unit.connection, job.document_id, provider, payer)
    return replace(job, provider_cnes=provider, payer_ans=payer)


async def refuse_file(unit: UnitOfWork, *, hold: Hold, file: str, failures: tuple[Failure, ...]) -> ImportJobRecord:
    """A document of a zip is refused as a whole: a result without a number, and the next document follows."""
    job = await advance(unit, hold, {ImportOutcome.REFUSED: 1}, lote=hold.job.lote + 1, guide=0)
    await _store_results(unit, job, [GuideResult("", GuideOutcome.REFUSED, failures=failures)], file)
    return job


async def end_file(unit: UnitOfWork, *, hold: Hold) -> ImportJobRecord:
    """All guides of a document have their results; the next document follows."""
    job = await advance(unit, hold, {}, lote=hold.job.lote + 1, guide=0)
    unit.emit(import_event("ImportProgressed", job, at=unit.now))
    unit.changed(job.id)
    return job


async def advance(
    unit: UnitOfWork, hold: Hold, done: Mapping[ImportOutcome, int], *, lote: int, guide: int
) -> ImportJobRecord:
    """Count what is done, and go on at this place; JobLost, and nothing has happened, if the job is not the holder's
    any more, or elsewhere."""
    job = hold.job
    new = JobPlace(
        lote,
        guide,
        job.taken + done.get(ImportOutcome.TAKEN, 0),
        job.warned + done.get(ImportOutcome.TAKEN_WITH_WARNINGS, 0),
        job.unchanged + done.get(ImportOutcome.UNCHANGED, 0),
        job.refused + done.get(ImportOutcome.REFUSED, 0),
    )
    seen = JobPlace(job.lote, job.guide, job.taken, job.warned, job.unchanged, job.refused)
    if not await imports_db.advance(unit.connection, job.id, hold.holder, seen, new):
        raise JobLost
    return replace(
        job,
        lote=new.lote,
        guide=new.guide,
        taken=new.taken,
        warned=new.warned,
        unchanged=new.unchanged,
        refused=new.refused,
    )


async def finish(unit: UnitOfWork, *, hold: Hold, failures: Sequence[Failure] = ()) -> ImportJobRecord:
    """The job has ended: with a result for each guide or, if the document cannot be read, with these failures."""
    job = await imports_db.lock(unit.connection, unit.scope, hold.job.id, hold.job.created_by)
    if job is None or not await imports_db.renew(unit.connection, job.id, hold.holder, unit.now):
        raise JobLost
    return await _end(unit, job, ImportJobAction.FAIL if failures else ImportJobAction.FINISH, tuple(failures))


async def _end(
    unit: UnitOfWork, job: ImportJobRecord, action: ImportJobAction, failures: tuple[Failure, ...] = ()
) -> ImportJobRecord:
    status = next_status(job.status, action)
    ended = replace(job, status=status, ended_at=unit.now, failures=failures[:FAILURES_MAX])
    await imports_db.end(unit.connection, ended)
    unit.emit(import_event("ImportFinished", ended, at=unit.now))
    unit.changed(job.id)
    return ended


def _facts(job: ImportJobRecord) -> Any:
    return job.id


_ANSWER: Final = StoredAnswer(_facts, import_jobs.by_id)
START: Final = Action("importBatch", start, needs="batches:import", answer=_ANSWER, finds_cards=True)
CANCEL: Final = Action("cancelImportJob", cancel, needs="batches:import", answer=_ANSWER)
BEGIN: Final = Action("beginImport", begin)
TAKE_GUIDES: Final = Action("importGuidesOfJob", take_guides)
REFUSE_FILE: Final = Action("refuseFileOfJob", refuse_file)
END_FILE: Final = Action("endFileOfJob", end_file)
FINISH: Final = Action("finishImport", finish)
"""Those without a permission are used by the job's holder."""
