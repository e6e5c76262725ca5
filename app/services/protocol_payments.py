"""Payments of whole protocols: a payer names no claims in them, because its analysis of the protocol has."""

from dataclasses import replace

from app.db import protocols as protocols_db
from app.db.protocols import AnalysedClaim
from app.domain.money import Cents
from app.domain.statement import Statement, StatementLine
from app.unit_of_work.unit import UnitOfWork


async def by_claim(unit: UnitOfWork, statement: Statement) -> Statement:
    """The statement with a line for each claim in place of a line about a protocol, if analyses of this protocol
    approve exactly what it pays. Any other such line waits for a person.

    Example: protocol 99 pays 900.00; its analysis approves 500.00 of one claim and 400.00 of another.
    """
    lines: list[StatementLine] = []
    for line in statement.lines:
        claims: list[AnalysedClaim] = []
        numbers = (line.provider_claim_number, line.payer_claim_number, line.authorization_number)
        if line.protocol_number is not None and not any(numbers):
            parties = (statement.provider, statement.payer)
            claims = await protocols_db.analysed(unit.connection, unit.scope, *parties, line.protocol_number)
        is_exact = bool(claims) and sum(claim.approved for claim in claims) == line.paid
        lines += [_of_claim(line, claim) for claim in claims] if is_exact else [line]
    return statement if lines == list(statement.lines) else replace(statement, lines=tuple(lines))


def _of_claim(line: StatementLine, claim: AnalysedClaim) -> StatementLine:
    return StatementLine(
        provider_claim_number=claim.provider_claim_number,
        payer_claim_number=claim.payer_claim_number,
        item_sequence=None,
        item_code=None,
        # MySQL adds integers up to decimals.
        paid=Cents(int(claim.approved)),
        protocol_number=line.protocol_number,
        findings=line.findings,
    )
