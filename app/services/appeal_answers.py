"""Recording the payer's answers to appeals: typed, or as its document; each in effect once, however often it comes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from app.db import appeal_batches as appeal_batches_db
from app.db import claims as claims_db
from app.db import denials as denials_db
from app.db.appeal_batches import AppealBatchRecord, AppealMemberRecord
from app.db.claims import ClaimRecord, ItemRecord
from app.db.denials import DenialRecord
from app.domain.appeal_answers import AnswerMessage, DocumentAnswer, TypedAnswer
from app.domain.denials import ANSWERED, DenialStatus
from app.domain.errors import BillingError, ErrorCode, Failure, not_found, raise_any, refuse
from app.domain.money import Cents, format_money
from app.services import answered_batches, denials, documents, parties
from app.services.batch_documents import WRITING_SECONDS_MAX
from app.services.denials import STORED_DENIAL
from app.services.outcomes import Outcome, answer_of_outcomes
from app.tiss import read_appeal_answer
from app.tiss.child_processes import ChildProcesses
from app.unit_of_work.action import Action, StoredAnswer
from app.unit_of_work.unit import UnitOfWork
from app.values.frozen import frozen

TYPED_MAX: Final = 100
DOCUMENT_BYTES_MAX: Final = 8 * 1024 * 1024
PATH: Final = "content.answers"
XML: Final = "content.xml"
_TOO_LARGE: Final = Failure(
    ErrorCode.INVALID_INPUT,
    f"the document has more than {DOCUMENT_BYTES_MAX:,} bytes: send the answer to one batch of appeals",
    "documentId",
    "5015",
)
_OUTCOMES: Final = answer_of_outcomes(STORED_DENIAL)


@dataclass(slots=True)
class Recorded:
    """A result for each answer, in their order, and how many of them were new."""

    results: list[Outcome[DenialRecord]] = field(default_factory=list)
    applied_count: int = 0

    def add(self, name: str, failures: Sequence[Failure], denial: DenialRecord | None = None) -> None:
        """The next result: the denial as it is now, or why nothing was recorded."""
        self.results.append(Outcome(name, denial, tuple(failures)))


@frozen
class _Answer:
    """The answer to the appeal against a denial; `settled` is what an answer that is recorded already accepts."""

    denial: DenialRecord
    claim: ClaimRecord
    accepted: Cents
    justification: str | None
    settled: int | None
    answered_on: date | None = None


@dataclass(slots=True)
class _Member:
    """A denial that a document answers; more than one of `rows` is more than one batch that it may mean."""

    denial: DenialRecord
    claim: ClaimRecord
    rows: Sequence[AppealMemberRecord]
    items: Mapping[str, ItemRecord]
    answered_on: date | None
    is_answered: bool = False

    @property
    def number(self) -> str:
        """The provider's number of its claim."""
        return self.claim.provider_claim_number

    def is_meant(self, answer: DocumentAnswer) -> bool:
        """Whether the document's answer is about it, and no earlier one was."""
        if self.is_answered or (self.number, self.denial.code) != (answer.provider_claim_number, answer.denial_code):
            return False
        return answer.item_sequence in (None, self.item.number)

    @property
    def item(self) -> ItemRecord:
        """The item that is denied."""
        return self.items[self.denial.item_id]

    def distance(self, answer: DocumentAnswer) -> tuple[bool, bool]:
        """How far it is from what the answer says of its item; several may have the same number."""
        return answer.item_code != self.item.code, answer.performed_on != self.item.performed_on


async def read_document(
    children: ChildProcesses,
    *,
    provider: str,
    payer: str,
    typed: Sequence[TypedAnswer] | None = None,
    document: str | None = None,
    document_id: str | None = None,
    atomic: bool = False,
) -> dict[str, Any]:
    """The arguments of `record`, with what the document says if it came with the call."""
    message = None
    if document is not None:
        message = await children.run(read_appeal_answer.read_text, document)
    given = {"provider": provider, "payer": payer, "typed": typed}
    return {**given, "message": message, "document_id": document_id, "atomic": atomic}


