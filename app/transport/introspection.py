"""Answers to introspection: made once for each document and its variables, in a thread of their own, then cached.

They depend on the schema alone, so all callers who may introspect share them. The usual one takes half a second, in
which others would wait for the event loop; beside a thread they wait for some milliseconds at most.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Final

import orjson

from app.transport.answers import Answer
from app.transport.documents import Operation
from app.transport.work import FIELDS_PER_TOKEN, Admit

CACHED_BYTES_MAX: Final = 8 * 1024 * 1024
Key = tuple[str, str | None, bytes]
Make = Callable[[], Answer]


class Introspection:
    """The cached answers; the least recently used are dropped first."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="introspection")
        self._made: OrderedDict[Key, Answer] = OrderedDict()
        self._making: dict[Key, asyncio.Task[Answer]] = {}
        self._bytes = 0

    async def answer(self, operation: Operation, make: Make, admit: Admit) -> Answer:
        """The answer from the cache, or made in the thread and paid for by the caller's rate."""
        key = _key(operation)
        found = self._made.get(key)
        if found is not None:
            self._made.move_to_end(key)
            return found
        await admit(operation.cost // FIELDS_PER_TOKEN)
        return await asyncio.shield(self._task(key, make))

    def _task(self, key: Key, make: Make) -> asyncio.Task[Answer]:
        """The task that makes the answer; those who ask meanwhile await the same one."""
        task = self._making.get(key)
        if task is None:
            task = self._making[key] = asyncio.create_task(self._make(key, make))
            task.add_done_callback(lambda _: self._making.pop(key, None))
        return task

    async def _make(self, key: Key, make: Make) -> Answer:
        made: Awaitable[Answer] = asyncio.get_running_loop().run_in_executor(self._thread, make)
        # Its body is all that is sent; the objects that it was encoded from take ten times the memory.
        answer = replace(await made, data=None)
        if not answer.errors:
            self._store(key, answer)
        return answer

    def _store(self, key: Key, answer: Answer) -> None:
        self._made[key] = answer
        self._bytes += len(answer.body)
        while self._bytes > CACHED_BYTES_MAX:
            self._bytes -= len(self._made.popitem(last=False)[1].body)


def _key(operation: Operation) -> Key:
    values = orjson.dumps(operation.coerced.coerced, default=str, option=orjson.OPT_SORT_KEYS)
    return operation.document.text, operation.name, values
