"""The payer's answers to appeals, recorded by the biller: typed or as a document, each in effect once."""

import asyncio
from typing import Any

import pytest

from tests.factories import World, key, new_world, refusals
from tests.graphql.test_appeal_batches import BATCH, change, create, sent
from tests.tiss.appeal_answers import Answer, document, whole

RESULTS = "appliedCount results { id object { id status wonAmount lostAmount } errors { code message field } }"


async def _record(world: World, content: Any, role: str = "biller", **values: Any) -> Any:
    given = {"payerAnsCode": world.payer, "providerCnes": world.provider, "content": content, "idempotencyKey": key()}
    return await world.mutate(role, "recordAppealAnswers", RESULTS, **given, **values)


def _xml(raw: bytes, encoding: str = "iso-8859-1") -> dict[str, str]:
    return {"xml": raw.decode(encoding)}


def _said(payload: Any) -> list[tuple[str, str, str]]:
    return [
        tuple(each["object"][name] for name in ("status", "wonAmount", "lostAmount")) for each in payload["results"]
    ]


async def _number(world: World, batch: Any) -> str:
    query = "query($id: ID!) { appealBatch(id: $id) { denials { nodes { claim { providerClaimNumber } } } } }"
    found = (await world.call("biller", query, id=batch["id"]))["appealBatch"]["denials"]["nodes"]
    return str(found[0]["claim"]["providerClaimNumber"])


async def _batch(world: World, batch_id: str) -> Any:
    query = f"query($id: ID!) {{ appealBatch(id: $id) {{ {BATCH} }} }}"
    return (await world.call("biller", query, id=batch_id))["appealBatch"]


async def _answered(world: World, batch: Any) -> int:
    """How often an answer to an appeal of the batch's claim was recorded."""
    query = "query($id: ID!) { appealBatch(id: $id) { denials { nodes { claim { id } } } } }"
    nodes = (await world.call("biller", query, id=batch["id"]))["appealBatch"]["denials"]["nodes"]
    return (await world.events(nodes[0]["claim"]["id"])).count("AppealAnswered")


async def test_a_document_answers_each_appeal_of_its_batch_once(world: World) -> None:
    batch, denials = await sent(world)
    claim = await _number(world, batch)
    answers = [Answer(claim, "1801", "15.50", 1), Answer(claim, "1705", "37.00", 2, "37.00")]
    first = await _record(world, _xml(document(world.payer, 1, answers)))
    assert (first["appliedCount"], [each["id"] for each in first["results"]]) == (2, denials)
    expected = [("PARTIALLY_OVERTURNED", "15.50", "24.50"), ("OVERTURNED", "37.00", "0.00")]
    assert _said(first) == expected
    assert (await _batch(world, batch["id"]))["status"] == "ANSWERED"
    assert await _answered(world, batch) == 2
    # Again, as it is, in another encoding, with another prefix, in another order, in part, and by denial.
    others = [
        _xml(document(world.payer, 1, answers)),
        _xml(document(world.payer, 1, answers, "UTF-8"), "utf-8"),
        _xml(document(world.payer, 1, answers[::-1], prefix="t")),
        _xml(document(world.payer, 1, answers[1:])),
        {"answers": [{"denialId": denials[0], "acceptedAmount": "15.50"}]},
    ]
    payloads = await asyncio.gather(*[_record(world, each) for each in others])
    assert [each["appliedCount"] for each in payloads] == [0] * 5
    assert [sorted(_said(each)) for each in payloads] == [
        *([sorted(expected)] * 3),
        [expected[1]],
        [expected[0]],
    ]
    assert await _answered(world, batch) == 2
    query = "query($id: ID!) { node(id: $id) { ... on Denial { appeal { answeredAmount payerJustification } } } }"
    found = await world.call("reviewer", query, id=denials[0])
    assert found["node"]["appeal"] == {
        "answeredAmount": "15.50",
        "payerJustification": "Não há cobertura para a diferença",
    }


async def test_the_same_document_from_many_at_once_is_in_effect_once(world: World) -> None:
    batch, _ = await sent(world)
    claim = await _number(world, batch)
    content = _xml(document(world.payer, 1, [Answer(claim, "1801", "40.00", 1), Answer(claim, "1705", "0.00", 2)]))
    payloads = await asyncio.gather(*[_record(world, content) for _ in range(4)])
    assert sorted(each["appliedCount"] for each in payloads) == [0, 0, 0, 2]
    assert all(_said(each) == [("OVERTURNED", "40.00", "0.00"), ("UPHELD", "0.00", "37.00")] for each in payloads)
    assert await _answered(world, batch) == 2


