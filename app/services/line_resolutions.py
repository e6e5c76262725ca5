"""What a person does to a line that waits: says how posting is to read it, takes it out of the queue, or works on it.

A resolution moves no money: posting the remittance does, under the locks of the claim and the invoices. Each step can
be taken back until the line is posted.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import date
from typing import Final

from app.db import claims as claims_db
from app.db import denials as denials_db
from app.db import line_history as line_history_db
from app.db import remittances as remittances_db
from app.db.line_history import LineStepRecord
from app.db.remittances import RemittanceLineRecord, RemittanceRecord
from app.domain import ids, tabela38
from app.domain.actions import NO_CLAIM, NO_STEP, RemittanceLineOperation
from app.domain.errors import ErrorCode, Failure, conflict, not_found, raise_any, refuse
from app.domain.line_work import (
    NOTE_LENGTH_MAX,
    PLAIN,
    Expectation,
    LinePart,
    LineResolution,
    LineStep,
    adds_denials,
    as_debit,
    check_parts,
    with_denial,
    with_recovered,
    with_unapplied,
)
from app.domain.money import Cents
from app.domain.refusals import checked
from app.domain.remittances import RemittanceLineAction, RemittanceLineProblem, RemittanceLineStatus, next_line_status
from app.domain.text import text_failure
from app.services import (
    adjustments,
    denials,
    denials_of_lines,
    line_expectations,
    statement_deductions,
    unapplied_credits,
)
from app.services.line_steps import locked, store, waiting
from app.services.remittance_lines import ONE_LINE, check_claim
from app.services.remittances import REASON_LENGTH_MAX
from app.unit_of_work.action import Action
from app.unit_of_work.unit import UnitOfWork
from app.values.frozen import frozen

ASSIGNEE_LENGTH_MAX: Final = 120


@frozen
class LineCommand:
    """A step, with what it needs: an item, a denial code, a denial, another line, a day, a person, or a text."""

    step: LineStep
    item_sequence: int | None = None
    code: str | None = None
    denial_id: str | None = None
    other_id: str | None = None
    until: date | None = None
    assignee: str | None = None
    text: str | None = None

    def place(self, name: str) -> str:
        """The path of a value of the step in the input of the mutation, such as `resolution.writeOff.code`."""
        first, *rest = self.step.lower().split("_")
        return f"resolution.{first}{''.join(map(str.title, rest))}.{name}"

    @property
    def note_failure(self) -> Failure | None:
        """What is wrong with the text, if something is."""
        name = {LineStep.WRITE_OFF: "reason", LineStep.NOTE: "text"}.get(self.step, "note")
        return text_failure(self.text, self.place(name), NOTE_LENGTH_MAX)


Take = Callable[[UnitOfWork, RemittanceLineRecord, LineCommand], Awaitable[RemittanceLineRecord]]


async def resolve(unit: UnitOfWork, *, id: str, command: LineCommand) -> RemittanceLineRecord:
    """Take one step with a line."""
    remittance, line = await checked([command.note_failure], locked(unit, id))
    after = await TAKE[command.step](unit, line, command)
    return await store(unit, remittance, line, after, command.step, text=command.text, other_id=command.other_id)


async def _map_to_item(unit: UnitOfWork, line: RemittanceLineRecord, command: LineCommand) -> RemittanceLineRecord:
    status = next_line_status(line.status, RemittanceLineAction.RESOLVE)
    books = (await line_expectations.books_of(unit.connection, unit.scope, [_claim_of(line)])).get(_claim_of(line))
    if books is None or command.item_sequence not in {item.sequence for item in books.items}:
        raise refuse(ErrorCode.NOT_FOUND, "the claim has no such item", command.place("itemSequence"))
    return _resolved(unit, line, status, replace(line.resolution or PLAIN, item_sequence=command.item_sequence))


async def _accept_as_denial(unit: UnitOfWork, line: RemittanceLineRecord, command: LineCommand) -> RemittanceLineRecord:
    code = command.code or ""
    raise_any([tabela38.code_failure(code, command.place("code"))])
    status = next_line_status(line.status, RemittanceLineAction.RESOLVE)
    is_written_off = command.step is LineStep.WRITE_OFF
    expected = await _expected(unit, line)
    made = with_denial(line.resolution or PLAIN, expected, code, written_off=is_written_off)
    return _resolved(unit, line, status, made)


async def _accept_overpayment(unit: UnitOfWork, line: RemittanceLineRecord, _: LineCommand) -> RemittanceLineRecord:
    status = next_line_status(line.status, RemittanceLineAction.RESOLVE)
    expected = None if line.claim_id is None else await _expected(unit, line)
    made = with_unapplied(line.resolution or PLAIN, expected, Cents(line.paid_cents))
    return _resolved(unit, line, status, made)


async def _keep_as_debit(unit: UnitOfWork, line: RemittanceLineRecord, _: LineCommand) -> RemittanceLineRecord:
    """The claim is forgotten, since a debit belongs to none; whoever explains it can name that claim again."""
    status = next_line_status(line.status, RemittanceLineAction.RESOLVE)
    made = as_debit(Cents(line.paid_cents))
    return replace(_resolved(unit, line, status, made), claim_id=None)


async def _recover(unit: UnitOfWork, line: RemittanceLineRecord, command: LineCommand) -> RemittanceLineRecord:
    status = next_line_status(line.status, RemittanceLineAction.RESOLVE)
    expected, denial_id = await _expected(unit, line), command.denial_id
    denial = None if denial_id is None else await denials_db.one(unit.connection, unit.scope, denial_id)
    if denial_id is not None and (denial is None or denial.claim_id != line.claim_id):
        raise not_found("denial", command.place("denialId"))
    return _resolved(unit, line, status, with_recovered(line.resolution or PLAIN, expected, denial_id))


async def _duplicate(unit: UnitOfWork, line: RemittanceLineRecord, command: LineCommand) -> RemittanceLineRecord:
    status = next_line_status(line.status, RemittanceLineAction.DISMISS)
    other = await remittances_db.line(unit.connection, unit.scope, command.other_id or "")
    if other is None:
        raise not_found("remittance line", command.place("duplicateOfId"))
    if other.id == line.id or other.status is RemittanceLineStatus.CANCELLED:
        raise conflict("name another line that is not cancelled", command.place("duplicateOfId"))
    if other.status is RemittanceLineStatus.DISMISSED:
        raise conflict("the other line is dismissed itself", command.place("duplicateOfId"))
    reason = command.text or f"duplicate of {other.id}"
    at, by = unit.now, unit.subject
    return replace(line, status=status, dismissed_at=at, dismissed_by=by, dismissal_reason=reason)


async def _set_aside(unit: UnitOfWork, line: RemittanceLineRecord, command: LineCommand) -> RemittanceLineRecord:
    next_line_status(line.status, RemittanceLineAction.WORK)
    if command.until is not None and command.until <= unit.today:
        raise refuse(ErrorCode.INVALID_DATE, "name a day after today", command.place("until"))
    return replace(line, set_aside_until=command.until)


async def _assign(_: UnitOfWork, line: RemittanceLineRecord, command: LineCommand) -> RemittanceLineRecord:
    next_line_status(line.status, RemittanceLineAction.WORK)
    raise_any([text_failure(command.assignee, command.place("assignee"), ASSIGNEE_LENGTH_MAX)])
    return replace(line, assigned_to=command.assignee)


async def _note(_: UnitOfWork, line: RemittanceLineRecord, __: LineCommand) -> RemittanceLineRecord:
    next_line_status(line.status, RemittanceLineAction.WORK)
    return line


async def _match_again(unit: UnitOfWork, line: RemittanceLineRecord, _: LineCommand) -> RemittanceLineRecord:
    """To be posted as it is read now, with the claim that it has."""
    status = next_line_status(line.status, RemittanceLineAction.RESOLVE)
    _claim_of(line)
    return replace(line, status=status, problem=None, matched_by=unit.subject, set_aside_until=None)


TAKE: Final[dict[LineStep, Take]] = {
    LineStep.MATCH: _match_again,
    LineStep.MAP_TO_ITEM: _map_to_item,
    LineStep.ACCEPT_AS_DENIAL: _accept_as_denial,
    LineStep.WRITE_OFF: _accept_as_denial,
    LineStep.ACCEPT_OVERPAYMENT: _accept_overpayment,
    LineStep.KEEP_AS_DEBIT: _keep_as_debit,
    LineStep.RECOVER_DENIAL: _recover,
    LineStep.DISMISS_DUPLICATE: _duplicate,
    LineStep.SET_ASIDE: _set_aside,
    LineStep.ASSIGN: _assign,
    LineStep.NOTE: _note,
}


def _claim_of(line: RemittanceLineRecord) -> str:
    if line.claim_id is None:
        raise conflict(NO_CLAIM)
    return line.claim_id


async def _expected(unit: UnitOfWork, line: RemittanceLineRecord) -> Expectation:
    _claim_of(line)
    found = await line_expectations.differences(unit.connection, unit.scope, [line])
    if line.id not in found:
        raise not_found("claim")
    return found[line.id]


def _resolved(
    unit: UnitOfWork, line: RemittanceLineRecord, status: RemittanceLineStatus, resolution: LineResolution
) -> RemittanceLineRecord:
    return replace(
        line, status=status, problem=None, resolution=resolution, matched_by=unit.subject, set_aside_until=None
    )


async def split(unit: UnitOfWork, *, id: str, parts: tuple[LinePart, ...]) -> RemittanceLineRecord:
    """Divide a waiting line into lines of its statement that have its amounts, for other items or claims."""
    remittance, line = await locked(unit, id)
    status = next_line_status(line.status, RemittanceLineAction.SPLIT)
    check_parts(parts, Cents(line.paid_cents), Cents(line.denied_cents), Cents(line.patient_cents))
    for number, part in enumerate(parts):
        if part.claim_id is not None:
            await check_claim(unit, remittance, part.claim_id, f"parts.{number}.claimId")
    _check_denied(line, parts)
    first = await remittances_db.last_sequence(unit.connection, remittance.id) + 1
    made = [_part(unit, line, part, first + number) for number, part in enumerate(parts)]
    await remittances_db.insert_lines(unit.connection, made)
    return await store(unit, remittance, line, replace(line, status=status, problem=None), LineStep.SPLIT)


def _check_denied(line: RemittanceLineRecord, parts: Sequence[LinePart]) -> None:
    """A payer may deny for a code that is in no table, and of a claim that nobody knows; a person may not."""
    if not adds_denials(parts, Cents(line.paid_cents), Cents(line.denied_cents)):
        return
    for number, part in enumerate(parts):
        path = f"parts.{number}"
        if part.denials and not (part.claim_id or line.claim_id):
            raise conflict(NO_CLAIM, f"{path}.claimId")
        codes = enumerate(part.denials)
        raise_any(tabela38.code_failure(each.code, f"{path}.denials.{place}.code") for place, each in codes)


def _part(unit: UnitOfWork, line: RemittanceLineRecord, part: LinePart, sequence: int) -> RemittanceLineRecord:
    claim_id = part.claim_id or line.claim_id
    # What a person denies is no word of the payer.
    said, added = (part.denials, ()) if line.denials else ((), part.denials)
    is_read_anew = part.item_sequence is not None or bool(added)
    made = replace(
        line,
        id=ids.new_id(ids.REMITTANCE_LINE),
        sequence=sequence,
        paid_cents=part.paid,
        denials=said,
        reason_code=said[0].code if said else None,
        patient_cents=part.patient,
        claim_id=claim_id,
        status=RemittanceLineStatus.MATCHED,
        problem=None,
        matched_by=unit.subject,
        resolution=LineResolution(item_sequence=part.item_sequence, denials=added) if is_read_anew else None,
        split_from_id=line.id,
        set_aside_until=None,
    )
    return made if claim_id else waiting(unit, made, problem=RemittanceLineProblem.UNKNOWN_CLAIM, matched_by=None)


async def undo(unit: UnitOfWork, *, id: str, reason: str) -> RemittanceLineRecord:
    """Take back the last step of a line that is not posted, or that became an unapplied credit of which nothing is
    used, or a debit that nobody has explained; of another posted line, that a difference was a denial."""
    remittance, line = await checked([text_failure(reason, "reason", REASON_LENGTH_MAX)], locked(unit, id))
    next_line_status(line.status, RemittanceLineAction.UNDO)
    steps = await line_history_db.of_line(unit.connection, unit.scope, id)
    if line.status is RemittanceLineStatus.POSTED and not line.is_without_claim:
        return await _take_denial_back(unit, remittance, line, denials_of_lines.last_step(steps), reason)
    last = line_expectations.last_step(steps)
    if last is None:
        raise conflict(NO_STEP)
    if line.status is RemittanceLineStatus.POSTED:
        await unapplied_credits.withdraw(unit, line_id=line.id, reason=reason)
        await adjustments.withdraw_debit(unit, remittance, line_id=line.id, reason=reason)
    if last.action is LineStep.SPLIT:
        await _join(unit, remittance, line)
    after = _undone(unit, line, last)
    return await store(unit, remittance, line, after, LineStep.UNDO, text=reason, undoes_id=last.id)


async def _take_denial_back(
    unit: UnitOfWork,
    remittance: RemittanceRecord,
    line: RemittanceLineRecord,
    step: LineStepRecord | None,
    reason: str,
) -> RemittanceLineRecord:
    """The line stays posted: what it pays or takes back has happened. What a person has denied of it is due again."""
    claim = await claims_db.lock(unit.connection, unit.scope, line.claim_id or "")
    denial = (await denials_of_lines.of_lines(unit.connection, unit.scope, [line])).get(line.id)
    if denial is None or claim is None or line.resolution is None:
        raise conflict(NO_STEP)
    await denials.take_back_locked(unit, claim, denial)
    left = line.resolution.denials[:-1]
    read_as = replace(line.resolution, denials=left, is_written_off=line.resolution.is_written_off and bool(left))
    after = replace(line, resolution=read_as)
    return await store(unit, remittance, line, after, LineStep.UNDO, text=reason, undoes_id=step.id if step else None)


def _undone(unit: UnitOfWork, line: RemittanceLineRecord, step: LineStepRecord) -> RemittanceLineRecord:
    if step.action is LineStep.ASSIGN:
        return replace(line, assigned_to=step.assigned_to_before)
    if step.action is LineStep.SET_ASIDE:
        return replace(line, set_aside_until=step.set_aside_before)
    return waiting(
        unit,
        line,
        problem=step.problem_before or RemittanceLineProblem.MATCH_REMOVED,
        claim_id=step.claim_id_before,
        matched_by=step.matched_by_before,
        resolution=step.resolution_before,
        posted_at=None,
        dismissed_at=None,
        dismissed_by=None,
        dismissal_reason=None,
    )


async def _join(unit: UnitOfWork, remittance: RemittanceRecord, line: RemittanceLineRecord) -> None:
    """Cancel the parts of a line; CONFLICT if one of them is posted, held or split itself."""
    parts = await remittances_db.parts_of(unit.connection, unit.scope, line.id)
    statuses = {part.status for part in parts}
    if RemittanceLineStatus.POSTED in statuses:
        raise conflict("a part of the line is posted")
    if RemittanceLineStatus.HELD in statuses:
        raise conflict("a part of the line is held: take its match back first")
    if RemittanceLineStatus.SPLIT in statuses:
        raise conflict("a part of the line is split: take that back first")
    gone = [
        replace(part, status=RemittanceLineStatus.CANCELLED, problem=None, claim_id=None, matched_by=None)
        for part in parts
    ]
    for before, after in zip(parts, gone, strict=True):
        # A dismissed part had its share of the taxes, which is the whole line's again.
        await statement_deductions.of_dismissal(unit, remittance, before, after)
    await remittances_db.update_lines(unit.connection, gone)


RESOLVE: Final = Action(
    "resolveRemittanceLine",
    resolve,
    needs="remittances:work",
    answer=ONE_LINE,
    # `matchRemittanceLine` offers the first.
    offers=tuple(RemittanceLineOperation(step) for step in TAKE if step is not LineStep.MATCH),
)
SPLIT: Final = Action(
    "splitRemittanceLine", split, needs="remittances:work", answer=ONE_LINE, offers=RemittanceLineOperation.SPLIT
)
UNDO: Final = Action(
    "undoRemittanceLine", undo, needs="remittances:work", answer=ONE_LINE, offers=RemittanceLineOperation.UNDO
)
