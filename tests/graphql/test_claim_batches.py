"""Batches (lotes de guias): created of claims, sent once, and finished by the decisions on their claims."""

import asyncio
import hashlib
import zlib
from typing import Any

import pytest
import tiss
from sqlalchemy import select

from app.db.batch_tables import batch_documents
from tests.factories import BLOOD_COUNT, CONSULTATION, World, key, new_world, refusals, today
from tests.gateway import Gateway
from tests.guides import FEES
from tests.preflights import save_contract

DOCTOR = {"name": "Ana Lima", "council": "06", "number": "12345", "state": "35", "cbo": "225125"}
BATCH = "batch { id number type status guideCount totalAmount version sentAt reason }"
STEPS = "query($id: ID!) { batch(id: $id) { history { nodes { action status version guideCount claim { id } } } } }"


async def sent_claim(world: World, **changes: Any) -> str:
    """The id of a submitted claim that can be exported."""
    return str((await world.submitted_claim(**{"practitioner": DOCTOR, **changes}))["id"])


async def create(world: World, claim_ids: list[str], **values: Any) -> Any:
    """The payload of createBatch."""
    return await world.mutate("biller", "createBatch", BATCH, claimIds=claim_ids, **{"idempotencyKey": key(), **values})


async def open_batch(world: World, *claim_ids: str) -> str:
    """The id of a new batch of these claims."""
    payload = await create(world, list(claim_ids))
    assert payload["errors"] == []
    return str(payload["batch"]["id"])


async def change(world: World, name: str, batch_id: str, **values: Any) -> Any:
    """The payload of a mutation on a batch."""
    return await world.mutate("biller", name, BATCH, batchId=batch_id, **values)


async def sent_batch(world: World, *claim_ids: str) -> str:
    """The id of a sent batch of these claims."""
    batch_id = await open_batch(world, *claim_ids)
    assert (await change(world, "sendBatch", batch_id))["errors"] == []
    return batch_id


async def document(world: World, batch_id: str) -> Any:
    """What batchDocument answers."""
    query = "query($id: ID!) { batchDocument(id: $id) { number fileName xml hash } }"
    return (await world.call("biller", query, id=batch_id))["batchDocument"]


async def status(world: World, batch_id: str) -> str:
    """The status of a batch."""
    found = await world.call("biller", "query($id: ID!) { batch(id: $id) { status } }", id=batch_id)
    return str(found["batch"]["status"])


async def batch_of(world: World, claim_id: str) -> Any:
    """The id of the active batch of a claim; None if there is none."""
    found = await world.call("biller", "query($id: ID!) { claim(id: $id) { batch { id } } }", id=claim_id)
    return found["claim"]["batch"] and found["claim"]["batch"]["id"]


async def test_a_batch_is_created_sent_and_processed_with_the_decision_of_its_last_claim(world: World) -> None:
    first, second = await sent_claim(world, items=[CONSULTATION, BLOOD_COUNT]), await sent_claim(world)
    created = (await create(world, [second, first]))["batch"]
    assert {name: created[name] for name in created if name != "id"} == {
        "number": 1,
        "type": "SP_SADT",
        "status": "OPEN",
        "guideCount": 2,
        "totalAmount": "237.00",
        "version": 1,
        "sentAt": None,
        "reason": None,
    }
    assert await document(world, created["id"]) is None
    sent = (await change(world, "sendBatch", created["id"], version=1))["batch"]
    assert (sent["status"], sent["version"], sent["sentAt"] is None) == ("SENT", 2, False)
    for claim_id, expected in ((first, "SENT"), (second, "PROCESSED")):
        await world.mutate("reviewer", "startReview", "claim { id }", id=claim_id)
        items = [{"sequence": 1, "approvedAmount": "100.00"}, {"sequence": 2, "approvedAmount": "37.00"}]
        assert (await world.adjudicate(claim_id, items[: 2 if claim_id == first else 1]))["errors"] == []
        assert await status(world, created["id"]) == expected
    assert await world.events(created["id"]) == ["BatchCreated", "BatchSent", "BatchProcessed"]
    steps = (await world.call("biller", STEPS, id=created["id"]))["batch"]["history"]["nodes"]
    assert [(step["action"], step["status"], step["version"]) for step in steps] == [
        ("CREATE", "OPEN", 1), ("SEND", "SENT", 2), ("PROCESS", "PROCESSED", 3),
    ]  # fmt: skip


