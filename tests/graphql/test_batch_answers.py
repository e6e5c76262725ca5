"""The payer's answers to a sent batch, typed or as a TISS document, and claims that go back to their provider."""

import re
from pathlib import Path
from typing import Any

import pytest
import tiss
from lxml import etree
from tiss import sandbox

from tests.factories import World, key, new_world, refusals, today
from tests.gateway import Gateway
from tests.graphql.test_claim_batches import batch_of, change, create, open_batch, sent_batch, sent_claim, status
from tests.graphql.test_imports import upload

BATCH = "batch { id number status guideCount totalAmount protocolNumber protocolDate reason version }"
DAY = today().isoformat()
NO_HASH = "0" * 32
SCHEMA = etree.XMLSchema(file=Path(tiss.__file__).parent / "_data/schemas/4.03.00/tissV4_03_00.xsd")


async def record(world: World, batch_id: str, *refused: tuple[str, str], **values: Any) -> Any:
    """The payload of recordProtocol for a typed protocol that refuses these claims."""
    claims = [{"claimId": claim_id, "code": code} for claim_id, code in refused]
    protocol = {"number": "PR-77", "date": DAY, "refusedClaims": claims}
    return await world.mutate(
        "biller", "recordProtocol", BATCH, batchId=batch_id, content={"protocol": protocol}, **values
    )


async def receive(world: World, batch_id: str, xml: str) -> Any:
    """The payload of recordProtocol for a document."""
    return await world.mutate("biller", "recordProtocol", BATCH, batchId=batch_id, content={"xml": xml})


def protocol_xml(world: World, number: int, *guides: tuple[str, str | None], payer: str | None = None) -> str:
    """The payer's document about a batch with these guides, each with the code for which it is refused."""
    told = "".join(
        f"<ans:dadosGuias><ans:numeroGuiaPrestador>{guide}</ans:numeroGuiaPrestador>"
        f"<ans:dadosBeneficiario><ans:numeroCarteira>{world.card}</ans:numeroCarteira>"
        "<ans:atendimentoRN>N</ans:atendimentoRN></ans:dadosBeneficiario>"
        + (
            f"<ans:glosaGuia><ans:motivoGlosa><ans:codigoGlosa>{code}</ans:codigoGlosa></ans:motivoGlosa></ans:glosaGuia>"
            if code
            else ""
        )
        + "</ans:dadosGuias>"
        for guide, code in guides
    )
    reception = (
        f"<ans:protocoloRecebimento><ans:registroANS>{payer or world.payer}</ans:registroANS><ans:dadosPrestador>"
        f"<ans:codigoPrestadorNaOperadora>{world.provider}</ans:codigoPrestadorNaOperadora></ans:dadosPrestador>"
        f"<ans:numeroLote>{number}</ans:numeroLote><ans:dataEnvioLote>{DAY}</ans:dataEnvioLote><ans:detalheProtocolo>"
        "<ans:numeroProtocolo>REC000000001</ans:numeroProtocolo><ans:valorTotalProtocolo>200.00</ans:valorTotalProtocolo>"
        f"<ans:dadosGuiasProtocolo>{told}</ans:dadosGuiasProtocolo></ans:detalheProtocolo></ans:protocoloRecebimento>"
    )
    return message_xml(payer or world.payer, world.provider, reception)


def message_xml(payer: str, provider: str, reception: str, encoding: str = "UTF-8") -> str:
    """A message of the payer with this reception and the right hash."""
    xml = (
        f'<?xml version="1.0" encoding="{encoding}"?>'
        '<ans:mensagemTISS xmlns:ans="http://www.ans.gov.br/padroes/tiss/schemas"><ans:cabecalho>'
        "<ans:identificacaoTransacao><ans:tipoTransacao>PROTOCOLO_RECEBIMENTO</ans:tipoTransacao>"
        f"<ans:sequencialTransacao>1</ans:sequencialTransacao><ans:dataRegistroTransacao>{DAY}</ans:dataRegistroTransacao>"
        "<ans:horaRegistroTransacao>10:20:30</ans:horaRegistroTransacao></ans:identificacaoTransacao>"
        f"<ans:origem><ans:registroANS>{payer}</ans:registroANS></ans:origem><ans:destino><ans:identificacaoPrestador>"
        f"<ans:codigoPrestadorNaOperadora>{provider}</ans:codigoPrestadorNaOperadora></ans:identificacaoPrestador>"
        "</ans:destino><ans:Padrao>4.03.00</ans:Padrao></ans:cabecalho><ans:operadoraParaPrestador>"
        f"<ans:recebimentoLote>{reception}</ans:recebimentoLote></ans:operadoraParaPrestador>"
        f"<ans:epilogo><ans:hash>{NO_HASH}</ans:hash></ans:epilogo></ans:mensagemTISS>"
    )
    return xml.replace(NO_HASH, tiss.hash_epilogo(xml.encode(encoding)))