async def record(
    unit: UnitOfWork,
    *,
    provider: str,
    payer: str,
    typed: Sequence[TypedAnswer] | None,
    message: AnswerMessage | None,
    document_id: str | None,
    atomic: bool,
) -> Recorded:
    """Record answers to appeals of this provider with this payer. One that is recorded already changes nothing; one
    that contradicts what is recorded is refused, and the others are recorded all the same unless it is `atomic`."""
    await parties.check(unit.connection, unit.scope, provider=provider, payer=payer)
    if typed is not None:
        recorded = await _record_typed(unit, provider, payer, typed)
    else:
        message = message or await _stored_message(unit, document_id or "")
        if message.payer not in (None, payer):
            raise refuse(ErrorCode.CONFLICT, "the document is from another payer: name that payer", "payer", "5027")
        recorded = await _record_message(unit, provider, payer, message)
    if atomic:
        raise_any(failure for each in recorded.results for failure in each.failures)
    return recorded


async def _stored_message(unit: UnitOfWork, document_id: str) -> AnswerMessage:
    """What an uploaded document says."""
    return await documents.message_in(unit, document_id, read_appeal_answer.read, DOCUMENT_BYTES_MAX, _TOO_LARGE)


async def _record_typed(unit: UnitOfWork, provider: str, payer: str, typed: Sequence[TypedAnswer]) -> Recorded:
    ids = [each.denial_id for each in typed]
    if not 1 <= len(ids) <= TYPED_MAX or len(set(ids)) < len(ids):
        raise refuse(ErrorCode.INVALID_INPUT, f"send 1 to {TYPED_MAX} values, each object only once", PATH)
    found, claims = await _locked(unit, provider, payer, ids)
    recorded = Recorded()
    for index, each in enumerate(typed):
        denial, path = found.get(each.denial_id), f"{PATH}.{index}"
        if denial is None:
            recorded.add(each.denial_id, not_found("denial", f"{path}.denialId").failures)
            continue
        answer = _Answer(denial, claims[denial.claim_id], each.accepted, each.justification, _settled(denial))
        await _apply(unit, recorded, answer, path)
    return recorded


def _settled(denial: DenialRecord) -> int | None:
    """What the latest answer accepts; None if the appeal waits for it, or if there is none."""
    if denial.status is DenialStatus.OPEN and denial.is_after_appeal:
        # It is open again because the answer was no.
        return 0
    return denial.answered_cents if denial.status in ANSWERED else None


async def _record_message(unit: UnitOfWork, provider: str, payer: str, message: AnswerMessage) -> Recorded:
    connection, scope = unit.connection, unit.scope
    batches = await answered_batches.meant_by(unit, provider, payer, message)
    batch_ids = [batch.id for batch in batches]
    ids = [each.denial_id for each in await appeal_batches_db.members_of(connection, batch_ids)]
    found, claims = await _locked(unit, provider, payer, list(dict.fromkeys(ids)))
    # Under the locks of the claims: another caller may have recorded the same document before.
    members = answered_batches.places(await appeal_batches_db.members_of(connection, batch_ids))
    items = await claims_db.items_by_ids(connection, scope, sorted({each.item_id for each in found.values()}))
    items_by_id = {item.id: item for item in items}
    open_denials = [
        _Member(denial, claims[denial.claim_id], members[denial.id], items_by_id, message.issued_on)
        for denial in found.values()
    ]
    recorded = Recorded()
    for answer in message.answers:
        await _apply_answer(unit, recorded, answer, open_denials, batches)
    if message.of_protocol is not None:
        for each in open_denials:
            whole = DocumentAnswer(each.number, None, each.denial.code, message.of_protocol, message.justification)
            await _apply_to(unit, recorded, whole, each)
    return recorded


