"""A payer's statement, and the checks that it must pass before it is stored."""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import fields
from datetime import date
from typing import Final

import orjson

from app.domain import tabela38
from app.domain.claims import DeniedAmount
from app.domain.described import DescribedEnum
from app.domain.errors import ErrorCode, Failure
from app.domain.identifiers import NUMBER_LENGTH_MAX, ans_failure, cnes_failure, code_failure
from app.domain.money import CENTS_MAX, NO_CENTS, Cents, Quantity
from app.domain.settlements import PaymentMethod
from app.domain.text import ascii_failure, text_failure
from app.values.frozen import frozen

LINES_MAX: Final = 2_000
DOCUMENT_LINES_MAX: Final = 5_000
"""Of a payer's document that is imported while its sender waits; typed lines come in one request."""
LONG_LINES_MAX: Final = 100_000
"""Of a document that a job imports, all its statements together."""
SEQUENCE_MAX: Final = 9_999
FINDINGS_MAX: Final = 50
STATEMENTS_MAX: Final = 30
"""In one document, as the standard allows."""
ADJUSTMENTS_MAX: Final = 200
DECISION: Final = ("provider_claim_number", "payer_claim_number", "item_sequence", "item_code", "paid", "denials")
"""The names under which digests of the earlier release have the parts of `StatementLine.decision`."""


class StatementKind(DescribedEnum):
    """What the payer sent."""

    ANALYSIS = "ANALYSIS", "What the payer decided about each claim (demonstrativo de análise de conta)."
    PAYMENT = "PAYMENT", "What the payer transferred, and what it deducted (demonstrativo de pagamento)."


class AdjustmentDirection(DescribedEnum):
    DEBIT = "DEBIT", "Deducted from what is transferred (débito)."
    CREDIT = "CREDIT", "Added to what is transferred (crédito)."


class AdjustmentLevel(DescribedEnum):
    PAYMENT_DATE = "PAYMENT_DATE", "Stated for one day of payment."
    STATEMENT = "STATEMENT", "Stated for the whole statement."


class StatementFindingKind(DescribedEnum):
    """What is noticed about a statement or one of its lines."""

    SCHEMA = "SCHEMA", "The official schema objects to an element."
    HASH_MISSING = "HASH_MISSING", "The document has no hash."
    HASH_WRONG = "HASH_WRONG", "The hash is not that of the content: the document was changed after it was written."
    PAYER_DIFFERS = "PAYER_DIFFERS", "The message is from another payer than the statement."
    TOTALS_DIFFER = "TOTALS_DIFFER", "A total is not the sum of its parts."
    CARD_DIFFERS = "CARD_DIFFERS", "The card is not that of the claim."
    DAY_DIFFERS = "DAY_DIFFERS", "The day of the item is not that of the claim."
    UNKNOWN_CODE = "UNKNOWN_CODE", "The code of a denial is in no table."
    RETIRED_CODE = "RETIRED_CODE", "The code of a denial is no longer in force."
    REPEATED_CLAIM = "REPEATED_CLAIM", "The statement has the same claim twice."
    INVALID_VALUE = "INVALID_VALUE", "A value cannot be read."


STOPPING: Final = frozenset(
    {
        StatementFindingKind.HASH_WRONG,
        StatementFindingKind.PAYER_DIFFERS,
        StatementFindingKind.TOTALS_DIFFER,
        StatementFindingKind.CARD_DIFFERS,
        StatementFindingKind.DAY_DIFFERS,
    }
)
"""Contradictions: a statement with one of them is posted only after a person has released it."""
WAITING: Final = frozenset({StatementFindingKind.INVALID_VALUE, StatementFindingKind.REPEATED_CLAIM})
"""A line with one of them is matched by a person, and refuses no other line."""


@frozen
class StatementFinding:
    """What is noticed; `detail` names elements, codes and amounts, never a patient's data."""

    kind: StatementFindingKind
    detail: str | None = None


@frozen
class StatementAdjustment:
    """A debit, credit or tax beside the claims: a positive amount, and the code that the payer gave it
    (tipoDebitoCredito: 01 IRRF, 02 ISS, 03 INSS, 04 PIS, 05 COFINS, 06 CSLL, 07 discount, 08 earlier payment, 09 court
    order)."""

    direction: AdjustmentDirection
    level: AdjustmentLevel
    type: str | None
    description: str | None
    amount: Cents


