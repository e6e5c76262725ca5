"""Guides of all five types become claims, and their batch gives back the document that came."""

from datetime import UTC, datetime
from typing import Any

import pytest
from lxml import etree

from app.services.batch_import import GuideOutcome
from app.tiss import message, tree
from app.tiss.guides import GUIDES
from tests.factories import World, key, today
from tests.lotes import Report, imported
from tests.tiss.generated import PAYER, PROVIDER, Documents

NOW = datetime(2026, 10, 2, 12, tzinfo=UTC)
DETAILS = """query($id: ID!) { claim(id: $id) { type status payerClaimNumber claimedAmount
  items { sequence documentSequence
    details { unit expenseKind startsAt team { role cpf practitioner { name council } } } } } }"""


async def _take(world: World, document: bytes) -> Report:
    now = datetime.now(UTC)
    return await imported(world.gateway, document, lambda: max(NOW, now))


def _readdressed(world: World, document: bytes) -> bytes:
    """The document for the world's own parties, of today, with the right hash."""
    root = message.parse(document).root
    for node in root.iter(etree.Element):
        if node.text == PAYER and tree.name_of(node) == "registroANS":
            node.text = world.payer
        elif node.text == PROVIDER:
            node.text = world.provider
        elif tree.name_of(node) in ("dataExecucao", "dataAtendimento", "dataRealizacao"):
            node.text = today().isoformat()
        elif tree.name_of(node) in ("dataValidadeSenha", "validadeSenha"):
            node.text = "2099-12-31"
    tree.find(root, ("epilogo", "hash")).text = message.hash_of(root)
    found: bytes = etree.tostring(root, encoding="ISO-8859-1", xml_declaration=True)
    return found


def leaves(document: bytes) -> list[Any]:
    root = message.parse(document).root
    return [list(tree.leaves(guide)) for guide in tree.find(root, ("prestadorParaOperadora", "loteGuias", "guiasTISS"))]


@pytest.mark.parametrize("element", list(GUIDES))
async def test_a_batch_of_imported_claims_is_the_document_that_came(world: World, element: str) -> None:
    document = _readdressed(world, Documents(7).batch(element, 2, world.card))
    report = await _take(world, document)
    assert [(each.outcome, each.failures) for each in report.results] == [(GuideOutcome.IMPORTED, ())] * 2
    ids = [each.claim_id for each in report.results]
    payload = await world.mutate("biller", "exportBatch", "batch { xml }", claimIds=ids)
    assert payload["errors"] == []
    written = payload["batch"]["xml"].encode("iso-8859-1")
    assert leaves(written) == leaves(document)
    assert message.parse(written).is_hash_right
    again = await _take(world, written)
    assert [(each.outcome, each.claim_id) for each in again.results] == [(GuideOutcome.UNCHANGED, one) for one in ids]


async def test_what_a_guide_says_is_in_the_fields_of_the_claim(world: World) -> None:
    batches = (Documents(seed).batch("guiaHonorarios", 1, world.card) for seed in range(30))
    document = next(each for each in batches if each.count(b"<ans:cpfContratado>") == 1 and b"horaInicial" in each)
    document = _readdressed(world, document)
    (guide,) = leaves(document)
    (result,) = (await _take(world, document)).results
    claim = (await world.call("reviewer", DETAILS, id=result.claim_id))["claim"]
    texts = dict(reversed(guide))
    assert (claim["type"], claim["status"], claim["claimedAmount"]) == (
        "INDIVIDUAL_FEES",
        "SUBMITTED",
        texts["valorTotalHonorarios"],
    )
    assert claim["payerClaimNumber"] == texts.get("numeroGuiaOperadora")
    sequences = sorted(int(text) for path, text in guide if path.endswith("sequencialItem"))
    numbers = [
        item["sequence"] if item["documentSequence"] is None else item["documentSequence"] for item in claim["items"]
    ]
    assert sorted(numbers) == sequences
    members = [member for item in claim["items"] for member in item["details"]["team"]]
    assert [member["cpf"] for member in members if member["cpf"]] == ["52998224725"]
    names = {text for path, text in guide if path.endswith("profissionais/nomeProfissional")}
    assert {member["practitioner"]["name"] for member in members} == names


async def test_a_replacement_of_an_imported_claim_keeps_what_its_guide_says(world: World) -> None:
    document = _readdressed(world, Documents(11).batch("guiaSP-SADT", 1, world.card))
    (result,) = (await _take(world, document)).results
    await world.mutate("reviewer", "startReview", "claim { id }", id=result.claim_id)
    claim = await world.claim(str(result.claim_id))
    decisions = [{"sequence": item["sequence"], "approvedAmount": item["totalAmount"]} for item in claim["items"]]
    assert (await world.adjudicate(str(result.claim_id), decisions, payerClaimNumber="OP1"))["errors"] == []
    changes = {"providerClaimNumber": "R1", "submit": True, "idempotencyKey": key()}
    made = await world.mutate("biller", "replaceClaim", "claim { id }", id=result.claim_id, **changes)
    assert made["errors"] == []
    payload = await world.mutate("biller", "exportBatch", "batch { xml }", claimIds=[made["claim"]["id"]])
    assert payload["errors"] == []
    (before,), (after,) = leaves(document), leaves(payload["batch"]["xml"].encode("iso-8859-1"))
    changed = {path for path, _ in {*before} ^ {*after}}
    assert changed <= {"cabecalhoGuia/numeroGuiaPrestador", "dadosAutorizacao/numeroGuiaOperadora"}
    assert "cabecalhoGuia/numeroGuiaPrestador" in changed
