"""A guide that comes in goes out as it was: the same elements with the same texts, in the same order."""

import os
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from app.domain import claim_form
from app.domain.claim_form import ClaimForm, ItemForm
from app.tiss import message, read_batch, tree, write_batch
from app.tiss.guides import GUIDES
from app.tiss.read_batch import IncomingGuide
from app.tiss.structure import VERSIONS
from app.tiss.write_guide import OutgoingGuide, ProviderIdentity
from tests.figures import Figures
from tests.tiss.generated import PROVIDER, Documents

BATCHES: Final = int(os.environ.get("BILLING_TEST_TISS_BATCHES", "6"))
GUIDES_OF_A_BATCH: Final = 4
NOW: Final = datetime(2026, 10, 1, 12, tzinfo=UTC)
IDENTITY: Final = ProviderIdentity(PROVIDER, "Hospital", "11222333000181")
Leaves = list[tuple[str, str]]


def _leaves(document: bytes) -> list[Leaves]:
    """The elements with texts of each guide."""
    root = message.parse(document).root
    return [list(tree.leaves(guide)) for guide in tree.find(root, ("prestadorParaOperadora", "loteGuias", "guiasTISS"))]


def _taken(document: bytes) -> list[IncomingGuide]:
    """The guides, none of which is refused."""
    batch = read_batch.read(document)
    assert (batch.failures, [guide.failures for guide in batch.guides if guide.failures]) == ((), [])
    return list(batch.guides)


def _number(item: ItemForm) -> int:
    assert item.sequence is not None
    return item.sequence if item.document_sequence is None else item.document_sequence


def _written(guides: list[IncomingGuide], version: str, *forms: ClaimForm) -> bytes:
    given = forms or tuple(guide.form for guide in guides if guide.form is not None)
    outgoing = [
        OutgoingGuide(form, guide.payer_claim_number, IDENTITY, guide.source)
        for form, guide in zip(given, guides, strict=True)
    ]
    return write_batch.document(outgoing, "1", NOW, version).xml.encode("iso-8859-1")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("element", list(GUIDES))
def test_no_element_of_a_guide_is_lost_or_changed(element: str, version: str, figures: Figures) -> None:
    compared = 0
    for seed in range(BATCHES):
        document = Documents(seed, version).batch(element, GUIDES_OF_A_BATCH)
        before, after = _leaves(document), _leaves(_written(_taken(document), version))
        assert after == before, f"seed {seed}"
        compared += sum(len(guide) for guide in before)
    figures(elements_compared=compared)
    assert compared > BATCHES * GUIDES_OF_A_BATCH * 10


@pytest.mark.parametrize("element", list(GUIDES))
def test_what_has_changed_since_is_all_that_differs(element: str) -> None:
    document = Documents(1).batch(element)
    (guide,) = _taken(document)
    assert guide.form is not None
    changed = replace(guide.form, card_number="987")
    before, after = _leaves(document)[0], _leaves(_written([guide], "4.03.00", changed))[0]
    differing = {one for pair in zip(before, after, strict=True) if pair[0] != pair[1] for one in pair}
    assert {(path.rpartition("/")[2], text) for path, text in differing} == {
        ("numeroCarteira", "12345"),
        ("numeroCarteira", "987"),
    }


def test_an_authorization_that_is_removed_takes_the_payers_number_along() -> None:
    batches = (Documents(seed).batch("guiaSP-SADT") for seed in range(30))
    document = next(each for each in batches if b"<ans:senha>" in each and b"<ans:numeroGuiaOperadora>" in each)
    (guide,) = _taken(document)
    assert guide.form is not None
    after = _leaves(_written([guide], "4.03.00", replace(guide.form, authorization=None)))[0]
    assert [path for path, _ in after if path.startswith("dadosAutorizacao")] == []


