"""Checks the identity provider and a token step by step and reports the result, for `billing whoami`."""

import warnings
from collections.abc import Callable

import httpx
from authlib.deprecate import AuthlibDeprecationWarning
from joserfc.jwk import Key

from app.auth import discovery
from app.auth.discovery import IdentityProvider, ProviderUnavailable, WrongIssuer
from app.auth.principal import InvalidToken, Principal
from app.auth.tokens import ALGORITHMS
from app.runtime.build import verifier_of
from app.runtime.settings import Settings
from app.runtime.tls import identity_provider_context

with warnings.catch_warnings():
    # Authlib announces a change of its HTTP client, about which an operator can do nothing.
    warnings.simplefilter("ignore", AuthlibDeprecationWarning)
    from authlib.integrations.httpx_client import AsyncOAuth2Client, OAuthError

DESCRIPTION_LENGTH_MAX = 200
Say = Callable[[str], None]


class Failed(Exception):
    """A step failed; the text is one line for the operator."""


class Misconfigured(Failed):
    """A step failed because of the settings."""


class Unreachable(Failed):
    """A step failed because of the identity provider."""


async def report(settings: Settings, *, token: str | None, scope: str | None, say: Say) -> None:
    """Report line by line the result of discovery, the keys, and the caller that the token authenticates.

    Without a token the client of the settings requests one for itself, with `scope`. Failed, or a subclass of it, at
    the first step that fails; `say` prints one line.
    """
    if settings.oidc_issuer:
        provider = await _discover(settings, settings.oidc_issuer, say)
        if token is None:
            token = await _token_of_client(settings, provider, scope, say)
    elif token is None:
        raise Misconfigured("BILLING_OIDC_ISSUER is not set: there is no identity provider to ask")
    if token is not None:
        describe(await _principal(settings, token), say)


async def _discover(settings: Settings, issuer: str, say: Say) -> IdentityProvider | None:
    """The discovery document, unless the settings make it unnecessary; reports the keys."""
    say(f"issuer: {issuer}")
    provider, tls = None, identity_provider_context(settings)
    try:
        if settings.client_id or not settings.jwks_url:
            provider = await discovery.fetch_provider(issuer, tls)
        address = settings.jwks_url or (provider.jwks_uri if provider else "")
        say(f"keys at: {address}")
        for key in await discovery.fetch_keys(issuer, tls, address):
            say(f"key: {key.kid}, {_algorithms(key)}")
    except WrongIssuer as error:
        raise Misconfigured(f"BILLING_OIDC_ISSUER is not the provider's own: {error}") from None
    except ProviderUnavailable as error:
        raise Unreachable(f"the identity provider gave no usable answer: {error}") from None
    return provider


def _algorithms(key: Key) -> str:
    fitting = [name for name, key_type in ALGORITHMS.items() if key_type == key.key_type]
    return str(key.get("alg") or " or ".join(fitting))


async def _token_of_client(
    settings: Settings, provider: IdentityProvider | None, scope: str | None, say: Say
) -> str | None:
    if provider is None or settings.client_id is None or settings.client_secret is None:
        say("no token: set BILLING_CLIENT_ID and BILLING_CLIENT_SECRET, or use --token-file")
        return None
    if provider.token_endpoint is None:
        raise Unreachable("the discovery document has no safe token_endpoint")
    token = await _request_token(provider.token_endpoint, settings, scope)
    say(f"token: obtained by the client {settings.client_id} for itself")
    return token


async def _request_token(endpoint: str, settings: Settings, scope: str | None) -> str:
    """An access token by the client credentials grant (RFC 6749, section 4.4)."""
    secret = settings.client_secret.get_secret_value() if settings.client_secret else None
    options = {"scope": scope, "timeout": discovery.TIMEOUT_SECONDS, "verify": identity_provider_context(settings)}
    try:
        async with AsyncOAuth2Client(settings.client_id, secret, **options) as client:
            answer = await client.fetch_token(endpoint, grant_type="client_credentials")
    except OAuthError as error:
        reason = f"{error.error}: {error.description or ''}"[:DESCRIPTION_LENGTH_MAX].rstrip(": ")
        raise Failed(f"the identity provider refused the client a token: {reason}") from None
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise Unreachable(f"the token endpoint gave no usable answer: {type(error).__name__}") from None
    kind, token = answer.get("token_type"), answer.get("access_token")
    if not isinstance(token, str) or str(kind).lower() != "bearer":
        raise Failed("the identity provider gave the client no bearer token")
    return token


async def _principal(settings: Settings, token: str) -> Principal:
    try:
        return await verifier_of(settings).principal(f"Bearer {token}")
    except InvalidToken as error:
        raise Failed(f"the gateway refuses the token: {error}") from None


def describe(caller: Principal, say: Say) -> None:
    """Say who the caller is, and what it may do."""
    say(f"subject: {caller.subject}")
    for name, values in (("roles", caller.roles), ("permissions", caller.permissions), ("providers", caller.providers)):
        say(f"{name}: {', '.join(sorted(values)) or '-'}")
    say(f"payer: {caller.payer or '-'}")
    say(f"patient: {caller.patient or '-'}")
    if not caller.permissions:
        say("note: this caller has no permissions: no role that the gateway knows, and no scopes that count")
