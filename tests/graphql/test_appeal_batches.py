"""Batches of appeals: which appeals go into them, the document, and what the payer says."""

import asyncio
from typing import Any

import pytest
import tiss

from app.domain.appeal_batches import code_block
from app.services import appeal_batches
from app.tiss import tree
from app.tiss.message import parse
from app.tiss.structure import validator
from app.tiss.tree import find_all, text
from tests.factories import BLOOD_COUNT, CONSULTATION, World, key, new_world, refusals, today
from tests.guides import DENTAL
from tests.tiss.appeal_answers import dental_document

BATCH = (
    "id number status contestedProtocol denialCount totalAmount protocolNumber protocolDate reason version "
    "history { nodes { action status version } } denials { nodes { id } totalCount }"
)
DOCUMENT = "query($id: ID!) { appealBatchDocument(id: $id) { number fileName xml hash } }"
JUSTIFICATION = "A cobrança é devida: procedimento autorizado, laudo e evolução anexos"
PROTOCOL = "record the payer's protocol, or that the payer rejected it"
GUIDES = ("prestadorParaOperadora", "recursoGlosa", "guiaRecursoGlosa", "opcaoRecurso", "recursoGuia")


async def sent_claim(world: World, protocol: str | None = "987654") -> str:
    """A claim in a batch (lote) that the payer has received under this protocol; in no batch without one."""
    claim = await world.submitted_claim(items=[CONSULTATION, BLOOD_COUNT])
    if protocol is not None:
        created = await world.mutate(
            "biller", "createBatch", "batch { id }", claimIds=[claim["id"]], idempotencyKey=key()
        )
        batch_id = created["batch"]["id"]
        assert (await world.mutate("biller", "sendBatch", "batch { id }", batchId=batch_id))["errors"] == []
        received = {"protocol": {"number": protocol, "date": today().isoformat()}}
        done = await world.mutate("biller", "recordProtocol", "batch { id }", batchId=batch_id, content=received)
        assert done["errors"] == []
    return str(claim["id"])


async def appealed(
    world: World, protocol: str | None = "987654", codes: tuple[str, str] = ("1801", "1705"), **values: Any
) -> tuple[str, list[str]]:
    """A claim with two denials, of 40.00 and 37.00, that are both appealed: its id and theirs."""
    claim_id = await sent_claim(world, protocol)
    reviewed = await world.mutate("reviewer", "startReview", "claim { id }", claimId=claim_id)
    assert reviewed["errors"] == []
    decisions = [
        {"sequence": 1, "approvedAmount": "60.00", "denials": [{"code": codes[0], "amount": "40.00"}]},
        {"sequence": 2, "approvedAmount": "0", "denials": [{"code": codes[1], "amount": "37.00"}]},
    ]
    assert (await world.adjudicate(claim_id, decisions))["errors"] == []
    return claim_id, await _appeal_all(world, claim_id, **values)


async def _appeal_all(world: World, claim_id: str, **values: Any) -> list[str]:
    """Appeal against all denials of the claim: their ids, in the order of its items."""
    query = "query($id: ID!) { claim(id: $id) { items { denials { id } } } }"
    items = (await world.call("biller", query, id=claim_id))["claim"]["items"]
    denials = [each["id"] for item in items for each in item["denials"]]
    for denial_id in denials:
        given = {"denialId": denial_id, "justification": JUSTIFICATION, "idempotencyKey": key(), **values}
        assert (await world.mutate("biller", "appealDenial", "denial { id }", **given))["errors"] == []
    return denials


async def create(world: World, **values: Any) -> Any:
    """The payload of createAppealBatches."""
    given = {"payerAnsCode": world.payer, "providerCnes": world.provider, "idempotencyKey": key(), **values}
    return await world.mutate("biller", "createAppealBatches", f"batches {{ {BATCH} }} hasMore", **given)


async def change(world: World, name: str, batch_id: str, **values: Any) -> Any:
    """The payload of a mutation on one batch of appeals."""
    return await world.mutate("biller", name, f"batch {{ {BATCH} }}", appealBatchId=batch_id, **values)


async def sent(world: World, **values: Any) -> tuple[Any, list[str]]:
    """A batch of the appeals against both denials of one claim, as the payer got it, and the denials."""
    _, denials = await appealed(world, **values)
    (batch,) = (await create(world))["batches"]
    done = await change(world, "sendAppealBatch", batch["id"])
    assert done["errors"] == []
    return done["batch"], denials


async def document(world: World, batch_id: str) -> Any:
    return (await world.call("biller", DOCUMENT, id=batch_id))["appealBatchDocument"]


