"""From a request's text to its answer: parsed and validated once per document, run once per operation.

The schema's extensions work (`on_operation`, `on_execute`, `on_stream_result`, `resolve`, `get_results`), except
`on_parse` and `on_validate`: both steps belong to the document, not to the request, and are cached. Limits on a
document's depth, aliases or cost stand in one place, the `limits` given to Documents, and are paid once per document.
"""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any, Self, cast

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    MiddlewareManager,
    OperationDefinitionNode,
    OperationType,
    execute,
    parse,
    specified_rules,
    subscribe,
    validate,
)
from strawberry import Schema
from strawberry.execution import optimized_is_awaitable
from strawberry.extensions import SchemaExtension
from strawberry.extensions.runner import SchemaExtensionsRunner
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule
from strawberry.types import ExecutionContext

from app.transport import errors
from app.transport.errors import Answer, OperationReport, Refused, RequestError, TimedOut

TOKENS_MAX = 2000
CACHE_WEIGHT_MAX = 500_000  # characters; a parsed document takes about 120 bytes for each
_WEIGHT_OF_ANY = 500
_RULES = (*specified_rules, MaybeNullValidationRule, OneOfInputValidationRule)
_AT_ONCE = 0.0
_is_awaitable: Any = optimized_is_awaitable

Limit = Callable[[GraphQLSchema, DocumentNode], Iterable[GraphQLError]]


@dataclass(frozen=True, slots=True)
class Parameters:
    """A request's members, of the right types."""

    query: str
    variables: dict[str, Any] | None = None
    operation_name: str | None = None

    @classmethod
    def of(cls, value: object) -> Self:
        """From decoded JSON; Refused (BAD_REQUEST) for anything that is no GraphQL request."""
        if not isinstance(value, dict):
            raise Refused(errors.BAD_REQUEST, "a request is a JSON object")
        query, name = value.get("query"), value.get("operationName")
        if not isinstance(query, str) or not query:
            raise Refused(errors.BAD_REQUEST, "query must be a non-empty string")
        if "\0" in query:
            raise Refused(errors.BAD_REQUEST, "query must not contain NUL")
        if name is not None and not isinstance(name, str):
            raise Refused(errors.BAD_REQUEST, "operationName must be a string")
        for member in ("variables", "extensions"):
            if not isinstance(value.get(member), dict | None):
                raise Refused(errors.BAD_REQUEST, f"{member} must be an object")
        return cls(query, value.get("variables"), name or None)


@dataclass(frozen=True, slots=True)
class Document:
    """A valid document and its operations by name."""

    text: str
    tree: DocumentNode
    operations: Mapping[str | None, OperationDefinitionNode]

    def operation(self, name: str | None) -> OperationDefinitionNode:
        """The one that is meant; without a name there must be only one. RequestError otherwise."""
        if name is None and len(self.operations) == 1:
            return next(iter(self.operations.values()))
        if name is None:
            raise RequestError(errors.RESOLUTION_FAILURE, "operationName says which of several operations to run")
        if name not in self.operations:
            raise RequestError(errors.RESOLUTION_FAILURE, "operationName names no operation of the document")
        return self.operations[name]


class Documents:
    """Valid documents by the hash of their text, the least recently used forgotten first; invalid ones are not kept."""

    def __init__(self, schema: Schema, *, limits: Iterable[Limit] = (), weight_max: int = CACHE_WEIGHT_MAX) -> None:
        self._schema: GraphQLSchema = schema._schema  # noqa: SLF001 - Strawberry has no public name for it
        self._hide_suggestions = schema.config.disable_field_suggestions
        self._limits = tuple(limits)
        self._weight_left = weight_max
        self._known: OrderedDict[bytes, Document] = OrderedDict()

    def get(self, text: str) -> Document:
        """The parsed and validated document; RequestError with every reason if it is not valid."""
        key = hashlib.sha256(text.encode()).digest()
        document = self._known.get(key)
        if document is None:
            document = self._checked(text)
            self._keep(key, document)
        else:
            self._known.move_to_end(key)
        return document

    def _checked(self, text: str) -> Document:
        try:
            tree = parse(text, max_tokens=TOKENS_MAX)
        except GraphQLSyntaxError as error:
            raise RequestError(errors.PARSE_FAILED, error.message, errors=[error]) from None
        self._check(tree)
        operations = {
            node.name.value if node.name else None: node
            for node in tree.definitions
            if isinstance(node, OperationDefinitionNode)
        }
        return Document(text, tree, operations)

    def _check(self, tree: DocumentNode) -> None:
        for limit in self._limits:
            _refuse_any("TOO_COMPLEX", limit(self._schema, tree))
        found = validate(self._schema, tree, _RULES, max_errors=20, hide_suggestions=self._hide_suggestions)
        _refuse_any(errors.VALIDATION_FAILED, found)

    def _keep(self, key: bytes, document: Document) -> None:
        self._known[key] = document
        self._weight_left -= _weight(document)
        while self._weight_left < 0:
            self._weight_left += _weight(self._known.popitem(last=False)[1])


