"""Documents that cost much more than they are long: each is refused before it has taken much memory or time."""

import io
import time
import tracemalloc
import zipfile
from collections.abc import Callable

import pytest

from app.domain.errors import BillingError
from app.tiss import read_document
from app.tiss.archives import Archive
from app.tiss.read_batch import IncomingBatch
from tests.example_lotes import zipped
from tests.figures import Figures, assert_within

MIB = 1024 * 1024
LAUGHS = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
DOCUMENTS: dict[str, Callable[[], bytes]] = {
    "billion laughs": f'<!DOCTYPE a [<!ENTITY a0 "ha">{LAUGHS}]><a>&a9;</a>'.encode,
    "external entity": lambda: b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    "external document type": lambda: b'<!DOCTYPE a SYSTEM "http://127.0.0.1:1/a.dtd"><a/>',
    "deep nesting": lambda: b"<a>" * 4_000_000,
    "long attribute": lambda: b"<a b='" + b"c" * 15 * MIB + b"'/>",
    "many attributes": lambda: b"<a " + b" ".join(b"b%d=''" % n for n in range(1_000_000)) + b"/>",
    "long text": lambda: b"<a>" + b"c" * 15 * MIB + b"</a>",
    "many elements": lambda: b"<a>" + b"<b/>" * 3_900_000 + b"</a>",
    "many guides": lambda: b"<guiasTISS>" + b"<a/>" * 3_900_000 + b"</guiasTISS>",
}


def _nested_zip() -> bytes:
    found = zipped({"0.xml": b" " * MIB})
    for number in range(20):
        found = zipped({f"{number}.zip": found})
    return found


def _overlapping() -> bytes:
    """Entries that all lead to the same compressed bytes."""
    content = io.BytesIO(zipped({"1.xml": b" " * 15 * MIB}))
    with zipfile.ZipFile(content, "a") as archive:
        first = archive.infolist()[0]
        for number in range(2, 900):
            copy = zipfile.ZipInfo(f"{number}.xml")
            for name in ("header_offset", "file_size", "compress_size", "CRC", "compress_type"):
                setattr(copy, name, getattr(first, name))
            archive.filelist.append(copy)
            archive.NameToInfo[copy.filename] = copy
        archive._didModify = True  # type: ignore[attr-defined] # writes the directory again
    return content.getvalue()


ZIPS: dict[str, Callable[[], bytes]] = {
    "one large file": lambda: zipped({"1.xml": b" " * 60 * MIB}),
    "many large files": lambda: zipped({f"{n}.xml": b" " * 15 * MIB for n in range(40)}),
    "too many files": lambda: zipped({f"{n}.xml": b"" for n in range(60_000)}),
    "overlapping files": _overlapping,
}


def _cost(read: Callable[[], object]) -> tuple[float, float]:
    """Seconds of processor, and MiB at the most."""
    tracemalloc.start()
    begun = time.process_time()
    read()
    seconds = time.process_time() - begun
    peak = tracemalloc.get_traced_memory()[1] / MIB
    tracemalloc.stop()
    return seconds, peak


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_that_is_a_bomb_is_refused_for_little(name: str, figures: Figures) -> None:
    content = DOCUMENTS[name]()
    read_document.read(b"<a/>")  # what the first document makes for all is no cost of this one
    batches: list[IncomingBatch] = []
    seconds, peak = _cost(lambda: batches.append(read_document.read(content)))
    assert [(batch.guides, len(batch.failures)) for batch in batches] == [((), 1)]
    figures(document=name, document_mib=len(content) / MIB, seconds=seconds, peak_mib=peak)
    assert_within(8.0, seconds=seconds)
    assert peak < 64


@pytest.mark.parametrize("name", ZIPS)
def test_a_zip_that_is_a_bomb_is_refused_for_little(name: str, figures: Figures) -> None:
    content = ZIPS[name]()

    def read() -> None:
        with pytest.raises(BillingError):
            Archive(io.BytesIO(content))

    seconds, peak = _cost(read)
    figures(zip=name, zip_mib=len(content) / MIB, seconds=seconds, peak_mib=peak)
    assert_within(1.0, seconds=seconds)
    assert peak < len(content) / MIB + 16


def test_a_zip_in_a_zip_is_never_opened(figures: Figures) -> None:
    archive = Archive(io.BytesIO(_nested_zip()))
    batch = read_document.read(archive.read(0))
    assert [each.tiss_code for each in batch.failures] == ["5002"]
    figures(zips=20, opened=1)
