"""Taking a TISS batch document in: each guide becomes a submitted claim through the same rules as createClaim."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import claims as claims_db
from app.db.claims import ClaimRecord
from app.db.engine import Database
from app.domain import claim_form as claim_input
from app.domain.claim_form import ClaimData
from app.domain.data_scope import DataScope
from app.domain.errors import BillingError, ErrorCode, Failure
from app.services import claims
from app.tiss import read_batch as tiss_document
from app.tiss.read_batch import Guide


class GuideOutcome(StrEnum):
    """What became of a guide."""

    TAKEN = "TAKEN"
    UNCHANGED = "UNCHANGED"
    REFUSED = "REFUSED"


@dataclass(frozen=True, slots=True)
class GuideResult:
    """One guide's fate: the claim it became or already was, or why it was refused."""

    number: str
    fate: GuideOutcome
    claim_id: str | None = None
    failures: tuple[Failure, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportReport:
    """The document's batch number, what refused it as a whole (if anything), and a result per guide."""

    batch_number: str | None
    failures: tuple[Failure, ...]
    results: tuple[GuideResult, ...]

    @property
    def is_clean(self) -> bool:
        """Whether nothing was refused."""
        return not self.failures and all(result.fate is not GuideOutcome.REFUSED for result in self.results)


async def take(
    database: Database, *, scope: DataScope, xml: bytes, subject: str, now: Callable[[], datetime]
) -> ImportReport:
    """Import the document; a guide is taken whole or not at all, and a second import changes nothing."""
    batch = tiss_document.read(xml)
    results = [await _take_guide(database, scope, guide, subject, now()) for guide in batch.guides]
    return ImportReport(batch.number, batch.failures, tuple(results))


async def _take_guide(database: Database, scope: DataScope, guide: Guide, subject: str, now: datetime) -> GuideResult:
    data = guide.data
    if data is None:
        return GuideResult(guide.number, GuideOutcome.REFUSED, failures=guide.failures)

    async def work(connection: AsyncConnection) -> GuideResult:
        known = await claims_db.by_number(connection, data.provider, data.payer, data.provider_claim_number)
        if known is not None:
            return await _known(connection, scope, known, data)
        claim = await claims.create(connection, scope=scope, data=data, is_submitted=True, subject=subject, now=now)
        return GuideResult(guide.number, GuideOutcome.TAKEN, claim.id)

    try:
        return await database.transact(work)
    except BillingError as error:
        return GuideResult(guide.number, GuideOutcome.REFUSED, failures=error.failures)


async def _known(connection: AsyncConnection, scope: DataScope, known: ClaimRecord, data: ClaimData) -> GuideResult:
    """The same guide again is fine; another guide under the number of an earlier one is not."""
    items = await claims_db.items_of_claims(connection, scope, [known.id])
    earlier = claim_input.data_of(known, items)
    same = (earlier.card_number, _billed(earlier)) == (data.card_number, _billed(data))
    if same:
        return GuideResult(data.provider_claim_number, GuideOutcome.UNCHANGED, known.id)
    message = f"number {data.provider_claim_number} belongs to another claim, {known.id}"
    failure = Failure(ErrorCode.DUPLICATE_CLAIM, message, "numeroGuiaPrestador", "1308")
    return GuideResult(data.provider_claim_number, GuideOutcome.REFUSED, failures=(failure,))


def _billed(data: ClaimData) -> list[tuple[str, str, date, int]]:
    """What is billed, in no particular order: documents put expenses behind procedures."""
    return sorted(
        (item.code_system, item.code, item.performed_on or data.service_date, item.total) for item in data.items
    )
