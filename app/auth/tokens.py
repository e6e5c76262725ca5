"""Bearer token -> Principal, after checking signature, algorithm, issuer, audience and times."""

import base64
import hashlib
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, Protocol

import orjson
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import Key, KeySet

from app.auth.keys import Keys
from app.auth.principal import (
    ANONYMOUS,
    STANDARD_CLAIM_NAMES,
    InvalidToken,
    PrematureToken,
    Principal,
    TokenClaimNames,
    principal_of,
)

ALGORITHMS: Final = {"ES256": "EC", "RS256": "RSA", "PS256": "RSA"}
"""Each accepted algorithm and its key type. Pinned here, since a forger chooses what the header says."""
TYPES: Final = frozenset({"at+jwt", "application/at+jwt", "jwt"})
LIFETIME_MAX_SECONDS: Final = 24 * 3600
CLOCK_LEEWAY_SECONDS: Final = 30
TOKEN_LENGTH_MAX: Final = 8192
TOKEN_CACHE_MAX: Final = 10_000
TIME_MAX_SECONDS: Final = 253_402_300_799
"""The end of the year 9999, the last time that Python can represent."""
_COMPACT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
# Unknown members of the header are ignored, as RFC 7515 (section 4) demands; the known ones are checked.
_REGISTRY: Final = jws.JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False)


class ClientCertificates(Protocol):
    """What is known of the certificates with which clients connect."""

    def caller_of(self, der: bytes) -> Principal | None:
        """The caller of a verified certificate, None if it is nobody's; InvalidToken for one that was revoked."""

    def ends_at(self, der: bytes) -> float:
        """When the certificate ends, in seconds since 1970; InvalidToken for one that was revoked."""


