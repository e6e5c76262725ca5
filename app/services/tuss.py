"""TUSS terms: checking the codes of a claim."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Final

from app.db.tuss import Key, TussRecord
from app.domain.errors import ErrorCode, Failure
from app.values.frozen import frozen

BILLABLE_TABLES: Final = ("18", "19", "20", "22")
OWN_TABLES: Final = ("00", "90", "98")


OUTDATED: Final = "the code was not valid on the day: look it up with tussTerms"


@frozen
class CodeUse:
    """One use of a code in a claim: its path in the input and the day on which it was performed."""

    field: str
    code_system: str
    code: str
    performed_on: date


def published_codes(uses: Iterable[CodeUse]) -> list[Key]:
    """Those of these codes, each once, that have a term if they exist.

    Tables 00, 90 and 98 are the payers' own and packages: their codes are not published.
    """
    return sorted({(use.code_system, use.code) for use in uses if use.code_system in BILLABLE_TABLES})


def code_failures(uses: Iterable[CodeUse], terms: Mapping[Key, TussRecord]) -> list[Failure]:
    """Unknown tables (3150), unknown or outdated codes (1801); `terms` are those of the published codes."""
    found = (_failure(use, terms.get((use.code_system, use.code))) for use in uses)
    return [failure for failure in found if failure is not None]


def _failure(use: CodeUse, term: TussRecord | None) -> Failure | None:
    if use.code_system in OWN_TABLES:
        return None
    if use.code_system not in BILLABLE_TABLES:
        return unknown_table(f"{use.field}.codeSystem")
    if term is None:
        message = "the TUSS table has no such code: look it up with tussTerms"
        return Failure(ErrorCode.UNKNOWN_CODE, message, f"{use.field}.code", "1801")
    if not term.is_valid_on(use.performed_on):
        return Failure(ErrorCode.UNKNOWN_CODE, OUTDATED, f"{use.field}.code", "1801")
    return None


def unknown_table(field: str) -> Failure:
    """A table whose codes no claim may use."""
    tables = ", ".join((*BILLABLE_TABLES, *OWN_TABLES[:-1]))
    message = f"unknown TUSS table: use {tables} or {OWN_TABLES[-1]}"
    return Failure(ErrorCode.UNKNOWN_CODE, message, field, "3150")
