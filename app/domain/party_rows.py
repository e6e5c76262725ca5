"""Rows of a file of master data: which columns a kind of row has, and how their texts are read.

Files come from hospital systems and spreadsheets: names of columns in English or Portuguese, days as YYYY-MM-DD or
dd/mm/yyyy, numbers with punctuation or without their leading zeros.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, Final

from app.domain.described import DescribedEnum
from app.domain.errors import BillingError, ErrorCode, Failure, refuse
from app.domain.text import fold
from app.values.frozen import frozen


class PartyRowKind(DescribedEnum):
    PAYER = "PAYER", "A payer (operadora)."
    PROVIDER = "PROVIDER", "A provider (prestador)."
    PATIENT = "PATIENT", "A patient (beneficiário)."
    COVERAGE = "COVERAGE", "A card of a patient (carteira)."
    PRACTITIONER = "PRACTITIONER", "A practitioner of a provider (profissional)."


class PartyRowOutcome(DescribedEnum):
    TAKEN = "TAKEN", "Registered or changed."
    UNCHANGED = "UNCHANGED", "Everything was known already."
    REFUSED = "REFUSED", "Nothing of the row was stored; see the errors."


@frozen
class PartyRow:
    """A row by its line in the file; `values` has the columns that are not empty, as texts, dates and numbers."""

    line: int
    kind: PartyRowKind | None
    values: Mapping[str, Any]
    failures: tuple[Failure, ...] = ()


_KINDS: Final = {
    "payer": PartyRowKind.PAYER,
    "operadora": PartyRowKind.PAYER,
    "provider": PartyRowKind.PROVIDER,
    "prestador": PartyRowKind.PROVIDER,
    "patient": PartyRowKind.PATIENT,
    "paciente": PartyRowKind.PATIENT,
    "beneficiario": PartyRowKind.PATIENT,
    "coverage": PartyRowKind.COVERAGE,
    "card": PartyRowKind.COVERAGE,
    "carteira": PartyRowKind.COVERAGE,
    "practitioner": PartyRowKind.PRACTITIONER,
    "profissional": PartyRowKind.PRACTITIONER,
}
_ALIASES: Final = {
    "tipo": "kind",
    "registro_ans": "payer_ans_code",
    "ans_code": "payer_ans_code",
    "cnes": "provider_cnes",
    "nome": "name",
    "cnpj": "tax_id",
    "nascimento": "birth_date",
    "data_nascimento": "birth_date",
    "carteira": "card_number",
    "numero_carteira": "card_number",
    "plano": "plan",
    "inicio": "starts_on",
    "fim": "ends_on",
    "validade": "card_valid_until",
    "validade_carteira": "card_valid_until",
    "conselho": "council",
    "numero": "number",
    "numero_conselho": "number",
    "uf": "state",
}
REQUIRED: Final = {
    PartyRowKind.PAYER: ("payer_ans_code", "name"),
    PartyRowKind.PROVIDER: ("provider_cnes", "name", "tax_id"),
    PartyRowKind.PATIENT: ("provider_cnes", "name"),
    PartyRowKind.COVERAGE: ("provider_cnes", "payer_ans_code", "card_number", "plan", "starts_on"),
    PartyRowKind.PRACTITIONER: ("provider_cnes", "name", "council", "number", "state", "cbo"),
}
"""What a row of the kind has to have; the other columns may be empty, which leaves the value as it is."""
_DAY: Final = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
_PUNCTUATION: Final = re.compile(r"[\s./-]")


def column_of(header: str) -> str:
    """What a header is called here: `Registro ANS` is `payer_ans_code`."""
    plain = re.sub(r"[\s-]+", "_", fold(header.strip()))
    return _ALIASES.get(plain, plain)


def read(line: int, columns: Sequence[str], cells: Sequence[str]) -> PartyRow:
    """The row with the values of its cells; failures name the columns."""
    texts = {name: cell.strip() for name, cell in zip(columns, cells, strict=False) if name and cell.strip()}
    named = texts.pop("kind", None)
    kind = _kind_of(columns) if named is None else _KINDS.get(fold(named))
    if kind is None:
        message = "unknown kind: use payer, provider, patient, coverage or practitioner"
        return PartyRow(line, None, {}, (Failure(ErrorCode.INVALID_INPUT, message, "kind"),))
    values, failures = _values(texts)
    failures += [
        Failure(ErrorCode.INVALID_INPUT, "this column is needed", name) for name in REQUIRED[kind] if name not in texts
    ]
    return PartyRow(line, kind, values, tuple(failures))


def _kind_of(columns: Sequence[str]) -> PartyRowKind | None:
    """The kind of all rows of a file without the column `kind`, by what only this kind has."""
    for column, kind in (
        ("card_number", PartyRowKind.COVERAGE),
        ("council", PartyRowKind.PRACTITIONER),
        ("tax_id", PartyRowKind.PROVIDER),
        ("birth_date", PartyRowKind.PATIENT),
        ("cpf", PartyRowKind.PATIENT),
        ("payer_ans_code", PartyRowKind.PAYER),
    ):
        if column in columns:
            return kind
    return None


def _values(texts: Mapping[str, str]) -> tuple[dict[str, Any], list[Failure]]:
    values: dict[str, Any] = {}
    failures: list[Failure] = []
    for name, text in texts.items():
        try:
            values[name] = _READERS[name](text) if name in _READERS else text
        except BillingError as error:
            failures += [failure.under(name) for failure in error.failures]
    return values, failures


def _day(text: str) -> date:
    try:
        found = _DAY.fullmatch(text)
        if found is not None:
            return date(int(found[3]), int(found[2]), int(found[1]))
        return date.fromisoformat(text[:10])
    except ValueError:
        raise refuse(ErrorCode.INVALID_DATE, "write the day as YYYY-MM-DD or dd/mm/yyyy") from None


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise refuse(ErrorCode.INVALID_INPUT, "write a whole number")
    return int(text)


def _digits(length: int) -> Callable[[str], str]:
    """Reads a number of so many digits, from which a spreadsheet may have taken the leading zeros."""

    def digits(text: str) -> str:
        plain = _PUNCTUATION.sub("", text)
        return plain.zfill(length) if plain.isascii() and plain.isdigit() else plain

    return digits


def _tax_id(text: str) -> str:
    plain = _PUNCTUATION.sub("", text).upper()
    return plain.zfill(14) if plain.isdigit() and len(plain) in (12, 13) else plain


_READERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "payer_ans_code": _digits(6),
    "provider_cnes": _digits(7),
    "cpf": _digits(11),
    "tax_id": _tax_id,
    "council": _digits(2),
    "cbo": _digits(6),
    **dict.fromkeys(
        (
            "birth_date",
            "starts_on",
            "ends_on",
            "card_valid_until",
            "waiting_until",
            "suspended_from",
            "suspended_until",
        ),
        _day,
    ),
    **dict.fromkeys(("submission_window_days", "appeal_deadline_days", "payment_term_days"), _number),
}
