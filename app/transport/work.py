"""What the execution of an operation has used: its budget of fields, and its turns on the event loop.

The cost (`cost.py`) is what an answer may hold; the budget is for what it does hold. Each object charges as many fields
as are selected of it, before they are resolved, and a list is refused before its first object if it cannot fit.

Turns let others in. An operation executes FIELDS_PER_TURN fields (a few milliseconds) at once; after that every further
object waits for a turn, and `Turns` gives one turn to one operation in each round of the event loop. Fields are counted
instead of time, so that the same operation takes the same steps on a busy machine.
"""

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from app.transport.unbegun import NOTHING

FIELDS_PER_TURN: Final = 200
FIELDS_PER_TOKEN: Final = 1_000
_WOKEN_PER_TURN: Final = 64
# From its turn to its dataloaders a field takes two rounds of the event loop.
_QUIET_ROUNDS: Final = 4

Admit = Callable[[int], Awaitable[None]]


class Work:
    """The work of one operation, or of one event of a subscription.

    `fields` is how many it has executed, `left` how many more it may execute in this turn: with none left, the next
    object has to wait for `turn`. `stopped` is the error that ended the work early, `unbegun` has the coroutines that
    it may leave. Nothing is limited without `start`.
    """

    def __init__(self) -> None:
        self.fields = 0
        self.stopped: Exception | None = None
        self.on_stop: Callable[[], object] | None = None
        self.left: float = math.inf
        self.unbegun = NOTHING
        self._paid = 0
        self._turns_taken = 0
        # Most work never waits, and an empty deque has 760 bytes.
        self._waiting: deque[asyncio.Future[None]] | None = None
        self._turns: Turns | None = None
        self._fields_max: float = math.inf
        self._too_many: Callable[[int], Exception] | None = None
        self._admit: Admit | None = None

    def start(
        self, turns: "Turns", fields_max: int, too_many: Callable[[int], Exception], admit: Admit | None = None
    ) -> None:
        """Limit the work: `too_many` makes the error for more than `fields_max` fields, and `admit` takes a token from
        the caller's rate for each FIELDS_PER_TOKEN of them."""
        self._turns, self._fields_max, self._too_many, self._admit = turns, fields_max, too_many, admit
        self.fields = 0
        self.left = FIELDS_PER_TURN

    def charge(self, fields: int) -> None:
        """Count an object's fields; the error that stopped the work if they are too many, or it was stopped before."""
        self.fields += fields
        self.left -= fields
        if self.fields > self._fields_max:
            raise self._exceeded(self.fields)

    def charge_level(self, objects: int, fields: int) -> None:
        """Count the fields of so many objects at once, as `charge` counts them one by one. They take no turn: the
        executor that has whole levels says itself how much work its steps are."""
        counted, self.fields = self.fields, self.fields + objects * fields
        if self.fields > self._fields_max:
            affordable = max(0, int(self._fields_max) - counted) // max(fields, 1)
            raise self._exceeded(min(counted + (affordable + 1) * fields, self.fields))

    def expect(self, objects: int) -> None:
        """The same error for a list that cannot fit, since each of its objects has a field at least."""
        if self.fields + objects > self._fields_max:
            raise self._exceeded(self.fields + objects)

    def _exceeded(self, found: int) -> Exception:
        if self.stopped is not None:
            return self.stopped
        assert self._too_many is not None  # noqa: S101 - `start` sets both
        return self.stop(self._too_many(found))

    def stop(self, error: Exception) -> Exception:
        """End the whole operation: what is executed after this fails, and whoever awaits it is told by `on_stop`."""
        self.stopped = error
        self._fields_max = -1
        if self.on_stop is not None:
            self.on_stop()
        return error

    async def turn(self) -> None:
        """Wait until it is this operation's turn again."""
        assert self._turns is not None  # noqa: S101 - `left` is infinite without
        while self.left <= 0:
            waiter = asyncio.get_running_loop().create_future()
            if self._waiting is None:
                self._waiting = deque()
            self._waiting.append(waiter)
            self._turns.join(self)
            await waiter
        await self.pay()

    async def pay(self) -> None:
        """Take the tokens for what was executed since the last payment; a caller who has too few is stopped."""
        due = self.fields // FIELDS_PER_TOKEN - self._paid
        if self._admit is None or due <= 0:
            return
        self._paid += due
        try:
            await self._admit(due)
        except Exception as error:  # noqa: BLE001 - it ends the operation and is its answer
            raise self.stop(error) from None

    async def settled(self) -> None:
        """Wait until nobody waits for a turn, and whoever had the last ones has come to ask its dataloaders: these then
        have the keys of the whole level. Returns at once for an operation that needs no more than one turn."""
        quiet = 0 if self._turns_taken else _QUIET_ROUNDS
        while self._waiting or quiet < _QUIET_ROUNDS:
            taken = self._turns_taken
            await asyncio.sleep(0)
            quiet = quiet + 1 if taken == self._turns_taken else 0

    def take_turn(self) -> bool:
        """Let those go on who wait longest; False if nobody waits."""
        self.left = FIELDS_PER_TURN
        self._turns_taken += 1
        woken = 0
        while self._waiting and woken < _WOKEN_PER_TURN:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                woken += 1
        return woken > 0


class Turns:
    """The operations of a process that wait for a turn, in the order of their turns."""

    def __init__(self) -> None:
        self._waiting: dict[Work, None] = {}
        self._is_scheduled = False

    def join(self, work: Work) -> None:
        """Give the work a turn, after those that wait already."""
        self._waiting.setdefault(work)
        self._schedule()

    def _schedule(self) -> None:
        if self._waiting and not self._is_scheduled:
            self._is_scheduled = True
            asyncio.get_running_loop().call_soon(self._give)

    def _give(self) -> None:
        """One turn in each round of the loop: whoever goes on does so in the next round."""
        self._is_scheduled = False
        while self._waiting:
            work = next(iter(self._waiting))
            del self._waiting[work]
            if work.take_turn():
                # To the end of the queue, for those who still wait or will wait again.
                self._waiting[work] = None
                break
        self._schedule()
