"""Documents that callers upload: what kind they are, by their first bytes."""

import codecs
from typing import Final

from app.domain.described import DescribedEnum

KIND_BYTES: Final = 1_024
"""So many bytes show the kind; XML may begin with some white space, and a spreadsheet with a title."""
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
_WORKBOOK: Final = (b"[Content_Types].xml", b"_rels/", b"docProps/", b"xl/")
"""How the name of the first file in a workbook begins."""
_NAME_AT: Final = 30
_SEPARATORS: Final = b";\t,"
_UTF_16: Final = (codecs.BOM_UTF16_LE + b"<\0", codecs.BOM_UTF16_BE + b"\0<", b"<\0?\0", b"\0<\0?")


class DocumentKind(DescribedEnum):
    """What a document is, as far as its first bytes show."""

    XML = "XML", "XML, such as one TISS batch (lote de guias)."
    ZIP = "ZIP", "A zip archive of XML documents."
    CSV = "CSV", "A spreadsheet as text, with semicolons, tabs or commas (.csv)."
    XLSX = "XLSX", "A workbook of a spreadsheet program (.xlsx)."
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
        return DocumentKind.XLSX if start[_NAME_AT:].startswith(_WORKBOOK) else DocumentKind.ZIP
    for beginning, kind in _FILES.items():
        if start.startswith(beginning):
            return kind
    if start.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"<") or start.startswith(_UTF_16):
        return DocumentKind.XML
    return DocumentKind.CSV if _is_separated(start) else DocumentKind.UNKNOWN


def _is_separated(start: bytes) -> bool:
    """Whether it is text with separators."""
    is_text = all(byte >= 0x20 or byte in b"\t\r\n" for byte in start)
    return is_text and any(each in start for each in _SEPARATORS)
