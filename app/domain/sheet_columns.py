"""Columns of payers' spreadsheets: what each of them says, proposed from its header and confirmed by a person."""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

import orjson

from app.domain import tabela38
from app.domain.described import DescribedEnum
from app.domain.errors import ErrorCode, Failure
from app.domain.sheet_cells import Cell, Reading, Uncalculated, mark_of, text_of
from app.domain.text import ascii_failure, fold, text_failure
from app.values.frozen import frozen

COLUMNS_MAX: Final = 60
HEADER_LENGTH_MAX: Final = 100
TAX_TYPE_LENGTH_MAX: Final = 2


class SheetColumn(DescribedEnum):
    """What a column of a payer's spreadsheet says."""

    PROVIDER_CLAIM_NUMBER = "PROVIDER_CLAIM_NUMBER", "The provider's claim number (numeroGuiaPrestador)."
    PAYER_CLAIM_NUMBER = "PAYER_CLAIM_NUMBER", "The payer's claim number (numeroGuiaOperadora)."
    PROTOCOL_NUMBER = "PROTOCOL_NUMBER", "Number of the payer's protocol (numeroProtocolo)."
    AUTHORIZATION_NUMBER = "AUTHORIZATION_NUMBER", "The payer's authorization of the claim (senha)."
    BATCH_NUMBER = "BATCH_NUMBER", "The provider's number of the batch (numeroLote)."
    STATEMENT_NUMBER = "STATEMENT_NUMBER", "Number of the statement (numeroDemonstrativo)."
    PAID_ON = "PAID_ON", "Day of payment (dataPagamento)."
    CARD_NUMBER = "CARD_NUMBER", "The patient's card (numeroCarteira)."
    PERFORMED_ON = "PERFORMED_ON", "Day of the item (dataRealizacao)."
    ITEM_SEQUENCE = "ITEM_SEQUENCE", "Number of the item within the claim (sequencialItem)."
    CODE_SYSTEM = "CODE_SYSTEM", "Table of the item's code (codigoTabela)."
    ITEM_CODE = "ITEM_CODE", "Code of the item (codigoProcedimento)."
    DESCRIPTION = "DESCRIPTION", "The payer's text of the item (descricaoProcedimento)."
    QUANTITY = "QUANTITY", "Quantity of the item (qtdExecutada)."
    BILLED_AMOUNT = "BILLED_AMOUNT", "Billed amount (valorInformado)."
    PROCESSED_AMOUNT = "PROCESSED_AMOUNT", "Amount that the payer calculated (valorProcessado)."
    PAID_AMOUNT = "PAID_AMOUNT", "Paid amount, before taxes (valorLiberado)."
    DENIED_AMOUNT = "DENIED_AMOUNT", "Denied amount (valorGlosa); of one reason if the column has a `denialCode`."
    DENIAL_CODE = "DENIAL_CODE", "Reasons for the denial, codes of Tabela 38 (tipoGlosa)."
    PATIENT_AMOUNT = "PATIENT_AMOUNT", "What the patient owes instead of the payer (valorFranquia)."
    TAX_AMOUNT = "TAX_AMOUNT", "Withheld tax; which one, `taxType` says (tipoDebitoCredito)."


NUMBERS: Final = (
    SheetColumn.PROVIDER_CLAIM_NUMBER,
    SheetColumn.PAYER_CLAIM_NUMBER,
    SheetColumn.PROTOCOL_NUMBER,
    SheetColumn.AUTHORIZATION_NUMBER,
)
"""What a row that is a line has one of; a row of totals may have the number of a batch."""
NAMES: Final = (*NUMBERS, SheetColumn.BATCH_NUMBER)
"""What a line may be named by."""
AMOUNTS: Final = (
    SheetColumn.BILLED_AMOUNT,
    SheetColumn.PROCESSED_AMOUNT,
    SheetColumn.PAID_AMOUNT,
    SheetColumn.DENIED_AMOUNT,
    SheetColumn.PATIENT_AMOUNT,
    SheetColumn.TAX_AMOUNT,
)
REPEATABLE: Final = (SheetColumn.DENIED_AMOUNT, SheetColumn.DENIAL_CODE, SheetColumn.TAX_AMOUNT)
"""What a sheet may have several columns of."""
_READINGS: Final = {
    SheetColumn.PAID_ON: Reading.DAY,
    SheetColumn.PERFORMED_ON: Reading.DAY,
    SheetColumn.DENIAL_CODE: Reading.CODES,
}
_NUMERIC: Final = (*AMOUNTS, SheetColumn.QUANTITY)
TAX_TYPES: Final = {"irrf": "01", "ir": "01", "iss": "02", "issqn": "02", "inss": "03", "pis": "04", "cofins": "05"} | {
    "csll": "06",
    "pcc": "09",
}
"""Name of a tax -> its code (tipoDebitoCredito); PCC has none of its own, and is known by the text beside it."""


