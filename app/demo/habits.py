"""The three payers of the demo's past, each with its habits, month by month."""

import random
from dataclasses import replace
from typing import Final

from app.db import claims as claims_db
from app.db import remittances as remittances_db
from app.db.claims import ClaimRecord, ItemRecord
from app.demo import appeals
from app.demo.parties import HOSPITAL, PROVIDER
from app.demo.story import (
    Pair,
    Story,
    claim,
    deposited,
    due_lines,
    issued_invoice,
    posted,
    received,
    sent_batch,
    statement,
    whole_claim,
)
from app.domain.claims import DeniedAmount
from app.domain.line_work import LineStep
from app.domain.money import Cents
from app.domain.remittances import RemittanceLineStatus
from app.domain.statement import AdjustmentDirection, AdjustmentLevel, Statement, StatementAdjustment, StatementLine
from app.services import line_resolutions, posting
from app.services.line_resolutions import LineCommand
from app.unit_of_work.unit import UnitOfWork

MONTHS: Final = 6
DAYS: Final = 30
CLAIMS: Final = 10
"""Of each payer in each month."""
ANALYSIS: Final = Pair(PROVIDER, "311111", "71000", "ANA")
GUIDES: Final = Pair(HOSPITAL, "322222", "72000", "GUI")
NET: Final = Pair(PROVIDER, "333333", "73000", "LIQ")
PAIRS: Final = (ANALYSIS, GUIDES, NET)
LATE: Final = 4
"""So many months ago the first payer paid a month late."""


def stories(unit: UnitOfWork, seed: int) -> list[Story]:
    """The months of the three payers; `seed` decides which services and denials there are."""
    found: list[Story] = []
    for month in range(MONTHS, 0, -1):
        for place, tell in enumerate((_analysis_first, _whole_guides, _net_of_tax)):
            rng = random.Random(seed * 1_000 + month * 10 + place)  # noqa: S311 - the same every time
            found.append(tell(unit, month, rng))
            if month > 1:
                found.append(appeals.batch_of_month(unit, PAIRS[place], -DAYS * month, rng))
    return [*found, appeals.expiries(unit, MONTHS)]


async def _analysis_first(unit: UnitOfWork, month: int, rng: random.Random) -> Story:
    """Decides all items of a batch; pays the same statement later: once late, and not yet what is due since last
    week."""
    start, made = -DAYS * month, list[ClaimRecord]()
    for place in range(CLAIMS):
        yield start + place
        made.append(await claim(unit, ANALYSIS, month * 100 + place, rng))
    yield start + 11
    batch = await sent_batch(unit, made)
    yield start + 12
    await received(unit, batch, 31_000 + month)
    yield start + 18
    lines = [line for place, each in enumerate(made) for line in await item_lines(unit, each, place)]
    decided = statement(unit, ANALYSIS, f"AN-{month}", lines, paid_on=None)
    await posted(unit, decided)
    invoice = await issued_invoice(unit, ANALYSIS, made)
    yield start + 20
    await appeals.begin(unit, made, rng)
    if month <= 2:
        return
    yield start + (58 if month == LATE else 26)
    paid = replace(decided, paid_on=unit.today, own_paid_on=unit.today)
    await posted(unit, paid)
    await deposited(unit, ANALYSIS, sum(line.paid for line in lines), f"TED {month}")
    yield start + 59
    recovered = await due_lines(unit, invoice)
    if recovered:
        again = statement(unit, ANALYSIS, f"RC-{month}", recovered, paid_on=unit.today)
        await posted(unit, again)
        await deposited(unit, ANALYSIS, sum(line.paid for line in recovered), f"TED RC {month}")


async def item_lines(unit: UnitOfWork, found: ClaimRecord, place: int = 0) -> list[StatementLine]:
    """Lines about each item; by its place every fifth claim is denied in part, every seventh in full."""
    items = await claims_db.items_of_claims(unit.connection, unit.scope, [found.id])
    return [_item(found, item, place) for item in items]


def _item(found: ClaimRecord, item: ItemRecord, place: int) -> StatementLine:
    denied = 0
    if place % 7 == 3:
        denied = item.total_cents
    elif place % 5 == 1 and item.sequence == 1:
        denied = item.total_cents // 2
    code = "1801" if place % 7 == 3 else "1705"
    return StatementLine(
        provider_claim_number=found.provider_claim_number,
        payer_claim_number=None,
        item_sequence=item.sequence,
        item_code=item.code,
        paid=Cents(item.total_cents - denied),
        denials=(DeniedAmount(code, Cents(denied)),) if denied else (),
    )