async def test_a_document_is_stored_once_and_given_back_byte_for_byte(world: World) -> None:
    claim_ids = [await sent_claim(world), await sent_claim(world)]
    batch_id = await sent_batch(world, *claim_ids)
    found = await document(world, batch_id)
    content = found["xml"].encode("iso-8859-1")
    async with world.gateway.database.reading() as connection:
        query = select(batch_documents).where(batch_documents.c.batch_id == batch_id)
        (row,) = (await connection.execute(query)).mappings().all()
    assert (zlib.decompress(row["content"]), row["sha256"]) == (content, hashlib.sha256(content).hexdigest())
    assert found["hash"] == row["hash"] == tiss.hash_epilogo(content)
    numbers = [(await world.claim(each))["providerClaimNumber"] for each in claim_ids]
    guides = tiss.parse_lote(content)["guias"]
    assert [guide["cabecalho_guia"]["numero_guia_prestador"] for guide in guides] == numbers
    # The payer's decision gives the claim a number, which a document written now would have.
    await world.mutate("reviewer", "startReview", "claim { id }", id=claim_ids[0])
    await world.adjudicate(claim_ids[0], [{"sequence": 1, "approvedAmount": "100.00"}], payerClaimNumber="77")
    assert await document(world, batch_id) == found
    values = {"claimIds": claim_ids[::-1], "idempotencyKey": key()}
    again = await world.mutate("biller", "exportBatch", "batch { number fileName xml hash }", **values)
    assert (again["errors"], again["batch"]) == ([], found)


async def test_an_export_sends_the_open_batch_of_its_claims(world: World) -> None:
    claim_id = await sent_claim(world)
    batch_id = await open_batch(world, claim_id)
    values = {"claimIds": [claim_id], "idempotencyKey": key()}
    exported = await world.mutate("biller", "exportBatch", "batch { number fileName xml hash }", **values)
    assert (await status(world, batch_id), exported["batch"]) == ("SENT", await document(world, batch_id))


async def test_numbers_are_counted_for_each_provider_and_payer(gateway: Gateway, world: World) -> None:
    other = await new_world(gateway)
    mixed = World(gateway, other.payer, world.provider, other.patient, other.card)
    found = [(await create(each, [await sent_claim(each)]))["batch"]["number"] for each in (world, mixed, world)]
    assert found == [1, 1, 2]


async def test_a_claim_is_in_one_active_batch(world: World) -> None:
    claim_id, free = await sent_claim(world), await sent_claim(world)
    first = await open_batch(world, claim_id)
    refused = await create(world, [free, claim_id])
    assert (refused["batch"], refusals(refused)) == (None, [("CONFLICT", "claimIds.1", None)])
    message = "the claim is in batch 1, which is open: remove it from that batch first"
    assert [error["message"] for error in refused["errors"]] == [message]
    exported = await world.mutate(
        "biller", "exportBatch", "batch { number }", claimIds=[free, claim_id], idempotencyKey=key()
    )
    assert refusals(exported) == [("CONFLICT", "claimIds.1", None)]
    assert (await batch_of(world, claim_id), await batch_of(world, free)) == (first, None)
    cancelled = (await change(world, "cancelBatch", first, reason="lote errado"))["batch"]
    assert (cancelled["status"], cancelled["reason"]) == ("CANCELLED", "lote errado")
    second = (await create(world, [free, claim_id]))["batch"]
    assert (second["number"], await batch_of(world, claim_id)) == (2, second["id"])


async def test_of_simultaneous_batches_of_a_claim_one_is_created(world: World) -> None:
    claim_id = await sent_claim(world)
    payloads = await asyncio.gather(*[create(world, [claim_id]) for _ in range(6)])
    assert sorted(len(each["errors"]) for each in payloads) == [0, 1, 1, 1, 1, 1]
    found = await world.call("biller", "{ batches { totalCount nodes { number } } }")
    assert found["batches"] == {"totalCount": 1, "nodes": [{"number": 1}]}


