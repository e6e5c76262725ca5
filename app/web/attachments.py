"""GET /appeal-attachments/{id}: an attachment of an appeal, byte for byte, for callers who may read it."""

from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import quote

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response, StreamingResponse

from app.db import appeal_attachments, denials
from app.db import claims as claims_db
from app.db.appeal_attachments import AppealAttachmentRecord
from app.db.engine import Database
from app.domain.access_log import DataClass
from app.domain.attachments import MEDIA_TYPES
from app.resolvers.context import Context
from app.services import documents
from app.transport.errors import Refused
from app.web.endpoint import Endpoint, require

PATH: Final = "/appeal-attachments/{id}"
PERMISSION: Final = "claims:read_health"
OPERATION: Final = "downloadAppealAttachment"
SHOWN: Final = (DataClass.PERSONAL.value, DataClass.HEALTH.value)


class AttachmentDownloads(Endpoint):
    """Answers with the file."""

    method = "GET"

    def __init__(self, database: Database, *, context: Callable[[HTTPConnection], Awaitable[Context]]) -> None:
        super().__init__(context=context)
        self._database = database

    def check(self, _request: Request, context: Context) -> None:
        """Refused without the permission."""
        require(context, PERMISSION, operation=OPERATION, data_class=DataClass.HEALTH.value)

    async def answer(self, request: Request, context: Context) -> Response:
        """The file of an attachment within the data scope."""
        return self._file(await self._found(context, request.path_params["id"]))

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
