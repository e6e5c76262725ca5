"""Zips that are refused as a whole, or of which a file is, and why."""

import zipfile

import pytest

from app.tiss import archives
from app.tiss.archives import FILES_MAX
from tests.example_lotes import lote, zipped
from tests.factories import World
from tests.graphql.test_imports import ended, import_document

BOMB = "a document in the zip is compressed too much to be one of TISS: send it alone"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "the zip is empty: put XML documents into it"),
        (
            {"../1.xml": b"<a/>"},
            "the zip has a path that is none of a folder in it: create it again from the XML documents alone",
        ),
        (
            {"a\\..\\b.xml": b"<a/>"},
            "the zip has a path that is none of a folder in it: create it again from the XML documents alone",
        ),
        (
            {"a\n.xml": b"<a/>"},
            "the zip has a path that is none of a folder in it: create it again from the XML documents alone",
        ),
        ({"a" * 201: b"<a/>"}, "a file in the zip has a name of more than 200 characters: rename it"),
        ({f"{n}": b"" for n in range(FILES_MAX + 1)}, "the zip has more than 1,000 files: send several"),
        (
            {"bomb.xml": b" " * 10_000_000},
            "a document in the zip is compressed too much to be one of TISS: send it alone",
        ),
        ({"large.xml": b" " * (17 << 20)}, "a document in the zip has more than 16 MiB: split it"),
    ],
    ids=["empty", "path", "backslash", "line break", "name", "files", "bomb", "large"],
)
async def test_a_bad_zip_is_refused_as_a_whole(server_world: World, files: dict[str, bytes], message: str) -> None:
    found = await import_document(server_world, zipped(files))
    job = await ended(server_world, found["job"]["id"])
    assert (job["status"], [each["message"] for each in job["errors"]]) == ("FAILED", [message])


async def test_a_zip_that_says_less_than_it_has_is_refused(server_world: World) -> None:
    honest = zipped({"1.xml": b"<a>" + b"x" * 5_000 + b"</a>"})
    size = (5_007).to_bytes(4, "little")
    lying = honest.replace(size, (10).to_bytes(4, "little"))
    assert lying != honest
    found = await import_document(server_world, lying)
    job = await ended(server_world, found["job"]["id"])
    assert [each["outcome"] for each in job["results"]["nodes"]] == ["REFUSED"]
    odd = await import_document(server_world, zipped({"1.xml": b"<a/>"}, method=zipfile.ZIP_LZMA))
    said = "the zip has an unusual compression: create it with the usual one (deflate)"
    assert [each["message"] for each in (await ended(server_world, odd["job"]["id"]))["errors"]] == [said]
    cut = await import_document(server_world, honest[:-30])
    assert [each["message"] for each in (await ended(server_world, cut["job"]["id"]))["errors"]] == [
        "the zip is damaged: create it again"
    ]
    assert archives.RATIO_MAX == 250


async def test_folders_are_opened_and_what_is_no_batch_is_named(server_world: World) -> None:
    world = server_world
    beside = {"__MACOSX/._1.xml": b"\0\5\x16\7", "lotes/.DS_Store": b"\0", "lotes/": b"", "Thumbs.db": b"\0"}
    others = {"a.zip": zipped({"1.xml": b"<a/>"}), "leia.txt": b"ol\xc3\xa1", "vazio.xml": b" \n"}
    content = zipped({**beside, "lotes/1.xml": lote(world, ["ZF1"]), **others})
    found = await import_document(world, content)
    job = await ended(world, found["job"]["id"])
    told = [
        (each["file"], each["number"], [error["message"] for error in each["errors"]])
        for each in job["results"]["nodes"]
    ]
    assert told == [
        ("lotes/1.xml", "ZF1", []),
        ("a.zip", "", ["the file is a zip itself: put its XML documents directly into the zip that you send"]),
        ("leia.txt", "", ["the file is no XML: leave it out of the zip"]),
        ("vazio.xml", "", ["the document is empty: send a TISS message"]),
    ]
