"""How a response that goes on is written: as server-sent events, or in parts."""

from collections.abc import Callable
from typing import Any, Final

import orjson

from app.transport.answers import Answer
from app.values.frozen import frozen


@frozen
class Framing:
    """The bytes around what is sent: `start` comes first, `heartbeat` when nothing else does, `end` says that no answer
    follows. A response that stops without its end was interrupted."""

    content_type: bytes
    answer: Callable[[Any], bytes]
    heartbeat: bytes
    end: bytes
    start: bytes = b""
    tells_expiry: bool = True
    """Whether the end of a token is an answer; where it is not, the response is interrupted."""


@frozen
class Told:
    """An answer to the operation with this id; None after its last one."""

    id: str
    answer: Answer | None


_EVENTS: Final = b"text/event-stream; charset=utf-8"


def _told(told: Told) -> bytes:
    id = orjson.dumps(told.id)
    if told.answer is None:
        return b'event: complete\ndata: {"id":%b}\n\n' % id
    return b'event: next\ndata: {"id":%b,"payload":%b}\n\n' % (id, told.answer.body)


def _event(answer: Answer) -> bytes:
    return b"event: next\ndata: " + answer.body + b"\n\n"


# A client takes a part for complete when it has read the delimiter behind it, so each part ends with the next one's.
_DELIMITER: Final = b"\r\n--graphql"


def _part(content: bytes) -> bytes:
    return b"\r\ncontent-type: application/json\r\n\r\n" + content + _DELIMITER


def _answer_part(answer: Answer) -> bytes:
    """What ends the subscription is an error of the protocol, beside an empty payload; other errors are data."""
    if answer.is_refusal or answer.is_last:
        return _part(b'{"payload":null,' + answer.body[1:])
    return _part(b'{"payload":' + answer.body + b"}")


SERVER_SENT_EVENTS: Final = Framing(_EVENTS, _event, heartbeat=b":\n\n", end=b"event: complete\ndata:\n\n")
"""graphql-sse, distinct connections."""
SHARED: Final = Framing(_EVENTS, _told, heartbeat=b":\n\n", end=b"", start=b":\n\n", tells_expiry=False)
"""graphql-sse, single connection."""
PARTS: Final = Framing(
    b'multipart/mixed; boundary="graphql"; subscriptionSpec="1.0"',
    _answer_part,
    heartbeat=_part(b"{}"),
    end=b"--\r\n",
    start=_DELIMITER,
)
"""Apollo's protocol for subscriptions over HTTP."""
