"""The authorities of client certificates and their revocation lists, for questions that a handshake does not answer:
who issued a certificate, and whether it was revoked after its connection had begun."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from app.runtime.settings import Settings, SettingsError


@dataclass(frozen=True)
class Authorities:
    """Who may issue client certificates, and what they have revoked."""

    certificates: Sequence[x509.Certificate] = ()
    revocation_lists: Sequence[x509.CertificateRevocationList] = ()

    def issuer_of(self, certificate: x509.Certificate) -> x509.Certificate | None:
        """The authority that signed the certificate itself; None if it was another one between them.

        The name alone proves nothing: any authority of the file may make an intermediate one of any name.
        """
        return next((each for each in self.certificates if _signed(each, certificate)), None)

    def has_revoked(self, certificate: x509.Certificate) -> bool:
        """Whether a list of its issuer names the certificate."""
        return (certificate.issuer.public_bytes(), certificate.serial_number) in self._revoked

    @cached_property
    def _revoked(self) -> frozenset[tuple[bytes, int]]:
        return frozenset(
            (each.issuer.public_bytes(), revoked.serial_number) for each in self.revocation_lists for revoked in each
        )


def _signed(authority: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def load(settings: Settings) -> Authorities:
    """What the files of the settings hold; SettingsError with one line for one that cannot be used."""
    authority, revoked = settings.tls_client_ca_file, settings.tls_client_crl_file
    certificates = x509.load_pem_x509_certificates(_read("CA", authority)) if authority else []
    try:
        lists = [x509.load_pem_x509_crl(part) for part in _lists(_read("CRL", revoked))] if revoked else []
    except ValueError:
        raise SettingsError(f"BILLING_TLS_CLIENT_CRL_FILE: cannot use {revoked}: it is no PEM of lists") from None
    return Authorities(certificates, lists)


def _read(name: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(f"BILLING_TLS_CLIENT_{name}_FILE: cannot use {path}: {error.strerror}") from None


def _lists(text: bytes) -> list[bytes]:
    end = b"-----END X509 CRL-----"
    return [part + end for part in text.split(end)[:-1]]
