"""TLS towards the servers behind the gateway: whom to believe, and what to show them."""

import ssl
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from app.runtime.settings import LOOPBACK, Settings, SettingsError


def client_context(settings: Settings, server: str) -> ssl.SSLContext | None:
    """The TLS towards `database`, `redis` or `kafka`; None where no authority is named, and so no TLS is asked for.

    The server's name is checked. SettingsError with one line for a file that cannot be used.
    """
    authority: Path | None = getattr(settings, f"{server}_ca_file")
    certificate: Path | None = getattr(settings, f"{server}_certificate_file")
    key: Path | None = getattr(settings, f"{server}_key_file")
    if authority is None:
        return None
    try:
        context = ssl.create_default_context(cafile=str(authority))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if certificate is not None:
            context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        prefix = f"BILLING_{server.upper()}"
        reason = error.strerror or type(error).__name__
        raise SettingsError(f"{prefix}_CA_FILE, _CERTIFICATE_FILE or _KEY_FILE: cannot be used: {reason}") from None
    return context


def unprotected(settings: Settings) -> Iterator[tuple[str, str]]:
    """The servers on other machines that are spoken to without TLS, each with the setting that would mend it."""
    for server, remedy in (
        ("database", "BILLING_DATABASE_CA_FILE"),
        ("redis", "rediss:// in BILLING_REDIS_URL"),
        ("kafka", "BILLING_KAFKA_CA_FILE"),
    ):
        if _is_elsewhere(_address(settings, server)) and not _is_protected(settings, server):
            yield server, remedy


def _address(settings: Settings, server: str) -> str:
    return {"database": settings.database_url, "redis": settings.redis_url, "kafka": settings.events_url}[server]


def _is_elsewhere(address: str) -> bool:
    """Whether it leaves this machine; of several brokers the first one speaks for all."""
    host = urlsplit(address.partition(",")[0]).hostname
    return host is not None and host not in LOOPBACK


def _is_protected(settings: Settings, server: str) -> bool:
    if server == "redis":
        return settings.redis_url.startswith("rediss://")
    return getattr(settings, f"{server}_ca_file") is not None
