"""Carries out an import job: opens the document, reads one batch at a time in a child process, and imports some guides
in each transaction, so that whoever takes the job over goes on after the last ones."""

import asyncio
import contextlib
import secrets
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import IO, Any, Final, Protocol

import structlog

from app.db import clock
from app.db import documents as documents_db
from app.db import imports as imports_db
from app.db.engine import Database, DatabaseUnavailable
from app.db.imports import ImportJobRecord
from app.domain.data_scope import EVERYTHING
from app.domain.documents import DocumentKind
from app.domain.errors import BillingError, ErrorCode, Failure, refuse
from app.domain.imports import ImportJobKind
from app.services import documents, imports, leases, statement_imports
from app.services.import_jobs import Parties
from app.services.imports import Hold, JobLost
from app.services.leases import Leases
from app.services.statement_runner import StatementRun
from app.tiss import read_document
from app.tiss.archives import FILE_BYTES_MAX, Archive
from app.tiss.child_processes import ChildProcesses, DocumentsUnavailable
from app.tiss.read_batch import IncomingBatch, IncomingGuide
from app.unit_of_work.action import Action
from app.unit_of_work.run import Changes
from app.values.frozen import frozen

REST_SECONDS_MAX: Final = 0.1
"""After each guide, at most."""
GROUP_GUIDES_MAX: Final = 10
GROUP_ITEMS_MAX: Final = 200
"""Guides and items of one transaction: half a second of work, so that whoever waits for it does not wait for long."""
PAUSES: Final = (0.5, 2.0, 5.0)
"""Seconds after which a document is read again that no child process could read, or at which the gateway failed."""
_UNREADABLE: Final = Failure(
    ErrorCode.INVALID_INPUT, "the document cannot be read: split it, or report it", None, "5001"
)
_FAILED: Final = Failure(ErrorCode.INVALID_INPUT, "the gateway failed at this guide: report the import job's id", None)
_FAILED_WHOLE: Final = Failure(
    ErrorCode.INVALID_INPUT, "the gateway failed at this document: report the import job's id", None
)
_LEASES: Final = Leases(imports_db.take, imports_db.renew, imports_db.give_back)
_log = structlog.get_logger("billing.imports")
Progress = Callable[[ImportJobRecord], None]
UnknownCard = Callable[[str], Awaitable[None]]


async def _ignored(_subject: str) -> None:
    """An operator knows all cards."""


class Source(Protocol):
    """An opened document: its XML documents, one at a time."""

    @property
    def names(self) -> Sequence[str | None]:
        """The names of its XML documents; None for one that is the document itself."""

    def read(self, index: int) -> bytes:
        """The bytes of one of them; BillingError if they cannot be read."""


@frozen
class OneDocument:
    """An XML document of its own."""

    content: bytes
    names: Sequence[str | None] = (None,)

    def read(self, _index: int) -> bytes:
        """The only one."""
        return self.content