async def _whole_guides(unit: UnitOfWork, month: int, rng: random.Random) -> Story:
    """Denies whole guides, or pays less without a word; each statement is a payment. What it left out last month still
    waits in the queue."""
    start, made = -DAYS * month, list[ClaimRecord]()
    for place in range(CLAIMS):
        yield start + place
        made.append(await claim(unit, GUIDES, month * 100 + place, rng, items=1))
    yield start + 11
    batch = await sent_batch(unit, made)
    yield start + 12
    await received(unit, batch, 32_000 + month)
    yield start + 21
    lines = [_guide(each, place) for place, each in enumerate(made)]
    remittance = await posted(unit, statement(unit, GUIDES, f"DG-{month}", lines, paid_on=unit.today))
    yield start + 22
    await deposited(unit, GUIDES, sum(line.paid for line in lines), f"CREDITO {month}")
    if month > 1:
        yield start + 24
        await _accept_recalculations(unit, remittance)
    yield start + 25
    # Of this month's, the later ones are about to be lost.
    await appeals.begin(unit, made if month > 1 else made[:4], rng)


def _guide(found: ClaimRecord, place: int) -> StatementLine:
    if place % 4 == 2:
        return replace(whole_claim(found, paid=0), denials=(DeniedAmount("3052", Cents(found.claimed_cents)),))
    return whole_claim(found, paid=found.claimed_cents * 8 // 10 if place % 5 == 0 else found.claimed_cents)


async def _accept_recalculations(unit: UnitOfWork, remittance_id: str) -> None:
    """What the payer left out becomes a denial."""
    for line in await remittances_db.lines_of(unit.connection, unit.scope, [remittance_id]):
        if line.status is RemittanceLineStatus.UNMATCHED:
            accept = LineCommand(LineStep.ACCEPT_AS_DENIAL, code="1705")
            await line_resolutions.resolve(unit, id=line.id, command=accept)
    await posting.post(unit, id=remittance_id)


async def _net_of_tax(unit: UnitOfWork, month: int, rng: random.Random) -> Story:
    """Pays invoices net of taxes, and takes back a claim of the month before; three months ago only half of all."""
    start, made = -DAYS * month, list[ClaimRecord]()
    for place in range(CLAIMS):
        yield start + place
        made.append(await claim(unit, NET, month * 100 + place, rng))
    yield start + 11
    batch = await sent_batch(unit, made)
    yield start + 12
    await received(unit, batch, 33_000 + month)
    yield start + 17
    lines = [line for place, each in enumerate(made) for line in await item_lines(unit, each, place + 2)]
    await posted(unit, statement(unit, NET, f"LA-{month}", lines, paid_on=None))
    invoice = await issued_invoice(unit, NET, made)
    yield start + 19
    await appeals.begin(unit, made, rng)
    yield start + 27
    due = await due_lines(unit, invoice, part=2 if month == 3 else 1)
    paid = taxed(statement(unit, NET, f"LP-{month}", due, paid_on=unit.today))
    await posted(unit, paid)
    await deposited(unit, NET, paid.net or 0, f"PIX {month}")
    yield start + 33
    if month > 1:
        first = made[0].provider_claim_number
        amount = next(line.paid for line in due if line.provider_claim_number == first) // 2
        back = [whole_claim(made[0], paid=-amount)]
        await posted(unit, statement(unit, NET, f"LB-{month}", back, paid_on=unit.today))


def taxed(given: Statement) -> Statement:
    """The statement net of IRRF 1.5 % and PCC 4.65 %."""
    gross = sum(line.paid for line in given.lines)
    taxes = [("01", "IRRF", gross * 150 // 10_000), (None, "PCC", gross * 465 // 10_000)]
    adjustments = tuple(
        StatementAdjustment(AdjustmentDirection.DEBIT, AdjustmentLevel.STATEMENT, kind, text, Cents(amount))
        for kind, text, amount in taxes
    )
    return replace(given, adjustments=adjustments, net=Cents(gross - sum(amount for _, _, amount in taxes)))
