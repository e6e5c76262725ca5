"""Bearer token -> Principal: who calls, with which roles, and whose data the token opens."""

import asyncio
import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Protocol

import httpx
import orjson
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet

ALGORITHMS: Final = ["ES256", "RS256"]
DEVELOPMENT_ISSUER: Final = "billing-gateway-development"
LIFETIME_MAX_SECONDS: Final = 24 * 3600
CLOCK_LEEWAY_SECONDS: Final = 30
TOKEN_LENGTH_MAX: Final = 8192
SUBJECT_LENGTH_MAX: Final = 120
TOKEN_CACHE_MAX: Final = 10_000
ANY_PROVIDER: Final = "*"

_SEE: Final = frozenset({"claims:read", "invoices:read", "tuss:read"})
_PERSON: Final = frozenset({"beneficiary:read", "beneficiary:read_cpf"})
_ALL_OF_A_CLAIM: Final = _SEE | _PERSON | {"claims:read_items", "claims:read_health", "amounts:read"}

ROLES: Final[dict[str, frozenset[str]]] = {
    "billing_reader": _SEE | {"amounts:read", "reconciliation:read"},
    "biller": _SEE
    | {"beneficiary:read", "claims:read_items", "amounts:read", "settlements:read", "contracts:read"}
    | {"reconciliation:read", "eligibility:read", "eligibility:check"}
    | {"claims:create", "claims:submit", "claims:cancel", "glosas:appeal", "invoices:create", "invoices:cancel"}
    | {"health:break_glass"},
    "reviewer": _ALL_OF_A_CLAIM
    | {"reconciliation:read", "contracts:read", "eligibility:read", "claims:review", "claims:adjudicate"},
    "finance": _SEE
    | {"beneficiary:read_masked", "amounts:read", "settlements:read", "settlements:read_bank", "contracts:read"}
    | {"reconciliation:read", "invoices:adjust", "invoices:issue", "invoices:cancel"}
    | {"settlements:create", "settlements:reverse"}
    | {"remittances:read", "remittances:import", "remittances:post"},
    "front_desk": _SEE | _PERSON | {"eligibility:read", "eligibility:check", "health:break_glass"},
    "payer_agent": _ALL_OF_A_CLAIM
    | {"settlements:read", "settlements:read_bank", "remittances:read", "reconciliation:read", "contracts:read"}
    | {"eligibility:read", "claims:review", "claims:adjudicate", "appeals:answer"},
    "patient": (_ALL_OF_A_CLAIM - {"invoices:read"}) | {"eligibility:read", "access_log:read_own"},
    "admin": frozenset({"tuss:read", "contracts:read", "gateway:configure", "emergencies:read", "schema:introspect"}),
}
"""Every role and what it may do. Roles match exactly; an unknown role means nothing."""


class InvalidToken(Exception):
    """The token is refused; the text says why, without quoting the token."""


@dataclass(frozen=True)
class Principal:
    """The caller. `scopes` are permissions; `providers`, `payer` and `patient` say whose data they reach."""

    subject: str
    roles: frozenset[str] = frozenset()
    providers: frozenset[str] = frozenset()
    payer: str | None = None
    patient: str | None = None
    expires_at: float | None = None
    scopes: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        granted = frozenset(scope for role in self.roles for scope in ROLES.get(role, ()))
        object.__setattr__(self, "scopes", granted)

    @property
    def is_anonymous(self) -> bool:
        """Whether no valid token was given."""
        return not self.subject

    @property
    def has_any_provider(self) -> bool:
        """Whether the token opens all providers on purpose."""
        return ANY_PROVIDER in self.providers


ANONYMOUS: Final = Principal(subject="")


def principal_of(claims: Mapping[str, Any]) -> Principal:
    """The caller that a verified token describes; InvalidToken if a part has the wrong shape.

    The role `patient` reaches nothing without a `patient`, `payer_agent` nothing without a `payer`.
    """
    roles = _texts(claims.get("roles"), "roles")
    providers = _texts(claims.get("providers"), "providers")
    payer, patient = _text(claims.get("payer"), "payer"), _text(claims.get("patient"), "patient")
    if ("payer_agent" in roles and payer is None) or ("patient" in roles and patient is None):
        raise InvalidToken("the token's role needs a payer or a patient of its own")
    subject = _text(claims.get("sub"), "sub")
    if not subject or len(subject) > SUBJECT_LENGTH_MAX:
        raise InvalidToken(f"the token's subject has 1 to {SUBJECT_LENGTH_MAX} characters")
    return Principal(subject, roles, providers, payer, patient, float(claims["exp"]))


def _texts(value: Any, name: str) -> frozenset[str]:
    if value is None:
        return frozenset()
    if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
        raise InvalidToken(f"the token's {name} are not a list of texts")
    return frozenset(value)


def _text(value: Any, name: str) -> str | None:
    if value is not None and not isinstance(value, str):
        raise InvalidToken(f"the token's {name} is not a text")
    return value


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
