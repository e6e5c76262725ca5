"""Codes that no table has on their day: a warning in a document, refused where somebody types them."""

from typing import Any

import pytest

from app.services.batch_import import GuideOutcome
from tests.factories import CONSULTATION, World, key, refusals
from tests.lotes import Line, guide, lote, take
from tests.preflights import findings, preflight_of, stored_warnings

STRANGE = Line(code="99999999", text="PROCEDIMENTO NOVO")
ENDED = Line(code="40323560", text="EXAME ANTIGO")
"""Its validity ended on 2025-04-30."""
TYPED = {**CONSULTATION, "code": "99999999"}
REFUSED = [("UNKNOWN_CODE", "claim.items.0.code", "1801")]
WARNING = ("WARNING", "UNKNOWN_CODE", "items.0.code", "1801", "100.00")


async def _imported(world: World, line: Line) -> str:
    (result,) = (await take(world, lote(world, guide(world, "U1", line, total="100.00")))).results
    assert (result.outcome, result.failures) == (GuideOutcome.IMPORTED, ())
    return result.claim_id or ""


async def _items(world: World, claim_id: str) -> Any:
    query = "query($id: ID!) { claim(id: $id) { items { codeSystem code description totalAmount } } }"
    return (await world.call("reviewer", query, id=claim_id))["claim"]["items"]


async def _decided(world: World, claim_id: str) -> None:
    values = {"id": claim_id, "idempotencyKey": key()}
    assert (await world.mutate("reviewer", "startReview", "claim { id }", **values))["errors"] == []
    denial = {"sequence": 1, "approvedAmount": "0", "denials": [{"code": "1801", "amount": "100.00"}]}
    assert (await world.adjudicate(claim_id, [denial]))["errors"] == []


@pytest.mark.parametrize("line", [STRANGE, ENDED], ids=["unknown", "ended"])
async def test_one_of_a_document_is_stored_with_its_text_and_a_warning(world: World, line: Line) -> None:
    claim_id = await _imported(world, line)
    assert await _items(world, claim_id) == [
        {"codeSystem": "22", "code": line.code, "description": line.text, "totalAmount": "100.00"}
    ]
    assert await stored_warnings(world, claim_id) == [WARNING]
    assert findings(await preflight_of(world, claim_id)) == [WARNING]
    (again,) = (await take(world, lote(world, guide(world, "U1", line, total="100.00")))).results
    assert (again.outcome, again.claim_id) == (GuideOutcome.UNCHANGED, claim_id)


async def test_one_that_is_typed_is_refused(world: World) -> None:
    assert refusals(await world.create_claim(items=[TYPED])) == REFUSED
    draft = (await world.create_claim())["claim"]
    values = {"id": draft["id"], "items": [TYPED], "idempotencyKey": key()}
    assert refusals(await world.mutate("biller", "updateDraftClaim", "claim { id }", **values)) == REFUSED


async def test_a_correction_keeps_the_code_of_the_document_and_gets_no_other_one(world: World) -> None:
    claim_id = await _imported(world, STRANGE)
    await _decided(world, claim_id)
    values = {"id": claim_id, "providerClaimNumber": "U2", "idempotencyKey": key()}
    other = {**values, "items": [{**TYPED, "code": "99999998"}]}
    assert refusals(await world.mutate("biller", "replaceClaim", "claim { id }", **other)) == REFUSED
    replaced = await world.mutate("biller", "replaceClaim", "claim { id }", **values | {"idempotencyKey": key()})
    assert replaced["errors"] == []
    new_id = replaced["claim"]["id"]
    sent = await world.mutate(
        "biller", "submitClaims", "results { object { status } errors { code } }", claimIds=[new_id]
    )
    assert sent["results"] == [{"object": {"status": "SUBMITTED"}, "errors": []}]
    assert await stored_warnings(world, new_id) == [WARNING]
