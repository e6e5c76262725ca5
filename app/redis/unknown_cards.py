"""A budget of unknown card numbers for each caller: whoever guesses cards is refused before the next answer."""

import hashlib
import hmac
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from app.redis.cache import Cache

CALLERS_MAX: Final = 10_000
HOUR_SECONDS: Final = 3_600

# KEYS: the bucket. ARGV: misses per hour, misses to add (0 to ask).
# Returns in how many seconds the next look-up is allowed, 0 for now. Look-ups at the same time may overdraw the bucket:
# they are paid for later. Time is that of Redis, since the clocks of the processes differ.
SCRIPT: Final = """
local allowed, misses = tonumber(ARGV[1]), tonumber(ARGV[2])
local rate = allowed / 3600
local now = redis.call('TIME')
local at = now[1] + now[2] / 1000000
local bucket = redis.call('HMGET', KEYS[1], 'left', 'at')
local left, last = tonumber(bucket[1]) or allowed, tonumber(bucket[2]) or at
left = math.min(allowed, left + math.max(at - last, 0) * rate) - misses
if misses > 0 then
  redis.call('HSET', KEYS[1], 'left', string.format('%.6f', left), 'at', string.format('%.6f', at))
  redis.call('PEXPIRE', KEYS[1], math.ceil((allowed - left) / rate * 1000) + 1000)
end
if left >= 1 then return 0 end
return math.ceil((1 - left) / rate)
"""


class TooManyUnknownCards(Exception):
    """The caller has asked for too many cards that do not exist; `retryAfterSeconds` says when to ask again."""

    code = "RATE_LIMITED"

    def __init__(self, seconds: int) -> None:
        self.message = f"too many unknown card numbers: check the card, and ask again in {seconds} s"
        self.extensions: dict[str, object] = {"code": self.code, "retryable": True, "retryAfterSeconds": seconds}
        super().__init__(self.message)


class UnknownCards:
    """Counts the unknown cards of each caller, `per_hour` of which are allowed; 0 for no limit.

    `clock` gives seconds and never goes back; `secret` is the key of the hashed callers.
    """

    def __init__(
        self, cache: Cache, *, secret: str, per_hour: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._cache = cache
        self._secret = secret.encode()
        self._per_hour = per_hour
        self._clock = clock
        self._local: OrderedDict[str, tuple[float, float]] = OrderedDict()

    async def admit(self, caller: str) -> None:
        """TooManyUnknownCards if the caller's budget is used up."""
        if self._per_hour and (wait := await self._add(caller, 0)):
            raise TooManyUnknownCards(wait)

    async def count(self, caller: str) -> None:
        """Note that a card of this caller was unknown."""
        if self._per_hour:
            await self._add(caller, 1)

    async def _add(self, caller: str, misses: int) -> int:
        key = "cards:" + hmac.new(self._secret, caller.encode(), hashlib.sha256).hexdigest()[:32]
        wait = await self._cache.run(SCRIPT, key, self._per_hour, misses)
        return self._add_locally(key, misses) if wait is None else int(wait)

    def _add_locally(self, key: str, misses: int) -> int:
        """The same without Redis: each process then allows the whole budget."""
        now, rate = self._clock(), self._per_hour / HOUR_SECONDS
        left, at = self._local.pop(key, (float(self._per_hour), now))
        left = min(self._per_hour, left + (now - at) * rate) - misses
        self._local[key] = (left, now)
        if len(self._local) > CALLERS_MAX:
            self._local.popitem(last=False)
        return 0 if left >= 1 else math.ceil((1 - left) / rate)
