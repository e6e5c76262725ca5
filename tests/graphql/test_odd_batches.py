"""Batches that are odd, as systems of clinics write them: each is taken as what it says, or refused with what to do."""

from tests import lotes
from tests.example_lotes import zipped
from tests.factories import World, new_world
from tests.graphql.test_imports import READ, ended, import_document, numbers


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
