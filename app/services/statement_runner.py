"""Carries out the import of a long statement: reads the document part by part in a child process, then stores the lines
in units, so that whoever takes the job over reads it again and goes on after the last unit."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

import structlog

from app.db.engine import Database, DatabaseUnavailable
from app.db.imports import ImportJobRecord
from app.domain.calendar import business_day
from app.domain.errors import BillingError, ErrorCode, Failure
from app.domain.statement import LONG_LINES_MAX, Statement, StatementLine, header_failures
from app.services import documents, imports, statement_documents, statement_imports
from app.services.imports import JobLost
from app.services.remittances import CheckedStatement
from app.tiss import statement_stream
from app.tiss.child_processes import ChildProcesses, DocumentsUnavailable
from app.tiss.line_blocks import Block
from app.tiss.statement_stream import LongStatement, ReadingLost
from app.unit_of_work.action import Action
from app.values.frozen import frozen

UNIT_LINES: Final = 100
"""Of one transaction. Its rows are written by one statement, whose text takes the event loop for a few milliseconds."""
PAUSES: Final = (0.5, 2.0, 5.0)
"""Seconds after which a document is read again that no child process could read, or a unit is tried again."""
_UNREADABLE: Final = Failure(
    ErrorCode.INVALID_INPUT, "the document cannot be read: split it, or report it", None, "5001"
)
_FAILED: Final = Failure(
    ErrorCode.INVALID_INPUT, "the gateway cannot store the lines: report the import job's id", None
)
_log = structlog.get_logger("billing.imports")
Change = Callable[..., Awaitable[Any]]


@frozen
class _Read:
    """The document: its statements, and their lines by section."""

    statements: list[tuple[CheckedStatement, int]]
    blocks: list[list[Block]]


class StatementRun:
    """One job in the hands of a runner: `change` runs a step of it, `rest` gives other callers their turn."""

    def __init__(
        self,
        database: Database,
        children: ChildProcesses,
        job: ImportJobRecord,
        *,
        change: Change,
        rest: Callable[[float], Awaitable[None]],
        on_progress: Callable[[ImportJobRecord], None],
        unit_lines: int = UNIT_LINES,
    ) -> None:
        self.job = job
        self._database = database
        self._children = children
        self._change = change
        self._rest = rest
        self._on_progress = on_progress
        self._unit_lines = unit_lines

    async def to_end(self) -> None:
        """JobLost if another process has it."""
        try:
            found = await self._document()
            if self.job.started_at is None:
                await self._did(statement_imports.BEGIN, statements=found.statements)
        except BillingError as error:
            await self._did(imports.FINISH, failures=error.failures)
            return
        for place in range(self.job.lote, len(found.blocks)):
            if not await self._store(found.blocks[place], place):
                await self._did(statement_imports.GIVE_UP, failure=_FAILED)
                return
        await self._did(imports.FINISH)

    # Reading

    async def _document(self) -> _Read:
        """Once more from the start if the child process is gone; BillingError for a document that cannot be read."""
        for pause in PAUSES:
            try:
                return await self._read()
            except (ReadingLost, DocumentsUnavailable):
                await asyncio.sleep(pause)
        if self.job.started_at is None:
            raise BillingError(_UNREADABLE)
        raise DatabaseUnavailable

    async def _read(self) -> _Read:
        token = secrets.token_hex(8)
        typed = self._typed
        async for _ in self._parts(statement_stream.look, token):
            pass
        await self._call(statement_stream.begin, token)
        blocks = [block async for some in self._parts(statement_stream.feed, token) for block in some]
        found, more = await self._call(statement_stream.close, token, typed.payer, typed.provider)
        blocks += more
        headers = statement_documents.headed(typed, [each.message for each in found])
        statements = [
            (await self._checked(token, each, header), each.count) for each, header in zip(found, headers, strict=True)
        ]
        await self._call(statement_stream.forget, token)
        return _Read(statements, [[block for block in blocks if block.section == each.section] for each in found])

    async def _parts(self, function: Callable[..., Any], token: str) -> AsyncIterator[Any]:
        """What the child process makes of each part of the document."""
        number = 0
        async for part in documents.content(self._database, self.job.document_id):
            yield await self._call(function, token, number, part)
            number += 1

    async def _checked(self, token: str, found: LongStatement, header: Statement) -> CheckedStatement:
        today = business_day(self.job.created_at)
        failures = header_failures(header, today=today, count=found.count, paid=found.paid, lines_max=LONG_LINES_MAX)
        digests = await self._call(statement_stream.digest, token, found.section, header)
        return CheckedStatement(header, [*failures, *found.failures], digests, found.paid, found.denied)

    @property
    def _typed(self) -> Statement:
        if self.job.statement is None:
            raise AssertionError(self.job.id)
        return self.job.statement

    async def _call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        found = await self._children.run(function, *arguments)
        await self._rest(loop.time() - begun)
        return found

    # Storing

    async def _store(self, blocks: list[Block], place: int) -> bool:
        """Store the lines of a statement that are not stored yet, in units; False if that cannot be done."""
        before = 0
        is_known = (self.job.statements or ())[place].is_known
        for block in () if is_known else blocks:
            if before + block.count > self.job.guide:
                lines = await asyncio.to_thread(block.lines)
                if not await self._units(lines[max(self.job.guide - before, 0) :]):
                    return False
            before += block.count
        await self._did(statement_imports.END_STATEMENT)
        return True

    async def _units(self, lines: list[StatementLine]) -> bool:
        for start in range(0, len(lines), self._unit_lines):
            loop = asyncio.get_running_loop()
            begun = loop.time()
            if not await self._unit(lines[start : start + self._unit_lines]):
                return False
            await self._rest(loop.time() - begun)
        return True

    async def _unit(self, lines: list[StatementLine]) -> bool:
        for pause in (*PAUSES, None):
            try:
                await self._did(statement_imports.TAKE_LINES, lines=lines)
            except (JobLost, DatabaseUnavailable):
                raise
            except Exception as error:  # noqa: BLE001 - a statement that cannot be stored may not stop the others
                _log.error("lines_not_stored", job=self.job.id, error=type(error).__name__)
                if pause is not None:
                    await asyncio.sleep(pause)
            else:
                return True
        return False

    async def _did(self, action: Action[ImportJobRecord], **arguments: Any) -> None:
        self.job = await self._change(action, self.job, arguments)
        self._on_progress(self.job)
