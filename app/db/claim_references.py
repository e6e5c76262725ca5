"""What a new claim refers to, in one statement: payer, provider, card, contract, who has its number, and what sent
claims bill of its services."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Self

from sqlalchemy import Join, Select, and_, literal, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.billed_services import SERVICE, is_billed
from app.db.contracts import CONTRACT, ContractRecord
from app.db.parties import COVERAGE, PAYER, CoverageRecord, PayerRecord
from app.db.reference_tables import contracts, coverages, payers, providers
from app.db.statements import query
from app.db.tables import claim_items, claims
from app.domain.data_scope import DataScope
from app.domain.preflight import Service

_COLUMNS: Final = (*PAYER, *COVERAGE, *CONTRACT, providers.c.cnes, claims.c.id)
_AFTER_PAYER: Final = len(PAYER)
_AFTER_COVERAGE: Final = _AFTER_PAYER + len(COVERAGE)
_AFTER_CONTRACT: Final = _AFTER_COVERAGE + len(CONTRACT)


@dataclass(frozen=True, slots=True)
class ClaimReferences:
    """The rows that exist; `claim_id` is the claim that already has the number of this provider with this payer."""

    payer: PayerRecord | None
    coverage: CoverageRecord | None
    contract: ContractRecord | None
    has_provider: bool
    claim_id: str | None

    @classmethod
    def of(cls, *row: Any) -> Self:
        """Those of a row, in which everything that does not exist is null."""
        payer, coverage = row[:_AFTER_PAYER], row[_AFTER_PAYER:_AFTER_COVERAGE]
        contract, (provider, claim_id) = row[_AFTER_COVERAGE:_AFTER_CONTRACT], row[_AFTER_CONTRACT:]
        return cls(
            payer=None if payer[0] is None else PayerRecord(*payer),
            coverage=None if coverage[0] is None else CoverageRecord(*coverage),
            contract=None if contract[0] is None else ContractRecord(*contract),
            has_provider=provider is not None,
            claim_id=claim_id,
        )


@query(ClaimReferences.of)
def look_up(provider: str, payer: str, card_number: str, number: str) -> Select[Any]:
    """One row, without a data scope: the rules of payer, card and contract bind every caller who may act for the
    provider, and a number is used once whoever used it."""
    return select(*_COLUMNS).select_from(_found(provider, payer, card_number, number))


async def look_up_with_billed(
    connection: AsyncConnection,
    scope: DataScope,
    asked: tuple[str, str, str, str],
    services: Collection[Service],
    other_than: Collection[str],
) -> tuple[ClaimReferences, set[Service]]:
    """The same for the arguments of `look_up`, and which of these services (one to 500) claims within the scope,
    `other_than` these, bill the patient of the card."""
    systems, codes = {each[0] for each in services}, {each[1] for each in services}
    days = {each[2] for each in services}
    rows = await _with_billed(connection, *asked, scope, systems, days, codes, set(other_than))
    return rows[0][0], {service for _, service in rows} & set(services)


@query(lambda *row: (ClaimReferences.of(*row[: -len(SERVICE)]), row[-len(SERVICE) :]))
def _with_billed(
    provider: str,
    payer: str,
    card_number: str,
    number: str,
    scope: DataScope,
    systems: Collection[str],
    days: Collection[date],
    codes: Collection[str],
    other_than: Collection[str],
) -> Select[Any]:
    """A row for each service that is billed; one with nulls for none."""
    card = select(coverages.c.patient_id).where(coverages.c.payer_ans == payer, coverages.c.card_number == card_number)
    own = and_(
        claims.c.provider_cnes == provider, claims.c.payer_ans == payer, claims.c.patient_id == card.scalar_subquery()
    )
    chosen = select(*SERVICE).distinct().join(claims, claims.c.id == claim_items.c.claim_id)
    billed = chosen.where(own, is_billed(scope, systems, days, codes, other_than)).subquery("billed")
    found = _found(provider, payer, card_number, number).outerjoin(billed, true())
    return select(*_COLUMNS, *billed.c).select_from(found)


def _found(provider: str, payer: str, card_number: str, number: str) -> Join:
    start = select(literal(1).label("one")).subquery("start")
    is_card = (coverages.c.payer_ans == payer) & (coverages.c.card_number == card_number)
    is_contract = (contracts.c.provider_cnes == provider) & (contracts.c.payer_ans == payer)
    is_claim = (claims.c.provider_cnes == provider) & (claims.c.payer_ans == payer)
    return (
        start.outerjoin(payers, payers.c.ans_code == payer)
        .outerjoin(providers, providers.c.cnes == provider)
        .outerjoin(coverages, is_card)
        .outerjoin(contracts, is_contract)
        .outerjoin(claims, is_claim & (claims.c.provider_claim_number == number))
    )
