"""Executes a plan: level by level, all objects of a level together; then writes the levels, the last one first."""

import asyncio
from collections.abc import Mapping, Sequence
from inspect import iscoroutine
from typing import Any, Final

from graphql import ExecutionResult, FieldNode, GraphQLError, OperationDefinitionNode
from graphql.error import located_error

from app.executor.levels import Level, Placed, check_nulls, parts_of
from app.executor.reads import Await, Batched, Loading, Related, has_null
from app.executor.rules import NotPlanned, PlanContext
from app.executor.selection import Child, Objects, Plan
from app.executor.trials import Trials

OBJECTS_AT_ONCE: Final = 100
NO_ARGUMENTS: Final[Mapping[str, Any]] = {}
Failed = tuple[Level, int, Sequence[FieldNode], tuple[str | int, ...], Exception]


class PlanInfo:
    """What resolvers and type resolvers get for their info; NotPlanned if they ask for more."""

    def __init__(self, context: Any, operation: OperationDefinitionNode, schema: Any) -> None:
        self.context = context
        self.operation = operation
        self.schema = schema
        self.field_name = ""
        self.is_awaitable = _never

    def __getattr__(self, name: str) -> Any:
        raise NotPlanned(f"a resolver that uses info.{name}")


def of_query(plan: Plan, context: PlanContext, info: PlanInfo, variables: Any) -> "Execution | None":
    """The execution of a query; None if graphql-core has to execute it."""
    assert plan.root is not None  # noqa: S101 - the plan of a query has one
    return _of(plan, "", Level(plan.root, [None], None), context, info, variables)


def of_payload(
    plan: Plan, key: str, value: Any, context: PlanContext, info: PlanInfo, variables: Any
) -> "Execution | None":
    """The execution of what is selected of a root field's object; None if graphql-core has to execute it."""
    selection = plan.payloads.get(key)
    if selection is None:
        return None
    root = Level(selection, [value], None)
    root.start = [key]
    return _of(plan, key, root, context, info, variables)


def _of(plan: Plan, key: str, root: Level, context: PlanContext, info: PlanInfo, variables: Any) -> "Execution | None":
    trials = plan.trials[key]
    if not trials.is_due():
        return None
    try:
        return Execution(plan, trials, root, context, info, variables)
    except NotPlanned:
        # It has read nothing yet.
        return None