async def last_step(world: World, claim_id: str) -> dict[str, Any]:
    """The last step of the claim's history."""
    steps = "history(first: 100) { nodes { ... on ClaimStep { action reason status } } }"
    found = await world.call("reviewer", f"query($id: ID!) {{ claim(id: $id) {{ {steps} }} }}", id=claim_id)
    step: dict[str, Any] = found["claim"]["history"]["nodes"][-1]
    return step


async def number_of(world: World, claim_id: str) -> str:
    """The provider's number of a claim."""
    return str((await world.claim(claim_id))["providerClaimNumber"])


async def test_a_refused_claim_leaves_the_batch_and_is_a_draft_again(world: World) -> None:
    kept, refused = await sent_claim(world), await sent_claim(world)
    batch_id = await sent_batch(world, kept, refused)
    batch = (await record(world, batch_id, (refused, "1705")))["batch"]
    assert batch == {
        "id": batch_id,
        "number": 1,
        "status": "RECEIVED",
        "guideCount": 1,
        "totalAmount": "100.00",
        "protocolNumber": "PR-77",
        "protocolDate": DAY,
        "reason": None,
        "version": 4,
    }
    claim = await world.claim(refused)
    assert (claim["status"], claim["submittedAt"], await batch_of(world, refused)) == ("DRAFT", None, None)
    step = await last_step(world, refused)
    assert (step["action"], step["status"], step["reason"][:5]) == ("RETURN", "DRAFT", "1705 ")
    assert await world.events(refused) == ["ClaimCreated", "ClaimSubmitted", "ClaimReturned"]
    assert await world.events(batch_id) == ["BatchCreated", "BatchSent", "BatchReceived", "BatchClaimRemoved"]
    shown = "claims { totalCount nodes { id } } history { nodes { claim { id } } }"
    listed = await world.call("biller", f"query($id: ID!) {{ batch(id: $id) {{ {shown} }} }}", id=batch_id)
    assert listed["batch"]["claims"] == {"totalCount": 1, "nodes": [{"id": kept}]}
    assert listed["batch"]["history"]["nodes"][-1]["claim"] == {"id": refused}
    again = await world.mutate("biller", "submitClaims", "results { object { status } }", claimIds=[refused])
    assert again["results"] == [{"object": {"status": "SUBMITTED"}}]
    assert (await create(world, [refused]))["batch"]["number"] == 2


async def test_a_protocol_is_recorded_once_for_a_sent_batch(world: World) -> None:
    claim_id = await sent_claim(world)
    batch_id = await open_batch(world, claim_id)
    assert refusals(await record(world, batch_id)) == [("CONFLICT", "batchId", None)]
    await change(world, "sendBatch", batch_id)
    assert refusals(await record(world, batch_id, (claim_id, "1705"))) == [
        ("CONFLICT", "content.protocol.refusedClaims", None)
    ]
    assert refusals(await record(world, batch_id, ("clm_" + "0" * 26, "1705"))) == [
        ("NOT_FOUND", "content.protocol.refusedClaims.0.claimId", None)
    ]
    assert refusals(await record(world, batch_id, (claim_id, "0000"))) == [
        ("UNKNOWN_CODE", "content.protocol.refusedClaims.0.code", None)
    ]
    used = key()
    first = await record(world, batch_id, idempotencyKey=used)
    second = await record(world, batch_id, idempotencyKey=used)
    assert (first["replayed"], second["replayed"], second["batch"]) == (False, True, first["batch"])
    assert refusals(await record(world, batch_id)) == [("CONFLICT", "batchId", None)]


