"""How much one caller may ask for: a token bucket in Redis, shared by all processes; a local one while Redis is away.

A process takes several tokens at a time, so that most requests pay no round trip.
"""

import hashlib
import hmac
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from app.redis.cache import Cache

LEASE_MAX: Final = 10
LEASE_SECONDS: Final = 1.0
CALLERS_MAX: Final = 10_000

# KEYS: the bucket. ARGV: tokens a second, the most it holds, how many are needed, how many are wanted.
# Answers how many were taken (0 or at least those needed), and in how many milliseconds there will be enough.
SCRIPT: Final = """
local rate, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local need, want = tonumber(ARGV[3]), tonumber(ARGV[4])
local now = redis.call('TIME')
local at = now[1] + now[2] / 1000000
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens, last = tonumber(kept[1]) or burst, tonumber(kept[2]) or at
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
    """The caller asked for too much; `extensions` say in how many seconds there will be enough again."""

    code = "RATE_LIMITED"

    def __init__(self, seconds: float) -> None:
        wait = max(math.ceil(seconds), 1)
        self.message = f"too many requests, try again in {wait} s"
        self.extensions: dict[str, object] = {"code": self.code, "retryable": True, "retryAfterSeconds": wait}
        super().__init__(self.message)


@dataclass(slots=True)
class _Lease:
    """Tokens taken for one caller and not yet spent; they are given up after a while."""

    tokens: int
    ends_at: float


@dataclass(slots=True)
class _Bucket:
    """The local bucket of one caller."""

    tokens: float
    at: float


class RateLimit:
    """`per_second` tokens for each caller, and at most `burst` at once; `per_second` 0 lets everything pass."""

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
        # What is not spent is lost: a lease is a small part of what comes in a second.
        self._lease = min(LEASE_MAX, int(per_second // 5))
        self._leases: OrderedDict[str, _Lease] = OrderedDict()
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    async def take(self, caller: str, tokens: int) -> None:
        """Take tokens from the caller's bucket, at most all that it holds; RateLimited if there are not enough."""
        if not self._per_second:
            return
        key = self._key(caller)
        need = min(tokens, self._burst)
        lease = self._leases.get(key)
        if lease is not None and lease.tokens >= need and lease.ends_at > self._clock():
            lease.tokens -= need
            return
        wait = await self._taken(key, need)
        if wait:
            raise RateLimited(wait)

    async def _taken(self, key: str, need: int) -> float:
        """0, or the seconds until there will be enough."""
        want = min(need + self._lease, self._burst)
        answer = await self._cache.run(SCRIPT, key, self._per_second, self._burst, need, want)
        if answer is None:
            return self._locally(key, need)
        given, wait = int(answer[0]), int(answer[1])
        if given >= need:
            _keep(self._leases, key, _Lease(given - need, self._clock() + LEASE_SECONDS))
            return 0.0
        return max(wait / 1000, 0.001)

    def _locally(self, key: str, need: int) -> float:
        now = self._clock()
        bucket = self._buckets.get(key) or _Bucket(self._burst, now)
        bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.at) * self._per_second)
        bucket.at = now
        _keep(self._buckets, key, bucket)
        if bucket.tokens < need:
            return (need - bucket.tokens) / self._per_second
        bucket.tokens -= need
        return 0.0

    def _key(self, caller: str) -> str:
        """The bucket's name: a keyed hash, since a caller's name may be a person's."""
        return "rate:" + hmac.new(self._secret, caller.encode(), hashlib.sha256).hexdigest()[:32]


def _keep(known: "OrderedDict[str, Any]", key: str, value: Any) -> None:
    known[key] = value
    known.move_to_end(key)
    if len(known) > CALLERS_MAX:
        known.popitem(last=False)
