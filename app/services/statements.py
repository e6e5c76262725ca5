"""Importing a payer's document: all of its statements, each for itself."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from app.db import documents as documents_db
from app.db.imports import ImportJobRecord
from app.db.remittances import RemittanceRecord
from app.domain.errors import BillingError, Failure
from app.domain.identifiers import NUMBER_LENGTH_MAX
from app.domain.remittances import RemittanceSource
from app.domain.statement import Statement
from app.services import import_jobs, long_statements, remittances, statement_documents
from app.services.remittances import STORED_REMITTANCE, ImportedStatement
from app.unit_of_work.action import Action, StoredAnswer
from app.unit_of_work.unit import UnitOfWork
from app.values.frozen import frozen


@frozen
class Imported:
    """The remittances of the document, and which of them had been imported before; of a long document, the job that
    imports it."""

    remittances: tuple[RemittanceRecord, ...]
    were_known: tuple[bool, ...]
    job: ImportJobRecord | None = None
    # Of a document with several statements: why some of them are not imported.
    left_out: tuple[str, ...] = ()

    @property
    def remittance(self) -> RemittanceRecord | None:
        """The first of them."""
        return self.remittances[0] if self.remittances else None

    @property
    def already_imported(self) -> bool:
        """Whether nothing was changed."""
        return self.job is None and all(self.were_known)

    @property
    def notices(self) -> list[str]:
        """Which statements were imported before, and which are not imported."""
        known = (each for each, was_known in zip(self.remittances, self.were_known, strict=True) if was_known)
        texts = [f"statement {each.statement_number} was imported before, nothing was changed" for each in known]
        return [*texts, *self.left_out]


async def import_statements(
    unit: UnitOfWork,
    *,
    statements: Sequence[Statement],
    source: RemittanceSource,
    document_id: str | None = None,
    long_document_id: str | None = None,
) -> Imported:
    """Store the statements of one document, uploaded or not; of a long one, queue the job that does it.

    Of several, one that is refused is left out, and named; BillingError if all are.
    """
    if long_document_id is not None:
        job = await long_statements.queue(unit, statement=statements[0], document_id=long_document_id)
        return Imported((), (), job)
    failures: list[Failure] = []
    if len(statements) == 1:
        done = [await remittances.import_statement(unit, statement=statements[0], source=source)]
    else:
        done, failures = await _import_each(unit, statements, source)
    if document_id is not None:
        await documents_db.use(unit.connection, document_id)
    left_out = tuple(dict.fromkeys(each.message for each in failures))
    return Imported(tuple(each.remittance for each in done), tuple(each.was_known for each in done), None, left_out)


async def _import_each(
    unit: UnitOfWork, statements: Sequence[Statement], source: RemittanceSource
) -> tuple[list[ImportedStatement], list[Failure]]:
    """Those that are imported, or were before, and why the others are not."""
    done: list[ImportedStatement] = []
    failures: list[Failure] = []
    for each in statements:
        try:
            async with unit.attempt():
                done.append(await remittances.import_statement(unit, statement=each, source=source))
        except BillingError as error:
            failures.append(not_imported(each.statement_number, error))
    if not done:
        raise BillingError(*failures)
    return done, failures


def not_imported(number: str, error: BillingError) -> Failure:
    """The first reason why this statement of a document is refused, with its number."""
    first, named = error.failures[0], number[:NUMBER_LENGTH_MAX] or "without a number"
    return replace(first, message=f"not imported: statement {named}: {first.message}")


def _stored_facts(done: Imported) -> Any:
    """Of one statement what the earlier release stores too, of several also the others, and which are left out; of a
    long one its job."""
    if done.job is not None:
        return {"job": done.job.id}
    first, *others = [STORED_REMITTANCE.facts(each) for each in done.remittances]
    left_out = [done.left_out] if done.left_out else []
    return [first, done.already_imported, *([others, done.were_known, *left_out] if others or left_out else [])]


async def _rebuild(unit: UnitOfWork, facts: Any) -> Imported:
    if isinstance(facts, dict):
        return Imported((), (), await import_jobs.by_id(unit, facts["job"]))
    first, already_imported, *rest = facts
    others, were_known, *left_out = rest or ([], [already_imported])
    found = await STORED_REMITTANCE.read(unit, [first, *others])
    return Imported(tuple(found), tuple(were_known), None, tuple(*left_out))


IMPORTED: Final = StoredAnswer(_stored_facts, _rebuild)
IMPORT: Final = Action(
    "importRemittance",
    import_statements,
    needs="remittances:import",
    answer=IMPORTED,
    prepare=statement_documents.read,
)