@frozen
class MappedColumn:
    """A column of a sheet: its place from 1, its header, and what it says; None if nothing is read of it.

    `reading` says how its cells are written, `denial_code` the one reason of its amounts, `tax_type` which tax it is.
    """

    position: int
    header: str
    column: SheetColumn | None = None
    reading: Reading = Reading.TEXT
    denial_code: str | None = None
    tax_type: str | None = None


Mapping = tuple[MappedColumn, ...]


def headers_of(row: Sequence[Cell]) -> tuple[str, ...]:
    """The names of the columns in this row, without empty ones at its end."""
    texts = ["" if isinstance(cell, Uncalculated) else " ".join(text_of(cell).split()) for cell in row]
    while texts and not texts[-1]:
        texts.pop()
    return tuple(text[:HEADER_LENGTH_MAX] for text in texts[:COLUMNS_MAX])


def digest_of(headers: Sequence[str]) -> str:
    """Equal for the same names in the same order, however they are capitalized and accented."""
    return hashlib.sha256(orjson.dumps([fold(each) for each in headers])).hexdigest()


def tax_of_row(label: str) -> str | None:
    """The code of the tax that a row is about, by its name such as `(-) IRRF 1,5%`; None for the number of a claim."""
    words = re.findall(r"[a-z0-9]+", fold(label))
    if any(len(word) > 2 and any(map(str.isdecimal, word)) for word in words):
        return None
    return next((TAX_TYPES[word] for word in words if word in TAX_TYPES), None)


def recognized(headers: Sequence[str]) -> int:
    """How many of these names are known."""
    return sum(_named(each)[0] is not None for each in headers)


def propose(headers: Sequence[str], rows: Sequence[Sequence[Cell]]) -> Mapping:
    """What each column says, by its name and by the cells below it."""
    cells = [[row[place] for row in rows if place < len(row)] for place in range(len(headers))]
    taken: set[SheetColumn] = set()
    found: list[MappedColumn] = []
    for place, header in enumerate(headers):
        proposed = _proposed(place + 1, header, cells[place])
        if proposed.column in taken and proposed.column not in REPEATABLE:
            proposed = MappedColumn(proposed.position, header)
        elif proposed.column is not None:
            taken.add(proposed.column)
        found.append(proposed)
    common = mark_of(cell for column in found if column.column in AMOUNTS for cell in cells[column.position - 1])
    return tuple(replace(each, reading=_reading(each.column, cells[each.position - 1], common)) for each in found)


def missing(columns: Iterable[MappedColumn]) -> list[SheetColumn]:
    """What a mapping needs and does not have: the number of a claim or protocol, and what is paid."""
    found = {each.column for each in columns}
    needed = [] if found.intersection(NAMES) else [SheetColumn.PROVIDER_CLAIM_NUMBER]
    return needed if SheetColumn.PAID_AMOUNT in found else [*needed, SheetColumn.PAID_AMOUNT]


def read_as(column: SheetColumn | None, reading: Reading | None) -> Reading:
    """How a column is read for which a caller says this: numbers by their decimal mark, everything else in one way."""
    if column in _NUMERIC:
        return reading if reading is Reading.DECIMAL_POINT else Reading.DECIMAL_COMMA
    return _reading(column, [], None)


def mapping_failures(columns: Mapping) -> list[Failure]:
    """Why these columns cannot be a mapping, with their paths in the input."""
    found = [
        failure
        for index, each in enumerate(columns)
        for failure in _column_failures(f"columns.{index}", each)
        if failure is not None
    ]
    mapped = [each.column for each in columns if each.column is not None]
    twice = sorted({each.value for each in mapped if mapped.count(each) > 1 and each not in REPEATABLE})
    found += [Failure(ErrorCode.INVALID_INPUT, f"only one column can say {name}", "columns") for name in twice]
    found += [
        Failure(ErrorCode.INVALID_INPUT, f"a column must say {each.value}", "columns") for each in missing(columns)
    ]
    return found


