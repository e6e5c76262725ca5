"""What the schema allows and few senders write: each guide is taken and leaves as it came, or its refusal is plain."""

from typing import Any

import tiss

from app.services.batch_import import GuideOutcome
from tests.factories import ENCOUNTER, World, key
from tests.graphql import test_statement_documents as statements
from tests.graphql.test_remittances import done, post
from tests.lotes import Line, guide, lote, take
from tests.payer_documents import Item, analysis, message
from tests.preflights import stored_warnings
from tests.tiss.test_through_the_gateway import leaves

MEMBER = """<ans:equipeSadt><ans:codProfissional><ans:cpfContratado>52998224725</ans:cpfContratado>
</ans:codProfissional><ans:nomeProf>Ana Lima</ans:nomeProf><ans:conselho>06</ans:conselho>
<ans:numeroConselhoProfissional>123</ans:numeroConselhoProfissional><ans:UF>35</ans:UF><ans:CBOS>225125</ans:CBOS>
</ans:equipeSadt>"""
INCLUDED = Line(price="0.00", text="INCLUIDO NO PACOTE")


def _with_team(xml: str, members: int) -> str:
    end = "</ans:procedimentoExecutado>"
    return xml.replace(end, MEMBER * members + end)


async def _outcomes(world: World, document: bytes) -> list[tuple[str, list[tuple[str, str | None]]]]:
    found = (await take(world, document)).results
    return [(each.outcome.value, [(one.message, one.field) for one in each.failures]) for each in found]


async def _claim_of(world: World, document: bytes) -> str:
    (result,) = (await take(world, document)).results
    assert (result.outcome, result.failures) == (GuideOutcome.IMPORTED, ())
    return str(result.claim_id)


async def _written(world: World, claim_id: str) -> list[Any]:
    payload = await world.mutate("biller", "exportBatch", "batch { xml }", claimIds=[claim_id])
    assert payload["errors"] == []
    return leaves(payload["batch"]["xml"].encode("iso-8859-1"))


async def test_a_guide_of_nothing_but_included_services_is_taken_sent_and_decided(world: World) -> None:
    document = lote(world, guide(world, "Z1", INCLUDED, total="0.00"))
    claim = await _claim_of(world, document)
    assert ("WARNING", "INVALID_AMOUNT", "items", "5040", "0.00") in await stored_warnings(world, claim)
    await world.mutate("biller", "withdrawClaim", "claim { id }", id=claim)
    again = await world.mutate("biller", "submitClaims", "results { errors { message } }", claimIds=[claim])
    assert again["results"] == [{"errors": []}]
    assert await _written(world, claim) == leaves(document)
    other = await world.submitted_claim()
    lines = (
        statements.guide(world, {"providerClaimNumber": "Z1"}, Item(billed="0.00", paid="0.00")),
        statements.guide(world, other),
    )
    remittance = await statements.taken(world, message(world.payer, analysis(world, "A-Z", *lines)))
    assert done(await post(world, remittance))[:3] == ("POSTED", 2, 0)
    assert (await world.claim(claim))["status"] == "APPROVED"
    invoice = await world.create_invoice([claim])
    assert [(each["code"], each["message"]) for each in invoice["errors"]] == [
        ("CONFLICT", "a claim that is APPROVED has nothing to bill")
    ]


async def test_a_large_team_and_a_payers_own_code_are_taken_as_they_came(world: World) -> None:
    own = Line("OP-1.2/A", table="00", text="TAXA")
    document = lote(world, _with_team(guide(world, "T1", own, total="100.00"), 100))
    claim = await _claim_of(world, document)
    assert await _written(world, claim) == leaves(document)
    beyond = lote(world, _with_team(guide(world, "T2", own, total="100.00"), 101))
    assert await _outcomes(world, beyond) == [("REFUSED", [("a team has at most 100 members", "items.0.details.team")])]


async def test_a_guide_of_another_payer_than_its_documents_has_a_finding(world: World) -> None:
    document = lote(world, guide(world, "P1", Line(), total="100.00"))
    place = f"<ans:destino><ans:registroANS>{world.payer}".encode()
    changed = document.replace(place, b"<ans:destino><ans:registroANS>000001")
    before, after = (tiss.hash_epilogo(each).encode() for each in (document, changed))
    (result,) = (await take(world, changed.replace(before, after))).results
    assert (result.outcome, [(each.code.value, each.field, each.tiss_code) for each in result.warnings]) == (
        GuideOutcome.IMPORTED,
        [("INVALID_IDENTIFIER", "payer", "5027")],
    )


async def test_a_correction_says_that_it_lacks_who_requested_the_services(world: World) -> None:
    claim = await _claim_of(world, lote(world, guide(world, "R1", Line(), total="100.00")))
    await world.mutate("reviewer", "startReview", "claim { id }", id=claim)
    decision = [{"sequence": 1, "approvedAmount": "100.00"}]
    assert (await world.adjudicate(claim, decision, payerClaimNumber="OP1"))["errors"] == []
    changes = {"providerClaimNumber": "R2", "encounter": ENCOUNTER, "submit": True, "idempotencyKey": key()}
    made = await world.mutate("biller", "replaceClaim", "claim { id }", id=claim, **changes)
    assert [(each["code"], each["field"], each["message"], each["tissCode"]) for each in made["errors"]] == [
        (
            "INVALID_INPUT",
            ["claim", "encounter", "requester"],
            "say who requested the services: give requester and requestingProvider with all that they need",
            "5001",
        )
    ]
