"""Reads an XML document that a caller has sent: refused where it is dangerous, before a tree is made of it."""

from app.domain.documents import KIND_BYTES, DocumentKind, kind_of
from app.domain.errors import BillingError, ErrorCode, refuse
from app.tiss import read_batch, xml_guard
from app.tiss.encoding import rightly_declared
from app.tiss.read_batch import IncomingBatch


def read(xml: bytes) -> IncomingBatch:
    """The document's guides; one that is refused as a whole does not raise, its failures are in the result."""
    try:
        _check_kind(xml)
        document = rightly_declared(xml)
        xml_guard.count_guides(document)
        return read_batch.read(document)
    except BillingError as error:
        return IncomingBatch(None, failures=error.failures)


def count_guides(xml: bytes) -> int:
    """How many guides the document has; BillingError if it is refused as a whole."""
    return xml_guard.count_guides(rightly_declared(xml))


def _check_kind(document: bytes) -> None:
    """Of a zip's files any may be something else; a document that came alone is known to be XML."""
    kind = kind_of(document[:KIND_BYTES])
    if kind in (DocumentKind.ZIP, DocumentKind.XLSX):
        message = "the file is a zip itself: put its XML documents directly into the zip that you send"
    elif not document.strip():
        message = "the document is empty: send a TISS message"
    elif kind is not DocumentKind.XML:
        message = "the file is no XML: leave it out of the zip"
    else:
        return
    raise refuse(ErrorCode.INVALID_INPUT, message, None, "5002")
