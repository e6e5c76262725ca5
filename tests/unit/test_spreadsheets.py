"""Payers' spreadsheets as statements: which layouts are read, and what is refused with its row and its column."""

import io
import zipfile
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest

from app.domain.claims import DeniedAmount
from app.domain.errors import BillingError
from app.domain.money import Cents, format_money
from app.domain.sheet_cells import Reading, Unreadable, amount, codes, day, number_text
from app.domain.sheet_columns import SheetColumn as Column
from app.domain.sheet_columns import digest_of, propose
from app.domain.sheet_rows import SheetRowKind as Kind
from app.domain.statement import StatementLine
from app.tiss.sheet_statements import SheetReading, read
from tests.spreadsheets import ITEM_HEADER, text_file, workbook

GUIDES = ("Guia", "Vl. Informado", "Valor Pago")
UNREADABLE = "the workbook cannot be read: save it again as .xlsx, or as .csv"
NOVEMBER = date(2026, 11, 2)


def _read(content: bytes) -> SheetReading:
    return read(content, None, {})


def _line(number: str, paid: int, **changes: Any) -> StatementLine:
    values = {"payer_claim_number": None, "item_sequence": None, "item_code": None, **changes}
    return StatementLine(number, paid=Cents(paid), **values)


def _kinds(found: SheetReading) -> list[str]:
    return [row.kind.value for row in found.rows]


def _failures(found: SheetReading) -> list[str]:
    return [failure.message for failure in found.failures()]


def test_a_row_for_each_item_with_titles_totals_and_a_decimal_comma() -> None:
    item = ("G1", "OP9", "S1", "0042", "Joana", "02/11/2026", "22", "1.01.01.012", "Consulta", "1", "R$ 1.150,00")
    second = ("G1", "OP9", "S1", "0042", "Joana", "02/11/2026", "22", "40304361", "Hemograma", "2,5", "150,00")
    found = _read(
        text_file(
            ("Operadora Exemplo", *[""] * 15),
            ("Emitido em 20/11/2026",),
            ITEM_HEADER,
            (*item, "1.150,00", "1.120,50", "29,50", "1705 - Valor apresentado a maior", "P7"),
            (*second, "150,00", "100,00", "50,00", "1801 / 1705", "P7"),
            [""] * 16,
            ("TOTAL GERAL", *[""] * 9, "1.300,00", "1.300,00", "1.220,50", "79,50", "", ""),
            encoding="cp1252",
        )
    )
    assert (found.encoding, found.separator, found.header_row) == ("windows-1252", ";", 3)
    assert [each.column for each in found.columns] == [
        *(Column.PROVIDER_CLAIM_NUMBER, Column.PAYER_CLAIM_NUMBER, Column.AUTHORIZATION_NUMBER, Column.CARD_NUMBER),
        *(None, Column.PERFORMED_ON, Column.CODE_SYSTEM, Column.ITEM_CODE, Column.DESCRIPTION, Column.QUANTITY),
        *(Column.BILLED_AMOUNT, Column.PROCESSED_AMOUNT, Column.PAID_AMOUNT, Column.DENIED_AMOUNT),
        *(Column.DENIAL_CODE, Column.PROTOCOL_NUMBER),
    ]
    assert _kinds(found) == ["TITLE", "TITLE", "HEADER", "LINE", "LINE", "BLANK", "TOTAL"]
    common = {"payer_claim_number": "OP9", "card_number": "0042", "performed_on": NOVEMBER, "code_system": "22"}
    consultation = {
        **common,
        "item_code": "10101012",
        "protocol_number": "P7",
        "description": "Consulta",
        "quantity": 10_000,
        "billed": 1150_00,
        "processed": 1150_00,
        "denials": (DeniedAmount("1705", Cents(29_50)),),
    }
    count = {
        **common,
        "item_code": "40304361",
        "protocol_number": "P7",
        "description": "Hemograma",
        "quantity": 25_000,
        "billed": 150_00,
        "processed": 150_00,
        "denials": (DeniedAmount("1801", Cents(50_00)),),
    }
    assert found.lines == (_line("G1", 1120_50, **consultation), _line("G1", 100_00, **count))
    assert [(each.column.value, each.lines, each.refused) for each in found.sums] == [
        ("BILLED_AMOUNT", 1300_00, 0),
        ("PROCESSED_AMOUNT", 1300_00, 0),
        ("PAID_AMOUNT", 1220_50, 0),
        ("DENIED_AMOUNT", 79_50, 0),
    ]
    assert [(each.row, each.stated, each.found) for each in found.totals] == [
        (7, 1300_00, 1300_00),
        (7, 1300_00, 1300_00),
        (7, 1220_50, 1220_50),
        (7, 79_50, 79_50),
    ]
    assert [row.difference for row in found.rows if row.line] == [0, 0]
    assert (found.findings, _failures(found)) == ((), [])