def test_an_item_that_is_removed_takes_its_amount_from_the_sums() -> None:
    batches = (_taken(Documents(seed).batch("guiaHonorarios")) for seed in range(20))
    guide, form = next((one, one.form) for (one,) in batches if one.form is not None and len(one.form.items) > 1)
    rest = form.items[1:]
    written = _leaves(_written([guide], "4.03.00", replace(form, items=rest)))[0]
    sequences = [text for path, text in written if path.endswith("sequencialItem")]
    assert sequences == [str(_number(item)) for item in rest]
    total = sum(item.total for item in rest)
    assert dict(written)["valorTotalHonorarios"] == f"{total // 100}.{total % 100:02d}"


def test_another_service_under_a_number_has_nothing_of_the_earlier_one() -> None:
    batches = (Documents(seed).batch("guiaSP-SADT") for seed in range(30))
    document = next(each for each in batches if b"registroANVISA" in each)
    (guide,) = _taken(document)
    assert guide.form is not None
    others = tuple(replace(item, code="11111111") for item in guide.form.items)
    before = [path.rpartition("/")[2] for path, _ in _leaves(document)[0]]
    after = _leaves(_written([guide], "4.03.00", replace(guide.form, items=others)))[0]
    names = [path.rpartition("/")[2] for path, _ in after]
    assert ("registroANVISA" in before, "registroANVISA" in names) == (True, False)
    assert [text for path, text in after if path.endswith("codigoProcedimento")] == ["11111111"] * len(others)
    assert sorted(int(text) for path, text in after if path.endswith("sequencialItem")) == sorted(map(_number, others))


@pytest.mark.parametrize(
    ("dress", "encoding"),
    [
        (lambda xml: xml.replace(b"\n", b"\r\n"), "ISO-8859-1"),
        (lambda xml: xml.replace(b"ans:", b"t:").replace(b"xmlns:ans", b"xmlns:t"), "ISO-8859-1"),
        (lambda xml: xml.replace(b"ans:", b"").replace(b"xmlns:ans", b"xmlns"), "ISO-8859-1"),
        (lambda xml: xml.replace(b"<ans:cabecalho>", b"<!-- a comment --><?pi x?><ans:cabecalho>"), "ISO-8859-1"),
        (lambda xml: xml, "UTF-8"),
        (lambda xml: b"\xef\xbb\xbf" + xml, "UTF-8"),
        (lambda xml: xml, "UTF-16"),
    ],
    ids=["line ends", "another prefix", "no prefix", "comments", "utf-8", "utf-8 with a mark", "utf-16"],
)
def test_the_same_message_in_another_dress_is_the_same(dress: Any, encoding: str) -> None:
    document = Documents(2).batch("guiaSP-SADT")
    changed = dress(_encoded(document, encoding))
    assert _leaves(_written(_taken(changed), "4.03.00")) == _leaves(document)


def _encoded(document: bytes, encoding: str) -> bytes:
    text = document.decode("iso-8859-1").replace("ISO-8859-1", encoding).replace("iso-8859-1", encoding)
    return text.encode(encoding)


def test_a_message_inside_of_a_soap_envelope_is_found() -> None:
    document = Documents(2).batch("guiaConsulta")
    inside = document.partition(b"?>")[2]
    head = (
        b'<?xml version="1.0" encoding="ISO-8859-1"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">'
    )
    wrapped = head + b"<s:Body>" + inside + b"</s:Body></s:Envelope>"
    assert _leaves(_written(_taken(wrapped), "4.03.00")) == _leaves(document)


def test_a_text_in_a_cdata_section_is_a_text() -> None:
    document = Documents(2).batch("guiaConsulta")
    changed = document.replace(b"<ans:numeroCarteira>12345<", b"<ans:numeroCarteira><![CDATA[12345]]><")
    assert changed != document
    assert _leaves(_written(_taken(changed), "4.03.00")) == _leaves(document)