async def _apply_answer(
    unit: UnitOfWork,
    recorded: Recorded,
    answer: DocumentAnswer,
    members: list[_Member],
    batches: Sequence[AppealBatchRecord],
) -> None:
    meant = [each for each in members if each.is_meant(answer)]
    if answer.item_sequence is not None:
        # Two denials of an item for the same reason are answered in the order of the document.
        meant = sorted(meant, key=lambda each: each.distance(answer))[:1]
    if not meant:
        text = f"no appeal {answer.name} in {answered_batches.named(batches)}: record the answer by denial"
        recorded.add(answer.name, (Failure(ErrorCode.NOT_FOUND, text, XML),))
    for each in meant:
        await _apply_to(unit, recorded, answer, each)


async def _apply_to(unit: UnitOfWork, recorded: Recorded, answer: DocumentAnswer, member: _Member) -> None:
    denial, row = member.denial, member.rows[0]
    member.is_answered = True
    if len(member.rows) > 1:
        text = f"the appeal {answer.name} was sent more than once under this protocol: record the answer by denial"
        recorded.add(denial.id, (Failure(ErrorCode.CONFLICT, text, XML),))
        return
    accepted, settled = answer.accepted_of(Cents(denial.appealed_cents or 0)), row.answered_cents
    if settled is None and row.active_denial_id is None:
        text = f"the appeal {answer.name} is in no active batch any more: record the answer by denial"
        recorded.add(denial.id, (Failure(ErrorCode.CONFLICT, text, XML),))
        return
    if settled is not None and isinstance(answer.accepted, bool):
        # The appealed amount may be that of a later appeal: what was accepted then was all of it, or nothing.
        accepted = Cents(settled) if answer.accepted == bool(settled) else accepted
    given = _Answer(denial, member.claim, accepted, answer.justification, settled, member.answered_on)
    await _apply(unit, recorded, given, XML)


async def _apply(unit: UnitOfWork, recorded: Recorded, answer: _Answer, path: str) -> None:
    denial = answer.denial
    if answer.settled is not None:
        if answer.settled == answer.accepted:
            recorded.add(denial.id, (), denial)
            return
        text = f"an answer that accepts {format_money(answer.settled)} is recorded already"
        recorded.add(denial.id, (Failure(ErrorCode.CONFLICT, text, path),))
        return
    try:
        async with unit.attempt():
            stored = await denials.answer_locked(
                unit, answer.claim, denial, answer.accepted, answer.justification, answered_on=answer.answered_on
            )
    except BillingError as error:
        recorded.add(denial.id, tuple(failure.under(path) for failure in error.failures))
        return
    recorded.add(denial.id, (), stored)
    recorded.applied_count += 1


async def _locked(
    unit: UnitOfWork, provider: str, payer: str, ids: Sequence[str]
) -> tuple[dict[str, DenialRecord], dict[str, ClaimRecord]]:
    """The denials of this provider and payer, in the order of the ids, and their claims, which are locked."""
    connection, scope = unit.connection, unit.scope
    seen = await denials_db.by_ids(connection, scope, ids)
    locked = await claims_db.lock_many(connection, scope, sorted({denial.claim_id for denial in seen}))
    claims = {claim.id: claim for claim in locked if (claim.provider_cnes, claim.payer_ans) == (provider, payer)}
    found = {denial.id: denial for denial in await denials_db.by_ids(connection, scope, ids)}
    return {each: found[each] for each in ids if each in found and found[each].claim_id in claims}, claims


async def _rebuild(unit: UnitOfWork, facts: Any) -> Recorded:
    results, applied_count = facts
    return Recorded(await _OUTCOMES.rebuild(unit, results), applied_count)


RECORD: Final = Action(
    "recordAppealAnswers",
    record,
    needs="appeals:record",
    answer=StoredAnswer(lambda done: [_OUTCOMES.facts(done.results), done.applied_count], _rebuild),
    prepare=read_document,
    seconds=WRITING_SECONDS_MAX,
)
