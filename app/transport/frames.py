"""The step read over a socket: text frames become messages, and errors become close codes."""

from typing import Any, Final

import orjson

from app.transport import errors
from app.transport.errors import Unauthenticated

_REASON_BYTES_MAX: Final = 123  # what a close frame has room for
_ID_LENGTH_MAX: Final = 128

Message = dict[str, Any]


class Closing(Exception):
    """Ends the connection with a close code and a reason, which is cut to what a close frame may hold."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason.encode()[:_REASON_BYTES_MAX].decode(errors="ignore")


def decode(text: str) -> Message:
    """The message in a text frame; Closing (4400) for anything else."""
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise Closing(4400, "send valid JSON") from None
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise Closing(4400, "send an object with a type")
    if message["type"] != "subscribe" and not isinstance(message.get("payload"), dict | None):
        raise Closing(4400, "payload must be an object")
    return message


def id_of(message: Message) -> str:
    """The operation's id, which the client chose; Closing (4400) for an unusable one."""
    id = message.get("id")
    if not isinstance(id, str) or not 0 < len(id) <= _ID_LENGTH_MAX:
        raise Closing(4400, f"id must be a string of 1 to {_ID_LENGTH_MAX} characters")
    return id


def closing_for(error: Exception, request_id: str | None) -> Closing:
    """The close code for a connection that cannot start: refused, unavailable for now, over a limit, or our fault."""
    if isinstance(error, Unauthenticated):
        return Closing(4403, f"Forbidden: {error.message}")
    refused = errors.as_refusal(error, request_id)
    if refused.code == errors.UNAVAILABLE:
        return Closing(1013, refused.message)
    if refused.code == errors.RATE_LIMITED:
        return Closing(4429, refused.message)
    return Closing(4500 if refused.code == errors.INTERNAL else 4403, refused.message)