async def test_a_batch_is_sent_as_a_valid_document_and_given_back_byte_for_byte(world: World) -> None:
    batch, denials = await sent(world)
    assert batch == {
        "id": batch["id"],
        "number": 1,
        "status": "SENT",
        "contestedProtocol": "987654",
        "denialCount": 2,
        "totalAmount": "77.00",
        "protocolNumber": None,
        "protocolDate": None,
        "reason": None,
        "version": 2,
        "history": [
            {"action": "CREATE", "status": "OPEN", "version": 1},
            {"action": "SEND", "status": "SENT", "version": 2},
        ],
        "denials": {"nodes": [{"id": each} for each in denials], "totalCount": 2},
    }
    found = await document(world, batch["id"])
    assert (found["number"], found["fileName"]) == ("1", f"recurso_{world.payer}_{world.provider}_000000000001.xml")
    raw = found["xml"].encode("iso-8859-1")
    read = parse(raw)
    assert validator("4.03.00").validate(read.root)
    assert (read.is_hash_right, read.hash, tiss.hash_epilogo(raw)) == (True, found["hash"], found["hash"])
    (guide,) = find_all(read.root, GUIDES)
    items = find_all(guide, ("opcaoRecursoGuia", "itensGuia"))
    names = ("sequencialItem", "codGlosaItem", "valorRecursado", "justificativaItem")
    assert [[text(item, (name,)) for name in names] for item in items] == [
        ["1", "1801", "40.00", JUSTIFICATION],
        ["2", "1705", "37.00", JUSTIFICATION],
    ]
    assert await document(world, batch["id"]) == found
    assert await world.events(batch["id"]) == ["AppealBatchCreated", "AppealBatchSent"]


@pytest.mark.parametrize("version", ["V4_02_00", "V4_03_00"])
async def test_the_document_has_the_version_and_the_code_of_the_contract(world: World, version: str) -> None:
    terms = {"submissionWindowDays": 180, "appealDeadlineDays": 30, "paymentTermDays": 30}
    values = {"providerCnes": world.provider, "payerAnsCode": world.payer, **terms}
    saved = await world.mutate(
        "admin", "saveContract", "contract { id }", **values, tissVersion=version, providerCode="PREST-7"
    )
    assert saved["errors"] == []
    batch, _ = await sent(world)
    read = parse((await document(world, batch["id"]))["xml"].encode("iso-8859-1"))
    number = version[1:].replace("_", ".")
    assert (read.version, validator(number).validate(read.root), read.is_hash_right) == (number, True, True)
    assert text(read.root, (*GUIDES[:3], "dadosContratado", "codigoPrestadorNaOperadora")) == "PREST-7"


async def test_one_batch_for_each_protocol_and_an_appeal_in_one_only(world: World) -> None:
    first, second, lost = [await appealed(world, each) for each in ("111", "222", None)]
    created = (await create(world))["batches"]
    assert [(each["number"], each["contestedProtocol"], each["denialCount"]) for each in created] == [
        (1, "111", 2),
        (2, "222", 2),
    ]
    assert (await create(world))["batches"] == []
    again = await create(world, denialIds=[first[1][0], lost[1][0]])
    assert refusals(again) == [("CONFLICT", "denialIds.0", None)]
    assert "batch of appeals 1, which is open" in again["errors"][0]["message"]
    unknown = await create(world, denialIds=lost[1])
    assert refusals(unknown) == [("CONFLICT", "denialIds.0", None), ("CONFLICT", "denialIds.1", None)]
    named = (await create(world, denialIds=lost[1], contestedProtocol="333"))["batches"]
    assert [(each["number"], each["contestedProtocol"]) for each in named] == [(3, "333")]
    assert [each["id"] for each in created[1]["denials"]["nodes"]] == second[1]


