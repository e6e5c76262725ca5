"""TLS to the servers that the gateway uses: which authority to trust, and which certificate to present."""

import ssl
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx

from app.runtime.reloadable_tls import CIPHERS, ReloadableContext
from app.runtime.settings import LOOPBACK, Settings, SettingsError

SERVERS: Final = ("database", "redis", "kafka")


def client_context(settings: Settings, server: str) -> ReloadableContext | None:
    """The TLS context for `database`, `redis` or `kafka`; None without a CA file, which means no TLS.

    The server's name is checked, TLS is at least 1.2. SettingsError with one line for a file that cannot be used.
    """
    if getattr(settings, f"{server}_ca_file") is None:
        return None
    return ReloadableContext(partial(_client_context, settings, server))


def _client_context(settings: Settings, server: str) -> ssl.SSLContext:
    authority: Path = getattr(settings, f"{server}_ca_file")
    certificate: Path | None = getattr(settings, f"{server}_certificate_file")
    key: Path | None = getattr(settings, f"{server}_key_file")
    try:
        context = ssl.create_default_context(cafile=str(authority))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(CIPHERS)
        if certificate is not None:
            context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        prefix = f"BILLING_{server.upper()}"
        reason = error.strerror or type(error).__name__
        raise SettingsError(f"{prefix}_CA_FILE, _CERTIFICATE_FILE or _KEY_FILE: cannot be used: {reason}") from None
    return context


def identity_provider_context(settings: Settings) -> ssl.SSLContext:
    """The TLS context for the identity provider, by default with the public authorities.

    SettingsError with one line for a file that cannot be used.
    """
    if settings.oidc_ca_file is None:
        return httpx.create_ssl_context()
    try:
        return ssl.create_default_context(cafile=str(settings.oidc_ca_file))
    except (OSError, ssl.SSLError) as error:
        reason = error.strerror or type(error).__name__
        raise SettingsError(f"BILLING_OIDC_CA_FILE: cannot use {settings.oidc_ca_file}: {reason}") from None


def plain_connections(settings: Settings) -> Iterator[tuple[str, str]]:
    """The servers on other machines that are used without TLS, each with the setting that would change that."""
    for server, remedy in (
        ("database", "BILLING_DATABASE_CA_FILE"),
        ("redis", "rediss:// in BILLING_REDIS_URL"),
        ("kafka", "BILLING_KAFKA_CA_FILE"),
    ):
        if _is_remote(_address(settings, server)) and not _has_tls(settings, server):
            yield server, remedy


def _address(settings: Settings, server: str) -> str:
    return {"database": settings.database_url, "redis": settings.redis_url, "kafka": settings.events_url}[server]


def _is_remote(address: str) -> bool:
    """Whether the server is on another machine; of several brokers only the first one is looked at."""
    host = urlsplit(address.partition(",")[0]).hostname
    return host is not None and host not in LOOPBACK


def _has_tls(settings: Settings, server: str) -> bool:
    if server == "redis":
        return settings.redis_url.startswith("rediss://")
    return getattr(settings, f"{server}_ca_file") is not None
