"""Claims in all states that a biller sees, made by the services."""

import random
from datetime import date, timedelta
from typing import Final

from app.db import claims as claims_db
from app.db import denials as denials_db
from app.db.claims import ClaimFilter
from app.demo.parties import CODES, PAYER, PEOPLE, PROVIDER
from app.domain.claim_form import ClaimForm, ItemForm
from app.domain.claims import ClaimType, DeniedAmount, ItemDecision
from app.domain.encounter import Encounter, Practitioner
from app.domain.money import FACTOR_ONE, Cents, Quantity
from app.domain.services import ServiceDetails
from app.domain.settlements import PaymentMethod
from app.services import claims, denials, invoices, reviews, settlements
from app.services.invoices import InvoiceForm
from app.services.settlements import Payment
from app.unit_of_work.action import Action
from app.unit_of_work.unit import UnitOfWork

BATCH_SIZE: Final = 20
TABLET: Final = ServiceDetails(unit="036")


async def _seed_claims(unit: UnitOfWork, *, size: int) -> None:
    """Claims in all states that a biller sees: drafts, submitted, in review, decided, billed and paid."""
    count = (await claims_db.count(unit.connection, unit.scope, ClaimFilter())).total
    approved = [claim_id for number in range(size) if (claim_id := await _seed_claim(unit, count + number))]
    if approved:
        await _bill(unit, approved, is_paid=count % (2 * BATCH_SIZE) < BATCH_SIZE)


async def _seed_claim(unit: UnitOfWork, number: int) -> str | None:
    """One claim; its id if it can be billed."""
    rng = random.Random(number)  # noqa: S311 - demo data, the same every time
    form = _form(number, rng, unit.today)
    stage = rng.choices(("draft", "sent", "review", "decided"), (1, 3, 1, 5))[0]
    claim = await claims.create(unit, form=form, submit=stage != "draft")
    if stage in {"draft", "sent"}:
        return None
    await reviews.start(unit, id=claim.id, version=None)
    if stage == "review":
        return None
    decided = await reviews.adjudicate(
        unit,
        id=claim.id,
        decisions=[_decision(place, item, rng) for place, item in enumerate(form.items, start=1)],
        payer_claim_number=f"OP{number:08d}",
        version=None,
    )
    await _handle_denials(unit, decided.id, rng)
    return decided.id if decided.approved_cents else None


async def _handle_denials(unit: UnitOfWork, claim_id: str, rng: random.Random) -> None:
    """Accept some denials, appeal some, and answer some of the appeals; the others stay open."""
    for denial in await denials_db.of_claims(unit.connection, unit.scope, [claim_id]):
        what = rng.choices(("wait", "accept", "appeal", "answer"), (4, 1, 2, 1))[0]
        if what == "accept":
            await denials.accept(unit, id=denial.id)
        if what in {"appeal", "answer"}:
            await denials.appeal(unit, id=denial.id, amount=None, justification="Laudo anexo")
        if what == "answer":
            accepted = Cents(denial.amount_cents // rng.choice((1, 2)))
            await denials.answer(unit, id=denial.id, accepted=accepted, justification=None)


def _form(number: int, rng: random.Random, today: date) -> ClaimForm:
    items = some_items(rng)
    person = rng.randint(7, PEOPLE)
    return form_of(
        items,
        provider=PROVIDER,
        payer=PAYER,
        number=f"DEMO{number:08d}",
        card=f"{800_000 + person}",
        service_date=today - timedelta(days=rng.randint(0, 60)),
    )


def some_items(rng: random.Random, count: int | None = None) -> tuple[ItemForm, ...]:
    """Some of what the demo's providers do, each once; by default one to all of it."""
    return tuple(
        ItemForm(
            code_system=table,
            code=code,
            quantity=Quantity(rng.randint(1, 3) * 10_000),
            unit_price=Cents(price),
            factor=FACTOR_ONE,
            description=None,
            performed_on=None,
            details=TABLET if table == "20" else None,
        )
        for table, code, price in rng.sample(CODES, count or rng.randint(1, len(CODES)))
    )


def form_of(
    items: tuple[ItemForm, ...], *, provider: str, payer: str, number: str, card: str, service_date: date
) -> ClaimForm:
    """A claim for these items, with all that the document of an SP/SADT guide needs."""
    return ClaimForm(
        type=ClaimType.SP_SADT,
        provider=provider,
        payer=payer,
        provider_claim_number=number,
        card_number=card,
        service_date=service_date,
        items=items,
        practitioner=Practitioner("Dra. Exemplo", "06", "12345", "35", "225125"),
        encounter=Encounter(priority="1", type="23", accident="9", setting="01"),
        clinical_indication="Consulta de rotina",
        diagnosis_codes=("Z00.0",),
    )


def _decision(sequence: int, item: ItemForm, rng: random.Random) -> ItemDecision:
    if rng.random() < 0.75:
        return ItemDecision(sequence, item.total)
    denied = Cents(item.total // rng.choice((1, 2)))
    code = rng.choice(("1705", "1801", "3209"))
    return ItemDecision(sequence, Cents(item.total - denied), (DeniedAmount(code, denied),))


async def _bill(unit: UnitOfWork, claim_ids: list[str], *, is_paid: bool) -> None:
    form = InvoiceForm(PROVIDER, PAYER, unit.now.strftime("%Y%m"), tuple(claim_ids))
    invoice = await invoices.create(unit, form=form)
    await invoices.issue(unit, id=invoice.id, due_date=None, version=None)
    amount = None if is_paid else Cents(invoice.total_cents // 3)
    payment = Payment(amount, unit.today, PaymentMethod.BANK_TRANSFER, f"TED{invoice.number:06d}", "DEMO")
    await settlements.settle(unit, id=invoice.id, payment=payment, version=None)


SEED_CLAIMS: Final = Action("seedClaims", _seed_claims)
