"""Lines of a payer's statement as they can be stored: what cannot is left out and named, and refuses no other line.

A person who types lines is told what to correct instead (`statement_failures`): a payer's document cannot be corrected.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from app.domain import tabela38
from app.domain.claims import DENIALS_MAX, DeniedAmount
from app.domain.identifiers import CARD_LENGTH_MAX, NUMBER_LENGTH_MAX, ascii_or_none, code_failure
from app.domain.money import CENTS_MAX, Cents
from app.domain.statement import (
    FINDINGS_MAX,
    SEQUENCE_MAX,
    Statement,
    StatementFinding,
    StatementFindingKind,
    StatementLine,
)
from app.domain.text import ascii_failure

DENIAL_CODE_LENGTH: Final = 4
DESCRIPTION_LENGTH_MAX: Final = 150
Kind = StatementFindingKind


def readable(statement: Statement) -> Statement:
    """The statement with lines that can all be stored, and with not too many findings."""
    lines = tuple(readable_line(line) for line in statement.lines)
    return replace(statement, lines=lines, findings=statement.findings[:FINDINGS_MAX])


def readable_line(line: StatementLine) -> StatementLine:
    """The line as it can be stored, with what had to be left out among its findings."""
    found = list(line.findings)
    denials = list(_denials(line, found))
    if len(denials) > DENIALS_MAX:
        found.append(_invalid("relacaoGlosa"))
    return replace(
        line,
        provider_claim_number=_number(line.provider_claim_number, "numeroGuiaPrestador", found),
        payer_claim_number=_number(line.payer_claim_number, "numeroGuiaOperadora", found),
        item_sequence=_sequence(line.item_sequence, found),
        item_code=_code(line.item_code, found),
        paid=_paid(line.paid, found),
        patient=_patient(line.patient, found),
        denials=tuple(denials[:DENIALS_MAX]),
        billed=_amount(line.billed),
        processed=_amount(line.processed),
        card_number=_short(line.card_number, CARD_LENGTH_MAX),
        protocol_number=_short(line.protocol_number, NUMBER_LENGTH_MAX),
        authorization_number=ascii_or_none(line.authorization_number, NUMBER_LENGTH_MAX),
        code_system=ascii_or_none(line.code_system, 2),
        description=_short(line.description, DESCRIPTION_LENGTH_MAX),
        findings=tuple(dict.fromkeys(found))[:FINDINGS_MAX],
    )


def _invalid(name: str) -> StatementFinding:
    return StatementFinding(Kind.INVALID_VALUE, name)


def _number(text: str | None, name: str, found: list[StatementFinding]) -> str | None:
    if ascii_failure(text, name, NUMBER_LENGTH_MAX) is None:
        return text
    found.append(_invalid(name))
    return None


def _sequence(number: int | None, found: list[StatementFinding]) -> int | None:
    if number is None or 1 <= number <= SEQUENCE_MAX:
        return number
    found.append(_invalid("sequencialItem"))
    return None


def _code(code: str | None, found: list[StatementFinding]) -> str | None:
    if code is None or code_failure(code, "code") is None:
        return code
    found.append(_invalid("codigoProcedimento"))
    return None


def _paid(amount: Cents, found: list[StatementFinding]) -> Cents:
    if -CENTS_MAX <= amount <= CENTS_MAX:
        return amount
    found.append(_invalid("valorLiberado"))
    return Cents(0)


def _patient(amount: Cents, found: list[StatementFinding]) -> Cents:
    if 0 <= amount <= CENTS_MAX:
        return amount
    found.append(_invalid("valorFranquia"))
    return Cents(0)


def _denials(line: StatementLine, found: list[StatementFinding]) -> Iterator[DeniedAmount]:
    """The denials that can be stored, also those with a code that is in no table or no longer in force."""
    for denial in line.denials:
        code = ascii_or_none(denial.code, DENIAL_CODE_LENGTH)
        if code is None or not 0 < denial.amount <= CENTS_MAX:
            found.append(_invalid("valorGlosa" if code else "tipoGlosa"))
            continue
        known = tabela38.description(code)
        if known is None or known == tabela38.UNKNOWN:
            found.append(StatementFinding(Kind.UNKNOWN_CODE if known is None else Kind.RETIRED_CODE, code))
        yield denial


def _amount(amount: Cents | None) -> Cents | None:
    return amount if amount is not None and -CENTS_MAX <= amount <= CENTS_MAX else None


def _short(text: str | None, length_max: int) -> str | None:
    return None if text is None else "".join(each for each in text if each.isprintable())[:length_max] or None
