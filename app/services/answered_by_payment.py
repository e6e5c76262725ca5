"""Appeals that a statement answers by paying: what it pays above what is due is exactly what was appealed."""

from collections.abc import Sequence

from app.db import denials as denials_db
from app.db.denials import DenialRecord
from app.domain.denials import DenialStatus, recovered_by
from app.domain.money import Cents
from app.domain.paid_lines import names
from app.domain.remittances import RemittanceLineProblem, is_decided
from app.services.posting_plans import Plan
from app.unit_of_work.unit import UnitOfWork


async def complete(unit: UnitOfWork, plans: Sequence[Plan]) -> None:
    """Add the answers to the plans of overpaid claims that appeals explain, to the cent; the others stay overpaid.

    Example: 60_00 of 100_00 were approved and are paid, 40_00 denied and 30_00 of these appealed. A line of 30_00 is
    the payer's answer, and paid; a line of 20_00 may be a part of it or a mistake, which a person has to say.
    """
    overpaid = [plan for plan in plans if plan.problem is RemittanceLineProblem.OVERPAID]
    ids = sorted(plan.claim.id for plan in overpaid if is_decided(plan.claim.status))
    if not ids:
        return
    appealed: dict[str, list[DenialRecord]] = {}
    for denial in await denials_db.of_claims(unit.connection, unit.scope, ids):
        if denial.status is DenialStatus.APPEALED:
            appealed.setdefault(denial.claim_id, []).append(denial)
    for plan in overpaid:
        _answer(plan, appealed.get(plan.claim.id, []))


def _answer(plan: Plan, appealed: Sequence[DenialRecord]) -> None:
    # What the statement takes back of the claim is reversed by itself, and due again.
    paid = sum(line.paid_cents for line in plan.lines if line.paid_cents > 0)
    due = plan.due + plan.taken_back
    excess = Cents(paid - due)
    named = [denial for denial in appealed if _is_named(plan, denial)]
    places = recovered_by(excess, [Cents(denial.appealed_cents or 0) for denial in named]) if excess > 0 else None
    if not places:
        return
    plan.answers = tuple(named[place] for place in places)
    plan.unbilled = Cents(plan.unbilled + excess)
    plan.paid, plan.problem = Cents(paid), None


def _is_named(plan: Plan, denial: DenialRecord) -> bool:
    """Whether a line is about the whole claim, or about the item of the denial."""
    item = next((each for each in plan.items if each.id == denial.item_id), None)
    lines = [line.paid_line for line in plan.lines]
    return item is not None and any(
        line.is_whole_claim or names(line, item.billed) or line.item_code == item.code for line in lines
    )
