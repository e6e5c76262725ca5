"""Redis: every key, its lifetime and what drops it; a Redis that fails is a miss, never an error.

| key | holds | lifetime | dropped by |
| --- | --- | --- | --- |
| eligibility:{scope}:{payer}:{hmac(card)}:{day}:{procedure or -} | a payer's answer | at most one hour | expiry |
| tuss:{table}:{code} | a TUSS term | one day | expiry (terms only change with a new table) |
| rate:{hmac(caller)} | the tokens of a caller's bucket | until it is full again | expiry |
| apq:{sha256} | the text of a document that clients ask for by its hash | one day | expiry |
"""

import asyncio
import hashlib
import hmac
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import fakeredis
import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

Answer = TypeVar("Answer")
TUSS_LIFETIME_SECONDS: Final = 86_400
DOCUMENT_LIFETIME_SECONDS: Final = 86_400
OPEN_SECONDS: Final = 5.0
_log = structlog.get_logger("billing.cache")


def connect(url: str, **tls: Any) -> Redis:
    """A client for redis://, rediss://, unix:// or the in-process memory://, with short time limits.

    `tls` are the files of rediss://: `ssl_ca_certs`, `ssl_certfile`, `ssl_keyfile`.
    """
    if url.startswith("memory://"):
        return fakeredis.FakeAsyncRedis(server=fakeredis.FakeServer())
    return Redis.from_url(
        url,
        socket_connect_timeout=0.2,
        socket_timeout=0.2,
        retry=Retry(NoBackoff(), 0),
        health_check_interval=0,
        **tls,
    )


class Cache:
    """Reads and writes that cost at most the socket timeout, and nothing at all for five seconds after a failure."""

    def __init__(self, redis: Redis, *, secret: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._redis = redis
        self._secret = secret.encode()
        self._clock = clock
        self._closed_until = 0.0
        self._is_down = False
        self._flights: dict[str, asyncio.Lock] = {}

    async def get(self, key: str) -> bytes | None:
        """The value, or None when it is not there or Redis does not answer."""
        found = await self._try(lambda: self._redis.get(key))
        return found if isinstance(found, bytes) else None

    async def get_many(self, keys: list[str]) -> list[bytes | None]:
        """The values in key order, None for each that is missing."""
        found = await self._try(lambda: self._redis.mget(keys))
        return list(found) if found else [None] * len(keys)

    async def put(self, key: str, value: bytes, *, lifetime_seconds: int) -> None:
        """Keep the value; a lifetime below one second keeps nothing."""
        if lifetime_seconds >= 1:
            await self._try(lambda: self._redis.set(key, value, ex=lifetime_seconds))

    async def put_many(self, values: dict[str, bytes], *, lifetime_seconds: int) -> None:
        """Keep several values in one round trip."""
        if values:
            await self._try(lambda: self._pipelined(values, lifetime_seconds))

    async def _pipelined(self, values: dict[str, bytes], lifetime_seconds: int) -> None:
        async with self._redis.pipeline(transaction=False) as pipe:
            for key, value in values.items():
                pipe.set(key, value, ex=lifetime_seconds)
            await pipe.execute()

    async def run(self, script: str, key: str, *arguments: float) -> Any:
        """What a Lua script answers about one key; None when Redis does not answer."""
        return await self._try(lambda: self._redis.eval(script, 1, key, *arguments))

    def flight(self, key: str) -> asyncio.Lock:
        """The lock that lets one caller of this process ask the source while the others wait for its answer."""
        if len(self._flights) > 1_000:
            self._flights = {name: lock for name, lock in self._flights.items() if lock.locked()}
        return self._flights.setdefault(key, asyncio.Lock())

    async def ping(self) -> bool:
        """Whether Redis answers now."""
        try:
            return bool(await self._redis.ping())
        except (RedisError, OSError, TimeoutError):
            return False

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    def eligibility_key(self, *, scope: str, payer: str, card: str, day: str, procedure: str | None) -> str:
        """The key of an eligibility answer; the card number stands in it only as a keyed hash."""
        digest = hmac.new(self._secret, card.encode(), hashlib.sha256).hexdigest()[:32]
        return f"eligibility:{scope}:{payer}:{digest}:{day}:{procedure or '-'}"

    @staticmethod
    def tuss_key(table: str, code: str) -> str:
        """The key of a TUSS term."""
        return f"tuss:{table}:{code}"

    @staticmethod
    def document_key(digest: str) -> str:
        """The key of a document by the SHA-256 of its text."""
        return f"apq:{digest}"

    async def _try(self, call: Callable[[], Awaitable[Any]]) -> Any:
        if self._clock() < self._closed_until:
            return None
        try:
            found = await call()
        except (RedisError, OSError, TimeoutError, RuntimeError) as error:
            # RuntimeError: what uvloop says of a connection that has just ended.
            self._opened(error)
            return None
        self._recovered()
        return found

    def _opened(self, error: Exception) -> None:
        self._closed_until = self._clock() + OPEN_SECONDS
        if not self._is_down:
            self._is_down = True
            _log.warning("cache_down", error=type(error).__name__, effect="answers come from the database")

    def _recovered(self) -> None:
        if self._is_down:
            self._is_down = False
            _log.info("cache_back")
