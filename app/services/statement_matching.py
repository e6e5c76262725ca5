"""Which claims the lines of a statement are about, by their numbers, and whether they agree on the card and the day."""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date
from typing import Final, Protocol

from app.db import claims as claims_db
from app.db.claims import ClaimRecord
from app.domain.claims import SENT
from app.domain.statement import Statement, StatementFinding, StatementFindingKind, StatementLine
from app.unit_of_work.unit import UnitOfWork
from app.values.frozen import frozen

LINES_AT_ONCE: Final = 200
"""How many lines are matched without letting the event loop have a turn."""


@frozen
class Matched:
    """The statement, with what contradicts the claims, and the claims that fit each of its lines."""

    statement: Statement
    claims: tuple[Sequence[ClaimRecord], ...]


async def matched(unit: UnitOfWork, statement: Statement) -> Matched:
    """The claims of each line: one is a match, of several a person chooses."""
    active = await numbered(unit, statement.provider, statement.payer, statement.lines)
    days = await _days(unit, statement, active.ids)
    lines: list[StatementLine] = []
    found: list[Sequence[ClaimRecord]] = []
    for number, line in enumerate(statement.lines, start=1):
        found.append(active.of(line))
        lines.append(_compared(line, found[-1][0], days) if len(found[-1]) == 1 else line)
        if number % LINES_AT_ONCE == 0:
            await asyncio.sleep(0)
    return Matched(replace(statement, lines=tuple(lines)), tuple(found))


class NamesClaim(Protocol):
    """A line of a statement, with the numbers of its claim."""

    @property
    def provider_claim_number(self) -> str | None: ...
    @property
    def payer_claim_number(self) -> str | None: ...
    @property
    def authorization_number(self) -> str | None: ...


class OfItem(Protocol):
    """A line of a statement, with what it says of the patient and the day."""

    @property
    def card_number(self) -> str | None: ...
    @property
    def performed_on(self) -> date | None: ...


class Numbered:
    """Claims by their numbers."""

    def __init__(self, claims: Sequence[ClaimRecord]) -> None:
        self.ids = [claim.id for claim in claims]
        self._of_provider: defaultdict[str, list[ClaimRecord]] = defaultdict(list)
        self._of_payer: defaultdict[str, list[ClaimRecord]] = defaultdict(list)
        self._authorized: defaultdict[str, list[ClaimRecord]] = defaultdict(list)
        for claim in claims:
            if claim.authorization_number is not None and claim.status in SENT:
                self._authorized[claim.authorization_number].append(claim)
            self._of_provider[claim.provider_claim_number].append(claim)
            if claim.payer_claim_number is not None:
                self._of_payer[claim.payer_claim_number].append(claim)

    def of(self, line: NamesClaim) -> list[ClaimRecord]:
        """The claims that fit the line's numbers; if the two numbers are those of different claims, all of them."""
        by_provider = self._of_provider.get(line.provider_claim_number or "", [])
        by_payer = self._of_payer.get(line.payer_claim_number or "", [])
        if by_provider and by_payer:
            both = [claim for claim in by_provider if claim in by_payer]
            return both or [*by_provider, *by_payer]
        # A line has an authorization only if it names its claim by no number.
        return by_provider or by_payer or self._authorized.get(line.authorization_number or "", [])


async def numbered(unit: UnitOfWork, provider: str, payer: str, lines: Sequence[NamesClaim]) -> Numbered:
    """All active claims with a number of these lines, of this provider at this payer."""
    claims = await claims_db.by_numbers(
        unit.connection,
        unit.scope,
        provider,
        payer,
        own_numbers=sorted({line.provider_claim_number for line in lines if line.provider_claim_number}),
        payer_numbers=sorted({line.payer_claim_number for line in lines if line.payer_claim_number}),
        authorizations=sorted({line.authorization_number for line in lines if line.authorization_number}),
    )
    replaced = await claims_db.replaced_among(unit.connection, [claim.id for claim in claims])
    # A claim and the one that replaces it have the same number of the payer, which means the newer one.
    return Numbered([claim for claim in claims if claim.id not in replaced])


async def _days(unit: UnitOfWork, statement: Statement, claim_ids: list[str]) -> dict[str, set[date]]:
    """The days of the claims' items; nothing is read for a statement without days."""
    found: defaultdict[str, set[date]] = defaultdict(set)
    if any(line.performed_on is not None for line in statement.lines):
        for item in await claims_db.items_of_claims(unit.connection, unit.scope, claim_ids):
            found[item.claim_id].add(item.performed_on)
    return found


def _compared(line: StatementLine, claim: ClaimRecord, days: dict[str, set[date]]) -> StatementLine:
    """The line with what contradicts its claim."""
    found = contradictions(line, claim, days.get(claim.id, set()))
    return replace(line, findings=(*line.findings, *found)) if found else line


def contradictions(line: OfItem, claim: ClaimRecord, days: Collection[date]) -> list[StatementFinding]:
    """What the line says otherwise than its claim, whose items are of these days."""
    found = []
    if line.card_number is not None and line.card_number.lstrip("0") != claim.card_number.lstrip("0"):
        found.append(StatementFinding(StatementFindingKind.CARD_DIFFERS))
    if line.performed_on is not None and line.performed_on not in {claim.service_date, *days}:
        found.append(StatementFinding(StatementFindingKind.DAY_DIFFERS))
    return found
