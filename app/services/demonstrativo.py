"""A TISS payment statement (demonstrativo) as remittance lines: the XML read through the `tiss` package.

The standard's own layout tells every item; other layouts tell decisions per guide, which `tiss` reads as well.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

import tiss
from lxml import etree

from app.domain import tabela38
from app.domain.claims import Denial
from app.domain.errors import ErrorCode, Failure, raise_any, refuse
from app.domain.money import Cents, parse_money
from app.services.remittance_input import LineData

NO_PROVIDER: Final = "0000000"
_CODE: Final = re.compile(r"\b[0-9]{4}\b")


@dataclass(frozen=True, slots=True)
class Statement:
    """What the document says of itself (None where it does not) and its lines."""

    payer: str | None
    provider: str | None
    statement_number: str | None
    lines: tuple[LineData, ...]


def read(xml: bytes) -> Statement:
    """The statement of this document; INVALID_INPUT with the reason for anything that is none."""
    try:
        decisions = tiss.parse_demonstrativo(xml)
    except tiss.RetornoError as error:
        raise refuse(ErrorCode.INVALID_INPUT, f"no TISS payment statement: {error}", "xml", "5001") from None
    root = etree.fromstring(xml, etree.XMLParser(resolve_entities=False, no_network=True))
    guides = [node for node in root.iter() if _name(node) == "relacaoGuias"]
    lines = [line for guide in guides for line in _guide_lines(guide)] or [_decision_line(each) for each in decisions]
    raise_any(_differences(decisions, lines))
    return Statement(
        payer=_text(root, "registroANS"),
        provider=_text(root, "CNES"),
        statement_number=_text(root, "numeroDemonstrativo"),
        lines=tuple(lines),
    )


def read_for(xml: bytes, *, payer: str, provider: str) -> Statement:
    """The statement, which must not name another payer or provider than these."""
    found = read(xml)
    if found.payer not in (None, payer):
        message = f"the document is of payer {found.payer}"
        raise refuse(ErrorCode.CONFLICT, message, "payer", "5027")
    if found.provider not in (None, NO_PROVIDER, provider):
        raise refuse(ErrorCode.CONFLICT, f"the document is for provider {found.provider}", "provider", "1202")
    return found


def _name(node: Any) -> str:
    return etree.QName(node).localname if isinstance(node.tag, str) else ""


def _text(node: Any, name: str) -> str | None:
    found = next((child for child in node.iter() if _name(child) == name), None)
    return None if found is None else (found.text or "").strip() or None


def _guide_lines(guide: Any) -> list[LineData]:
    own, payers = _text(guide, "numeroGuiaPrestador"), _text(guide, "numeroGuiaOperadora")
    return [_item_line(own, payers, node) for node in guide if _name(node) == "detalhesGuia"]


def _item_line(own: str | None, payers: str | None, detail: Any) -> LineData:
    sequence = _text(detail, "sequencialItem") or ""
    reasons = [node for node in detail if _name(node) == "relacaoGlosa"]
    return LineData(
        provider_claim_number=own,
        payer_claim_number=payers,
        item_sequence=int(sequence) if sequence.isascii() and sequence.isdigit() else None,
        item_code=_text(detail, "codigoProcedimento"),
        paid=_amount(detail, "valorLiberado"),
        denials=tuple(Denial(_text(node, "tipoGlosa") or "", _amount(node, "valorGlosa")) for node in reasons),
    )


def _amount(node: Any, name: str) -> Cents:
    text = _text(node, name) or ""
    try:
        return parse_money(text)
    except ValueError:
        raise refuse(ErrorCode.INVALID_AMOUNT, f"{name} is no amount: {text[:20]}", "xml", "5040") from None


def _decision_line(decision: tiss.Decisao) -> LineData:
    denied = Cents(decision.valor_glosa_cents)
    return LineData(
        provider_claim_number=decision.guia_ref or None,
        payer_claim_number=decision.guia_operadora or None,
        item_sequence=None,
        item_code=decision.tuss_code or None,
        paid=Cents(decision.valor_liberado_cents),
        denials=(Denial(_reason(decision.motivo), denied),) if denied else (),
    )


def _reason(text: str) -> str:
    """The first code of Tabela 38 in a sentence such as `1707 - …`."""
    return next((code for code in _CODE.findall(text) if tabela38.description(code) is not None), "")


def _differences(decisions: list[tiss.Decisao], lines: list[LineData]) -> list[Failure]:
    """What the items deny must be what `tiss` read: a document that says two things is not guessed at."""
    read_by_tiss = sum(decision.valor_glosa_cents for decision in decisions)
    read_here = sum(denial.amount for line in lines for denial in line.denials)
    if read_by_tiss == read_here:
        return []
    return [Failure(ErrorCode.TOTAL_MISMATCH, "the denials of the items do not add up", "xml", "5042")]
