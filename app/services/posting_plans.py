"""What posting would do with the lines of each claim: planned before anything is written."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from app.db import claims as claims_db
from app.db import contracts as contracts_db
from app.db import invoice_lines as lines_db
from app.db import invoices as invoices_db
from app.db.claims import ClaimRecord, ItemRecord
from app.db.denials import DenialRecord
from app.db.invoice_lines import LineRecord
from app.db.remittances import RemittanceLineRecord, RemittanceRecord
from app.domain.claims import ItemDecision
from app.domain.invoices import InvoiceLineKind, InvoiceStatus
from app.domain.later_decisions import LaterDecision
from app.domain.money import Cents
from app.domain.remittances import (
    RemittanceLineProblem,
    decisions,
    holds,
    is_decided,
    payable,
    payment,
    recalculated,
    repeated,
    taking_back,
)
from app.services import held_lines, posted_lines, unapplied_credits
from app.services.denials import Recovery
from app.unit_of_work.unit import UnitOfWork

OfClaim = TypeVar("OfClaim", ItemRecord, RemittanceLineRecord, LineRecord, DenialRecord)
NOTHING: Final = Cents(0)
PLANS_AT_ONCE: Final = 200
SENT_INVOICES: Final = frozenset({InvoiceStatus.ISSUED, InvoiceStatus.PARTIALLY_SETTLED, InvoiceStatus.SETTLED})


@dataclass(slots=True)
class Plan:
    """What posting does with one claim: the decision, if the claim has none yet, and the payment.

    All plans are made before anything is written: a claim whose lines have a problem must change nothing, and the
    invoices to pay must be known together, since they make one settlement per invoice, not per claim.
    """

    claim: ClaimRecord
    items: list[ItemRecord]
    lines: list[RemittanceLineRecord]
    decisions: tuple[ItemDecision, ...] | None = None
    paid: Cents = NOTHING
    # What the payer takes back of what it has paid before.
    taken_back: Cents = NOTHING
    problem: RemittanceLineProblem | None = None
    # Approved by the payer but on no invoice yet: billing puts it on one if the payment needs it.
    unbilled: Cents = NOTHING
    # Whether the claim's approved amount is on an invoice.
    is_billed: bool = False
    # Lines that repeat what earlier ones have said in full; they wait.
    repeated: list[RemittanceLineRecord] = field(default_factory=list)
    # Lines of earlier statements about other items of the claim, which are posted with these.
    held: list[RemittanceLineRecord] = field(default_factory=list)
    # What is left of the credits of these lines, and pays the claim once it is decided.
    credited: Cents = NOTHING
    # Whether the lines are held themselves, until the payer has decided the rest of the claim.
    is_held: bool = False
    # What the lines pay of denials without an appeal, and then the denials that are paid so.
    recovers: tuple[Recovery, ...] = ()
    recovered: list[DenialRecord] = field(default_factory=list)
    # What the lines deny of a claim that was decided before.
    later: LaterDecision | None = None
    # Appealed denials whose appealed amounts the lines pay: the payer's answers.
    answers: tuple[DenialRecord, ...] = ()
    # The claim's lines on invoices that were sent to the payer, in the order in which they are paid.
    payable_lines: list[LineRecord] = field(default_factory=list)

    @property
    def settled(self) -> Cents:
        """What was paid of the claim, less what was taken back."""
        return Cents(sum(line.settled_cents for line in self.payable_lines))

    @property
    def due(self) -> Cents:
        """What the payer still owes of the claim, as far as it can be paid now."""
        return Cents(self.unbilled + sum(line.due_cents for line in self.payable_lines))


async def of_lines(unit: UnitOfWork, remittance: RemittanceRecord, lines: Sequence[RemittanceLineRecord]) -> list[Plan]:
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
    items_of, lines_of, billed_of = by_claim(items), by_claim(lines), by_claim(billed)
    undecided = [claim.id for claim in claims if not is_decided(claim.status)]
    held = await held_lines.of_claims(unit, undecided)
    held_of, credited = by_claim(held), await unapplied_credits.left_of_lines(unit, [line.id for line in held])
    plans: list[Plan] = []
    for number, claim in enumerate(claims, start=1):
        plan = Plan(claim, items_of.get(claim.id, []), lines_of.get(claim.id, []), held=held_of.get(claim.id, []))
        plan.credited = Cents(sum(credited.get(line.id, 0) for line in plan.held))
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
        differs = plan.problem is RemittanceLineProblem.AMOUNTS_DIFFER and not plan.taken_back
        if differs and not is_decided(claim.status):
            await _recalculate(unit, remittance, plan)
        plans.append(plan)
        if number % PLANS_AT_ONCE == 0:
            await asyncio.sleep(0)
    return plans


async def _recalculate(unit: UnitOfWork, remittance: RemittanceRecord, plan: Plan) -> None:
    """Deny what the lines leave out, if the contract has a code for that."""
    contract = await contracts_db.between(unit.connection, remittance.provider_cnes, remittance.payer_ans)
    if contract is None or contract.recalculation_code is None:
        return
    known = [line.paid_line for line in (*plan.held, *plan.lines)]
    found = recalculated([item.billed for item in plan.items], known, contract.recalculation_code)
    if not isinstance(found, RemittanceLineProblem):
        plan.problem, plan.decisions = None, found
        plan.paid = plan.unbilled = Cents(sum(line.paid_line.paid for line in plan.lines))


def _set_repeated_aside(plan: Plan) -> None:
    known = [*plan.held, *plan.lines]
    places = repeated([item.billed for item in plan.items], [line.paid_line for line in known])
    again = {known[place].id for place in places}
    plan.repeated = [line for line in plan.lines if line.id in again]
    plan.lines = [line for line in plan.lines if line.id not in again]


def by_claim(rows: Iterable[OfClaim]) -> dict[str | None, list[OfClaim]]:
    """The rows of each claim, in their order."""
    found: dict[str | None, list[OfClaim]] = {}
    for row in rows:
        found.setdefault(row.claim_id, []).append(row)
    return found


async def _payable_invoices(unit: UnitOfWork, lines: Sequence[LineRecord]) -> set[str]:
    """The lines' invoices that were sent to the payer, locked until the commit; nothing is due on a settled one."""
    locked = await invoices_db.lock_many(unit.connection, unit.scope, sorted({line.invoice_id for line in lines}))
    return {invoice.id for invoice in locked if invoice.status in SENT_INVOICES}