async def test_a_contradiction_is_refused_and_the_other_answers_are_recorded(world: World) -> None:
    batch, denials = await sent(world)
    claim = await _number(world, batch)
    await _record(world, _xml(document(world.payer, 1, [Answer(claim, "1801", "10.00", 1)])))
    answers = [Answer(claim, "1801", "40.00", 1), Answer(claim, "3052", "1.00", 1), Answer(claim, "1705", "37.01", 2)]
    payload = await _record(world, _xml(document(world.payer, 1, answers)))
    assert payload["appliedCount"] == 0
    errors = [(each["id"], each["errors"][0]["code"]) for each in payload["results"]]
    assert errors == [
        (denials[0], "CONFLICT"),
        (f"{claim}/1/3052", "NOT_FOUND"),
        (denials[1], "INVALID_AMOUNT"),
    ]
    assert "accepts 10.00 is recorded already" in payload["results"][0]["errors"][0]["message"]
    assert (await _batch(world, batch["id"]))["status"] == "SENT"


@pytest.mark.parametrize(("accepted", "status"), [("S", "OVERTURNED"), ("N", "UPHELD")])
async def test_an_answer_to_a_guide_or_a_protocol_is_about_all_its_denials(
    world: World, accepted: str, status: str
) -> None:
    batch, _ = await sent(world)
    claim = await _number(world, batch)
    one = await _record(world, _xml(document(world.payer, 1, [Answer(claim, "1801", accepted)])))
    assert (one["appliedCount"], [each["object"]["status"] for each in one["results"]]) == (1, [status])
    both = await _record(world, _xml(whole(world.payer, 1, accepted)))
    assert (both["appliedCount"], [each["object"]["status"] for each in both["results"]]) == (1, [status] * 2)


async def test_the_biller_records_an_answer_by_denial(world: World) -> None:
    _, (first, second) = await sent(world)
    answers = [{"denialId": first, "acceptedAmount": "0", "justification": "mantida"}]
    payload = await _record(world, {"answers": [*answers, {"denialId": second, "acceptedAmount": "37.01"}]})
    assert payload["appliedCount"] == 1
    assert _said({"results": payload["results"][:1]}) == [("UPHELD", "0.00", "40.00")]
    (error,) = payload["results"][1]["errors"]
    assert (error["code"], error["field"][:3]) == ("INVALID_AMOUNT", ["content", "answers", "1"])


async def test_a_document_of_another_payer_or_batch_or_that_was_changed_is_refused(world: World) -> None:
    batch, _ = await sent(world)
    claim = await _number(world, batch)
    answer = [Answer(claim, "1801", "10.00", 1)]
    other = await new_world(world.gateway)
    raw = document(world.payer, 1, answer)
    changed = raw.replace(b">10.00<", b">40.00<")
    contents = [document(other.payer, 1, answer), document(world.payer, 2, answer, protocol="1"), changed, b"<a/>"]
    found = [refusals(await _record(world, _xml(each))) for each in contents]
    assert found == [
        [("CONFLICT", "payerAnsCode", "5027")],
        [("NOT_FOUND", "content.xml", None)],
        [("INVALID_INPUT", "content.xml", "5014")],
        [("INVALID_INPUT", "content.xml", "5001")],
    ]
    assert refusals(await _record(other, _xml(raw))) == [("CONFLICT", "payerAnsCode", "5027")]
    assert (await _batch(world, batch["id"]))["version"] == 2


async def test_an_answer_to_a_rejected_batch_changes_nothing(world: World) -> None:
    batch, _ = await sent(world)
    claim = await _number(world, batch)
    assert (await change(world, "rejectAppealBatch", batch["id"], reason="hash"))["errors"] == []
    content = _xml(document(world.payer, 1, [Answer(claim, "1801", "10.00", 1)]))
    payload = await _record(world, content)
    assert [each["errors"][0]["code"] for each in payload["results"]] == ["CONFLICT"]
    (second,) = (await create(world))["batches"]
    assert (second["number"], second["denialCount"]) == (2, 2)