class ImportRunner:
    """Imports jobs in this process; `is_resting` gives other callers as much time as guides have taken.

    `on_unknown_card` is told whose guide had a card that nobody has: whoever guesses cards is not admitted again.
    """

    def __init__(
        self,
        database: Database,
        changes: Changes,
        children: ChildProcesses,
        *,
        on_unknown_card: UnknownCard = _ignored,
        is_resting: bool = True,
    ) -> None:
        self._database = database
        self._changes = changes
        self._children = children
        self._on_unknown_card = on_unknown_card
        self._is_resting = is_resting
        self._holder = secrets.token_hex(8)

    async def next(self) -> ImportJobRecord | None:
        """The oldest job that nobody holds; None if there is none."""
        async with self._database.reading() as connection:
            return await imports_db.next_free(connection, clock.time_of(connection))

    async def run(self, job: ImportJobRecord, on_progress: Progress = lambda _job: None) -> None:
        """Import the job to its end, unless another process holds it, or takes it over, or it is cancelled."""
        async with leases.taken(self._database, _LEASES, job.id, self._holder) as is_taken:
            if not is_taken:
                return
            async with self._database.reading() as connection:
                (job,) = await imports_db.by_ids(connection, EVERYTHING, [job.id])
            with contextlib.suppress(JobLost):
                await self._to_end(job, on_progress)

    async def _to_end(self, job: ImportJobRecord, on_progress: Progress) -> None:
        """A document at which the gateway fails again and again ends its job: every other job waits for it."""
        for pause in (*PAUSES, None):
            run = self._run_of(job, on_progress)
            try:
                await run.to_end()
            except (JobLost, DatabaseUnavailable):
                raise
            except Exception as error:  # noqa: BLE001 - likewise
                _log.error("import_failed", job=job.id, error=type(error).__name__)
            else:
                return
            job = run.job
            if pause is not None:
                await asyncio.sleep(pause)
        await self._change(statement_imports.GIVE_UP, job, {"failure": _FAILED_WHOLE})

    def _run_of(self, job: ImportJobRecord, on_progress: Progress) -> "_Run | StatementRun":
        if job.kind is ImportJobKind.BATCH:
            return _Run(self, job, on_progress)
        return StatementRun(
            self._database, self._children, job, change=self._change, rest=self._rest, on_progress=on_progress
        )

    @asynccontextmanager
    async def _source(self, job: ImportJobRecord) -> AsyncIterator[Source]:
        """The opened document; BillingError if it cannot be read."""
        async with self._database.reading() as connection:
            (document,) = await documents_db.by_ids(connection, EVERYTHING, [job.document_id])
        # Without a name: nobody else finds it, and it is gone with this process.
        with tempfile.TemporaryFile() as file:
            async for part in documents.content(self._database, document.id):
                if document.kind is DocumentKind.XML and file.tell() > FILE_BYTES_MAX:
                    raise _too_large()
                await asyncio.to_thread(file.write, part)
            yield await asyncio.to_thread(_opened, file, document.kind)

    async def _read(self, source: Source, index: int) -> IncomingBatch:
        try:
            content = await asyncio.to_thread(source.read, index)
            if len(content) > FILE_BYTES_MAX:
                raise _too_large()
        except BillingError as error:
            return IncomingBatch(None, failures=error.failures)
        for pause in PAUSES:
            try:
                return await self._children.run(read_document.read, content)
            except DocumentsUnavailable:
                await asyncio.sleep(pause)
            except Exception as error:  # noqa: BLE001 - no document may stop the others
                _log.error("document_not_read", error=type(error).__name__)
                break
        return IncomingBatch(None, failures=(_UNREADABLE,))

    async def _count(self, source: Source, index: int) -> int:
        """How many results a document of a zip will have: one if it is refused as a whole."""
        try:
            content = await asyncio.to_thread(source.read, index)
            return await self._children.run(read_document.count_guides, content) or 1
        except (BillingError, DocumentsUnavailable):
            return 1

    async def _change(self, action: Action[Any], job: ImportJobRecord, arguments: dict[str, Any]) -> Any:
        hold = Hold(job, self._holder)
        return (await self._changes.run(action, job.actor, {"hold": hold, **arguments})).value

    async def _rest(self, seconds: float, parts: int = 1) -> None:
        if self._is_resting:
            await asyncio.sleep(min(seconds, REST_SECONDS_MAX * parts))


