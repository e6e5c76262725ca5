"""Client certificates -> callers: the caller that a verified certificate authenticates.

The file is a JSON list. Each entry names a certificate by `subject` (RFC 4514 text), `dns` or `uri` (one of its
alternative names of that type) or `sha256` (its thumbprint in hexadecimal), and has a `name` (the subject in logs),
`roles`, `providers`, and a `payer` or `patient` where a role needs it. `issuer` is the subject of the authority that
must have signed the certificate itself; where the gateway knows several authorities, every entry without a thumbprint
needs it.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import orjson
from cryptography import x509

from app.auth.principal import SUBJECT_LENGTH_MAX, InvalidToken, Principal
from app.auth.roles import missing_part
from app.runtime.authorities import Authorities
from app.runtime.settings import SettingsError
from app.values.frozen import frozen

NAMED_BY: Final = ("sha256", "subject", "uri", "dns")
"""The members that name a certificate, the most exact first."""
_MEMBERS: Final = {*NAMED_BY, "issuer", "name", "roles", "providers", "payer", "patient"}


@frozen
class Certificate:
    """The parts of a certificate by which an entry can name it, by the entry's member; and when it ends."""

    names: Mapping[str, frozenset[str]]
    ends_at: float
    parsed: x509.Certificate


@frozen
class Entry:
    """A caller, and the issuer (RFC 4514 text) that its certificate must have; None for any."""

    caller: Principal
    issuer: str | None


@dataclass(frozen=True)
class CertificateCallers:
    """The callers by the member and value that name their certificate."""

    entries: Mapping[tuple[str, str], Entry] = field(default_factory=dict)
    authorities: Authorities = field(default_factory=Authorities)

    def caller_of(self, der: bytes) -> Principal | None:
        """The caller of a verified certificate (DER); None if no entry names it, InvalidToken if it was revoked.

        The most exact name wins: thumbprint, subject, then the first URI or DNS name in alphabetical order.
        """
        certificate = self._unrevoked(der)
        for member in NAMED_BY:
            for name in sorted(certificate.names[member]):
                entry = self.entries.get((member, name))
                if entry is not None and self._is_issued_by(certificate, entry.issuer):
                    return entry.caller
        return None

    def ends_at(self, der: bytes) -> float:
        """When the certificate ends, in seconds since 1970; InvalidToken if it was revoked."""
        return self._unrevoked(der).ends_at

    def _unrevoked(self, der: bytes) -> Certificate:
        """A handshake sees what was revoked before it; a connection may last for days."""
        certificate = read(der)
        if self.authorities.has_revoked(certificate.parsed):
            raise InvalidToken("the client certificate has been revoked")
        return certificate

    def _is_issued_by(self, certificate: Certificate, issuer: str | None) -> bool:
        if issuer is None:
            return True
        found = self.authorities.issuer_of(certificate.parsed)
        return found is not None and found.subject.rfc4514_string() == issuer


@lru_cache(maxsize=1_000)
def read(der: bytes) -> Certificate:
    """The parts of a verified certificate (DER); cached, since parsing it for every connection is expensive."""
    found = x509.load_der_x509_certificate(der)
    names = {"sha256": frozenset({hashlib.sha256(der).hexdigest()}), "dns": frozenset[str](), "uri": frozenset[str]()}
    names["subject"] = frozenset({found.subject.rfc4514_string()})
    try:
        others = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        pass
    else:
        names["dns"] = frozenset(others.get_values_for_type(x509.DNSName))
        names["uri"] = frozenset(others.get_values_for_type(x509.UniformResourceIdentifier))
    return Certificate(names, found.not_valid_after_utc.timestamp(), found)


def load(path: Path | None, authorities: Authorities) -> CertificateCallers:
    """The callers in the file, none without one; SettingsError with one line if it cannot be used."""
    if path is None:
        return CertificateCallers(authorities=authorities)
    try:
        entries = dict(_entry(each, authorities) for each in _list(orjson.loads(path.read_bytes())))
    except (OSError, ValueError, TypeError, KeyError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise SettingsError(f"BILLING_CLIENT_CERTIFICATES_FILE: cannot use {path}: {reason}") from None
    return CertificateCallers(entries, authorities)


def _list(found: Any) -> list[Any]:
    if not isinstance(found, list):
        raise TypeError("it is not a list")
    return found


def _entry(found: Any, authorities: Authorities) -> tuple[tuple[str, str], Entry]:
    if not isinstance(found, dict) or len(found.keys() & set(NAMED_BY)) != 1:
        raise ValueError("an entry needs exactly one of subject, dns, uri and sha256")
    unknown = found.keys() - _MEMBERS
    if unknown or not isinstance(found.get("name"), str) or not isinstance(found.get("roles"), list):
        raise ValueError(f"an entry needs a name and roles, and no unknown members ({', '.join(sorted(unknown))})")
    (member,) = found.keys() & set(NAMED_BY)
    issuer = found.get("issuer")
    _check_issuer(found["name"], member, issuer, authorities)
    name = found[member].lower().replace(":", "") if member == "sha256" else found[member]
    return (member, name), Entry(_caller(found), issuer)


def _check_issuer(name: str, member: str, issuer: str | None, authorities: Authorities) -> None:
    """ValueError for an entry that a second authority could speak for, or whose authority is not there."""
    known = {each.subject.rfc4514_string() for each in authorities.certificates}
    if issuer is None and member != "sha256" and len(authorities.certificates) > 1:
        raise ValueError(f"the entry {name} needs an issuer, since there are several authorities")
    if issuer is not None and issuer not in known:
        raise ValueError(f"the issuer of {name} is not in BILLING_TLS_CLIENT_CA_FILE")


def _caller(entry: Any) -> Principal:
    if not 0 < len(entry["name"]) <= SUBJECT_LENGTH_MAX:
        raise ValueError(f"a name needs 1 to {SUBJECT_LENGTH_MAX} characters")
    roles, payer, patient = frozenset(entry["roles"]), entry.get("payer"), entry.get("patient")
    if missing_part(roles, payer=payer, patient=patient):
        raise ValueError(f"the role of {entry['name']} needs a payer or a patient")
    return Principal(entry["name"], roles, frozenset(entry.get("providers", [])), payer, patient)
