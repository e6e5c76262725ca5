"""TLS towards the servers behind the gateway: whom to believe, and what to show them."""

import ssl
from pathlib import Path

from app.settings import Settings, SettingsError


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
