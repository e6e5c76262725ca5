"""Demo data: synthetic parties and cards, the example TISS batch, and claims in every state, made by the services."""

import random
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, Final

from tiss import examples

from app.auth.roles import NARROWED_TO
from app.db import claims as claims_db
from app.db import denials as denials_db
from app.db import parties as parties_db
from app.db.claims import ClaimFilter
from app.db.engine import Database
from app.db.parties import CoverageRecord, PatientRecord, PayerRecord, ProviderRecord
from app.domain.actor import Actor
from app.domain.claim_form import ClaimForm, ItemForm
from app.domain.claims import ClaimType, DeniedAmount, ItemDecision
from app.domain.contracts import Price, Terms
from app.domain.encounter import Encounter, Practitioner
from app.domain.identifiers import check_digits_of_cpf
from app.domain.money import FACTOR_ONE, Cents, Quantity
from app.domain.services import ServiceDetails
from app.domain.settlements import PaymentMethod
from app.services import claims, contracts, denials, import_now, invoices, reviews, settlements
from app.services.contracts import ContractForm
from app.services.invoices import InvoiceForm
from app.services.settlements import Payment
from app.unit_of_work.action import Action
from app.unit_of_work.run import Changes
from app.unit_of_work.unit import UnitOfWork

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
TABLET: Final = ServiceDetails(unit="036")
FIRST_NAMES: Final = ("Ana", "Bruno", "Carla", "Davi", "Elisa", "Fabio", "Gabriela", "Heitor", "Iara", "Jonas")
LAST_NAMES: Final = ("Almeida", "Barbosa", "Cardoso", "Duarte", "Esteves", "Farias", "Gomes", "Holanda")


async def seed(
    database: Database, changes: Changes, actor: Actor, *, number: int, on_progress: Callable[[int, int], None]
) -> int:
    """Add missing parties, the example TISS batch and `number` more claims; the result is how many of these."""
    await changes.run(SEED_PARTIES, actor, {})
    await _import_example(database, changes, actor)
    done = 0
    while done < number:
        size = min(BATCH_SIZE, number - done)
        await changes.run(SEED_CLAIMS, actor, {"size": size})
        done += size
        on_progress(done, number)
    return done


async def _import_example(database: Database, changes: Changes, actor: Actor) -> None:
    async def content() -> AsyncIterator[bytes]:
        yield examples.load("lote-valido")

    document_id = await import_now.store(database, changes, actor, content())
    await import_now.to_end(database, changes, await import_now.start(changes, actor, document_id))


async def is_seeded(database: Database) -> bool:
    """Whether there are claims already."""
    async with database.reading() as connection:
        return await claims_db.is_any(connection)


async def _seed_parties(unit: UnitOfWork) -> None:
    connection, today = unit.connection, unit.today
    if await parties_db.payer(connection, PAYER) is not None:
        return
    await parties_db.insert_payers(connection, [_payer(PAYER, True), _payer(SILENT_PAYER, False)])
    await parties_db.insert_providers(connection, [_provider(PROVIDER), _provider(HOSPITAL)])
    people = [_person(number) for number in range(1, PEOPLE + 1)]
    await parties_db.insert_patients(connection, people)
    await _seed_contract(unit)
    cards = [_coverage(number, person.id, today) for number, person in enumerate(people, start=1)]
    await parties_db.insert_coverages(connection, cards)


async def _seed_contract(unit: UnitOfWork) -> None:
    """The clinic's contract, which pays less for blood counts than the demo claims charge: preflight warns."""
    agreed = {code: price for _, code, price in CODES} | {"40304361": 16_00}
    prices = tuple(
        Price(table, code, Cents(agreed[code]), unit.today - timedelta(days=730), quantity_max=Quantity(5 * 10_000))
        for table, code, _ in CODES
    )
    terms = Terms(submission_window_days=3650, appeal_deadline_days=30, payment_term_days=30)
    form = ContractForm(PROVIDER, PAYER, terms, prices, details={"holds_membership": True})
    await contracts.save(unit, form=form, version=None)
    # The cards of the payer are all here: an unknown one is refused, as it is under the clinic's contract.
    hospital = ContractForm(HOSPITAL, PAYER, terms, details={"holds_membership": True})
    await contracts.save(unit, form=hospital, version=None)


def _payer(code: str, is_answering: bool) -> PayerRecord:
    return PayerRecord(
        ans_code=code,
        name="Operadora Exemplo" if is_answering else "Operadora Silenciosa",
        # Ten years: the example documents have fixed dates.
        submission_window_days=3650,
        appeal_deadline_days=30,
        payment_term_days=30,
        is_answering=is_answering,
        version=1,
        deactivated_at=None,
    )


def _provider(cnes: str) -> ProviderRecord:
    name, tax_id = ("Clínica Exemplo", "11222333000181") if cnes == PROVIDER else ("Hospital Exemplo", "12ABC34501DE35")
    return ProviderRecord(cnes, name, tax_id, version=1, deactivated_at=None, state="35")


def _person(number: int) -> PatientRecord:
    base = f"{100_000_000 + number * 7_919:09d}"
    return PatientRecord(
        id=f"pat_{number:026d}",
        name=f"{FIRST_NAMES[number % len(FIRST_NAMES)]} {LAST_NAMES[number % len(LAST_NAMES)]}",
        cpf=base + check_digits_of_cpf(base),
        birth_date=date(1950 + number, 1 + number % 12, 1 + number % 28),
        version=1,
        deactivated_at=None,
        merged_into_id=None,
    )


def _coverage(number: int, patient_id: str, today: date) -> CoverageRecord:
    """Cards 12345 and 67890 are in the example documents; 900001 to 900004 are not eligible, for different reasons."""
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
        version=1,
    )
    return replace(card, **special.get(number, {}))


async def _seed_claims(unit: UnitOfWork, *, size: int) -> None:
    """Claims in all states that a biller sees: drafts, submitted, in review, decided, billed and paid."""
    count = await claims_db.count(unit.connection, unit.scope, ClaimFilter())
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
    items = [
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
        for table, code, price in rng.sample(CODES, rng.randint(1, len(CODES)))
    ]
    person = rng.randint(7, PEOPLE)
    return ClaimForm(
        type=ClaimType.SP_SADT,
        provider=PROVIDER,
        payer=PAYER,
        provider_claim_number=f"DEMO{number:08d}",
        card_number=f"{800_000 + person}",
        service_date=today - timedelta(days=rng.randint(0, 60)),
        items=tuple(items),
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


SEED_PARTIES: Final = Action("seedParties", _seed_parties)
SEED_CLAIMS: Final = Action("seedClaims", _seed_claims)
"""Both are used by `billing seed-demo`."""
DEMO_SCOPES: Final[dict[str, dict[str, Any]]] = {
    "payer": {"payer": PAYER, "providers": ["*"]},
    "patient": {"patient": PATIENT},
}
"""The data scope of the demo tokens of roles that need a payer or a patient; the others see the demo providers."""


def scope_of_role(role: str) -> dict[str, Any]:
    """The token claims that limit the data scope of a role's demo token."""
    if role == "admin":
        # Who registers providers cannot be one of them.
        return {"providers": ["*"]}
    return DEMO_SCOPES.get(NARROWED_TO.get(role, ""), {"providers": [PROVIDER, HOSPITAL]})
