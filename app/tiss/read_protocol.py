"""Reads a TISS reception protocol (recebimentoLote): the payer has a batch, perhaps without some guides, or not."""

from datetime import date
from typing import Any, Final

from app.domain.errors import BillingError, ErrorCode, refuse
from app.domain.protocols import Protocol, ProtocolMessage, RefusedClaim
from app.tiss import message
from app.tiss.encoding import encoded, rightly_declared
from app.tiss.message import NoMessage
from app.tiss.statement_values import first_text
from app.tiss.tree import descendant, name_of
from app.tiss.xml_guard import count_guides

_GUIDES: Final = ("dadosGuias", "dadosGuiasOdonto")


def read(text: str) -> ProtocolMessage:
    """The protocol in this document, which came as text."""
    return _read(encoded(text))


def read_bytes(document: bytes) -> ProtocolMessage:
    """The protocol in this document, which was uploaded."""
    rightly = rightly_declared(document)
    count_guides(rightly)
    return _read(rightly)


def _read(document: bytes) -> ProtocolMessage:
    """INVALID_INPUT with what to do if there is none, or if it was changed."""
    try:
        found = message.parse(document)
    except NoMessage as error:
        raise _invalid(str(error)) from None
    root = found.root
    reception = descendant(root, "recebimentoLote")
    if reception is None:
        raise _invalid("the document has no recebimentoLote: send the payer's answer to a batch")
    if not found.is_hash_right:
        raise _invalid("the hash is wrong: the document was changed, ask the payer to send it again", "5014")
    refusal = descendant(reception, "mensagemErro")
    if refusal is not None:
        return ProtocolMessage(first_text(root, "registroANS"), None, None, None, _required(refusal, "codigoGlosa"))
    return ProtocolMessage(
        payer=first_text(reception, "registroANS"),
        tax_id=first_text(reception, "cnpjContratado"),
        batch_number=first_text(reception, "numeroLote"),
        protocol=Protocol(
            number=_required(reception, "numeroProtocolo"),
            received_on=_day(_required(root, "dataRegistroTransacao")),
            refused=tuple(_refused(reception)),
        ),
    )


def _refused(reception: Any) -> list[RefusedClaim]:
    """The guides with a reason for their refusal (glosaGuia), each once and with its first one."""
    found: dict[str, RefusedClaim] = {}
    for guide in (node for node in reception.iter() if name_of(node) in _GUIDES):
        reason = descendant(guide, "glosaGuia")
        if reason is not None:
            number = _required(guide, "numeroGuiaPrestador")
            found.setdefault(number, RefusedClaim(_required(reason, "codigoGlosa"), None, number))
    return list(found.values())


def _invalid(text: str, tiss_code: str = "5001") -> BillingError:
    return refuse(ErrorCode.INVALID_INPUT, text, "xml", tiss_code)


def _day(text: str) -> date:
    try:
        # It may have a zone.
        return date.fromisoformat(text[:10])
    except ValueError:
        raise _invalid("dataRegistroTransacao is no date: ask the payer for a valid document") from None


def _required(node: Any, name: str) -> str:
    found = first_text(node, name)
    if found is None:
        raise _invalid(f"{name} is missing: ask the payer for a valid document")
    return found