@pytest.mark.parametrize("claim_status", ["DRAFT", "CANCELLED", "APPROVED"])
async def test_only_claims_that_the_payer_has_to_decide_are_put_into_a_batch(world: World, claim_status: str) -> None:
    if claim_status == "DRAFT":
        claim_id = (await world.create_claim(practitioner=DOCTOR))["claim"]["id"]
    elif claim_status == "CANCELLED":
        claim_id = await sent_claim(world)
        await world.mutate("biller", "cancelClaim", "claim { id }", id=claim_id)
    else:
        claim_id = (await world.approved_claim())["id"]
    values = {"claimIds": [claim_id], "idempotencyKey": key()}
    fields = "errors { code field ... on StatusConflictError { status } }"
    query = f"mutation($input: CreateBatchInput!) {{ createBatch(input: $input) {{ {fields} }} }}"
    found = (await world.call("biller", query, input=values))["createBatch"]["errors"]
    assert found == [{"code": "CONFLICT", "field": ["claimIds", "0"], "status": claim_status}]


async def test_a_month_is_split_into_batches_of_one_type(world: World) -> None:
    other_month = today().replace(day=1)
    visits = [await sent_claim(world, type="CONSULTATION", items=[CONSULTATION]) for _ in range(2)]
    services = [await sent_claim(world) for _ in range(3)]
    taken = await sent_claim(world)
    await open_batch(world, taken)
    parties = {"payer": world.payer, "provider": world.provider}
    values = {**parties, "month": other_month.strftime("%Y-%m"), "idempotencyKey": key()}
    fields = "batches { number type guideCount claims { nodes { id } } }"
    with world.gateway.counting() as statements:
        first = await world.mutate("biller", "createBatches", fields, **values)
    assert sum(str(each).startswith("SELECT contracts.") for each in statements) == 1
    assert [(each["number"], each["type"], each["guideCount"]) for each in first["batches"]] == [
        (2, "CONSULTATION", 2), (3, "SP_SADT", 3),
    ]  # fmt: skip
    assert [[node["id"] for node in each["claims"]] for each in first["batches"]] == [visits, services]
    replayed = await world.mutate("biller", "createBatches", fields, **values)
    assert (replayed["replayed"], replayed["batches"]) == (True, first["batches"])
    again = await world.mutate("biller", "createBatches", fields, **{**values, "idempotencyKey": key()})
    assert (again["errors"], again["batches"]) == ([], [])


async def test_a_claim_is_removed_from_an_open_batch_but_not_the_last_one(world: World) -> None:
    claim_ids = [await sent_claim(world, items=[CONSULTATION, BLOOD_COUNT]), await sent_claim(world)]
    batch_id = await open_batch(world, *claim_ids)
    left = (await change(world, "removeFromBatch", batch_id, claimId=claim_ids[0]))["batch"]
    assert (left["guideCount"], left["totalAmount"], left["version"]) == (1, "100.00", 2)
    assert await batch_of(world, claim_ids[0]) is None
    for claim_id, expected in ((claim_ids[0], ("NOT_FOUND", "claimId")), (claim_ids[1], ("CONFLICT", "batchId"))):
        refused = await change(world, "removeFromBatch", batch_id, claimId=claim_id)
        assert [each[:2] for each in refusals(refused)] == [expected]
    await change(world, "sendBatch", batch_id)
    for name, values in (("removeFromBatch", {"claimId": claim_ids[1]}), ("cancelBatch", {}), ("sendBatch", {})):
        refused = await change(world, name, batch_id, **values)
        assert refusals(refused) == [("CONFLICT", "batchId", None)]
        said = refused["errors"][0]["message"]
        assert said.endswith(" a batch that is SENT; record the payer's protocol, or that the payer rejected it")
    assert await status(world, batch_id) == "SENT"


