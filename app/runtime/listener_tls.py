"""TLS of the listener: its certificate, whose clients it knows, and why a handshake was refused."""

import ssl
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from app.runtime.reloadable_tls import CIPHERS, ReloadableContext
from app.runtime.settings import Settings, SettingsError
from app.telemetry.seldom import Seldom

_VERIFY: Final = {"none": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}
_WAITING: Final = (ssl.SSLWantReadError, ssl.SSLWantWriteError, ssl.SSLSyscallError)
REPORT_SECONDS: Final = 10.0
"""Anybody can fail a handshake, so each reason is one line in this time, with how often it occurred."""
_log = structlog.get_logger("billing.server")
_refusals = Seldom(REPORT_SECONDS)


class ReportingObject(ssl.SSLObject):
    """TLS of one connection; the log says why its handshake was refused."""

    def do_handshake(self) -> None:
        """As the library does it."""
        try:
            super().do_handshake()
        except _WAITING:
            raise
        except ssl.SSLError as error:
            reason = _reason(error)
            count = _refusals.count(reason)
            if count:
                _log.warning("handshake_refused", reason=reason, count=count)
            raise


def _reason(error: ssl.SSLError) -> str:
    """Such as `certificate has expired`, or `NO_SHARED_CIPHER`."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    return error.reason or type(error).__name__


def listener_context(settings: Settings) -> ReloadableContext | None:
    """The TLS context of the listener; None for plain HTTP. SettingsError for a file that cannot be used."""
    if settings.tls_certificate_file is None:
        return None
    return ReloadableContext(partial(_context, settings))


def _context(settings: Settings) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.verify_mode = _VERIFY[settings.tls_client_certificates]
    context.set_alpn_protocols(["http/1.1"])
    # A resumed session would skip the look at the client's certificate, which may have ended meanwhile.
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    context.sslobject_class = ReportingObject
    _load_pair(context, settings)
    _load_clients(context, settings)
    return context


def _load_pair(context: ssl.SSLContext, settings: Settings) -> None:
    certificate = settings.tls_certificate_file
    assert certificate is not None  # noqa: S101 - there is a context only with a certificate
    try:
        context.load_cert_chain(certificate, settings.tls_key_file)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(_message("BILLING_TLS_CERTIFICATE_FILE or _KEY_FILE", certificate, error)) from None


def _load_clients(context: ssl.SSLContext, settings: Settings) -> None:
    """The authorities of client certificates and their revocation lists; with one list, each authority needs one."""
    for name, path in (("CLIENT_CA", settings.tls_client_ca_file), ("CLIENT_CRL", settings.tls_client_crl_file)):
        if path is not None:
            try:
                context.load_verify_locations(path)
            except (OSError, ssl.SSLError) as error:
                raise SettingsError(_message(f"BILLING_TLS_{name}_FILE", path, error)) from None
    if settings.tls_client_crl_file is not None:
        context.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF


def _message(name: str, path: Path, error: OSError) -> str:
    return f"{name}: cannot use {path}: {error.strerror or type(error).__name__}"
