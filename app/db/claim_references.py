"""What a new claim refers to, in one statement: payer, provider, card, contract, and who has its number."""

from dataclasses import dataclass
from typing import Any, Final, Self

from sqlalchemy import Select, literal, select

from app.db.contracts import CONTRACT, ContractRecord
from app.db.parties import COVERAGE, PAYER, CoverageRecord, PayerRecord
from app.db.reference_tables import contracts, coverages, payers, providers
from app.db.statements import query
from app.db.tables import claims

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
    start = select(literal(1).label("one")).subquery("start")
    is_card = (coverages.c.payer_ans == payer) & (coverages.c.card_number == card_number)
    is_contract = (contracts.c.provider_cnes == provider) & (contracts.c.payer_ans == payer)
    is_claim = (claims.c.provider_cnes == provider) & (claims.c.payer_ans == payer)
    found = (
        start.outerjoin(payers, payers.c.ans_code == payer)
        .outerjoin(providers, providers.c.cnes == provider)
        .outerjoin(coverages, is_card)
        .outerjoin(contracts, is_contract)
        .outerjoin(claims, is_claim & (claims.c.provider_claim_number == number))
    )
    return select(*_COLUMNS).select_from(found)
