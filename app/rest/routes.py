"""The routes of the doorway, for an application that wants it."""

from collections.abc import Awaitable, Callable

from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute, Route

from app.rest.door import Door
from app.rest.table import ENDPOINTS
from app.transport.context import OperationContext
from app.transport.pipeline import Pipeline


def routes(
    pipeline: Pipeline, *, context: Callable[[HTTPConnection], Awaitable[OperationContext]], body_seconds: float
) -> list[BaseRoute]:
    """One route for each path of the table."""
    paths = dict.fromkeys(each.path for each in ENDPOINTS)
    doors = {
        path: Door(
            [each for each in ENDPOINTS if each.path == path], pipeline, context=context, body_seconds=body_seconds
        )
        for path in paths
    }
    return [Route(path, door) for path, door in doors.items()]