def test_a_row_for_each_guide_with_subtotals_and_a_total_that_is_wrong() -> None:
    rows = [("A1", "100,00", "80,00"), ("A2", "50,00", "50,00"), ("Subtotal", "150,00", "130,00")]
    found = _read(text_file(GUIDES, *rows, ("A3", "10,00", "10,00"), ("Total", "160,00", "141,00"), separator="\t"))
    assert _kinds(found) == ["HEADER", "LINE", "LINE", "TOTAL", "LINE", "TOTAL"]
    assert [format_money(line.paid) for line in found.lines] == ["80.00", "50.00", "10.00"]
    assert [(each.row, each.stated, each.found) for each in found.totals] == [
        *((4, 150_00, 150_00), (4, 130_00, 130_00)),
        *((6, 160_00, 160_00), (6, 141_00, 140_00)),
    ]
    assert [(each.kind.value, each.detail) for each in found.findings] == [
        ("TOTALS_DIFFER", "Valor Pago in row 6 is 141.00, its rows add up to 140.00")
    ]


def test_a_column_for_each_reason_and_columns_of_taxes() -> None:
    header = ("Guia Prestador", "Valor Liberado", "Glosa 1705", "1801 - Código inválido", "IRRF", "ISS")
    found = _read(text_file(header, ("A1", "70.00", "20.00", "10.00", "1.05", "-2.00"), separator=","))
    assert [each.denial_code for each in found.columns] == [None, None, "1705", "1801", None, None]
    (line,) = found.lines
    assert line.denials == (DeniedAmount("1705", Cents(20_00)), DeniedAmount("1801", Cents(10_00)))
    (statement,) = found.statements
    assert [(each.type, each.description, each.amount) for each in statement.adjustments] == [
        ("01", "IRRF", 105),
        ("02", "ISS", 200),
    ]
    assert statement.net == 66_95


@pytest.mark.parametrize(
    ("reason", "denied", "expected"),
    [
        ("1705; 1801", "30,00; 5,00", [("1705", 30_00), ("1801", 5_00)]),
        ("1705", "35,00", [("1705", 35_00)]),
        ("1705/1801", "35,00", [("1705", 35_00)]),
        ("Glosa 1705 em 2026", "35,00", [("1705", 35_00)]),
        ("X9", "35,00", [("X9", 35_00)]),
        ("", "0,00", []),
    ],
)
def test_several_reasons_in_one_cell(reason: str, denied: str, expected: list[tuple[str, int]]) -> None:
    header = ("Guia", "Código", "Valor informado", "Valor pago", "Valor glosa", "Motivo da glosa")
    found = _read(text_file(header, ("A1", "10101012", "100,00", "65,00", denied, reason)))
    (line,) = found.lines
    assert [(each.code, each.amount) for each in line.denials] == expected


def test_reasons_with_their_amounts_and_a_reason_for_what_is_missing() -> None:
    header = ("Guia", "Código", "Valor informado", "Valor pago", "Motivo da glosa")
    rows = [("A1", "10101012", "100,00", "65,00", "1705: 30,00; 1801: 5,00"), ("A2", "1", "100,00", "65,00", "1705")]
    found = _read(text_file(header, *rows, separator=";"))
    assert [[(each.code, each.amount) for each in line.denials] for line in found.lines] == [
        [("1705", 30_00), ("1801", 5_00)],
        [("1705", 35_00)],
    ]