def _column_failures(path: str, column: MappedColumn) -> Iterator[Failure | None]:
    yield text_failure(column.header, f"{path}.header", HEADER_LENGTH_MAX, length_min=0)
    if column.denial_code is not None:
        yield tabela38.code_failure(column.denial_code, f"{path}.denialCode")
        if column.column is not SheetColumn.DENIED_AMOUNT:
            yield Failure(ErrorCode.INVALID_INPUT, "only denied amounts have a denialCode", f"{path}.denialCode")
    yield ascii_failure(column.tax_type, f"{path}.taxType", TAX_TYPE_LENGTH_MAX)
    if column.tax_type is not None and column.column is not SheetColumn.TAX_AMOUNT:
        yield Failure(ErrorCode.INVALID_INPUT, "only taxes have a taxType", f"{path}.taxType")


def _reading(column: SheetColumn | None, cells: Sequence[Cell], common: Reading | None) -> Reading:
    if column in _NUMERIC:
        return mark_of(cells) or common or Reading.DECIMAL_COMMA
    return _READINGS.get(column, Reading.TEXT) if column is not None else Reading.TEXT


def _proposed(position: int, header: str, cells: Sequence[Cell]) -> MappedColumn:
    column, detail = _named(header)
    texts = [text_of(cell) for cell in cells if not isinstance(cell, Uncalculated | None)]
    if column is SheetColumn.DENIED_AMOUNT and detail is None and _are_codes(texts):
        column = SheetColumn.DENIAL_CODE
    if column is SheetColumn.ITEM_CODE and texts and not any(re.search("[0-9]{4}", text) for text in texts):
        column = SheetColumn.DESCRIPTION
    tax = detail if column is SheetColumn.TAX_AMOUNT else None
    code = detail if column is SheetColumn.DENIED_AMOUNT else None
    return MappedColumn(position, header, column, denial_code=code, tax_type=tax)


def _are_codes(texts: Sequence[str]) -> bool:
    """Whether the cells of a column that is called `Glosa` are its reasons, not its amounts."""
    filled = [text for text in texts if text not in ("", "-")]
    return bool(filled) and all(tabela38.description(text[:4]) is not None for text in filled)


_ABBREVIATIONS: Final = {
    **dict.fromkeys(("vl", "vlr", "val", "valores"), "valor"),
    **dict.fromkeys(("nr", "n", "no", "num", "nro", "nu"), "numero"),
    **dict.fromkeys(("dt", "dia"), "data"),
    **dict.fromkeys(("cod", "cd"), "codigo"),
    **dict.fromkeys(("qt", "qtd", "qtde", "quant"), "quantidade"),
    **dict.fromkeys(("desc", "descr"), "descricao"),
    **dict.fromkeys(("prest", "contratado"), "prestador"),
    **dict.fromkeys(("oper", "convenio"), "operadora"),
    **dict.fromkeys(("lib", "liberada"), "liberado"),
    **dict.fromkeys(("apres", "apresentada"), "apresentado"),
    **dict.fromkeys(("inf", "informada"), "informado"),
    **dict.fromkeys(("pagto", "pgto", "pag"), "pagamento"),
    **dict.fromkeys(("glosado", "glosada", "glosas", "gl"), "glosa"),
    **dict.fromkeys(("motivos",), "motivo"),
    **dict.fromkeys(("carteirinha", "matricula", "cartao"), "carteira"),
    **dict.fromkeys(("seq", "sequencia"), "sequencial"),
    **dict.fromkeys(("tab",), "tabela"),
}
_BILLED: Final = {"informado", "apresentado", "cobrado", "faturado", "digitado"}
_PROCESSED: Final = {"processado", "calculado", "reconhecido"}
_PAID: Final = {"liberado", "pago", "aprovado", "paga"}
_REASON: Final = {"motivo", "codigo", "tipo"}
_OTHER_DENIAL: Final = {"descricao", "justificativa", "observacao", "data", "quantidade", "situacao", "status"}
_PATIENT: Final = {"franquia", "coparticipacao"}
_PERFORMED: Final = {"realizacao", "atendimento", "execucao", "servico", "procedimento", "realizado"}
_NO_NUMBER: Final = {"principal", "tipo", "situacao", "status", "quantidade", "data", "valor", "senha", "validade"}
_NO_BATCH: Final = _NO_NUMBER | {"operadora", "pagamento", "material", "medicamento", "fabricante"}
_NO_AMOUNT: Final = {"percentual", "tipo", "descricao", "data", "situacao", "status"}

