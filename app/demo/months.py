"""Six months of three payers, told in one transaction: all of it, or nothing."""

import random
from datetime import date, timedelta
from typing import Final

from app.db import parties as parties_db
from app.db.parties import CoverageRecord, PayerRecord
from app.demo import habits, states
from app.demo.habits import ANALYSIS, GUIDES, MONTHS, NET, PAIRS
from app.demo.parties import CODES, PAYER, PROVIDER, SILENT_PAYER
from app.demo.story import Pair, Story, play
from app.domain.contracts import Price, Terms
from app.domain.money import Cents
from app.services import contracts, eligibility
from app.services.contracts import ContractForm
from app.services.eligibility import Question
from app.unit_of_work.action import Action
from app.unit_of_work.unit import UnitOfWork

NAMES: Final = {
    ANALYSIS.payer: "Operadora Análise Prévia",
    GUIDES.payer: "Operadora Guia Inteira",
    NET.payer: "Operadora Líquida",
}
APPEAL_DAYS: Final = {ANALYSIS.payer: 30, GUIDES.payer: 12, NET.payer: 30}
"""With twelve, what the second one denied this month is about to be lost."""
CARDS: Final = 9
"""Of each payer, of the demo's first patients."""
SECONDS_MAX: Final = 300.0
CARDS_ASKED: Final = ("12345", "67890", "900001", "900002", "900003", "900004", "800010", "999999")
"""At the front desk: covered, not covered for different reasons, unknown."""


async def _seed_months(unit: UnitOfWork, *, seed: int) -> None:
    if await parties_db.payer(unit.connection, ANALYSIS.payer) is not None:
        return
    await parties_db.insert_payers(unit.connection, [_payer(pair) for pair in PAIRS])
    for number, pair in enumerate(PAIRS):
        await _agree(unit, pair)
        cards = [_card(pair, number * CARDS + place, place, unit.today) for place in range(1, CARDS + 1)]
        await parties_db.insert_coverages(unit.connection, cards)
    rng = random.Random(seed)  # noqa: S311 - demo data, the same every time
    await play(unit, [*habits.stories(unit, seed), *states.stories(unit, rng), _front_desk(unit, rng)])


def _payer(pair: Pair) -> PayerRecord:
    return PayerRecord(
        ans_code=pair.payer,
        name=NAMES[pair.payer],
        submission_window_days=180,
        appeal_deadline_days=APPEAL_DAYS[pair.payer],
        payment_term_days=30,
        is_answering=True,
        version=1,
        deactivated_at=None,
    )


async def _agree(unit: UnitOfWork, pair: Pair) -> None:
    terms = Terms(submission_window_days=180, appeal_deadline_days=APPEAL_DAYS[pair.payer], payment_term_days=30)
    since = unit.today - timedelta(days=730)
    prices = tuple(Price(table, code, Cents(price), since) for table, code, price in CODES)
    details = {"holds_membership": True}
    await contracts.save(
        unit, form=ContractForm(pair.provider, pair.payer, terms, prices, details=details), version=None
    )


def _card(pair: Pair, number: int, place: int, today: date) -> CoverageRecord:
    return CoverageRecord(
        id=f"cov_{1_000 + number:026d}",
        patient_id=f"pat_{10 + place:026d}",
        payer_ans=pair.payer,
        plan_name="Plano Empresarial",
        card_number=f"{pair.cards}{place}",
        starts_on=date(2015, 1, 1),
        ends_on=None,
        card_valid_until=today + timedelta(days=365),
        waiting_until=None,
        suspended_from=None,
        suspended_until=None,
        version=1,
    )


async def _front_desk(unit: UnitOfWork, rng: random.Random) -> Story:
    """Eligibility is asked every few days; now and then twice, and of a payer that does not answer."""
    for number, day in enumerate(range(-30 * MONTHS, 1, 4)):
        yield day
        payer = SILENT_PAYER if number % 9 == 8 else PAYER
        question = Question(PROVIDER, payer, rng.choice(CARDS_ASKED), unit.today)
        answer = await eligibility.check(unit, question=question, earlier=None)
        if number % 5 == 0:
            await eligibility.check(unit, question=question, earlier=answer)


SEED_MONTHS: Final = Action("seedMonths", _seed_months, seconds=SECONDS_MAX)
"""Used by `billing seed-demo`."""
