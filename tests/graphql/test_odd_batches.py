"""Batches that are odd, as systems of clinics write them: each is taken as what it says, or refused with what to do."""

import asyncio
import re
from typing import Any

import pytest

from app.services import import_runner
from tests import lotes
from tests.example_lotes import hashed, lote, zipped
from tests.factories import World, key, new_world
from tests.graphql.test_imports import IMPORT, READ, ended, import_document, numbers, upload


async def test_a_batch_in_another_encoding_than_it_declares_is_read(server_world: World) -> None:
    world, said = server_world, "SESS\u00c3O"
    line = lotes.Line(text=said)
    files = {}
    for number, (declared, encoding) in enumerate([("UTF-8", "iso-8859-1"), ("utf-16", "utf-8"), ("x", "utf-16")]):
        content = lotes.lote(world, lotes.guide(world, f"EN{number}", line, total="100.00")).decode("iso-8859-1")
        files[f"{number}.xml"] = content.replace('encoding="ISO-8859-1"', f'encoding="{declared}"').encode(encoding)
    mixed = files["0.xml"].replace(
        "SESS\u00c3O".encode("iso-8859-1"), "\u00c3".encode("iso-8859-1") + "\u00c3O".encode()
    )
    found = await import_document(world, zipped({**files, "mixed.xml": mixed}))
    job = await ended(world, found["job"]["id"])
    nodes = job["results"]["nodes"]
    assert [(each["number"], each["errors"]) for each in nodes[:3]] == [(f"EN{number}", []) for number in range(3)]
    message = "the XML is in two encodings (line 2): write all of it in ISO-8859-1 or in UTF-8"
    assert (job["totalCount"], [each["message"] for each in nodes[3]["errors"]]) == (4, [message])
    query = "query($id: ID!) { claim(id: $id) { items { description } } }"
    for each in nodes[:3]:
        claim = (await world.call("reviewer", query, id=each["claim"]["id"]))["claim"]
        assert claim == {"items": [{"description": said}]}


async def test_guides_of_several_providers_go_each_to_its_own(server_world: World) -> None:
    """Who executed a guide bills it, whoever sends the batch; one outside the scope refuses no other."""
    gateway, mine = server_world.gateway, server_world
    second, stranger = await new_world(gateway), await new_world(gateway)
    of_each = [World(gateway, mine.payer, each.provider, mine.patient, mine.card) for each in (stranger, mine, second)]
    content = lotes.lote(
        mine, *(lotes.guide(each, f"MP{n}", lotes.Line(), total="100.00") for n, each in enumerate(of_each))
    )
    scope = [mine.provider, second.provider]
    token = gateway.keys.sign(audience="billing-gateway", role="biller", sub="group", providers=scope)
    found = await import_document(mine, content, token=token)
    assert [(each["number"], each["outcome"]) for each in found["results"]] == [
        ("MP0", "REFUSED"),
        ("MP1", "TAKEN"),
        ("MP2", "TAKEN"),
    ]
    (error,) = found["results"][0]["errors"]
    assert (error["code"], error["tissCode"]) == ("NOT_FOUND", "1202")
    assert (await numbers(stranger), await numbers(mine), await numbers(second)) == ([], ["MP1"], ["MP2"])
    alone = lotes.lote(mine, lotes.guide(of_each[0], "MP9", lotes.Line(), total="100.00"))
    refused = await import_document(mine, alone, token=token)
    assert [each["outcome"] for each in refused["results"]] == ["REFUSED"]
    # Nobody can lay a document before others by writing their CNES into it.
    for job in (found["job"], refused["job"]):
        assert (await stranger.call("biller", READ, id=job["id"]))["importJob"] is None
        assert job["provider"] is None


async def test_numbers_of_a_version_without_a_schema_refuse_their_guides_alone(server_world: World) -> None:
    """Nothing but our own rules checks its values; the first guide would have named the document's parties."""
    world, told = server_world, "a registro ANS has six digits"
    content = lote(world, ["ON1", "ON2", "ON3", "ON4"]).replace(b">4.03.00<", b">3.05.00 beta<")
    first, second, third, *_ = re.findall(rb"<ans:guiaSP-SADT>.*?</ans:guiaSP-SADT>", content, re.DOTALL)
    payer = f"<ans:registroANS>{world.payer}".encode()
    changes = {
        first: first.replace(payer, payer + b"00"),
        second: second.replace(b"<ans:CNES>", b"<ans:CNES>99"),
        third: third.replace(
            b"</ans:cabecalhoGuia>",
            b"</ans:cabecalhoGuia><ans:dadosAutorizacao>"
            b"<ans:numeroGuiaOperadora>" + b"9" * 21 + b"</ans:numeroGuiaOperadora></ans:dadosAutorizacao>",
        ),
    }
    for before, after in changes.items():
        content = content.replace(before, after)
    found = await import_document(world, hashed(content))
    errors = [[(each["message"], each["tissCode"]) for each in result["errors"]] for result in found["results"]]
    assert errors == [
        [(told, "5027")],
        [("a CNES has seven digits", "1202")],
        [("needs 1 to 20 characters", None)],
        [],
    ]
    assert (found["job"]["payer"], found["job"]["status"]) == (None, "DONE")


async def test_a_document_at_which_the_gateway_fails_ends_its_job_and_holds_up_no_other(
    server_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, content = server_world, lote(server_world, ["GF1"])

    def failing(_batch: Any) -> Any:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(import_runner, "_parties_of", failing)
        patch.setattr(import_runner, "PAUSES", (0.01,))
        found = await import_document(world, content)
        of_zip = await import_document(world, zipped({"1.xml": content}))
        job = await ended(world, of_zip["job"]["id"])
    said = "the gateway failed at this document: report the import job's id"
    assert [each["message"] for each in found["errors"]] == [said]
    assert (job["status"], [each["message"] for each in job["errors"]]) == ("FAILED", [said])
    again = await import_document(world, content)
    assert [each["outcome"] for each in again["results"]] == ["TAKEN"]


async def test_one_batch_in_two_uploads_at_once_is_taken_once(server_world: World) -> None:
    world, token = server_world, server_world.token("biller")
    content = lote(world, [f"UP{number}" for number in range(8)])
    documents = [await upload(world.gateway, content + b"\n" * number, token) for number in range(3)]
    inputs = [{"input": {"documentId": each, "idempotencyKey": key()}} for each in documents]
    answers = await asyncio.gather(*(world.gateway.gql(IMPORT, each, token=token) for each in inputs))
    outcomes = [result["outcome"] for each in answers for result in each.data["importBatch"]["results"]]
    assert (outcomes.count("TAKEN"), outcomes.count("UNCHANGED")) == (8, 16)
    assert len(await numbers(world)) == 8
