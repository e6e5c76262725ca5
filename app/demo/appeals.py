"""Appeals of the demo's past: some denials are accepted, some appealed, won or lost, and some are left to expire."""

import random
from collections.abc import Sequence
from typing import Final

from app.db import appeal_batches as appeal_batches_db
from app.db import denials as denials_db
from app.db.claims import ClaimRecord
from app.demo.story import Pair, Story
from app.domain.appeal_answers import AppealReception, TypedAnswer
from app.domain.denials import DenialStatus
from app.domain.money import Cents
from app.domain.protocols import Protocol
from app.services import appeal_answers, appeal_batches, appeal_receptions, denials
from app.unit_of_work.unit import UnitOfWork

EXPIRING: Final = 10
"""So many days apart the past's overdue denials expire."""


async def begin(unit: UnitOfWork, claims: Sequence[ClaimRecord], rng: random.Random) -> None:
    """Appeal half of the open denials of these claims, accept some, and leave the others."""
    found = await denials_db.of_claims(unit.connection, unit.scope, [each.id for each in claims])
    has_begun = False
    for denial in sorted(found, key=lambda each: each.id):
        if denial.status is not DenialStatus.OPEN:
            continue
        # The first is always appealed: a batch of each month has something to contest.
        what = rng.choices(("appeal", "accept", "leave"), (5, 2, 3))[0] if has_begun else "appeal"
        has_begun = True
        if what == "appeal":
            await denials.appeal(unit, id=denial.id, amount=None, justification="Laudo anexo")
        elif what == "accept":
            await denials.accept(unit, id=denial.id)


async def batch_of_month(unit: UnitOfWork, pair: Pair, start: int, rng: random.Random) -> Story:
    """The month's appeals go out in a batch, are received, and answered two weeks later: in full, in part or not."""
    yield start + 30
    for batch_id in await sent(unit, pair):
        yield start + 32
        await receive(unit, batch_id, start)
        yield start + 45
        ids = [each.denial_id for each in await appeal_batches_db.members_of(unit.connection, [batch_id])]
        found = await denials_db.by_ids(unit.connection, unit.scope, ids)
        typed = [
            TypedAnswer(each.id, Cents((each.appealed_cents or 0) * rng.choice((0, 1, 2)) // 2), "Conforme contrato")
            for each in sorted(found, key=lambda each: each.id)
        ]
        parties = {"provider": pair.provider, "payer": pair.payer}
        await appeal_answers.record(unit, **parties, typed=typed, message=None, document_id=None, atomic=True)


async def created(unit: UnitOfWork, pair: Pair) -> list[str]:
    """The ids of new batches of the appeals that are in none."""
    made = await appeal_batches.create_many(
        unit, provider=pair.provider, payer=pair.payer, denial_ids=None, protocol=None
    )
    return [each.id for each in made.batches]


async def sent(unit: UnitOfWork, pair: Pair) -> list[str]:
    """The same, sent."""
    return [(await appeal_batches.send(unit, id=each, version=None)).id for each in await created(unit, pair)]


async def receive(unit: UnitOfWork, batch_id: str, number: int) -> None:
    """The payer has received the batch."""
    reception = AppealReception(None, None, Protocol(f"{abs(number):06d}", unit.today))
    await appeal_receptions.record_reception(unit, id=batch_id, reception=reception, version=None)


async def expiries(unit: UnitOfWork, months: int) -> Story:
    """What nobody appealed is lost after its last day."""
    for day in range(-30 * months, 1, EXPIRING):
        yield day
        for claim_id in await denials_db.overdue_claims(unit.connection, unit.today, 1_000):
            await denials.expire(unit, claim_id=claim_id)
