"""Redis: every key with its lifetime and what drops it. A failure of Redis is a cache miss, never an error.

| key | value | lifetime | dropped by |
| --- | --- | --- | --- |
| eligibility:{database}:{scope}:{payer}:{hmac(card)}:{day}:{procedure or -} | the payer's answer | one hour | expiry |
| rate:{hmac(caller)} | the tokens in a caller's bucket | until it is full again | expiry |
| health | 1, to see whether Redis takes writes | ten seconds | expiry |
| cards:{hmac(caller)} | how many unknown cards a caller may still ask for | until all are allowed again | expiry |
| apq:{sha256} | the text of a GraphQL document that clients request by its hash | one day | expiry |

Beside them is a channel, `outbox:{database}`, for notices of commits (`app/redis/commit_notices.py`).

`database` is the database's incarnation (`app/db/identity.py`): what came from another database, or from this one
before it was restored, is never found.
"""

import asyncio
import hashlib
import hmac
import time
from collections.abc import Awaitable, Callable
from ssl import SSLContext
from typing import Any, Final

import structlog
from redis.asyncio import Redis
from redis.asyncio.connection import SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

DOCUMENT_LIFETIME_SECONDS: Final = 86_400
HEALTH_KEY: Final = "health"
HEALTH_LIFETIME_SECONDS: Final = 10
SOCKET_TIMEOUT_SECONDS: Final = 0.2
OPEN_SECONDS: Final = 5.0
"""How long Redis is left alone after a failure."""
SINGLE_FLIGHTS_MAX: Final = 1_000
# uvloop raises RuntimeError for a connection that has just been closed.
UNAVAILABLE: Final = (RedisError, OSError, TimeoutError, RuntimeError)
"""What a command raises if Redis does not carry it out."""
_log = structlog.get_logger("billing.cache")


class TlsConnection(SSLConnection):
    """A connection with the context that it is given; the library would read the files again for each one."""

    def __init__(self, *, context: SSLContext, **options: Any) -> None:
        super().__init__(**options)
        self.ssl_context.context = context


def connect(url: str, tls: SSLContext | None = None) -> Redis:
    """A client for redis://, rediss://, unix:// or the in-process memory://, which connects at the first command.

    `tls` is for rediss://, which otherwise trusts the public authorities. Nothing is retried: a miss costs less than a
    second attempt.
    """
    if url.startswith("memory://"):
        import fakeredis  # noqa: PLC0415 - heavy, for the embedded mode alone

        return fakeredis.FakeAsyncRedis(server=fakeredis.FakeServer())
    redis = Redis.from_url(
        url,
        socket_connect_timeout=SOCKET_TIMEOUT_SECONDS,
        socket_timeout=SOCKET_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
        health_check_interval=0,
    )
    if tls is not None:
        redis.connection_pool.connection_class = TlsConnection
        redis.connection_pool.connection_kwargs["context"] = tls
    return redis


class Cache:
    """Reads and writes with a circuit breaker.

    One command of a Redis that is down costs up to 0.2 s, and a request may send several. So after a failure every call
    is a miss at once for five seconds, then the next one tries again. `clock` gives seconds and never goes back;
    `secret` is the key of the hashes in the names of keys.
    """

    def __init__(self, redis: Redis, *, secret: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._redis = redis
        self._secret = secret.encode()
        self._clock = clock
        self._open_until = 0.0
        self._is_down = False
        self._single_flights: dict[str, asyncio.Lock] = {}

    async def get(self, key: str) -> bytes | None:
        """The value; None if there is none or Redis is down."""
        found = await self._try(lambda: self._redis.get(key))
        return found if isinstance(found, bytes) else None

    async def put(self, key: str, value: bytes, *, lifetime_seconds: int) -> None:
        """Store the value; with a lifetime below one second nothing is stored."""
        if lifetime_seconds >= 1:
            await self._try(lambda: self._redis.set(key, value, ex=lifetime_seconds))

    async def run(self, script: str, key: str, *arguments: float) -> Any:
        """The result of a Lua script with one key; None if Redis is down."""
        return await self._try(lambda: self._redis.eval(script, 1, key, *arguments))

    def flight(self, key: str) -> asyncio.Lock:
        """The lock by which one caller of this process computes a missing value while the others wait for it.

        Take it around reading and writing the cache: without it, as many callers as miss at once would all ask the
        payer. It covers one process only, which is enough to bound them.
        """
        if len(self._single_flights) > SINGLE_FLIGHTS_MAX:
            # Keys of different people would pile up for ever. A lock that nobody holds can go: at worst a caller who
            # was just about to take it computes the value once more.
            self._single_flights = {name: lock for name, lock in self._single_flights.items() if lock.locked()}
        return self._single_flights.setdefault(key, asyncio.Lock())

    async def ping(self) -> bool:
        """Whether Redis answers now and takes writes, whatever the circuit breaker says.

        A Redis that is full or read-only answers a PING.
        """
        try:
            return bool(await self._redis.set(HEALTH_KEY, b"1", ex=HEALTH_LIFETIME_SECONDS))
        except UNAVAILABLE:
            return False

    async def server_time(self) -> float | None:
        """The time of Redis (Unix seconds), whatever the circuit breaker says; None if it does not answer."""
        try:
            seconds, microseconds = await self._redis.time()
        except (RedisError, OSError, TimeoutError):
            return None
        return float(seconds) + float(microseconds) / 1_000_000

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    def eligibility_key(
        self, *, database: str, scope: str, payer: str, card: str, day: str, procedure: str | None
    ) -> str:
        """The key of an eligibility answer; `day` is an ISO date. The card number is in it only as a keyed hash."""
        digest = hmac.new(self._secret, card.encode(), hashlib.sha256).hexdigest()[:32]
        return f"eligibility:{database}:{scope}:{payer}:{digest}:{day}:{procedure or '-'}"

    @staticmethod
    def document_key(digest: str) -> str:
        """The key of a GraphQL document by the SHA-256 of its text, in hexadecimal."""
        return f"apq:{digest}"

    async def _try(self, call: Callable[[], Awaitable[Any]]) -> Any:
        if self._clock() < self._open_until:
            return None
        try:
            found = await call()
        except UNAVAILABLE as error:
            self._open_breaker(error)
            return None
        self._note_success()
        return found

    def _open_breaker(self, error: Exception) -> None:
        self._open_until = self._clock() + OPEN_SECONDS
        if not self._is_down:
            self._is_down = True
            _log.warning("cache_down", error=type(error).__name__, effect="answers come from the database")

    def _note_success(self) -> None:
        if self._is_down:
            self._is_down = False
            _log.info("cache_back")
