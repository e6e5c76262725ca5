"""Reads what a payer says when it gets a batch of appeals (recebimentoRecursoGlosa, or the status of one): it has them,
perhaps without those of some claims, or it refuses them all."""

from datetime import date
from typing import Any, Final

from app.domain.appeal_answers import AppealReception, RefusedAppeals
from app.domain.errors import BillingError, ErrorCode, refuse
from app.domain.protocols import Protocol
from app.tiss import message, tree
from app.tiss.encoding import encoded
from app.tiss.message import NoMessage
from app.tiss.statement_values import first_text

PAYER: Final = "operadoraParaPrestador"
RECEPTIONS: Final = ("recebimentoRecursoGlosa", "respostaRecursoGlosa")
REASONS: Final = ("glosaProtocolo", "mensagemErro")
GUIDE_REASONS: Final = ("motivosGlosa", "motivoGlosa", "glosaGuia")


def read(text: str) -> AppealReception:
    """The reception in this document; INVALID_INPUT with what to do if there is none, or if it was changed."""
    try:
        found = message.parse(encoded(text))
    except NoMessage as error:
        raise _invalid(str(error)) from None
    inside = [tree.find(found.root, (PAYER, name)) for name in RECEPTIONS]
    reception = next((each for each in inside if each is not None), None)
    if reception is None:
        raise _invalid("the document has no recebimentoRecursoGlosa: send the payer's reception of the appeals")
    if not found.is_hash_right:
        raise _invalid("the hash is wrong: the document was changed, ask the payer to send it again", "5014")
    payer = first_text(found.root, "registroANS")
    for name in REASONS:
        refusal = next((each for each in reception.iter() if tree.name_of(each) == name), None)
        if refusal is not None:
            return AppealReception(payer, first_text(reception, "numeroLote"), None, _required(refusal, "codigoGlosa"))
    number = first_text(reception, "nrProtocoloRecursoGlosa", "numeroProtocolo")
    day = first_text(reception, "dataRecebimentoRecurso") or first_text(found.root, "dataRegistroTransacao")
    if number is None or tree.find(reception, ("reciboGlosa",)) is not None:
        raise _invalid("the document has no protocol of the appeals: record answers by recordAppealAnswers")
    return AppealReception(
        payer, first_text(reception, "numeroLote"), Protocol(number, _day(day or "")), refused=_refused(reception)
    )


def _refused(reception: Any) -> tuple[RefusedAppeals, ...]:
    """The guides with a reason for their refusal, each with its first one."""
    found = []
    for guide in reception.iter():
        reason = next((each for each in guide if tree.name_of(each) in GUIDE_REASONS), None)
        if reason is not None:
            number = first_text(guide, "numeroGuiaOrigem") or _required(guide, "numeroGuiaPrestador")
            found.append(RefusedAppeals(number, _required(reason, "codigoGlosa")))
    return tuple(found)


def _required(node: Any, name: str) -> str:
    found = first_text(node, name)
    if found is None:
        raise _invalid(f"{name} is missing: ask the payer for a valid document")
    return found


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise _invalid("the day of the reception is no date: ask the payer for a valid document") from None


def _invalid(text: str, tiss_code: str = "5001") -> BillingError:
    return refuse(ErrorCode.INVALID_INPUT, text, "xml", tiss_code)
