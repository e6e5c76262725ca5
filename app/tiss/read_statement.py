"""Reads payers' statements (demonstrativos): those of the standard, of every version and for dentists too, and the
other layouts that payers send.

The names of elements decide, not their places: versions move them, and a document that breaks the schema still says
what was paid. What the schema objects to is a finding.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from lxml import etree

from app.domain.errors import BillingError, ErrorCode, refuse
from app.domain.money import Cents
from app.domain.settlements import PaymentMethod
from app.domain.statement import (
    STATEMENTS_MAX,
    AdjustmentDirection,
    AdjustmentLevel,
    StatementAdjustment,
    StatementFinding,
    StatementFindingKind,
    StatementKind,
    StatementLine,
)
from app.tiss import message, statement_checks
from app.tiss.encoding import rightly_declared
from app.tiss.message import NoMessage, NotXml
from app.tiss.statement_checks import Tally
from app.tiss.statement_guides import guides
from app.tiss.statement_values import UNREADABLE, Values, cents, first_text
from app.tiss.structure import safe_parser
from app.tiss.tree import name_of
from app.tiss.xml_guard import count_guides
from app.values.frozen import frozen

NO_PROVIDER: Final = ("0000000", "9999999")
"""What payers write in place of a CNES that they do not know."""
PAYMENTS: Final = ("pagamentosPorData", "dadosPagamentoPorData")
_METHODS: Final = {"1": PaymentMethod.BANK_TRANSFER, "3": PaymentMethod.BOLETO, "4": PaymentMethod.CHECK}
_DIRECTIONS: Final = {"1": AdjustmentDirection.DEBIT, "2": AdjustmentDirection.CREDIT}


@frozen
class StatementMessage:
    """A statement of the document; None where the document does not say it."""

    payer: str | None
    provider: str | None
    statement_number: str | None
    kind: StatementKind
    issued_on: date | None
    paid_on: date | None
    method: PaymentMethod | None
    bank_reference: str | None
    net: Cents | None
    lines: tuple[StatementLine, ...]
    adjustments: tuple[StatementAdjustment, ...]
    findings: tuple[StatementFinding, ...]
    # Of a long document, whose lines are read apart: which of its sections has them.
    section: int | None = None


@dataclass(slots=True)
class Section:
    """The guides below an element: their lines, unless these are read apart, and what they say together."""

    tally: Tally
    lines: tuple[StatementLine, ...] = ()
    place: int | None = None


def read(xml: bytes) -> tuple[StatementMessage, ...]:
    """The statements in this document, one for each day of payment; INVALID_INPUT with the reason if there is none."""
    root, shared = _opened(xml)
    return statements_of(root, shared, _section)


def statements_of(
    root: Any, shared: Sequence[StatementFinding], sections: Callable[[Any], Section]
) -> tuple[StatementMessage, ...]:
    """The statements of the message or document, with what was noticed of all of them; `sections` gives the guides
    below an element."""
    found: list[StatementMessage] = []
    left_out: list[StatementMessage] = []
    says_something, unreadable = False, None
    for node in _statements(root):
        for each, tally in _of_node(node, sections):
            says_something = says_something or tally.says_something
            unreadable = unreadable or tally.unreadable
            if tally.count:
                found.append(each)
            elif each.adjustments:
                left_out.append(each)
    if not says_something and unreadable:
        text = f"no amount of the document can be read: write valorLiberado of its line {unreadable} like 1234.56"
        raise invalid(text)
    if not says_something:
        raise invalid("the document has no guides with amounts: send a demonstrativo of the payer")
    if len(found) > STATEMENTS_MAX:
        raise invalid(f"the document has more than {STATEMENTS_MAX} statements: split it")
    if left_out:
        found[0] = replace(found[0], findings=(*found[0].findings, *map(_left_out, left_out)))
    sender = _sender(root)
    return tuple(
        replace(each, findings=(*shared, *statement_checks.of_sender(each.payer, sender), *each.findings))
        for each in found
    )


def _left_out(statement: StatementMessage) -> StatementFinding:
    """A day of debits and credits alone is not imported: whoever releases the other days knows of it."""
    day = statement.paid_on or statement.statement_number or "a day"
    return StatementFinding(StatementFindingKind.TOTALS_DIFFER, f"{day} has debits or credits and no guides: left out")


def _section(node: Any) -> Section:
    tally = Tally()
    return Section(tally, tuple(line for guide in guides(node) for line in tally.add(guide)))


def read_for(xml: bytes, payer: str, provider: str) -> tuple[StatementMessage, ...]:
    """The statements; CONFLICT if the only one names another payer or provider than these.

    Of a document with several statements each has its own.
    """
    found = read(xml)
    check_parties(found, payer, provider)
    return found


def check_parties(found: Sequence[StatementMessage], payer: str, provider: str) -> None:
    """CONFLICT if the only statement names another payer or provider than these."""
    if len(found) > 1:
        return
    if found[0].payer not in (None, payer):
        text = "the document is from another payer: name that payer"
        raise refuse(ErrorCode.CONFLICT, text, "payer", "5027")
    if found[0].provider not in (None, provider):
        text = "the document is for another provider: name that provider"
        raise refuse(ErrorCode.CONFLICT, text, "provider", "1202")


def _opened(xml: bytes) -> tuple[Any, tuple[StatementFinding, ...]]:
    """The message, or the document if it has none, and what was noticed of it."""
    try:
        document = rightly_declared(xml)
        count_guides(document)
        found = message.parse(document)
    except BillingError as error:
        raise invalid(error.failures[0].message) from None
    except NotXml as error:
        raise invalid(str(error)) from None
    except NoMessage:
        return _other_layout(document), ()
    refuse_error(found.root)
    return found.root, tuple(statement_checks.of_message(found))


def _other_layout(xml: bytes) -> Any:
    return etree.fromstring(xml, safe_parser())


def refuse_error(root: Any) -> None:
    """A message that says why there is no statement is none."""
    error = next((each for each in root.iter() if name_of(each) == "mensagemErro"), None)
    if error is not None:
        code = first_text(error, "codigoGlosa") or ""
        raise invalid(f"the payer answers with an error ({code[:4]}) instead of a statement: ask it why")
    if any(name_of(each) == "loteGuias" for each in root.iter()):
        raise invalid("the document is a batch of guides: send a demonstrativo of the payer")


def _statements(root: Any) -> list[Any]:
    """The elements of the statements, or the document if none has their names."""
    found = [each for each in root.iter() if is_statement(name_of(each))]
    outermost = [each for each in found if not any(is_statement(name_of(above)) for above in each.iterancestors())]
    return outermost or [root]


def is_statement(name: str) -> bool:
    """Whether an element of this name is a statement."""
    return name.startswith(("demonstrativoAnalise", "demonstrativoPagamento", "demonstrativoOdonto"))


def _of_node(node: Any, sections: Callable[[Any], Section]) -> Iterator[tuple[StatementMessage, Tally]]:
    """The statement, or one for each day of payment: the first has its number, the next ones `number-2`, `number-3`."""
    payments = [each for each in node.iter() if name_of(each) in PAYMENTS]
    header = replace(_header(node), findings=tuple(statement_checks.of_values(node)))
    if not payments:
        only, tally = _with_lines(header, node, _adjustments(node, AdjustmentLevel.STATEMENT), sections)
        yield _checked(only, tally, node), tally
        return
    of_statement: Sequence[StatementAdjustment] = _adjustments(node, AdjustmentLevel.STATEMENT, outside=payments)
    for place, payment in enumerate(payments, start=1):
        of_day = _adjustments(payment, AdjustmentLevel.PAYMENT_DATE)
        with_lines, tally = _with_lines(header, payment, of_day, sections)
        paid = _payment(with_lines, payment)
        found = statement_checks.of_payment(tally.paid, of_day, paid.net, payment)
        paid = replace(paid, findings=(*paid.findings, *found))
        if tally.count or place == len(payments):
            # The first day that is imported has those of the whole statement too.
            paid, of_statement = replace(paid, adjustments=(*of_day, *of_statement)), ()
        if place > 1 and paid.statement_number is not None:
            paid = replace(paid, statement_number=f"{paid.statement_number[:17]}-{place}")
        yield (_checked(paid, tally, node) if len(payments) == 1 else paid), tally


def _checked(statement: StatementMessage, tally: Tally, node: Any) -> StatementMessage:
    found = statement_checks.of_statement(tally.paid, statement.adjustments, node)
    return replace(statement, findings=(*statement.findings, *found))


def _header(node: Any) -> StatementMessage:
    provider = first_text(node, "CNES")
    return StatementMessage(
        payer=first_text(node, "registroANS"),
        provider=None if provider in NO_PROVIDER else provider,
        statement_number=first_text(node, "numeroDemonstrativo"),
        kind=StatementKind.ANALYSIS if name_of(node).startswith("demonstrativoAnalise") else StatementKind.PAYMENT,
        issued_on=_day(node, "dataEmissao"),
        paid_on=_day(node, "dataPagamento"),
        method=None,
        bank_reference=None,
        net=None,
        lines=(),
        adjustments=(),
        findings=(),
    )


def _day(node: Any, *names: str) -> date | None:
    found = next((each for each in node.iter() if name_of(each) in names), None)
    return None if found is None else Values(found.getparent()).day(*names)


def _with_lines(
    statement: StatementMessage,
    node: Any,
    adjustments: Sequence[StatementAdjustment],
    sections: Callable[[Any], Section],
) -> tuple[StatementMessage, Tally]:
    """The statement with the guides below this element, or its protocols where the guides are not named."""
    section = sections(node)
    findings = (*statement.findings, *statement_checks.of_guides(section.tally, node))
    if not section.tally.count:
        section = _of_protocols(node)
    found = replace(
        statement, lines=section.lines, adjustments=tuple(adjustments), findings=findings, section=section.place
    )
    return found, section.tally


def _of_protocols(node: Any) -> Section:
    found = Section(Tally(), tuple(_protocol_lines(node)))
    for line in found.lines:
        found.tally.add_line(line)
    return found


def _protocol_lines(node: Any) -> Iterator[StatementLine]:
    """A payment of whole protocols: the guides are in the analysis of the same protocol."""
    for each in node.iter():
        if name_of(each) != "numeroProtocolo":
            continue
        values = Values(each.getparent())
        paid = values.amount("valorLiberado", "valorPago")
        if paid is not None:
            yield StatementLine(
                provider_claim_number=None,
                payer_claim_number=None,
                item_sequence=None,
                item_code=None,
                paid=paid,
                billed=values.amount("valorInformado"),
                processed=values.amount("valorProcessado"),
                protocol_number=values.text("numeroProtocolo"),
            )


def _payment(statement: StatementMessage, node: Any) -> StatementMessage:
    """The statement with the day, the account and the amount of this payment."""
    found = next((each for each in node if name_of(each) == "dadosPagamento"), node)
    values = Values(found)
    account = [values.text(*names) for names in (("banco",), ("agencia",), ("nrContaCheque", "conta"))]
    reference = "/".join(each for each in account if each)
    net = first_text(node, "liquidoPorData", "valorFinalAReceberPorData")
    return replace(
        statement,
        paid_on=values.day("dataPagamento"),
        method=_METHODS.get(values.text("formaPagamento") or ""),
        bank_reference=reference[:60] or None,
        net=None if net is None else _readable(cents(net)),
    )


def _readable(amount: Cents) -> Cents | None:
    return None if amount == UNREADABLE else amount


def _adjustments(node: Any, level: AdjustmentLevel, *, outside: Sequence[Any] = ()) -> tuple[StatementAdjustment, ...]:
    """The debits and credits below this element that are not below one of the others."""
    others = set(outside)
    parents = dict.fromkeys(each.getparent() for each in node.iter() if name_of(each) == "valorDbCr")
    found = [each for each in parents if others.isdisjoint(each.iterancestors())]
    read_ones = (_adjustment(Values(each), level) for each in found)
    return tuple(each for each in read_ones if each.amount not in (0, UNREADABLE))


def _adjustment(values: Values, level: AdjustmentLevel) -> StatementAdjustment:
    """A debit unless the document says that it is a credit; its sign says nothing that `indicador` does not."""
    amount = Cents(abs(values.amount("valorDbCr") or 0))
    direction = _DIRECTIONS.get(values.text("indicador") or "1", AdjustmentDirection.DEBIT)
    return StatementAdjustment(
        direction,
        level,
        (values.text("tipoDebitoCredito") or "")[:2] or None,
        (values.text("descricaoDbCr") or "")[:100] or None,
        amount,
    )


def _sender(root: Any) -> str | None:
    """The payer that the header of the message names."""
    header = next((each for each in root if name_of(each) == "cabecalho"), None)
    origin = None if header is None else next((each for each in header if name_of(each) == "origem"), None)
    return None if origin is None else first_text(origin, "registroANS")


def invalid(text: str) -> BillingError:
    """INVALID_INPUT for a document that is no statement."""
    return refuse(ErrorCode.INVALID_INPUT, f"invalid TISS statement: {text}", "xml", "5001")
