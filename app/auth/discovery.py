"""What an identity provider publishes: its discovery document and its key set, read within limits of time and size."""

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from ssl import SSLContext
from typing import Any, Final

import httpx
import orjson
from joserfc.jwk import ECKey, KeySet, RSAKey

from app.values.frozen import frozen

TIMEOUT_SECONDS: Final = 3.0
BODY_MAX_BYTES: Final = 256 * 1024
RSA_BITS_MIN: Final = 2048
WELL_KNOWN: Final = "/.well-known/openid-configuration"
Key = ECKey | RSAKey


class ProviderUnavailable(Exception):
    """The identity provider did not answer, or gave an unusable answer; the text is one line for the operator."""


class WrongIssuer(ProviderUnavailable):
    """The discovery document belongs to a different issuer."""


@frozen
class IdentityProvider:
    """The addresses in a discovery document; `token_endpoint` is None if there is none that is safe."""

    issuer: str
    jwks_uri: str
    token_endpoint: str | None


def is_safe(address: str) -> bool:
    """Whether the answer cannot be changed on the way: https, or http on this machine."""
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


async def discover(client: httpx.AsyncClient, issuer: str) -> IdentityProvider:
    """The identity provider of an issuer (OpenID Connect Discovery 1.0, section 4).

    ProviderUnavailable, or WrongIssuer: without that check any provider could pass for any other.
    """
    document = await _fetch(client, issuer.removesuffix("/") + WELL_KNOWN)
    if document.get("issuer") != issuer:
        raise WrongIssuer("the discovery document has a different issuer")
    jwks_uri, token_endpoint = _address(document, "jwks_uri"), _address(document, "token_endpoint")
    if jwks_uri is None:
        raise ProviderUnavailable("the discovery document has no safe jwks_uri")
    return IdentityProvider(issuer, jwks_uri, token_endpoint)


def _address(document: Mapping[str, Any], name: str) -> str | None:
    found = document.get(name)
    return found if isinstance(found, str) and is_safe(found) else None


async def key_set(client: httpx.AsyncClient, url: str) -> KeySet:
    """The usable keys at this address; ProviderUnavailable if there are none."""
    listed = (await _fetch(client, url)).get("keys")
    keys = [key for key in map(_key, listed if isinstance(listed, list) else ()) if key is not None]
    if not keys:
        raise ProviderUnavailable("the key set has no usable key")
    return KeySet(list(keys))


def _key(data: Any) -> Key | None:
    """A public P-256 or RSA key for signatures; None for any other, so that one odd key does not disable the set."""
    if not isinstance(data, dict) or data.get("use", "sig") != "sig":
        return None
    try:
        if data.get("kty") == "RSA" and _bits(data.get("n")) >= RSA_BITS_MIN:
            return RSAKey.import_key(_public(data, "n", "e"))
        if data.get("kty") == "EC" and data.get("crv") == "P-256":
            return ECKey.import_key(_public(data, "crv", "x", "y"))
    except Exception:  # noqa: BLE001 - an unreadable key is left out, whatever is wrong with it
        return None
    return None


def _public(data: Mapping[str, Any], *names: str) -> dict[str, Any]:
    # The private parts of a key that was published by mistake are never loaded.
    members = ("kty", "kid", "alg", "use", *names)
    return {name: data[name] for name in members if name in data}


def _bits(modulus: Any) -> int:
    """The length of a base64url modulus, which has six bits per character."""
    return len(modulus) * 6 if isinstance(modulus, str) else 0


async def _fetch(client: httpx.AsyncClient, url: str) -> dict[str, Any]:
    try:
        # Uncompressed: a small compressed body could expand to any size in memory.
        async with client.stream("GET", url, headers={"accept-encoding": "identity"}) as answer:
            if answer.status_code != httpx.codes.OK:
                raise ProviderUnavailable(f"status {answer.status_code}")
            body = await _bounded(answer)
        found = orjson.loads(body)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ProviderUnavailable(type(error).__name__) from None
    except ValueError:
        raise ProviderUnavailable("the answer is not JSON") from None
    if not isinstance(found, dict):
        raise ProviderUnavailable("the answer is not a JSON object")
    return found


async def _bounded(answer: httpx.Response) -> bytes:
    body = b""
    async for chunk in answer.aiter_raw():
        body += chunk
        if len(body) > BODY_MAX_BYTES:
            raise ProviderUnavailable(f"the answer is longer than {BODY_MAX_BYTES} bytes")
    return body


async def fetch_provider(issuer: str, tls: SSLContext) -> IdentityProvider:
    """The identity provider of an issuer, within 3 seconds; ProviderUnavailable or its subclass WrongIssuer."""
    async with _client(tls) as client:
        return await discover(client, issuer)


async def fetch_keys(issuer: str, tls: SSLContext, jwks_url: str | None = None) -> KeySet:
    """The keys of an issuer, within 3 seconds: from `jwks_url` if it is given, else from where discovery says.

    ProviderUnavailable if there are none.
    """
    async with _client(tls) as client:
        return await key_set(client, jwks_url or (await discover(client, issuer)).jwks_uri)


@asynccontextmanager
async def _client(tls: SSLContext) -> AsyncIterator[httpx.AsyncClient]:
    """A client that follows no redirects; everything done with it together may take 3 seconds."""
    try:
        limit = asyncio.timeout(TIMEOUT_SECONDS)
        async with limit, httpx.AsyncClient(timeout=TIMEOUT_SECONDS, verify=tls) as client:
            yield client
    except TimeoutError:
        raise ProviderUnavailable(f"no answer within {TIMEOUT_SECONDS:.0f} seconds") from None