def _complete(
    plan: Plan, on_invoices: list[LineRecord], *, is_replaced: bool, is_paying: bool
) -> RemittanceLineProblem | None:
    """Add the decision and the payment to the plan; the result is the problem if its lines cannot be posted."""
    problem = payable(plan.claim.status, is_replaced=is_replaced)
    if problem is not None:
        return problem
    if is_decided(plan.claim.status):
        plan.is_billed = any(line.kind is InvoiceLineKind.CLAIM for line in on_invoices)
        approved = 0 if plan.is_billed else plan.claim.approved_cents or 0
        plan.unbilled = Cents(approved + sum(each.amount for each in plan.recovers))
    known_lines = [line.paid_line for line in plan.lines]
    lines = [line for line in known_lines if line.paid >= 0]
    plan.taken_back = Cents(-sum(line.paid for line in known_lines if line.paid < 0))
    if plan.taken_back:
        problem = taking_back(plan.taken_back, paid=plan.settled, is_paying=is_paying)
        if problem is not None or not lines:
            return problem
    billed = [item.billed for item in plan.items]
    if not is_decided(plan.claim.status):
        known = [*(line.paid_line for line in plan.held), *lines]
        found = decisions(billed, known)
        if isinstance(found, RemittanceLineProblem):
            plan.is_held = bool(lines) and holds(billed, known)
            return None if plan.is_held else found
        plan.decisions, plan.paid = found, Cents(sum(line.paid for line in lines))
        plan.unbilled = plan.paid
        return None
    # Payable: what is due on issued invoices, and what is on no invoice yet. Example, in cents: 700_00
    # approved and billed, 150_00 of a won appeal billed on a second invoice; of 850_00 due the statement pays 800_00.
    # It is spread over the lines: one settlement of 700_00 for the first invoice, one of 100_00 for the second.
    due = plan.due + plan.taken_back
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
