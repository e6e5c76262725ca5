"""graphql-core's executor with a budget and turns (`work.py`), on the executor class that Strawberry chose."""

from asyncio import Future, ensure_future, gather
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from itertools import chain
from typing import Any

from graphql import Executor, GraphQLNonNull, OperationType, is_leaf_type
from graphql.pyutils import gather_with_cancel
from graphql.type.definition import GraphQLResolveInfoHelpers

from app.executor.execution import Execution, PlanInfo, of_payload
from app.executor.selection import Plan
from app.transport.tries import tried
from app.transport.work import Work


class _Paced(Executor[Any]):
    """Charges and takes turns by the `work` of the context.

    What needs no more than one turn is executed as by the base class: synchronously, as far as its resolvers are.
    """

    work: Work
    plan: Plan | None = None
    on_execution: Callable[[str], None]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.work = self.context_value.work

    @property
    def async_helpers(self) -> GraphQLResolveInfoHelpers:
        """What resolvers get to wait with. The base class keeps these methods of itself: a cycle, in which all that the
        operation has read would stay until a garbage collection."""
        return GraphQLResolveInfoHelpers(self.gather_async_work, self.track_async_work)

    @async_helpers.setter
    def async_helpers(self, _helpers: GraphQLResolveInfoHelpers) -> None:
        """Nothing is kept."""

    def execute_operation(self, *args: Any, **options: Any) -> Any:
        """As the base class; what never began is closed then."""
        result = super().execute_operation(*args, **options)
        if not self.is_awaitable(result):
            return result
        ended = self._ended(result)
        self.work.unbegun.add(ended)
        return ended

    async def _ended(self, result: Awaitable[Any]) -> Any:
        try:
            return await result
        finally:
            self.work.unbegun.close()

    def execute_fields(self, parent_type: Any, source: Any, path: Any, fields: Any, position: Any) -> Any:
        """Charge an object before its fields are resolved."""
        self.work.charge(len(fields))
        return super().execute_fields(parent_type, source, path, fields, position)

    def complete_object_value(
        self, return_type: Any, details: Any, info: Any, path: Any, result: Any, position: Any
    ) -> Any:
        """Complete the object of a root field by the plan, if there is one; a query is planned as a whole, or not."""
        if path.prev is None and self.operation.operation is not OperationType.QUERY:
            execution = None if self.plan is None else self._of_payload(self.plan, path.key, result)
            if execution is not None:
                return self._by_plan(execution, return_type, details, info, path, result, position)
            self.on_execution("payload_core")
        return super().complete_object_value(return_type, details, info, path, result, position)

    def _of_payload(self, plan: Plan, key: str, result: Any) -> Execution | None:
        context = self.context_value
        info = PlanInfo(context, self.operation, self.schema)
        return of_payload(plan, key, result, context, info, self.variable_values)

    async def _by_plan(
        self, execution: Execution, return_type: Any, details: Any, info: Any, path: Any, result: Any, position: Any
    ) -> Any:
        fields, noted = self.work.fields, self.context_value.noted()
        found = await tried(execution, self.context_value)
        if found is None:
            self.on_execution("payload_fallback")
            self.work.fields = fields
            # Rows that the plan has read would be there at once, beside a failure that keeps graphql-core from reading
            # and noting them.
            self.context_value.restart(noted)
            completed = super().complete_object_value(return_type, details, info, path, result, position)
            return await completed if self.is_awaitable(completed) else completed
        self.on_execution("payload_plan")
        for error in found.errors or ():
            place = path
            for step in (error.path or [])[1:]:
                place = place.add_key(step, None)
            self.collected_errors.add(error, place)
        return found.data

    def complete_iterable_value(
        self, item_type: Any, details: Any, info: Any, path: Any, items: Any, position: Any
    ) -> Any:
        """Refuse a list that cannot fit before its first object; what this turn does not complete waits for others."""
        self.work.expect(len(items) if hasattr(items, "__len__") else 0)
        if is_leaf_type(_nullable(item_type)):
            return super().complete_iterable_value(item_type, details, info, path, items, position)
        rest, results, awaited = enumerate(items), list[Any](), list[int]()
        work, begin = self.work, self._begin
        try:
            while work.left > 0 and (found := next(rest, None)) is not None:
                index, item = found
                if begin(item, results, item_type, details, info, path.add_key(index, None), position):
                    awaited.append(index)
            after = next(rest, None)
        except Exception:
            left = [results[index] for index in awaited]
            with suppress(Exception):
                left.extend(item for _, item in rest if self.is_awaitable(item))
            if left:
                self.settle_in_background(left)
            raise
        begun = self._gathered(results, awaited) if awaited else results
        if after is None:
            return begun
        return self._completed(begun, chain([after], rest), item_type, details, info, path, position)

    async def _gathered(self, results: list[Any], awaited: list[int]) -> list[Any]:
        """The list, when all are there of which the places are given; a failure ends the others."""
        if len(awaited) == 1:
            (index,) = awaited
            results[index] = await results[index]
            return results
        found = await gather_with_cancel(*[results[index] for index in awaited])
        for index, value in zip(awaited, found, strict=True):
            results[index] = value
        return results

    async def _completed(
        self,
        begun: Any,
        rest: Iterable[tuple[int, Any]],
        item_type: Any,
        details: Any,
        info: Any,
        path: Any,
        position: Any,
    ) -> list[Any]:
        """The list that was begun, with the rest of its items. One task for each item, all at once, would take as long
        as a turn for a few hundred of them alone."""
        results: list[Any] = []
        first = ensure_future(begun) if self.is_awaitable(begun) else None
        started: dict[int, Future[Any]] = {}
        try:
            for index, item in rest:
                if self.work.left <= 0:
                    await self.work.turn()
                item_path = path.add_key(index, None)
                if self._begin(item, results, item_type, details, info, item_path, position):
                    # At once, so that it meets the others of its level in a batch of a dataloader.
                    started[len(results) - 1] = ensure_future(results[-1])
            # The first failure ends the list, wherever it is.
            found = await gather(*([first] if first else []), *started.values())
        except BaseException:
            await _cancelled([*started.values(), *([first] if first else [])])
            raise
        if first:
            begun = found.pop(0)
        for place, value in zip(started, found, strict=True):
            results[place] = value
        return [*begun, *results]

    def _begin(
        self, item: Any, results: list[Any], item_type: Any, details: Any, info: Any, path: Any, position: Any
    ) -> bool:
        """Complete the item; True if it has to be awaited."""
        if self.is_awaitable(item):
            results.append(self.complete_awaitable_list_item_value(item, item_type, details, info, path, position))
        elif not self.complete_list_item_value(item, results, item_type, details, info, path, position):
            return False
        self.work.unbegun.add(results[-1])
        return True

    async def complete_awaitable_value(
        self, return_type: Any, details: Any, info: Any, path: Any, result: Any, position: Any
    ) -> Any:
        """As the base class, with a turn before what was awaited is completed: a batch of a loader wakes all of its
        fields at once."""
        work = self.work
        try:
            resolved = await result
            # To go on takes time too, though it executes no further field.
            work.left -= 1
            if work.left <= 0:
                await work.turn()
            completed = self.complete_value(return_type, details, info, path, resolved, position)
            if self.is_awaitable(completed):
                completed = await completed
        except Exception as error:  # noqa: BLE001 - it becomes the field's error
            self.handle_field_error(error, return_type, details, path)
            completed = None
        return completed


def paced(base: type[Any]) -> type[Any]:
    """The executor class with a budget and turns."""
    return type("PacedExecutor", (_Paced, base), {})


async def _cancelled(futures: Sequence[Future[Any]]) -> None:
    for future in futures:
        future.cancel()
    await gather(*futures, return_exceptions=True)


def _nullable(kind: Any) -> Any:
    return kind.of_type if isinstance(kind, GraphQLNonNull) else kind
