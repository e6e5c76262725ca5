"""Documents that callers upload: what kind they are, by their first bytes."""

import codecs
from typing import Final

from app.domain.described import DescribedEnum

KIND_BYTES: Final = 64
"""So many bytes show the kind; XML may begin with some white space."""
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
_UTF_16: Final = (codecs.BOM_UTF16_LE + b"<\0", codecs.BOM_UTF16_BE + b"\0<")


class DocumentKind(DescribedEnum):
    """What a document is, as far as its first bytes show."""

    XML = "XML", "XML, such as one TISS batch (lote de guias)."
    ZIP = "ZIP", "A zip archive of XML documents."
    PDF = "PDF", "A PDF file, which can be attached to an appeal."
    PNG = "PNG", "A PNG image, which can be attached to an appeal."
    JPEG = "JPEG", "A JPEG image, which can be attached to an appeal."
    UNKNOWN = "UNKNOWN", "Anything else; it is stored but cannot be imported."


_FILES: Final = {
    b"%PDF-": DocumentKind.PDF,
    b"\x89PNG\r\n\x1a\n": DocumentKind.PNG,
    b"\xff\xd8\xff": DocumentKind.JPEG,
}


def kind_of(start: bytes) -> DocumentKind:
    """The kind of a document that begins with these bytes."""
    if start.startswith(_ZIP):
        return DocumentKind.ZIP
    for beginning, kind in _FILES.items():
        if start.startswith(beginning):
            return kind
    is_xml = start.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"<") or start.startswith(_UTF_16)
    return DocumentKind.XML if is_xml else DocumentKind.UNKNOWN