async def test_a_rejected_batch_leaves_its_claims_to_another_one(world: World) -> None:
    claim_id = await sent_claim(world)
    batch_id = await sent_batch(world, claim_id)
    rejected = (await change(world, "rejectBatch", batch_id, reason="lote em duplicidade"))["batch"]
    assert (rejected["status"], rejected["reason"], rejected["guideCount"]) == ("REJECTED", "lote em duplicidade", 1)
    assert ((await world.claim(claim_id))["status"], await batch_of(world, claim_id)) == ("SUBMITTED", None)
    assert (await create(world, [claim_id]))["batch"]["number"] == 2


async def test_a_submitted_claim_is_withdrawn_corrected_and_submitted_again(world: World) -> None:
    claim_id = await sent_claim(world)
    done = await world.mutate(
        "biller", "withdrawClaim", "claim { status submittedAt }", claimId=claim_id, reason="valor errado"
    )
    assert done["claim"] == {"status": "DRAFT", "submittedAt": None}
    assert await last_step(world, claim_id) == {"action": "WITHDRAW", "status": "DRAFT", "reason": "valor errado"}
    assert await world.events(claim_id) == ["ClaimCreated", "ClaimSubmitted", "ClaimWithdrawn"]
    changed = await world.mutate("biller", "updateDraftClaim", "claim { id }", id=claim_id, clinicalIndication="dor")
    assert changed["errors"] == []
    await world.mutate("biller", "submitClaims", "results { object { status } }", claimIds=[claim_id])
    assert (await world.claim(claim_id))["status"] == "SUBMITTED"


@pytest.mark.parametrize("is_sent", [False, True])
async def test_a_claim_in_an_active_batch_is_not_withdrawn(world: World, is_sent: bool) -> None:
    claim_id = await sent_claim(world)
    batch_id = await (sent_batch if is_sent else open_batch)(world, claim_id)
    refused = await world.mutate("biller", "withdrawClaim", "claim { id }", claimId=claim_id)
    after = "SENT: record the payer's answer to that batch first"
    expected = after if is_sent else "open: remove it from that batch first"
    assert [error["message"] for error in refused["errors"]] == [f"the claim is in batch 1, which is {expected}"]
    assert ((await world.claim(claim_id))["status"], await batch_of(world, claim_id)) == ("SUBMITTED", batch_id)


async def test_only_submitted_claims_are_withdrawn(world: World) -> None:
    draft = (await world.create_claim())["claim"]["id"]
    reviewed = (await world.claim_in_review())["id"]
    for claim_id in (draft, reviewed):
        refused = await world.mutate("biller", "withdrawClaim", "claim { id }", claimId=claim_id)
        assert refusals(refused) == [("CONFLICT", "claimId", None)]


async def test_a_draft_that_was_in_a_sent_batch_is_not_deleted(world: World) -> None:
    kept, refused = await sent_claim(world), await sent_claim(world)
    await record(world, await sent_batch(world, kept, refused), (refused, "1705"))
    deleted = await world.mutate("biller", "deleteDraftClaim", "deletedClaimId", claimId=refused)
    assert [error["message"] for error in deleted["errors"]] == ["the claim was in a batch: cancel it instead"]


async def test_a_document_records_the_reception_and_its_refused_guides(world: World) -> None:
    kept, refused = await sent_claim(world), await sent_claim(world)
    batch_id = await sent_batch(world, kept, refused)
    guides = [(await number_of(world, kept), None), (await number_of(world, refused), "1705")]
    xml = protocol_xml(world, 1, *guides)
    SCHEMA.assertValid(etree.fromstring(xml.encode()))
    batch = (await receive(world, batch_id, xml))["batch"]
    assert (batch["status"], batch["protocolNumber"], batch["protocolDate"], batch["guideCount"]) == (
        "RECEIVED",
        "REC000000001",
        DAY,
        1,
    )
    assert (await world.claim(refused))["status"] == "DRAFT"
    assert (await last_step(world, refused))["action"] == "RETURN"


