"""Bearer token -> Principal: signature by a known key, pinned algorithms, issuer, audience, times."""

import base64
import hashlib
import re
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import Key, KeySet

from app.auth.keys import Keys
from app.auth.principal import ANONYMOUS, STANDARD_NAMES, ClaimNames, InvalidToken, Principal, principal_of

ALGORITHMS: Final = {"ES256": "EC", "RS256": "RSA", "PS256": "RSA"}
"""Each accepted algorithm and the type of its keys."""
TYPES: Final = frozenset({"at+jwt", "application/at+jwt", "jwt"})
LIFETIME_MAX_SECONDS: Final = 24 * 3600
CLOCK_LEEWAY_SECONDS: Final = 30
TOKEN_LENGTH_MAX: Final = 8192
TOKEN_CACHE_MAX: Final = 10_000
TIME_MAX_SECONDS: Final = 253_402_300_799  # the end of the year 9999: no clock and no date goes beyond
_COMPACT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
# Members of the header that nobody knows are ignored, as RFC 7515 (4) asks; the known ones are checked.
_REGISTRY: Final = jws.JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False)


class Verifier:
    """Checks bearer tokens, and remembers the good ones until they end or the keys change."""

    def __init__(
        self,
        keys: Keys,
        *,
        issuer: str,
        audience: str,
        names: ClaimNames = STANDARD_NAMES,
        of_certificate: Callable[[bytes], Principal | None] = lambda _certificate: None,
        binds_payers: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.keys = keys
        self._clock = clock
        self._issuer = issuer
        self._audience = audience
        self._names = names
        self._of_certificate = of_certificate
        self._binds_payers = binds_payers
        self._known: dict[str, tuple[Principal, str | None]] = {}
        self._known_by: KeySet | None = None

    async def principal(self, authorization: str | None, certificate: bytes | None = None) -> Principal:
        """The caller of this Authorization header; without one that of the connection's verified certificate (DER),
        else ANONYMOUS. InvalidToken if the token is refused, or bound to another certificate (RFC 8705)."""
        if authorization is None:
            return (self._of_certificate(certificate) if certificate else None) or ANONYMOUS
        kind, _, token = authorization.partition(" ")
        if kind.lower() != "bearer" or not 0 < len(token.strip()) <= TOKEN_LENGTH_MAX:
            raise InvalidToken("the Authorization header needs the form: Bearer <token>")
        if not _COMPACT.fullmatch(token.strip()):
            raise InvalidToken("the token is not a signed JWT")
        principal, bound_to = await self._remembered(token.strip())
        if bound_to is None and self._binds_payers and "payer_agent" in principal.roles:
            raise InvalidToken("a payer's token must be bound to its certificate")
        if bound_to is not None and (certificate is None or thumbprint(certificate) != bound_to):
            raise InvalidToken("the token is bound to another certificate than the connection's")
        return principal

    async def _remembered(self, token: str) -> tuple[Principal, str | None]:
        """The caller of a good token, and the thumbprint of the certificate that it is bound to."""
        keys = await self.keys.current()
        if keys is not self._known_by:
            self._known.clear()
            self._known_by = keys
        digest = hashlib.sha256(token.encode()).hexdigest()
        known = self._known.get(digest)
        if known is not None and known[0].expires_at is not None and known[0].expires_at > self._clock():
            return known
        claims = await self._verified(token, keys)
        found = principal_of(claims, self._names), _bound_to(claims)
        if len(self._known) >= TOKEN_CACHE_MAX:
            del self._known[next(iter(self._known))]
        self._known[digest] = found
        return found

    async def _verified(self, token: str, keys: KeySet) -> dict[str, Any]:
        header = _header(token)
        if not _has(keys, header["kid"]):
            keys = await self.keys.refreshed()
        claims = _payload(token, _key_for(header, keys))
        self._check(claims)
        return claims

    def _check(self, claims: Mapping[str, Any]) -> None:
        """Refuse what is not an access token of our issuer, for us, now, for a day at most."""
        if claims.get("iss") != self._issuer:
            raise InvalidToken("the token is of another issuer")
        audience = claims.get("aud")
        if self._audience not in (audience if isinstance(audience, list) else [audience]):
            raise InvalidToken("the token is for another audience")
        if claims.get("typ", "Bearer") != "Bearer":
            raise InvalidToken("the token is not an access token")
        self._check_times(claims)

    def _check_times(self, claims: Mapping[str, Any]) -> None:
        now, leeway = self._clock(), CLOCK_LEEWAY_SECONDS
        end, begin, made = (_seconds(claims, name) for name in ("exp", "nbf", "iat"))
        if end is None:
            raise InvalidToken("the token has no exp")
        if end <= now - leeway:
            raise InvalidToken("the token has ended")
        if max(begin or 0.0, made or 0.0) > now + leeway:
            raise InvalidToken("the token is not valid yet")
        if end > now + LIFETIME_MAX_SECONDS + leeway or (made is not None and end - made > LIFETIME_MAX_SECONDS):
            raise InvalidToken("the token lives longer than a day")


def thumbprint(der: bytes) -> str:
    """The `x5t#S256` of a certificate: its SHA-256, base64url without padding."""
    return base64.urlsafe_b64encode(hashlib.sha256(der).digest()).decode().rstrip("=")


def _bound_to(claims: Mapping[str, Any]) -> str | None:
    """The thumbprint that a token is bound to; InvalidToken for a confirmation that is not known here."""
    if "cnf" not in claims:
        return None
    confirmation = claims["cnf"]
    found = confirmation.get("x5t#S256") if isinstance(confirmation, dict) else None
    if not isinstance(found, str) or len(confirmation) != 1:
        raise InvalidToken("the token is bound to something that is not known here")
    return found


def _seconds(claims: Mapping[str, Any], name: str) -> float | None:
    """A claim that is a time, in seconds since 1970; None if it is not there."""
    if name not in claims:
        return None
    value = claims[name]
    # Not finite numbers fail the comparison too.
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= TIME_MAX_SECONDS:
        raise InvalidToken(f"the token's {name} is not a time")
    return float(value)


def _header(token: str) -> dict[str, Any]:
    """The header with `alg` and `kid` (None if absent); InvalidToken if it says that this is no access token of ours.

    Keys and addresses of keys in it (`jwk`, `jku`, `x5u`, `x5c`) are never looked at.
    """
    header = _object(token.partition(".")[0])
    if "crit" in header or "b64" in header:
        raise InvalidToken("the token asks for an extension that is not known here")
    kid, kind = header.setdefault("kid", None), header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.lower() not in TYPES or not isinstance(kid, str | None):
        raise InvalidToken("the token's header is not that of an access token")
    if header.get("alg") not in list(ALGORITHMS):
        raise InvalidToken("the token's algorithm is not accepted")
    return header


def _object(segment: str) -> dict[str, Any]:
    try:
        found = orjson.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    except ValueError:
        raise InvalidToken("the token is not a signed JWT") from None
    if not isinstance(found, dict):
        raise InvalidToken("the token is not a signed JWT")
    return found


def _has(keys: KeySet, kid: str | None) -> bool:
    """Whether a key of this name is known; without a name, whether any is."""
    return any(kid in (None, key.kid) for key in keys)


def _key_for(header: Mapping[str, Any], keys: KeySet) -> Key:
    """The key that the header names; a token that names none is taken only if there is no choice."""
    algorithm, kid = header["alg"], header["kid"]
    fitting = [
        key
        for key in keys
        if kid in (None, key.kid) and key.key_type == ALGORITHMS[algorithm] and key.get("alg") in (None, algorithm)
    ]
    if not fitting or (kid is None and len(fitting) > 1):
        raise InvalidToken("the token's key is not known")
    return fitting[0]


def _payload(token: str, key: Key) -> dict[str, Any]:
    """The claims, once the signature is good."""
    try:
        jws.deserialize_compact(token, key, registry=_REGISTRY)
    except (JoseError, ValueError):
        raise InvalidToken("the token's signature or form is not valid") from None
    return _object(token.split(".")[1])
