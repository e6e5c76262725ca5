"""A payer's statement, and the checks that it must pass before it is stored."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

import orjson

from app.domain import tabela38
from app.domain.claims import DeniedAmount
from app.domain.errors import ErrorCode, Failure
from app.domain.identifiers import NUMBER_LENGTH_MAX, ans_failure, cnes_failure, code_failure
from app.domain.money import CENTS_MAX, Cents
from app.domain.settlements import PaymentMethod
from app.domain.text import ascii_failure, text_failure

LINES_MAX: Final = 2_000
SEQUENCE_MAX: Final = 9_999


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One line of a statement: what is paid and denied of an item (by sequence or code) or of a whole claim."""

    provider_claim_number: str | None
    payer_claim_number: str | None
    item_sequence: int | None
    item_code: str | None
    paid: Cents
    denials: tuple[DeniedAmount, ...] = ()


@dataclass(frozen=True, slots=True)
class Statement:
    """A payer's statement; without `paid_on` it decides claims and pays nothing."""

    payer: str
    provider: str
    statement_number: str
    paid_on: date | None
    method: PaymentMethod
    bank_reference: str | None
    lines: tuple[StatementLine, ...]

    @property
    def content_hash(self) -> str:
        """A digest that is equal for statements with the same payment date and lines."""
        return hashlib.sha256(orjson.dumps([self.paid_on, self.lines])).hexdigest()


def statement_failures(statement: Statement, *, today: date) -> list[Failure]:
    """Every failure of form, date and amount, with its path in the input."""
    found = [
        ans_failure(statement.payer, "payer"),
        cnes_failure(statement.provider, "provider"),
        ascii_failure(statement.statement_number, "statementNumber", NUMBER_LENGTH_MAX),
        text_failure(statement.bank_reference, "bankReference", 60),
    ]
    if statement.paid_on is not None and statement.paid_on > today:
        found.append(Failure(ErrorCode.INVALID_DATE, "the payment date is in the future", "paidOn"))
    if not 1 <= len(statement.lines) <= LINES_MAX:
        found.append(Failure(ErrorCode.INVALID_INPUT, f"needs 1 to {LINES_MAX} lines", "lines"))
    elif sum(line.paid for line in statement.lines) > CENTS_MAX:
        found.append(Failure(ErrorCode.INVALID_AMOUNT, "the statement pays more than 99999999.99", "lines"))
    if len(statement.lines) <= LINES_MAX:
        found += [
            failure for index, line in enumerate(statement.lines) for failure in _line_failures(f"lines.{index}", line)
        ]
    return [failure for failure in found if failure is not None]


def _line_failures(path: str, line: StatementLine) -> Iterator[Failure | None]:
    numbers = {"providerClaimNumber": line.provider_claim_number, "payerClaimNumber": line.payer_claim_number}
    if not any(numbers.values()):
        yield Failure(ErrorCode.INVALID_INPUT, "provide a claim number", f"{path}.providerClaimNumber")
    for name, number in numbers.items():
        yield ascii_failure(number, f"{path}.{name}", NUMBER_LENGTH_MAX)
    if line.item_sequence is not None and not 1 <= line.item_sequence <= SEQUENCE_MAX:
        yield Failure(ErrorCode.INVALID_INPUT, f"must be 1 to {SEQUENCE_MAX}", f"{path}.item.sequence")
    if not 0 <= line.paid <= CENTS_MAX:
        yield Failure(ErrorCode.INVALID_AMOUNT, "must be 0 to 99999999.99", f"{path}.paidAmount")
    if line.item_code is not None:
        yield code_failure(line.item_code, f"{path}.item.code")
    for place, denial in enumerate(line.denials):
        yield from _denial_failures(f"{path}.denials.{place}", denial)


def _denial_failures(path: str, denial: DeniedAmount) -> Iterator[Failure | None]:
    yield tabela38.code_failure(denial.code, f"{path}.code")
    if denial.amount <= 0:
        yield Failure(ErrorCode.INVALID_AMOUNT, "a denied amount must be above zero", f"{path}.amount", "5040")
    if denial.amount > CENTS_MAX:
        yield Failure(ErrorCode.INVALID_AMOUNT, "must be at most 99999999.99", f"{path}.amount")
