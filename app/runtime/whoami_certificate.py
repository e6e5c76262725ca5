"""Checks a client certificate step by step as a handshake and the gateway would, for `billing whoami --certificate`."""

from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from app.auth.principal import Principal
from app.runtime import client_certificates
from app.runtime.certificates import callers_of
from app.runtime.client_certificates import CertificateCallers
from app.runtime.settings import Settings
from app.runtime.whoami import Failed, Misconfigured, Say, describe


def report(settings: Settings, file: Path, *, say: Say) -> None:
    """Report line by line what the certificate is and whom it authenticates; Failed at the first thing that is wrong.

    `say` prints one line.
    """
    if settings.tls_client_ca_file is None:
        raise Misconfigured("BILLING_TLS_CLIENT_CA_FILE is not set: the gateway asks for no certificates")
    certificate, callers = _read(file), callers_of(settings)
    der = certificate.public_bytes(Encoding.DER)
    say(f"issuer: {certificate.issuer.rfc4514_string()}")
    for member, names in client_certificates.read(der).names.items():
        for name in sorted(names):
            say(f"{member}: {name}")
    say(f"valid: {_time(certificate.not_valid_before_utc)} to {_time(certificate.not_valid_after_utc)}")
    _check(certificate, callers)
    describe(_caller(callers, der), say)


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _read(file: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(file.read_bytes())
    except OSError as error:
        raise Failed(f"cannot read {file}: {error.strerror}") from None
    except ValueError:
        raise Failed(f"{file} is no PEM certificate") from None


def _check(certificate: x509.Certificate, callers: CertificateCallers) -> None:
    """What the handshake looks at."""
    now = datetime.now(UTC)
    if callers.authorities.issuer_of(certificate) is None:
        raise Failed("no authority of BILLING_TLS_CLIENT_CA_FILE has signed this certificate itself")
    if now < certificate.not_valid_before_utc:
        raise Failed("the certificate is not valid yet")
    if now > certificate.not_valid_after_utc:
        raise Failed("the certificate has expired")
    if callers.authorities.has_revoked(certificate):
        raise Failed("the certificate is revoked in BILLING_TLS_CLIENT_CRL_FILE")


def _caller(callers: CertificateCallers, der: bytes) -> Principal:
    found = callers.caller_of(der)
    if found is None:
        raise Failed("no entry of BILLING_CLIENT_CERTIFICATES_FILE names this certificate and its issuer")
    return found
