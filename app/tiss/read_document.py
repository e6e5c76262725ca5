"""Reads an XML document that a caller has sent: refused where it is dangerous, before a tree is made of it."""

from app.domain.errors import BillingError
from app.tiss import read_batch
from app.tiss.read_batch import IncomingBatch
from app.tiss.xml_guard import count_guides


def read(xml: bytes) -> IncomingBatch:
    """The document's guides; one that is refused as a whole does not raise, its failures are in the result."""
    try:
        count_guides(xml)
        return read_batch.read(xml)
    except BillingError as error:
        return IncomingBatch(None, failures=error.failures)
