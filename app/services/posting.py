"""Posting a remittance: decisions, invoices and settlements, in units of some claims, each in one transaction."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any, Final

from app.db import invoice_lines as lines_db
from app.db import invoices as invoices_db
from app.db import lines_to_post
from app.db import postings as postings_db
from app.db import remittances as remittances_db
from app.db.invoices import InvoiceRecord
from app.db.postings import PostingRecord
from app.db.remittances import RemittanceLineRecord, RemittanceRecord
from app.db.settlements import SettlementRecord
from app.domain.actions import RemittanceOperation
from app.domain.actor import Door
from app.domain.allocation import spread
from app.domain.appeal_terms import DenialDays
from app.domain.calendar import business_day
from app.domain.claims import ClaimStatus
from app.domain.errors import BillingError
from app.domain.money import CENTS_MAX, Cents
from app.domain.remittance_checks import check_posting
from app.domain.remittances import RemittanceLineProblem, RemittanceLineStatus, RemittanceStatus, remittance_status
from app.events.contracts import remittance_event, waiting_event
from app.services import (
    answered_by_payment,
    batch_steps,
    denials,
    held_lines,
    invoices,
    later_decisions,
    posted_lines,
    posting_plans,
    protocol_lines,
    remittances,
    reviews,
    settlements,
    statement_deductions,
)
from app.services.invoices import CLAIMS_MAX, InvoiceForm
from app.services.posting_plans import Plan, by_claim
from app.services.remittances import STORED_REMITTANCE
from app.services.settlements import Payment
from app.services.statement_deductions import StatementDeductions
from app.unit_of_work.action import Action, StoredAnswer
from app.unit_of_work.unit import UnitOfWork
from app.values.frozen import frozen

UNIT_CLAIMS: Final = 50
"""One transaction posts so many claims: some hundred milliseconds, and one invoice for those that are on none."""
UNIT_LINES: Final = 500


@frozen
class Posted:
    """The posted remittance, its settlements, and how many lines were posted or returned to the queue."""

    remittance: RemittanceRecord
    settlements: tuple[SettlementRecord, ...] = ()
    posted_lines: int = 0
    put_back_lines: int = 0

    @property
    def already_posted(self) -> bool:
        """Whether there was nothing left to post."""
        is_posting = self.remittance.status is RemittanceStatus.POSTING
        return not (is_posting or self.posted_lines or self.put_back_lines)


@frozen
class Done:
    """What one unit has done: its settlements, and how many lines were posted or returned to the queue."""

    settlements: tuple[SettlementRecord, ...] = ()
    posted: int = 0
    put_back: int = 0


@frozen
class Hold:
    """A posting in the hands of a process, which has read once what the lines of the statement pay (`stated_cents`)."""

    remittance_id: str
    holder: str
    stated: Cents


class PostingLost(Exception):
    """Another process has taken the posting, or it has ended."""


async def post(unit: UnitOfWork, *, id: str) -> Posted:
    """Post all matched lines; lines that no longer fit their claims go back to the queue.

    More than one unit of lines is POSTING from now on: the posting runner posts them, unit by unit.
    """
    await held_lines.lock_beside(unit, id, UNIT_LINES + 1)
    remittance = await remittances.locked(unit, id)
    check_posting(remittance.status)
    unit.changed(remittance.id)
    if remittance.status is RemittanceStatus.POSTING:
        return Posted(remittance)
    await protocol_lines.divide(unit, remittance)
    lines, has_more = await _next_lines(unit, remittance, UNIT_CLAIMS)
    if has_more:
        return Posted(await _start(unit, remittance))
    if not lines:
        await statement_deductions.keep_excess(unit, remittance)
        return Posted(remittance)
    done = await _post_lines(unit, remittance, lines)
    closed = await _close(unit, remittance, posted=done.posted)
    _emit_put_back(unit, closed, done)
    return Posted(closed, done.settlements, done.posted, done.put_back)


async def _start(unit: UnitOfWork, remittance: RemittanceRecord) -> RemittanceRecord:
    """Let the posting runner post the remittance, in the name of the caller."""
    started = replace(remittance, status=RemittanceStatus.POSTING, changed_at=unit.now)
    await remittances_db.update_remittance(unit.connection, started)
    actor = replace(unit.actor, door=Door.POSTING)
    await postings_db.start(unit.connection, PostingRecord(remittance.id, actor, unit.now, None, 0, 0))
    unit.has_queued = True
    return started


async def post_unit(unit: UnitOfWork, *, hold: Hold, claims_max: int) -> bool:
    """Post the next lines of a remittance that is POSTING, those of up to so many claims; whether there are more.

    PostingLost, and nothing has happened, if the posting is not the holder's any more.
    """
    remittance = await _held(unit, hold)
    lines, has_more = await _next_lines(unit, remittance, claims_max)
    done = await _post_lines(unit, remittance, lines, hold.stated) if lines else Done()
    await _advance(unit, remittance, hold, done, has_more=has_more)
    return has_more


async def skip_claim(unit: UnitOfWork, *, hold: Hold) -> bool:
    """Return the lines of the next claim to the queue, because posting them fails; whether there are more."""
    remittance = await _held(unit, hold)
    lines, has_more = await _next_lines(unit, remittance, 1)
    changed = [posted_lines.after_posting(line, RemittanceLineProblem.NOT_POSTED, unit.now) for line in lines]
    await remittances_db.update_lines(unit.connection, changed)
    await _advance(unit, remittance, hold, Done(put_back=len(changed)), has_more=has_more)
    return has_more


async def _held(unit: UnitOfWork, hold: Hold) -> RemittanceRecord:
    """The remittance, locked: whoever else posts it, or works on its lines, waits until the unit has ended."""
    await held_lines.lock_beside(unit, hold.remittance_id, UNIT_LINES + 1)
    remittance = await remittances.locked(unit, hold.remittance_id)
    if remittance.status is not RemittanceStatus.POSTING:
        raise PostingLost
    unit.changed(remittance.id)
    return remittance


async def _advance(unit: UnitOfWork, remittance: RemittanceRecord, hold: Hold, done: Done, *, has_more: bool) -> None:
    ended_at = None if has_more else unit.now
    counts = (done.posted, done.put_back)
    if not await postings_db.advance(unit.connection, remittance.id, hold.holder, *counts, ended_at):
        raise PostingLost
    _emit_put_back(unit, remittance, done)
    if has_more:
        return
    posting = await postings_db.of_remittance(unit.connection, remittance.id)
    await _close(unit, remittance, posted=0 if posting is None else posting.posted)


async def _next_lines(
    unit: UnitOfWork, remittance: RemittanceRecord, claims_max: int
) -> tuple[list[RemittanceLineRecord], bool]:
    """The matched lines of the next claims of the remittance, at most one unit of them, and whether there are more.

    The lines of a claim are posted together, wherever they are in the statement. "More" may turn out to be none, if
    the only claim has more lines than a unit.
    """
    first = await lines_to_post.next_matched(unit.connection, unit.scope, remittance.id, UNIT_LINES + 1)
    claims = list(dict.fromkeys(line.claim_id for line in first[:UNIT_LINES] if line.claim_id))
    if len(first) <= UNIT_LINES and len(claims) <= claims_max:
        return first, False
    if not claims:
        return first[:UNIT_LINES], True
    chosen = claims[:claims_max]
    return await lines_to_post.matched_of_claims(unit.connection, unit.scope, remittance.id, chosen), True


async def _post_lines(
    unit: UnitOfWork,
    remittance: RemittanceRecord,
    lines: Sequence[RemittanceLineRecord],
    stated: Cents | None = None,
) -> Done:
    plans = await posting_plans.of_lines(unit, remittance, lines)
    await later_decisions.complete(unit, plans, is_paying=remittance.paid_on is not None)
    if remittance.paid_on:
        await answered_by_payment.complete(unit, plans)
    for plan in plans:
        if plan.problem is None:
            plan.problem = await _decide(unit, remittance, plan)
        if plan.problem is None:
            plan.recovered = [await denials.recover_locked(unit, plan.claim, each) for each in plan.recovers]
            for denial in plan.answers:
                await denials.answer_locked(unit, plan.claim, denial, Cents(denial.appealed_cents or 0), None)
    postable = [plan for plan in plans if plan.problem is None]
    whole = [plan for plan in postable if not plan.is_held]
    taken = await later_decisions.take_back(unit, remittance, whole)
    settled = [*taken, *await _pay(unit, remittance, whole, stated)]
    await held_lines.release(unit, remittance, {plan.claim.id: plan.held for plan in whole if plan.held})
    await batch_steps.finish(unit, [plan.claim.id for plan in postable if plan.decisions is not None])
    return await _store_lines(unit, lines, plans, settled, remittance)


async def _decide(unit: UnitOfWork, remittance: RemittanceRecord, plan: Plan) -> RemittanceLineProblem | None:
    """Decide the claim as planned; the result is the problem if that is refused, and then nothing of it is changed."""
    if plan.decisions is None:
        return None
    denied = DenialDays(remittance.issued_on, business_day(remittance.created_at))
    number = next((line.payer_claim_number for line in plan.lines if line.payer_claim_number), None)
    try:
        async with unit.attempt():
            claim = plan.claim
            if claim.status is not ClaimStatus.UNDER_REVIEW:
                claim = await reviews.open_locked(unit, claim)
            plan.claim = await reviews.decide(
                unit, claim, plan.items, plan.decisions, number, denied, is_of_statement=True
            )
    except BillingError:
        return RemittanceLineProblem.NOT_POSTED
    return None


async def _pay(
    unit: UnitOfWork, remittance: RemittanceRecord, plans: Sequence[Plan], stated: Cents | None
) -> list[SettlementRecord]:
    """One settlement per invoice; claims that are not fully billed are billed first, also those that only the credits
    of earlier statements pay, because this one has no day of payment."""
    paid = {plan.claim.id: plan.paid if remittance.paid_on else Cents(0) for plan in plans}
    paying = [plan for plan in plans if paid[plan.claim.id] or plan.credited]
    # Example, in cents: 700_00 are approved and on no invoice, and 150_00 of a won appeal are billed. A payment of
    # 100_00 fits into what is billed; 800_00 does not, so the claim gets an invoice of 700_00 and both are paid.
    # What earlier statements have paid of items of the claim is applied to the same invoice.
    unbilled = [
        plan
        for plan in paying
        if paid[plan.claim.id] + plan.credited > sum(line.due_cents for line in plan.payable_lines)
    ]
    await _bill(unit, remittance, unbilled)
    parts: dict[str, dict[str, Cents]] = {}
    for plan in paying:
        shares = spread(paid[plan.claim.id], [Cents(line.due_cents) for line in plan.payable_lines])
        for line, share in zip(plan.payable_lines, shares, strict=True):
            if share:
                parts.setdefault(line.invoice_id, {})[line.id] = share
    locked = await invoices_db.lock_many(unit.connection, unit.scope, sorted(parts))
    kept = await statement_deductions.of_statement(unit, remittance, stated) if locked else None
    return [await _settle(unit, remittance, invoice, parts[invoice.id], kept) for invoice in locked]


async def _bill(unit: UnitOfWork, remittance: RemittanceRecord, plans: Sequence[Plan]) -> None:
    """Create and issue invoices for claims that the payer pays before they were billed."""
    month = (remittance.paid_on or unit.today).strftime("%Y%m")
    for batch in _batches(plans):
        form = InvoiceForm(
            remittance.provider_cnes,
            remittance.payer_ans,
            month,
            tuple(plan.claim.id for plan in batch if not plan.is_billed and plan.claim.approved_cents),
            has_recoveries=False,
            denial_ids=tuple(denial.id for plan in batch for denial in (*plan.recovered, *plan.answers)),
        )
        draft = await invoices.create(unit, form=form)
        await invoices.issue(unit, id=draft.id, due_date=None, version=None)
        lines = await lines_db.of_invoices(unit.connection, unit.scope, [draft.id])
        lines_of = by_claim(lines)
        for plan in batch:
            plan.payable_lines += lines_of.get(plan.claim.id, [])


def _batches(plans: Sequence[Plan]) -> list[list[Plan]]:
    """Batches within the limits of one invoice, in claims and in money."""
    found: list[list[Plan]] = []
    total = 0
    for plan in plans:
        amount = plan.claim.approved_cents or 0
        if not found or len(found[-1]) == CLAIMS_MAX or total + amount > CENTS_MAX:
            found.append([])
            total = 0
        found[-1].append(plan)
        total += amount
    return found


def _paid_on(remittance: RemittanceRecord) -> date:
    if remittance.paid_on is None:
        raise AssertionError
    return remittance.paid_on


async def _settle(
    unit: UnitOfWork,
    remittance: RemittanceRecord,
    invoice: InvoiceRecord,
    parts: dict[str, Cents],
    kept: StatementDeductions | None,
) -> SettlementRecord:
    amount = Cents(sum(parts.values()))
    paid = Payment(
        amount,
        _paid_on(remittance),
        remittance.method,
        remittance.bank_reference,
        remittance.statement_number,
        () if kept is None else kept.next(amount),
    )
    done = await settlements.settle_locked(unit, invoice, paid, parts=parts)
    return done.settlement


async def _store_lines(
    unit: UnitOfWork,
    lines: Sequence[RemittanceLineRecord],
    plans: Sequence[Plan],
    settled: Sequence[SettlementRecord],
    remittance: RemittanceRecord,
) -> Done:
    problems = {line.id: plan.problem for plan in plans for line in plan.lines}
    # The second of two lines about the same is no part of what is posted of the first.
    problems |= {line.id: plan.problem or RemittanceLineProblem.REPEATED for plan in plans for line in plan.repeated}
    # What goes to no claim needs no plan; a claim that is not there for the caller any more has none.
    otherwise = RemittanceLineProblem.UNKNOWN_CLAIM
    problems |= {line.id: None if line.is_without_claim else otherwise for line in lines if line.id not in problems}
    held = {line.id for plan in plans if plan.is_held for line in plan.lines}
    changed = [
        held_lines.held(line) if line.id in held else posted_lines.after_posting(line, problems[line.id], unit.now)
        for line in lines
    ]
    await remittances_db.update_lines(unit.connection, changed)
    await posted_lines.record_credits(unit, remittance, changed)
    # Only of a decision: a payment that joins it later finds the denials, and perhaps others like them, as they are.
    decided = [plan for plan in plans if (plan.decisions is not None or plan.later) and plan.problem is None]
    deciding = [line for plan in decided for line in (*plan.lines, *plan.held)]
    items = [item for plan in decided for item in plan.items]
    await posted_lines.write_off(unit, deciding, [plan.claim for plan in decided], items)
    for plan in plans:
        if plan.problem is None:
            unit.changed(plan.claim.id, plan.claim.patient_id)
    posted = sum(line.status is not RemittanceLineStatus.UNMATCHED for line in changed)
    return Done(tuple(settled), posted, len(changed) - posted)


async def _close(unit: UnitOfWork, remittance: RemittanceRecord, *, posted: int) -> RemittanceRecord:
    """The remittance after its posting, which has posted so many lines; its status follows from all its lines."""
    status = remittance_status(await remittances_db.line_statuses(unit.connection, remittance.id))
    posted_at = unit.now if posted else remittance.posted_at
    closed = replace(remittance, status=status, posted_at=posted_at, changed_at=unit.now)
    await remittances_db.update_remittance(unit.connection, closed)
    await statement_deductions.keep_excess(unit, closed)
    # A payment of its protocols may wait for it.
    unit.has_queued = unit.has_queued or (bool(posted) and remittance.paid_on is None)
    if posted:
        unit.emit(remittance_event("RemittancePosted", closed, at=unit.now))
    return closed


def _emit_put_back(unit: UnitOfWork, remittance: RemittanceRecord, done: Done) -> None:
    if done.put_back:
        previous = RemittanceLineStatus.MATCHED
        unit.emit(waiting_event(remittance, done.put_back, previous=previous, at=unit.now))


def _stored_facts(posted: Posted) -> Any:
    paid = [settlements.STORED_SETTLEMENT.facts(each) for each in posted.settlements]
    return [STORED_REMITTANCE.facts(posted.remittance), paid, posted.posted_lines, posted.put_back_lines]


async def _rebuild(unit: UnitOfWork, facts: Any) -> Posted:
    stored, stored_paid, posted_lines, put_back_lines = facts
    (remittance,) = await STORED_REMITTANCE.read(unit, [stored])
    paid = await settlements.STORED_SETTLEMENT.read(unit, stored_paid)
    return Posted(remittance, tuple(paid), posted_lines, put_back_lines)


POST: Final = Action(
    "postRemittance",
    post,
    needs="remittances:post",
    answer=StoredAnswer(_stored_facts, _rebuild),
    offers=RemittanceOperation.POST,
)
POST_UNIT: Final = Action("postUnitOfRemittance", post_unit)
SKIP_CLAIM: Final = Action("skipClaimOfRemittance", skip_claim)
"""Those without a permission are used by the posting's holder."""