async def test_an_uploaded_reception_may_be_as_long_as_its_guides(server_world: World) -> None:
    """With all the services of its guides it is more than a call may send."""
    world = server_world
    kept, refused = await sent_claim(world), await sent_claim(world)
    batch_id, number = await sent_batch(world, kept, refused), await number_of(world, refused)
    guides = protocol_xml(world, 1, (number, "1705"))
    xml = guides.replace("</ans:dadosGuias>", f"{'<ans:x/>' * 20_000}</ans:dadosGuias>")
    assert len(xml) > 131_072
    content = {"documentId": await upload(world.gateway, xml.encode(), world.token("biller"))}
    done = await world.mutate("biller", "recordProtocol", BATCH, batchId=batch_id, content=content)
    assert (done["batch"]["status"], done["batch"]["guideCount"]) == ("RECEIVED", 1)
    other = {"documentId": await upload(world.gateway, b"<a/>", world.token("biller"))}
    wrong = await world.mutate("biller", "recordProtocol", BATCH, batchId=batch_id, content=other)
    assert refusals(wrong) == [("INVALID_INPUT", "content.documentId", "5001")]


async def test_a_payers_own_reason_and_a_guide_that_comes_twice_refuse_no_protocol(world: World) -> None:
    kept, refused = await sent_claim(world), await sent_claim(world)
    batch_id, number = await sent_batch(world, kept, refused), await number_of(world, refused)
    payload = await receive(world, batch_id, protocol_xml(world, 1, (number, "17 05")))
    message = f"guide {number} is refused with a code that is none: ask the payer for it"
    assert [(each["code"], each["message"]) for each in payload["errors"]] == [("UNKNOWN_CODE", message)]
    twice = protocol_xml(world, 1, (number, "9X9"), (number, "1705")).replace(f"{DAY}<", f"{DAY}-03:00<")
    hashed = re.sub("<ans:hash>.{32}", f"<ans:hash>{tiss.hash_epilogo(twice.encode())}", twice)
    batch = (await receive(world, batch_id, hashed))["batch"]
    assert (batch["status"], batch["guideCount"], batch["protocolDate"]) == ("RECEIVED", 1, DAY)
    assert (await last_step(world, refused))["reason"] == "9X9"


@pytest.mark.parametrize("encoding", ["UTF-8", "ISO-8859-1"])
async def test_a_document_is_read_in_the_encoding_that_it_declares(world: World, encoding: str) -> None:
    batch_id = await sent_batch(world, await sent_claim(world))
    reason = "<ans:codigoGlosa>5014</ans:codigoGlosa><ans:descricaoGlosa>Não é válido</ans:descricaoGlosa>"
    text = f"<ans:mensagemErro>{reason}</ans:mensagemErro>"
    batch = (await receive(world, batch_id, message_xml(world.payer, world.provider, text, encoding)))["batch"]
    assert batch["status"] == "REJECTED"


async def test_a_document_that_refuses_everything_rejects_the_batch(world: World) -> None:
    first, second = await sent_claim(world), await sent_claim(world)
    of_all, by_error = await sent_batch(world, first), await sent_batch(world, second)
    guides = [(await number_of(world, first), "1705")]
    batch = (await receive(world, of_all, protocol_xml(world, 1, *guides)))["batch"]
    assert (batch["status"], batch["reason"][:5], batch["protocolNumber"]) == ("REJECTED", "1705 ", None)
    error = "<ans:mensagemErro><ans:codigoGlosa>5014</ans:codigoGlosa></ans:mensagemErro>"
    batch = (await receive(world, by_error, message_xml(world.payer, world.provider, error)))["batch"]
    assert (batch["status"], batch["reason"][:5]) == ("REJECTED", "5014 ")
    assert [(await world.claim(each))["status"] for each in (first, second)] == ["SUBMITTED"] * 2


