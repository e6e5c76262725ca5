"""GET /appeal-attachments/{id}: an attachment of an appeal, byte for byte, for callers who may read it."""

from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import quote

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from app.db import appeal_attachments, denials
from app.db import claims as claims_db
from app.db.appeal_attachments import AppealAttachmentRecord
from app.db.engine import Database
from app.domain.access_log import DataClass
from app.domain.attachments import MEDIA_TYPES
from app.resolvers.context import Context
from app.schema.base.permissions import AccessRefused, check
from app.services import documents
from app.transport import errors
from app.transport.admission import CountingRefusals, admit_request
from app.transport.answers import Answer
from app.transport.errors import Refused
from app.transport.negotiation import JSON

PATH: Final = "/appeal-attachments/{id}"
PERMISSION: Final = "claims:read_health"
OPERATION: Final = "downloadAppealAttachment"
SHOWN: Final = (DataClass.PERSONAL.value, DataClass.HEALTH.value)


class AttachmentDownloads:
    """An ASGI endpoint for a Route; `context` identifies the caller, as for GraphQL."""

    def __init__(self, database: Database, *, context: Callable[[HTTPConnection], Awaitable[Context]]) -> None:
        self._database = database
        self._context = context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        response = await self._respond(Request(scope, receive))
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        context: Context | None = None
        try:
            _check_method(request)
            context = await self._context(request)
            async with CountingRefusals(context):
                _check(context)
            await admit_request(context)
            return self._file(await self._found(context, request.path_params["id"]))
        except Exception as error:  # noqa: BLE001 - masked and logged
            answer = Answer.refused(errors.as_refusal(error, None if context is None else context.request_id))
            return Response(answer.body, answer.status, dict(answer.headers), f"{JSON}; charset=utf-8")
        finally:
            if context is not None:
                context.record_disclosures(context.disclosures())

    async def _found(self, context: Context, attachment_id: str) -> AppealAttachmentRecord:
        """The attachment, noted for the access log as shown; NOT_FOUND outside the data scope."""
        async with self._database.reading() as connection:
            found = await appeal_attachments.one(connection, context.scope, attachment_id)
            denial = None if found is None else await denials.one(connection, context.scope, found.denial_id)
            claims = [] if denial is None else await claims_db.by_ids(connection, context.scope, [denial.claim_id])
        if found is None or found.document_id is None or not claims:
            raise Refused("NOT_FOUND", "no such attachment: list those of the appeal", status=404)
        context.note_shown(OPERATION, SHOWN, claims)
        return found

    def _file(self, found: AppealAttachmentRecord) -> Response:
        assert found.document_id is not None, "found is not removed"  # noqa: S101
        headers = {
            "content-length": str(found.size),
            # Browsers save it, whatever it is, and do not guess what that may be.
            "content-disposition": f"attachment; filename*=UTF-8''{quote(found.file_name, safe='')}",
            "x-content-type-options": "nosniff",
            "content-security-policy": "sandbox",
            "cache-control": "no-store",
            "etag": f'"{found.digest}"',
        }
        parts = documents.content(self._database, found.document_id)
        return StreamingResponse(parts, headers=headers, media_type=MEDIA_TYPES[found.kind])


def _check_method(request: Request) -> None:
    if request.method != "GET":
        raise Refused("METHOD_NOT_ALLOWED", "use GET", status=405, headers={"allow": "GET"})


def _check(context: Context) -> None:
    try:
        check(context.principal, PERMISSION)
    except AccessRefused as refused:
        context.note_refused(OPERATION, [(DataClass.HEALTH.value, PERMISSION)])
        if refused.code == errors.UNAUTHENTICATED:
            raise errors.Unauthenticated(refused.message) from None
        raise errors.ApplicationRefusal(refused.code, refused.message, refused.extensions, 403) from None
