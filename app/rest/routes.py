"""The routes of the doorway, for an application that wants it."""

from collections.abc import Awaitable, Callable
from functools import cache
from typing import Final

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from app.rest.browse import page_routes
from app.rest.door import Door
from app.rest.table import ENDPOINTS
from app.transport.context import OperationContext
from app.transport.pipeline import Pipeline

OPENAPI: Final = "/openapi.json"


def routes(
    pipeline: Pipeline,
    *,
    context: Callable[[HTTPConnection], Awaitable[OperationContext]],
    body_seconds: float,
    openapi: Callable[[], bytes],
) -> list[BaseRoute]:
    """One route for each path of the table, the document about them, and pages to read it."""
    paths = dict.fromkeys(each.path for each in ENDPOINTS)
    doors = {
        path: Door(
            [each for each in ENDPOINTS if each.path == path], pipeline, context=context, body_seconds=body_seconds
        )
        for path in paths
    }
    return [*(Route(path, door) for path, door in doors.items()), Route(OPENAPI, _described(openapi)), *page_routes()]


def _described(openapi: Callable[[], bytes]) -> Callable[[Request], Awaitable[Response]]:
    """The document, which is made when it is asked for the first time."""
    made = cache(openapi)

    async def answer(_request: Request) -> Response:
        return Response(made(), media_type="application/json")

    return answer