def test_a_workbook_with_titles_days_as_numbers_and_days_as_days() -> None:
    header = ("Guia", "Data realização", "Data pagamento", "Código", "Valor apresentado", "Valor liberado")
    serial, moment = (NOVEMBER - date(1899, 12, 30)).days, datetime(2026, 11, 20, 13, 0)  # noqa: DTZ001 - a cell
    found = _read(
        workbook(
            ("Portal do prestador",),
            (),
            header,
            (1234567, serial, moment, 10101012, 33.3, 0.1 + 0.2),
            ("A2", NOVEMBER, moment, "10101012", 10, 9.99),
            ("Total", None, None, None, 43.3, 10.29),
        )
    )
    assert (found.encoding, found.header_row, _kinds(found)[2:]) == (None, 3, ["HEADER", "LINE", "LINE", "TOTAL"])
    values = [(line.provider_claim_number, line.performed_on, line.billed, line.paid) for line in found.lines]
    assert values == [("1234567", NOVEMBER, 33_30, 30), ("A2", NOVEMBER, 10_00, 9_99)]
    (statement,) = found.statements
    assert (statement.paid_on, found.findings) == (date(2026, 11, 20), ())
    assert all(each.stated == each.found for each in found.totals)


def test_a_formula_without_its_result_is_refused_with_its_row_and_column() -> None:
    found = _read(workbook(GUIDES, ("A1", 100, "=B2-20"), ("A2", 50, 50)))
    assert _kinds(found) == ["HEADER", "REFUSED", "LINE"]
    what = "has a formula without its result: open the file in a spreadsheet and save it again"
    assert _failures(found) == [f"row 2, column Valor Pago: {what}"]


