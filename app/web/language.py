"""Notes in which language the caller of a request or socket reads, and says so in answers that have messages."""

from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.language.choice import Reader, reader

HEADER: Final = b"accept-language"
_EVENTS: Final = "text/event-stream"


class ReadersLanguage:
    """Sets the reader of everything that runs for the request. An answer in which a message was written has
    `Content-Language` and `Vary: Accept-Language`; so has an event stream, whose messages come later."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        values = [value.decode("latin-1") for name, value in scope["headers"] if name == HEADER]
        found = Reader(",".join(values))

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                _mark(message, found)
            await send(message)

        token = reader.set(found)
        try:
            await self._app(scope, receive, send_marked)
        finally:
            reader.reset(token)


def _mark(start: Message, found: Reader) -> None:
    headers = MutableHeaders(raw=start["headers"])
    if found.has_read or headers.get("content-type", "").startswith(_EVENTS):
        headers["content-language"] = found.language
        headers.add_vary_header("Accept-Language")
        start["headers"] = headers.raw