class _Run:
    """One job in the hands of a runner; `job` is what was written last."""

    def __init__(self, runner: ImportRunner, job: ImportJobRecord, on_progress: Progress) -> None:
        self._runner = runner
        self._on_progress = on_progress
        self.job = job
        self._first: tuple[int, IncomingBatch] | None = None

    async def to_end(self) -> None:
        """JobLost if another process has it."""
        try:
            async with self._runner._source(self.job) as source:  # noqa: SLF001 - a part of the runner
                await self._import(source)
        except BillingError as error:
            await self._did(imports.FINISH, failures=error.failures)
            return
        await self._did(imports.FINISH)

    async def _import(self, source: Source) -> None:
        if self.job.started_at is None:
            await self._begin(source)
        for index in range(self.job.lote, len(source.names)):
            await self._import_file(source, index)

    async def _begin(self, source: Source) -> None:
        """BillingError if the only document is refused as a whole."""
        total = 0
        parties: Parties = (None, None)
        for index in range(len(source.names)):
            if parties == (None, None):
                batch = await self._batch(source, index)
                parties = _parties_of(batch)
                total += len(batch.guides) or 1
                if batch.failures and len(source.names) == 1 and source.names[0] is None:
                    raise BillingError(*batch.failures)
            else:
                total += await self._runner._count(source, index)  # noqa: SLF001 - a part of the runner
        await self._did(imports.BEGIN, total=total, parties=parties)

    async def _batch(self, source: Source, index: int) -> IncomingBatch:
        """The batch; the one that was read last is not read again."""
        if self._first is None or self._first[0] != index:
            self._first = (index, await self._runner._read(source, index))  # noqa: SLF001 - a part of the runner
        return self._first[1]

    async def _import_file(self, source: Source, index: int) -> None:
        batch, name = await self._batch(source, index), source.names[index]
        if batch.failures:
            await self._did(imports.REFUSE_FILE, file=name or "", failures=batch.failures)
            return
        for group in _groups(batch.guides[self.job.guide :]):
            loop = asyncio.get_running_loop()
            begun = loop.time()
            await self._import_group(group, name)
            await self._runner._rest(loop.time() - begun, len(group))  # noqa: SLF001 - a part of the runner
        await self._did(imports.END_FILE)

    async def _import_group(self, group: Sequence[IncomingGuide], name: str | None) -> None:
        """Together or, if that fails, one by one."""
        if len(group) > 1:
            with contextlib.suppress(_GroupFailed):
                await self._take(group, name)
                return
        for guide in group:
            try:
                await self._take([guide], name)
            except _GroupFailed as error:
                _log.error("guide_failed", job=self.job.id, error=str(error))
                await self._take([IncomingGuide(guide.number, None, (_FAILED,))], name)

    async def _take(self, group: Sequence[IncomingGuide], name: str | None) -> None:
        try:
            taken = await self._runner._change(imports.TAKE_GUIDES, self.job, {"guides": group, "file": name})  # noqa: SLF001 - likewise
        except (JobLost, DatabaseUnavailable):
            raise
        except Exception as error:
            raise _GroupFailed(type(error).__name__) from error
        self.job = taken.job
        for _ in range(taken.unknown_cards):
            await self._runner._on_unknown_card(self.job.created_by)  # noqa: SLF001 - likewise
        self._on_progress(self.job)

    async def _did(self, action: Action[ImportJobRecord], **arguments: Any) -> None:
        self.job = await self._runner._change(action, self.job, arguments)  # noqa: SLF001 - a part of the runner
        self._on_progress(self.job)


class _GroupFailed(Exception):
    """The gateway failed at some guides, by the name of the error; nothing of them is stored."""


def _groups(guides: Sequence[IncomingGuide]) -> Iterator[Sequence[IncomingGuide]]:
    """Up to ten guides with two hundred items together, in their order; a longer one is alone."""
    start = items = 0
    for place, guide in enumerate(guides):
        more = len(guide.form.items) if guide.form else 0
        if place > start and (place - start == GROUP_GUIDES_MAX or items + more > GROUP_ITEMS_MAX):
            yield guides[start:place]
            start, items = place, 0
        items += more
    if start < len(guides):
        yield guides[start:]


def _parties_of(batch: IncomingBatch) -> Parties:
    form = next((each.form for each in batch.guides if each.form is not None), None)
    return (None, None) if form is None else (form.provider or None, form.payer)


def _opened(file: IO[bytes], kind: DocumentKind) -> Source:
    if kind is DocumentKind.XML:
        file.seek(0)
        content = file.read(FILE_BYTES_MAX + 1)
        if len(content) > FILE_BYTES_MAX:
            raise _too_large()
        return OneDocument(content)
    return Archive(file)


def _too_large() -> BillingError:
    message = f"the XML has more than {FILE_BYTES_MAX // (1024 * 1024)} MiB: send several batches, as a zip"
    return refuse(ErrorCode.INVALID_INPUT, message, "documentId")
