"""Payments of protocols that came before the analyses: divided by claim when their statement is posted again."""

from collections.abc import Sequence
from dataclasses import replace

from app.db import protocols as protocols_db
from app.db import remittances as remittances_db
from app.db import waiting_lines
from app.db.protocols import AnalysedClaim
from app.db.remittances import RemittanceLineRecord, RemittanceRecord
from app.domain import ids
from app.domain.line_work import LineStep
from app.domain.money import NO_CENTS
from app.domain.remittances import (
    RemittanceLineAction,
    RemittanceLineProblem,
    RemittanceLineStatus,
    next_line_status,
)
from app.services.line_steps import store, waiting
from app.services.statement_matching import Numbered, numbered
from app.unit_of_work.unit import UnitOfWork


async def divide(unit: UnitOfWork, remittance: RemittanceRecord) -> None:
    """Divide waiting lines about protocols into one for each claim that analyses have by now, if these approve exactly
    what the line pays. The remittance is locked."""
    for line in await waiting_lines.of_protocols(unit.connection, remittance.id):
        parties = (remittance.provider_cnes, remittance.payer_ans)
        found = await protocols_db.analysed(unit.connection, unit.scope, *parties, line.protocol_number or "")
        if found and sum(each.approved for each in found) == line.paid_cents:
            await _divide(unit, remittance, line, found)


async def _divide(
    unit: UnitOfWork, remittance: RemittanceRecord, line: RemittanceLineRecord, analysed: Sequence[AnalysedClaim]
) -> None:
    fitting = await numbered(unit, remittance.provider_cnes, remittance.payer_ans, analysed)
    first = await remittances_db.last_sequence(unit.connection, remittance.id) + 1
    parts = [_part(unit, line, each, fitting, sequence) for sequence, each in enumerate(analysed, start=first)]
    await remittances_db.insert_lines(unit.connection, parts)
    status = next_line_status(line.status, RemittanceLineAction.SPLIT)
    await store(unit, remittance, line, replace(line, status=status, problem=None), LineStep.SPLIT)


def _part(
    unit: UnitOfWork, line: RemittanceLineRecord, analysed: AnalysedClaim, fitting: Numbered, sequence: int
) -> RemittanceLineRecord:
    claims = fitting.of(analysed)
    made = replace(
        line,
        id=ids.new_id(ids.REMITTANCE_LINE),
        sequence=sequence,
        provider_claim_number=analysed.provider_claim_number,
        payer_claim_number=analysed.payer_claim_number,
        # MySQL adds integers up to decimals.
        paid_cents=int(analysed.approved),
        denials=(),
        patient_cents=NO_CENTS,
        split_from_id=line.id,
        set_aside_until=None,
    )
    if len(claims) == 1:
        return replace(made, status=RemittanceLineStatus.MATCHED, problem=None, claim_id=claims[0].id)
    return waiting(
        unit, made, problem=RemittanceLineProblem.AMBIGUOUS if claims else RemittanceLineProblem.UNKNOWN_CLAIM
    )
