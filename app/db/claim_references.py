"""What a new claim refers to, in one statement: payer, provider, card, contract, who has its number, and what sent
claims bill of its services."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any, Final, Self

from sqlalchemy import Join, Select, and_, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.billed_services import SERVICE, is_billed
from app.db.contracts import CONTRACT, ContractRecord
from app.db.identity import IDENTITY, Identity, NoIdentity, noted
from app.db.parties import COVERAGE, PAYER, CoverageRecord, PayerRecord
from app.db.party_tables import practitioners
from app.db.reference_tables import contracts, coverages, patients, payers, providers
from app.db.statements import query
from app.db.tables import claim_items, claims, database_identity
from app.domain.data_scope import DataScope
from app.domain.preflight import Service
from app.values.frozen import frozen

_COLUMNS: Final = (
    *PAYER,
    *COVERAGE,
    *CONTRACT,
    providers.c.cnes,
    claims.c.id,
    providers.c.deactivated_at,
    patients.c.deactivated_at,
    practitioners.c.deactivated_at,
    *IDENTITY,
)
_AFTER_PAYER: Final = len(PAYER)
_AFTER_COVERAGE: Final = _AFTER_PAYER + len(COVERAGE)
_AFTER_CONTRACT: Final = _AFTER_COVERAGE + len(CONTRACT)
_BEFORE_IDENTITY: Final = -len(IDENTITY)


@frozen
class Asked:
    """What a claim names: parties, card, its number, and the practitioner's registration ("" for what is not given)."""

    provider: str
    payer: str
    card_number: str
    number: str
    council: str
    council_number: str
    state: str


@frozen
class ClaimReferences:
    """The rows that exist; `claim_id` is the claim that already has the number of this provider with this payer.
    `identity` says which TUSS terms there are."""

    payer: PayerRecord | None
    coverage: CoverageRecord | None
    contract: ContractRecord | None
    has_provider: bool
    claim_id: str | None
    has_active_provider: bool
    has_active_patient: bool
    has_active_practitioner: bool
    identity: Identity

    @classmethod
    def of(cls, *row: Any) -> Self:
        """Those of a row, in which everything that does not exist is null."""
        payer, coverage = row[:_AFTER_PAYER], row[_AFTER_PAYER:_AFTER_COVERAGE]
        contract, rest = row[_AFTER_COVERAGE:_AFTER_CONTRACT], row[_AFTER_CONTRACT:_BEFORE_IDENTITY]
        provider, claim_id, *deactivated = rest
        return cls(
            payer=None if payer[0] is None else PayerRecord(*payer),
            coverage=None if coverage[0] is None else CoverageRecord(*coverage),
            contract=None if contract[0] is None else ContractRecord(*contract),
            has_provider=provider is not None,
            claim_id=claim_id,
            has_active_provider=deactivated[0] is None,
            has_active_patient=deactivated[1] is None,
            has_active_practitioner=deactivated[2] is None,
            identity=Identity(*row[_BEFORE_IDENTITY:]),
        )


async def look_up(connection: AsyncConnection, asked: Asked) -> ClaimReferences:
    """Without a data scope: the rules of payer, card and contract bind every caller who may act for the provider, and a
    number is used once whoever used it. NoIdentity."""
    return _only(await _alone(connection, asked))


async def look_up_with_billed(
    connection: AsyncConnection,
    scope: DataScope,
    asked: Asked,
    services: Collection[Service],
    other_than: Collection[str],
) -> tuple[ClaimReferences, set[Service]]:
    """The same for the arguments of `look_up`, and which of these services (one to 500) claims within the scope,
    `other_than` these, bill the patient of the card."""
    systems, codes = {each[0] for each in services}, {each[1] for each in services}
    days = {each[2] for each in services}
    rows = await _with_billed(connection, asked, scope, systems, days, codes, set(other_than))
    return _only([row[0] for row in rows[:1]]), {service for _, service in rows} & set(services)


def _only(rows: Sequence[ClaimReferences]) -> ClaimReferences:
    """The row of the database's identity with what was found beside it."""
    if not rows:
        raise NoIdentity
    noted(rows[0].identity)
    return rows[0]


@query(ClaimReferences.of)
def _alone(asked: Asked) -> Select[Any]:
    return select(*_COLUMNS).select_from(_found(asked))


@query(lambda *row: (ClaimReferences.of(*row[: -len(SERVICE)]), row[-len(SERVICE) :]))
def _with_billed(
    asked: Asked,
    scope: DataScope,
    systems: Collection[str],
    days: Collection[date],
    codes: Collection[str],
    other_than: Collection[str],
) -> Select[Any]:
    """A row for each service that is billed; one with nulls for none."""
    is_card = (coverages.c.payer_ans == asked.payer, coverages.c.card_number == asked.card_number)
    card = select(coverages.c.patient_id).where(*is_card).scalar_subquery()
    of_parties = (claims.c.provider_cnes == asked.provider, claims.c.payer_ans == asked.payer)
    own = and_(*of_parties, claims.c.patient_id == card)
    chosen = select(*SERVICE).distinct().join(claims, claims.c.id == claim_items.c.claim_id)
    billed = chosen.where(own, is_billed(scope, systems, days, codes, other_than)).subquery("billed")
    found = _found(asked).outerjoin(billed, true())
    return select(*_COLUMNS, *billed.c).select_from(found)


def _found(asked: Asked) -> Join:
    is_card = (coverages.c.payer_ans == asked.payer) & (coverages.c.card_number == asked.card_number)
    is_contract = (contracts.c.provider_cnes == asked.provider) & (contracts.c.payer_ans == asked.payer)
    is_claim = (claims.c.provider_cnes == asked.provider) & (claims.c.payer_ans == asked.payer)
    table = practitioners.c
    is_practitioner = and_(
        table.provider_cnes == asked.provider,
        table.council == asked.council,
        table.number == asked.council_number,
        table.state == asked.state,
    )
    return (
        database_identity.outerjoin(payers, payers.c.ans_code == asked.payer)
        .outerjoin(providers, providers.c.cnes == asked.provider)
        .outerjoin(coverages, is_card)
        .outerjoin(patients, patients.c.id == coverages.c.patient_id)
        .outerjoin(practitioners, is_practitioner)
        .outerjoin(contracts, is_contract)
        .outerjoin(claims, is_claim & (claims.c.provider_claim_number == asked.number) & (claims.c.freed_id == ""))
    )
