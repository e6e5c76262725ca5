"""Amounts of payers' spreadsheets beside what is paid and denied: taxes below the lines, and what patients owe."""

from app.domain.claims import DeniedAmount
from app.domain.money import Cents
from app.tiss.sheet_statements import SheetReading, read
from tests.spreadsheets import text_file

GUIDES = ("Guia", "Vl. Informado", "Valor Pago")


def _read(content: bytes) -> SheetReading:
    return read(content, None, {})


def test_taxes_below_the_lines_are_of_the_whole_statement_and_no_lines() -> None:
    rows = [("ISS-1001", "100,00", "90,00"), ("", "", ""), ("Total", "100,00", "90,00")]
    taxes = [("(-) IRRF 1,5%", "", "-1,35"), ("PCC", "4,19", ""), ("CSLL", "0,00", "0,00"), ("Líquido", "", "84,46")]
    found = _read(text_file(GUIDES, *rows, *taxes))
    assert [row.kind.value for row in found.rows] == ["HEADER", "LINE", "BLANK", "TOTAL", "TAX", "TAX", "TAX", "TOTAL"]
    (statement,) = found.statements
    assert [(each.type, each.description, each.amount) for each in statement.adjustments] == [
        ("01", "(-) IRRF 1,5%", 135),
        ("09", "PCC", 419),
    ]
    assert (statement.net, len(statement.lines), found.findings) == (84_46, 1, ())
    twice = _read(text_file(GUIDES, rows[0], ("IRRF", "1,00", "2,00")))
    assert twice.failures()[0].message.endswith("names a tax: write its amount once, in the column of paid amounts")
    days = (*GUIDES, "Data de pagamento")
    two = [("A1", "10,00", "10,00", "01/11/2026"), ("A2", "10,00", "10,00", "02/11/2026"), ("ISS", "", "1,00", "")]
    several = _read(text_file(days, *two))
    assert "several statements" in several.failures()[0].message
    assert [each.adjustments for each in several.statements] == [(), ()]


def test_what_the_patient_owes_is_neither_paid_nor_denied() -> None:
    header = ("Guia", "Código", "Valor informado", "Vlr Franquia", "Valor pago", "Motivo da glosa")
    rows = [("A1", "1", "100,00", "20,00", "65,00", "1705"), ("A2", "1", "100,00", "-100,00", "", "")]
    found = _read(text_file(header, *rows))
    assert [(line.paid, line.patient) for line in found.lines] == [(65_00, 20_00), (0, 100_00)]
    assert found.lines[0].denials == (DeniedAmount("1705", Cents(15_00)),)
    assert [row.difference for row in found.rows if row.line] == [0, 0]