@pytest.mark.parametrize(
    ("cells", "failure"),
    [
        (("A1", "1", "10101012", "100.00", "50,00"), "Valor apresentado: is no number with a decimal comma"),
        (("A1", "1", "10101012", "100,00", "cem"), "Valor pago: is no number with a decimal comma"),
        (("A1", "1", "10101012", "100,00", ""), "Valor pago: is empty: a line needs its paid amount, 0,00 too"),
        (("A1", "1", "10101012", "100,00", "1,234"), "Valor pago: has more than two decimals"),
        (("A1", "1", "10101012", "100,00", "100.000.000,00"), "Valor pago: is above 99999999.99"),
        (("", "1", "10101012", "100,00", "50,00"), "Guia: is empty: a line needs the number of its claim"),
        (("A1", "0", "10101012", "100,00", "50,00"), "Item: is no number of an item: 1 to 9999"),
        (
            ("1,23E+15", "1", "10101012", "100,00", "50,00"),
            "Guia: has lost digits in a spreadsheet: ask for the file with this column as text",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_row_and_column(cells: tuple[str, ...], failure: str) -> None:
    header = ("Guia", "Item", "Código", "Valor apresentado", "Valor pago")
    found = _read(text_file(header, ("A0", "1", "10101012", "100,00", "50,00"), cells))
    assert _failures(found) == [f"row 3, column {failure}"]
    assert [line.provider_claim_number for line in found.lines] == ["A0"]


def test_a_day_that_is_none_is_refused() -> None:
    header = ("Guia", "Data atendimento", "Valor pago")
    found = _read(text_file(header, ("A1", "31/02/2026", "1,00"), ("A2", "2026-11-02", "2,00")))
    assert _failures(found) == ["row 2, column Data atendimento: is no day: use dd/mm/yyyy or yyyy-mm-dd"]
    assert [line.performed_on for line in found.lines] == [NOVEMBER]


def test_one_file_with_several_statements_has_each_under_its_own_number() -> None:
    header = ("Demonstrativo", "Guia", "Data pagamento", "Valor pago")
    rows = [("D1", "A1", "02/11/2026"), ("D1", "A2", "03/11/2026"), ("D2", "A3", "03/11/2026"), ("D1", "A4", "")]
    found = _read(text_file(header, *((*row, "10,00") for row in rows)))
    assert [(each.statement_number, each.paid_on, each.kind.value) for each in found.statements] == [
        ("D1", NOVEMBER, "PAYMENT"),
        ("D1-2", date(2026, 11, 3), "PAYMENT"),
        ("D2", date(2026, 11, 3), "PAYMENT"),
        ("D1-3", None, "ANALYSIS"),
    ]


def test_the_same_cells_have_the_same_number_in_every_encoding_and_with_every_separator() -> None:
    rows = [("Guia", "Descrição", "Valor pago"), ("A1", "Consulta médica", "10,00")]
    contents = [
        text_file(*rows),
        text_file(*rows, encoding="utf-8-sig"),
        text_file(*rows, encoding="cp1252"),
        text_file(*rows, separator="\t"),
        text_file(*rows, [""] * 3),
    ]
    numbers = {_read(content).statements[0].statement_number for content in contents}
    assert len(numbers) == 1
    other = _read(text_file(*rows[:1], ("A1", "Consulta médica", "10,01")))
    assert other.statements[0].statement_number not in numbers


def test_a_whole_claim_that_the_sheet_has_twice_waits_the_second_time() -> None:
    rows = [("A1", "10,00", "10,00"), ("A1", "10,00", "10,00"), ("A1", "10,00", "5,00")]
    (statement,) = _read(text_file(GUIDES, *rows)).statements
    assert [[each.kind.value for each in line.findings] for line in statement.lines] == [[], ["REPEATED_CLAIM"], []]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Nº da Guia no Prestador", Column.PROVIDER_CLAIM_NUMBER),
        ("Guia", Column.PROVIDER_CLAIM_NUMBER),
        ("NR_GUIA_OPERADORA", Column.PAYER_CLAIM_NUMBER),
        ("Guia Principal", None),
        *((name, Column.AUTHORIZATION_NUMBER) for name in ("Senha", "Senha da Guia", "Nº Autorização")),
        ("Nome do Beneficiário", None),
        ("Nº Carteira", Column.CARD_NUMBER),
        ("Validade da carteira", None),
        ("Data de Realização", Column.PERFORMED_ON),
        ("Dt Execução", Column.PERFORMED_ON),
        ("DATA DO PAGAMENTO", Column.PAID_ON),
        ("Data de emissão", None),
        ("Competência", None),
        ("Protocolo", Column.PROTOCOL_NUMBER),
        *((name, Column.BATCH_NUMBER) for name in ("Lote", "Número do Lote")),
        *((name, None) for name in ("Validade da senha", "Data da Autorização", "Lote do material", "Valor do Lote")),
        ("Nº Demonstrativo", Column.STATEMENT_NUMBER),
        ("Tabela", Column.CODE_SYSTEM),
        ("Código do Serviço", Column.ITEM_CODE),
        ("TUSS", Column.ITEM_CODE),
        ("Descrição do procedimento", Column.DESCRIPTION),
        ("Qtd. Executada", Column.QUANTITY),
        ("Valor Unitário", None),
        ("VL_INFORMADO", Column.BILLED_AMOUNT),
        ("Valor Apresentado (R$)", Column.BILLED_AMOUNT),
        ("Valor Processado", Column.PROCESSED_AMOUNT),
        ("Vlr. Liberado", Column.PAID_AMOUNT),
        ("Valor do Pagamento", Column.PAID_AMOUNT),
        ("Valor Glosado", Column.DENIED_AMOUNT),
        ("Glosa", Column.DENIED_AMOUNT),
        ("Cód. Glosa", Column.DENIAL_CODE),
        ("Motivo", Column.DENIAL_CODE),
        ("Descrição da glosa", None),
        ("Imposto de Renda (IR)", Column.TAX_AMOUNT),
        ("COFINS", Column.TAX_AMOUNT),
        ("Coparticipação", Column.PATIENT_AMOUNT),
        ("Percentual de franquia", None),
    ],
)
def test_names_that_payers_use_are_known(header: str, expected: Column | None) -> None:
    assert propose([header], [])[0].column is expected


def test_a_column_that_is_called_glosa_may_have_reasons() -> None:
    (column,) = propose(["Glosa"], [["1705"], [""], ["1801 - x"]])
    assert (column.column, column.reading) == (Column.DENIAL_CODE, Reading.CODES)


@pytest.mark.parametrize(
    ("text", "reading", "expected"),
    [
        ("1.234,5", Reading.DECIMAL_COMMA, 1234_50),
        ("1,234.56", Reading.DECIMAL_POINT, 1234_56),
        ("R$ -12,00", Reading.DECIMAL_COMMA, -12_00),
        ("(12,00)", Reading.DECIMAL_COMMA, -12_00),
        ("12,00-", Reading.DECIMAL_COMMA, -12_00),
        ("120", Reading.DECIMAL_POINT, 120_00),
        ("-", Reading.DECIMAL_COMMA, None),
        (" 1\u00a0234,00", Reading.DECIMAL_COMMA, 1234_00),
    ],
)
def test_amounts_are_exact(text: str, reading: Reading, expected: int | None) -> None:
    assert amount(text, reading) == expected


@pytest.mark.parametrize("text", ["1,234,56", "1.23,4", "NaN", "1e5", "١٢", "1 2a", "--1", "12.34.56"])
def test_what_is_no_amount_is_not_guessed(text: str) -> None:
    with pytest.raises(Unreadable):
        amount(text, Reading.DECIMAL_COMMA)


def test_cells_of_other_kinds() -> None:
    assert (day("46328"), day("2/11/2026"), day("2026-11-02T10:00:00")) == (NOVEMBER, NOVEMBER, NOVEMBER)
    assert (codes("1705, 1801"), codes("9999 e 1705"), codes("-")) == (["1705", "1801"], ["1705"], [])
    assert (number_text("'0042"), number_text("-")) == ("0042", None)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "none of the first 30 rows has names of columns: add a row such as Guia;Valor pago"),
        (b"a;b\n1;2", "none of the first 30 rows has names of columns: add a row such as Guia;Valor pago"),
        (b"Guia;Valor pago\n", "the file has no lines below the names of its columns"),
        (b"\x89PNG\r\n\0", "this is no spreadsheet: save it as .csv (UTF-8) or .xlsx"),
        (b"PK\x03\x04 broken", UNREADABLE),
        (b"Guia;Valor pago\n" + b"A1;1,00\n" * 6001, "the spreadsheet has more than 6,000 rows: send several"),
        (b"Guia;Valor pago\n" + b"A1;1,00\n" * 5001, "the file has 5001 lines, of which a call takes 5000: split it"),
    ],
)
def test_a_file_that_is_no_statement_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(BillingError) as refused:
        _read(content)
    assert refused.value.message == message


