"""What the demo's present shows beside the work of the months: one of each state that does not last."""

import random
from dataclasses import replace
from typing import Final

from app.db import bank as bank_db
from app.db import claims as claims_db
from app.db import remittances as remittances_db
from app.db.bank import BankEntryFilter
from app.db.bank_tables import bank_entries
from app.db.claims import ClaimRecord
from app.db.paging import Keyset
from app.demo import appeals
from app.demo.habits import ANALYSIS, GUIDES, NET, item_lines
from app.demo.story import Story, claim, deposited, imported, posted, received, sent_batch, statement, whole_claim
from app.domain.claims import ItemDecision
from app.domain.invoices import YearMonth
from app.domain.line_work import LinePart, LineStep
from app.domain.money import Cents
from app.domain.remittances import RemittanceLineProblem
from app.domain.statement import StatementFinding, StatementFindingKind, StatementLine
from app.services import (
    appeal_batches,
    bank_matches,
    batch_answers,
    batches,
    claims,
    invoices,
    line_resolutions,
    remittance_lines,
    remittances,
    reviews,
)
from app.services.invoices import InvoiceForm
from app.services.line_resolutions import LineCommand
from app.unit_of_work.unit import UnitOfWork

FIRST: Final = 900
"""Number of the first claim of the present."""
REASON: Final = "Enviado por engano"
RENT: Final = 3_000_00


def stories(unit: UnitOfWork, rng: random.Random) -> list[Story]:
    """Batches and claims, statements, invoices, appeals and the bank's entries of the last days."""
    of_claims = (_claims(unit, rng), _batches(unit, rng), _statements(unit, rng), _invoices(unit, rng))
    return [*of_claims, _appeals(unit), _bank(unit)]


async def _claims(unit: UnitOfWork, rng: random.Random) -> Story:
    yield -8
    await claim(unit, ANALYSIS, FIRST, rng, submit=False)
    found = [await claim(unit, ANALYSIS, FIRST + number, rng) for number in range(1, 5)]
    yield -6
    for each in found[:2]:
        await reviews.start(unit, id=each.id, version=None)
    yield -5
    await reviews.request_information(unit, id=found[0].id, reason="Enviar o laudo", version=None)
    await claims.cancel(unit, id=found[2].id, version=None, reason=REASON)


async def _batches(unit: UnitOfWork, rng: random.Random) -> Story:
    yield -7
    found = [await claim(unit, ANALYSIS, FIRST + 10 + number, rng) for number in range(5)]
    yield -4
    await received(unit, await sent_batch(unit, found[:1]), 39_001)
    await sent_batch(unit, found[1:2])
    rejected = await sent_batch(unit, found[2:3])
    await batch_answers.record_rejection(unit, id=rejected, reason="Arquivo ilegível", version=None)
    await batches.create(unit, claim_ids=[found[3].id])
    cancelled = await batches.create(unit, claim_ids=[found[4].id])
    await batches.cancel(unit, id=cancelled.id, reason=REASON, version=None)


async def _statements(unit: UnitOfWork, rng: random.Random) -> Story:
    yield -7
    found = [await claim(unit, GUIDES, FIRST + number, rng, items=2) for number in range(6)]
    yield -3
    pair, today = GUIDES, unit.today
    await imported(unit, statement(unit, pair, "ATUAL-1", [_paid(found[0])], paid_on=today))
    totals = (StatementFinding(StatementFindingKind.TOTALS_DIFFER, "valorLiberadoGeral"),)
    doubtful = statement(unit, pair, "ATUAL-2", [_paid(found[1])], paid_on=today)
    await imported(unit, replace(doubtful, findings=totals))
    wrong = await imported(unit, statement(unit, pair, "ATUAL-3", [_paid(found[2])], paid_on=today))
    await remittances.cancel(unit, id=wrong, reason=REASON)
    one_item = (await item_lines(unit, found[3]))[:1]
    unknown = [replace(_paid(found[4]), provider_claim_number=f"S{number}") for number in range(3)]
    queue = statement(unit, pair, "ATUAL-4", [*one_item, *unknown, _paid(found[4])], paid_on=today)
    await _work_on_queue(unit, await posted(unit, queue), found[5])


def _paid(found: ClaimRecord) -> StatementLine:
    return whole_claim(found, paid=found.claimed_cents)


async def _work_on_queue(unit: UnitOfWork, remittance_id: str, whose: ClaimRecord) -> None:
    """Of three lines that match no claim one is dismissed, one divided, one given to a person."""
    lines = await remittances_db.lines_of(unit.connection, unit.scope, [remittance_id])
    dismissed, divided, assigned = [line for line in lines if line.problem is RemittanceLineProblem.UNKNOWN_CLAIM]
    await remittance_lines.dismiss(unit, id=dismissed.id, reason="De outro prestador")
    part = Cents(divided.paid_cents // 2)
    parts = (LinePart(whose.id, 1, part), LinePart(None, None, Cents(divided.paid_cents - part)))
    await line_resolutions.split(unit, id=divided.id, parts=parts)
    await line_resolutions.resolve(unit, id=assigned.id, command=LineCommand(LineStep.ASSIGN, assignee="ana"))


async def _invoices(unit: UnitOfWork, rng: random.Random) -> Story:
    yield -6
    found = [await claim(unit, NET, FIRST + number, rng) for number in range(2)]
    yield -2
    for each in found:
        await reviews.start(unit, id=each.id, version=None)
        items = await claims_db.items_of_claims(unit.connection, unit.scope, [each.id])
        decisions = [ItemDecision(item.sequence, Cents(item.total_cents)) for item in items]
        await reviews.adjudicate(unit, id=each.id, decisions=decisions, payer_claim_number=None, version=None)
    month = YearMonth(f"{unit.today:%Y%m}")
    forms = [InvoiceForm(NET.provider, NET.payer, month, (each.id,), has_recoveries=False) for each in found]
    await invoices.create(unit, form=forms[0])
    wrong = await invoices.create(unit, form=forms[1])
    await invoices.cancel(unit, id=wrong.id, version=None, reason=REASON)


async def _appeals(unit: UnitOfWork) -> Story:
    """The appeals of this month: rejected by one payer and sent again, sent to one, only collected for one."""
    yield -3
    for batch in await appeals.created(unit, ANALYSIS):
        await appeal_batches.cancel(unit, id=batch, reason=REASON, version=None)
    for batch in await appeals.sent(unit, ANALYSIS):
        await appeal_batches.record_rejection(unit, id=batch, reason="Arquivo ilegível", version=None)
    again = await appeals.sent(unit, ANALYSIS)
    await appeals.sent(unit, GUIDES)
    await appeals.created(unit, NET)
    yield -1
    for batch in again:
        await appeals.receive(unit, batch, FIRST)


async def _bank(unit: UnitOfWork) -> Story:
    """One deposit that no payer has announced, and one that a person has set aside as not from a payer."""
    yield -2
    await deposited(unit, ANALYSIS, 1_234_56, "TED 77")
    await deposited(unit, ANALYSIS, RENT, "ALUGUEL SALA 12")
    keyset = Keyset(bank_entries.c.id, bank_entries.c.id, descending=True, limit=1)
    (rent,) = await bank_db.page(unit.connection, unit.scope, BankEntryFilter(), keyset)
    await bank_matches.dismiss(unit, id=rent.id, reason="Aluguel de sala")
