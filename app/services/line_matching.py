"""Lines of statements that came before their claims, or before their analysis: matched when these come."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date
from typing import Final

from app.db import claims as claims_db
from app.db import remittances as remittances_db
from app.db import waiting_lines
from app.db.claims import ClaimRecord
from app.db.remittances import RemittanceLineRecord, RemittanceRecord
from app.domain.line_work import carried
from app.domain.remittances import (
    RemittanceLineAction,
    RemittanceLineProblem,
    RemittanceSource,
    RemittanceStatus,
    next_line_status,
)
from app.services import posting, protocol_lines
from app.services.statement_matching import contradictions, numbered
from app.unit_of_work.action import Action
from app.unit_of_work.unit import UnitOfWork


async def match_again(unit: UnitOfWork, *, claim_id: str) -> int:
    """Match the lines that wait for this claim; how many. Those of a statement from Kafka are posted too, since nobody
    has to ask for that.

    A line that fits several claims by now waits as AMBIGUOUS.
    """
    seen = await waiting_lines.of_claim(unit.connection, claim_id)
    held = await waiting_lines.lock_remittances(unit.connection, sorted({line.remittance_id for line in seen}))
    locked = {remittance.id: remittance for remittance in held}
    # Read again: they may have changed before their remittances were locked.
    found = await waiting_lines.of_claim(unit.connection, claim_id)
    lines = [line for line in found if line.remittance_id in locked]
    if not lines:
        return 0
    (claim,) = await claims_db.by_ids(unit.connection, unit.scope, [claim_id])
    fitting = await numbered(unit, claim.provider_cnes, claim.payer_ans, lines)
    days = {item.performed_on for item in await claims_db.items_of_claims(unit.connection, unit.scope, [claim_id])}
    of_remittance: defaultdict[str, list[RemittanceLineRecord]] = defaultdict(list)
    for line in lines:
        of_remittance[line.remittance_id] += _matched(line, fitting.of(line), days)
    for id, changed in of_remittance.items():
        await _store(unit, locked[id], changed, claim)
    return sum(line.problem is None for changed in of_remittance.values() for line in changed)


def _matched(
    line: RemittanceLineRecord, claims: Sequence[ClaimRecord], days: Collection[date]
) -> list[RemittanceLineRecord]:
    """The line as it is from now on; nothing if it waits as before. One that contradicts its claim waits for a person:
    its statement may be posted already, and is not stopped any more."""
    if not claims:
        return []
    if len(claims) > 1:
        return [replace(line, problem=RemittanceLineProblem.AMBIGUOUS)]
    found = contradictions(line, claims[0], days)
    if found:
        noticed = tuple(dict.fromkeys((*(line.findings or ()), *found)))
        return [replace(line, problem=RemittanceLineProblem.DOUBTFUL, findings=noticed)]
    status = next_line_status(line.status, RemittanceLineAction.MATCH)
    read_as = carried(line.resolution, before=line.claim_id, after=claims[0].id)
    return [replace(line, status=status, problem=None, claim_id=claims[0].id, matched_by=None, resolution=read_as)]


async def _store(
    unit: UnitOfWork, remittance: RemittanceRecord, lines: Sequence[RemittanceLineRecord], claim: ClaimRecord
) -> None:
    await remittances_db.update_lines(unit.connection, lines)
    await remittances_db.update_remittance(unit.connection, replace(remittance, changed_at=unit.now))
    for line in lines:
        unit.changed(line.id, claim.patient_id)
    is_stopped = remittance.status in _STOPPED
    if remittance.source is RemittanceSource.EVENT and not is_stopped:
        await posting.post(unit, id=remittance.id)


async def divide_again(unit: UnitOfWork, *, remittance_id: str) -> None:
    """Divide what waits of this statement about protocols that analyses have by now. A statement from Kafka is posted
    too, since nobody has to ask for that."""
    found = await remittances_db.by_ids(unit.connection, unit.scope, [remittance_id])
    if any(each.source is RemittanceSource.EVENT for each in found):
        await posting.post(unit, id=remittance_id)
        return
    remittance = await remittances_db.lock(unit.connection, unit.scope, remittance_id)
    if remittance is not None and remittance.status not in (*_STOPPED, RemittanceStatus.POSTING):
        await protocol_lines.divide(unit, remittance)


_STOPPED: Final = (RemittanceStatus.IMPORTING, RemittanceStatus.REVIEW, RemittanceStatus.CANCELLED)
MATCH_AGAIN: Final = Action("matchLinesOfClaim", match_again)
DIVIDE_AGAIN: Final = Action("divideProtocolsOfRemittance", divide_again)
