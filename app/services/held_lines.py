"""Lines that account for some items of their claim: they are held, with their money as a credit, until it is whole.

A held line is changed under the lock of its remittance and of its claim, in this order, as all locks are taken.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from app.db import held_lines as held_db
from app.db import invoice_lines as lines_db
from app.db import remittances as remittances_db
from app.db import waiting_lines
from app.db.engine import Overtaken
from app.db.remittances import RemittanceLineRecord, RemittanceRecord
from app.domain.line_work import LineResolution, LineStep
from app.domain.money import Cents
from app.domain.remittances import RemittanceLineAction, RemittanceLineProblem, next_line_status
from app.services import unapplied_credits
from app.services.line_steps import store, store_status, waiting
from app.unit_of_work.unit import UnitOfWork

DECIDED: Final = "the claim was decided without the rest of it"
"""Why a held line is returned to the queue."""
NOT_SENT: Final = "the claim is not the payer's any more"


def held(line: RemittanceLineRecord) -> RemittanceLineRecord:
    """The line as it is held from now on."""
    return replace(line, status=next_line_status(line.status, RemittanceLineAction.HOLD))


async def lock_remittances(unit: UnitOfWork, claim_ids: Sequence[str]) -> None:
    """Lock the remittances with held lines of these claims, before the claims."""
    if found := await held_db.remittances_of(unit.connection, claim_ids):
        await waiting_lines.lock_remittances(unit.connection, found)


async def lock_beside(unit: UnitOfWork, remittance_id: str, lines_max: int) -> None:
    """Lock the remittances whose held lines the first matched lines of this one may complete, together with it."""
    if found := await held_db.remittances_beside(unit.connection, unit.scope, remittance_id, lines_max):
        await waiting_lines.lock_remittances(unit.connection, sorted({remittance_id, *found}))


async def of_claims(unit: UnitOfWork, claim_ids: Sequence[str]) -> list[RemittanceLineRecord]:
    """The held lines of these claims, which the caller has locked, after their remittances.

    A line that was not held yet when the remittances were locked: its remittance is locked now if that needs no
    waiting, else the unit of work runs again.
    """
    seen = await held_db.of_claims(unit.connection, unit.scope, claim_ids) if claim_ids else []
    if not seen:
        return []
    ids = sorted({line.remittance_id for line in seen})
    locked = {each.id for each in await held_db.lock_free(unit.connection, unit.scope, ids)}
    found = await held_db.of_claims(unit.connection, unit.scope, claim_ids)
    if not locked.issuperset(line.remittance_id for line in found):
        raise Overtaken
    return found


async def release(
    unit: UnitOfWork, remittance: RemittanceRecord, lines: Mapping[str, Sequence[RemittanceLineRecord]]
) -> None:
    """Post the held lines of these claims, which are decided and billed now, and pay the claims with their credits.

    The caller has locked the claims and the lines' remittances, and stores the status of `remittance` itself.
    """
    if not lines:
        return
    posted = [
        replace(line, status=next_line_status(line.status, RemittanceLineAction.POST), posted_at=unit.now)
        for of_claim in lines.values()
        for line in of_claim
    ]
    await remittances_db.update_lines(unit.connection, posted)
    for claim_id, of_claim in lines.items():
        for line in of_claim:
            billed = await lines_db.of_claims(unit.connection, unit.scope, [claim_id])
            most = line.paid_line.paid
            await unapplied_credits.apply_to_lines(unit, line_id=line.id, lines=billed, most=most)
    for other in sorted({line.remittance_id for line in posted} - {remittance.id}):
        locked = await remittances_db.lock(unit.connection, unit.scope, other)
        if locked is not None:
            await store_status(unit, locked)


async def give_back(unit: UnitOfWork, claim_id: str, problem: RemittanceLineProblem, reason: str) -> None:
    """Return the held lines of a claim to the queue, with the problem, since no statement will complete it any more.

    Their credits are withdrawn. A line whose credit is used already is a credit without a claim instead, so that its
    money counts once. The caller has locked the claim, after `lock_remittances`.
    """
    for line in await of_claims(unit, [claim_id]):
        remittance = await remittances_db.lock(unit.connection, unit.scope, line.remittance_id)
        if remittance is None:
            raise Overtaken
        if await unapplied_credits.is_used(unit, line_id=line.id):
            status = next_line_status(line.status, RemittanceLineAction.POST)
            all_of_it = LineResolution(unapplied=Cents(line.paid_cents))
            kept = replace(line, status=status, posted_at=unit.now, claim_id=None, resolution=all_of_it)
            await store(unit, remittance, line, kept, LineStep.ACCEPT_OVERPAYMENT, text=reason)
            continue
        await unapplied_credits.withdraw(unit, line_id=line.id, reason=reason)
        back = waiting(unit, line, problem=problem, matched_by=None)
        await store(unit, remittance, line, back, LineStep.UNMATCH, text=reason)
