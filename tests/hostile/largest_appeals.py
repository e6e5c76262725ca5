"""The largest call of every root field about appeals and their batches."""

from typing import Any, Final

from app.domain.attachments import ATTACHMENTS_MAX, BYTES_MAX
from app.domain.denials import DenialStatus
from app.resolvers.paging import PAGE_MAX
from app.services.appeal_answers import TYPED_MAX
from app.services.appeal_batches import CHOSEN_MAX
from app.services.appeal_bulk import MATCHING_MAX
from tests.factories import key, today
from tests.files import pdf
from tests.hostile.largest_data import Big, Call
from tests.hostile.largest_documents import uploaded
from tests.hostile.largest_mutations import denied

ATTACHMENTS: Final = "denial { id attachments { id fileName digest size kind } }"
BATCH: Final = (
    "id status denialCount totalAmount denials(first: 100) { totalCount nodes { id status } } "
    "history(first: 100) { nodes { action at } }"
)


async def _created(big: Big, denials: list[str]) -> str:
    values = {"payerAnsCode": big.world.payer, "providerCnes": big.world.provider, "idempotencyKey": key()}
    given: dict[str, Any] = {"denialIds": denials, "contestedProtocol": "1", **values}
    found = await big.world.mutate("biller", "createAppealBatches", "batches { id }", **given)
    assert found["errors"] == []
    return str(found["batches"][0]["id"])


async def _open(big: Big) -> str:
    return await _created(big, await denied(big, DenialStatus.APPEALED, CHOSEN_MAX))


async def _sent(big: Big) -> str:
    batch = await _open(big)
    assert (await big.world.mutate("biller", "sendAppealBatch", "batch { id }", appealBatchId=batch))["errors"] == []
    return batch


async def batch(big: Big) -> Call:
    query = f"query($id: ID!) {{ appealBatch(id: $id) {{ {BATCH} }} }}"
    return big.read(query, '"status":"APPEALED"', CHOSEN_MAX, id=await _open(big))


async def batches_page(big: Big) -> Call:
    for denial in await denied(big, DenialStatus.APPEALED, PAGE_MAX):
        await _created(big, [denial])
    query = "{ appealBatches(first: 100) { totalCount nodes { id denialCount totalAmount payer { name } } } }"
    return big.read(query, '"denialCount":', PAGE_MAX)


async def batch_document(big: Big) -> Call:
    query = "query($id: ID!) { appealBatchDocument(id: $id) { number hash xml } }"
    return big.read(query, "</ans:itensGuia>", CHOSEN_MAX, role="biller", id=await _sent(big))


async def create_batches(big: Big) -> Call:
    values = {"payerAnsCode": big.world.payer, "providerCnes": big.world.provider, "idempotencyKey": key()}
    denials = await denied(big, DenialStatus.APPEALED, CHOSEN_MAX)
    given: dict[str, Any] = {"denialIds": denials, "contestedProtocol": "1", **values}
    return big.change("biller", "createAppealBatches", f"batches {{ {BATCH} }}", '"APPEALED"', CHOSEN_MAX, **given)


async def send_batch(big: Big) -> Call:
    return _one(big, "sendAppealBatch", "SENT", await _open(big))


async def cancel_batch(big: Big) -> Call:
    return _one(big, "cancelAppealBatch", "CANCELLED", await _open(big), reason="x" * 500)


async def record_protocol(big: Big) -> Call:
    received = {"protocolNumber": "1", "date": today().isoformat()}
    return _one(big, "recordAppealProtocol", "RECEIVED", await _sent(big), **received)


async def reject_batch(big: Big) -> Call:
    return _one(big, "rejectAppealBatch", "REJECTED", await _sent(big), reason="x" * 500)


async def _template(big: Big) -> str:
    values = {"providerCnes": big.world.provider, "code": "1705", "text": "x" * 500, "idempotencyKey": key()}
    made = await big.world.mutate("biller", "createAppealTemplate", "template { id }", **values)
    return str(made["template"]["id"])


async def draft(big: Big) -> Call:
    (one,) = await denied(big, DenialStatus.OPEN, 1)
    query = "query($id: ID!) { appealDraft(denialId: $id) { justification evidence { kind text } wonAppeals { id } } }"
    return big.read(query, '"justification":"Recurso', 1, role="biller", id=one)


