"""Bearer token -> Principal: who calls, with which roles, and whose data the token opens."""

import hashlib
import time
from collections.abc import Callable
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from app.auth.keys import Keys
from app.auth.principal import ANONYMOUS, InvalidToken, Principal, principal_of

ALGORITHMS: Final = ["ES256", "RS256"]
LIFETIME_MAX_SECONDS: Final = 24 * 3600
CLOCK_LEEWAY_SECONDS: Final = 30
TOKEN_LENGTH_MAX: Final = 8192
TOKEN_CACHE_MAX: Final = 10_000


class Verifier:
    """Checks bearer tokens: signature by a known key, pinned algorithms, issuer, audience, times."""

    def __init__(self, keys: Keys, *, issuer: str, audience: str, clock: Callable[[], float] = time.time) -> None:
        self.keys = keys
        self._clock = clock
        self._issuer = issuer
        self._audience = audience
        self._known: dict[str, Principal] = {}

    async def principal(self, authorization: str | None) -> Principal:
        """The caller of this Authorization header; ANONYMOUS without one, InvalidToken if it is refused."""
        if authorization is None:
            return ANONYMOUS
        kind, _, token = authorization.partition(" ")
        if kind.lower() != "bearer" or not 0 < len(token.strip()) <= TOKEN_LENGTH_MAX:
            raise InvalidToken("the Authorization header needs the form: Bearer <token>")
        return await self._cached(token.strip())

    async def _cached(self, token: str) -> Principal:
        digest = hashlib.sha256(token.encode()).hexdigest()
        known = self._known.get(digest)
        if known is not None and known.expires_at is not None and known.expires_at > self._clock():
            return known
        principal = principal_of(await self._verified(token))
        if len(self._known) >= TOKEN_CACHE_MAX:
            self._known.clear()
        self._known[digest] = principal
        return principal

    async def _verified(self, token: str) -> dict[str, Any]:
        try:
            decoded = self._decode(token, await self.keys.current())
        except (JoseError, ValueError):
            decoded = self._decode_again(token, await self.keys.refreshed())
        self._check(decoded)
        return decoded

    def _decode(self, token: str, keys: KeySet) -> dict[str, Any]:
        return dict(jwt.decode(token, keys, algorithms=ALGORITHMS).claims)

    def _decode_again(self, token: str, keys: KeySet) -> dict[str, Any]:
        try:
            return self._decode(token, keys)
        except (JoseError, ValueError):
            raise InvalidToken("the token's signature or form is not valid") from None

    def _check(self, claims: dict[str, Any]) -> None:
        registry = jwt.JWTClaimsRegistry(
            now=int(self._clock()),
            leeway=CLOCK_LEEWAY_SECONDS,
            iss={"essential": True, "value": self._issuer},
            aud={"essential": True, "value": self._audience},
            exp={"essential": True},
        )
        try:
            registry.validate(claims)
        except JoseError as error:
            raise InvalidToken(f"the token is refused: {error.error}") from None
        if claims["exp"] > self._clock() + LIFETIME_MAX_SECONDS:
            raise InvalidToken("the token lives longer than a day")
