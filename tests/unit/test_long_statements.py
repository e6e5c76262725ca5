"""A long statement is read part by part, as a short one is read at once."""

from dataclasses import dataclass, replace

import pytest

from app.domain.errors import BillingError
from app.domain.readable_lines import readable_line
from app.domain.settlements import PaymentMethod
from app.domain.statement import Statement, StatementLine
from app.tiss import read_statement, statement_stream
from app.tiss.read_statement import StatementMessage
from tests.payer_documents import Guide, Item, analysis, message, payment

ENVELOPE = (
    '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>{}</soap:Body></soap:Envelope>'
)


@dataclass(frozen=True)
class World:
    """The parties of the documents."""

    payer: str = "123456"
    provider: str = "1234567"
    card: str = "00012345"


WORLD = World()


def _guides(count: int, **changes: str) -> list[Guide]:
    items = (Item(paid="60.00", denials=(("1705", "40.00"),)), Item(sequence="2", code="40304361"))
    return [Guide(f"G{number}", WORLD.card, items, **changes) for number in range(count)]


def _document(*statements: str, **changes: str) -> str:
    return message(WORLD.payer, *statements, **changes)


def _other_layout() -> str:
    guide = (
        "<guia><numeroGuiaPrestador>{}</numeroGuiaPrestador><dataPagamento>2026-11-02</dataPagamento><procedimento>"
        "<codigoProcedimento>10101012</codigoProcedimento><valorPago>10,50</valorPago></procedimento></guia>"
    )
    return f"<extrato><registroANS>123456</registroANS>{''.join(guide.format(each) for each in range(9))}</extrato>"


DOCUMENTS = {
    "analysis": _document(analysis(WORLD, "A-1", *_guides(9))),
    "two statements": _document(analysis(WORLD, "A-1", *_guides(3)), analysis(WORLD, "A-2", *_guides(4))),
    "a guide twice": _document(analysis(WORLD, "A-1", *_guides(3), *_guides(2))),
    "wrong totals": _document(analysis(WORLD, "A-1", *_guides(3, paid="1.00"), total="7.00")),
    "wrong hash": _document(analysis(WORLD, "A-1", *_guides(3)), digest="0" * 32),
    "another schema": _document(analysis(WORLD, "A-1", *_guides(3)), version="3.05.00"),
    "against the schema": _document(analysis(WORLD, "A-1", *_guides(3)).replace("qtdExecutada>", "quantos>")),
    "unreadable amounts": _document(analysis(WORLD, "A-1", *_guides(3)).replace("60.00", "muito")),
    "days of payment": _document(
        payment(WORLD, "P-1", "2026-11-02", "2026-11-03", debits=(("1", "01", "9.00"),), net="891.00")
    ),
    "other layout": _other_layout(),
}


def _lines(found: StatementMessage) -> tuple[StatementLine, ...]:
    return tuple(readable_line(line) for line in found.lines)


def _headed(found: StatementMessage) -> Statement:
    return Statement(
        payer=WORLD.payer,
        provider=WORLD.provider,
        statement_number=found.statement_number or "N",
        paid_on=found.paid_on,
        method=PaymentMethod.BANK_TRANSFER,
        bank_reference=None,
        lines=(),
        kind=found.kind,
        issued_on=found.issued_on,
        net=found.net,
        adjustments=found.adjustments,
        own_number=found.statement_number,
    )


def _streamed(xml: bytes, part: int) -> tuple[list[statement_stream.LongStatement], dict[int, list[StatementLine]]]:
    blocks = []
    parts = [xml[start : start + part] for start in range(0, len(xml), part)]
    for number, each in enumerate(parts):
        statement_stream.look("t", number, each)
    statement_stream.begin("t")
    for number, each in enumerate(parts):
        blocks += statement_stream.feed("t", number, each)
    found, more = statement_stream.close("t", WORLD.payer, WORLD.provider)
    lines: dict[int, list[StatementLine]] = {}
    for block in [*blocks, *more]:
        assert block.count == len(block.lines())
        lines.setdefault(block.section, []).extend(block.lines())
    return found, lines


@pytest.mark.parametrize("name", DOCUMENTS)
@pytest.mark.parametrize("part", [700, 100_000])
def test_parts_say_what_the_whole_says(name: str, part: int) -> None:
    xml = DOCUMENTS[name].encode("iso-8859-1")
    whole = read_statement.read_for(xml, WORLD.payer, WORLD.provider)
    streamed, lines = _streamed(xml, part)
    assert [replace(each.message, section=None) for each in streamed] == [replace(each, lines=()) for each in whole]
    for each, expected in zip(streamed, whole, strict=True):
        stored = _lines(expected)
        assert tuple(lines[each.section]) == stored
        assert (each.count, each.paid) == (len(stored), sum(line.paid for line in stored))
        assert each.failures == ()
        statement = _headed(expected)
        assert statement_stream.digest("t", each.section, statement) == replace(statement, lines=stored).digests


def test_a_message_in_an_envelope_is_only_not_validated() -> None:
    body = DOCUMENTS["analysis"].partition("?>")[2]
    xml = ENVELOPE.format(body).encode()
    (whole,) = read_statement.read(xml)
    ((streamed,), _lines_of) = _streamed(xml, 500)
    assert (streamed.message.findings, streamed.count) == (whole.findings, len(whole.lines)) == ((), 18)


@pytest.mark.parametrize(
    ("xml", "text"),
    [
        ("<a><b></a>", "the XML is not well-formed at line 1: send it as your system wrote it"),
        ("<!DOCTYPE a><a/>", "the XML has a document type (DOCTYPE): remove it, TISS documents have none"),
        ("<ans:a/>", "a namespace is not declared rightly (line 1): write xmlns as the standard has it"),
        ("<a xmlns='ht)p://a'/>", "a namespace is not declared rightly (line 1): write xmlns as the standard has it"),
        ("  ", "the document is empty: send a TISS message"),
        ("<a/>", "the document has no guides with amounts: send a demonstrativo of the payer"),
    ],
)
def test_what_is_no_statement_is_refused_as_at_once(xml: str, text: str) -> None:
    for read in (lambda: _streamed(xml.encode(), 3), lambda: read_statement.read(xml.encode())):
        with pytest.raises(BillingError) as refused:
            read()
        assert [each.message for each in refused.value.failures] == [f"invalid TISS statement: {text}"]


def test_a_reading_that_is_not_known_is_lost() -> None:
    statement_stream.look("a", 0, b"<a></a>")
    statement_stream.begin("a")
    statement_stream.feed("a", 0, b"<a>")
    with pytest.raises(statement_stream.ReadingLost):
        statement_stream.feed("a", 2, b"</a>")
    statement_stream.forget("a")
    with pytest.raises(statement_stream.ReadingLost):
        statement_stream.feed("a", 1, b"</a>")