async def templates(big: Big) -> Call:
    for _ in range(PAGE_MAX):
        await _template(big)
    query = "{ appealTemplates(first: 100) { totalCount nodes { id code text provider { name } } } }"
    return big.read(query, '"text":"xxx', PAGE_MAX, role="biller")


async def create_template(big: Big) -> Call:
    values = {"providerCnes": big.world.provider, "code": "1705", "text": "x" * 500, "idempotencyKey": key()}
    return big.change("biller", "createAppealTemplate", "template { id text }", '"text":"xxx', 1, **values)


async def update_template(big: Big) -> Call:
    values = {"appealTemplateId": await _template(big), "text": "y" * 500}
    return big.change("biller", "updateAppealTemplate", "template { id text }", '"text":"yyy', 1, **values)


async def delete_template(big: Big) -> Call:
    values = {"appealTemplateId": await _template(big)}
    return big.change("biller", "deleteAppealTemplate", "deletedAppealTemplateId", '"apt_', 1, **values)


async def _attached(big: Big, denial: str) -> list[str]:
    """As many files as an appeal has but one; the last of them is the largest."""
    files = [pdf(b"%%%d\n" % number) for number in range(ATTACHMENTS_MAX - 2)]
    found: list[str] = []
    for content in [*files, pdf(b"%" + b"x" * (BYTES_MAX - 1_000) + b"\n")]:
        values = {"denialId": denial, "documentId": await uploaded(big, content), "fileName": "x.pdf"}
        made = await big.world.mutate(
            "biller", "attachToAppeal", "denial { attachments { id } }", **values, idempotencyKey=key()
        )
        found = [each["id"] for each in made["denial"]["attachments"]]
    return found


async def attach(big: Big) -> Call:
    (one,) = await denied(big, DenialStatus.APPEALED, 1)
    await _attached(big, one)
    document = await uploaded(big, pdf(b"%" + b"y" * (BYTES_MAX - 1_000) + b"\n"))
    values = {"denialId": one, "documentId": document, "fileName": "x.pdf", "idempotencyKey": key()}
    return big.change("biller", "attachToAppeal", ATTACHMENTS, '"digest"', ATTACHMENTS_MAX, **values)


async def remove_attachment(big: Big) -> Call:
    (one,) = await denied(big, DenialStatus.APPEALED, 1)
    values = {"appealAttachmentId": (await _attached(big, one))[-1], "idempotencyKey": key()}
    return big.change("biller", "removeAppealAttachment", ATTACHMENTS, '"digest"', ATTACHMENTS_MAX - 2, **values)


async def appeal_matching(big: Big) -> Call:
    """As many appeals as one call makes, each with the text of a template."""
    await denied(big, DenialStatus.OPEN, MATCHING_MAX)
    values: dict[str, Any] = {
        "filter": {"providerCnes": [big.world.provider]},
        "justification": {"templateId": await _template(big)},
        "idempotencyKey": key(),
    }
    fields = "appealedCount results { id object { id status claim { id items { id } } } errors { code } }"
    return big.change("biller", "appealMatchingDenials", fields, '"status":"APPEALED"', MATCHING_MAX, **values)


async def record_answers(big: Big) -> Call:
    """The answers to as many appeals as one call takes."""
    denials = await denied(big, DenialStatus.APPEALED, TYPED_MAX)
    answers = [{"denialId": each, "acceptedAmount": "0.01", "justification": "x" * 500} for each in denials]
    parties = {"payerAnsCode": big.world.payer, "providerCnes": big.world.provider, "idempotencyKey": key()}
    fields = "appliedCount results { id object { id status wonAmount } errors { code } }"
    values: dict[str, Any] = {"content": {"answers": answers}, **parties}
    return big.change("biller", "recordAppealAnswers", fields, '"wonAmount":"0.01"', TYPED_MAX, **values)


def _one(big: Big, name: str, status: str, batch_id: str, **values: Any) -> Call:
    return big.change(
        "biller", name, f"batch {{ {BATCH} }}", f'"status":"{status}"', 1, appealBatchId=batch_id, **values
    )
