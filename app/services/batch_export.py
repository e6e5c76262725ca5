"""Exporting claims to the payer as a TISS batch document (lote de guias)."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from app.db import claims as claims_db
from app.db import contracts as contracts_db
from app.db import guides as guides_db
from app.db import invoices as invoices_db
from app.db import parties as parties_db
from app.db.claims import ClaimRecord, ItemRecord
from app.db.contracts import ContractRecord
from app.domain.access_log import DataClass
from app.domain.claims import SENT
from app.domain.contracts import NEWEST_VERSION
from app.domain.errors import ErrorCode, Failure, not_found, raise_any, status_conflict
from app.services import claim_checks, claims
from app.tiss import write_batch
from app.tiss.write_guide import OutgoingGuide, ProviderIdentity
from app.unit_of_work.action import Action, StoredAnswer
from app.unit_of_work.unit import UnitOfWork

DOCUMENT_CLASSES: Final = (DataClass.PERSONAL, DataClass.HEALTH, DataClass.FINANCIAL)
"""The data classes of a document: card, clinical indication, codes and amounts of each patient."""
WRITING_SECONDS_MAX: Final = 30.0
"""A batch of 20,000 items takes ten seconds; the deadline of the operation usually ends it earlier."""
CLAIMS_PER_STATEMENT: Final = 5
"""How many claims' items are read at once: 1,000 items at most, which take the event loop some milliseconds."""


@dataclass(frozen=True, slots=True)
class BatchDocument:
    """A batch document as XML, with its hash and its number, which is unique for the provider."""

    number: str
    file_name: str
    xml: str
    hash: str
    claims: tuple[ClaimRecord, ...]
    written_at: datetime

    @property
    def claim_ids(self) -> tuple[str, ...]:
        """The ids of its claims; the access log finds the patients by them."""
        return tuple(claim.id for claim in self.claims)


async def export(unit: UnitOfWork, *, claim_ids: Sequence[str]) -> BatchDocument:
    """Write the document, in the given order. The claims must be submitted, of one type, one provider and one payer."""
    chosen = await _exportable(unit, claim_ids)
    number = await invoices_db.next_batch_number(unit.connection, chosen[0].provider_cnes)
    return await _document(unit, chosen, str(number), unit.now)


async def _exportable(unit: UnitOfWork, claim_ids: Sequence[str]) -> list[ClaimRecord]:
    claims.check_batch(claim_ids)
    found = {claim.id: claim for claim in await claims_db.by_ids(unit.connection, unit.scope, claim_ids)}
    raise_any(_missing(claim_ids, found))
    chosen = [found[claim_id] for claim_id in claim_ids]
    claims.check_one_type(chosen)
    raise_any(_export_failures(chosen))
    for claim in chosen:
        unit.changed(claim.id, claim.patient_id)
    return chosen


def _missing(claim_ids: Sequence[str], found: dict[str, ClaimRecord]) -> list[Failure]:
    return [
        failure
        for index, claim_id in enumerate(claim_ids)
        if claim_id not in found
        for failure in not_found("claim", f"claimIds.{index}").failures
    ]


def _export_failures(chosen: Sequence[ClaimRecord]) -> list[Failure]:
    first = chosen[0]
    failures: list[Failure] = []
    for index, claim in enumerate(chosen):
        field = f"claimIds.{index}"
        if claim.status not in SENT:
            message = f"only submitted claims can be exported, this one is {claim.status}"
            failures.append(replace(status_conflict(message, claim.status), field=field))
        elif (claim.provider_cnes, claim.payer_ans) != (first.provider_cnes, first.payer_ans):
            failures.append(Failure(ErrorCode.CONFLICT, "choose claims of one provider and one payer", field))
    return failures


async def _document(unit: UnitOfWork, chosen: Sequence[ClaimRecord], number: str, at: datetime) -> BatchDocument:
    unit.disclose(*DOCUMENT_CLASSES)
    first = chosen[0]
    contract = await contracts_db.between(unit.connection, first.provider_cnes, first.payer_ans)
    version = (contract.tiss_version if contract else NEWEST_VERSION).number
    guides = await _guides(unit, chosen, contract)
    # Takes about 0.1 ms of CPU for each item.
    written = await unit.children.run(write_batch.document, guides, number, at, version)
    return BatchDocument(
        number=number,
        file_name=f"{first.payer_ans}_{first.provider_cnes}_{int(number):012d}.xml",
        xml=written.xml,
        hash=written.hash,
        claims=tuple(chosen),
        written_at=at,
    )


async def _guides(
    unit: UnitOfWork, chosen: Sequence[ClaimRecord], contract: ContractRecord | None
) -> list[OutgoingGuide]:
    provider = await parties_db.provider(unit.connection, chosen[0].provider_cnes)
    assert provider is not None, "the foreign key of the claim"  # noqa: S101
    payer_code = contract.provider_code if contract else None
    identity = ProviderIdentity(provider.cnes, provider.name, provider.tax_id, payer_code)
    guides: list[OutgoingGuide] = []
    for start in range(0, len(chosen), CLAIMS_PER_STATEMENT):
        group = chosen[start : start + CLAIMS_PER_STATEMENT]
        items = await _items(unit, [claim.id for claim in group])
        sources = await _sources(unit, [claim.id for claim in group])
        guides += [
            OutgoingGuide(
                claim_checks.form_of(claim, items[claim.id]), claim.payer_claim_number, identity, sources.get(claim.id)
            )
            for claim in group
        ]
    return guides


async def _sources(unit: UnitOfWork, claim_ids: list[str]) -> dict[str, bytes]:
    """Claim id -> the guide that it came as, for claims of documents."""
    found = await guides_db.of_claims(unit.connection, unit.scope, claim_ids)
    return {each.claim_id: zlib.decompress(each.content) for each in found}


async def _items(unit: UnitOfWork, claim_ids: list[str]) -> dict[str, list[ItemRecord]]:
    """Claim id -> its items."""
    found: dict[str, list[ItemRecord]] = {claim_id: [] for claim_id in claim_ids}
    for row in await claims_db.items_of_claims(unit.connection, unit.scope, claim_ids):
        found[row.claim_id].append(row)
    return found


def _stored_facts(batch: BatchDocument) -> Any:
    return [batch.number, batch.written_at.isoformat(), [claims.STORED_CLAIM.facts(each) for each in batch.claims]]


async def _rebuild(unit: UnitOfWork, facts: Any) -> BatchDocument:
    """Write the document again, with its first number and time and of the claims as they were: it is never stored."""
    number, at, stored = facts
    return await _document(unit, await claims.STORED_CLAIM.read(unit, stored), number, datetime.fromisoformat(at))


EXPORT: Final = Action(
    "exportBatch",
    export,
    needs="batches:export",
    answer=StoredAnswer(_stored_facts, _rebuild),
    seconds=WRITING_SECONDS_MAX,
)
