"""Reads an XML document that a caller has sent: refused where it is dangerous, before a tree is made of it."""

from app.domain.errors import BillingError
from app.tiss import read_batch, xml_guard
from app.tiss.encoding import rightly_declared
from app.tiss.read_batch import IncomingBatch


def read(xml: bytes) -> IncomingBatch:
    """The document's guides; one that is refused as a whole does not raise, its failures are in the result."""
    try:
        document = rightly_declared(xml)
        xml_guard.count_guides(document)
        return read_batch.read(document)
    except BillingError as error:
        return IncomingBatch(None, failures=error.failures)


def count_guides(xml: bytes) -> int:
    """How many guides the document has; BillingError if it is refused as a whole."""
    return xml_guard.count_guides(rightly_declared(xml))