_Rule = tuple[SheetColumn, Callable[[set[str]], bool]]
_RULES: Final[tuple[_Rule, ...]] = (
    (SheetColumn.PERFORMED_ON, lambda words: "data" in words and bool(words & _PERFORMED)),
    (SheetColumn.PAID_ON, lambda words: "data" in words and bool(words & {"pagamento", "credito", "deposito"})),
    (SheetColumn.QUANTITY, lambda words: "quantidade" in words),
    (SheetColumn.PATIENT_AMOUNT, lambda words: bool(words & _PATIENT) and not words & _NO_AMOUNT),
    (SheetColumn.BILLED_AMOUNT, lambda words: bool(words & _BILLED) and not words & {"data", "unitario"}),
    (SheetColumn.PROCESSED_AMOUNT, lambda words: bool(words & _PROCESSED) and "data" not in words),
    (SheetColumn.PAID_AMOUNT, lambda words: bool(words & _PAID) and not words & {"data", "unitario"}),
    (SheetColumn.PAID_AMOUNT, lambda words: words >= {"valor", "pagamento"}),
    (SheetColumn.PAYER_CLAIM_NUMBER, lambda words: words >= {"guia", "operadora"} and not words & _NO_NUMBER),
    (SheetColumn.PROVIDER_CLAIM_NUMBER, lambda words: "guia" in words and not words & _NO_NUMBER),
    (SheetColumn.PROTOCOL_NUMBER, lambda words: "protocolo" in words and not words & _NO_NUMBER),
    (
        SheetColumn.AUTHORIZATION_NUMBER,
        lambda words: bool(words & {"senha", "autorizacao"}) and not words & (_NO_NUMBER - {"senha"}),
    ),
    (SheetColumn.BATCH_NUMBER, lambda words: "lote" in words and not words & _NO_BATCH),
    (SheetColumn.STATEMENT_NUMBER, lambda words: "demonstrativo" in words and not words & _NO_NUMBER),
    (SheetColumn.CARD_NUMBER, lambda words: "carteira" in words and not words & {"validade", "data"}),
    (SheetColumn.ITEM_SEQUENCE, lambda words: "sequencial" in words or words in ({"item"}, {"numero", "item"})),
    (SheetColumn.CODE_SYSTEM, lambda words: "tabela" in words and "descricao" not in words),
    (SheetColumn.DESCRIPTION, lambda words: "descricao" in words and "tabela" not in words),
    (SheetColumn.ITEM_CODE, lambda words: words == {"codigo"} or "tuss" in words),
    (SheetColumn.ITEM_CODE, lambda words: "codigo" in words and bool(words & {"procedimento", "item", "servico"})),
    (SheetColumn.ITEM_CODE, lambda words: words in ({"procedimento"}, {"servico"})),
)


def _named(header: str) -> tuple[SheetColumn | None, str | None]:
    """What a column of this name says, and which reason or tax it is of."""
    listed = [_ABBREVIATIONS.get(word, word) for word in re.findall(r"[a-z0-9]+", fold(header.replace("º", "")))]
    words = set(listed)
    if taxes := [TAX_TYPES[word] for word in listed if word in TAX_TYPES]:
        return SheetColumn.TAX_AMOUNT, taxes[0]
    if words & {"imposto", "impostos", "tributos", "retencao", "retencoes"}:
        return SheetColumn.TAX_AMOUNT, None
    code = next((word for word in listed if re.fullmatch("[0-9]{4}", word)), None)
    if code is not None and tabela38.description(code) is not None:
        return SheetColumn.DENIED_AMOUNT, code
    if words & {"glosa", "motivo"}:
        return _of_denial(words), None
    return next((column for column, fits in _RULES if fits(words)), None), None


def _of_denial(words: set[str]) -> SheetColumn | None:
    if words & _OTHER_DENIAL:
        return None
    is_reason = words & _REASON and "valor" not in words
    return SheetColumn.DENIAL_CODE if is_reason else SheetColumn.DENIED_AMOUNT
