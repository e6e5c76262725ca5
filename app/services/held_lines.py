"""Lines that account for some items of their claim: they are held, with their money as a credit, until it is whole."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from app.db import invoice_lines as lines_db
from app.db import remittances as remittances_db
from app.db.remittances import RemittanceLineRecord, RemittanceRecord
from app.domain.remittances import RemittanceLineAction, next_line_status
from app.services import unapplied_credits
from app.services.line_steps import store_status
from app.unit_of_work.unit import UnitOfWork


def held(line: RemittanceLineRecord) -> RemittanceLineRecord:
    """The line as it is held from now on."""
    return replace(line, status=next_line_status(line.status, RemittanceLineAction.HOLD))


async def release(
    unit: UnitOfWork, remittance: RemittanceRecord, lines: Mapping[str, Sequence[RemittanceLineRecord]]
) -> None:
    """Post the held lines of these claims, which are decided now, and pay the claims with their credits.

    The caller has locked the claims, and `remittance`, whose status it stores itself.
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
            await unapplied_credits.apply_to_lines(unit, line_id=line.id, lines=billed)
    for other in sorted({line.remittance_id for line in posted} - {remittance.id}):
        locked = await remittances_db.lock(unit.connection, unit.scope, other)
        if locked is not None:
            await store_status(unit, locked)
