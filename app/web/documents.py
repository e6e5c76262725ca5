"""POST /documents: stores the body as a document while it arrives, for callers who may import documents."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Final

import orjson
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import Receive

from app.db.documents import DocumentRecord
from app.db.engine import Database
from app.domain.actor import Door
from app.resolvers.context import Context
from app.services import documents
from app.services.documents import Upload
from app.transport import errors
from app.transport.admission import StreamSlots
from app.transport.errors import Refused
from app.transport.negotiation import JSON
from app.values.frozen import frozen
from app.web.endpoint import Endpoint, require

PATH: Final = "/documents"
PERMISSION: Final = "documents:upload"
ACCEPTED: Final = (
    "application/xml",
    "text/xml",
    "application/zip",
    "text/csv",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/pdf",
    "image/png",
    "image/jpeg",
    "application/octet-stream",
)
PART_BYTES: Final = 256 * 1024
"""So much is held of a body; each part must arrive within the time limit of bodies."""
BYTES_PER_TOKEN: Final = 1024 * 1024
AT_ONCE: Final = 2
"""Uploads of one caller at a time in one process."""
_LENGTH: Final = re.compile(r"[0-9]{1,15}", re.ASCII)
_CLOSE: Final = {"connection": "close"}


@frozen
class UploadLimits:
    """How large a document may be, and how many seconds each part of it may take."""

    document_bytes: int
    part_seconds: float


class DocumentUploads(Endpoint):
    """Stores the body of a request."""

    method = "POST"

    def __init__(
        self, database: Database, *, context: Callable[[HTTPConnection], Awaitable[Context]], limits: UploadLimits
    ) -> None:
        super().__init__(context=context)
        self._database = database
        self._limits = limits
        self._slots = StreamSlots("uploads", AT_ONCE)

    async def answer(self, request: Request, context: Context) -> Response:
        """The stored document."""
        return _created(await self._store(request, context))

    def check(self, request: Request, context: Context) -> None:
        """Refused for a caller or a request that nothing can be stored of; nothing of the body is read before."""
        require(context, PERMISSION, operation=documents.STORE.name)
        if context.scope.is_empty or context.scope.patient is not None:
            raise Refused(errors.FORBIDDEN, "use a token that names providers or a payer", status=403)
        media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media not in ACCEPTED or "content-encoding" in request.headers:
            message = f"send the document uncompressed, as {', '.join(ACCEPTED[:-1])} or {ACCEPTED[-1]}"
            raise Refused("UNSUPPORTED_MEDIA_TYPE", message, status=415, headers=_CLOSE)
        self._check_length(request)

    def _check_length(self, request: Request) -> None:
        announced = request.headers.get("content-length", "")
        if not _LENGTH.fullmatch(announced):
            message = "send the header content-length: `curl --data-binary @FILE` does"
            raise Refused("LENGTH_REQUIRED", message, status=411, headers=_CLOSE)
        if int(announced) == 0:
            raise Refused(errors.BAD_REQUEST, "the document is empty: send its bytes as the body")
        if int(announced) > self._limits.document_bytes:
            message = f"send at most {self._limits.document_bytes:,} bytes: split the document, or compress it as a zip"
            raise Refused("PAYLOAD_TOO_LARGE", message, status=413, headers=_CLOSE)

    async def _store(self, request: Request, context: Context) -> DocumentRecord:
        tokens = int(request.headers["content-length"]) // BYTES_PER_TOKEN
        if tokens:
            await context.admit(tokens)
        release = self._slots.take(context)
        upload = Upload(self._database)
        try:
            await upload.begin()
            async for part in self._parts(request.receive):
                await upload.add(part)
            return await upload.finish(context.changes, replace(context.actor, door=Door.REST))
        except Exception:
            await upload.abandon()
            raise
        finally:
            release()

    async def _parts(self, receive: Receive) -> AsyncIterator[bytes]:
        """The body, in parts of about one size; Refused if one does not arrive in time."""
        is_last = False
        while not is_last:
            try:
                async with asyncio.timeout(self._limits.part_seconds):
                    part, is_last = await _part(receive)
            except TimeoutError:
                message = f"send at least {PART_BYTES:,} bytes every {self._limits.part_seconds:g} s"
                raise Refused("REQUEST_TIMEOUT", message, status=408, headers=_CLOSE) from None
            yield part


async def _part(receive: Receive) -> tuple[bytes, bool]:
    part = bytearray()
    while len(part) < PART_BYTES:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(errors.DISCONNECTED, "the client disconnected", status=499)
        part += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(part), True
    return bytes(part), False


def _created(document: DocumentRecord) -> Response:
    body = {"id": document.id, "digest": document.digest, "size": document.size, "kind": document.kind}
    return Response(orjson.dumps(body), 201, media_type=f"{JSON}; charset=utf-8")
