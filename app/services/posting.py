"""Posting a remittance: its decisions, its invoices and its settlements, all in one transaction."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Final, TypeVar

from app.db import claims as claims_db
from app.db import invoice_lines as lines_db
from app.db import invoices as invoices_db
from app.db import remittances as remittances_db
from app.db.claims import ClaimRecord, ItemRecord
from app.db.denials import DenialRecord
from app.db.invoice_lines import LineRecord
from app.db.invoices import InvoiceRecord
from app.db.remittances import RemittanceLineRecord, RemittanceRecord
from app.db.settlements import SettlementRecord
from app.domain.actions import RemittanceOperation
from app.domain.allocation import spread
from app.domain.claims import ClaimStatus, ItemDecision
from app.domain.invoices import InvoiceLineKind, InvoiceStatus
from app.domain.money import CENTS_MAX, Cents
from app.domain.remittances import (
    BilledItem,
    RemittanceLineProblem,
    RemittanceLineStatus,
    check_posting,
    decisions,
    is_decided,
    payable,
    payment,
    remittance_status,
    repeated,
)
from app.events.contracts import remittance_event
from app.services import batch_steps, denials, invoices, posted_lines, remittances, reviews, settlements
from app.services.invoices import CLAIMS_MAX, InvoiceForm
from app.services.remittances import STORED_REMITTANCE, emit_waiting
from app.services.settlements import Payment
from app.unit_of_work.action import Action, StoredAnswer
from app.unit_of_work.unit import UnitOfWork

OfClaim = TypeVar("OfClaim", ItemRecord, RemittanceLineRecord, LineRecord)
NOTHING: Final = Cents(0)
PLANS_AT_ONCE: Final = 200
SENT_INVOICES: Final = frozenset({InvoiceStatus.ISSUED, InvoiceStatus.PARTIALLY_SETTLED, InvoiceStatus.SETTLED})


@dataclass(frozen=True, slots=True)
class Posted:
    """The posted remittance, its settlements, and how many lines were posted or returned to the queue."""

    remittance: RemittanceRecord
    settlements: tuple[SettlementRecord, ...] = ()
    posted_lines: int = 0
    put_back_lines: int = 0

    @property
    def already_posted(self) -> bool:
        """Whether there was nothing left to post."""
        return not (self.posted_lines or self.put_back_lines)


@dataclass(slots=True)
class _Plan:
    """What posting does with one claim: the decision, if the claim has none yet, and the payment.

    All plans are made before anything is written: a claim whose lines have a problem must change nothing, and the
    invoices to pay must be known together, since a statement makes one settlement per invoice, not per claim.
    """

    claim: ClaimRecord
    items: list[ItemRecord]
    lines: list[RemittanceLineRecord]
    decisions: tuple[ItemDecision, ...] | None = None
    paid: Cents = NOTHING
    problem: RemittanceLineProblem | None = None
    # Approved by the payer but on no invoice yet: `_bill` puts it on one if the payment needs it.
    unbilled: Cents = NOTHING
    # Whether the claim's approved amount is on an invoice.
    is_billed: bool = False
    # Lines that repeat what earlier ones have said in full; they wait.
    repeated: list[RemittanceLineRecord] = field(default_factory=list)
    # Denials that the lines pay without an appeal.
    recovers: tuple[DenialRecord, ...] = ()
    # The claim's lines on invoices that were sent to the payer, in the order in which they are paid.
    payable_lines: list[LineRecord] = field(default_factory=list)


async def post(unit: UnitOfWork, *, id: str) -> Posted:
    """Post all matched lines; lines that no longer fit their claims go back to the queue."""
    remittance = await remittances.locked(unit, id)
    check_posting(remittance.status)
    unit.changed(remittance.id)
    lines = await remittances_db.lines_of(unit.connection, unit.scope, [id])
    waiting = [line for line in lines if line.status is RemittanceLineStatus.MATCHED]
    if not waiting:
        return Posted(remittance)
    plans = await _plans(unit, remittance, waiting)
    postable = [plan for plan in plans if plan.problem is None]
    for plan in postable:
        await _decide(unit, plan)
        for denial in plan.recovers:
            await denials.recover_locked(unit, plan.claim, denial)
    paid = await _pay(unit, remittance, postable) if remittance.paid_on else []
    await batch_steps.finish(unit, [plan.claim.id for plan in postable if plan.decisions is not None])
    return await _close(unit, remittance, lines, plans, paid)


async def _plans(unit: UnitOfWork, remittance: RemittanceRecord, lines: Sequence[RemittanceLineRecord]) -> list[_Plan]:
    """One plan per claim, the claims locked in id order."""
    connection, scope = unit.connection, unit.scope
    ids = sorted({line.claim_id for line in lines if line.claim_id})
    claims = await claims_db.lock_many(connection, scope, ids)
    items = await claims_db.items_of_claims(connection, scope, ids)
    replaced = await claims_db.replaced_among(connection, ids)
    billed = await lines_db.of_claims(connection, scope, ids)
    payable_ids = await _payable_invoices(unit, billed)
    # Read again: another payment may have been posted before the invoices were locked.
    billed = await lines_db.of_claims(connection, scope, ids)
    recovered = await posted_lines.recovered(unit, lines)
    items_of, lines_of, billed_of = _by_claim(items), _by_claim(lines), _by_claim(billed)
    plans: list[_Plan] = []
    for number, claim in enumerate(claims, start=1):
        plan = _Plan(claim, items_of.get(claim.id, []), lines_of.get(claim.id, []))
        _set_repeated_aside(plan)
        on_invoices = billed_of.get(claim.id, [])
        plan.payable_lines = [line for line in on_invoices if line.invoice_id in payable_ids]
        recovers = recovered.get(claim.id, ())
        plan.recovers = recovers or ()
        plan.problem = _complete(
            plan, on_invoices, is_replaced=claim.id in replaced, is_paying=bool(remittance.paid_on)
        )
        if recovers is None:
            plan.problem = RemittanceLineProblem.OVERPAID
        plans.append(plan)
        if number % PLANS_AT_ONCE == 0:
            await asyncio.sleep(0)
    return plans


def _set_repeated_aside(plan: _Plan) -> None:
    places = repeated([_billed(item) for item in plan.items], [line.paid_line for line in plan.lines])
    plan.repeated = [plan.lines[place] for place in sorted(places)]
    plan.lines = [line for place, line in enumerate(plan.lines) if place not in places]


def _by_claim(rows: Iterable[OfClaim]) -> dict[str | None, list[OfClaim]]:
    found: dict[str | None, list[OfClaim]] = {}
    for row in rows:
        found.setdefault(row.claim_id, []).append(row)
    return found


async def _payable_invoices(unit: UnitOfWork, lines: Sequence[LineRecord]) -> set[str]:
    """The lines' invoices that were sent to the payer, locked until the commit; nothing is due on a settled one."""
    locked = await invoices_db.lock_many(unit.connection, unit.scope, sorted({line.invoice_id for line in lines}))
    return {invoice.id for invoice in locked if invoice.status in SENT_INVOICES}