class Execution:
    """One execution of a plan from its `root` on; `variables` are the coerced ones."""

    def __init__(
        self, plan: Plan, trials: Trials, root: Level, context: PlanContext, info: PlanInfo, variables: Any
    ) -> None:
        self.plan = plan
        self._trials = trials
        self._context = context
        self._work = context.work
        self._info = info
        self._arguments = [each.convert(variables, info) for each in plan.arguments]
        self._levels = [root]
        self._failed: list[Failed] = []

    def finished(self) -> None:
        """Note that the plan got to its end."""
        self._trials.finished()

    def gave_up(self, error: Exception) -> bool:
        """Note that it did not; whether the error can be more than an attribute that was not read. The plan asks for
        whole records after such a one."""
        self._trials.gave_up()
        is_more = self.plan.asked is None or not isinstance(error, AttributeError)
        if isinstance(error, AttributeError):
            self.plan.asked = None
        return is_more

    @property
    def is_synchronous(self) -> bool:
        """Whether there is nothing to wait for."""
        return not self._levels[0].selection.children

    def at_once(self) -> ExecutionResult:
        """The result of an execution that is synchronous."""
        (root,) = self._levels
        self._enter(root)
        result = self._result(root.selection.write(root.objects, self._info)[0])
        self._trials.finished()
        return result

    async def run(self) -> ExecutionResult:
        """The result; NotPlanned, or what a resolver raised where it matters, if graphql-core has to execute it."""
        try:
            await self._read_levels()
            return self._result(await self._written())
        finally:
            self._let_go()

    async def _read_levels(self) -> None:
        entered = 0
        while entered < len(self._levels):
            pending: list[tuple[Level, int, Child, Any]] = []
            try:
                while entered < len(self._levels):
                    self._begin(self._levels[entered], pending)
                    entered += 1
                await self._settle(pending)
                for level, number, child, results in pending:
                    self._complete(level, number, child, self._values(level, child, results))
            except BaseException:
                _close(pending)
                raise
            await self._work.pay()

    def _let_go(self) -> None:
        """Part the levels from what is placed in them, which knows its level: a cycle with every record that was read
        would stay until the garbage collector comes."""
        for level in self._levels:
            level.of = None
            level.columns.clear()

    def _begin(self, level: Level, pending: list[tuple[Level, int, Child, Any]]) -> None:
        """Read the values of a level's children: what needs no waiting is completed, and the rest is `pending`."""
        self._enter(level)
        for number, child in enumerate(level.selection.children):
            results = self._read(level, child)
            if results is None:
                arguments = NO_ARGUMENTS if child.arguments is None else self._arguments[child.arguments.place]
                self._complete(level, number, child, child.read.values(level.objects, self._info, arguments))
            else:
                pending.append((level, number, child, results))

    def _enter(self, level: Level) -> None:
        selection, objects = level.selection, level.objects
        if selection.make is None:
            raise NotPlanned(selection.uncovered)
        self._work.charge_level(len(objects), selection.size)
        if selection.classes:
            self._context.note_shown(self.plan.operation, selection.classes, objects)
        if selection.refusals:
            self._context.note_refused(self.plan.operation, selection.refusals)
        for each in selection.refused:
            error = each.refuse(self._context)
            self._failed += [(level, place, each.nodes, (each.key,), error) for place in range(len(objects))]

    def _read(self, level: Level, child: Child) -> Any:
        """What the values are waited for by: a future of each, or one for all; None for a synchronous field."""
        read, objects = child.read, level.objects
        if isinstance(read, Related):
            return read.load(self._context, objects)
        arguments = NO_ARGUMENTS if child.arguments is None else self._arguments[child.arguments.place]
        if isinstance(read, Batched):
            return read.read(self._context, objects, arguments)
        if isinstance(read, Await):
            return [read.resolver.call(each, self._info, arguments) for each in objects]
        return None

    async def _settle(self, pending: list[tuple[Level, int, Child, Any]]) -> None:
        """Wait until every result is there. Dataloaders have the keys of the whole level by now."""
        started: list[asyncio.Future[Any]] = []
        for place, (level, number, child, results) in enumerate(pending):
            if isinstance(results, Loading):
                started.append(results.future)
                continue
            many = isinstance(child.read, Await)
            awaited: list[Any] = results if many else [results]
            futures = [asyncio.ensure_future(each) for each in awaited]
            started += futures
            pending[place] = (level, number, child, futures if many else futures[0])
        try:
            for _level, _number, _child, results in pending:
                for future in _futures(results):
                    if not future.done():
                        await _quietly(future)
        except BaseException:
            for future in started:
                future.cancel()
            await asyncio.gather(*started, return_exceptions=True)
            raise

    def _values(self, level: Level, child: Child, results: Any) -> list[Any]:
        """The values of all objects; null and an error for those that have none."""
        is_call = isinstance(results, asyncio.Future)
        values: list[Any] = _of_call(results, len(level.objects)) if is_call else child.read.loaded(results)
        if not _has_error(values):
            return values
        return [self._value(level, child, place, each) for place, each in enumerate(values)]

    def _value(self, level: Level, child: Child, place: int, value: Any) -> Any:
        if not isinstance(value, Exception):
            return value
        _check_whole(value)
        if not child.is_nullable or isinstance(value, NotPlanned):
            raise NotPlanned("a failure of a field that must not be null") from value
        self._failed.append((level, place, child.nodes, (child.key,), value))
        return None

    def _complete(self, level: Level, number: int, child: Child, values: list[Any]) -> None:
        objects = child.objects
        if objects is None:
            level.columns[number] = values
            return
        check_nulls(child, values)
        placed = level.columns[number] = Placed(level, child, values)
        found = placed.flat()
        if objects.is_list:
            self._work.expect(len(found))
            found = self._without_holes(placed, objects, found)
        if found:
            placed.parts = parts_of(placed, objects, found, self._info)
            self._levels += placed.parts

    def _without_holes(self, placed: Placed, objects: Objects, found: list[Any]) -> list[Any]:
        """The objects of lists without nulls and failures."""
        if not objects.has_null_items:
            if has_null(found):
                raise NotPlanned("a null in a list of objects")
            return found
        for place, each in enumerate(found):
            if each is None or isinstance(each, Exception):
                _check_whole(each)
                placed.holes.add(place)
        if not placed.holes:
            return found
        child = placed.child
        keys = [
            (parent, (child.key, index))
            for parent, value in enumerate(placed.values)
            for index in range(len(value or ()))
        ]
        self._failed += [
            (placed.level, keys[place][0], child.nodes, keys[place][1], each)
            for place, each in enumerate(found)
            if isinstance(each, Exception)
        ]
        return [each for place, each in enumerate(found) if place not in placed.holes]

    async def _written(self) -> Any:
        """The root as JSON has it. Each level is written after those below it, with turns for others in between."""
        for level in reversed(self._levels):
            columns = [each.column() if isinstance(each, Placed) else each for each in level.columns]
            await self._write(level, columns)
        return self._levels[0].written[0]

    async def _write(self, level: Level, columns: list[Any]) -> None:
        write, objects, info = level.selection.write, level.objects, self._info
        if len(objects) <= OBJECTS_AT_ONCE:
            level.written = write(objects, info, *columns)
            await self._rest(level, len(objects))
            return
        for start in range(0, len(objects), OBJECTS_AT_ONCE):
            end = start + OBJECTS_AT_ONCE
            level.written += write(objects[start:end], info, *[each[start:end] for each in columns])
            await self._rest(level, OBJECTS_AT_ONCE)

    async def _rest(self, level: Level, objects: int) -> None:
        """Let others have a turn if this one is over."""
        work = self._work
        work.left -= objects * level.selection.weight
        if work.left <= 0:
            await work.turn()

    def _result(self, data: Any) -> ExecutionResult:
        return ExecutionResult(data, self._errors() or None)

    def _errors(self) -> list[GraphQLError]:
        paths: dict[Level, Any] = {}
        found = []
        for level, place, nodes, rest, error in self._failed:
            if level not in paths:
                paths[level] = level.paths()
            found.append(located_error(error, list(nodes), [*paths[level][place], *rest]))
        return found


