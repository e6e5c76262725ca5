"""What the endpoints beside GraphQL share: the caller is identified, checked, counted and logged, and every failure is
answered in the form of a GraphQL error."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import ClassVar

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.resolvers.context import Context
from app.schema.base.permissions import AccessRefused, check
from app.transport import errors
from app.transport.admission import CountingRefusals, admit_request
from app.transport.answers import Answer
from app.transport.errors import Refused
from app.transport.negotiation import JSON


class Endpoint(ABC):
    """An ASGI endpoint for a Route; `context` identifies the caller, as for GraphQL."""

    method: ClassVar[str]

    def __init__(self, *, context: Callable[[HTTPConnection], Awaitable[Context]]) -> None:
        self._context = context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        response = await self._respond(Request(scope, receive))
        await response(scope, receive, send)

    @abstractmethod
    def check(self, request: Request, context: Context) -> None:
        """Refuse a caller or a request for which nothing can be done; nothing of the body is read before."""

    @abstractmethod
    async def answer(self, request: Request, context: Context) -> Response:
        """The answer to a request that was checked."""

    async def _respond(self, request: Request) -> Response:
        context: Context | None = None
        try:
            self._check_method(request)
            context = await self._context(request)
            async with CountingRefusals(context):
                self.check(request, context)
            await admit_request(context)
            return await self.answer(request, context)
        except Exception as error:  # noqa: BLE001 - masked and logged
            refused = Answer.refused(errors.as_refusal(error, None if context is None else context.request_id))
            return Response(refused.body, refused.status, dict(refused.headers), f"{JSON}; charset=utf-8")
        finally:
            if context is not None:
                context.record_disclosures(context.disclosures())

    def _check_method(self, request: Request) -> None:
        if request.method != self.method:
            raise Refused("METHOD_NOT_ALLOWED", f"use {self.method}", status=405, headers={"allow": self.method})


def require(context: Context, permission: str, *, operation: str, data_class: str = "") -> None:
    """Refuse a caller without the permission, noted for the access log."""
    try:
        check(context.principal, permission)
    except AccessRefused as refused:
        context.note_refused(operation, [(data_class, permission)])
        if refused.code == errors.UNAUTHENTICATED:
            raise errors.Unauthenticated(refused.message) from None
        raise errors.ApplicationRefusal(refused.code, refused.message, refused.extensions, 403) from None
