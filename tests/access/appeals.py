"""Appeals and their batches for the world with one of everything."""

from typing import Final

from tests.factories import World, key
from tests.files import pdf
from tests.tiss.appeal_answers import Answer, document

TARGETS: Final = 5
TERMS: Final = {"submissionWindowDays": 180, "appealDeadlineDays": 30, "paymentTermDays": 30}


async def sent_batch(world: World, denial: str) -> dict[str, str]:
    """A sent batch with the appeal against this denial: the ids of all that it has."""
    batch = await _batch(world, denial, is_sent=True)
    query = "query($id: ID!) { appealBatch(id: $id) { history { nodes { id } } } }"
    steps = (await world.call("biller", query, id=batch))["appealBatch"]["history"]["nodes"]
    found = {"appeal_batch": batch, "appeal_batch_step": steps[0]["id"], "sent_denial": denial}
    return found | {"appeal_template": await _template(world), "answer_document": await _answer_document(world, batch)}


async def upheld(world: World, denial: str) -> dict[str, str]:
    """A denial that was appealed with a file, and is open once more; its contract has one instance again."""
    await _agree(world, 2)
    await _appeal(world, denial)
    file = await _attach(world, denial)
    values = {"id": denial, "acceptedAmount": "0", "idempotencyKey": key()}
    assert (await world.mutate("payer_agent", "answerAppeal", "denial { id }", **values))["errors"] == []
    await _agree(world, 1)
    return {"upheld_denial": denial, "answered_attachment": file}


async def _agree(world: World, instances: int) -> None:
    values = {"providerCnes": world.provider, "payerAnsCode": world.payer, **TERMS, "appealInstances": instances}
    assert (await world.mutate("admin", "saveContract", "contract { id }", **values))["errors"] == []


async def _attach(world: World, denial: str) -> str:
    """The id of a file with the appeal against this denial."""
    values = {
        "denialId": denial,
        "documentId": await uploaded(world, pdf(f"%{denial}\n".encode())),
        "fileName": "laudo.pdf",
    }
    made = await world.mutate(
        "biller", "attachToAppeal", "denial { attachments { id } }", **values, idempotencyKey=key()
    )
    return str(made["denial"]["attachments"][0]["id"])


async def uploaded(world: World, content: bytes) -> str:
    """The id of a document that a caller of its provider and payer alone has uploaded."""
    token = world.gateway.token("biller", providers=[world.provider], payer=world.payer)
    headers = {"authorization": f"Bearer {token}", "content-type": "application/octet-stream"}
    answer = await world.gateway.client.post(f"{world.gateway.url}/documents", content=content, headers=headers)
    return str(answer.json()["id"])


async def _answer_document(world: World, batch: str) -> str:
    """The payer's answer to the batch, uploaded with a token of its provider and payer."""
    query = (
        "query($id: ID!) { appealBatch(id: $id) { number denials { nodes { code claim { providerClaimNumber } } } } }"
    )
    found = (await world.call("biller", query, id=batch))["appealBatch"]
    answers = [Answer(each["claim"]["providerClaimNumber"], each["code"], "S") for each in found["denials"]["nodes"]]
    return await uploaded(world, document(world.payer, found["number"], answers))


async def targets(world: World, denials: list[str]) -> dict[str, str]:
    """Batches for every mutation to act on, made of these open denials, and an appeal in no batch."""
    names = {"open_appeal_batch": False, "wrong_appeal_batch": False}
    names |= {"sent_appeal_batch": True, "rejected_appeal_batch": True}
    found = {
        name: await _batch(world, denial, is_sent=is_sent)
        for (name, is_sent), denial in zip(names.items(), denials[1:], strict=True)
    }
    await _appeal(world, denials[0])
    found |= {
        "attachment": await _attach(world, denials[0]),
        "file": await uploaded(world, pdf(f"%{world.provider}\n".encode())),
    }
    return found | {"unsent_denial": denials[0], "wrong_appeal_template": await _template(world)}


async def win(world: World, denial: str) -> None:
    """Appeal the denial of 40.00, which the payer accepts in full."""
    await _appeal(world, denial)
    values = {"id": denial, "acceptedAmount": "40.00", "idempotencyKey": key()}
    assert (await world.mutate("payer_agent", "answerAppeal", "denial { id }", **values))["errors"] == []


async def _template(world: World) -> str:
    values = {"providerCnes": world.provider, "code": "1801", "text": "Valor devido", "idempotencyKey": key()}
    made = await world.mutate("biller", "createAppealTemplate", "template { id }", **values)
    return str(made["template"]["id"])


async def _appeal(world: World, denial: str) -> None:
    values = {"id": denial, "justification": "Conforme contrato", "idempotencyKey": key()}
    assert (await world.mutate("biller", "appealDenial", "denial { id }", **values))["errors"] == []


async def _batch(world: World, denial: str, *, is_sent: bool) -> str:
    await _appeal(world, denial)
    if is_sent:
        await _attach(world, denial)
    values = {"payerAnsCode": world.payer, "providerCnes": world.provider, "idempotencyKey": key()}
    chosen = {"denialIds": [denial], "contestedProtocol": "4711"}
    made = await world.mutate("biller", "createAppealBatches", "batches { id }", **values, **chosen)
    assert made["errors"] == [], made
    batch = str(made["batches"][0]["id"])
    if is_sent:
        done = await world.mutate("biller", "sendAppealBatch", "batch { id }", appealBatchId=batch)
        assert done["errors"] == [], done
    return batch
