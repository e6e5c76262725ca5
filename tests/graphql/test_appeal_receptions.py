"""What the payer says when it gets a batch of appeals, and answers that name a batch by its protocol."""

from typing import Any

from tests.factories import World, key, new_world, refusals
from tests.graphql.test_appeal_answers import _batch, _number, _record, _xml
from tests.graphql.test_appeal_batches import appealed, change, create, sent
from tests.tiss.appeal_answers import DAY, Answer, document, reception, refusal, refused_claims


async def _received(world: World, batch_id: str, raw: bytes) -> Any:
    return await change(world, "recordAppealProtocol", batch_id, **_xml(raw))


async def test_a_reception_is_read_from_its_document(world: World) -> None:
    batch, _ = await sent(world)
    other = (await new_world(world.gateway)).payer
    for wrong, code in ((reception(world.payer, 2, "555"), None), (reception(other, 1, "555"), "5027")):
        assert refusals(await _received(world, batch["id"], wrong)) == [("CONFLICT", "xml", code)]
    nothing = await change(world, "recordAppealProtocol", batch["id"])
    assert refusals(nothing) == [("INVALID_INPUT", "protocolNumber", None)]
    found = (await _received(world, batch["id"], reception(world.payer, 1, "555")))["batch"]
    assert (found["status"], found["protocolNumber"], found["protocolDate"]) == ("RECEIVED", "555", DAY)


async def test_a_refused_batch_is_rejected_with_its_reason(world: World) -> None:
    batch, denials = await sent(world)
    found = (await _received(world, batch["id"], refusal(world.payer, "2905")))["batch"]
    assert (found["status"], found["reason"][:5]) == ("REJECTED", "2905 ")
    (second,) = (await create(world, denialIds=denials))["batches"]
    assert (await change(world, "sendAppealBatch", second["id"]))["errors"] == []
    answer = refusal(world.payer, "2904", "respostaRecursoGlosa")
    recorded = await _record(world, _xml(answer))
    assert refusals(recorded) == [("INVALID_INPUT", "content.xml", "5001")]
    assert "record a status or an error of a batch by recordAppealProtocol" in recorded["errors"][0]["message"]
    found = (await _received(world, second["id"], answer))["batch"]
    assert (found["status"], found["reason"][:5]) == ("REJECTED", "2904 ")


async def test_appeals_of_refused_claims_wait_for_another_batch(world: World) -> None:
    """Of two claims one is refused, and alone in its next batch refused again, which rejects that batch."""
    one, two = [await appealed(world, None) for _ in range(2)]
    (batch,) = (await create(world, denialIds=[*one[1], *two[1]], contestedProtocol="77"))["batches"]
    assert (await change(world, "sendAppealBatch", batch["id"]))["errors"] == []
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { ... on Claim { providerClaimNumber } } }"
    nodes = (await world.call("biller", query, ids=[one[0], two[0]]))["nodes"]
    refused, taken = [each["providerClaimNumber"] for each in nodes]
    unknown = refused_claims(world.payer, 1, [("NOBODY", "2904")])
    assert refusals(await _received(world, batch["id"], unknown)) == [("NOT_FOUND", "xml", None)]
    found = (await _received(world, batch["id"], refused_claims(world.payer, 1, [(refused, "2904")])))["batch"]
    assert [each["action"] for each in found["history"]] == ["CREATE", "SEND", "RECEIVE", "REFUSE_APPEALS"]
    assert (found["status"], found["protocolNumber"]) == ("RECEIVED", "556")
    assert (await world.events(batch["id"]))[-2:] == ["AppealBatchReceived", "AppealsRefused"]
    query = "query($id: ID!) { appealBatch(id: $id) { history(first: 9) { nodes { reason } } } }"
    steps = (await world.call("biller", query, id=batch["id"]))["appealBatch"]["history"]["nodes"]
    assert steps[-1]["reason"].startswith(f"{refused}: 2904 ")
    late = _xml(document(world.payer, 1, [Answer(refused, "1801", "40.00", 1)]))
    assert [each["errors"][0]["code"] for each in (await _record(world, late))["results"]] == ["CONFLICT"]
    (second,) = (await create(world, denialIds=one[1], contestedProtocol="77"))["batches"]
    assert (second["number"], second["denialCount"]) == (2, 2)
    answers = [Answer(taken, "1801", "40.00", 1), Answer(taken, "1705", "37.00", 2, "37.00")]
    assert (await _record(world, _xml(document(world.payer, 1, answers))))["appliedCount"] == 2
    assert (await _batch(world, batch["id"]))["status"] == "ANSWERED"
    assert (await change(world, "sendAppealBatch", second["id"]))["errors"] == []
    found = (await _received(world, second["id"], refused_claims(world.payer, 2, [(refused, "2904")])))["batch"]
    assert found["status"] == "REJECTED"


async def test_answers_find_their_batch_by_its_protocol(world: World) -> None:
    """The payer writes numbers of its own: the protocol of the appeals, and that of the claims, lead to the batch."""
    batch, _ = await sent(world)
    claim = await _number(world, batch)
    assert (await _received(world, batch["id"], reception(world.payer, 1, "555")))["errors"] == []
    first = document(world.payer, 90_001, [Answer(claim, "1801", "40.00", 1)], protocol="555")
    second = document(world.payer, 90_001, [Answer(claim, "1705", "37.00", 2, "37.00")], protocol="987654")
    counts = [(await _record(world, _xml(each)))["appliedCount"] for each in (first, second, first, second)]
    assert counts == [1, 1, 0, 0]
    unknown = document(world.payer, 90_001, [Answer(claim, "1801", "40.00", 1)], protocol="4")
    refused = await _record(world, _xml(unknown))
    assert refusals(refused) == [("NOT_FOUND", "content.xml", None)]
    assert "the number 90001 or the protocol 4" in refused["errors"][0]["message"]
    assert (await _batch(world, batch["id"]))["status"] == "ANSWERED"


async def test_an_appeal_that_was_sent_twice_needs_the_number_of_its_batch(world: World) -> None:
    """Upheld and sent once more under the same protocol: a document without our number may mean either."""
    terms = {"submissionWindowDays": 180, "appealDeadlineDays": 30, "paymentTermDays": 30, "appealInstances": 2}
    parties = {"providerCnes": world.provider, "payerAnsCode": world.payer}
    assert (await world.mutate("admin", "saveContract", "contract { id }", **parties, **terms))["errors"] == []
    batch, (denial, _) = await sent(world)
    claim = await _number(world, batch)
    upheld = document(world.payer, 90_001, [Answer(claim, "1801", "0.00", 1)])
    assert (await _record(world, _xml(upheld)))["appliedCount"] == 1
    again = {"denialId": denial, "justification": "devida", "idempotencyKey": key()}
    assert (await world.mutate("biller", "appealDenial", "denial { id }", **again))["errors"] == []
    (second,) = (await create(world))["batches"]
    assert (await change(world, "sendAppealBatch", second["id"]))["errors"] == []
    payload = await _record(world, _xml(upheld))
    assert (payload["appliedCount"], payload["results"][0]["errors"][0]["code"]) == (0, "CONFLICT")
    numbered = document(world.payer, 2, [Answer(claim, "1801", "0.00", 1)])
    assert (await _record(world, _xml(numbered)))["appliedCount"] == 1
