"""Reads a payer's answers to a batch of appeals (respostaRecursoGlosa), of any version."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any, Final

from app.domain.appeal_answers import AnswerMessage, DocumentAnswer
from app.domain.errors import BillingError, ErrorCode, Failure, refuse
from app.domain.money import CENTS_MAX, Cents
from app.tiss import message, tree, xml_guard
from app.tiss.encoding import encoded, rightly_declared
from app.tiss.message import NoMessage
from app.tiss.statement_values import cents

ANSWER: Final = ("operadoraParaPrestador", "respostaRecursoGlosa")
REGISTERED: Final = ("identificacaoTransacao", "dataRegistroTransacao")
BATCH_NUMBERS: Final = ("numeroLote", "numeroGuiaRecGlosaPrestador")
RECEIPTS: Final = ("reciboGlosa", "reciboGlosaOdonto")
OF_GUIDE: Final = ("respostaGuia", "respostaRecursoGuiaOdonto")
OF_ITEMS: Final = ("respostaGuiaItens", "respostaRecursoItemOdonto")
NUMBER_DIGITS: Final = 9
JUSTIFICATION_MAX: Final = 500


def read_text(text: str) -> AnswerMessage:
    """The answers in a document that came as text."""
    return read(encoded(text))


def read(document: bytes) -> AnswerMessage:
    """The answers in the document; INVALID_INPUT with what to do if there are none, or if it was changed."""
    rightly = rightly_declared(document)
    xml_guard.count_guides(rightly)
    try:
        found = message.parse(rightly)
    except NoMessage as error:
        raise _invalid(str(error)) from None
    answer = tree.find(found.root, ANSWER)
    if answer is None:
        raise _invalid("the document has no respostaRecursoGlosa: send the payer's answer to appeals")
    if not found.is_hash_right:
        raise _invalid("the hash is wrong: the document was changed, ask the payer to send it again", "5014")
    receipt = next((each for each in answer if tree.name_of(each) in RECEIPTS), None)
    if receipt is None:
        raise _invalid("the document has no answers: record a status or an error of a batch by recordAppealProtocol")
    protocol = tree.text(receipt, ("numeroProtocolo",))
    return replace(_message(receipt), issued_on=_day(found.text("cabecalho", *REGISTERED)), protocol=protocol)


def _batch_numbers(receipt: Any) -> tuple[int, ...]:
    """Ours, as the batch and as the guide of appeals; payers may write numbers of their own there."""
    texts = (tree.text(receipt, (name,)) or "" for name in BATCH_NUMBERS)
    return tuple(
        int(text) for text in texts if text.isascii() and text.isdigit() and len(text.lstrip("0")) <= NUMBER_DIGITS
    )


def _day(text: str | None) -> date | None:
    """The day of the document, if it says one that exists."""
    try:
        return None if text is None else date.fromisoformat(text[:10])
    except ValueError:
        return None


def _message(receipt: Any) -> AnswerMessage:
    payer = tree.text(receipt, ("registroANS",))
    numbers = _batch_numbers(receipt)
    whole = tree.find(receipt, ("opcaoRecurso", "recursoProtocolo"))
    if whole is not None:
        reason = _reason(whole, "justificativaOPSnaoAcatadoProt")
        return AnswerMessage(payer, numbers, of_protocol=_yes(whole, "recursoAcatado"), justification=reason)
    guides = tree.find_all(receipt, ("opcaoRecurso", "recursoGuia"))
    return AnswerMessage(payer, numbers, tuple(each for guide in guides for each in _answers(guide)))


def _answers(guide: Any) -> Iterator[DocumentAnswer]:
    for node in guide:
        name = tree.name_of(node)
        if name in (*OF_GUIDE, *OF_ITEMS):
            claim = _required(node, "numeroGuiaPrestador")
            try:
                yield from [_of_guide(claim, node)] if name in OF_GUIDE else _of_items(claim, node)
            except BillingError as error:
                raise BillingError(*(_of_claim(claim, each) for each in error.failures)) from None


def _of_claim(claim: str, failure: Failure) -> Failure:
    return replace(failure, message=f"guide {claim}: {failure.message}")


def _of_items(claim: str, node: Any) -> list[DocumentAnswer]:
    inside = [each for each in node if tree.name_of(each) == "recursoProcedimento"]
    return [_of_item(claim, each) for each in inside or [node]]


def _of_guide(claim: str, node: Any) -> DocumentAnswer:
    field = "recursoGuiaAcatado" if tree.child(node, "recursoGuiaAcatado") is not None else "recursoAcatadoGuia"
    return DocumentAnswer(
        claim,
        None,
        _first(node, "codGlosa", "codGlosaGuia"),
        _yes(node, field),
        _reason(node, "justificativaOPSnaoAcatadoGuia"),
    )


def _of_item(claim: str, node: Any) -> DocumentAnswer:
    return DocumentAnswer(
        claim,
        _number(_required(node, "sequencialItem"), "sequencialItem"),
        _first(node, "codGlosa", "codGlosaProc"),
        # The schema has the one name with a mistake.
        _money(_first(node, "valorAcatadado", "valorAcatado")),
        _reason(node, "justificativaOperadora"),
        tree.text(node, ("procRecurso", "codigoProcedimento")),
        _day(tree.text(node, ("dataInicio",)) or tree.text(node, ("dataRealizacao",))),
    )


def _first(node: Any, *names: str) -> str:
    """The text of the first of these elements that is there."""
    return next((text for name in names if (text := tree.text(node, (name,))) is not None), "") or _required(
        node, names[0]
    )


def _required(node: Any, name: str) -> str:
    found = tree.text(node, (name,))
    if found is None:
        raise _invalid(f"{name} is missing: ask the payer for a valid document")
    return found


def _reason(node: Any, name: str) -> str | None:
    found = tree.text(node, (name,))
    return None if found is None else " ".join(found.split())[:JUSTIFICATION_MAX]


def _yes(node: Any, name: str) -> bool:
    found = _required(node, name)
    if found not in ("S", "N"):
        raise _invalid(f"{name} is neither S nor N: ask the payer for a valid document")
    return found == "S"


def _number(text: str, name: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= NUMBER_DIGITS):
        raise _invalid(f"{name} is no number: ask the payer for a valid document")
    return int(text)


def _money(text: str) -> Cents:
    found = cents(text)
    if not 0 <= found <= CENTS_MAX:
        raise refuse(ErrorCode.INVALID_AMOUNT, "invalid amount in valorAcatado", "xml", "5040")
    return found


def _invalid(text: str, tiss_code: str = "5001") -> BillingError:
    return refuse(ErrorCode.INVALID_INPUT, text, "xml", tiss_code)
