"""Guides of a TISS version whose schema is not here are read by the elements that are there, and leave in the version
that the contract names."""

from app.services.batch_import import GuideOutcome
from app.tiss import message, tree
from tests.example_lotes import hashed, lote
from tests.factories import World
from tests.lotes import take

DOCTOR = {"name": "PROFISSIONAL EXEMPLO", "council": "01", "number": "12345", "state": "35", "cbo": "201115"}
ENCOUNTER = {
    "priority": "1",
    "type": "23",
    "accident": "0",
    "setting": "01",
    "requester": DOCTOR,
    "requestingProvider": {"code": "PRESTADOR1", "name": "CLINICA EXEMPLO"},
}
"""What the guide says, with the type of encounter that has replaced the earlier one."""
CARD = "EARLIER-1"
TYPE = "query($id: ID!) { claim(id: $id) { encounter { type } } }"
PERSON = "query($id: ID!) { claim(id: $id) { patient { name } } }"
WARNINGS = "query($id: ID!) { claim(id: $id) { warnings { message field } } }"
UNKNOWN = "unknown type of encounter: use a code of table 50"
WITHOUT = (
    "TISS 4.03.00 has no element nomeBeneficiario, numeroCNS in this guide: the document to the payer leaves it out"
)


def _earlier(world: World, encounter_type: bytes) -> bytes:
    """A guide of 4.01.00 with what that version had besides."""
    xml = lote(world, ["E1"], cards=[CARD]).replace(b">4.03.00<", b">4.01.00<")
    person = (
        b"<ans:nomeBeneficiario>Maria da Silva</ans:nomeBeneficiario><ans:numeroCNS>123456789012345</ans:numeroCNS>"
    )
    xml = xml.replace(b"</ans:atendimentoRN>", b"</ans:atendimentoRN>" + person)
    old, _, rest = xml.partition(b"<ans:tipoAtendimento>")
    return hashed(old + b"<ans:tipoAtendimento>" + encounter_type + rest[rest.index(b"<") :])


async def test_what_only_an_earlier_version_has_is_kept_and_left_out_of_a_newer_document(world: World) -> None:
    xml = _earlier(world, b"05")
    (result,) = (await take(world, xml)).results
    assert (result.outcome, result.failures) == (GuideOutcome.IMPORTED, ())
    given = {"claimId": result.claim_id}
    assert (await world.call("reviewer", TYPE, id=result.claim_id))["claim"] == {"encounter": {"type": "05"}}
    assert (await world.call("biller", PERSON, id=result.claim_id))["claim"] == {"patient": {"name": "Maria da Silva"}}
    warnings = (await world.call("biller", WARNINGS, id=result.claim_id))["claim"]["warnings"]
    assert {"message": WITHOUT, "field": None} in warnings
    assert {"message": UNKNOWN, "field": ["encounter", "type"]} in warnings
    refused = await world.mutate("biller", "exportBatch", "batch { hash }", claimIds=[result.claim_id])
    assert [each["field"] for each in refused["errors"]] == [["claimIds", "0"]]
    assert (await world.mutate("biller", "withdrawClaim", "claim { id }", **given))["errors"] == []
    changes = {"encounter": ENCOUNTER}
    assert (await world.mutate("biller", "updateDraftClaim", "claim { id }", **given, claim=changes))["errors"] == []
    sent = await world.mutate("biller", "submitClaims", "results { errors { message } }", claimIds=[result.claim_id])
    assert sent["results"] == [{"errors": []}]
    payload = await world.mutate("biller", "exportBatch", "batch { xml }", claimIds=[result.claim_id])
    assert payload["errors"] == []
    before, after = _leaves(xml), _leaves(payload["batch"]["xml"].encode("iso-8859-1"))
    assert [each for each in before if each not in after] == [
        ("dadosBeneficiario/nomeBeneficiario", "Maria da Silva"),
        ("dadosBeneficiario/numeroCNS", "123456789012345"),
        ("dadosAtendimento/tipoAtendimento", "05"),
    ]


async def test_what_looks_like_no_code_is_refused(world: World) -> None:
    (result,) = (await take(world, _earlier(world, b"0500000"))).results
    assert [(each.code.value, each.field) for each in result.failures] == [("UNKNOWN_CODE", "encounter.type")]


def _leaves(document: bytes) -> list[tuple[str, str]]:
    root = message.parse(document).root
    (guide,) = tree.find(root, ("prestadorParaOperadora", "loteGuias", "guiasTISS"))
    return list(tree.leaves(guide))
