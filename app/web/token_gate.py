"""Tokens that are refused cost their sender something too: verifying forged ones would otherwise be free of any rate.

A token that was found valid before is never delayed, so that one broken client does not shut out the others behind its
address. Only new tokens are verified at the expense of the address; and one that was refused a moment ago is refused
again unseen, at its own expense.
"""

import hashlib
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, TypeVar

from app.auth.principal import InvalidToken, PrematureToken, Principal
from app.auth.tokens import Verifier
from app.redis.rate_limit import RateLimit, RateLimited
from app.transport.errors import Unauthenticated
from app.values.frozen import frozen

Key = TypeVar("Key")
Value = TypeVar("Value")
REMEMBERED_SECONDS: Final = 5.0
"""How long a token is refused unseen; one that may be accepted later is looked at each time."""
REMEMBERED_MAX: Final = 10_000


class TokenGate:
    """Finds the caller of a request; `refused` is the rate of refusals. `clock` gives seconds and never goes back."""

    def __init__(self, verifier: Verifier, refused: RateLimit, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._verifier = verifier
        self._rate = refused
        self._clock = clock
        self._refused: OrderedDict[bytes, tuple[float, str]] = OrderedDict()
        self._blocked: OrderedDict[str, float] = OrderedDict()

    def at(self, address: str) -> "Entrance":
        """The gate for the clients of this address."""
        return Entrance(self, address)

    async def principal(self, header: str | None, certificate: bytes | None, address: str) -> Principal:
        """As the verifier's. Unauthenticated for a refused token, RateLimited for too many of them."""
        try:
            return await self._principal(header, certificate, address)
        except InvalidToken as error:
            raise Unauthenticated(str(error)) from None

    async def _principal(self, header: str | None, certificate: bytes | None, address: str) -> Principal:
        if header is None:
            return await self._verifier.principal(None, certificate)
        known = await self._verifier.known(header, certificate)
        if known is not None:
            return known
        digest = hashlib.sha256(header.encode() + b"\0" + (certificate or b"")).digest()
        since, reason = self._refused.get(digest, (-math.inf, ""))
        if self._clock() - since < REMEMBERED_SECONDS:
            await self._rate.take(f"\0token {digest.hex()}", 1)
            raise InvalidToken(reason)
        self._check(address)
        try:
            return await self._verifier.principal(header, certificate)
        except InvalidToken as error:
            if not isinstance(error, PrematureToken):
                _remember(self._refused, digest, (self._clock(), str(error)))
            await self._count(address)
            raise

    def _check(self, address: str) -> None:
        """RateLimited while the address has used up its refusals."""
        wait = self._blocked.get(address, -math.inf) - self._clock()
        if wait > 0:
            raise RateLimited(wait)

    async def _count(self, address: str) -> None:
        try:
            await self._rate.take(f"\0address {address}", 1)
        except RateLimited as limited:
            _remember(self._blocked, address, self._clock() + limited.seconds)
            raise


@frozen
class Entrance:
    """The gate for the clients of one address."""

    gate: TokenGate
    address: str

    async def principal(self, authorization: str | None, certificate: bytes | None = None) -> Principal:
        """The caller; Unauthenticated or RateLimited if the token is refused."""
        return await self.gate.principal(authorization, certificate, self.address)


def _remember(entries: OrderedDict[Key, Value], key: Key, value: Value) -> None:
    entries[key] = value
    entries.move_to_end(key)
    if len(entries) > REMEMBERED_MAX:
        entries.popitem(last=False)
