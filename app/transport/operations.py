"""Running operations: queries and mutations under a deadline, subscriptions until they end.

The schema's extensions work for queries and mutations (`on_operation`, `on_execute`, `resolve`, `get_results`), except
`on_parse` and `on_validate`: both steps belong to the document, not to the request, and are cached.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import replace
from inspect import isawaitable
from typing import Any, cast

from graphql import ExecutionResult, GraphQLSchema, MiddlewareManager, execute
from strawberry import Schema
from strawberry.execution import optimized_is_awaitable
from strawberry.extensions import SchemaExtension
from strawberry.extensions.runner import SchemaExtensionsRunner
from strawberry.types import ExecutionContext

from app.transport import errors
from app.transport.documents import Document, Documents, Operation, Parameters
from app.transport.errors import Answer, OperationReport, Refused, RequestError, TimedOut, Unauthenticated
from app.transport.limits import IntrospectionRefused, Limits, check
from app.transport.persisted import PersistedDocuments
from app.transport.subscriptions import Subscriptions, not_begun, seen_by, tell
from app.transport.trusted import ManifestError

LONG_CHARACTERS = 1_000
COST_OF_A_TOKEN = 1_000
_AT_ONCE = 0.0
_is_awaitable: Any = optimized_is_awaitable


class Operations:
    """Runs operations on a schema, each with its own context and, unless it is a subscription, a deadline."""

    def __init__(
        self,
        schema: Schema,
        *,
        deadline_seconds: float,
        on_operation: Callable[[OperationReport], None] | None = None,
        limits: Limits | None = None,
        tells_cost: bool = False,
        persisted: PersistedDocuments | None = None,
    ) -> None:
        self._schema = schema
        self._limits = limits or Limits()
        self._tells_cost = tells_cost
        self._persisted = persisted or PersistedDocuments(store=None)
        self._core: GraphQLSchema = schema._schema  # noqa: SLF001 - Strawberry has no public name for it
        self._documents = Documents(schema, limits=self._limits)
        self._check_trusted()
        self._aside = ThreadPoolExecutor(max_workers=1, thread_name_prefix="documents")
        self._deadline_seconds = deadline_seconds
        self._on_operation = on_operation
        self._executor = schema.execution_context_class
        self._subscriptions = Subscriptions(
            self._core,
            self._executor,
            hide_suggestions=schema.config.disable_field_suggestions,
            deadline_seconds=deadline_seconds,
        )

    def _check_trusted(self) -> None:
        """ManifestError for a trusted document that does not fit the schema: better now than at its first request."""
        for digest, text in self._persisted.trusted.items():
            try:
                self._documents.get(text)
            except RequestError as error:
                raise ManifestError(f"trusted document {digest[:12]}: {error.message}") from None

    async def find(self, parameters: Parameters, context: Any) -> Operation:
        """The operation that a request means, which may name its document by a hash; RequestError as `prepare`.

        Each counts against its caller's rate, also one that is then refused: reading it is work.
        """
        started = time.perf_counter()
        await _admit(context, 1)
        resolved = await self._persisted.resolve(parameters)
        document = self._documents.known(resolved.query) or await self._read(resolved.query, context)
        operation = self._chosen(document, resolved, started)
        # Whoever is nobody may ask, but not fill the store that all share.
        if getattr(context, "is_known", True):
            await self._persisted.register(parameters, resolved)
        return operation

    async def _read(self, text: str, context: Any) -> Document:
        """A long document is read beside the loop, one at a time, so that those who wait share the processor with it
        and do not stand behind it. Whoever is nobody may see nothing that takes one, and so nobody has to pay for it.
        """
        if len(text) < LONG_CHARACTERS:
            return self._documents.get(text)
        if not (getattr(context, "is_known", True) or getattr(context, "may_introspect", True)):
            raise Unauthenticated("a document of this length needs a token")
        loop = asyncio.get_running_loop()
        return self._documents.keep(await loop.run_in_executor(self._aside, self._documents.checked, text))

    def prepare(self, parameters: Parameters) -> Operation:
        """The operation that a request means; RequestError if its document or its choice is wrong."""
        started = time.perf_counter()
        return self._chosen(self._documents.get(parameters.query), parameters, started)

    def _chosen(self, document: Document, parameters: Parameters, started: float) -> Operation:
        node = document.operation(parameters.operation_name)
        if self._core.get_root_type(node.operation) is None:
            raise RequestError(errors.RESOLUTION_FAILURE, f"the schema has no {node.operation.value}s")
        operation = Operation(document, node, parameters.variables, started)
        check("cost", operation.cost, self._limits.cost)
        return operation

    def refuse(self, error: Exception, *, request_id: str | None = None, operation: Operation | None = None) -> Answer:
        """The answer to a request that is not run; one line of log, one report."""
        refused = errors.refusal(error, request_id)
        answer = Answer.refused(refused, "error" if refused.code == errors.INTERNAL else "rejected")
        return self._reported(operation, answer, request_id)

    async def answer(
        self, operation: Operation, context: Any, gone: Callable[[], Awaitable[None]] | None = None
    ) -> Answer:
        """Run a query or mutation; it is given up at the deadline, and when `gone` (if given) returns."""
        request_id = getattr(context, "request_id", None)
        if operation.measure.introspects and not getattr(context, "may_introspect", True):
            return self.refuse(IntrospectionRefused(), request_id=request_id, operation=operation)
        refused = await self._refused_by_rate(operation, context)
        if refused is not None:
            return refused
        try:
            async with asyncio.timeout(self._deadline_seconds) as timer:
                result = self._execute(operation, context)
                if isawaitable(result):
                    async with ended_by(timer, gone):
                        result = await result
            answer = Answer.of(result, request_id, self._told(operation))
        except Exception as error:  # noqa: BLE001 - masked and logged
            answer = Answer.refused(self._failure(error, timer, request_id), "error")
        finally:
            tell(context, seen_by(context))
        return self._reported(operation, answer, request_id)

    async def events(self, operation: Operation, context: Any) -> AsyncGenerator[Answer, None]:
        """Run a subscription; an answer that `ends` is the last one, and the only one if it does not begin."""
        request_id = getattr(context, "request_id", None)
        last = await self._refused_by_rate(operation, context) or Answer(b"")
        if last.body:
            yield replace(last, ends=True)
            return
        try:
            begun = await self._subscriptions.begin(operation, context)
            if isinstance(begun, ExecutionResult):
                last = not_begun(begun, request_id)
                yield last
                return
            async with aclosing(begun.payloads) as payloads:
                async for payload in payloads:
                    last = await self._subscriptions.answer(begun, payload)
                    yield last
        except Exception as error:  # noqa: BLE001 - masked and logged
            last = Answer.ended(errors.refusal(error, request_id))
            yield last
        finally:
            self._reported(operation, last, request_id)

    async def _refused_by_rate(self, operation: Operation, context: Any) -> Answer | None:
        """The answer to a caller who has asked for too much of late; None to all others."""
        try:
            await _admit(context, operation.cost // COST_OF_A_TOKEN)
        except Exception as error:  # noqa: BLE001 - masked and logged
            return self.refuse(error, request_id=getattr(context, "request_id", None), operation=operation)
        return None

    def _told(self, operation: Operation) -> dict[str, object]:
        """What the operation was counted as, where clients are told."""
        if not self._tells_cost:
            return {}
        return {"cost": {"requested": operation.cost, "max": self._limits.cost, "depth": operation.measure.depth}}

    def _failure(self, error: Exception, timer: asyncio.Timeout, request_id: str | None) -> Refused:
        if not (isinstance(error, TimeoutError) and timer.expired()):
            return errors.refusal(error, request_id)
        if has_gone(timer):
            return Refused(errors.TIMEOUT, "the client has gone", status=499)
        return TimedOut(f"not done in {self._deadline_seconds:g} s")

    def _reported(self, operation: Operation | None, answer: Answer, request_id: str | None) -> Answer:
        if answer.outcome == "rejected":
            errors.logger.info("refused %s in request %s", answer.code, request_id)
        if self._on_operation is not None:
            name, kind = (operation.name, operation.type.value) if operation else (None, None)
            seconds = time.perf_counter() - operation.started if operation else 0.0
            self._on_operation(OperationReport(name, kind, answer.outcome, seconds, answer.code))
        return answer

    def _execute(self, operation: Operation, context: Any) -> ExecutionResult | Awaitable[ExecutionResult]:
        extensions = self._schema.get_extensions()
        if extensions:
            return self._execute_extended(operation, context, extensions)
        return self._run(operation, context, None)

    def _run(
        self, operation: Operation, context: Any, middleware: MiddlewareManager | None
    ) -> ExecutionResult | Awaitable[ExecutionResult]:
        """The engine: whatever replaces it for some operations is chosen here."""
        return execute(
            self._core,
            operation.document.tree,
            is_awaitable=_is_awaitable,
            **self._arguments(operation, context, middleware),
        )

    def _arguments(self, operation: Operation, context: Any, middleware: MiddlewareManager | None) -> dict[str, Any]:
        return {
            "context_value": context,
            "variable_values": operation.variables,
            "operation_name": operation.name,
            "middleware": middleware,
            "executor_class": self._executor,
            "hide_suggestions": self._schema.config.disable_field_suggestions,
            "operation_extensions": None,
        }

    async def _execute_extended(
        self, operation: Operation, context: Any, extensions: list[SchemaExtension]
    ) -> ExecutionResult:
        hooks = _Hooks(self._schema, operation, context, extensions)
        async with hooks.runner.operation(), hooks.runner.executing():
            if hooks.frame.result is None:
                result = self._run(operation, context, hooks.middleware)
                hooks.frame.result = await result if isawaitable(result) else result
        return await hooks.finished()


async def _admit(context: Any, tokens: int) -> None:
    """Count what the caller asks for, where callers are counted; RATE_LIMITED if it was too much of late."""
    admit = getattr(context, "admit", None)
    if admit is not None and tokens:
        await admit(tokens)


class _Hooks:
    """The schema's extensions round one operation."""

    def __init__(self, schema: Schema, operation: Operation, context: Any, extensions: list[SchemaExtension]) -> None:
        self.frame = ExecutionContext(
            query=operation.document.text,
            schema=schema,
            allowed_operations=(),
            context=context,
            variables=operation.variables,
            provided_operation_name=operation.name,
            graphql_document=operation.document.tree,
        )
        for extension in extensions:
            extension.execution_context = self.frame
        self.runner: SchemaExtensionsRunner = schema.create_extensions_runner(self.frame, extensions)
        resolving = [one for one in extensions if type(one).resolve is not SchemaExtension.resolve]
        self.middleware = MiddlewareManager(*resolving) if resolving else None

    async def finished(self) -> ExecutionResult:
        """The frame's result with what the extensions add to it."""
        result = cast("ExecutionResult", self.frame.result)
        result.extensions = await self.runner.get_extensions_results(self.frame) or None
        return result


@asynccontextmanager
async def ended_by(timer: asyncio.Timeout, gone: Callable[[], Awaitable[None]] | None) -> AsyncIterator[None]:
    """Let `timer` expire at once when `gone` returns."""

    async def watch(wait: Callable[[], Awaitable[None]]) -> None:
        await wait()
        end_now(timer)

    watcher = asyncio.create_task(watch(gone)) if gone else None
    try:
        yield
    finally:
        if watcher:
            watcher.cancel()


def end_now(timer: asyncio.Timeout) -> None:
    """Let `timer` expire at once; nothing to do if it has expired or its block has ended."""
    with suppress(RuntimeError):
        timer.reschedule(_AT_ONCE)


def has_gone(timer: asyncio.Timeout) -> bool:
    """Whether `timer` expired by `end_now`, not in its own time."""
    return timer.when() == _AT_ONCE
