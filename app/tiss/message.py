"""The envelope of a TISS message: its header, its hash, and the part that carries the content."""

import hashlib
import re
from typing import Any, Final

from lxml import etree

from app.tiss import tree
from app.tiss.structure import safe_parser
from app.values.frozen import frozen

ENCODING: Final = "ISO-8859-1"
NAME: Final = "mensagemTISS"
"""The element that is a message."""
EMPTY: Final = "the document is empty: send a TISS message"
_HEADER: Final = "cabecalho"
_OF_NAMESPACES: Final = (
    etree.ErrorTypes.NS_ERR_UNDEFINED_NAMESPACE,
    etree.ErrorTypes.WAR_NS_URI,
    etree.ErrorTypes.WAR_NS_URI_RELATIVE,
)
_VERSION: Final = re.compile(r"[0-9]{1,2}\.[0-9]{2}\.[0-9]{2}")


class NoMessage(ValueError):
    """The document is no XML, or has no TISS message; the text says which."""


class NotXml(NoMessage):
    """The document is no XML."""


@frozen
class Message:
    """A message in its document: the root element, the version it names, and whether its hash is right."""

    root: Any
    version: str
    hash: str | None
    is_hash_right: bool

    def text(self, *path: str) -> str | None:
        """The text of the element at this path."""
        return tree.text(self.root, path)


def parse(document: bytes) -> Message:
    """The message, also inside of a SOAP envelope; NoMessage if there is none."""
    try:
        top = etree.fromstring(document, safe_parser())
    except etree.XMLSyntaxError as error:
        raise NotXml(reason(error) if document.strip() else EMPTY) from None
    if top.getroottree().docinfo.doctype:
        raise NoMessage("the document has a DOCTYPE, which no TISS message needs: send it without")
    root = next((each for each in top.iter(etree.Element) if tree.name_of(each) == NAME), None)
    if root is None:
        raise NoMessage("the document has no mensagemTISS: send a TISS message")
    stated = tree.text(root, ("epilogo", "hash"))
    is_right = stated is not None and stated.lower() in _hashes(root, top.getroottree().docinfo.encoding)
    return Message(root, version_of(root), stated, is_right)


def reason(error: etree.XMLSyntaxError) -> str:
    """Why the document cannot be parsed, and what to do."""
    if error.code in _OF_NAMESPACES:
        return f"a namespace is not declared rightly (line {error.lineno}): write xmlns as the standard has it"
    return f"the document is not well-formed XML (line {error.lineno}): send it as its program wrote it"


def version_of(root: Any) -> str:
    """The version that a message names: `Padrao`, or `versaoPadrao` of earlier versions; empty if that is none."""
    found = tree.text(root, (_HEADER, "Padrao")) or tree.text(root, (_HEADER, "versaoPadrao")) or ""
    return found if _VERSION.fullmatch(found) else ""


def _hashes(root: Any, encoding: str | None) -> set[str]:
    """The standard hashes the bytes of ISO-8859-1; some senders hash those of the document."""
    return {digest for name in {ENCODING, encoding or "UTF-8"} if (digest := hash_of(root, name)) is not None}


def hash_of(root: Any, encoding: str = ENCODING) -> str | None:
    """The MD5 of the texts of all elements but the epilogue's; None if the encoding lacks one of the characters."""
    parts = [each for each in root if tree.name_of(each) not in ("epilogo", "Signature")]
    texts = ((node.text or "") for part in parts for node in part.iter(etree.Element) if len(node) == 0)
    try:
        # The standard says which hash; it guards against mistakes, not against people.
        return hashlib.md5("".join(texts).encode(encoding), usedforsecurity=False).hexdigest()
    except UnicodeEncodeError:
        return None
