"""The parties of the demo: payers, providers, people with their cards, contracts, and whom the demo tokens are for."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any, Final

from app.auth.roles import NARROWED_TO
from app.db import parties as parties_db
from app.db.parties import CoverageRecord, PatientRecord, PayerRecord, ProviderRecord
from app.domain.contracts import Price, Terms
from app.domain.identifiers import check_digits_of_cpf
from app.domain.money import Cents, Quantity
from app.services import contracts
from app.services.contracts import ContractForm
from app.unit_of_work.action import Action
from app.unit_of_work.unit import UnitOfWork

PAYER: Final = "123456"
SILENT_PAYER: Final = "654321"
PROVIDER: Final = "1234567"
HOSPITAL: Final = "7654321"
PATIENT: Final = "pat_00000000000000000000000001"
PEOPLE: Final = 30
CODES: Final = (
    ("22", "10101012", 150_00),
    ("22", "40304361", 18_50),
    ("22", "40301630", 12_00),
    ("20", "90000544", 45_90),
)
"""Table, code and price of what the clinic does."""
FIRST_NAMES: Final = ("Ana", "Bruno", "Carla", "Davi", "Elisa", "Fabio", "Gabriela", "Heitor", "Iara", "Jonas")
LAST_NAMES: Final = ("Almeida", "Barbosa", "Cardoso", "Duarte", "Esteves", "Farias", "Gomes", "Holanda")


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


SEED_PARTIES: Final = Action("seedParties", _seed_parties)
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
