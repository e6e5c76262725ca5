"""Failures that leave the application are answered as GraphQL errors too, also those of requests cut off by a stop."""

import asyncio

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.telemetry.logs import request_id
from app.transport.answers import Answer
from app.transport.errors import Refused, as_refusal
from app.transport.negotiation import JSON
from app.web import refusals


class Failures:
    """Answers 500 or 503 where the application gives no answer; an answer that has begun is cut off."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        has_begun = False

        async def noting_begin(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, noting_begin)
        except asyncio.CancelledError:
            # Only the end of the time that a stop gives to requests cancels them.
            if has_begun:
                raise
            await refusals.respond(refusals.Stopping(), scope, send)
        except Exception as error:
            if has_begun:
                raise
            await refusals.respond(as_refusal(error, request_id.get()), scope, send)


async def http_error(_request: Request, error: Exception) -> Response:
    """The answer to an unknown path or a wrong method, which the router raises as an HTTPException."""
    assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for no other
    if error.status_code == 405:
        refused = Refused("METHOD_NOT_ALLOWED", "this path does not support the method", status=405)
    else:
        refused = Refused("NOT_FOUND", "there is nothing at this path", status=404)
    answer = Answer.refused(refused)
    return Response(answer.body, answer.status, error.headers, f"{JSON}; charset=utf-8")
