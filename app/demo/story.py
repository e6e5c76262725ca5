"""How the demo's past is told: stories that go on day by day, each step on its own day, all by the services."""

import heapq
import random
from collections.abc import AsyncGenerator, Sequence
from datetime import date, timedelta
from typing import Final

from app.db import claims as claims_db
from app.db import invoice_lines as lines_db
from app.db.claims import ClaimRecord
from app.demo.claims import form_of, some_items
from app.domain.bank import BankDirection, BankLine
from app.domain.invoices import YearMonth
from app.domain.money import Cents
from app.domain.protocols import Protocol
from app.domain.remittances import RemittanceSource
from app.domain.settlements import PaymentMethod
from app.domain.statement import Statement, StatementLine
from app.services import bank, batch_answers, batches, claims, invoices, posting, remittances
from app.services.bank import BankForm
from app.services.invoices import InvoiceForm
from app.unit_of_work.unit import UnitOfWork
from app.values.frozen import frozen

Story = AsyncGenerator[int, None]
"""It yields the day, counted from today, on which it goes on: -30 is thirty days ago."""
ACCOUNT: Final = "0001123456"


@frozen
class Pair:
    """A provider and a payer of the demo; the cards of this payer begin with `cards`."""

    provider: str
    payer: str
    cards: str
    prefix: str
    """With which the provider's numbers of claims for this payer begin."""


async def play(unit: UnitOfWork, stories: Sequence[Story]) -> None:
    """Tell the stories at once, in the order of their days. The unit's time is that of the day that is told: what the
    services store has it, as if it had been done then."""
    now = unit.now
    waiting = [(await anext(story), number) for number, story in enumerate(stories)]
    heapq.heapify(waiting)
    while waiting:
        day, number = heapq.heappop(waiting)
        unit.now = now + timedelta(days=day)
        following = await anext(stories[number], None)
        if following is not None:
            heapq.heappush(waiting, (following, number))
    unit.now = now


async def claim(
    unit: UnitOfWork, pair: Pair, number: int, rng: random.Random, *, submit: bool = True, items: int | None = None
) -> ClaimRecord:
    """A new claim for services of the day that is told, by default one to four."""
    form = form_of(
        some_items(rng, items),
        provider=pair.provider,
        payer=pair.payer,
        number=f"{pair.prefix}{number:06d}",
        card=f"{pair.cards}{rng.randint(1, 9)}",
        service_date=unit.today,
    )
    return await claims.create(unit, form=form, submit=submit)


async def sent_batch(unit: UnitOfWork, found: Sequence[ClaimRecord]) -> str:
    """The id of a new batch of these claims, which is sent."""
    batch = await batches.create(unit, claim_ids=[each.id for each in found])
    return (await batches.send(unit, id=batch.id, version=None)).id


async def received(unit: UnitOfWork, batch_id: str, number: int) -> None:
    """The payer has received the batch, and gives it a protocol."""
    protocol = Protocol(f"{number:08d}", unit.today)
    await batch_answers.record_protocol(unit, id=batch_id, protocol=protocol, message=None, version=None)


def statement(
    unit: UnitOfWork, pair: Pair, number: str, lines: Sequence[StatementLine], *, paid_on: date | None
) -> Statement:
    """A statement of the payer, issued on the day that is told."""
    return Statement(
        payer=pair.payer,
        provider=pair.provider,
        statement_number=number,
        paid_on=paid_on,
        method=PaymentMethod.BANK_TRANSFER,
        bank_reference=None,
        lines=tuple(lines),
        issued_on=unit.today,
        own_number=number,
        own_paid_on=paid_on,
    )


async def posted(unit: UnitOfWork, given: Statement) -> str:
    """Import a statement and post it; the id of the remittance."""
    found = await imported(unit, given)
    await posting.post(unit, id=found)
    return found


async def imported(unit: UnitOfWork, given: Statement) -> str:
    """Import a statement; the id of the remittance."""
    return (await remittances.import_statement(unit, statement=given, source=RemittanceSource.EVENT)).remittance.id


async def issued_invoice(unit: UnitOfWork, pair: Pair, found: Sequence[ClaimRecord]) -> str:
    """The id of a new invoice of what is approved of these claims, and of the appeals won since the last one."""
    now = await claims_db.by_ids(unit.connection, unit.scope, [each.id for each in found])
    approved = tuple(each.id for each in now if each.approved_cents)
    form = InvoiceForm(pair.provider, pair.payer, YearMonth(f"{unit.today:%Y%m}"), approved)
    draft = await invoices.create(unit, form=form)
    return (await invoices.issue(unit, id=draft.id, due_date=None, version=None)).id


async def due_lines(unit: UnitOfWork, invoice_id: str, *, part: int = 1) -> list[StatementLine]:
    """Lines that pay what is due of each claim of the invoice, or one `part`-th of it."""
    due: dict[str, int] = {}
    for line in await lines_db.of_invoices(unit.connection, unit.scope, [invoice_id]):
        if line.claim_id and line.due_cents:
            due[line.claim_id] = due.get(line.claim_id, 0) + line.due_cents
    found = await claims_db.by_ids(unit.connection, unit.scope, list(due))
    return [whole_claim(each, paid=due[each.id] // part) for each in sorted(found, key=lambda each: each.id)]


def whole_claim(found: ClaimRecord, *, paid: int) -> StatementLine:
    """A line about a whole claim."""
    return StatementLine(found.provider_claim_number, None, None, None, Cents(paid))


async def deposited(unit: UnitOfWork, pair: Pair, amount: int, text: str) -> None:
    """The bank's entry of an amount; it is matched to the payment that announces it."""
    line = BankLine(unit.today, BankDirection.CREDIT, Cents(amount), ACCOUNT, description=text)
    await bank.import_file(unit, form=BankForm(pair.provider, lines=(line,)))
