"""What consumers of one event may rely on."""

from app.values.frozen import frozen


@frozen
class EventContract:
    """What consumers may rely on: the versioned CloudEvents type, and the TypedDict that is the shape of `data`.

    `when` says what has happened when the event is sent, for docs/events.md, without the name of a mutation.
    """

    ce_type: str
    data: type
    when: str
