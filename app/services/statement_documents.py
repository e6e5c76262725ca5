"""A payer's document as the statements that it contains, with what the caller says beside it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from app.domain.errors import ErrorCode, Failure, conflict, raise_any
from app.domain.remittances import RemittanceSource
from app.domain.statement import DOCUMENT_LINES_MAX, Statement
from app.tiss import read_statement
from app.tiss.child_processes import ChildProcesses
from app.tiss.read_statement import StatementMessage

SMALL_BYTES: Final = 2 * 1024 * 1024
"""A document of more bytes is imported by a job; so is one of more than 5,000 lines."""


async def read(
    children: ChildProcesses,
    *,
    statement: Statement,
    document: bytes | None,
    source: RemittanceSource,
    document_id: str | None = None,
) -> dict[str, Any]:
    """The arguments of `import_statements`: what was typed, or the statements of the TISS document. One that is only
    named by its id is long."""
    typed: dict[str, Any] = {"statements": (statement,), "source": source}
    if document is None:
        return typed if document_id is None else typed | {"long_document_id": document_id}
    found = await children.run(read_statement.read_for, document, statement.payer, statement.provider)
    lines = sum(len(each.lines) for each in found)
    if lines > DOCUMENT_LINES_MAX and document_id is not None:
        return typed | {"long_document_id": document_id}
    if lines > DOCUMENT_LINES_MAX:
        message = f"the document has {lines} lines, of which a call takes {DOCUMENT_LINES_MAX}: upload it"
        raise_any([Failure(ErrorCode.INVALID_INPUT, message, "lines")])
    return {"statements": headed(statement, found), "source": source, "document_id": document_id}


def headed(typed: Statement, found: Sequence[StatementMessage]) -> tuple[Statement, ...]:
    """The statements of the document, with what the caller says beside it."""
    return (_only(typed, found[0]),) if len(found) == 1 else _several(typed, found)


def _only(typed: Statement, found: StatementMessage) -> Statement:
    """The one statement of the document: a typed number is the number it has here; CONFLICT for another day."""
    if typed.paid_on is not None and found.paid_on not in (None, typed.paid_on):
        raise conflict("the document names another day of payment: leave it out", "paidOn")
    return replace(_of(typed, found), statement_number=typed.statement_number or found.statement_number or "")


def _several(typed: Statement, found: Sequence[StatementMessage]) -> tuple[Statement, ...]:
    """Each statement under its own number, payer and provider."""
    return tuple(
        replace(
            _of(typed, each),
            payer=each.payer or typed.payer,
            provider=each.provider or typed.provider,
            statement_number=each.statement_number or "",
        )
        for each in found
    )


def _of(typed: Statement, found: StatementMessage) -> Statement:
    return replace(
        typed,
        paid_on=found.paid_on or typed.paid_on,
        method=found.method or typed.method,
        bank_reference=typed.bank_reference or found.bank_reference,
        lines=found.lines,
        kind=found.kind,
        issued_on=found.issued_on,
        net=found.net,
        adjustments=found.adjustments,
        findings=found.findings,
        own_number=found.statement_number,
        own_paid_on=found.paid_on,
    )
