"""graphql-core's executor with a budget and turns (`work.py`), on the executor class that Strawberry chose."""

from typing import Any

from graphql import Executor, GraphQLNonNull, is_leaf_type

from app.transport.work import Work


class _Paced(Executor[Any]):
    """Charges and takes turns by the `work` of the context.

    What needs no more than one turn is executed as by the base class: synchronously, as far as its resolvers are.
    """

    work: Work

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.work = self.context_value.work

    def build_per_event_executor(self, payload: Any) -> Any:
        """Every event has its own context, and so its own loaders (rows that were read for one event would be stale
        for the next) and its own budget."""
        executor: Any = super().build_per_event_executor(payload)
        executor.context_value = self.context_value.for_operation()
        executor.work = executor.context_value.work
        return executor

    def execute_fields(self, parent_type: Any, source: Any, path: Any, fields: Any, position: Any) -> Any:
        """Charge an object before its fields are resolved."""
        self.work.charge(len(fields))
        return super().execute_fields(parent_type, source, path, fields, position)

    def complete_iterable_value(
        self, item_type: Any, details: Any, info: Any, path: Any, items: Any, position: Any
    ) -> Any:
        """Refuse a list that cannot fit before its first object."""
        self.work.expect(len(items) if hasattr(items, "__len__") else 0)
        return super().complete_iterable_value(item_type, details, info, path, items, position)

    def complete_list_item_value(
        self, item: Any, results: list[Any], item_type: Any, details: Any, info: Any, path: Any, position: Any
    ) -> bool:
        """Complete the item, now or in a later turn; True if it has to be awaited."""
        if self.work.left > 0 or is_leaf_type(_nullable(item_type)):
            return bool(super().complete_list_item_value(item, results, item_type, details, info, path, position))
        later = _later(self.work, item)
        results.append(self.complete_awaitable_list_item_value(later, item_type, details, info, path, position))
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


async def _later(work: Work, item: Any) -> Any:
    await work.turn()
    return item


def _nullable(kind: Any) -> Any:
    return kind.of_type if isinstance(kind, GraphQLNonNull) else kind
