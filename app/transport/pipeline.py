"""The pipeline: what happens to every GraphQL request, whichever way it came in. Start reading here.

        step       takes -> gives                                            where
    1   read       bytes -> JSON -> Parameters                               requests.py, frames.py, parameters.py
    2   resolve    Parameters, maybe with a hash -> Parameters with a text   persisted.py, trusted.py
    3   parse      text -> tree                                              documents.py
    4   measure    tree -> depth, aliases, ..., a formula for the cost       measure.py, cost.py, limits.py
    5   validate   tree -> Document -> the Operation that is named           documents.py
    6   admit      Operation, context -> goes on, or Refused                 admission.py
    7   execute    Operation, context -> ExecutionResult                     execution.py, subscriptions.py, sharing.py
    8   encode     ExecutionResult or error -> Answer                        answers.py, errors.py

Steps 3 to 5 depend on the text alone: they run once per document and are cached. `Pipeline.prepare` is steps 2 to 5,
with the parts of step 6 that need no execution: the request counts against the caller's rate before it is read, and the
cost is checked as soon as it is known. `Pipeline.answer` (queries, mutations) and `Pipeline.events` (subscriptions) are
steps 6 to 8.

Two doors use the pipeline: `view.py` over HTTP, which chooses a media type (`negotiation.py`) and answers with JSON or
an event stream (`event_stream.py`), and `websocket.py`. All that the transport knows of the application is the schema
and the context of a request (`context.py`).
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from inspect import isawaitable
from typing import Final, TypeVar

from graphql import ExecutionResult, OperationType
from strawberry import Schema

from app.executor.turns import operations
from app.telemetry.logs import client_address
from app.telemetry.seldom import Seldom
from app.transport import admission, errors
from app.transport.answers import Answer, OperationReport
from app.transport.context import OperationContext
from app.transport.deadlines import Deadline, Disconnected, ExpireWhen
from app.transport.document_memory import TRUSTED
from app.transport.documents import Document, Documents, Operation
from app.transport.errors import Refused, RequestError, TimedOut
from app.transport.execution import MANY_VALUES, Engine
from app.transport.introspection import Introspection
from app.transport.limits import Limits
from app.transport.parameters import Parameters
from app.transport.persisted import PersistedDocuments
from app.transport.subscriptions import Subscriptions
from app.transport.trusted import ManifestError
from app.transport.weights import Weights

Result = TypeVar("Result")
REFUSED_SECONDS: Final = 1.0
"""Refused requests of one kind and one client are one line in this time, with how many there were."""

WATCHED_AFTER_SECONDS: Final = 0.05
"""A query that takes longer ends when its client disconnects; most are done before."""


class Pipeline:
    """The steps from parameters to answers on one schema; `deadline_seconds` limits each execution.

    ManifestError for a trusted document that is not valid: that is noticed at the start, not at its first request.
    """

    def __init__(
        self,
        schema: Schema,
        *,
        deadline_seconds: float,
        on_operation: Callable[[OperationReport], None] | None = None,
        on_execution: Callable[[str], None] | None = None,
        limits: Limits | None = None,
        plans_at_once: bool = False,
        reports_cost: bool = False,
        persisted: PersistedDocuments | None = None,
    ) -> None:
        self._limits = limits or Limits()
        self._reports_cost = reports_cost
        self._persisted = persisted or PersistedDocuments(store=None)
        self._documents = Documents(schema, limits=self._limits)
        self._compiler = ThreadPoolExecutor(max_workers=1, thread_name_prefix="documents")
        self._engine = Engine(
            schema, fields_max=self._limits.fields, on_execution=on_execution, plans_at_once=plans_at_once
        )
        self._knows_all = plans_at_once
        self._introspection = Introspection()
        self._weights = Weights(self._engine.schema)
        self._subscriptions = Subscriptions(self._engine, deadline_seconds=deadline_seconds)
        self._deadline_seconds = deadline_seconds
        self._on_operation = on_operation
        self._refused = Seldom(REFUSED_SECONDS)
        self._compile_trusted()

    def _compile_trusted(self) -> None:
        for digest, text in self._persisted.trusted.items():
            try:
                self._documents.get(text, TRUSTED)
            except RequestError as error:
                raise ManifestError(f"trusted document {digest[:12]}: {error.message}") from None

    async def prepare(self, parameters: Parameters, context: OperationContext) -> Operation:
        """Steps 2 to 5: the operation that a request means. Refused if the request is not one, or costs too much."""
        started = time.perf_counter()
        await admission.admit_request(context)
        resolved = await self._persisted.resolve(parameters)
        document = await self._document(resolved.query, context)
        operation = await self._choose(document, resolved, started)
        self._engine.check_type(operation.type)
        admission.admit_cost(operation, self._limits)
        # Anonymous callers may query but not register documents: the store is shared by all.
        if context.is_authenticated:
            await self._persisted.register(parameters, resolved)
        return operation

    def known(self, parameters: Parameters, context: OperationContext, started: float) -> Operation | None:
        """The operation, as `prepare` finds it, of a request whose document is known and that `admit` may go on with;
        None for all others. Nothing is counted, and nobody waits."""
        if parameters.values > MANY_VALUES:
            return None
        try:
            text = self._persisted.known(parameters)
            document = None if text is None else self._known_document(text, context)
            if document is None:
                return None
            admission.admit_fields(document.tree, context)
            operation = document.choose(parameters, started=started)
            self._engine.check_type(operation.type)
        except Refused:
            return None
        return operation

    def _known_document(self, text: str, context: OperationContext) -> Document | None:
        owner = admission.owner_of(context)
        find = self._documents.get if self._knows_all and context.is_authenticated else self._documents.cached
        return find(text, owner)

    async def admit(self, operation: Operation, context: OperationContext) -> None:
        """What `prepare` does beside finding the operation, for one that is known."""
        await admission.admit_request(context)
        admission.admit_cost(operation, self._limits)

    async def _document(self, text: str, context: OperationContext) -> Document:
        """Steps 3 to 5, or their result from the cache, for a caller who may send such a document."""
        owner = admission.owner_of(context)
        document = self._documents.cached(text, owner)
        if document is None:
            return await self._compile(text, context, owner)
        admission.admit_fields(document.tree, context)
        return document

    async def _compile(self, text: str, context: OperationContext, owner: str) -> Document:
        """Steps 3 to 5. Long documents are compiled in one thread, one after the other, so that short requests share
        the processor with them instead of waiting for them."""
        admission.admit_length(text, context)
        check_tree = partial(admission.admit_fields, context=context)
        if len(text) < admission.LONG_CHARACTERS:
            return self._documents.store(self._documents.compile(text, check_tree), owner)
        loop = asyncio.get_running_loop()
        document = await loop.run_in_executor(self._compiler, self._documents.compile, text, check_tree)
        return self._documents.store(document, owner)

    async def _choose(self, document: Document, parameters: Parameters, started: float) -> Operation:
        """The end of step 5: the operation and its cost, with coerced variables; many are coerced in the thread."""

        def choose() -> Operation:
            operation = document.choose(parameters, started=started)
            operation.cost  # noqa: B018 - a cached property: counting many values takes time too
            return operation

        if parameters.values <= MANY_VALUES:
            return choose()
        return await asyncio.get_running_loop().run_in_executor(self._compiler, choose)

    async def answer(
        self,
        operation: Operation,
        context: OperationContext,
        disconnected: Disconnected | None = None,
        ends_at: float | None = None,
    ) -> Answer:
        """Steps 6 to 8 of a query or mutation. It is cancelled at the deadline, and when `disconnected` returns.

        The deadline is `ends_at`, a time of the event loop, if given: after it nothing is executed.
        """
        seconds = self._deadline_seconds if ends_at is None else ends_at - asyncio.get_running_loop().time()
        if seconds <= 0:
            answer = Answer.refused(self._timed_out(), is_refusal=False)
        else:
            refusal = await self._refusal(operation, context)
            if refusal is not None:
                return refusal
            with operations:
                answer = await self._execute_and_encode(operation, context, disconnected, seconds)
        self._report(operation, answer, context.request_id)
        return answer

    def batch_ends_at(self) -> float:
        """The deadline of a batch that begins now, for `answer`."""
        return asyncio.get_running_loop().time() + self._deadline_seconds

    def _timed_out(self) -> TimedOut:
        return TimedOut(f"not finished within {self._deadline_seconds:g} s, ask for less")

    async def _refusal(self, operation: Operation, context: OperationContext) -> Answer | None:
        """Step 6: the answer to an operation that is not admitted; None for all others."""
        try:
            await admission.admit_operation(operation, context, self._weights)
        except Exception as error:  # noqa: BLE001 - masked and logged
            return self.refuse(error, request_id=context.request_id, operation=operation)
        return None

    async def _execute_and_encode(
        self, operation: Operation, context: OperationContext, disconnected: Disconnected | None, seconds: float
    ) -> Answer:
        """Steps 7 and 8. What was disclosed is recorded also where the execution fails, or is cancelled, halfway."""
        try:
            if operation.measure.introspects and not operation.measure.reads_data:
                make = partial(self._introspected, operation, context)
                answer = self._introspection.answer(operation, make, context.admit)
                return await self._in_time(answer, operation, context, None, seconds)
            result = self._engine.start(operation, context, self._compiler)
            # What is there at once needs no deadline, which would be a tenth of the work.
            if isawaitable(result):
                result = await self._in_time(result, operation, context, disconnected, seconds)
            else:
                await context.store_disclosures()
            if context.work.stopped is None:
                return Answer.of(result, context.request_id, self._cost_report(operation))
            return Answer.refused(errors.as_refusal(context.work.stopped, context.request_id), is_refusal=False)
        except Exception as error:  # noqa: BLE001 - masked and logged
            failure = errors.as_refusal(context.work.stopped or error, context.request_id)
            return Answer.refused(failure, is_refusal=False)
        finally:
            context.record_disclosures(context.disclosures())
            # Lists on objects lead back to the context, and so would keep every row until a garbage collection.
            context.forget()

    async def _in_time(
        self,
        result: Awaitable[Result],
        operation: Operation,
        context: OperationContext,
        disconnected: Disconnected | None,
        seconds: float,
    ) -> Result:
        """The result, with what it disclosed stored; TimedOut, or Refused for a client that has left."""
        # A commit that is interrupted is given time to finish, which a second cancellation would cut short.
        deadline = Deadline(seconds, is_repeated=operation.type is not OperationType.MUTATION)
        context.work.on_stop = partial(asyncio.get_running_loop().call_soon_threadsafe, deadline.expire)
        if context.work.stopped is not None:
            deadline.expire()
        try:
            async with deadline:
                with ExpireWhen(deadline, disconnected, after_seconds=WATCHED_AFTER_SECONDS):
                    found = await result
                await context.store_disclosures()
                return found
        except TimeoutError:
            if not deadline.is_expired:
                raise
            if deadline.is_early:
                raise Refused(errors.DISCONNECTED, "the client disconnected", status=499) from None
            raise self._timed_out() from None

    def _introspected(self, operation: Operation, context: OperationContext) -> Answer:
        """The answer to an operation that reads only the schema, whose resolvers all are synchronous."""
        result = self._engine.executor(operation, context).execute_operation()
        return Answer.of(result, context.request_id, self._cost_report(operation))

    def _cost_report(self, operation: Operation) -> dict[str, object]:
        """The response's extension with the operation's cost, where clients may see it."""
        if not self._reports_cost:
            return {}
        return {"cost": {"requested": operation.cost, "max": self._limits.cost, "depth": operation.measure.depth}}

    async def events(self, operation: Operation, context: OperationContext) -> AsyncGenerator[Answer, None]:
        """Steps 6 to 8 of a subscription. An answer with `is_last` ends it early, or says why it does not start."""
        refusal = await self._refusal(operation, context)
        if refusal is not None:
            yield replace(refusal, is_last=True)
            return
        last: Answer | None = None
        try:
            subscription = await self._subscriptions.start(operation, context)
            if isinstance(subscription, ExecutionResult):
                last = Answer.not_started(subscription, context.request_id)
                yield last
                return
            async with aclosing(subscription.events) as events:
                async for event in events:
                    last = await self._subscriptions.answer(subscription, event)
                    yield last
        except Exception as error:  # noqa: BLE001 - masked and logged
            last = Answer.ended(errors.as_refusal(error, context.request_id))
            yield last
        finally:
            self._report(operation, last, context.request_id)

    def refuse(self, error: Exception, *, request_id: str | None = None, operation: Operation | None = None) -> Answer:
        """The answer to a request that is not executed; one log line, one report."""
        refused = errors.as_refusal(error, request_id)
        answer = Answer.refused(refused)
        self._report(operation, answer, request_id)
        return answer

    def _report(self, operation: Operation | None, answer: Answer | None, request_id: str | None) -> None:
        """Tell the metrics how the operation ended; `answer` is None for a stream that ended before its first event."""
        code = answer.code if answer else None
        if answer and answer.is_refusal and code != errors.INTERNAL:
            count = self._refused.count(f"{code} {client_address.get()}")
            if count:
                errors.logger.info("refused %s in request %s (%d since the last line)", code, request_id, count)
        if self._on_operation is not None:
            seconds = time.perf_counter() - operation.started if operation else 0.0
            self._on_operation(
                OperationReport(
                    name=operation.name if operation else None,
                    type=operation.type.value if operation else None,
                    kind=operation.kind if operation else None,
                    outcome=answer.outcome if answer else "ok",
                    seconds=seconds,
                    code=code,
                )
            )