@pytest.mark.parametrize(
    ("element", "text"), [("horaFinal", b"24:00:00"), ("observacao", b"first line\n\tsecond \x96 line")]
)
def test_what_the_schema_allows_is_read_and_written(element: str, text: bytes) -> None:
    start, end = (f"<{slash}ans:{element}>".encode() for slash in ("", "/"))
    document = next(each for each in (Documents(seed).batch("guiaSP-SADT") for seed in range(30)) if start in each)
    before, _, rest = document.partition(start)
    changed = _hashed(before + start + text + end + rest.partition(end)[2])
    (guide,) = _taken(changed)
    assert guide.form is not None
    assert list(claim_form.shape_failures(guide.form)) == []
    assert _leaves(_written([guide], "4.03.00")) == _leaves(changed)


def test_a_sum_of_one_kind_that_the_items_do_not_add_up_to_is_a_warning() -> None:
    documents = (Documents(seed).batch("guiaSP-SADT") for seed in range(30))
    document = next(each for each in documents if b"<ans:valorDiarias>" in each)
    before, _, rest = document.partition(b"<ans:valorDiarias>")
    (guide,) = _taken(_hashed(before + b"<ans:valorDiarias>12345.67" + rest[rest.index(b"<") :]))
    found = [each for each in guide.warnings if each.field == "valorTotal/valorDiarias"]
    assert [(each.code.value, each.tiss_code) for each in found] == [("TOTAL_MISMATCH", "5042")]
    assert found[0].message.startswith("the items of this kind add up to ")


@pytest.mark.parametrize("version", ["3.05.00", "4.00.01", "4.01.00"])
def test_an_earlier_version_is_read_with_a_warning(version: str) -> None:
    document = Documents(3).batch("guiaSP-SADT").replace(b">4.03.00<", f">{version}<".encode())
    (guide,) = _taken(_hashed(document))
    found = [(each.tiss_code, each.field) for each in guide.warnings if each.tiss_code != "5042"]
    assert found == [("5028", "cabecalho/Padrao")]
    assert _leaves(_written([guide], "4.03.00")) == _leaves(document)


@pytest.mark.parametrize("name", ["observacao", "viaAcesso", "valorDiarias", "horaInicial", "registroANVISA"])
def test_an_empty_element_of_an_earlier_version_is_nothing(name: str) -> None:
    element = re.compile(f"<ans:{name}>[^<]*</ans:{name}>".encode())
    documents = (Documents(seed).batch("guiaSP-SADT").replace(b">4.03.00<", b">3.05.00<") for seed in range(40))
    document = next(each for each in documents if element.search(each))
    emptied = _hashed(element.sub(f"<ans:{name}/>".encode(), document, count=1))
    without = _hashed(element.sub(b"", document, count=1))
    assert _leaves(_written(_taken(emptied), "4.03.00")) == _leaves(without)


def _hashed(document: bytes) -> bytes:
    root = message.parse(document).root
    old = tree.text(root, ("epilogo", "hash"))
    assert old is not None
    return document.replace(old.encode(), (message.hash_of(root) or "").encode())


@pytest.mark.parametrize(
    ("document", "code", "text"),
    [
        (b"", "5002", "the document is empty: send a TISS message"),
        (b"<a>", "5002", "the document is not well-formed XML (line 1): send it as its program wrote it"),
        (b"<a/>", "5002", "the document has no mensagemTISS: send a TISS message"),
        (
            b'<!DOCTYPE a [<!ENTITY e "x">]><mensagemTISS>&e;</mensagemTISS>',
            "5002",
            "the document has a DOCTYPE, which no TISS message needs: send it without",
        ),
        (
            b"<mensagemTISS/>",
            "5001",
            "the message has no loteGuias: send a message of type ENVIO_LOTE_GUIAS",
        ),
    ],
)
def test_what_is_no_batch_is_refused_with_what_to_do(document: bytes, code: str, text: str) -> None:
    batch = read_batch.read(document)
    assert [(each.tiss_code, each.message) for each in batch.failures] == [(code, text)]
    assert batch.guides == ()
