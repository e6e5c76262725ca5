"""The guides of a statement as its lines: one for each item, or one for a guide whose items are not named."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from app.domain import tabela38
from app.domain.allocation import spread
from app.domain.claims import DeniedAmount
from app.domain.money import Cents
from app.domain.statement import StatementLine
from app.tiss.statement_values import UNREADABLE, Values, first_text
from app.tiss.tree import name_of
from app.values.frozen import frozen

NUMBERS: Final = ("numeroGuiaPrestador", "numeroGuiaOperadora")
_ITEMS: Final = ("detalhesGuia", "dadosPagamento")
_PAID: Final = ("valorLiberado", "valorPago")
_DENIED: Final = ("valorGlosa", "valorGlosaEstorno")
_REASONS: Final = ("tipoGlosa", "codigoGlosa", "codigosGlosa")
BILLED_TOTALS: Final = ("valorInformadoGuia", "valorTotalInformadoGuia")
PROCESSED_TOTALS: Final = ("valorProcessadoGuia", "valorTotalProcessadoGuia")
PAID_TOTALS: Final = ("valorLiberadoGuia", "valorTotalLiberadoGuia", "valorPagoGuia")
_OF_PATIENT: Final = ("valorFranquia", "valorFranquiaGuia", "valorTotalFranquiaGuia")
DENIED_TOTALS: Final = ("valorGlosaGuia", "valorTotalGlosaGuia")


@frozen
class Guide:
    """A guide of the document: its lines, and its values, which have its totals."""

    values: Values
    lines: tuple[StatementLine, ...]

    @property
    def has_items(self) -> bool:
        """Whether its lines are items: a guide without items has one line for its totals."""
        return any(line.item_sequence is not None or line.item_code is not None for line in self.lines)


def guides(statement: Any) -> Iterator[Guide]:
    """The elements that have a claim's number, each once, in document order."""
    seen: set[Any] = set()
    # Of the element around the guides: the elements are held, since the library makes new ones at every look.
    protocols: dict[Any, str | None] = {}
    for node in statement.iter():
        if name_of(node) not in NUMBERS:
            continue
        guide = node.getparent()
        if guide is None or guide in seen:
            continue
        seen.add(guide)
        around = guide if guide is statement else guide.getparent()
        if around not in protocols:
            protocols[around] = _protocol(around, statement)
        yield _guide(guide, protocols[around])


def guide_of(node: Any, statement: Any) -> Guide:
    """The guide that this element of the statement is."""
    return _guide(node, _protocol(node if node is statement else node.getparent(), statement))


def _protocol(around: Any, statement: Any) -> str | None:
    """The number of the protocol whose guides these are."""
    node = around
    while node is not None:
        number = Values(node).text("numeroProtocolo")
        if number is not None or node is statement:
            return number
        node = node.getparent()
    return None


def _guide(node: Any, protocol: str | None) -> Guide:
    values = Values(node)
    base = StatementLine(
        provider_claim_number=values.text("numeroGuiaPrestador"),
        payer_claim_number=values.text("numeroGuiaOperadora"),
        item_sequence=None,
        item_code=None,
        paid=UNREADABLE,
        card_number=values.text("numeroCarteira", "carteiraBeneficiario"),
        protocol_number=protocol,
    )
    lines = [_item(base, item) for item in _items(values)]
    return Guide(values, tuple(_with_reason(lines, values)) if lines else (_whole(base, values),))


def _items(guide: Values) -> list[Any]:
    """The elements of its items: those of the standard, or every `procedimento` with an amount of its own."""
    of_standard = guide.nodes(*_ITEMS)
    if of_standard:
        return of_standard
    found = (each for each in guide.node.iter() if name_of(each) == "procedimento")
    return [each for each in found if Values(each).text(*_PAID, *_DENIED) is not None]