async def test_appeals_without_a_protocol_hide_no_others(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(appeal_batches, "DENIALS_MAX", 2)
    await appealed(world, None)
    for protocol in ("111", "222"):
        await appealed(world, protocol)
    found = [await create(world) for _ in range(3)]
    assert [[(each["contestedProtocol"], each["denialCount"]) for each in one["batches"]] for one in found] == [
        [("111", 2)],
        [("222", 2)],
        [],
    ]
    assert [one["hasMore"] for one in found] == [True, False, False]


async def test_a_code_that_no_document_can_have_holds_up_no_other_appeal(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """5063 is in the standard's table 38, but not in its schemas; 3169 is in the newer of them."""
    assert [code_block("3169", version) is None for version in ("4.02.00", "4.03.00")] == [False, True]
    _, (strange, other) = await appealed(world, codes=("5063", "1705"))
    refused = await create(world, denialIds=[other, strange])
    assert refusals(refused) == [("CONFLICT", "denialIds.1", None)]
    assert "does not have the code of this denial" in refused["errors"][0]["message"]
    monkeypatch.setattr(appeal_batches, "code_block", lambda *_: None)
    (early,) = (await create(world, denialIds=[strange]))["batches"]
    monkeypatch.undo()
    # As an earlier release created it.
    assert refusals(await change(world, "sendAppealBatch", early["id"])) == [("CONFLICT", "appealBatchId", None)]
    assert (await change(world, "cancelAppealBatch", early["id"]))["errors"] == []
    (batch,) = (created := await create(world))["batches"]
    assert ([each["id"] for each in batch["denials"]["nodes"]], created["hasMore"]) == ([other], False)
    assert (await change(world, "sendAppealBatch", batch["id"]))["batch"]["status"] == "SENT"


async def test_the_actions_of_a_batch_of_appeals_are_those_of_its_status(world: World) -> None:
    batch, _ = await sent(world)
    query = "query($id: ID!) { appealBatch(id: $id) { availableActions { action blockedBy { code message } } } }"
    found = (await world.call("biller", query, id=batch["id"]))["appealBatch"]["availableActions"]
    assert {each["action"]: each["blockedBy"] for each in found} == {
        "SEND": {"code": "STATE", "message": f"cannot send a batch of appeals that is SENT; {PROTOCOL}"},
        "CANCEL": {"code": "STATE", "message": f"cannot cancel a batch of appeals that is SENT; {PROTOCOL}"},
        "RECORD_PROTOCOL": None,
        "REJECT": None,
    }
    seen = (await world.call("billing_reader", query, id=batch["id"]))["appealBatch"]["availableActions"]
    needed = {"code": "PERMISSION", "message": "this needs the permission denials:appeal"}
    assert [each["blockedBy"] for each in seen] == [needed] * 4


async def test_appeals_of_dental_claims_have_their_own_document(world: World) -> None:
    """A dental and a medical claim of one protocol: two batches, each with the document of its form."""
    service = {**CONSULTATION, "details": {"isAuthorized": True, "tooth": "11", "toothFaces": "O"}}
    dental = await world.submitted_claim(**{**DENTAL, "items": [service, service]})
    await world.mutate("reviewer", "startReview", "claim { id }", claimId=dental["id"])
    decisions = [
        {"sequence": 1, "approvedAmount": "60.00", "denials": [{"code": "1801", "amount": "40.00"}]},
        {"sequence": 2, "approvedAmount": "60.00", "denials": [{"code": "1705", "amount": "40.00"}]},
    ]
    assert (await world.adjudicate(dental["id"], decisions))["errors"] == []
    denials = await _appeal_all(world, dental["id"])
    _, others = await appealed(world, None)
    made = (await create(world, denialIds=[*denials, *others], contestedProtocol="77"))["batches"]
    assert [[each["id"] for each in batch["denials"]["nodes"]] for batch in made] == [denials, others]
    roots = []
    for batch in made:
        assert (await change(world, "sendAppealBatch", batch["id"]))["errors"] == []
        read = parse((await document(world, batch["id"]))["xml"].encode("iso-8859-1"))
        assert (read.is_hash_right, validator("4.03.00").validate(read.root)) == (True, True)
        roots.append(read.root)
    assert len(find_all(roots[1], GUIDES)) == 1
    guides = find_all(roots[0], (*GUIDES[:2], "guiaRecursoGlosaOdonto", *GUIDES[3:]))
    assert [[(tree.name_of(each), each.text) for each in guide.iter() if len(each) == 0] for guide in guides] == [
        _dental_guide(dental["providerClaimNumber"], sequence, code) for sequence, code in ((1, "1801"), (2, "1705"))
    ]
    answer = dental_document(world.payer, 1, dental["providerClaimNumber"], [(1, "1801", "40.00"), (2, "1705", "1.00")])
    given = {"payerAnsCode": world.payer, "providerCnes": world.provider, "idempotencyKey": key()}
    fields = "appliedCount results { object { id wonAmount } errors { code } }"
    content = {"xml": answer.decode("iso-8859-1")}
    payload = await world.mutate("biller", "recordAppealAnswers", fields, content=content, **given)
    assert (payload["appliedCount"], [each["object"] for each in payload["results"]]) == (
        2,
        [{"id": denials[0], "wonAmount": "40.00"}, {"id": denials[1], "wonAmount": "1.00"}],
    )


def _dental_guide(claim: str, sequence: int, code: str) -> list[tuple[str, str]]:
    return [
        ("numeroGuiaPrestador", claim),
        ("codGlosaGuia", code),
        ("justificativaGuia", JUSTIFICATION),
        ("sequencialItem", str(sequence)),
        ("dataRealizacao", today().isoformat()),
        ("codDente", "11"),
        ("denteFace", "O"),
        ("quantidade", "1"),
        ("codigoTabela", "22"),
        ("codigoProcedimento", "10101012"),
        ("descricaoProcedimento", "Consulta em consultório (no horário normal ou preestabelecido)"),
        ("codGlosaProc", code),
        ("justificativaProc", JUSTIFICATION),
        ("valorRecursado", "40.00"),
    ]


async def test_a_cancelled_or_rejected_batch_frees_its_appeals(world: World) -> None:
    _, denials = await appealed(world)
    (batch,) = (await create(world))["batches"]
    withdraw = {"denialId": denials[0], "idempotencyKey": key()}
    refused = await world.mutate("biller", "withdrawAppeal", "denial { status }", **withdraw)
    assert refusals(refused) == [("CONFLICT", "denialId", None)]
    cancelled = (await change(world, "cancelAppealBatch", batch["id"], reason="errado"))["batch"]
    assert (cancelled["status"], cancelled["reason"]) == ("CANCELLED", "errado")
    (second,) = (await create(world))["batches"]
    assert (await change(world, "sendAppealBatch", second["id"]))["batch"]["status"] == "SENT"
    late = await change(world, "cancelAppealBatch", second["id"])
    assert refusals(late) == [("CONFLICT", "appealBatchId", None)]
    rejected = (await change(world, "rejectAppealBatch", second["id"], reason="hash"))["batch"]
    assert [each["action"] for each in rejected["history"]] == ["CREATE", "SEND", "REJECT"]
    (third,) = (await create(world))["batches"]
    assert (third["number"], third["denialCount"]) == (3, 2)


async def test_the_last_answer_ends_the_batch(world: World) -> None:
    batch, (first, second) = await sent(world)
    received = await change(
        world, "recordAppealProtocol", batch["id"], protocolNumber="555", date=today().isoformat(), version=2
    )
    assert (received["batch"]["status"], received["batch"]["protocolNumber"]) == ("RECEIVED", "555")
    await world.answer_appeals("id", (first, "40.00"))
    query = f"query($id: ID!) {{ appealBatch(id: $id) {{ {BATCH} }} }}"
    assert (await world.call("biller", query, id=batch["id"]))["appealBatch"]["status"] == "RECEIVED"
    await world.answer_appeals("id", (second, "0"))
    done = (await world.call("biller", query, id=batch["id"]))["appealBatch"]
    assert (done["status"], done["version"], done["denialCount"]) == ("ANSWERED", 4, 2)
    assert await world.events(batch["id"]) == [
        *("AppealBatchCreated", "AppealBatchSent", "AppealBatchReceived", "AppealBatchAnswered")
    ]


async def test_of_concurrent_callers_one_gets_the_appeals(world: World) -> None:
    await appealed(world)
    payloads = await asyncio.gather(*[create(world) for _ in range(4)])
    created = [each for payload in payloads for each in payload["batches"] or []]
    assert [(each["number"], each["denialCount"]) for each in created] == [(1, 2)]


async def test_a_character_outside_of_the_encoding_is_refused(world: World) -> None:
    await appealed(world, justification="cobrança devida ✓")
    (batch,) = (await create(world))["batches"]
    refused = await change(world, "sendAppealBatch", batch["id"])
    assert refusals(refused) == [("INVALID_INPUT", "appealBatchId", None)]
    assert "ISO-8859-1" in refused["errors"][0]["message"]
    query = "query($id: ID!) { appealBatch(id: $id) { status version } }"
    assert (await world.call("biller", query, id=batch["id"]))["appealBatch"] == {"status": "OPEN", "version": 1}
    assert await document(world, batch["id"]) is None


async def test_another_provider_sees_nothing_of_it(world: World) -> None:
    other = await new_world(world.gateway)
    batch, denials = await sent(world)
    fields = "appealBatch(id: $id) { id } appealBatchDocument(id: $id) { number } node(id: $id) { id }"
    found = await other.call("biller", f"query($id: ID!) {{ {fields} }}", id=batch["id"])
    assert found == {"appealBatch": None, "appealBatchDocument": None, "node": None}
    assert refusals(await change(other, "sendAppealBatch", batch["id"])) == [("NOT_FOUND", "appealBatchId", None)]
    given = {"denialIds": denials, "contestedProtocol": "1"}
    assert refusals(await create(other, **given)) == [
        ("NOT_FOUND", "denialIds.0", None),
        ("NOT_FOUND", "denialIds.1", None),
    ]