async def test_a_document_about_something_else_is_refused_with_what_to_do(gateway: Gateway, world: World) -> None:
    other = await new_world(gateway)
    claim_id = await sent_claim(world)
    batch_id = await sent_batch(world, claim_id)
    guide = (await number_of(world, claim_id), None)
    good = protocol_xml(world, 1, guide)
    documents = {
        protocol_xml(world, 1, guide, payer=other.payer): (
            ("CONFLICT", "5027"),
            "the document is from another payer: choose a batch to that payer",
        ),
        protocol_xml(world, 2, guide): (
            ("CONFLICT", None),
            "the document is about another batch than 1: choose the batch with its numeroLote",
        ),
        re.sub("<ans:hash>.{32}", f"<ans:hash>{NO_HASH}", good): (
            ("INVALID_INPUT", "5014"),
            "the hash is wrong: the document was changed, ask the payer to send it again",
        ),
        "<a>": (
            ("INVALID_INPUT", "5001"),
            "the document is not well-formed XML (line 1): send it as its program wrote it",
        ),
        "<a/>": (("INVALID_INPUT", "5001"), "the document has no mensagemTISS: send a TISS message"),
        "<mensagemTISS/>": (
            ("INVALID_INPUT", "5001"),
            "the document has no recebimentoLote: send the payer's answer to a batch",
        ),
        protocol_xml(world, 1, ("UNKNOWN", "1705"), guide): (
            ("NOT_FOUND", None),
            "guide UNKNOWN is not in this batch: choose the batch that it was sent in",
        ),
    }
    for xml, ((code, tiss_code), message) in documents.items():
        payload = await receive(world, batch_id, xml)
        assert refusals(payload) == [(code, "content.xml", tiss_code)], payload
        assert [error["message"] for error in payload["errors"]] == [message]
    assert await status(world, batch_id) == "SENT"
    assert (await receive(world, batch_id, good))["batch"]["status"] == "RECEIVED"


async def test_a_batch_that_the_sandbox_accepts_is_received(world: World) -> None:
    batch_id = await sent_batch(world, await sent_claim(world))
    query = "query($id: ID!) { batchDocument(id: $id) { xml } }"
    xml = (await world.call("biller", query, id=batch_id))["batchDocument"]["xml"].encode("iso-8859-1")
    receipt = sandbox.enviar_lote(xml, cenario="aprovado")
    protocol = {"number": receipt["numero_protocolo"], "date": DAY}
    done = await world.mutate("biller", "recordProtocol", BATCH, batchId=batch_id, content={"protocol": protocol})
    assert (done["errors"], done["batch"]["protocolNumber"]) == ([], receipt["numero_protocolo"])


@pytest.mark.parametrize("is_sent", [False, True])
async def test_the_number_of_a_cancelled_claim_is_free_unless_the_payer_had_it(world: World, is_sent: bool) -> None:
    number = f"N{key()[:12]}"
    first = await sent_claim(world, providerClaimNumber=number)
    batch_id = await sent_batch(world, first) if is_sent else await open_batch(world, first)
    if not is_sent:
        await change(world, "cancelBatch", batch_id)
    assert (await world.mutate("biller", "cancelClaim", "claim { id }", id=first))["errors"] == []
    second = await world.create_claim(providerClaimNumber=number)
    expected = [("DUPLICATE_CLAIM", "claim.providerClaimNumber", "1308")] if is_sent else []
    assert refusals(second) == expected
    third = await world.create_claim(providerClaimNumber=number)
    assert refusals(third) == [("DUPLICATE_CLAIM", "claim.providerClaimNumber", "1308")]


async def test_a_statement_about_a_number_that_was_free_is_matched_to_the_claim_that_has_it(world: World) -> None:
    number = f"N{key()[:12]}"
    first = await sent_claim(world, providerClaimNumber=number)
    await world.mutate("biller", "cancelClaim", "claim { id }", id=first)
    second = await sent_claim(world, providerClaimNumber=number)
    values = {"payer": world.payer, "provider": world.provider, "statementNumber": key()[:20], "idempotencyKey": key()}
    lines = [{"providerClaimNumber": number, "paidAmount": "100.00"}]
    fields = "remittance { lines { nodes { status claim { id } } } }"
    imported = await world.mutate("finance", "importRemittance", fields, lines=lines, **values)
    assert imported["remittance"]["lines"] == [{"status": "MATCHED", "claim": {"id": second}}]


async def test_a_claim_that_the_payer_reviewed_keeps_its_number(world: World) -> None:
    claim = await world.claim_in_review()
    assert (await world.mutate("biller", "cancelClaim", "claim { id }", id=claim["id"]))["errors"] == []
    again = await world.create_claim(providerClaimNumber=claim["providerClaimNumber"])
    assert [error["code"] for error in again["errors"]] == ["DUPLICATE_CLAIM"]
