"""A hospital stay of hundreds of items goes all the way: imported, sent leaf for leaf, decided and explained."""

import time
from typing import Any

from app.domain.claim_form import GUIDE_ITEMS_MAX, ITEMS_MAX
from app.tiss import message, tree
from tests.factories import CONSULTATION, World, key, refusals
from tests.figures import Figures, assert_within
from tests.graphql.test_imports import import_document, upload
from tests.graphql.test_posting_units import until_posted
from tests.graphql.test_remittances import books, post
from tests.graphql.test_statement_documents import send
from tests.lotes import Line, lote, stay
from tests.payer_documents import Guide, Item, analysis
from tests.payer_documents import message as of_payer

HALF = 300
PROCEDURE = Line(price="1.00")
MATERIAL = Line(code="70000014", price="2.00", table="19", text="MATERIAL")
SECONDS_MAX = 8.0
PREFLIGHT = "query($id: ID!) { claimPreflight(input: { claimId: $id }) { passes findings { message } } }"
CLAIM = "query($id: ID!) { claim(id: $id) { status approvedAmount deniedAmount items { sequence } } }"


def _leaves(document: bytes) -> list[Any]:
    guides = tree.find(message.parse(document).root, ("prestadorParaOperadora", "loteGuias", "guiasTISS"))
    return [list(tree.leaves(guide)) for guide in guides]


def _decided(world: World) -> bytes:
    """The payer approves every procedure, and three quarters of every material."""
    items = [Item("1.00", "1.00", sequence=str(number + 1)) for number in range(HALF)]
    denied = (("1705", "0.50"),)
    items += [Item("2.00", "1.50", denied, str(HALF + number + 1), "70000014") for number in range(HALF)]
    found = of_payer(world.payer, analysis(world, "A-1", Guide("S1", world.card, tuple(items))))
    return found.encode("iso-8859-1")


async def test_a_stay_of_hundreds_of_items_is_sent_and_decided(server_world: World, figures: Figures) -> None:
    world, began = server_world, time.perf_counter()
    document = lote(world, stay(world, "S1", *[PROCEDURE] * HALF, *[MATERIAL] * HALF, total=f"{3 * HALF}.00"))
    (result,) = (await import_document(world, document))["results"]
    imported = time.perf_counter()
    assert (result["outcome"], result["errors"]) == ("TAKEN_WITH_WARNINGS", [])
    claim = {"id": result["claim"]["id"]}
    found = (await world.call("biller", PREFLIGHT, **claim))["claimPreflight"]
    # The same service of the same day, and materials that the terminology does not know.
    assert (found["passes"], len(found["findings"])) == (True, 2 * HALF - 2 + HALF)
    before = time.perf_counter()
    payload = await world.mutate("biller", "exportBatch", "batch { xml }", claimIds=[claim["id"]])
    exported = time.perf_counter()
    assert payload["errors"] == []
    assert _leaves(payload["batch"]["xml"].encode("iso-8859-1")) == _leaves(document)
    statement = await upload(world.gateway, _decided(world), world.token("finance"))
    (remittance,) = (await send(world, None, documentId=statement))["remittances"]
    assert (await post(world, remittance))["remittance"]["status"] == "POSTING"
    assert (await until_posted(world, remittance))["status"] == "POSTED"
    found = (await world.call("reviewer", CLAIM, **claim))["claim"]
    assert (found["status"], found["approvedAmount"], found["deniedAmount"]) == (
        "PARTIALLY_APPROVED",
        "750.00",
        "150.00",
    )
    assert [item["sequence"] for item in found["items"]] == list(range(1, 2 * HALF + 1))
    assert await books(world) == ["900.00", "0.00", "150.00", "0.00", "750.00", "0.00"]
    figures(items=2 * HALF, import_seconds=imported - began, export_seconds=exported - before)
    assert_within(SECONDS_MAX, imported=imported - began, exported=exported - before)


async def test_a_person_decides_a_long_stay(server_world: World) -> None:
    world = server_world
    document = lote(world, stay(world, "S2", *[PROCEDURE] * (ITEMS_MAX + 1), total=f"{ITEMS_MAX + 1}.00"))
    (result,) = (await import_document(world, document))["results"]
    claim_id = result["claim"]["id"]
    await world.mutate("reviewer", "startReview", "claim { id }", id=claim_id)
    decisions = [{"sequence": number + 1, "approvedAmount": "1.00"} for number in range(ITEMS_MAX + 1)]
    decided = await world.adjudicate(claim_id, decisions)
    assert (decided["errors"], decided["claim"]["status"]) == ([], "APPROVED")


async def test_what_is_too_long_is_refused_with_what_to_do(server_world: World) -> None:
    world, count = server_world, GUIDE_ITEMS_MAX + 1
    document = lote(world, stay(world, "S3", *[PROCEDURE] * count, total=f"{count}.00"))
    (result,) = (await import_document(world, document))["results"]
    message = "the claim has more than 2,000 items: split it into several"
    assert (result["outcome"], [each["message"] for each in result["errors"]]) == ("REFUSED", [message])
    items = [CONSULTATION] * (ITEMS_MAX + 1)
    typed = await world.create_claim(items=items)
    assert refusals(typed) == [("INVALID_INPUT", "claim.items", None)]
    assert typed["errors"][0]["message"] == "send at most 200 values"
    empty = await world.create_claim(items=[], idempotencyKey=key())
    assert [each["message"] for each in empty["errors"]] == ["add at least one item"]
