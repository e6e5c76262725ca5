"""Statements that are stored already: the same again, or the payment of what they have decided."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from app.db import adjustments as adjustments_db
from app.db import lines_to_post
from app.db import postings as postings_db
from app.db import remittances as remittances_db
from app.db.adjustments import AdjustmentRecord
from app.db.remittances import RemittanceRecord
from app.domain import ids
from app.domain.adjustments import AdjustmentStatus
from app.domain.errors import conflict, not_found
from app.domain.remittance_checks import check_payment
from app.domain.remittances import RemittanceStatus, remittance_status
from app.domain.statement import STOPPING, Digests, Statement
from app.events.contracts import remittance_event
from app.services import statement_deductions
from app.unit_of_work.unit import UnitOfWork


async def known(unit: UnitOfWork, statement: Statement, digests: Digests) -> RemittanceRecord | None:
    """The remittance that this statement was imported as, by its content or, if nothing has that, by its number."""
    parties = (unit.connection, statement.payer, statement.provider)
    numbered = await remittances_db.by_number(*parties, statement.statement_number)
    document = digests.document
    if document is None or (numbered is not None and numbered.document_hash == document):
        return numbered
    found = await remittances_db.by_document(*parties, document) or numbered
    if found is None and statement.issued_on is not None and statement.own_paid_on is None:
        # An analysis that a payment has joined: its row has the digest of that document now.
        found = await remittances_db.paid_analysis(*parties, digests.decisions, statement.issued_on)
    return found


async def again(
    unit: UnitOfWork, known: RemittanceRecord, statement: Statement, digests: Digests, *, may_post: bool
) -> RemittanceRecord | None:
    """The remittance with the payment that joins it; None if the statement, of which these are the digests, says
    nothing new.

    CONFLICT for other lines, or another day of payment; while the remittance is POSTING too, unless the caller may post
    and does so next: the posting of the analysis is stopped, and its lines are posted with those of the payment. While
    it is IMPORTING nothing of it is posted, so that the payment joins it like one that comes later.
    """
    is_same_document = known.paid_on is not None and digests.document == known.document_hash is not None
    if is_same_document or known.content_hash == digests.content:
        return None
    if known.content_hash != digests.decisions:
        raise conflict("the statement was already imported with other lines", "statementNumber")
    # An analysis, whose digest has no day, and its payment.
    if statement.paid_on == known.paid_on:
        return None
    if known.paid_on is not None:
        raise conflict("the statement was imported with another day of payment: use correctPaymentDate", "paidOn")
    return await _join(unit, known, statement, digests.document, may_post=may_post)


async def _join(
    unit: UnitOfWork, known: RemittanceRecord, statement: Statement, document_hash: str | None, *, may_post: bool
) -> RemittanceRecord:
    """Add the payment to the statement, which only decided: its posted lines are to be posted again, and then pay what
    they have approved; no claim is decided twice."""
    remittance = await remittances_db.lock(unit.connection, unit.scope, known.id)
    if remittance is None:
        raise not_found("remittance")
    if remittance.paid_on is not None:
        raise conflict("the payment was imported concurrently: try again", "statementNumber")
    check_payment(remittance.status, number=remittance.statement_number, may_post=may_post)
    is_posting = remittance.status is RemittanceStatus.POSTING
    if is_posting:
        await postings_db.stop(unit.connection, remittance.id, unit.now)
    await lines_to_post.pay_lines(unit.connection, remittance.id)
    known_findings = remittance.findings or ()
    noticed = tuple(each for each in statement.findings if each not in known_findings)
    status = remittance.status
    # The end of an import looks at the findings itself.
    if status is not RemittanceStatus.IMPORTING and any(each.kind in STOPPING for each in noticed):
        status = RemittanceStatus.REVIEW
    elif status not in (RemittanceStatus.REVIEW, RemittanceStatus.IMPORTING):
        status = remittance_status(await remittances_db.line_statuses(unit.connection, remittance.id))
    paid = replace(
        remittance,
        status=status,
        paid_on=statement.paid_on,
        posted_at=remittance.posted_at or (unit.now if is_posting else None),
        method=statement.method,
        bank_reference=statement.bank_reference,
        document_hash=document_hash or remittance.document_hash,
        net_cents=remittance.net_cents if statement.net is None else statement.net,
        findings=(*known_findings, *noticed) if noticed else remittance.findings,
        changed_at=unit.now,
    )
    await remittances_db.update_remittance(unit.connection, paid)
    stored = await adjustments_db.adjustments_of(unit.connection, unit.scope, [remittance.id])
    await adjustments_db.insert_adjustments(unit.connection, _new_adjustments(statement, remittance.id, stored))
    await statement_deductions.of_payment(unit, paid)
    if status is RemittanceStatus.POSTED:
        await statement_deductions.keep_excess(unit, paid)
    unit.emit(remittance_event("RemittancePaymentAdded", paid, at=unit.now))
    return paid


def _new_adjustments(
    statement: Statement, remittance_id: str, stored: Sequence[AdjustmentRecord]
) -> list[AdjustmentRecord]:
    """The debits and credits that the analysis did not have: the same ones are stated again, not once more."""
    known = Counter((each.direction, each.type, each.description, each.amount_cents) for each in stored)
    new: list[AdjustmentRecord] = []
    for each in adjustments_of(statement, remittance_id, after=len(stored)):
        said = (each.direction, each.type, each.description, each.amount_cents)
        if known[said]:
            known[said] -= 1
        else:
            new.append(each)
    return new


def adjustments_of(statement: Statement, remittance_id: str, *, after: int = 0) -> list[AdjustmentRecord]:
    """The debits and credits of a statement as rows, numbered after those that are stored already."""
    return [
        AdjustmentRecord(
            id=ids.new_id(ids.REMITTANCE_ADJUSTMENT),
            remittance_id=remittance_id,
            sequence=sequence,
            direction=each.direction,
            level=each.level,
            type=each.type,
            description=each.description,
            amount_cents=each.amount,
            status=AdjustmentStatus.OPEN,
            version=1,
            line_id=None,
        )
        for sequence, each in enumerate(statement.adjustments, start=after + 1)
    ]
