"""Demo data: synthetic parties and cards, the example TISS batch, and claims in every state, made by the services."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection
from tiss import examples

from app.db import claims as claims_db
from app.db import denials as denials_db
from app.db import parties as parties_db
from app.db.claims import ClaimFilter
from app.db.engine import Database
from app.db.parties import CoverageRecord, PatientRecord, PayerRecord, ProviderRecord
from app.domain.calendar import BRASILIA, business_day
from app.domain.claim_form import ClaimData, ItemData
from app.domain.claims import ClaimType, DeniedAmount, ItemDecision
from app.domain.contracts import Price, Terms
from app.domain.data_scope import EVERYTHING
from app.domain.encounter import Practitioner
from app.domain.identifiers import check_digits_of_cpf
from app.domain.money import FACTOR_ONE, Cents, Quantity
from app.domain.settlements import PaymentMethod
from app.services import batch_import as tiss_import
from app.services import claims, contracts, denials, invoices, reviews, settlements
from app.services.contracts import ContractData
from app.services.denials import Answer
from app.services.invoices import InvoiceData
from app.services.settlements import Payment

PAYER: Final = "123456"
SILENT_PAYER: Final = "654321"
PROVIDER: Final = "1234567"
HOSPITAL: Final = "7654321"
PATIENT: Final = "pat_00000000000000000000000001"
SUBJECT: Final = "demo"
BATCH_SIZE: Final = 20
PEOPLE: Final = 30
CODES: Final = (
    ("22", "10101012", 150_00),
    ("22", "40304361", 18_50),
    ("22", "40301630", 12_00),
    ("20", "90000544", 45_90),
)
FIRST_NAMES: Final = ("Ana", "Bruno", "Carla", "Davi", "Elisa", "Fabio", "Gabriela", "Heitor", "Iara", "Jonas")
LAST_NAMES: Final = ("Almeida", "Barbosa", "Cardoso", "Duarte", "Esteves", "Farias", "Gomes", "Holanda")


async def seed(
    database: Database, *, number: int, now: Callable[[], datetime], on_progress: Callable[[int, int], None]
) -> int:
    """Add the parties if they are missing, the example TISS batch, and `number` more claims; how many were added."""
    await database.transact(lambda connection: _parties(connection, business_day(now())))
    await tiss_import.take(database, scope=EVERYTHING, xml=examples.load("lote-valido"), subject=SUBJECT, now=now)
    done = 0
    while done < number:
        size = min(BATCH_SIZE, number - done)
        await database.transact(lambda connection, size=size: _batch(connection, size, now()))  # type: ignore[misc]
        done += size
        on_progress(done, number)
    return done


async def is_seeded(database: Database) -> bool:
    """Whether there are claims already."""
    async with database.reading() as connection:
        return await claims_db.is_any(connection)


async def _parties(connection: AsyncConnection, today: date) -> None:
    if await parties_db.payer(connection, PAYER) is not None:
        return
    await parties_db.insert_payers(connection, [_payer(PAYER, True), _payer(SILENT_PAYER, False)])
    await parties_db.insert_providers(connection, [_provider(PROVIDER), _provider(HOSPITAL)])
    people = [_person(number) for number in range(1, PEOPLE + 1)]
    await parties_db.insert_patients(connection, people)
    await _contract(connection, today)
    cards = [_coverage(number, person.id, today) for number, person in enumerate(people, start=1)]
    await parties_db.insert_coverages(connection, cards)


async def _contract(connection: AsyncConnection, today: date) -> None:
    """The clinic's contract: a little less for blood counts than the demo claims ask, so that preflight has something
    to say."""
    agreed = {code: price for _, code, price in CODES} | {"40304361": 16_00}
    prices = tuple(
        Price(table, code, Cents(agreed[code]), today - timedelta(days=730), quantity_max=Quantity(5 * 10_000))
        for table, code, _ in CODES
    )
    terms = Terms(submission_window_days=3650, appeal_deadline_days=30, payment_term_days=30)
    data = ContractData(PROVIDER, PAYER, terms, prices)
    moment = datetime(today.year, today.month, today.day, tzinfo=BRASILIA)
    await contracts.save(connection, scope=EVERYTHING, data=data, version=None, subject=SUBJECT, now=moment)


def _payer(code: str, is_answering: bool) -> PayerRecord:
    return PayerRecord(
        ans_code=code,
        name="Operadora Exemplo" if is_answering else "Operadora Silenciosa",
        # Long enough for the example documents, whatever the year.
        submission_window_days=3650,
        appeal_deadline_days=30,
        payment_term_days=30,
        is_answering=is_answering,
    )


def _provider(cnes: str) -> ProviderRecord:
    name, tax_id = ("Clínica Exemplo", "11222333000181") if cnes == PROVIDER else ("Hospital Exemplo", "12ABC34501DE35")
    return ProviderRecord(cnes, name, tax_id)


def _person(number: int) -> PatientRecord:
    base = f"{100_000_000 + number * 7_919:09d}"
    return PatientRecord(
        id=f"pat_{number:026d}",
        name=f"{FIRST_NAMES[number % len(FIRST_NAMES)]} {LAST_NAMES[number % len(LAST_NAMES)]}",
        cpf=base + check_digits_of_cpf(base),
        birth_date=date(1950 + number, 1 + number % 12, 1 + number % 28),
    )


def _coverage(number: int, patient_id: str, today: date) -> CoverageRecord:
    """Cards 12345 and 67890 are those of the example documents; 900001 to 900004 are not eligible, each in its way."""
    cards = {1: "12345", 2: "67890", 3: "900001", 4: "900002", 5: "900003", 6: "900004"}
    special: dict[int, dict[str, Any]] = {
        3: {"card_valid_until": today - timedelta(days=400)},
        4: {"waiting_until": today + timedelta(days=90)},
        5: {"suspended_from": today - timedelta(days=400)},
        6: {"ends_on": today - timedelta(days=400)},
    }
    card = CoverageRecord(
        id=f"cov_{number:026d}",
        patient_id=patient_id,
        payer_ans=PAYER,
        plan_name="Plano Essencial" if number % 2 else "Plano Completo",
        card_number=cards.get(number, f"{800_000 + number}"),
        starts_on=date(2015, 1, 1),
        ends_on=None,
        card_valid_until=today + timedelta(days=365),
        waiting_until=None,
        suspended_from=None,
        suspended_until=None,
    )
    return replace(card, **special.get(number, {}))


async def _batch(connection: AsyncConnection, size: int, now: datetime) -> None:
    """Claims in the mix that a biller sees: drafts, sent, in review, decided, billed and paid."""
    count = await claims_db.count(connection, EVERYTHING, ClaimFilter())
    approved = [claim_id for number in range(size) if (claim_id := await _one(connection, count + number, now))]
    if approved:
        await _bill(connection, approved, now, is_paid=count % (2 * BATCH_SIZE) < BATCH_SIZE)


async def _one(connection: AsyncConnection, number: int, now: datetime) -> str | None:
    """One claim; its id if it can be billed."""
    chance = random.Random(number)  # noqa: S311 - demo data, the same every time
    data = _data(number, chance, business_day(now))
    stage = chance.choices(("draft", "sent", "review", "decided"), (1, 3, 1, 5))[0]
    claim = await claims.create(
        connection, scope=EVERYTHING, data=data, is_submitted=stage != "draft", subject=SUBJECT, now=now
    )
    if stage in {"draft", "sent"}:
        return None
    await reviews.start(connection, scope=EVERYTHING, claim_id=claim.id, version=None, subject=SUBJECT, now=now)
    if stage == "review":
        return None
    decided = await reviews.adjudicate(
        connection,
        scope=EVERYTHING,
        claim_id=claim.id,
        decisions=[_decision(place, item, chance) for place, item in enumerate(data.items, start=1)],
        payer_claim_number=f"OP{number:08d}",
        version=None,
        subject=SUBJECT,
        now=now,
    )
    await _contest(connection, decided.id, chance, now)
    return decided.id if decided.approved_cents else None


async def _contest(connection: AsyncConnection, claim_id: str, chance: random.Random, now: datetime) -> None:
    """Some denials are accepted, some appealed, and some of these answered; the rest waits for its deadline."""
    for denial in await denials_db.of_claims(connection, EVERYTHING, [claim_id]):
        fate = chance.choices(("wait", "accept", "appeal", "answer"), (4, 1, 2, 1))[0]
        who: dict[str, Any] = {"scope": EVERYTHING, "subject": SUBJECT, "now": now}
        if fate == "accept":
            await denials.accept(connection, denial_id=denial.id, **who)
        if fate in {"appeal", "answer"}:
            await denials.appeal(connection, denial_id=denial.id, amount=None, justification="Laudo anexo", **who)
        if fate == "answer":
            accepted = Cents(denial.amount_cents // chance.choice((1, 2)))
            await denials.answer(connection, answers=[Answer(denial.id, accepted)], **who)


def _data(number: int, chance: random.Random, today: date) -> ClaimData:
    items = [
        ItemData(table, code, Quantity(chance.randint(1, 3) * 10_000), Cents(price), FACTOR_ONE)
        for table, code, price in chance.sample(CODES, chance.randint(1, len(CODES)))
    ]
    person = chance.randint(7, PEOPLE)
    return ClaimData(
        type=ClaimType.SP_SADT,
        provider=PROVIDER,
        payer=PAYER,
        provider_claim_number=f"DEMO{number:08d}",
        card_number=f"{800_000 + person}",
        service_date=today - timedelta(days=chance.randint(0, 60)),
        items=tuple(items),
        practitioner=Practitioner("Dra. Exemplo", "06", "12345", "35", "225125"),
        clinical_indication="Consulta de rotina",
        diagnosis_codes=("Z00.0",),
    )


def _decision(sequence: int, item: ItemData, chance: random.Random) -> ItemDecision:
    if chance.random() < 0.75:
        return ItemDecision(sequence, item.total)
    denied = Cents(item.total // chance.choice((1, 2)))
    code = chance.choice(("1705", "1801", "3209"))
    return ItemDecision(sequence, Cents(item.total - denied), (DeniedAmount(code, denied),))


async def _bill(connection: AsyncConnection, claim_ids: list[str], now: datetime, *, is_paid: bool) -> None:
    data = InvoiceData(PROVIDER, PAYER, now.strftime("%Y%m"), tuple(claim_ids))
    invoice = await invoices.create(connection, scope=EVERYTHING, data=data, subject=SUBJECT, now=now)
    await invoices.issue(
        connection, scope=EVERYTHING, invoice_id=invoice.id, due_date=None, version=None, subject=SUBJECT, now=now
    )
    amount = None if is_paid else Cents(invoice.total_cents // 3)
    payment = Payment(amount, business_day(now), PaymentMethod.BANK_TRANSFER, f"TED{invoice.number:06d}", "DEMO")
    await settlements.settle(
        connection,
        scope=EVERYTHING,
        invoice_id=invoice.id,
        payment=payment,
        version=None,
        subject=SUBJECT,
        now=now,
    )


DEMO_SCOPES: Final[dict[str, dict[str, Any]]] = {
    "payer_agent": {"payer": PAYER, "providers": ["*"]},
    "patient": {"patient": PATIENT},
}
"""The scope of the demo token of a role; every other role sees the demo clinic."""


def scope_of_role(role: str) -> dict[str, Any]:
    """The claims that narrow the demo token of a role."""
    return DEMO_SCOPES.get(role, {"providers": [PROVIDER, HOSPITAL]})
