"""The document of a batch (lote de guias): written once as TISS XML, stored compressed, given back byte for byte."""

import asyncio
import hashlib
import zlib
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from app.db import batches as batches_db
from app.db import claims as claims_db
from app.db import contracts as contracts_db
from app.db import guides as guides_db
from app.db import parties as parties_db
from app.db.batches import BatchRecord, DocumentRecord
from app.db.claims import ClaimRecord, ItemRecord
from app.domain.access_log import DataClass
from app.domain.contracts import NEWEST_VERSION
from app.services import claim_checks
from app.tiss import write_batch
from app.tiss.write_batch import WrittenBatch
from app.tiss.write_guide import OutgoingGuide, ProviderIdentity
from app.unit_of_work.unit import UnitOfWork
from app.values.frozen import frozen

DOCUMENT_CLASSES: Final = (DataClass.PERSONAL, DataClass.HEALTH, DataClass.FINANCIAL)
"""The data classes of a document: card, clinical indication, codes and amounts of each patient."""
WRITING_SECONDS_MAX: Final = 30.0
"""A batch of 20,000 items takes ten seconds; the deadline of the operation usually ends it earlier."""
CLAIMS_PER_STATEMENT: Final = 5
"""How many claims' items are read at once: most have some, and a thousand take the event loop some milliseconds."""
ENCODING: Final = "iso-8859-1"
"""What a document declares and is stored in."""


@frozen
class BatchDocument:
    """A batch document as XML, with its hash and its number, which is unique for the provider and payer."""

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


async def write(unit: UnitOfWork, batch: BatchRecord, claims: Sequence[ClaimRecord]) -> BatchDocument:
    """Write and store the document, the claims in this order; failures are at `claimIds.N`."""
    document = await written(unit, claims, str(batch.number), unit.now, batch.tiss_version)
    record = await packed(unit, batch.id, document.file_name, WrittenBatch(document.xml, document.hash))
    await batches_db.insert_document(unit.connection, record)
    return document


async def written(
    unit: UnitOfWork, claims: Sequence[ClaimRecord], number: str, at: datetime, version: str = NEWEST_VERSION.number
) -> BatchDocument:
    """The document of these claims in this version of TISS."""
    disclose(unit, claims)
    guides = await _guides(unit, claims)
    # Takes about 0.1 ms of CPU for each item.
    found: WrittenBatch = await unit.children.run(write_batch.document, guides, number, at, version)
    first = claims[0]
    return BatchDocument(
        number=number,
        file_name=f"{first.payer_ans}_{first.provider_cnes}_{int(number):012d}.xml",
        xml=found.xml,
        hash=found.hash,
        claims=tuple(claims),
        written_at=at,
    )


def disclose(unit: UnitOfWork, claims: Sequence[ClaimRecord]) -> None:
    """Record that the result shows the document of these claims."""
    unit.disclose(*DOCUMENT_CLASSES)
    for claim in claims:
        unit.changed(claim.id, claim.patient_id)


async def unpacked(number: int, stored: DocumentRecord, claims: Sequence[ClaimRecord]) -> BatchDocument:
    """The stored document of the batch with this number and these claims, as it was written."""
    xml = await asyncio.to_thread(_unpacked, stored)
    return BatchDocument(str(number), stored.file_name, xml, stored.hash, tuple(claims), stored.written_at)


async def packed(unit: UnitOfWork, batch_id: str, file_name: str, written: WrittenBatch) -> DocumentRecord:
    """The document of a batch as it is stored: compressed, with the SHA-256 of its bytes."""
    sha256, compressed = await asyncio.to_thread(_packed, written.xml)
    return DocumentRecord(batch_id, file_name, written.hash, sha256, compressed, unit.now)


def _packed(xml: str) -> tuple[str, bytes]:
    content = xml.encode(ENCODING)
    return hashlib.sha256(content).hexdigest(), zlib.compress(content)


def _unpacked(stored: DocumentRecord) -> str:
    """The document as it was written; RuntimeError if its bytes are not those of its digest."""
    content = zlib.decompress(stored.content)
    if hashlib.sha256(content).hexdigest() != stored.sha256:
        raise RuntimeError(f"the stored document of {stored.batch_id} is damaged: restore it from a backup")
    return content.decode(ENCODING)


async def identity_of(unit: UnitOfWork, provider: str, payer: str) -> ProviderIdentity:
    """The provider, which exists, as documents to this payer name it."""
    found = await parties_db.provider(unit.connection, provider)
    assert found is not None, "what is billed has it as a foreign key"  # noqa: S101
    contract = await contracts_db.between(unit.connection, provider, payer)
    return ProviderIdentity(found.cnes, found.name, found.tax_id, contract.provider_code if contract else None)


async def _guides(unit: UnitOfWork, chosen: Sequence[ClaimRecord]) -> list[OutgoingGuide]:
    identity = await identity_of(unit, chosen[0].provider_cnes, chosen[0].payer_ans)
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
    found = await guides_db.of_claims(unit.connection, claim_ids)
    return {each.claim_id: each.xml for each in found}


async def _items(unit: UnitOfWork, claim_ids: list[str]) -> dict[str, list[ItemRecord]]:
    """Claim id -> its items."""
    found: dict[str, list[ItemRecord]] = {claim_id: [] for claim_id in claim_ids}
    for row in await claims_db.items_of_claims(unit.connection, unit.scope, claim_ids):
        found[row.claim_id].append(row)
    return found
