"""The step execute: graphql-core over Strawberry's schema, for one operation with its context."""

import asyncio
from collections.abc import Awaitable
from concurrent.futures import Executor, Future
from contextvars import copy_context
from inspect import iscoroutine
from typing import Any, Final

from graphql import ExecutionResult, GraphQLSchema, OperationType, execute
from strawberry import Schema
from strawberry.execution import optimized_is_awaitable

from app.transport import errors
from app.transport.context import OperationContext
from app.transport.documents import Operation
from app.transport.errors import RequestError

_is_awaitable: Any = optimized_is_awaitable
MANY_VALUES: Final = 300
"""Variables with more values than this take a millisecond or more to convert."""


class Engine:
    """Executes operations on a schema. ValueError for a schema with extensions, which would not run: documents are
    compiled once and not per request, and an event of a subscription is executed once for many subscribers."""

    def __init__(self, schema: Schema) -> None:
        if schema.get_extensions():
            raise ValueError("remove the schema's extensions: the transport does not run them")
        self.schema: GraphQLSchema = schema._schema  # noqa: SLF001 - Strawberry has no public name for it
        self.executor: type[Any] = schema.execution_context_class
        self.hide_suggestions = schema.config.disable_field_suggestions

    def check_type(self, type: OperationType) -> None:
        """RequestError for a type of operation that the schema does not have."""
        if self.schema.get_root_type(type) is None:
            raise RequestError(errors.RESOLUTION_FAILURE, f"the schema has no {type.value}s")

    async def start(
        self, operation: Operation, context: OperationContext, thread: Executor
    ) -> ExecutionResult | Awaitable[ExecutionResult]:
        """As `execute`, which converts the variables: many are converted in the thread, where the loop has its turns.

        Resolvers that are coroutines only run when the result is awaited, and so never in the thread.
        """
        if operation.values <= MANY_VALUES:
            return self.execute(operation, context)
        started = thread.submit(copy_context().run, self.execute, operation, context)
        try:
            return await asyncio.wrap_future(started)
        except asyncio.CancelledError:
            started.add_done_callback(_close)
            raise

    def execute(self, operation: Operation, context: OperationContext) -> ExecutionResult | Awaitable[ExecutionResult]:
        """The result of a query or mutation; awaitable as soon as one resolver is."""
        return execute(
            self.schema,
            operation.document.tree,
            context_value=context,
            variable_values=operation.variables,
            operation_name=operation.name,
            executor_class=self.executor,
            is_awaitable=_is_awaitable,
            hide_suggestions=self.hide_suggestions,
            operation_extensions=None,  # asked for by Strawberry's executor
        )


def _close(started: Future[ExecutionResult | Awaitable[ExecutionResult]]) -> None:
    """Nobody will await the result any more; a coroutine has to be closed then."""
    if started.cancelled() or started.exception() is not None:
        return
    result = started.result()
    if iscoroutine(result):
        result.close()
