"""The keys with which tokens are verified, and where they come from."""

import asyncio
import math
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from ssl import SSLContext
from typing import Any, Final, Protocol

import orjson
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from app.auth import discovery

DEVELOPMENT_ISSUER: Final = "billing-gateway-development"
KEY_FILE: Final = "development-key.json"


class Keys(Protocol):
    """A source of verification keys."""

    async def current(self) -> KeySet:
        """The keys known now; the same object until they change."""

    async def refreshed(self) -> KeySet:
        """The keys after fetching them again if that is allowed now, for a token with an unknown key."""


class DevelopmentKeys:
    """The key pair of a development installation, created on first use in a file that only its owner can read."""

    def __init__(self, directory: Path) -> None:
        self.private = self._load(directory / KEY_FILE)
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
        """A bearer token for one role. `claims` are added to the default claims or replace them, None is left out.

        They are usually providers, payer, patient or scope; `roles=[]`, `sub` and `client_id` together make a token
        that a client obtained for itself.
        """
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
    """The key set of an identity provider, which requests with a known key never wait for.

    After ten minutes it is fetched again in the background, while requests use the old one; when the provider is down
    the old one stays valid. A token with an unknown key also causes a fetch, since the provider may just have rotated
    its keys, but there is at most one fetch in thirty seconds: otherwise anybody could make the gateway flood the
    provider with forged tokens. A new key is therefore accepted after at most thirty seconds.

    `on_answer` is called with the reason once when the provider goes down, and with None once when it is back.
    """

    LIFETIME_SECONDS = 600.0
    COOLDOWN_SECONDS = 30.0

    def __init__(
        self,
        issuer: str,
        *,
        tls: SSLContext,
        jwks_url: str | None = None,
        clock: Callable[[], float] = time.monotonic,
        on_answer: Callable[[str | None], None] = lambda _reason: None,
    ) -> None:
        self._issuer = issuer
        self._tls = tls
        self._jwks_url = jwks_url
        self.clock = clock
        self._on_answer = on_answer
        self._set = KeySet([])
        self._fetched_at = self._tried_at = -math.inf
        self._is_down = False
        self._fetching: asyncio.Task[None] | None = None

    async def current(self) -> KeySet:
        if self.clock() - self._fetched_at >= self.LIFETIME_SECONDS:
            fetch = self._start_fetch()
            # Only the very first requests wait. Shielded, so that one caller who leaves does not cancel it for all.
            if fetch is not None and not self._set:
                await asyncio.shield(fetch)
        return self._set

    async def refreshed(self) -> KeySet:
        fetch = self._start_fetch()
        if fetch is not None:
            await asyncio.shield(fetch)
        return self._set

    def _start_fetch(self) -> asyncio.Task[None] | None:
        """The fetch in progress, or a new one; None within thirty seconds after the start of the last one."""
        if self._fetching is not None and not self._fetching.done():
            return self._fetching
        if self.clock() - self._tried_at < self.COOLDOWN_SECONDS:
            return None
        self._tried_at = self.clock()
        self._fetching = asyncio.create_task(self._fetch())
        return self._fetching

    async def _fetch(self) -> None:
        try:
            found = await discovery.fetch_keys(self._issuer, self._tls, self._jwks_url)
        except discovery.ProviderUnavailable as error:
            # The old keys stay valid; without any the process reports that it is not ready.
            self._report(str(error))
            return
        self._fetched_at = self.clock()
        # An equal set stays the same object, which keeps the cache of verified tokens.
        if found.as_dict() != self._set.as_dict():
            self._set = found
        self._report(None)

    def _report(self, reason: str | None) -> None:
        if self._is_down != (reason is not None):
            self._is_down = reason is not None
            self._on_answer(reason)
