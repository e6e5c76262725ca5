"""Subscriptions: a root field for each stream, with the fields that all messages and all filters have in common."""

from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import strawberry
from strawberry.dataloader import DataLoader
from strawberry.types.field import StrawberryField
from strawberry.utils.str_converters import to_snake_case

from app.domain.identifiers import AnsCode, Cnes
from app.resolvers import streams
from app.resolvers.event_filters import WantedEvents
from app.resolvers.loaders import Loaders
from app.resolvers.streams import StreamMessage
from app.schema.base import filters
from app.schema.base.arguments import EVENT_FILTER, AfterEvent
from app.schema.base.info import Info
from app.schema.base.mutations import check_arguments
from app.schema.base.permissions import Requires
from app.schema.base.streams import CURSOR, FIRST_MESSAGE, cursor_of, event_of
from app.schema.base.types import input_type, object_type


@object_type()
class StreamedEvent:
    """Fields of the messages of every stream."""

    @strawberry.field(description=CURSOR)
    def cursor(message: strawberry.Parent[StreamMessage], info: Info) -> str:
        return cursor_of(info.context, message)

    @strawberry.field(description="Time of the change.")
    def occurred_at(message: strawberry.Parent[StreamMessage]) -> datetime | None:
        event = event_of(message)
        return event.recorded_at if event else None


@input_type()
class EventFilterInput:
    """Fields of the filters of every stream; `aggregate` and `status` are only in those that have them."""

    payers: list[AnsCode] | None = filters.payers()
    providers: list[Cnes] | None = filters.providers()

    def wanted(self) -> WantedEvents:
        """The filter as the stream expects it."""
        aggregate, statuses = getattr(self, "aggregate", None), getattr(self, "status", None)
        return WantedEvents(_set(self.payers), _set(self.providers), aggregate, _set(statuses))


def _set(values: Sequence[str] | None) -> frozenset[str] | None:
    return None if values is None else frozenset(values)


def aggregate(name: str, description: str) -> Any:
    """The field of a filter, called `name` in the API, for the events of one object."""
    return strawberry.field(name=name, default=None, description=description)


def any_status(enum: type[StrEnum]) -> Any:
    """The field of a filter for the status after the change."""
    return filters.any_of("Status after the change", len(enum))


def of_event(kind: type[Any], name: str, description: str, read: Callable[[Any], Any]) -> Any:
    """A field with what `read` makes of the value `name` in the event's data, null where the event has none."""

    def resolve(message: strawberry.Parent[StreamMessage]) -> Any:
        event = event_of(message)
        value = None if event is None else event.data.get(name)
        return None if value is None else read(value)

    return strawberry.field(resolver=resolve, graphql_type=kind | None, description=description)


def status(enum: type[StrEnum], what: str) -> Any:
    """The status after the change of a `what`."""
    return of_event(enum, "status", f"Status after this change; the {what} may have changed again since.", enum)


def previous_status(enum: type[StrEnum], null: str = "") -> Any:
    """The status before the change; `null` says when there was none."""
    return of_event(enum, "previousStatus", f"Status before this change{null}.", enum)


def deleted_id(event_name: str, name: str, description: str) -> Any:
    """The id of an object that the event with this name deletes, the value `name` in its data; null for others."""

    def resolve(message: strawberry.Parent[StreamMessage]) -> strawberry.ID | None:
        event = event_of(message)
        return strawberry.ID(event.data[name]) if event and event.name == event_name else None

    return strawberry.field(resolver=resolve, description=description)


def object_of(kind: type[Any], loader: Callable[[Loaders], DataLoader[str, Any]], name: str, description: str) -> Any:
    """The object whose id is the value `name` in the event's data, in its current state."""

    async def resolve(message: strawberry.Parent[StreamMessage], info: Info) -> Any:
        event = event_of(message)
        return await loader(info.context.loaders).load(event.data[name]) if event else None

    return strawberry.field(resolver=resolve, graphql_type=kind | None, description=description)


def subscription(
    name: str,
    events: frozenset[str],
    payload: type[StreamedEvent],
    filter: type[EventFilterInput],
    *,
    needs: str,
    description: str,
) -> StrawberryField:
    """The root field of a stream of these events, for callers with the permission `needs`."""

    async def resolve(info: Any, filter: Any = None, after: str | None = None) -> Any:
        check_arguments(filter=filter)
        where = WantedEvents() if filter is None else filter.wanted()
        # Awaited instead of iterated here: invalid arguments are refused before the stream starts.
        return await streams.open_stream(info.context, events, where, after)

    resolve.__name__ = to_snake_case(name)
    resolve.__annotations__ = {
        "info": Info,
        "filter": Annotated[filter | None, EVENT_FILTER],
        "after": AfterEvent,
        "return": AsyncGenerator[Any, None],
    }
    field: StrawberryField = strawberry.subscription(
        resolver=resolve,
        name=name,
        graphql_type=payload,
        description=f"{description}, in order: from now on, or from the cursor `after` on. {FIRST_MESSAGE}",
        extensions=[Requires(needs)],
    )
    return field
