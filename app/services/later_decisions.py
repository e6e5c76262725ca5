"""What a statement denies of claims that were decided before, and pays of their denials: read, and recorded."""

from collections.abc import Collection, Iterable, Sequence

from app.db import denials as denials_db
from app.db import invoice_lines as lines_db
from app.db.claims import ItemRecord
from app.db.denials import DenialRecord
from app.db.invoice_lines import LineRecord
from app.db.remittances import RemittanceRecord
from app.db.settlements import SettlementRecord
from app.domain.appeal_terms import DenialDays
from app.domain.calendar import business_day
from app.domain.denials import RECOVERABLE
from app.domain.invoices import InvoiceLineKind
from app.domain.later_decisions import DecidedItem, KnownDenial, LaterDecision, later_decision
from app.domain.money import Cents
from app.domain.remittances import RemittanceLineProblem, is_decided
from app.domain.settlements import denied_by
from app.services import invoices, reviews, takebacks
from app.services.denials import Recovery
from app.services.posting_plans import Plan, by_claim
from app.unit_of_work.unit import UnitOfWork

READABLE = frozenset({None, RemittanceLineProblem.AMOUNTS_DIFFER, RemittanceLineProblem.OVERPAID})


async def complete(unit: UnitOfWork, plans: Sequence[Plan], *, is_paying: bool) -> None:
    """Add to the plans of decided claims what their lines decide anew, where that has one reading.

    Lines that take back and deny, and have not one reading, are AMOUNTS_DIFFER.
    """
    found = [plan for plan in plans if _may_decide(plan, is_paying=is_paying)]
    ids = sorted(plan.claim.id for plan in found)
    known = by_claim(await denials_db.of_claims(unit.connection, unit.scope, ids) if ids else [])
    for plan in found:
        items = decided_items(plan.items, known.get(plan.claim.id, []))
        later = later_decision(items, [line.paid_line for line in plan.lines], plan.due)
        if later is not None and (later.denied or later.recovered):
            _add(plan, later, known.get(plan.claim.id, []), is_paying=is_paying)
        elif later is None and plan.problem is None and _denied(plan) <= (plan.claim.approved_cents or 0):
            plan.problem = RemittanceLineProblem.AMOUNTS_DIFFER


def _may_decide(plan: Plan, *, is_paying: bool) -> bool:
    if not is_decided(plan.claim.status) or plan.problem not in READABLE or not plan.lines:
        return False
    if plan.taken_back and not is_paying:
        return False
    is_resolved = any(line.resolution is not None and line.resolution.recovered for line in plan.lines)
    is_read = plan.problem is None and not plan.taken_back
    return not is_resolved and not is_read and bool(_denied(plan) or plan.taken_back)


def _denied(plan: Plan) -> int:
    return sum(line.paid_line.denied for line in plan.lines)


def decided_items(items: Iterable[ItemRecord], denials: Iterable[DenialRecord]) -> list[DecidedItem]:
    """The items of a decided claim with what is still denied of them, in the form that the rules use."""
    of_items: dict[str, list[KnownDenial]] = {}
    for denial in denials:
        if left := Cents(denial.amount_cents - (denial.answered_cents or 0)):
            known = KnownDenial(denial.id, denial.code, left, denial.status in RECOVERABLE)
            of_items.setdefault(denial.item_id, []).append(known)
    return [
        DecidedItem(
            item.billed,
            Cents(item.approved_cents or 0),
            Cents(item.patient_cents or 0),
            tuple(of_items.get(item.id, ())),
        )
        for item in items
    ]


def _add(plan: Plan, later: LaterDecision, denials: Collection[DenialRecord], *, is_paying: bool) -> None:
    """Add it to the plan, if the claim's invoice can be lowered by what is denied, and what is paid fits then."""
    paid = Cents(sum(max(line.paid_line.paid, 0) for line in plan.lines))
    denied, recovered = later.denied_cents, later.recovered_cents
    due = plan.due + plan.taken_back + recovered - denied
    if denied > _deniable(plan) or (is_paying and paid > due) or (recovered and not is_paying):
        return
    by_id = {denial.id: denial for denial in denials}
    plan.later = later
    plan.recovers = tuple(Recovery(by_id[name], amount) for name, amount in later.recovered)
    plan.unbilled = Cents(plan.unbilled + recovered)
    plan.paid, plan.problem = paid, None


def _deniable(plan: Plan) -> int:
    """How much of the claim can be denied: what is approved and on no invoice, else what is due on its line, or will be
    when the money is taken back."""
    line = _claim_line(plan)
    if line is None:
        return 0 if plan.is_billed else plan.claim.approved_cents or 0
    return line.due_cents + min(plan.taken_back, line.settled_cents)


def _claim_line(plan: Plan) -> LineRecord | None:
    return next((line for line in plan.payable_lines if line.kind is InvoiceLineKind.CLAIM), None)


async def take_back(unit: UnitOfWork, remittance: RemittanceRecord, plans: Sequence[Plan]) -> list[SettlementRecord]:
    """The reversals of what is taken back; what is denied of it is recorded, and no longer billed. Lines of those that
    are paid as well are read again."""
    found: list[SettlementRecord] = []
    for plan in plans:
        if plan.taken_back:
            found += await takebacks.take_back(unit, remittance, _in_order(plan), plan.taken_back)
            await _read_again(unit, plan)
        if plan.later is not None and plan.later.denied:
            await _deny(unit, remittance, plan, plan.later)
            await _read_again(unit, plan)
    return found


def _in_order(plan: Plan) -> list[LineRecord]:
    """The lines of which money is taken back, from the last one: of what is denied now, that of the claim itself."""
    if plan.later is None:
        return plan.payable_lines
    return sorted(plan.payable_lines, key=lambda line: line.kind is InvoiceLineKind.CLAIM)


async def _read_again(unit: UnitOfWork, plan: Plan) -> None:
    ids = {line.id for line in plan.payable_lines}
    lines = await lines_db.of_claims(unit.connection, unit.scope, [plan.claim.id])
    plan.payable_lines = [line for line in lines if line.id in ids]


async def _deny(unit: UnitOfWork, remittance: RemittanceRecord, plan: Plan, later: LaterDecision) -> None:
    reason = denied_by(remittance.statement_number)
    days = DenialDays(remittance.issued_on, business_day(remittance.created_at))
    plan.claim = await reviews.deny_later(unit, plan.claim, plan.items, later.denied, days, reason)
    line = _claim_line(plan)
    if line is not None:
        await invoices.reduce_line(unit, line, later.denied_cents, reason)
