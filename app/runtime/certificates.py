"""Everything that TLS reads from files, read again as a whole: all of it is good, or nothing changes."""

import ssl
from dataclasses import dataclass

import structlog

from app.auth.principal import InvalidToken, Principal
from app.runtime import authorities, client_certificates
from app.runtime.client_certificates import CertificateCallers
from app.runtime.listener_tls import listener_context
from app.runtime.reloadable_tls import ReloadableContext
from app.runtime.settings import Settings, SettingsError
from app.runtime.tls import SERVERS, client_context

_log = structlog.get_logger("billing.server")


@dataclass
class Certificates:
    """The contexts of the listener and of the servers that the gateway uses, and the callers of client certificates."""

    settings: Settings
    listener: ReloadableContext | None
    database: ReloadableContext | None
    redis: ReloadableContext | None
    kafka: ReloadableContext | None
    callers: CertificateCallers

    def caller_of(self, der: bytes) -> Principal | None:
        """The caller of a verified certificate (DER), by the newest files; InvalidToken for a revoked one."""
        return self.callers.caller_of(der)

    def ends_at(self, der: bytes) -> float:
        """When the certificate ends, in seconds since 1970; InvalidToken for a revoked one."""
        return self.callers.ends_at(der)

    def reload(self) -> bool:
        """Read every file again, and use all of them from now on; False, with a log line, if one cannot be used."""
        contexts = [each for each in (self.listener, self.database, self.redis, self.kafka) if each is not None]
        try:
            fresh: list[tuple[ReloadableContext, ssl.SSLContext]] = [(each, each.fresh()) for each in contexts]
            callers = callers_of(self.settings)
        except SettingsError as error:
            _log.error("certificates_refused", reason=str(error), effect="all old files remain in use")
            return False
        for context, new in fresh:
            context.swap(new)
        self.callers = callers
        _log.info("certificates_reloaded")
        return True

    def is_gone(self, der: bytes, before: CertificateCallers) -> bool:
        """Whether the caller of a certificate is not the one that it was with the files `before`."""
        return _caller(before, der) != _caller(self.callers, der) or not self._is_trusted(der, before)

    def _is_trusted(self, der: bytes, before: CertificateCallers) -> bool:
        """Whether its authority is still there; one that was never in the file itself is left to its handshake."""
        certificate = client_certificates.read(der).parsed
        was_direct = before.authorities.issuer_of(certificate) is not None
        return not was_direct or self.callers.authorities.issuer_of(certificate) is not None


def _caller(callers: CertificateCallers, der: bytes) -> Principal | str | None:
    try:
        return callers.caller_of(der)
    except InvalidToken as error:
        return str(error)


def callers_of(settings: Settings) -> CertificateCallers:
    """The callers of client certificates; SettingsError for a file that cannot be used."""
    return client_certificates.load(settings.client_certificates_file, authorities.load(settings))


def certificates_of(settings: Settings) -> Certificates:
    """Everything that the settings name; SettingsError with one line for a file that cannot be used."""
    servers = {server: client_context(settings, server) for server in SERVERS}
    return Certificates(settings, listener_context(settings), **servers, callers=callers_of(settings))