def _tampered(part: str, content: bytes) -> bytes:
    """A workbook whose part has this content."""
    file = io.BytesIO()
    original = zipfile.ZipFile(io.BytesIO(workbook(GUIDES, ("A1", 1, 1))))
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as changed:
        for each in original.infolist():
            changed.writestr(each.filename, content if each.filename == part else original.read(each))
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
            UNREADABLE,
        ),
        (b" " * (20 * 1024 * 1024), "the workbook is compressed too much to be one of a payer: save it as .csv"),
        (b"<a>", UNREADABLE),
    ],
)
def test_a_workbook_that_takes_much_more_to_read_than_it_has_bytes_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(BillingError) as refused:
        _read(_tampered("xl/worksheets/sheet1.xml", content))
    assert refused.value.message == message


def test_columns_are_read_as_they_are_given_or_stored() -> None:
    content = text_file(("Chave", "Montante"), ("A1", "1.000,00"))
    headers = ("CHAVE", "montante")
    proposed = propose(("Chave", "Montante"), [])
    assert [each.column for each in proposed] == [None, None]
    columns = (
        replace(proposed[0], column=Column.PROVIDER_CLAIM_NUMBER),
        replace(proposed[1], column=Column.PAID_AMOUNT, reading=Reading.DECIMAL_COMMA),
    )
    by_given = read(content, columns, {})
    by_stored = read(content, None, {digest_of(headers): columns})
    assert (by_given.was_stored, by_stored.was_stored) == (False, True)
    assert by_given.lines == by_stored.lines == (_line("A1", 1000_00),)
    with pytest.raises(BillingError) as refused:
        read(text_file(("Chave", "Outro"), ("A1", "1,00")), columns, {})
    assert (refused.value.code, refused.value.failures[0].field) == ("CONFLICT", "columns")
    partly = read(text_file(("Guia", "Glosa"), ("A1", "1,00")), None, {})
    assert (partly.missing, partly.rows) == ((Column.PAID_AMOUNT,), ())


def test_a_row_that_is_nothing_is_a_note() -> None:
    rows = [("A1", "10,00", "10,00"), ("Pago em conta corrente",), GUIDES, ("A2", "1,00", "1,00")]
    found = _read(text_file(GUIDES, *rows))
    assert _kinds(found) == [Kind.HEADER, Kind.LINE, Kind.NOTE, Kind.HEADER, Kind.LINE]
