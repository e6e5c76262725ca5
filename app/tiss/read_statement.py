"""Reads a TISS payment statement (demonstrativo) as remittance lines.

The standard's own layout has every item; other layouts have decisions per guide only, which `tiss` reads.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

import tiss
from lxml import etree

from app.domain import tabela38
from app.domain.claims import DeniedAmount
from app.domain.errors import ErrorCode, Failure, raise_any, refuse
from app.domain.money import Cents, parse_money
from app.domain.statement import StatementLine
from app.tiss.findings import without_values

NUMBERS: Final = frozenset({"numeroGuiaPrestador", "numeroGuiaOperadora"})
SEQUENCE_DIGITS: Final = 4
NO_PROVIDER: Final = "0000000"
_CODE: Final = re.compile(r"\b[0-9]{4}\b")


@dataclass(frozen=True, slots=True)
class StatementMessage:
    """The identifiers in the document (None where it has none) and its lines."""

    payer: str | None
    provider: str | None
    statement_number: str | None
    lines: tuple[StatementLine, ...]


def read(xml: bytes) -> StatementMessage:
    """The statement in this document; INVALID_INPUT with the reason if there is none."""
    try:
        decisions = tiss.parse_demonstrativo(xml)
    except tiss.RetornoError as error:
        message = f"invalid TISS payment statement: {without_values(str(error))}"
        raise refuse(ErrorCode.INVALID_INPUT, message, "xml", "5001") from None
    root = etree.fromstring(xml, etree.XMLParser(resolve_entities=False, no_network=True))
    lines = [line for guide in _guides(root) for line in _guide_lines(guide)]
    # A guide without items has one line, for the decision on the whole guide.
    with_items = {_numbers(line) for line in lines}
    lines += [line for line in map(_decision_line, decisions) if _numbers(line) not in with_items]
    raise_any(_differences(decisions, lines))
    return StatementMessage(
        payer=_text(root, "registroANS"),
        provider=_text(root, "CNES"),
        statement_number=_text(root, "numeroDemonstrativo"),
        lines=tuple(lines),
    )


def _guides(root: Any) -> list[Any]:
    """The elements that carry a claim's number, each once, in document order."""
    parents = (node.getparent() for node in root.iter() if _name(node) in NUMBERS)
    return list(dict.fromkeys(parent for parent in parents if parent is not None))


def read_for(xml: bytes, payer: str, provider: str) -> StatementMessage:
    """The statement; CONFLICT if it names another payer or provider than these."""
    found = read(xml)
    if found.payer not in (None, payer):
        message = "the document is from another payer: name that payer"
        raise refuse(ErrorCode.CONFLICT, message, "payer", "5027")
    if found.provider not in (None, NO_PROVIDER, provider):
        message = "the document is for another provider: name that provider"
        raise refuse(ErrorCode.CONFLICT, message, "provider", "1202")
    return found


def _numbers(line: StatementLine) -> tuple[str | None, str | None]:
    return line.provider_claim_number, line.payer_claim_number


def _name(node: Any) -> str:
    return etree.QName(node).localname if isinstance(node.tag, str) else ""


def _text(node: Any, name: str) -> str | None:
    found = next((child for child in node.iter() if _name(child) == name), None)
    return None if found is None else (found.text or "").strip() or None


def _guide_lines(guide: Any) -> list[StatementLine]:
    """One line per item, in the standard's own layout or in the simpler one with `procedimento` only."""
    details = [node for node in guide if _name(node) == "detalhesGuia"]
    if details:
        return [_line(guide, node, _standard_denials(node)) for node in details]
    items = [node for node in guide.iter() if _name(node) == "procedimento" and _text(node, "valorLiberado")]
    return [_line(guide, node, _simple_denials(node)) for node in items]


def _line(guide: Any, item: Any, denials: tuple[DeniedAmount, ...]) -> StatementLine:
    return StatementLine(
        provider_claim_number=_text(guide, "numeroGuiaPrestador"),
        payer_claim_number=_text(guide, "numeroGuiaOperadora"),
        item_sequence=_sequence(_text(item, "sequencialItem")),
        item_code=_text(item, "codigoProcedimento"),
        paid=_amount(item, "valorLiberado"),
        denials=denials,
    )


def _sequence(text: str | None) -> int | None:
    """The item's number; -1 for anything else, which `statement_failures` refuses at the line."""
    if text is None:
        return None
    return int(text) if text.isascii() and text.isdigit() and len(text) <= SEQUENCE_DIGITS else -1


def _standard_denials(item: Any) -> tuple[DeniedAmount, ...]:
    reasons = [node for node in item if _name(node) == "relacaoGlosa"]
    return tuple(DeniedAmount(_text(node, "tipoGlosa") or "", _amount(node, "valorGlosa")) for node in reasons)


def _simple_denials(item: Any) -> tuple[DeniedAmount, ...]:
    denied = _amount(item, "valorGlosa")
    return (DeniedAmount(_text(item, "codigoGlosa") or "", denied),) if denied else ()


def _amount(node: Any, name: str) -> Cents:
    text = _text(node, name) or ""
    try:
        return parse_money(text)
    except ValueError:
        raise refuse(ErrorCode.INVALID_AMOUNT, f"invalid amount in {name}", "xml", "5040") from None


def _decision_line(decision: tiss.Decisao) -> StatementLine:
    denied = Cents(decision.valor_glosa_cents)
    return StatementLine(
        provider_claim_number=decision.guia_ref or None,
        payer_claim_number=decision.guia_operadora or None,
        item_sequence=None,
        item_code=decision.tuss_code or None,
        paid=Cents(decision.valor_liberado_cents),
        denials=(DeniedAmount(_reason(decision.motivo), denied),) if denied else (),
    )


def _reason(text: str) -> str:
    """The first code of Tabela 38 in a sentence such as `1707 - …`."""
    return next((code for code in _CODE.findall(text) if tabela38.description(code) is not None), "")


def _differences(decisions: list[tiss.Decisao], lines: list[StatementLine]) -> list[Failure]:
    """A failure unless the items' denials add up to those that `tiss` read: a contradictory document is refused."""
    read_by_tiss = sum(decision.valor_glosa_cents for decision in decisions)
    read_here = sum(denial.amount for line in lines for denial in line.denials)
    if read_by_tiss == read_here:
        return []
    return [
        Failure(
            ErrorCode.TOTAL_MISMATCH, "the denials of the items do not add up to those of the guides", "xml", "5042"
        )
    ]
