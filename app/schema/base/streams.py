"""What all streams have in common: cursors, and the first message."""

from app.events.listeners import StreamEvent
from app.resolvers.context import Context
from app.resolvers.streams import StreamMessage

CURSOR = "Position in the stream: pass it as `after` to continue after this message."
STREAM_CURSOR = (
    "Position in the event log from before this was read: pass it as `after` to a subscription, and it misses nothing "
    "that is not in this answer. Null if it is not known yet: read again."
)
FIRST_MESSAGE = "The first message has only the cursor of where the stream starts; all else is null."


def event_of(message: StreamMessage) -> StreamEvent | None:
    """The message's event; None for the first message."""
    return message if isinstance(message, StreamEvent) else None


def cursor_of(ctx: Context, message: StreamMessage) -> str:
    """The cursor from which a stream continues after the message."""
    return ctx.stream_cursors.cursor(message.place) if isinstance(message, StreamEvent) else message.cursor


def stream_cursor(ctx: Context) -> str | None:
    """The cursor from which a subscription misses nothing that the operation's reads do not show."""
    return None if ctx.log_place is None else ctx.stream_cursors.cursor(ctx.log_place)
