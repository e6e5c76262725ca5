"""Rate limits per caller: a token bucket in Redis, shared by all processes, or a local one while Redis is down.

A process leases several tokens at a time, so that most requests need no round trip.
"""

import hashlib
import hmac
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeVar

from app.redis.cache import Cache

Value = TypeVar("Value")
LEASE_MAX: Final = 10
LEASE_SECONDS: Final = 1.0
CALLERS_MAX: Final = 10_000
"""How many callers one process remembers; the one seen longest ago is forgotten first."""

# KEYS: the bucket. ARGV: tokens per second, the size of the bucket, tokens needed, tokens wanted.
# Returns the tokens taken (0, or at least those needed), and in how many milliseconds there will be enough.
# Time is that of Redis, since the clocks of the processes differ; the key expires when the bucket is full again.
SCRIPT: Final = """
local rate, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local need, want = tonumber(ARGV[3]), tonumber(ARGV[4])
local now = redis.call('TIME')
local at = now[1] + now[2] / 1000000
local bucket = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens, last = tonumber(bucket[1]) or burst, tonumber(bucket[2]) or at
tokens = math.min(burst, tokens + math.max(at - last, 0) * rate)
local given, wait = 0, 0
if tokens >= need then
  given = math.min(want, math.floor(tokens))
  tokens = tokens - given
else
  wait = math.ceil((need - tokens) / rate * 1000)
end
redis.call('HSET', KEYS[1], 'tokens', string.format('%.6f', tokens), 'at', string.format('%.6f', at))
redis.call('PEXPIRE', KEYS[1], math.ceil(burst / rate * 1000) + 1000)
return {given, wait}
"""


class RateLimited(Exception):
    """The caller has too few tokens; `retryAfterSeconds` in the `extensions` says when there will be enough."""

    code = "RATE_LIMITED"

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        wait = max(math.ceil(seconds), 1)
        self.message = f"too many requests, try again in {wait} s"
        self.extensions: dict[str, object] = {"code": self.code, "retryable": True, "retryAfterSeconds": wait}
        super().__init__(self.message)


@dataclass(slots=True)
class _Lease:
    """Tokens taken out of a caller's bucket in advance; `ends_at` (seconds of the clock) is when they are given up."""

    tokens: int
    ends_at: float


@dataclass(slots=True)
class _Bucket:
    """The local bucket of one caller; `tokens` is its content at the time `at`."""

    tokens: float
    at: float


class RateLimit:
    """A bucket for each caller that holds `burst` tokens and gains `per_second`; 0 per second means no limit.

    `clock` gives seconds and never goes back; `secret` is the key of the hashed callers.
    """

    def __init__(
        self,
        cache: Cache,
        *,
        secret: str,
        per_second: float,
        burst: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cache = cache
        self._secret = secret.encode()
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        # Leased tokens that are not spent within a second are lost to the caller. A fifth of a second's tokens, at most
        # 10: so each process wastes at most a fifth of the rate, and at best one request in eleven needs a round trip.
        # Below 5 tokens per second nothing is leased.
        self._lease = min(LEASE_MAX, int(per_second // 5))
        self._leases: OrderedDict[str, _Lease] = OrderedDict()
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self._key = lru_cache(maxsize=CALLERS_MAX)(self._hashed)

    async def take(self, caller: str, tokens: int) -> None:
        """Take tokens from the caller's bucket; RateLimited if it has too few.

        At most one token less than `burst` is taken, or an expensive operation could never run: reading took one.
        """
        if not self._per_second:
            return
        key = self._key(caller)
        need = min(tokens, max(self._burst - 1, 1))
        spent = self._spend(key, need)
        if spent == need:
            return
        wait = await self._take_shared(key, need - spent)
        if wait:
            if key in self._leases:
                self._leases[key].tokens += spent
            raise RateLimited(wait)

    def _spend(self, key: str, need: int) -> int:
        """Take as many of the tokens as the caller's lease has: an operation that needs nearly the whole bucket could
        never run if those did not count."""
        lease = self._leases.get(key)
        if lease is None or lease.ends_at <= self._clock():
            return 0
        spent = min(lease.tokens, need)
        lease.tokens -= spent
        return spent

    async def _take_shared(self, key: str, need: int) -> float:
        """Take tokens for a new lease; 0, or the seconds until there will be enough."""
        want = min(need + self._lease, self._burst)
        answer = await self._cache.run(SCRIPT, key, self._per_second, self._burst, need, want)
        if answer is None:
            return self._take_locally(key, need)
        given, wait = int(answer[0]), int(answer[1])
        if given >= need:
            now = self._clock()
            earlier = self._leases.get(key)
            # What is left of an earlier lease, or was taken by a request at the same time, is the caller's too.
            left = earlier.tokens if earlier is not None and earlier.ends_at > now else 0
            _remember(self._leases, key, _Lease(given - need + left, now + LEASE_SECONDS))
            return 0.0
        # 0 would mean success.
        return max(wait / 1000, 0.001)

    def _take_locally(self, key: str, need: int) -> float:
        """The same without Redis: each process then allows the whole rate, which is better than none or no answer."""
        now = self._clock()
        bucket = self._buckets.get(key) or _Bucket(self._burst, now)
        bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.at) * self._per_second)
        bucket.at = now
        _remember(self._buckets, key, bucket)
        if bucket.tokens < need:
            return (need - bucket.tokens) / self._per_second
        bucket.tokens -= need
        return 0.0

    def _hashed(self, caller: str) -> str:
        """The bucket's key: a keyed hash, since the subject of a caller may be the name of a person."""
        return "rate:" + hmac.new(self._secret, caller.encode(), hashlib.sha256).hexdigest()[:32]


def _remember(entries: OrderedDict[str, Value], key: str, value: Value) -> None:
    entries[key] = value
    entries.move_to_end(key)
    if len(entries) > CALLERS_MAX:
        entries.popitem(last=False)