def _item(base: StatementLine, node: Any) -> StatementLine:
    values = Values(node)
    inner = values.nodes("procedimento")
    procedure = Values(inner[0]) if inner else values
    paid = values.amount(*_PAID)
    return replace(
        base,
        item_sequence=_sequence(values.text("sequencialItem")),
        item_code=procedure.text("codigoProcedimento"),
        # An item without an amount of its own cannot be posted, and must not be taken for one of 0.00.
        paid=UNREADABLE if paid is None else paid,
        denials=tuple(_denials(values)),
        patient=values.amount(*_OF_PATIENT) or Cents(0),
        billed=values.amount("valorInformado"),
        processed=values.amount("valorProcessado"),
        quantity=values.quantity("qtdExecutada", "quantidadeExecutada", "qtdProc"),
        performed_on=values.day("dataRealizacao", "dataExecucao"),
        code_system=procedure.text("codigoTabela"),
        description=procedure.text("descricaoProcedimento"),
    )


def _sequence(text: str | None) -> int | None:
    """The item's number; -1 for what is no number."""
    if text is None:
        return None
    return int(text) if text.isascii() and text.isdigit() and len(text) <= len("9999") else -1


def _denials(values: Values) -> Iterator[DeniedAmount]:
    """Each denied amount with its reason; one amount with several reasons has the first of them."""
    related = values.nodes("relacaoGlosa")
    for each in map(Values, related):
        denied = each.amount(*_DENIED)
        if denied:
            yield DeniedAmount(_code(each.text(*_REASONS)), denied)
    denied = None if related else values.amount(*_DENIED)
    if denied:
        yield DeniedAmount(_code(first_text(values.node, *_REASONS, "motivoGlosa")), denied)


def _code(text: str | None) -> str:
    """The code, also of a sentence such as `1707 - …`; empty if there is none."""
    words = (text or "").replace("-", " ").split()
    known = (word for word in words if tabela38.description(word) is not None)
    return next(known, words[0] if words else "")


def _whole(base: StatementLine, guide: Values) -> StatementLine:
    """The line of a guide whose items are not named: its totals."""
    denied = guide.amount(*DENIED_TOTALS, *_DENIED)
    reason = _code(first_text(guide.node, *_REASONS, "motivoGlosa"))
    paid = guide.amount(*PAID_TOTALS, *_PAID)
    return replace(
        base,
        paid=UNREADABLE if paid is None else paid,
        # A statement of payments names what was denied, and leaves the reasons to the analysis.
        denials=(DeniedAmount(reason, denied),) if denied and reason else (),
        patient=guide.amount(*_OF_PATIENT) or Cents(0),
        billed=guide.amount(*BILLED_TOTALS, "valorInformado"),
        processed=guide.amount(*PROCESSED_TOTALS, "valorProcessado"),
    )


def _with_reason(lines: Sequence[StatementLine], guide: Values) -> Sequence[StatementLine]:
    """The lines with the guide's reason for what is denied without a reason of their own (motivoGlosaGuia)."""
    reasons = guide.nodes("motivoGlosaGuia")
    open_lines = [line for line in lines if not line.denials and _gap(line) > 0]
    if not reasons or not open_lines:
        return lines
    code = _code(first_text(reasons[0], *_REASONS))
    gaps = [_gap(line) for line in open_lines]
    denied = guide.amount(*DENIED_TOTALS)
    own = sum(denial.amount for line in lines for denial in line.denials)
    rest = sum(gaps) if denied is None else min(max(denied - own, 0), sum(gaps))
    parts = dict(zip(map(id, open_lines), spread(Cents(rest), gaps), strict=True))
    return [
        replace(line, denials=(DeniedAmount(code, parts[id(line)]),)) if parts.get(id(line)) else line for line in lines
    ]


def _gap(line: StatementLine) -> Cents:
    """What the item was billed above what is paid or owed by the patient; 0 where the document does not say."""
    billed = line.billed if line.billed is not None else line.processed
    if billed is None or UNREADABLE in (line.paid, line.patient, billed):
        return Cents(0)
    return Cents((billed or 0) - line.paid - line.patient)
