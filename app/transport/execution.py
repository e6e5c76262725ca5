"""The step execute: graphql-core over Strawberry's schema, for one operation with its context."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor, Future
from contextvars import copy_context
from functools import partial
from inspect import isawaitable, iscoroutine
from typing import Any, Final

from graphql import ExecutionResult, GraphQLSchema, OperationType, default_field_resolver, default_type_resolver
from strawberry import Schema

from app.executor.execution import Execution, PlanInfo, of_query
from app.executor.planner import Planner, Query, root_fields
from app.executor.plans import PlanMemory
from app.executor.selection import Plan
from app.transport import errors
from app.transport.context import OperationContext
from app.transport.documents import Operation
from app.transport.errors import RequestError
from app.transport.executor import paced
from app.transport.limits import TooComplex
from app.transport.tries import tried
from app.transport.unbegun import Unbegun
from app.transport.work import Turns

MANY_VALUES: Final = 300
"""Variables with more values than this take a millisecond or more to convert."""


class Engine:
    """Executes operations on a schema, each within a budget of `fields_max` fields and with turns on the event loop.

    `on_execution` is told of each query what executed it: "plan", "core" or "fallback", and of each object that a
    mutation or an event gives "payload_plan", "payload_core" or "payload_fallback" (docs/metrics.md).
    `plans_at_once` plans an operation when it comes for the first time, and not for the second.
    ValueError for a schema with extensions, which would not run: documents are compiled once and not per request, and
    an event of a subscription is executed once for many subscribers.
    """

    def __init__(
        self,
        schema: Schema,
        *,
        fields_max: int,
        on_execution: Callable[[str], None] | None = None,
        plans_at_once: bool = False,
    ) -> None:
        if schema.get_extensions():
            raise ValueError("remove the schema's extensions: the transport does not run them")
        self.schema: GraphQLSchema = schema._schema  # noqa: SLF001 - Strawberry has no public name for it
        self._executor = paced(schema.execution_context_class)
        self._hide_suggestions = schema.config.disable_field_suggestions
        self._fields_max = fields_max
        self._planner = Planner(schema)
        self._on_execution = on_execution or _uncounted
        self._plans_at_once = plans_at_once
        self._plan_memory = PlanMemory()
        self._turns = Turns()

    def check_type(self, type: OperationType) -> None:
        """RequestError for a type of operation that the schema does not have."""
        if self.schema.get_root_type(type) is None:
            raise RequestError(errors.RESOLUTION_FAILURE, f"the schema has no {type.value}s")

    def start(
        self, operation: Operation, context: OperationContext, thread: Executor
    ) -> ExecutionResult | Awaitable[ExecutionResult]:
        """As `execute`, which converts the arguments: many are converted in the thread, where the loop has its turns.

        Only a mutation of many values has a plan: it leaves the arguments to graphql-core. The plan is made here, since
        plans are kept without a lock. Resolvers that are coroutines only run when the result is awaited, and so never
        in the thread.
        """
        if operation.values <= MANY_VALUES:
            return self.execute(operation, context)
        plan = None
        if operation.type is OperationType.QUERY:
            self._on_execution("core")
        else:
            plan = self.plan(operation, context)
        return self._in_thread(operation, context, thread, plan)

    async def _in_thread(
        self, operation: Operation, context: OperationContext, thread: Executor, plan: Plan | None
    ) -> ExecutionResult:
        started = thread.submit(copy_context().run, self._execute_by_core, operation, context, plan)
        try:
            result = await asyncio.wrap_future(started)
        except asyncio.CancelledError:
            started.add_done_callback(partial(_close, context))
            raise
        return await result if isawaitable(result) else result

    def execute(self, operation: Operation, context: OperationContext) -> ExecutionResult | Awaitable[ExecutionResult]:
        """The result of a query or mutation; awaitable as soon as one resolver is, or it takes more than one turn."""
        if operation.type is not OperationType.QUERY:
            return self._execute_by_core(operation, context, self.plan(operation, context))
        self.limit(context, pays=True)
        execution = self._planned(operation, context)
        if execution is None:
            self._on_execution("core")
            return self._execute_by_core(operation, context)
        if not execution.is_synchronous:
            return self._run(execution, operation, context)
        self._on_execution("plan")
        return execution.at_once()

    def plan(self, operation: Operation, context: OperationContext) -> Plan | None:
        """The plan of the operation for this caller; None if it has none."""
        visibility, document = context.visibility, operation.document
        if visibility is None:
            return None

        def make() -> Plan:
            return self._planner.plan(Query(operation.node, dict(document.fragments), operation.coerced), context)

        given = operation.coerced.coerced
        find = document.plans.find
        return find(operation.name, visibility, given, make, self._plan_memory, at_once=self._plans_at_once)

    def _planned(self, operation: Operation, context: OperationContext) -> Execution | None:
        """The execution of the query by its plan; None if it has none."""
        plan = self.plan(operation, context)
        if plan is None:
            return None
        context.name_operation(plan.operation)
        execution = of_query(plan, context, PlanInfo(context, operation.node, self.schema), operation.coerced)
        if execution is not None:
            context.asked = plan.asked
        return execution

    async def _run(self, execution: Execution, operation: Operation, context: OperationContext) -> ExecutionResult:
        """The result by the plan or, where it does not cover something after all, by graphql-core."""
        result = await tried(execution, context)
        if result is not None:
            self._on_execution("plan")
            return result
        self._on_execution("fallback")
        context.restart()
        again = self._execute_by_core(operation, context)
        return await again if isawaitable(again) else again

    def _execute_by_core(
        self, operation: Operation, context: OperationContext, plan: Plan | None = None
    ) -> ExecutionResult | Awaitable[ExecutionResult]:
        self.limit(context, pays=operation.type is OperationType.QUERY)
        if operation.type is OperationType.QUERY:
            context.name_operation(root_fields(operation.node))
        executor = self.executor(operation, context, plan)
        result: ExecutionResult | Awaitable[ExecutionResult] = executor.execute_operation()
        return _paid(result, context) if isawaitable(result) else result

    def limit(self, context: OperationContext, *, pays: bool) -> None:
        """Limit the work of the context: its fields and its turns and, if it `pays` for what it executes, by the
        caller's rate. A mutation does not: what it changed would be hidden by the refusal."""
        context.work.start(self._turns, self._fields_max, self._too_many, context.admit if pays else None)

    def _too_many(self, found: int) -> TooComplex:
        most = self._fields_max
        message = f"ask for less: the answer has more than {most:,} fields (what a mutation changed stays changed)"
        return TooComplex("fields", found, most, message)

    def executor(self, operation: Operation, context: OperationContext, plan: Plan | None = None) -> Any:
        """graphql-core's executor of an operation, with the variables that were coerced for its cost. It leaves what is
        selected of the objects of root fields to the plan, if there is one."""
        document = operation.document
        definitions = {name: fragment.definition for name, fragment in document.fragments.items()}
        unbegun = context.work.unbegun = Unbegun()
        executor = self._executor(
            self.schema,
            definitions,
            dict(document.fragments),
            None,
            context,
            operation.node,
            operation.coerced,
            default_field_resolver,
            default_type_resolver,
            default_field_resolver,
            is_awaitable=unbegun.is_awaitable,
            hide_suggestions=self._hide_suggestions,
            operation_extensions=None,  # asked for by Strawberry's executor
        )
        executor.plan, executor.on_execution = plan, self._on_execution
        return executor


def _uncounted(_executor: str) -> None:
    """Where nobody counts."""


async def _paid(result: Awaitable[ExecutionResult], context: OperationContext) -> ExecutionResult:
    """The result, with every full thousand of fields paid for."""
    found = await result
    if context.work.stopped is None:
        await context.work.pay()
    return found


def _close(context: OperationContext, started: Future[ExecutionResult | Awaitable[ExecutionResult]]) -> None:
    """Nobody will await the result any more; coroutines have to be closed then."""
    if started.cancelled() or started.exception() is not None:
        return
    result = started.result()
    if iscoroutine(result):
        result.close()
    context.work.unbegun.close()
