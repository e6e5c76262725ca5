"""Validates a message against its schema part by part: without a tree."""

import contextlib
from typing import Final

from lxml import etree

from app.tiss import message
from app.tiss.schema_errors import SchemaError, of_log
from app.tiss.structure import SAFE, VERSIONS, validator
from app.tiss.tree import name_of

LOGGED_MAX: Final = 500
"""A payer that breaks the schema once does so in every guide: after so many objections no more are looked for."""


class Validation:
    """The schema's objections to a message without an envelope, which the schema does not know."""

    def __init__(self, start: bytes) -> None:
        self.version = _version_of(start)
        self.objections: list[SchemaError] = []
        self._parser = None
        if self.version in VERSIONS:
            self._parser = etree.XMLParser(target=_NoTree(), schema=validator(self.version), **SAFE)

    def feed(self, part: bytes) -> None:
        """Validate the next part."""
        if self._parser is None:
            return
        self._parser.feed(part)
        self._look()

    def close(self) -> list[SchemaError]:
        """The objections, at the end of the document."""
        if self._parser is not None:
            # What it raises is among what it has logged.
            with contextlib.suppress(etree.XMLSyntaxError):
                self._parser.close()
            self._look()
        return self.objections

    def _look(self) -> None:
        if self._parser is None:
            return
        found = self._parser.feed_error_log
        self.objections = list(of_log(found))
        if len(found) >= LOGGED_MAX:
            self._parser = None


class _NoTree:
    """Builds no tree."""

    def close(self) -> None:
        """Nothing was built."""


def _version_of(start: bytes) -> str | None:
    """The version that a document which begins with these bytes names, if it is a message without an envelope."""
    parser = etree.XMLPullParser(events=("start", "end"), **SAFE)
    with contextlib.suppress(etree.XMLSyntaxError):
        parser.feed(start)
    events = parser.read_events()
    with contextlib.suppress(etree.XMLSyntaxError):
        for event, node in events:
            if event == "start" and node.getparent() is None and name_of(node) != message.NAME:
                return None
            if event == "end" and name_of(node) == "cabecalho":
                return message.version_of(node.getparent())
    return None