def _complete(
    plan: _Plan, on_invoices: list[LineRecord], *, is_replaced: bool, is_paying: bool
) -> RemittanceLineProblem | None:
    """Add the decision and the payment to the plan; the result is the problem if its lines cannot be posted."""
    problem = payable(plan.claim.status, is_replaced=is_replaced)
    if problem is not None:
        return problem
    lines = [line.paid_line for line in plan.lines]
    billed = [_billed(item) for item in plan.items]
    if not is_decided(plan.claim.status):
        found = decisions(billed, lines)
        if isinstance(found, RemittanceLineProblem):
            return found
        plan.decisions, plan.paid = found, Cents(sum(line.paid for line in lines))
        plan.unbilled = plan.paid
        return None
    plan.is_billed = any(line.kind is InvoiceLineKind.CLAIM for line in on_invoices)
    approved = 0 if plan.is_billed else plan.claim.approved_cents or 0
    plan.unbilled = Cents(approved + sum(denial.amount_cents for denial in plan.recovers))
    # Payable: what is due on issued invoices, and what is on no invoice yet. Example, in cents: 700_00
    # approved and billed, 150_00 of a won appeal billed on a second invoice; of 850_00 due the statement pays 800_00.
    # `_pay` spreads it over the lines: one settlement of 700_00 for the first invoice, one of 100_00 for the second.
    due = plan.unbilled + sum(line.due_cents for line in plan.payable_lines)
    # A statement without a payment date may repeat what was approved, whether it is paid or not.
    paid = payment(billed, lines, due=Cents(due if is_paying else plan.claim.approved_cents or 0))
    if isinstance(paid, RemittanceLineProblem):
        # Not OVERPAID but too early: the claim is also on a draft invoice, and can be paid when that one is issued.
        is_on_draft = (
            paid is RemittanceLineProblem.OVERPAID and is_paying and len(plan.payable_lines) < len(on_invoices)
        )
        return RemittanceLineProblem.NOT_PAYABLE if is_on_draft else paid
    plan.paid = paid
    return None


def _billed(item: ItemRecord) -> BilledItem:
    denied = None if item.denied_cents is None else Cents(item.denied_cents)
    return BilledItem(item.sequence, item.code, Cents(item.total_cents), denied)


async def _decide(unit: UnitOfWork, plan: _Plan) -> None:
    if plan.decisions is None:
        return
    claim = plan.claim
    if claim.status is not ClaimStatus.UNDER_REVIEW:
        claim = await reviews.open_locked(unit, claim)
    number = next((line.payer_claim_number for line in plan.lines if line.payer_claim_number), None)
    plan.claim = await reviews.decide(unit, claim, plan.items, plan.decisions, number)