class Verifier:
    """Checks bearer tokens, and caches the result for valid ones until they expire or the keys change.

    Verifying an ES256 signature takes 0.1 ms of CPU, and a client sends the same token with every request. The cache
    has at most 10,000 entries, by the SHA-256 of the token, so that it stores no tokens.
    """

    def __init__(
        self,
        keys: Keys,
        *,
        issuer: str,
        audience: str,
        names: TokenClaimNames = STANDARD_CLAIM_NAMES,
        certificates: ClientCertificates | None = None,
        binds_payers: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.keys = keys
        self._clock = clock
        self._issuer = issuer
        self._audience = audience
        self._names = names
        self._certificates = certificates
        self._binds_payers = binds_payers
        self._cache: dict[bytes, tuple[Principal, str | None]] = {}
        self._cached_for: KeySet | None = None

    async def principal(self, authorization: str | None, certificate: bytes | None = None) -> Principal:
        """The caller of an Authorization header, else of the connection's verified certificate (DER), else ANONYMOUS.

        InvalidToken if the token is refused, or bound to a different certificate (RFC 8705). Whoever comes with a
        certificate ends with it, also with a token of their own.
        """
        return self._until_certificate_ends(await self._caller(authorization, certificate), certificate)

    async def known(self, authorization: str, certificate: bytes | None = None) -> Principal | None:
        """As `principal`, for a token that was found valid before and has not expired, so that checking it is cheap;
        None for any other."""
        # Before the look at what is cached: others may go on meanwhile, with other keys.
        keys = await self.keys.current()
        kind, _, token = authorization.partition(" ")
        found = self._cache.get(_digest(token.strip()))
        if found is None or not self._is_current(found[0]) or kind.lower() != "bearer":
            return None
        if keys is not self._cached_for:
            return await self.principal(authorization, certificate)
        return self._until_certificate_ends(self._bound(found, certificate), certificate)

    def _until_certificate_ends(self, caller: Principal, certificate: bytes | None) -> Principal:
        if certificate is None or self._certificates is None or caller.is_anonymous:
            return caller
        ends_at = self._certificates.ends_at(certificate)
        if ends_at <= self._clock():
            raise InvalidToken("the client certificate has expired")
        return replace(caller, expires_at=min(caller.expires_at or ends_at, ends_at))

    async def _caller(self, authorization: str | None, certificate: bytes | None) -> Principal:
        if authorization is None:
            found = self._certificates.caller_of(certificate) if self._certificates and certificate else None
            return found or ANONYMOUS
        kind, _, token = authorization.partition(" ")
        if kind.lower() != "bearer" or not 0 < len(token.strip()) <= TOKEN_LENGTH_MAX:
            raise InvalidToken("the Authorization header needs the form: Bearer <token>")
        if not _COMPACT.fullmatch(token.strip()):
            raise InvalidToken("the token is not a signed JWT")
        return self._bound(await self._cached(token.strip()), certificate)

    def _bound(self, found: tuple[Principal, str | None], certificate: bytes | None) -> Principal:
        """The caller of a valid token, if they come with the certificate that it is bound to."""
        principal, bound_to = found
        if bound_to is None and self._binds_payers and principal.is_of_payer:
            raise InvalidToken("a payer's token must be bound to its certificate")
        if bound_to is not None and (certificate is None or thumbprint(certificate) != bound_to):
            raise InvalidToken("the token is bound to a different certificate")
        return principal

    def _is_current(self, principal: Principal) -> bool:
        return principal.expires_at is not None and principal.expires_at > self._clock()

    async def _cached(self, token: str) -> tuple[Principal, str | None]:
        """The caller of a valid token, and the thumbprint of the certificate that it is bound to, if any."""
        keys = await self.keys.current()
        # With a changed key set every token is verified again: a key that was withdrawn stops working at once.
        if keys is not self._cached_for:
            self._cache.clear()
            self._cached_for = keys
        digest = _digest(token)
        cached = self._cache.get(digest)
        if cached is not None and self._is_current(cached[0]):
            return cached
        claims = await self._verified(token, keys)
        found = principal_of(claims, self._names), _bound_to(claims)
        if len(self._cache) >= TOKEN_CACHE_MAX:
            # The oldest one: dictionaries keep the order of insertion.
            del self._cache[next(iter(self._cache))]
        self._cache[digest] = found
        return found

    async def _verified(self, token: str, keys: KeySet) -> dict[str, Any]:
        header = _header(token)
        if not _has(keys, header["kid"]):
            keys = await self.keys.refreshed()
        claims = _payload(token, _key_for(header, keys))
        self._check(claims)
        return claims

    def _check(self, claims: Mapping[str, Any]) -> None:
        """InvalidToken unless it is an access token of our issuer for our audience, valid now and at most a day."""
        if claims.get("iss") != self._issuer:
            raise InvalidToken("the token has a different issuer")
        audience = claims.get("aud")
        if self._audience not in (audience if isinstance(audience, list) else [audience]):
            raise InvalidToken("the token has a different audience")
        if claims.get("typ", "Bearer") != "Bearer":
            raise InvalidToken("the token is not an access token")
        self._check_times(claims)

    def _check_times(self, claims: Mapping[str, Any]) -> None:
        now, leeway = self._clock(), CLOCK_LEEWAY_SECONDS
        expires, not_before, issued = (_seconds(claims, name) for name in ("exp", "nbf", "iat"))
        if expires is None:
            raise InvalidToken("the token has no exp")
        if expires <= now - leeway:
            raise InvalidToken("the token has expired")
        if max(not_before or 0.0, issued or 0.0) > now + leeway:
            raise PrematureToken("the token is not valid yet")
        has_long_life = issued is not None and expires - issued > LIFETIME_MAX_SECONDS
        if has_long_life or expires > now + LIFETIME_MAX_SECONDS + leeway:
            raise InvalidToken("the token is valid for longer than a day")


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def thumbprint(der: bytes) -> str:
    """The `x5t#S256` of a certificate: its SHA-256, base64url without padding."""
    return base64.urlsafe_b64encode(hashlib.sha256(der).digest()).decode().rstrip("=")


def _bound_to(claims: Mapping[str, Any]) -> str | None:
    """The certificate thumbprint in the `cnf` claim, if any; InvalidToken for any other kind of confirmation.

    To ignore one would accept a token that somebody stole, which binding is meant to prevent.
    """
    if "cnf" not in claims:
        return None
    confirmation = claims["cnf"]
    found = confirmation.get("x5t#S256") if isinstance(confirmation, dict) else None
    if not isinstance(found, str) or len(confirmation) != 1:
        raise InvalidToken("the token is bound by an unsupported method")
    return found


def _seconds(claims: Mapping[str, Any], name: str) -> float | None:
    """The time in this claim, in seconds since 1970; None if there is none, InvalidToken if it is not a time."""
    if name not in claims:
        return None
    value = claims[name]
    # NaN and infinity fail the comparison too.
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= TIME_MAX_SECONDS:
        raise InvalidToken(f"the token's {name} is not a time")
    return float(value)


def _header(token: str) -> dict[str, Any]:
    """The header, with `kid` None if absent; InvalidToken if it is not the header of an access token.

    Keys in it, and addresses of keys (`jwk`, `jku`, `x5u`, `x5c`), are never used: whoever forges a token writes them.
    """
    header = _object(token.partition(".")[0])
    if "crit" in header or "b64" in header:
        raise InvalidToken("the token requires an unsupported extension")
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
    """Whether there is a key with this id; without an id, whether there is any key."""
    return any(kid in (None, key.kid) for key in keys)


def _key_for(header: Mapping[str, Any], keys: KeySet) -> Key:
    """The key for this header. A token without a key id is accepted only if exactly one key fits."""
    algorithm, kid = header["alg"], header["kid"]
    fitting = [
        key
        for key in keys
        if kid in (None, key.kid) and key.key_type == ALGORITHMS[algorithm] and key.get("alg") in (None, algorithm)
    ]
    if not fitting or (kid is None and len(fitting) > 1):
        raise PrematureToken("no known key fits the token")
    return fitting[0]


def _payload(token: str, key: Key) -> dict[str, Any]:
    """The claims, after verifying the signature; InvalidToken if it does not match."""
    try:
        jws.deserialize_compact(token, key, registry=_REGISTRY)
    except (JoseError, ValueError):
        raise InvalidToken("the token's signature or form is invalid") from None
    return _object(token.split(".")[1])
