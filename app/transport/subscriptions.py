"""The steps execute and encode for subscriptions: the source's events in order, each executed and encoded once for all
subscribers who share it (`sharing.py`).

An event that may be shared has a dict `shared`: sharing key -> SharedAnswer. The answers are stored on
the event itself, so they are freed with it, without a cache to size or to invalidate.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Hashable
from contextvars import Context, copy_context
from dataclasses import field, replace
from functools import partial
from inspect import isawaitable
from typing import Any, Final, Protocol, cast, runtime_checkable

from graphql import ExecutionResult, create_source_event_stream, execute_subscription_event

from app.transport import errors
from app.transport.answers import Answer
from app.transport.context import OperationContext
from app.transport.deadlines import Deadline
from app.transport.documents import Operation
from app.transport.errors import Refused
from app.transport.execution import Engine
from app.transport.sharing import Sharing, sharing
from app.values.frozen import frozen

# While a dependency is down the stream waits and executes the event again, instead of sending an incomplete answer.
RETRY_FOR_SECONDS: Final = 30.0
RETRY_SECONDS: Final = 0.2
RETRY_SECONDS_MAX: Final = 2.0
_TRANSIENT: Final = frozenset({errors.UNAVAILABLE, errors.TIMEOUT})


@frozen
class ActiveSubscription:
    """A subscription under way: what was asked, its source, its caller, whom it shares answers with, and the context
    variables that its events are executed in.

    It has no executor: thousands of them wait, and few execute an event.
    """

    operation: Operation
    events: AsyncGenerator[Any, None]
    context: OperationContext
    sharing: Sharing
    variables: Context = field(default_factory=copy_context)


@frozen
class EventAnswer:
    """The answer to one event, and what it discloses, for the access log of each subscriber who receives it."""

    answer: Answer
    disclosures: Any


class SharedAnswer:
    """An answer for many subscribers: the task that makes it, in these context variables, and who waits for it."""

    def __init__(self, answer: Coroutine[Any, Any, EventAnswer], variables: Context) -> None:
        self.task = asyncio.create_task(answer, context=variables)
        self.task.add_done_callback(self._wake)
        self._waiting: list[Callable[[], None]] = []

    def call_when_done(self, wake: Callable[[], None]) -> bool:
        """Call it as soon as the answer is there; False, and no call, if it is already."""
        if self.task.done():
            return False
        self._waiting.append(wake)
        return True

    def _wake(self, task: asyncio.Task[EventAnswer]) -> None:
        if not task.cancelled():
            task.exception()  # all who wait may have left: asyncio would report that nobody looked
        waiting, self._waiting = self._waiting, []
        for wake in waiting:
            wake()


@runtime_checkable
class Preparing(Protocol):
    """A source that tells of an event before it wakes the subscriber: see `Prepare` in app/events/listeners.py."""

    prepare: Any


class Subscriptions:
    """Runs subscriptions; each execution of an event has `deadline_seconds`."""

    def __init__(self, engine: Engine, *, deadline_seconds: float) -> None:
        self._engine = engine
        self._deadline_seconds = deadline_seconds

    async def start(self, operation: Operation, context: OperationContext) -> ActiveSubscription | ExecutionResult:
        """Open the source; a result with errors if it refuses."""
        executor = self._engine.executor(operation, context, self._engine.plan(operation, context))
        source = create_source_event_stream(executor)
        source = await source if isawaitable(source) else source
        context.record_disclosures(context.disclosures())
        if isinstance(source, ExecutionResult):
            return source
        events = cast("AsyncGenerator[Any, None]", source)  # at least, it can be closed
        own = ActiveSubscription(operation, events, context, sharing(operation, context, self._engine.schema))
        if isinstance(source, Preparing):
            source.prepare = partial(self._prepare, own)
        return own

    async def answer(self, subscription: ActiveSubscription, event: Any) -> Answer:
        """The event as this subscriber sees it; Refused (UNAVAILABLE) if it cannot be read for too long."""
        found = await self._shared_answer(subscription, event)
        # Whoever it was executed for, each subscriber receives it, and the access log names each.
        subscription.context.record_heard(found.disclosures)
        return found.answer

    def _prepare(self, subscription: ActiveSubscription, event: Any, wake: Callable[[], None]) -> bool:
        """Begin the answer before its subscribers are woken, so that each is woken once; False if there is nothing to
        wait for."""
        shared = self._shared(subscription, event)
        return shared is not None and shared.call_when_done(wake)

    async def _shared_answer(self, subscription: ActiveSubscription, event: Any) -> EventAnswer:
        shared = self._shared(subscription, event)
        if shared is None:
            return await self._retried_answer(subscription, event)
        # Who leaves meanwhile ends only its own waiting.
        return shared.task.result() if shared.task.done() else await asyncio.shield(shared.task)

    def _shared(self, subscription: ActiveSubscription, event: Any) -> "SharedAnswer | None":
        """The first subscriber of a kind starts the execution; the others find it. None for an answer of its own.

        A shares with B, C has other permissions: A finds nothing and starts a task under its key, B finds A's task, C
        starts its own. If A leaves meanwhile, the task still runs for B.
        """
        shared: dict[Hashable, SharedAnswer] | None = getattr(event, "shared", None)
        key: Hashable | None = subscription.sharing.common
        is_common = True
        if key is None or shared is None or not subscription.context.may_share(event):
            key, is_common = subscription.sharing.equal, False
        if shared is None or key is None:
            return None
        found = shared.get(key)
        if found is None:
            answer = self._retried_answer(subscription, event, is_common=is_common)
            found = shared[key] = SharedAnswer(answer, subscription.variables.copy())
        return found

    async def _retried_answer(
        self, subscription: ActiveSubscription, event: Any, *, is_common: bool = False
    ) -> EventAnswer:
        loop = asyncio.get_running_loop()
        give_up_at, pause = loop.time() + RETRY_FOR_SECONDS, RETRY_SECONDS
        while True:
            context = subscription.context
            context = context.of_parties(event) if is_common else context.for_operation()
            try:
                found = await self._execute_event(subscription, event, context)
            finally:
                context.forget()
            if found is not None:
                return found
            if loop.time() > give_up_at:
                message = "the event cannot be read, subscribe again after the last cursor"
                raise Refused(errors.UNAVAILABLE, message, status=503)
            await asyncio.sleep(pause)
            pause = min(pause * 2, RETRY_SECONDS_MAX)

    async def _execute_event(
        self, subscription: ActiveSubscription, event: Any, context: OperationContext
    ) -> EventAnswer | None:
        """The encoded answer; None while something that it needs is down."""
        operation, work = subscription.operation, context.work
        executor = self._engine.executor(operation, context, self._engine.plan(operation, context))
        executor = executor.build_per_event_executor(event)
        self._engine.limit(context, pays=False)
        try:
            async with Deadline(self._deadline_seconds) as deadline:
                work.on_stop = deadline.expire
                found = execute_subscription_event(executor)
                result = await found if isawaitable(found) else found
        except TimeoutError:
            if work.stopped is None:
                return None
        if work.stopped is not None:
            refused = errors.as_refusal(work.stopped, subscription.context.request_id)
            return EventAnswer(Answer.refused(refused, is_refusal=False), context.disclosures())
        answer = Answer.of(result, subscription.context.request_id)
        if any(error["extensions"]["code"] in _TRANSIENT for error in answer.errors):
            return None
        return EventAnswer(_waiting(answer), context.disclosures())


def _waiting(answer: Answer) -> Answer:
    """The answer as small as it can be: each subscriber holds the last one while it waits for the next event, and
    orjson's bytes have room for 4 KiB."""
    return replace(answer, body=bytes(memoryview(answer.body)), data=None)
