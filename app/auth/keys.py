"""Where the keys come from that tokens are verified with."""

import asyncio
import math
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Protocol

import orjson
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from app.auth import discovery

DEVELOPMENT_ISSUER: Final = "billing-gateway-development"


class Keys(Protocol):
    """Where verification keys come from."""

    async def current(self) -> KeySet:
        """The keys now known; the same object until they change."""

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
        """A bearer token for one role; `claims` stand beside or in place of its own, None is left out.

        Such as providers, payer, patient, scope; `roles=[]`, `sub` and `client_id` make a client's own token.
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
    """The key set of an identity provider.

    Kept ten minutes, then fetched anew beside the requests that go on with it; fetched for an unknown key at most
    every thirty seconds; kept on when the provider does not answer. `on_answer` is told the reason once when the
    provider stops answering, and None once when it answers again.
    """

    LIFETIME_SECONDS = 600.0
    COOLDOWN_SECONDS = 30.0

    def __init__(
        self,
        issuer: str,
        *,
        jwks_url: str | None = None,
        clock: Callable[[], float] = time.monotonic,
        on_answer: Callable[[str | None], None] = lambda _reason: None,
    ) -> None:
        self._issuer = issuer
        self._jwks_url = jwks_url
        self.clock = clock
        self._on_answer = on_answer
        self._set = KeySet([])
        self._fetched_at = self._tried_at = -math.inf
        self._is_away = False
        self._under_way: asyncio.Task[None] | None = None

    async def current(self) -> KeySet:
        if self.clock() - self._fetched_at >= self.LIFETIME_SECONDS:
            fetch = self._begin()
            if fetch is not None and not self._set:
                await asyncio.shield(fetch)
        return self._set

    async def refreshed(self) -> KeySet:
        fetch = self._begin()
        if fetch is not None:
            await asyncio.shield(fetch)
        return self._set

    def _begin(self) -> asyncio.Task[None] | None:
        """The fetch that is under way or may begin now; None during the cool-down."""
        if self._under_way is not None and not self._under_way.done():
            return self._under_way
        if self.clock() - self._tried_at < self.COOLDOWN_SECONDS:
            return None
        self._tried_at = self.clock()
        self._under_way = asyncio.create_task(self._fetch())
        return self._under_way

    async def _fetch(self) -> None:
        try:
            found = await discovery.look(self._issuer, self._jwks_url)
        except discovery.ProviderAway as error:
            # The old keys stay in force; readiness tells when there are none at all.
            self._tell(str(error))
            return
        self._fetched_at = self.clock()
        # The same set stays the same object: what was verified with it need not be verified again.
        if found.as_dict() != self._set.as_dict():
            self._set = found
        self._tell(None)

    def _tell(self, reason: str | None) -> None:
        if self._is_away != (reason is not None):
            self._is_away = reason is not None
            self._on_answer(reason)
