"""The document of a batch of appeals: written once as TISS XML, stored compressed, given back byte for byte."""

from collections.abc import Iterable, Sequence
from typing import Final

from app.db import appeal_batches as appeal_batches_db
from app.db import claims as claims_db
from app.db import parties as parties_db
from app.db.appeal_batches import AppealBatchRecord
from app.db.claims import ClaimRecord, ItemRecord
from app.db.denials import DenialRecord
from app.domain.appeal_batches import code_block
from app.domain.claims import ClaimType
from app.domain.errors import BillingError, in_conflict
from app.domain.money import Cents
from app.services import batch_documents
from app.tiss import write_appeal
from app.tiss.write_appeal import AppealedGuide, AppealedItem, OutgoingAppeals
from app.tiss.write_batch import WrittenBatch
from app.unit_of_work.unit import UnitOfWork

MIXED: Final = (
    "it has appeals of dental and of other claims, which have different documents: cancel it, and create again"
)


UNKNOWN_CODE: Final = "it has an appeal against a denial whose code TISS {} does not have: cancel it, and create again"


async def write(unit: UnitOfWork, batch: AppealBatchRecord, appeals: Sequence[DenialRecord]) -> None:
    """Write and store the document, the appeals in this order; the caller has locked their claims."""
    connection, scope = unit.connection, unit.scope
    if any(code_block(denial.code, batch.tiss_version) for denial in appeals):
        raise BillingError(in_conflict(UNKNOWN_CODE.format(batch.tiss_version)))
    claims = await claims_db.by_ids(connection, scope, sorted({denial.claim_id for denial in appeals}))
    batch_documents.disclose(unit, claims)
    items = await claims_db.items_by_ids(connection, scope, sorted({denial.item_id for denial in appeals}))
    kinds = {claim.type is ClaimType.DENTAL_TREATMENT for claim in claims}
    if len(kinds) > 1:
        raise BillingError(in_conflict(MIXED))
    is_dental = True in kinds
    guides = _guides(by_guide(appeals, is_dental=is_dental).values(), claims, items)
    outgoing = await _outgoing(unit, batch, guides, is_dental=is_dental)
    found: WrittenBatch = await unit.children.run(write_appeal.document, outgoing, unit.now)
    name = f"recurso_{batch.payer_ans}_{batch.provider_cnes}_{batch.number:012d}.xml"
    await appeal_batches_db.insert_document(connection, await batch_documents.packed(unit, batch.id, name, found))


async def _outgoing(
    unit: UnitOfWork, batch: AppealBatchRecord, guides: tuple[AppealedGuide, ...], *, is_dental: bool
) -> OutgoingAppeals:
    payer = await parties_db.payer(unit.connection, batch.payer_ans)
    assert payer is not None, "the foreign key of the batch"  # noqa: S101
    return OutgoingAppeals(
        number=str(batch.number),
        version=batch.tiss_version,
        payer=batch.payer_ans,
        payer_name=payer.name,
        provider=await batch_documents.identity_of(unit, batch.provider_cnes, batch.payer_ans),
        protocol=batch.contested_protocol,
        guides=guides,
        is_dental=is_dental,
    )


def by_guide(appeals: Sequence[DenialRecord], *, is_dental: bool) -> dict[tuple[str, str], list[DenialRecord]]:
    """The appeals as the document groups them, in this order: by claim, and a dental document by reason too."""
    found: dict[tuple[str, str], list[DenialRecord]] = {}
    for denial in appeals:
        found.setdefault((denial.claim_id, denial.code if is_dental else ""), []).append(denial)
    return found


def _guides(
    groups: Iterable[Sequence[DenialRecord]], claims: Sequence[ClaimRecord], items: Sequence[ItemRecord]
) -> tuple[AppealedGuide, ...]:
    item_of = {item.id: item for item in items}
    claim_of = {claim.id: claim for claim in claims}
    return tuple(
        _guide(claim_of[group[0].claim_id], [_item(denial, item_of[denial.item_id]) for denial in group])
        for group in groups
    )


def _guide(claim: ClaimRecord, items: Sequence[AppealedItem]) -> AppealedGuide:
    return AppealedGuide(
        claim.provider_claim_number, claim.payer_claim_number, claim.authorization_number, tuple(items)
    )


def _item(denial: DenialRecord, item: ItemRecord) -> AppealedItem:
    return AppealedItem(
        sequence=item.number,
        performed_on=item.performed_on,
        code_system=item.code_system,
        code=item.code,
        description=item.description,
        denial_code=denial.code,
        amount=Cents(denial.appealed_cents or 0),
        justification=denial.justification or "",
        quantity=item.quantity,
        details=item.details,
    )
