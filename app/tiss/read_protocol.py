"""Reads a TISS reception protocol (recebimentoLote): the payer has a batch, perhaps without some guides, or not."""

import re
from datetime import date
from typing import Any, Final

import tiss
from lxml import etree

from app.domain.errors import BillingError, ErrorCode, refuse
from app.domain.protocols import Protocol, ProtocolMessage, RefusedClaim

_LATIN: Final = re.compile(r"""<\?xml[^>]*encoding=["']iso-8859-1["']""", re.IGNORECASE)
_GUIDES: Final = ("dadosGuias", "dadosGuiasOdonto")


def read(text: str) -> ProtocolMessage:
    """The protocol in this document; INVALID_INPUT with what to do if there is none, or if it was changed."""
    xml = encoded(text)
    try:
        root = etree.fromstring(xml, etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError:
        raise _invalid("the document is not XML: send the payer's file as it is") from None
    reception = _first(root, "recebimentoLote")
    if reception is None:
        raise _invalid("the document has no recebimentoLote: send the payer's answer to a batch")
    _check_hash(root, xml)
    error = _first(reception, "mensagemErro")
    if error is not None:
        return ProtocolMessage(_text(root, "registroANS"), None, None, None, _required(error, "codigoGlosa"))
    return ProtocolMessage(
        payer=_text(reception, "registroANS"),
        tax_id=_text(reception, "cnpjContratado"),
        batch_number=_text(reception, "numeroLote"),
        protocol=Protocol(
            number=_required(reception, "numeroProtocolo"),
            received_on=_day(_required(root, "dataRegistroTransacao")),
            refused=tuple(_refused(reception)),
        ),
    )


def encoded(text: str) -> bytes:
    """The document as it was sent: its hash is that of its characters, which a wrong encoding would change."""
    is_latin = _LATIN.match(text) is not None
    try:
        return text.encode("iso-8859-1" if is_latin else "utf-8")
    except UnicodeEncodeError:
        raise _invalid("the document has characters outside of its encoding: send the payer's file as it is") from None


def _refused(reception: Any) -> list[RefusedClaim]:
    """The guides with a reason for their refusal (glosaGuia), each with its first one."""
    guides = [node for node in reception.iter() if _name(node) in _GUIDES]
    refused = [(guide, _first(guide, "glosaGuia")) for guide in guides]
    return [
        RefusedClaim(_required(found, "codigoGlosa"), None, _required(guide, "numeroGuiaPrestador"))
        for guide, found in refused
        if found is not None
    ]


def _check_hash(root: Any, xml: bytes) -> None:
    found = _text(_first(root, "epilogo"), "hash")
    if found is None or found.lower() != tiss.hash_epilogo(xml).lower():
        raise _invalid("the hash is wrong: the document was changed, ask the payer to send it again", "5014")


def _invalid(message: str, tiss_code: str = "5001") -> BillingError:
    return refuse(ErrorCode.INVALID_INPUT, message, "xml", tiss_code)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise _invalid("dataRegistroTransacao is no date: ask the payer for a valid document") from None


def _required(node: Any, name: str) -> str:
    found = _text(node, name)
    if found is None:
        raise _invalid(f"{name} is missing: ask the payer for a valid document")
    return found


def _name(node: Any) -> str:
    return etree.QName(node).localname if isinstance(node.tag, str) else ""


def _first(node: Any, name: str) -> Any:
    return next((child for child in node.iter() if _name(child) == name), None)


def _text(node: Any, name: str) -> str | None:
    found = None if node is None else _first(node, name)
    return None if found is None else (found.text or "").strip() or None
