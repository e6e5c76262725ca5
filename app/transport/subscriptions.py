"""From a subscription to its answers: its source's events in order, each executed and encoded once for all subscribers
who asked the same with the same permissions.

An event may bring a dict `shared`, and a context a `sharing_key` that is equal for callers who may see the same; the
answers are then kept on the event itself, and go with it. Strawberry's schema extensions do not run here.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Hashable
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any, Final, cast

import orjson
from graphql import (
    ExecutionResult,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLSchema,
    Node,
    VariableNode,
    Visitor,
    create_source_event_stream,
    execute_subscription_event,
    visit,
)

from app.transport import errors
from app.transport.documents import Operation
from app.transport.errors import Answer, Refused

# What cannot be read now may be read in a moment: the stream waits with the event instead of telling half of it.
PATIENCE_SECONDS: Final = 30.0
RETRY_SECONDS: Final = 0.2
RETRY_SECONDS_MAX: Final = 2.0
_TRANSIENT: Final = frozenset({errors.UNAVAILABLE, errors.TIMEOUT})


@dataclass(frozen=True, slots=True)
class ActiveSubscription:
    """A subscription under way: its executor, its events, and what tells it apart from others."""

    executor: Any
    payloads: AsyncGenerator[Any, None]
    context: Any
    key: Hashable | None
    request_id: str | None


class Subscriptions:
    """Runs subscriptions on a schema; each event's execution has `deadline_seconds`."""

    def __init__(
        self, schema: GraphQLSchema, executor: type[Any], *, hide_suggestions: bool, deadline_seconds: float
    ) -> None:
        self._schema = schema
        self._executor = _per_event(executor)
        self._hide_suggestions = hide_suggestions
        self._deadline_seconds = deadline_seconds

    async def begin(self, operation: Operation, context: Any) -> ActiveSubscription | ExecutionResult:
        """Open the source; a result with errors if it refuses."""
        executor = self._executor.build(
            self._schema,
            operation.document.tree,
            context_value=context,
            raw_variable_values=operation.variables,
            operation_name=operation.name,
            hide_suggestions=self._hide_suggestions,
            operation_extensions=None,
        )
        if isinstance(executor, list):
            return ExecutionResult(None, executor)
        source = create_source_event_stream(executor)
        source = await source if isawaitable(source) else source
        tell(context, seen_by(context))
        if isinstance(source, ExecutionResult):
            return source
        request_id = getattr(context, "request_id", None)
        return ActiveSubscription(executor, _generator(source), context, sharing_key(operation, context), request_id)

    async def answer(self, begun: ActiveSubscription, payload: Any) -> Answer:
        """The event as this subscriber sees it; Refused (UNAVAILABLE) if it cannot be read for too long."""
        shown = await self._shown(begun, payload)
        # Whoever it was read for, each subscriber has seen it.
        tell(begun.context, shown.seen)
        return shown.answer

    async def _shown(self, begun: ActiveSubscription, payload: Any) -> "Shown":
        shared = getattr(payload, "shared", None)
        if shared is None or begun.key is None:
            return await self._patiently(begun, payload)
        task: asyncio.Task[Shown] | None = shared.get(begun.key)
        if task is None:
            task = shared[begun.key] = asyncio.create_task(self._patiently(begun, payload))
        # Whoever leaves must not end the work that others wait for.
        return task.result() if task.done() else await asyncio.shield(task)

    async def _patiently(self, begun: ActiveSubscription, payload: Any) -> "Shown":
        loop = asyncio.get_running_loop()
        give_up_at, pause = loop.time() + PATIENCE_SECONDS, RETRY_SECONDS
        while True:
            shown = await self._once(begun, payload)
            if shown is not None:
                return shown
            if loop.time() > give_up_at:
                message = "an event cannot be read now, subscribe again behind the last cursor"
                raise Refused(errors.UNAVAILABLE, message, status=503)
            await asyncio.sleep(pause)
            pause = min(pause * 2, RETRY_SECONDS_MAX)

    async def _once(self, begun: ActiveSubscription, payload: Any) -> "Shown | None":
        """The encoded answer; None if something that it needs is away."""
        executor = begun.executor.build_per_event_executor(payload)
        try:
            async with asyncio.timeout(self._deadline_seconds):
                result = execute_subscription_event(executor)
                result = await result if isawaitable(result) else result
        except TimeoutError:
            return None
        answer = Answer.of(result, begun.request_id)
        if any(error["extensions"]["code"] in _TRANSIENT for error in answer.errors):
            return None
        return Shown(answer, seen_by(executor.context_value))


@dataclass(frozen=True, slots=True)
class Shown:
    """An answer, and what the context noted while it was made."""

    answer: Answer
    seen: Any


def seen_by(context: Any) -> Any:
    """What an operation showed, as the context noted it; None where contexts take no notes."""
    seen = getattr(context, "seen", None)
    return None if seen is None else seen()


def tell(context: Any, seen: Any) -> None:
    """Let the context keep that its caller has seen it."""
    if seen is not None:
        context.tell(seen)


async def _generator(source: AsyncIterable[Any]) -> AsyncGenerator[Any, None]:
    """The source, closed with the generator."""
    close = getattr(source, "aclose", None)
    try:
        async for payload in source:
            yield payload
    finally:
        if close is not None:
            await close()


def _per_event(base: type[Any]) -> type[Any]:
    """The executor, giving every event of a subscription its own context (and so its own loaders)."""

    class PerEvent(base):  # type: ignore[misc]
        def build_per_event_executor(self, payload: Any) -> Any:
            executor = super().build_per_event_executor(payload)
            executor.context_value = self.context_value.for_operation()
            return executor

    return PerEvent


def sharing_key(operation: Operation, context: Any) -> Hashable | None:
    """Equal for subscribers to whom every event looks the same; None if the context does not say.

    Arguments of the root field choose the events and not their looks: variables that stand only there do not count.
    """
    permissions = getattr(context, "sharing_key", None)
    if permissions is None:
        return None
    given = operation.variables or {}
    # A variable that is null is not one that was left out: only the latter takes its default.
    chosen = {name: given[name] for name in _variables_below_root(operation) if name in given}
    values = orjson.dumps(chosen, option=orjson.OPT_SORT_KEYS)
    return (operation.document.text, operation.name, values, permissions)


def _variables_below_root(operation: Operation) -> set[str]:
    names = _Names()
    for node in operation.document.tree.definitions:
        if isinstance(node, FragmentDefinitionNode):
            visit(node, names)
    for selection in operation.node.selection_set.selections:
        parts: list[Node | None] = [selection]
        if isinstance(selection, FieldNode):
            parts = [selection.selection_set, *(selection.directives or ())]
        for part in parts:
            if part is not None:
                visit(part, names)
    return names.found


class _Names(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def enter_variable(self, node: VariableNode, *_: Any) -> None:
        self.found.add(node.name.value)


def not_begun(result: ExecutionResult, request_id: str | None) -> Answer:
    """A subscription whose source refused: errors only, so that a socket sends `error` instead of `next`."""
    return Answer.errors_only(Answer.of(cast("Any", result), request_id).errors)
