"""What docs/documents.md shows works as it is written."""

import asyncio
import re
import subprocess
from pathlib import Path
from typing import Any

import orjson

from tests.example_lotes import lote, zipped
from tests.factories import World
from tests.graphql.test_imports import ended

PAGE = (Path(__file__).parents[2] / "docs" / "documents.md").read_text()
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", PAGE, re.DOTALL)
OPERATIONS = [text for kind, text in BLOCKS if kind == "graphql"]


def _uploaded(world: World, folder: Path, content: bytes, media: str) -> Any:
    """What curl prints for the command of the page, with this document and the token of the world."""
    (command,) = [text for kind, text in BLOCKS if not kind and text.startswith("TOKEN=")]
    (folder / "lote.xml").write_bytes(content)
    line = command.partition("\n")[2].replace("http://127.0.0.1:8000", world.gateway.url)
    line = line.replace("application/xml", media)
    done = subprocess.run(
        ["bash", "-c", f"curl --silent --show-error {line.removeprefix('curl ')}"],
        cwd=folder,
        env={"TOKEN": world.token("biller"), "PATH": "/usr/local/bin:/usr/bin:/bin"},
        capture_output=True,
        check=True,
        timeout=30,
    )
    return orjson.loads(done.stdout)


async def test_the_page_works_as_it_is_written(server_world: World, tmp_path: Path) -> None:
    world = server_world
    shown, imported, query, subscription, mutation = OPERATIONS
    content = lote(world, ["PAGE1", "PAGE2"])
    document = await asyncio.to_thread(_uploaded, world, tmp_path, content, "application/xml")
    assert document.keys() == {"id", "digest", "size", "kind"}
    found = (await world.call("biller", shown, id=document["id"]))["document"]
    assert (found["id"], found["size"], found["kind"]) == (document["id"], len(content), "XML")
    done = (await world.call("biller", imported, document=document["id"]))["importBatch"]
    assert ([each["outcome"] for each in done["results"]], done["errors"]) == (["TAKEN", "TAKEN"], [])
    several = zipped({f"{number}.xml": lote(world, [f"PAGE3{number}"]) for number in range(2)})
    document = await asyncio.to_thread(_uploaded, world, tmp_path, several, "application/zip")
    again = imported.replace("lote-7", "lote-8")
    job = (await world.call("biller", again, document=document["id"]))["importBatch"]["job"]
    assert (await ended(world, job["id"]))["refusedCount"] == 0
    read = (await world.call("biller", query, id=job["id"]))["importJob"]
    assert (read["status"], read["totalCount"], read["results"]["nodes"]) == ("DONE", 2, [])
    async with world.gateway.subscribed(subscription, world.token("biller")) as stream:
        await world.call("biller", imported.replace("lote-7", "lote-9"), document=document["id"])
        assert (await stream.next())["importJobProgressed"]["status"] == "RUNNING"
    late = (await world.call("biller", mutation, id=job["id"]))["cancelImportJob"]
    assert [each["message"] for each in late["errors"]] == ["cannot cancel an import job that is DONE"]
