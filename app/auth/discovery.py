"""What an identity provider publishes of itself, read within limits: its discovery document and its key set."""

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx
import orjson
from joserfc.jwk import ECKey, KeySet, RSAKey

TIMEOUT_SECONDS: Final = 3.0
BODY_MAX_BYTES: Final = 256 * 1024
RSA_BITS_MIN: Final = 2048
WELL_KNOWN: Final = "/.well-known/openid-configuration"
Key = ECKey | RSAKey


class ProviderAway(Exception):
    """The identity provider did not answer, or answered with something else than what was asked for."""


class WrongIssuer(ProviderAway):
    """The discovery document belongs to another issuer than the one that was asked for."""


@dataclass(frozen=True, slots=True)
class Provider:
    """The addresses that a discovery document names; `token_endpoint` is None when it names none that is safe."""

    issuer: str
    jwks_uri: str
    token_endpoint: str | None


def is_safe(address: str) -> bool:
    """Whether nobody in between can change what comes from there: https, or http on this very machine."""
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL:
        return False
    return bool(url.host) and (url.scheme == "https" or (url.scheme == "http" and _is_loopback(url.host)))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def discover(client: httpx.AsyncClient, issuer: str) -> Provider:
    """The provider behind an issuer (OpenID Connect Discovery 1.0, 4); ProviderAway if it cannot be known."""
    document = await _fetch(client, issuer.removesuffix("/") + WELL_KNOWN)
    if document.get("issuer") != issuer:
        raise WrongIssuer("the discovery document names another issuer")
    jwks_uri, token_endpoint = _address(document, "jwks_uri"), _address(document, "token_endpoint")
    if jwks_uri is None:
        raise ProviderAway("the discovery document names no safe jwks_uri")
    return Provider(issuer, jwks_uri, token_endpoint)


def _address(document: Mapping[str, Any], name: str) -> str | None:
    found = document.get(name)
    return found if isinstance(found, str) and is_safe(found) else None


async def key_set(client: httpx.AsyncClient, url: str) -> KeySet:
    """The keys at this address that can verify a signature; ProviderAway if there are none."""
    listed = (await _fetch(client, url)).get("keys")
    keys = [key for key in map(_key, listed if isinstance(listed, list) else ()) if key is not None]
    if not keys:
        raise ProviderAway("the key set holds no key that can be used")
    return KeySet(list(keys))


def _key(data: Any) -> Key | None:
    """A public P-256 or RSA key for signatures; None for every other one, so that it does not spoil the set."""
    if not isinstance(data, dict) or data.get("use", "sig") != "sig":
        return None
    try:
        if data.get("kty") == "RSA" and _bits(data.get("n")) >= RSA_BITS_MIN:
            return RSAKey.import_key(_public(data, "n", "e"))
        if data.get("kty") == "EC" and data.get("crv") == "P-256":
            return ECKey.import_key(_public(data, "crv", "x", "y"))
    except Exception:  # noqa: BLE001 - whatever is wrong with it, a key that cannot be read is left out
        return None
    return None


def _public(data: Mapping[str, Any], *names: str) -> dict[str, Any]:
    wanted = ("kty", "kid", "alg", "use", *names)
    return {name: data[name] for name in wanted if name in data}


def _bits(modulus: Any) -> int:
    return len(modulus) * 6 if isinstance(modulus, str) else 0


async def _fetch(client: httpx.AsyncClient, url: str) -> dict[str, Any]:
    try:
        # Uncompressed, so that the bound of the body is the bound of the memory.
        async with client.stream("GET", url, headers={"accept-encoding": "identity"}) as answer:
            if answer.status_code != httpx.codes.OK:
                raise ProviderAway(f"status {answer.status_code}")
            body = await _bounded(answer)
        found = orjson.loads(body)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ProviderAway(type(error).__name__) from None
    except ValueError:
        raise ProviderAway("the answer is not JSON") from None
    if not isinstance(found, dict):
        raise ProviderAway("the answer is not a JSON object")
    return found


async def _bounded(answer: httpx.Response) -> bytes:
    body = b""
    async for chunk in answer.aiter_raw():
        body += chunk
        if len(body) > BODY_MAX_BYTES:
            raise ProviderAway(f"the answer is longer than {BODY_MAX_BYTES} bytes")
    return body


async def provider_of(issuer: str) -> Provider:
    """The provider behind an issuer, within the time limit; ProviderAway, of which WrongIssuer is one kind."""
    async with _client() as client:
        return await discover(client, issuer)


async def look(issuer: str, jwks_url: str | None = None) -> KeySet:
    """The keys of this issuer, within the time limit: at `jwks_url` if it is given, else where discovery says.

    ProviderAway if there are none.
    """
    async with _client() as client:
        return await key_set(client, jwks_url or (await discover(client, issuer)).jwks_uri)


@asynccontextmanager
async def _client() -> AsyncIterator[httpx.AsyncClient]:
    """A client for one look: it follows no redirects, and all it does together has one limit of time."""
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS), httpx.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
            yield client
    except TimeoutError:
        raise ProviderAway(f"no answer within {TIMEOUT_SECONDS:.0f} seconds") from None
