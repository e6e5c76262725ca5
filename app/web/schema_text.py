"""GET /schema.graphql: the schema with its descriptions and directives, for those who may introspect it."""

from functools import cache
from typing import ClassVar, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from app.resolvers.context import Context
from app.schema.root import schema
from app.transport.admission import IntrospectionRefused
from app.transport.compression import compress
from app.transport.errors import Unauthenticated
from app.web.endpoint import Endpoint

PATH: Final = "/schema.graphql"


class SchemaText(Endpoint):
    """Answers with the text that `billing schema` prints; introspection says nothing of the directives."""

    method: ClassVar[str] = "GET"

    def check(self, _request: Request, context: Context) -> None:
        """Refused like introspection."""
        check_introspection(context)

    async def answer(self, request: Request, _context: Context) -> Response:
        """The text, printed once."""
        headers = {"cache-control": "no-store"}
        response = Response(await run_in_threadpool(_text), headers=headers, media_type="text/plain; charset=utf-8")
        await compress(response, request.headers)
        return response


def check_introspection(context: Context) -> None:
    """Refuse a caller who may not read the schema."""
    if context.may_introspect:
        return
    if not context.is_authenticated:
        raise Unauthenticated("send an Authorization header with a bearer token")
    raise IntrospectionRefused


@cache
def _text() -> bytes:
    return f"{schema.as_str()}\n".encode()
