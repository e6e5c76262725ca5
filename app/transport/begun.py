"""A coroutine that has begun: what does not have to wait for anything needs neither a task nor a clock."""

import asyncio
from collections.abc import Coroutine, Generator
from typing import Any, Generic, TypeVar, cast

Result = TypeVar("Result")


class Begun(Generic[Result]):
    """Runs the coroutine up to the first thing that it waits for; `is_done` says whether there was none.

    Await it once, also where it is done, and at once: nobody waits for it otherwise.
    """

    def __init__(self, coroutine: Coroutine[Any, Any, Result]) -> None:
        self._coroutine = coroutine
        self._error: BaseException | None = None
        self.is_done = False
        try:
            self._waited: Any = coroutine.send(None)
        except StopIteration as result:
            self.is_done, self._result = True, result.value
        except BaseException as error:  # noqa: BLE001 - raised for whoever awaits it
            self.is_done, self._error = True, error

    def __await__(self) -> Generator[Any, Any, Result]:
        if self._error is not None:
            raise self._error
        if self.is_done:
            return cast("Result", self._result)
        try:
            while True:
                try:
                    given = yield self._waited
                except BaseException as error:  # noqa: BLE001 - a cancellation, for what is under way
                    self._waited = self._coroutine.throw(error)
                else:
                    self._waited = self._coroutine.send(given)
        except StopIteration as result:
            return cast("Result", result.value)


async def within(seconds: float, coroutine: Coroutine[Any, Any, Result]) -> Result:
    """The result of the coroutine, or TimeoutError. One that does not wait needs no timer, which would cost a tenth of
    what it takes to send an event."""
    begun = Begun(coroutine)
    if begun.is_done:
        return await begun
    async with asyncio.timeout(seconds):
        return await begun
