"""Client certificates -> callers: the caller that a verified certificate authenticates.

The file is a JSON list. Each entry names a certificate by `subject` (RFC 4514 text), `san` (a DNS name or URI among its
alternative names) or `sha256` (its thumbprint in hexadecimal), and has a `name` (the subject in logs), `roles`,
`providers`, and a `payer` or `patient` where a role needs it.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson
from cryptography import x509

from app.auth.principal import SUBJECT_LENGTH_MAX, Principal
from app.auth.roles import missing_part
from app.runtime.settings import SettingsError


@dataclass(frozen=True, slots=True)
class Certificate:
    """The parts of a certificate by which an entry can name it."""

    subject: str
    names: frozenset[str]
    sha256: str


@dataclass(frozen=True)
class CertificateCallers:
    """The callers by how the file names their certificate; thumbprints are in lower-case hexadecimal."""

    by_subject: Mapping[str, Principal] = field(default_factory=dict)
    by_name: Mapping[str, Principal] = field(default_factory=dict)
    by_sha256: Mapping[str, Principal] = field(default_factory=dict)

    def caller_of(self, der: bytes) -> Principal | None:
        """The caller of a verified certificate (DER), None if no entry names it.

        The most exact name wins: thumbprint, then subject, then the first alternative name in alphabetical order.
        """
        certificate = read(der)
        found = self.by_sha256.get(certificate.sha256) or self.by_subject.get(certificate.subject)
        return found or next((self.by_name[name] for name in sorted(certificate.names) if name in self.by_name), None)


@lru_cache(maxsize=1_000)
def read(der: bytes) -> Certificate:
    """The parts of a verified certificate (DER); cached, since parsing it for every connection is expensive."""
    found = x509.load_der_x509_certificate(der)
    try:
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return Certificate(found.subject.rfc4514_string(), frozenset(), hashlib.sha256(der).hexdigest())
    texts = {*names.get_values_for_type(x509.DNSName), *names.get_values_for_type(x509.UniformResourceIdentifier)}
    return Certificate(found.subject.rfc4514_string(), frozenset(texts), hashlib.sha256(der).hexdigest())


def load(path: Path) -> CertificateCallers:
    """The callers in the file; SettingsError with one line if it cannot be used."""
    try:
        entries = _list(orjson.loads(path.read_bytes()))
        pairs = [(entry, _principal(entry)) for entry in entries]
    except (OSError, ValueError, TypeError, KeyError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise SettingsError(f"BILLING_CLIENT_CERTIFICATES_FILE: cannot use {path}: {reason}") from None
    return CertificateCallers(
        {entry["subject"]: caller for entry, caller in pairs if "subject" in entry},
        {entry["san"]: caller for entry, caller in pairs if "san" in entry},
        {entry["sha256"].lower().replace(":", ""): caller for entry, caller in pairs if "sha256" in entry},
    )


def _list(found: Any) -> list[Any]:
    if not isinstance(found, list):
        raise TypeError("it is not a list")
    return found


def _principal(entry: Any) -> Principal:
    if not isinstance(entry, dict) or len({"subject", "san", "sha256"} & entry.keys()) != 1:
        raise ValueError("an entry needs exactly one of subject, san and sha256")
    unknown = entry.keys() - {"subject", "san", "sha256", "name", "roles", "providers", "payer", "patient"}
    if unknown or not isinstance(entry.get("name"), str) or not isinstance(entry.get("roles"), list):
        raise ValueError(f"an entry needs a name and roles, and no unknown members ({', '.join(sorted(unknown))})")
    if not 0 < len(entry["name"]) <= SUBJECT_LENGTH_MAX:
        raise ValueError(f"a name needs 1 to {SUBJECT_LENGTH_MAX} characters")
    roles, payer, patient = frozenset(entry["roles"]), entry.get("payer"), entry.get("patient")
    if missing_part(roles, payer=payer, patient=patient):
        raise ValueError(f"the role of {entry['name']} needs a payer or a patient")
    return Principal(entry["name"], roles, frozenset(entry.get("providers", [])), payer, patient)
