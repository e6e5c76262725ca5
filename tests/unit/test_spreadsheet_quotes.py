"""Quotation marks of a .csv that do not end: the rows below are not lost in a cell."""

import pytest

from app.domain.errors import BillingError
from app.tiss.sheet_statements import read


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('Guia;Valor Pago\nG1;10,00\n"G2;20,00\nG3;30,00\n', "row 3 has a quotation mark that does not end: remove it"),
        (
            'Guia;Valor Pago\n"G1;10,00\nG2;20,00\n"G3;30,00\n',
            "row 2 has a quotation mark that does not end: remove it",
        ),
        (
            'Guia;Valor Pago\n"G1;10,00' + "\n" * 200_000,
            "the file has a cell that does not end, perhaps for a quotation mark: save it as .xlsx",
        ),
    ],
)
def test_no_row_is_lost_in_a_cell_whose_quotation_does_not_end(text: str, message: str) -> None:
    with pytest.raises(BillingError) as refused:
        read(text.encode(), None, {})
    assert refused.value.message == message
    told = read(b'Guia;Obs;Valor Pago\nG1;"dois; textos\nem linhas";10,00\n', None, {})
    assert [line.paid for line in told.lines] == [10_00]