def _of_call(results: asyncio.Future[Any], objects: int) -> list[Any]:
    """The values of one call for a level. What it raises for one object is the error of that object; of several, only
    graphql-core can say of which."""
    error = results.exception()
    if error is None:
        return list(results.result())
    if isinstance(error, Exception) and objects == 1:
        return [error]
    raise error


def _check_whole(value: Any) -> None:
    """An attribute that was not read is nobody's error: graphql-core has whole records."""
    if isinstance(value, AttributeError):
        raise value


def _close(pending: Sequence[tuple[Level, int, Child, Any]]) -> None:
    """Close the coroutines that were not started, and take the errors of the others: nobody awaits them any more."""
    for _level, _number, _child, results in pending:
        for each in _futures(results):
            if iscoroutine(each):
                each.close()
            elif isinstance(each, asyncio.Future) and each.done() and not each.cancelled():
                each.exception()


def _futures(results: Any) -> list[Any]:
    if isinstance(results, Loading):
        return [results.future]
    return results if isinstance(results, list) else [results]


def _has_error(values: Sequence[Any]) -> bool:
    return any(issubclass(each, Exception) for each in set(map(type, values)))


def _never(_value: Any) -> bool:
    """Whether a type says later whether an object is of it."""
    return False


async def _quietly(future: asyncio.Future[Any]) -> None:
    """Wait; an error is looked at later."""
    try:
        await future
    except Exception:  # noqa: BLE001 - it is an error of its object
        return
