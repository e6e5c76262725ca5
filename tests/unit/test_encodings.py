"""Documents whose bytes are in another encoding than they declare: read where one reading fits, refused otherwise."""

import pytest

from app.domain.errors import BillingError
from app.tiss.encoding import Converter, Look, encoded, rightly_declared

TEXT = "<a>CONSULTA M\u00c9DICA, SESS\u00c3O N\u00ba 1</a>"


def _document(declared: str | None, encoding: str, text: str = TEXT) -> bytes:
    said = "" if declared is None else f' encoding="{declared}"'
    return f'<?xml version="1.0"{said}?>\n{text}'.encode(encoding)


def _in_parts(document: bytes) -> bytes:
    look = Look()
    parts = [document[:100], *(document[start : start + 1] for start in range(100, len(document)))]
    for part in parts:
        look.feed(part)
    converter = Converter(look.encoding())
    return b"".join(map(converter.feed, parts))


@pytest.mark.parametrize(
    ("document", "name", "encoding"),
    [
        (_document("UTF-8", "iso-8859-1"), b"ISO-8859-1", "iso-8859-1"),
        (_document(None, "iso-8859-1"), b"ISO-8859-1", "iso-8859-1"),
        (TEXT.encode("iso-8859-1"), b"ISO-8859-1", "iso-8859-1"),
        (_document("UTF-8", "cp1252", "<a>\u201cM\u00c9DICA\u201d</a>"), b"windows-1252", "cp1252"),
        (_document("ISO-8859-1", "utf-8"), b"UTF-8", "utf-8"),
        (_document("windows-1252", "utf-8"), b"UTF-8", "utf-8"),
        (_document("utf-16", "utf-8"), b"UTF-8", "utf-8"),
        (_document("UTF-16", "iso-8859-1"), b"ISO-8859-1", "iso-8859-1"),
        (_document("us-ascii", "iso-8859-1"), b"ISO-8859-1", "iso-8859-1"),
        (_document("ANSI", "iso-8859-1"), b"ISO-8859-1", "iso-8859-1"),
        (_document("no such name", "utf-8"), b"UTF-8", "utf-8"),
        (_document("utf8", "utf-8"), b"utf8", "utf-8"),
        (_document("latin1", "iso-8859-1"), b"latin1", "iso-8859-1"),
        (_document("ISO-8859-1", "utf-8-sig"), b"UTF-8", "utf-8"),
        (b"\xef\xbb\xbf" * 2 + b"\r\n" + _document("ISO-8859-1", "iso-8859-1"), b"ISO-8859-1", "iso-8859-1"),
        (_document("utf-16", "utf-16"), b"UTF-8", "utf-8"),
        (_document("UTF-8", "utf-16-be"), b"UTF-8", "utf-8"),
        (b"\xff\xfe" + _document("ISO-8859-1", "utf-16-le"), b"UTF-8", "utf-8"),
    ],
)
def test_the_bytes_say_what_the_declaration_does_not(document: bytes, name: bytes, encoding: str) -> None:
    found = rightly_declared(document)
    declaration, _, rest = found.partition(b"?>")
    assert (b'encoding="' + name + b'"' in declaration, rest.decode(encoding).lstrip()) == (
        True,
        TEXT if b"\x93" not in document else "<a>\u201cM\u00c9DICA\u201d</a>",
    )
    assert _in_parts(document) == found


@pytest.mark.parametrize(
    "document",
    [
        _document("UTF-8", "utf-8"),
        _document("ISO-8859-1", "iso-8859-1"),
        _document("iso-8859-2", "iso-8859-2", "<a>\u010d</a>"),
        _document("UTF-7", "ascii", "<a/>"),
        TEXT.encode(),
        b"<a/>",
        b"",
    ],
)
def test_what_is_declared_rightly_stays_as_it_is(document: bytes) -> None:
    assert rightly_declared(document) is document


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (
            _document("UTF-8", "utf-8", "<a>\n\u00c9</a>") + "<!-- \u00e9 -->".encode("iso-8859-1"),
            "the XML is in two encodings (line 3): write all of it in ISO-8859-1 or in UTF-8",
        ),
        (
            _document("UTF-16", "utf-16-le") + b"\x00\xdc\x00\xdc",
            "the XML is no valid UTF-16: write it in ISO-8859-1 or UTF-8",
        ),
    ],
)
def test_what_no_encoding_fits_is_refused_with_what_to_do(document: bytes, message: str) -> None:
    for read in (rightly_declared, _in_parts):
        with pytest.raises(BillingError) as refused:
            read(document)
        assert refused.value.message == message


@pytest.mark.parametrize("name", ["punycode", "idna", "unicode_escape", "rot13", "UTF-7", "none"])
def test_a_text_is_encoded_as_documents_are_and_in_no_other_way(name: str) -> None:
    # Some encodings take a time that grows with the square of the text.
    found = encoded(f"\ufeff\n<?xml version='1.0' encoding='{name}'?>" + "".join(map(chr, range(0x4E00, 0x9000))))
    assert found.startswith(b"<?xml version='1.0' encoding=\"UTF-8\"?>\xe4\xb8\x80")