@frozen
class StatementLine:
    """One line of a statement: what is paid and denied of an item (by sequence or code) or of a whole claim.

    The last fields are what only a document says: the amounts before the decision, and what identifies the item.
    """

    provider_claim_number: str | None
    payer_claim_number: str | None
    item_sequence: int | None
    item_code: str | None
    paid: Cents
    denials: tuple[DeniedAmount, ...] = ()
    billed: Cents | None = None
    processed: Cents | None = None
    quantity: Quantity | None = None
    performed_on: date | None = None
    card_number: str | None = None
    protocol_number: str | None = None
    code_system: str | None = None
    description: str | None = None
    findings: tuple[StatementFinding, ...] = ()
    # What the patient owes of the item (valorFranquia): neither paid nor denied.
    patient: Cents = NO_CENTS
    # Of a line that names its claim by the payer's authorization (senha), and by no number.
    authorization_number: str | None = None
    # Of a row of a spreadsheet that names nothing else, until the batch's protocol is looked up.
    batch_number: str | None = None

    @property
    def must_wait(self) -> bool:
        """Whether a person must look at the line before it is posted."""
        return any(finding.kind in WAITING for finding in self.findings)

    @property
    def decision(self) -> tuple[object, ...]:
        """What decides and pays: the line without what only describes it."""
        numbers = (self.provider_claim_number, self.payer_claim_number)
        return (*numbers, self.item_sequence, self.item_code, self.paid, self.denials)


_LATER: Final = ("patient", "authorization_number", "batch_number")
"""What digests of earlier releases do not have: it is in them only where there is such a value."""
_SAID: Final = tuple(each.name for each in fields(StatementLine) if each.name not in _LATER)


@frozen
class Statement:
    """A payer's statement; without `paid_on` it decides claims and pays nothing."""

    payer: str
    provider: str
    statement_number: str
    paid_on: date | None
    method: PaymentMethod
    bank_reference: str | None
    lines: tuple[StatementLine, ...]
    kind: StatementKind | None = None
    issued_on: date | None = None
    net: Cents | None = None
    adjustments: tuple[StatementAdjustment, ...] = ()
    findings: tuple[StatementFinding, ...] = ()
    # The number that the document itself has; `paid_on` may be given beside it.
    own_number: str | None = None
    own_paid_on: date | None = None

    @property
    def is_contradictory(self) -> bool:
        """Whether it contradicts itself or the claims, so that a person must release it."""
        found = (*self.findings, *(finding for line in self.lines for finding in line.findings))
        return any(finding.kind in STOPPING for finding in found)

    @property
    def digests(self) -> "Digests":
        """The digests of the statement with its lines."""
        return digests_of(self, list_text(map(decision_json, self.lines)), list_text(map(said_json, self.lines)))


@frozen
class Digests:
    """What tells statements apart.

    `content` is equal for those with the same payment date and decisions; `decisions` is the `content` of the same
    statement without a payment date: of the analysis, if this is its payment. `document` is equal for what the payer
    said, under whatever number, encoding or envelope it is sent again; None if nothing dates or numbers the statement:
    two months may then say the same.
    """

    content: str
    decisions: str
    document: str | None


def decision_json(line: StatementLine) -> bytes:
    """What decides and pays, in the form in which it is digested."""
    return orjson.dumps(dict(zip(DECISION, line.decision, strict=True)) | _later(line))


def said_json(line: StatementLine) -> bytes:
    """What the payer said in the line, in the form in which it is digested."""
    said = {name: getattr(line, name) for name in _SAID}
    return orjson.dumps(said | {"findings": ()} | _later(line))


def _later(line: StatementLine) -> dict[str, object]:
    return {name: value for name in _LATER if (value := getattr(line, name))}


def list_text(parts: Iterable[bytes]) -> Sequence[bytes]:
    """The parts as the text of a JSON list, without its brackets."""
    return (b",".join(parts),)


def digests_of(statement: Statement, decided: Sequence[bytes], said: Sequence[bytes]) -> Digests:
    """The digests of the statement, whatever lines it has itself: its lines are the texts of two JSON lists, in any
    pieces."""
    named = statement.issued_on or statement.own_number
    own = [statement.payer, statement.provider, statement.kind, named, statement.own_paid_on]
    document = None if named is None else _digest([*own, statement.net, statement.adjustments], said)
    return Digests(_digest([statement.paid_on], decided), _digest([None], decided), document)


def _digest(head: Sequence[object], listed: Iterable[bytes]) -> str:
    found = hashlib.sha256(orjson.dumps(head)[:-1] + b",[")
    for each in listed:
        found.update(each)
    found.update(b"]]")
    return found.hexdigest()


def net_of(lines: Sequence[StatementLine], adjustments: Sequence[StatementAdjustment]) -> Cents | None:
    """What a typed statement transfers: what its lines pay less debits plus credits; None without any of these."""
    if not adjustments:
        return None
    signs = {AdjustmentDirection.CREDIT: 1, AdjustmentDirection.DEBIT: -1}
    return Cents(sum(line.paid for line in lines) + sum(signs[each.direction] * each.amount for each in adjustments))