async def test_a_claim_in_an_open_batch_is_not_cancelled_and_one_in_a_sent_batch_ends_it(world: World) -> None:
    claim_id = await sent_claim(world)
    batch_id = await open_batch(world, claim_id)
    refused = await world.mutate("biller", "cancelClaim", "claim { status }", id=claim_id)
    assert refusals(refused) == [("CONFLICT", "claimId", None)]
    await change(world, "sendBatch", batch_id)
    done = await world.mutate("biller", "cancelClaim", "claim { status }", id=claim_id)
    assert (done["claim"]["status"], await status(world, batch_id)) == ("CANCELLED", "PROCESSED")


async def test_a_claim_that_cannot_be_written_any_more_is_named_by_its_number(world: World) -> None:
    """It was submitted when the contract named another version of TISS."""
    bad = await sent_claim(world, **FEES)
    await save_contract(world, tissVersion="V4_02_00")
    unhurried = {name: value for name, value in FEES["encounter"].items() if name != "priority"}
    batch_id = await open_batch(world, await sent_claim(world, **FEES | {"encounter": unhurried}), bad)
    refused = await change(world, "sendBatch", batch_id)
    number = (await world.claim(bad))["providerClaimNumber"]
    assert refusals(refused) == [("INVALID_INPUT", "batchId", "5001")]
    message = "encounter.priority: TISS 4.02.00 has no element for it: remove it, or use another version"
    assert refused["errors"][0]["message"] == f"claim {number}: {message}"
    assert (await status(world, batch_id), await document(world, batch_id)) == ("OPEN", None)


async def test_simultaneous_changes_of_a_batch_take_turns(world: World) -> None:
    claim_ids = [await sent_claim(world) for _ in range(4)]
    batch_id = await open_batch(world, *claim_ids)
    removals = [change(world, "removeFromBatch", batch_id, claimId=claim_id) for claim_id in claim_ids]
    payloads = await asyncio.gather(*removals)
    refused = [error["message"] for each in payloads for error in each["errors"]]
    assert refused == ["it is the last claim of the batch: cancel the batch instead"]
    found = await world.call("biller", "query($id: ID!) { batch(id: $id) { guideCount version } }", id=batch_id)
    assert found["batch"] == {"guideCount": 1, "version": 4}


async def test_a_batch_that_changed_is_not_sent_by_its_old_version(world: World) -> None:
    claim_ids = [await sent_claim(world), await sent_claim(world)]
    batch_id = await open_batch(world, *claim_ids)
    await change(world, "removeFromBatch", batch_id, claimId=claim_ids[0])
    assert refusals(await change(world, "sendBatch", batch_id, version=1)) == [("STALE_VERSION", "version", None)]


async def test_available_actions_follow_the_status_and_the_permission(world: World) -> None:
    batch_id = await open_batch(world, await sent_claim(world))
    query = "query($id: ID!) { batch(id: $id) { availableActions { action blockedBy { code } } } }"

    async def possible(role: str) -> list[str]:
        found = (await world.call(role, query, id=batch_id))["batch"]["availableActions"]
        return [each["action"] for each in found if each["blockedBy"] is None]

    assert await possible("biller") == ["SEND", "REMOVE_CLAIM", "CANCEL"]
    assert await possible("finance") == []
    await change(world, "sendBatch", batch_id)
    assert await possible("biller") == ["RECORD_PROTOCOL", "REJECT"]
    await change(world, "rejectBatch", batch_id, reason="lote em duplicidade")
    assert await possible("biller") == []


async def test_a_statement_that_decides_the_last_claim_ends_the_batch(world: World) -> None:
    claim_id = await sent_claim(world)
    batch_id = await sent_batch(world, claim_id)
    number = (await world.claim(claim_id))["providerClaimNumber"]
    values = {"payer": world.payer, "provider": world.provider, "statementNumber": key()[:20], "idempotencyKey": key()}
    lines = [{"providerClaimNumber": number, "paidAmount": "100.00"}]
    imported = await world.mutate("finance", "importRemittance", "remittance { id }", lines=lines, **values)
    await world.mutate(
        "finance", "postRemittance", "postedLines", id=imported["remittance"]["id"], idempotencyKey=key()
    )
    assert ((await world.claim(claim_id))["status"], await status(world, batch_id)) == ("APPROVED", "PROCESSED")