async def _pay(unit: UnitOfWork, remittance: RemittanceRecord, plans: Sequence[_Plan]) -> list[SettlementRecord]:
    """One settlement per invoice; claims that are not fully billed are billed first."""
    paying = [plan for plan in plans if plan.paid]
    # Example, in cents: 700_00 are approved and on no invoice, and 150_00 of a won appeal are billed. A payment of
    # 100_00 fits into what is billed; 800_00 does not, so the claim gets an invoice of 700_00 and both are paid.
    unbilled = [plan for plan in paying if plan.paid > sum(line.due_cents for line in plan.payable_lines)]
    await _bill(unit, remittance, unbilled)
    parts: dict[str, dict[str, Cents]] = {}
    for plan in paying:
        shares = spread(plan.paid, [Cents(line.due_cents) for line in plan.payable_lines])
        for line, share in zip(plan.payable_lines, shares, strict=True):
            if share:
                parts.setdefault(line.invoice_id, {})[line.id] = share
    locked = await invoices_db.lock_many(unit.connection, unit.scope, sorted(parts))
    return [await _settle(unit, remittance, invoice, parts[invoice.id]) for invoice in locked]


async def _bill(unit: UnitOfWork, remittance: RemittanceRecord, plans: Sequence[_Plan]) -> None:
    """Create and issue invoices for claims that the payer pays before they were billed."""
    month = _paid_on(remittance).strftime("%Y%m")
    for batch in _batches(plans):
        form = InvoiceForm(
            remittance.provider_cnes,
            remittance.payer_ans,
            month,
            tuple(plan.claim.id for plan in batch if not plan.is_billed and plan.claim.approved_cents),
            has_recoveries=False,
            denial_ids=tuple(denial.id for plan in batch for denial in plan.recovers),
        )
        draft = await invoices.create(unit, form=form)
        await invoices.issue(unit, id=draft.id, due_date=None, version=None)
        lines = await lines_db.of_invoices(unit.connection, unit.scope, [draft.id])
        lines_of = _by_claim(lines)
        for plan in batch:
            plan.payable_lines += lines_of.get(plan.claim.id, [])


def _batches(plans: Sequence[_Plan]) -> list[list[_Plan]]:
    """Batches within the limits of one invoice, in claims and in money."""
    found: list[list[_Plan]] = []
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
    unit: UnitOfWork, remittance: RemittanceRecord, invoice: InvoiceRecord, parts: dict[str, Cents]
) -> SettlementRecord:
    amount = Cents(sum(parts.values()))
    paid = Payment(
        amount, _paid_on(remittance), remittance.method, remittance.bank_reference, remittance.statement_number
    )
    done = await settlements.settle_locked(unit, invoice, paid, parts=parts)
    return done.settlement


async def _close(
    unit: UnitOfWork,
    remittance: RemittanceRecord,
    lines: Sequence[RemittanceLineRecord],
    plans: Sequence[_Plan],
    paid: Sequence[SettlementRecord],
) -> Posted:
    problems = {line.id: plan.problem for plan in plans for line in plan.lines}
    # The second of two lines about the same is no part of what is posted of the first.
    problems |= {line.id: plan.problem or RemittanceLineProblem.REPEATED for plan in plans for line in plan.repeated}
    # What goes to no claim needs no plan.
    problems |= {line.id: None for line in lines if line.is_credit and line.status is RemittanceLineStatus.MATCHED}
    changed: list[RemittanceLineRecord] = []
    for number, line in enumerate(lines, start=1):
        if line.id in problems:
            changed.append(posted_lines.after_posting(line, problems[line.id], unit.now))
        if number % PLANS_AT_ONCE == 0:
            await asyncio.sleep(0)
    await remittances_db.update_lines(unit.connection, changed)
    await posted_lines.finish(unit, remittance, changed, [plan.claim for plan in plans])
    after = {line.id: line.status for line in lines} | {line.id: line.status for line in changed}
    status = remittance_status(list(after.values()))
    posted = sum(line.status is RemittanceLineStatus.POSTED for line in changed)
    posted_at = unit.now if posted else remittance.posted_at
    closed = replace(remittance, status=status, posted_at=posted_at, changed_at=unit.now)
    await remittances_db.update_remittance(unit.connection, closed)
    if posted:
        unit.emit(remittance_event("RemittancePosted", closed, at=unit.now))
    emit_waiting(unit, closed, changed, previous=RemittanceLineStatus.MATCHED)
    for plan in plans:
        if plan.problem is None:
            unit.changed(plan.claim.id, plan.claim.patient_id)
    return Posted(closed, tuple(paid), posted, len(changed) - posted)


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