def statement_failures(statement: Statement, *, today: date, lines_max: int = LINES_MAX) -> list[Failure]:
    """Every failure of form, date and amount, with its path in the input."""
    count, paid = len(statement.lines), sum(line.paid for line in statement.lines)
    found = header_failures(statement, today=today, count=count, paid=paid, lines_max=lines_max)
    return found if count > lines_max else [*found, *lines_failures(statement.lines)]


def lines_failures(lines: Iterable[StatementLine], *, start: int = 0) -> Iterator[Failure]:
    """Every failure of these lines, of which the first one has the number `start`."""
    for index, line in enumerate(lines, start):
        for failure in _line_failures(f"lines.{index}", line):
            if failure is not None:
                yield failure


def header_failures(statement: Statement, *, today: date, count: int, paid: int, lines_max: int) -> list[Failure]:
    """The failures of a statement with so many lines, which pay so much together, without those of single lines."""
    found = [
        ans_failure(statement.payer, "payer"),
        cnes_failure(statement.provider, "provider"),
        ascii_failure(statement.statement_number, "statementNumber", NUMBER_LENGTH_MAX),
        text_failure(statement.bank_reference, "bankReference", 60),
    ]
    if statement.paid_on is not None and statement.paid_on > today:
        found.append(
            Failure(
                ErrorCode.INVALID_DATE,
                "the payment date is in the future: import the statement again on that day",
                "paidOn",
            )
        )
    if not 1 <= count <= lines_max:
        found.append(Failure(ErrorCode.INVALID_INPUT, f"needs 1 to {lines_max} lines", "lines"))
    elif paid > CENTS_MAX:
        found.append(Failure(ErrorCode.INVALID_AMOUNT, "the statement pays more than 99999999.99", "lines"))
    if len(statement.adjustments) > ADJUSTMENTS_MAX:
        found.append(Failure(ErrorCode.INVALID_INPUT, f"has more than {ADJUSTMENTS_MAX} debits and credits", "xml"))
    found += [
        failure
        # What a document has is kept as it was written.
        for index, adjustment in enumerate(statement.adjustments if statement.kind is None else ())
        for failure in _adjustment_failures(f"adjustments.{index}", adjustment)
    ]
    return [failure for failure in found if failure is not None]


def _adjustment_failures(path: str, adjustment: StatementAdjustment) -> Iterator[Failure | None]:
    if not 0 < adjustment.amount <= CENTS_MAX:
        yield Failure(ErrorCode.INVALID_AMOUNT, "must be 0.01 to 99999999.99", f"{path}.amount", "5040")
    yield text_failure(adjustment.type, f"{path}.type", 2)
    yield text_failure(adjustment.description, f"{path}.description", 100)


def _line_failures(path: str, line: StatementLine) -> Iterator[Failure | None]:
    numbers = {"providerClaimNumber": line.provider_claim_number, "payerClaimNumber": line.payer_claim_number}
    is_named = any((*numbers.values(), line.protocol_number, line.authorization_number))
    if not is_named and not line.must_wait:
        yield Failure(ErrorCode.INVALID_INPUT, "provide a claim number", f"{path}.providerClaimNumber")
    for name, number in numbers.items():
        yield ascii_failure(number, f"{path}.{name}", NUMBER_LENGTH_MAX)
    if line.item_sequence is not None and not 1 <= line.item_sequence <= SEQUENCE_MAX:
        yield Failure(ErrorCode.INVALID_INPUT, f"must be 1 to {SEQUENCE_MAX}", f"{path}.item.sequence")
    # Below zero the payer takes back what it has paid: only documents can say so.
    if not -CENTS_MAX <= line.paid <= CENTS_MAX:
        yield Failure(ErrorCode.INVALID_AMOUNT, "must be 0 to 99999999.99", f"{path}.paidAmount")
    if not 0 <= line.patient <= CENTS_MAX:
        yield Failure(ErrorCode.INVALID_AMOUNT, "must be 0 to 99999999.99", f"{path}.patientAmount")
    if line.item_code is not None:
        yield code_failure(line.item_code, f"{path}.item.code")
    noticed = {finding.detail for finding in line.findings if finding.kind is StatementFindingKind.UNKNOWN_CODE}
    for place, denial in enumerate(line.denials):
        yield from _denial_failures(f"{path}.denials.{place}", denial, noticed)


def _denial_failures(path: str, denial: DeniedAmount, noticed: Collection[str | None]) -> Iterator[Failure | None]:
    if denial.code not in noticed:
        yield tabela38.code_failure(denial.code, f"{path}.code")
    if denial.amount <= 0:
        yield Failure(ErrorCode.INVALID_AMOUNT, "a denied amount must be above zero", f"{path}.amount", "5040")
    if denial.amount > CENTS_MAX:
        yield Failure(ErrorCode.INVALID_AMOUNT, "must be at most 99999999.99", f"{path}.amount")
