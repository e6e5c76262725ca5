"""What the gateway makes of the identity provider and of a token, step by step, for `billing whoami`."""

import warnings
from collections.abc import Callable

import httpx
from authlib.deprecate import AuthlibDeprecationWarning
from joserfc.jwk import Key

from app.auth import discovery
from app.auth.discovery import Provider, ProviderAway, WrongIssuer
from app.auth.principal import InvalidToken, Principal
from app.auth.tokens import ALGORITHMS
from app.runtime.build import verifier_of
from app.runtime.settings import Settings

with warnings.catch_warnings():
    # Authlib announces a move to another HTTP client; an operator can do nothing about it.
    warnings.simplefilter("ignore", AuthlibDeprecationWarning)
    from authlib.integrations.httpx_client import AsyncOAuth2Client, OAuthError

DESCRIPTION_LENGTH_MAX = 200
Say = Callable[[str], None]


class Failed(Exception):
    """A step failed: the text is one line."""


class Misconfigured(Failed):
    """The settings are the reason."""


class Unreachable(Failed):
    """The identity provider is the reason."""


async def tell(settings: Settings, *, token: str | None, scope: str | None, say: Say) -> None:
    """Say line by line what discovery finds, which keys there are, and who the bearer of the token is.

    Without a token the client of the settings gets one for itself, asking for `scope`; Failed at the first step
    that fails.
    """
    if settings.oidc_issuer:
        provider = await _look(settings, settings.oidc_issuer, say)
        if token is None:
            token = await _token_of_client(settings, provider, scope, say)
    elif token is None:
        raise Misconfigured("BILLING_OIDC_ISSUER is not set: there is no identity provider to ask")
    if token is not None:
        _describe(await _principal(settings, token), say)


async def _look(settings: Settings, issuer: str, say: Say) -> Provider | None:
    """The discovery document, unless the settings make it needless; the keys are said."""
    say(f"issuer: {issuer}")
    provider = None
    try:
        if settings.client_id or not settings.jwks_url:
            provider = await discovery.provider_of(issuer)
        address = settings.jwks_url or (provider.jwks_uri if provider else "")
        say(f"keys at: {address}")
        for key in await discovery.look(issuer, address):
            say(f"key: {key.kid}, {_algorithms(key)}")
    except WrongIssuer as error:
        raise Misconfigured(f"BILLING_OIDC_ISSUER is not the provider's own name: {error}") from None
    except ProviderAway as error:
        raise Unreachable(f"the identity provider does not answer as it should: {error}") from None
    return provider


def _algorithms(key: Key) -> str:
    fitting = [name for name, key_type in ALGORITHMS.items() if key_type == key.key_type]
    return str(key.get("alg") or " or ".join(fitting))


async def _token_of_client(settings: Settings, provider: Provider | None, scope: str | None, say: Say) -> str | None:
    if provider is None or settings.client_id is None or settings.client_secret is None:
        say("no token: set BILLING_CLIENT_ID and BILLING_CLIENT_SECRET, or give --token-file")
        return None
    if provider.token_endpoint is None:
        raise Unreachable("the discovery document names no safe token_endpoint")
    found = await _granted(
        provider.token_endpoint, settings.client_id, settings.client_secret.get_secret_value(), scope
    )
    say(f"token: got by the client {settings.client_id} for itself")
    return found


async def _granted(endpoint: str, client_id: str, secret: str, scope: str | None) -> str:
    """An access token by the client credentials grant (RFC 6749, 4.4)."""
    try:
        async with AsyncOAuth2Client(client_id, secret, scope=scope, timeout=discovery.TIMEOUT_SECONDS) as client:
            answer = await client.fetch_token(endpoint, grant_type="client_credentials")
    except OAuthError as error:
        reason = f"{error.error}: {error.description or ''}"[:DESCRIPTION_LENGTH_MAX].rstrip(": ")
        raise Failed(f"the identity provider gives this client no token: {reason}") from None
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise Unreachable(f"the token endpoint does not answer as it should: {type(error).__name__}") from None
    kind, token = answer.get("token_type"), answer.get("access_token")
    if not isinstance(token, str) or str(kind).lower() != "bearer":
        raise Failed("the identity provider gives this client no bearer token")
    return token


async def _principal(settings: Settings, token: str) -> Principal:
    try:
        return await verifier_of(settings).principal(f"Bearer {token}")
    except InvalidToken as error:
        raise Failed(f"the gateway refuses the token: {error}") from None


def _describe(who: Principal, say: Say) -> None:
    say(f"subject: {who.subject}")
    for name, values in (("roles", who.roles), ("permissions", who.permissions), ("providers", who.providers)):
        say(f"{name}: {', '.join(sorted(values)) or '-'}")
    say(f"payer: {who.payer or '-'}")
    say(f"patient: {who.patient or '-'}")
    if not who.permissions:
        say("note: this token may do nothing: it has no role that the gateway knows, and no permission of its own")
