"""Which claims a waiting line may be about: its match, claims with nearly its number, claims of its card and day, and
those of the protocol that it names instead of a claim."""

from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import claims as claims_db
from app.db import line_candidates as candidates_db
from app.db import remittances as remittances_db
from app.db.claims import ClaimRecord, ItemRecord
from app.db.remittances import RemittanceLineRecord, RemittanceRecord
from app.domain.claims import SENT
from app.domain.data_scope import DataScope
from app.domain.described import DescribedEnum
from app.domain.line_work import number_variants
from app.domain.money import Cents
from app.services import line_expectations
from app.services.line_expectations import ClaimBooks
from app.values.frozen import frozen

CANDIDATES_MAX: Final = 10
ITEMS_MAX: Final = 100


class CandidateReason(DescribedEnum):
    MATCHED = "MATCHED", "The line is matched to it."
    NUMBER = "NUMBER", "Its number is the line's, but for punctuation or leading zeros."
    CARD_AND_DAY = "CARD_AND_DAY", "It has the line's card and day."
    AUTHORIZATION = "AUTHORIZATION", "It has the line's authorization (senha)."
    PROTOCOL = "PROTOCOL", "It is of the line's protocol, of which the line names no claim."


@frozen
class CandidateItem:
    """An item of a candidate, and what the line says above its total, in cents."""

    item: ItemRecord
    difference_cents: Cents


@frozen
class Candidate:
    """A claim that a line may be about, and what the line says above what the claim expects, in cents."""

    claim_id: str
    claim: ClaimRecord
    reason: CandidateReason
    difference_cents: Cents
    items: tuple[CandidateItem, ...]


async def candidates(
    connection: AsyncConnection, scope: DataScope, lines: Sequence[RemittanceLineRecord]
) -> dict[str, list[Candidate]]:
    """Line id -> at most ten candidates: the match first, then those whose amounts are nearest."""
    ids = sorted({line.remittance_id for line in lines})
    remittances = {each.id: each for each in await remittances_db.by_ids(connection, scope, ids)}
    parties = {(each.provider_cnes, each.payer_ans) for each in remittances.values()}
    found: dict[str, dict[str, CandidateReason]] = {line.id: {} for line in lines}
    for provider, payer in sorted(parties):
        own = [line for line in lines if _is_of(remittances.get(line.remittance_id), provider, payer)]
        for line, claim, reason in await _found(connection, scope, provider, payer, own):
            found[line.id].setdefault(claim, reason)
    for line in lines:
        if line.claim_id is not None:
            found[line.id] = {line.claim_id: CandidateReason.MATCHED} | {
                claim: reason for claim, reason in found[line.id].items() if claim != line.claim_id
            }
    books = await line_expectations.books_of(connection, scope, [claim for each in found.values() for claim in each])
    return {line.id: _sorted(line, found[line.id], books) for line in lines}


def _is_of(remittance: RemittanceRecord | None, provider: str, payer: str) -> bool:
    return remittance is not None and (remittance.provider_cnes, remittance.payer_ans) == (provider, payer)


async def _found(
    connection: AsyncConnection, scope: DataScope, provider: str, payer: str, lines: Sequence[RemittanceLineRecord]
) -> list[tuple[RemittanceLineRecord, str, CandidateReason]]:
    variants = {line.id: number_variants(line.provider_claim_number) for line in lines}
    numbers = sorted({number for each in variants.values() for number in each})
    by_number = await claims_db.by_numbers(
        connection,
        scope,
        provider,
        payer,
        own_numbers=numbers,
        payer_numbers=_payer_numbers(lines),
        authorizations=sorted({line.authorization_number for line in lines if line.authorization_number}),
    )
    days = {(line.card_number, line.performed_on) for line in lines if line.card_number and line.performed_on}
    by_day = await candidates_db.of_days(
        connection, scope, provider, payer, sorted({day for _, day in days if day}), sorted({c for c, _ in days if c})
    )
    protocols = {line.id: line.protocol_number for line in lines if line.protocol_number and not _names_claim(line)}
    by_protocol = await candidates_db.of_protocols(
        connection, scope, provider, payer, sorted({each for each in protocols.values() if each})
    )
    pairs = []
    for line in lines:
        pairs += [
            (line, each.id, CandidateReason.NUMBER)
            for each in by_number
            if each.provider_claim_number in variants[line.id]
            or (line.payer_claim_number is not None and each.payer_claim_number == line.payer_claim_number)
        ]
        pairs += [
            (line, each.id, CandidateReason.AUTHORIZATION)
            for each in by_number
            if line.authorization_number is not None and each.authorization_number == line.authorization_number
        ]
        pairs += [
            (line, each.id, CandidateReason.CARD_AND_DAY)
            for each in by_day
            if (each.card_number, each.service_date) == (line.card_number, line.performed_on)
        ]
        pairs += [
            (line, each.claim_id, CandidateReason.PROTOCOL)
            for each in by_protocol
            if each.protocol_number == protocols.get(line.id)
        ]
    return pairs


def _names_claim(line: RemittanceLineRecord) -> bool:
    numbers = (line.provider_claim_number, line.payer_claim_number, line.authorization_number)
    return any(each is not None for each in numbers)


def _payer_numbers(lines: Iterable[RemittanceLineRecord]) -> list[str]:
    return sorted({line.payer_claim_number for line in lines if line.payer_claim_number})


def _sorted(
    line: RemittanceLineRecord, found: dict[str, CandidateReason], books: dict[str, ClaimBooks]
) -> list[Candidate]:
    made = [_candidate(line, books[claim], reason) for claim, reason in found.items() if claim in books]
    known = [each for each in made if each.claim.status in SENT or each.reason is CandidateReason.MATCHED]
    known.sort(key=lambda each: (each.reason is not CandidateReason.MATCHED, abs(each.difference_cents), each.claim_id))
    return known[:CANDIDATES_MAX]


def _candidate(line: RemittanceLineRecord, books: ClaimBooks, reason: CandidateReason) -> Candidate:
    expected = line_expectations.expectation(line, books, ())
    said = line.paid_cents + line.denied_cents + line.patient_cents
    items = tuple(CandidateItem(each, Cents(said - each.total_cents)) for each in books.items[:ITEMS_MAX])
    return Candidate(books.claim.id, books.claim, reason, expected.difference, items)
