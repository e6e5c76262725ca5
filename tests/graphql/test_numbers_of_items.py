"""Items of a guide that have the same number, or 0, as the schema allows: each is an item, and keeps its number."""

from typing import Any

from app.services.batch_import import GuideOutcome
from tests.factories import BLOOD_COUNT, World
from tests.graphql import test_statement_documents as statements
from tests.graphql.test_remittances import done, post
from tests.guides import MEDICINE
from tests.lotes import Line, guide, lote, take
from tests.payer_documents import Item, analysis, message
from tests.tiss.test_through_the_gateway import leaves

CONSULTATION = Line()
BLOOD = Line(BLOOD_COUNT["code"], "37.00", text="HEMOGRAMA")
SALINE = Line(MEDICINE["code"], "12.00", table="20", text="SORO")
NUMBERS = "claim { id items { sequence documentSequence code } } "


def _numbered(world: World, numbers: str) -> bytes:
    """A guide of three items with these numbers."""
    xml = guide(world, "N1", CONSULTATION, BLOOD, SALINE, total="149.00")
    places = [f"<ans:sequencialItem>{place}<" for place in (1, 2, 3)]
    for place, number in zip(places, numbers.split(), strict=True):
        xml = xml.replace(place, f"<ans:sequencialItem>n{number}<")
    return lote(world, xml.replace("sequencialItem>n", "sequencialItem>"))


async def _taken(world: World, document: bytes) -> Any:
    (result,) = (await take(world, document)).results
    assert (result.outcome, result.failures) == (GuideOutcome.IMPORTED, ())
    query = f"query($id: ID!) {{ {NUMBERS.replace('claim {', 'claim(id: $id) {')} }}"
    return (await world.call("reviewer", query, id=result.claim_id))["claim"]


async def _written(world: World, claim_id: str) -> list[Any]:
    payload = await world.mutate("biller", "exportBatch", "batch { xml }", claimIds=[claim_id])
    assert payload["errors"] == []
    return leaves(payload["batch"]["xml"].encode("iso-8859-1"))


async def test_repeated_numbers_are_taken_and_a_draft_keeps_them(world: World) -> None:
    document = _numbered(world, "0 7 7")
    claim = await _taken(world, document)
    assert [(each["sequence"], each["documentSequence"], each["code"]) for each in claim["items"]] == [
        (1, 0, CONSULTATION.code),
        (2, 7, SALINE.code),
        (7, None, BLOOD.code),
    ]
    await world.mutate("biller", "withdrawClaim", "claim { id }", id=claim["id"])
    items = [
        {"sequence": number, "codeSystem": line.table, "code": line.code, "quantity": "1", "unitPrice": line.price}
        | {"description": line.text, "details": details}
        for number, line, details in (
            (1, CONSULTATION, None),
            (2, SALINE, {"expenseKind": "02", "unit": "036"}),
            (7, BLOOD, None),
        )
    ]
    items[0]["unitPrice"] = "90.00"
    changed = await world.mutate("biller", "updateDraftClaim", NUMBERS, id=claim["id"], items=items)
    assert (changed["errors"], changed["claim"]["items"]) == ([], claim["items"])
    submitted = await world.mutate("biller", "submitClaims", "results { errors { message } }", claimIds=[claim["id"]])
    assert submitted["results"] == [{"errors": []}]
    (before,), (after,) = leaves(document), await _written(world, claim["id"])
    assert {path.rpartition("/")[2] for path, _ in {*after} - {*before}} == {
        "valorUnitario",
        "valorTotal",
        "valorProcedimentos",
        "valorTotalGeral",
    }
    assert [text for path, text in after if path.endswith("sequencialItem")] == ["0", "7", "7"]


async def test_a_statement_means_the_item_of_its_code_where_a_number_is_repeated(world: World) -> None:
    claim = await _taken(world, _numbered(world, "1 1 1"))
    await _written(world, claim["id"])
    lines = (
        Item(billed="37.00", paid="30.00", denials=(("1705", "7.00"),), code=BLOOD.code),
        Item(),
        Item(billed="12.00", paid="12.00", code=SALINE.code),
    )
    sent = statements.guide(world, {"providerClaimNumber": "N1"}, *lines)
    remittance = await statements.taken(world, message(world.payer, analysis(world, "A-N", sent)))
    assert done(await post(world, remittance))[:3] == ("POSTED", 3, 0)
    decided = (await world.claim(claim["id"]))["items"]
    assert [(each["sequence"], each["approvedAmount"], each["deniedAmount"]) for each in decided] == [
        (1, "100.00", "0.00"),
        (2, "30.00", "7.00"),
        (3, "12.00", "0.00"),
    ]
