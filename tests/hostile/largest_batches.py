"""The largest call of every root field about batches."""

from typing import Any, Final

from app.domain.batches import CLAIMS_MAX
from app.domain.claim_form import ITEMS_MAX
from app.domain.claims import ClaimStatus
from app.resolvers.paging import PAGE_MAX
from app.services.batches import BATCHES_MAX
from tests.factories import key, today
from tests.hostile.big_data import copied_claims
from tests.hostile.largest_data import WIDE, Big, Call

BATCH: Final = (
    "id status guideCount totalAmount claims(first: 100) { nodes { id status } } "
    "history(first: 100) { nodes { action at } } availableActions { action blockedBy { message } }"
)


async def _claims(big: Big) -> list[str]:
    """As many claims as a batch may have, some of them as wide as a claim may be."""
    found = await big.submitted(WIDE)
    return found + await copied_claims(big.gateway, big.narrow, CLAIMS_MAX - WIDE, status=ClaimStatus.SUBMITTED)


async def _open(big: Big, claim_ids: list[str]) -> str:
    values: dict[str, Any] = {"claimIds": claim_ids, "idempotencyKey": key()}
    found = await big.world.mutate("biller", "createBatch", "batch { id }", **values)
    assert found["errors"] == []
    return str(found["batch"]["id"])


async def _sent(big: Big, claim_ids: list[str] | None = None) -> str:
    batch = await _open(big, claim_ids or await _claims(big))
    assert (await big.world.mutate("biller", "sendBatch", "batch { id }", batchId=batch))["errors"] == []
    return batch


async def batch(big: Big) -> Call:
    query = f"query($id: ID!) {{ batch(id: $id) {{ {BATCH} }} }}"
    return big.read(query, '"status":"SUBMITTED"', CLAIMS_MAX, id=await _open(big, await _claims(big)))


async def batches_page(big: Big) -> Call:
    for claim in await copied_claims(big.gateway, big.narrow, PAGE_MAX, status=ClaimStatus.SUBMITTED):
        await _open(big, [claim])
    query = "{ batches(first: 100) { totalCount nodes { id guideCount totalAmount payer { name } } } }"
    return big.read(query, '"guideCount":', PAGE_MAX)


async def batch_document(big: Big) -> Call:
    query = "query($id: ID!) { batchDocument(id: $id) { number hash xml } }"
    times = 2 * (WIDE * ITEMS_MAX + CLAIMS_MAX - WIDE)
    return big.read(query, "procedimentoExecutado>", times, role="biller", id=await _sent(big))


async def create_batch(big: Big) -> Call:
    values: dict[str, Any] = {"claimIds": await _claims(big), "idempotencyKey": key()}
    return big.change("biller", "createBatch", f"batch {{ {BATCH} }}", '"status":"SUBMITTED"', CLAIMS_MAX, **values)


async def create_batches(big: Big) -> Call:
    await copied_claims(big.gateway, big.narrow, BATCHES_MAX * CLAIMS_MAX, status=ClaimStatus.SUBMITTED)
    parties = {"payer": big.world.payer, "provider": big.world.provider}
    values = {**parties, "month": today().strftime("%Y-%m"), "idempotencyKey": key()}
    fields = "batches { id status guideCount }"
    return big.change("biller", "createBatches", fields, '"guideCount":100', BATCHES_MAX, **values)


async def send_batch(big: Big) -> Call:
    batch_id = await _open(big, await _claims(big))
    return big.change("biller", "sendBatch", f"batch {{ {BATCH} }}", '"status":"SENT"', 1, batchId=batch_id)


async def remove_from_batch(big: Big) -> Call:
    claims = await _claims(big)
    values = {"batchId": await _open(big, claims), "claimId": claims[0]}
    return big.change("biller", "removeFromBatch", f"batch {{ {BATCH} }}", '"REMOVE_CLAIM","at"', 1, **values)


async def cancel_batch(big: Big) -> Call:
    values = {"batchId": await _open(big, await _claims(big)), "reason": "x" * 500}
    return big.change("biller", "cancelBatch", f"batch {{ {BATCH} }}", '"status":"CANCELLED"', 1, **values)


async def record_protocol(big: Big) -> Call:
    claims = await _claims(big)
    refused = [{"claimId": claim, "code": "1705"} for claim in claims[1:]]
    protocol = {"number": "1", "date": today().isoformat(), "refusedClaims": refused}
    values = {"batchId": await _sent(big, claims), "content": {"protocol": protocol}}
    return big.change("biller", "recordProtocol", f"batch {{ {BATCH} }}", '"status":"RECEIVED"', 1, **values)


async def reject_batch(big: Big) -> Call:
    values = {"batchId": await _sent(big), "reason": "x" * 500}
    return big.change("biller", "rejectBatch", f"batch {{ {BATCH} }}", '"status":"REJECTED"', 1, **values)
