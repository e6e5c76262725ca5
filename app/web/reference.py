"""GET /reference/: the reference as pages without scripts, for those who may introspect the schema."""

from collections.abc import Awaitable, Callable
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from app.db import tuss as tuss_db
from app.db.engine import Database
from app.reference import site
from app.resolvers.context import Context
from app.transport.compression import compress
from app.transport.errors import Refused
from app.web.endpoint import Endpoint
from app.web.schema_text import check_introspection

PATH: Final = "/reference"
POLICY: Final = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_HEADERS: Final = {"content-security-policy": POLICY, "cache-control": "no-store"}


class Reference(Endpoint):
    """Answers with a page, from memory; how many terms there are is asked of the database."""

    method = "GET"

    def __init__(self, database: Database, *, context: Callable[[HTTPConnection], Awaitable[Context]]) -> None:
        super().__init__(context=context)
        self._database = database

    def routes(self) -> list[BaseRoute]:
        """Those of the pages, and of the address without a slash."""
        return [Route(PATH, _to_pages), Route(f"{PATH}/", self), Route(f"{PATH}/{{name}}", self)]

    def check(self, request: Request, context: Context) -> None:
        """Refused like introspection; NOT_FOUND for what is no page."""
        check_introspection(context)
        if _name(request) not in site.NAMES:
            raise Refused("NOT_FOUND", f"no such page: begin at {PATH}/", status=404)

    async def answer(self, request: Request, _context: Context) -> Response:
        """The page."""
        name = _name(request)
        kind = "text/css" if name == site.STYLE else "text/html"
        response = Response(await self._content(name), headers=_HEADERS, media_type=kind)
        await compress(response, request.headers)
        return response

    async def _content(self, name: str) -> bytes:
        if name != site.TERMS:
            return (await run_in_threadpool(site.lasting_files))[name]
        async with self._database.reading() as connection:
            counts = await tuss_db.table_counts(connection)
        return await run_in_threadpool(site.terms_file, counts)


def _name(request: Request) -> str:
    return str(request.path_params.get("name", "index.html"))


async def _to_pages(_request: Request) -> Response:
    return RedirectResponse(f"{PATH}/")