def _weight(document: Document) -> int:
    return _WEIGHT_OF_ANY + len(document.text)


def _refuse_any(code: str, found: Iterable[GraphQLError]) -> None:
    reasons = list(found)
    if reasons:
        raise RequestError(code, reasons[0].message, errors=reasons)


@dataclass(frozen=True, slots=True)
class Operation:
    """What is to be run: one operation of a valid document, with its variables."""

    document: Document
    node: OperationDefinitionNode
    variables: dict[str, Any] | None
    started: float

    @property
    def name(self) -> str | None:
        """The operation's name in the document."""
        return self.node.name.value if self.node.name else None

    @property
    def type(self) -> OperationType:
        """Query, mutation or subscription."""
        return self.node.operation


class Operations:
    """Runs operations on a schema, each with its own context and, unless it is a subscription, a deadline."""

    def __init__(
        self,
        schema: Schema,
        *,
        deadline_seconds: float,
        on_operation: Callable[[OperationReport], None] | None = None,
        limits: Iterable[Limit] = (),
    ) -> None:
        self._schema = schema
        self._core: GraphQLSchema = schema._schema  # noqa: SLF001 - Strawberry has no public name for it
        self._documents = Documents(schema, limits=limits)
        self._deadline_seconds = deadline_seconds
        self._on_operation = on_operation
        self._executor = _per_event(schema.execution_context_class)

    def prepare(self, parameters: Parameters) -> Operation:
        """The operation that a request means; RequestError if its document or its choice is wrong."""
        started = time.perf_counter()
        document = self._documents.get(parameters.query)
        node = document.operation(parameters.operation_name)
        if self._core.get_root_type(node.operation) is None:
            raise RequestError(errors.RESOLUTION_FAILURE, f"the schema has no {node.operation.value}s")
        return Operation(document, node, parameters.variables, started)

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
        try:
            async with asyncio.timeout(self._deadline_seconds) as timer:
                result = self._execute(operation, context)
                if isawaitable(result):
                    async with ended_by(timer, gone):
                        result = await result
            answer = Answer.of(result, request_id)
        except Exception as error:  # noqa: BLE001 - masked and logged
            answer = Answer.refused(self._failure(error, timer, request_id), "error")
        return self._reported(operation, answer, request_id)

    async def events(self, operation: Operation, context: Any) -> AsyncGenerator[Answer, None]:
        """Run a subscription; the first answer is a rejected one, and the only one, if it does not begin."""
        request_id = getattr(context, "request_id", None)
        last = Answer(b"")
        try:
            async with aclosing(self._subscribe(operation, context)) as results:
                async for result, begun in results:
                    last = Answer.of(result, request_id)
                    yield last if begun or last.outcome == "rejected" else _not_begun(last)
        except Exception as error:  # noqa: BLE001 - masked and logged
            last = Answer.refused(errors.refusal(error, request_id), "error")
            yield last
        finally:
            self._reported(operation, last, request_id)

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

    async def _subscribe(
        self, operation: Operation, context: Any
    ) -> AsyncGenerator[tuple[ExecutionResult, bool], None]:
        """Each result, and whether the stream had begun."""
        hooks = _Hooks(self._schema, operation, context, self._schema.get_extensions())
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(hooks.runner.operation())
            async with hooks.runner.executing():
                source = subscribe(
                    self._core, operation.document.tree, **self._arguments(operation, context, hooks.middleware)
                )
                source = await source if isawaitable(source) else source
            if isinstance(source, ExecutionResult):
                yield source, False
                return
            await stack.enter_async_context(aclosing(cast("AsyncGenerator[ExecutionResult, None]", source)))
            async for result in source:
                hooks.frame.result = result
                result = await hooks.finished()  # noqa: PLW2901 - the same result, with the extensions' additions
                async with hooks.runner.on_stream_result(result):  # type: ignore[arg-type]
                    yield result, True


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


def _not_begun(answer: Answer) -> Answer:
    """A subscription whose source refused: errors only, so that a socket sends `error` instead of `next`."""
    return Answer.errors_only(answer.errors)


def _per_event(base: type[Any]) -> type[Any]:
    """The executor, giving every event of a subscription its own context (and so its own loaders)."""

    class PerEvent(base):  # type: ignore[misc]
        def build_per_event_executor(self, payload: Any) -> Any:
            executor = super().build_per_event_executor(payload)
            executor.context_value = self.context_value.for_operation()
            return executor

    return PerEvent


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
