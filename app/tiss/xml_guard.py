"""Refuses XML that costs much more to read than it is long, or that asks for anything from outside, before a parser
builds a tree of it: document types with their entities, deep nesting, huge texts and attributes, too many elements."""

from typing import Any, Final
from xml.parsers import expat  # nosec B406 - it only counts here: a document type ends it before any entity

from app.domain.errors import BillingError, ErrorCode, Failure
from app.tiss.read_batch import GUIDES_MAX

DEPTH_MAX: Final = 40
ELEMENTS_MAX: Final = 500_000
"""100 guides of 200 items, each with twenty elements."""
TEXT_LENGTH_MAX: Final = 64 * 1024
ATTRIBUTES_MAX: Final = 30
ATTRIBUTE_LENGTH_MAX: Final = 4 * 1024
PART_BYTES: Final = 64 * 1024
SILENT_BYTES_MAX: Final = 2 * PART_BYTES
_ENCODING: Final = "the XML names an encoding that is not read here: write it in ISO-8859-1 or UTF-8"
_ENCODING_ERRORS: Final = (
    expat.errors.codes[expat.errors.XML_ERROR_UNKNOWN_ENCODING],
    expat.errors.codes[expat.errors.XML_ERROR_INCORRECT_ENCODING],
)
_EMPTY_ERROR: Final = expat.errors.codes[expat.errors.XML_ERROR_NO_ELEMENTS]
GUIDES: Final = "guiasTISS"
"""The element whose children are the guides."""


def count_guides(xml: bytes) -> int:
    """How many guides the document has; BillingError if it is not well-formed, or refused."""
    guard = Guard()
    guard.feed(xml)
    guard.close()
    return guard.guides


class Guard:
    """Looks at a document part by part; BillingError as soon as it is refused."""

    def __init__(self) -> None:
        self._counting = _Counting()
        self._silent = 0
        self._parser = parser = expat.ParserCreate()
        # From 2.6 on expat may put off what a part has, and a tree would be built of it before it is looked at here. It
        # does so against tags of many parts, which `feed` ends.
        getattr(parser, "SetReparseDeferralEnabled", bool)(False)
        parser.StartDoctypeDeclHandler = _doctype
        parser.StartElementHandler = self.start
        parser.EndElementHandler = self.end
        parser.CharacterDataHandler = self.text
        parser.CommentHandler = parser.ProcessingInstructionHandler = self._counting.other
        parser.XmlDeclHandler = self.declared

    @property
    def guides(self) -> int:
        """How many guides there were."""
        return self._counting.guides

    def declared(self, _version: str, encoding: str | None, _standalone: int) -> None:
        """The document says how it is encoded."""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        self._counting.start(name, attributes)

    def end(self, name: str) -> None:
        """An element ends."""
        self._counting.end(name)

    def text(self, text: str) -> None:
        """A piece of text."""
        self._counting.text(text)

    def forget(self, elements: int) -> None:
        """So many elements are out of the tree again, and no longer count."""
        self._counting.elements -= elements

    def feed(self, xml: bytes) -> None:
        """In parts: a tag of many parts, whose attributes would all be collected, ends it before it is complete."""
        for start in range(0, len(xml), PART_BYTES):
            before, part = self._counting.events, xml[start : start + PART_BYTES]
            self._parse(part)
            self._silent = self._silent + len(part) if self._counting.events == before else 0
            if self._silent > SILENT_BYTES_MAX:
                raise _refusal("the XML has huge attributes: send a TISS document", "5001")

    def close(self) -> None:
        """The document has ended."""
        self._parse(b"", is_last=True)

    def _parse(self, part: bytes, *, is_last: bool = False) -> None:
        try:
            self._parser.Parse(part, is_last)
        except expat.ExpatError as error:
            if error.code in _ENCODING_ERRORS:
                raise _refusal(_ENCODING, "5002") from None
            if error.code == _EMPTY_ERROR and self._counting.events == 0:
                raise _refusal("the document is empty: send a TISS message", "5002") from None
            message = f"the XML is not well-formed at line {error.lineno}: send it as your system wrote it"
            raise _refusal(message, "5002") from None
        except (LookupError, ValueError):
            raise _refusal(_ENCODING, "5002") from None


def _doctype(*_declaration: Any) -> None:
    raise _refusal("the XML has a document type (DOCTYPE): remove it, TISS documents have none", "5002")


class _Counting:
    def __init__(self) -> None:
        self.guides = self.events = 0
        self.elements = 0
        self._text_length = 0
        self._path: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.events += 1
        self.elements += 1
        self._text_length = 0
        if self._path and self._path[-1].rpartition(":")[2] == GUIDES:
            self.guides += 1
        self._path.append(name)
        if len(self._path) > DEPTH_MAX:
            raise _refusal(f"the XML is nested more than {DEPTH_MAX} levels deep: send a TISS document", "5001")
        if self.elements > ELEMENTS_MAX:
            raise _refusal(f"the XML has more than {ELEMENTS_MAX:,} elements: split it", "5015")
        if len(attributes) > ATTRIBUTES_MAX or max(map(len, attributes.values()), default=0) > ATTRIBUTE_LENGTH_MAX:
            raise _refusal("the XML has huge attributes: send a TISS document", "5001")
        if self.guides > GUIDES_MAX:
            message = f"the batch has more than {GUIDES_MAX} guides: send several batches, as a zip"
            raise BillingError(Failure(ErrorCode.BATCH_TOO_LARGE, message, None, "5015"))

    def end(self, _name: str) -> None:
        self.events += 1
        self._path.pop()
        self._text_length = 0

    def text(self, text: str) -> None:
        self.events += 1
        self._text_length += len(text)
        if self._text_length > TEXT_LENGTH_MAX:
            raise _refusal(
                f"the XML has a text of more than {TEXT_LENGTH_MAX:,} characters: send a TISS document", "5001"
            )

    def other(self, *_parts: str) -> None:
        self.events += 1


def _refusal(message: str, tiss_code: str) -> BillingError:
    return BillingError(Failure(ErrorCode.INVALID_INPUT, message, None, tiss_code))
