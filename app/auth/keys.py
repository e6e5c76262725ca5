"""Where the keys come from that tokens are verified with."""

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Protocol

import httpx
import orjson
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet

DEVELOPMENT_ISSUER: Final = "billing-gateway-development"


class Keys(Protocol):
    """Where verification keys come from."""

    async def current(self) -> KeySet:
        """The keys now known."""

    async def refreshed(self) -> KeySet:
        """The keys after another look, for a token whose key is not known."""


class DevelopmentKeys:
    """A key pair of this installation, made on first use and kept in a file that only its owner can read."""

    def __init__(self, directory: Path) -> None:
        self.private = self._load(directory / "development-key.json")
        self._set = KeySet([self.private])

    @staticmethod
    def _load(path: Path) -> ECKey:
        if path.exists():
            return ECKey.import_key(orjson.loads(path.read_bytes()))
        key = ECKey.generate_key("P-256", {"use": "sig", "kid": "development"}, private=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(orjson.dumps(key.as_dict(private=True)))
        return key

    async def current(self) -> KeySet:
        return self._set

    async def refreshed(self) -> KeySet:
        return self._set

    def sign(self, *, audience: str, role: str, lifetime: timedelta = timedelta(hours=12), **claims: Any) -> str:
        """A bearer token for one role; `claims` may hold providers, payer, patient and sub."""
        now = int(time.time())
        body = {
            "iss": DEVELOPMENT_ISSUER,
            "aud": audience,
            "sub": f"dev-{role}",
            "iat": now,
            "nbf": now,
            "exp": now + int(lifetime.total_seconds()),
            "roles": [role],
            **{name: value for name, value in claims.items() if value is not None},
        }
        return jwt.encode({"alg": "ES256", "kid": self.private.kid}, body, self.private)


class RemoteKeys:
    """The key set of an identity provider: kept ten minutes, fetched again for an unknown key at most every thirty
    seconds, and kept on when the provider does not answer."""

    LIFETIME_SECONDS = 600.0
    COOLDOWN_SECONDS = 30.0

    def __init__(self, url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.url = url
        self._clock = clock
        self._set = KeySet([])
        self._fetched_at = self._tried_at = -self.LIFETIME_SECONDS
        self._lock = asyncio.Lock()

    async def current(self) -> KeySet:
        if self._clock() - self._fetched_at >= self.LIFETIME_SECONDS:
            await self._fetch()
        return self._set

    async def refreshed(self) -> KeySet:
        await self._fetch()
        return self._set

    async def _fetch(self) -> None:
        async with self._lock:
            if self._clock() - self._tried_at < self.COOLDOWN_SECONDS:
                return
            self._tried_at = self._clock()
            try:
                async with httpx.AsyncClient(timeout=3.0) as client:
                    answer = await client.get(self.url)
                self._set = KeySet.import_key_set(answer.raise_for_status().json())
                self._fetched_at = self._clock()
            except (httpx.HTTPError, ValueError, JoseError, KeyError):
                # The old keys stay in force; readiness tells when there are none at all.
                return
