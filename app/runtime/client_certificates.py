"""Client certificates -> callers: who a verified certificate stands for, and tokens that are bound to one (RFC 8705).

The file is a JSON list; each entry names a certificate by `subject` (RFC 4514 text), `san` (a DNS name or URI of its
alternative names) or `sha256` (its thumbprint in hexadecimal), and gives `name` (the subject in logs), `roles`,
`providers`, and `payer` or `patient` where a role needs it.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson
from cryptography import x509

from app.auth.principal import Principal
from app.runtime.settings import SettingsError


@dataclass(frozen=True, slots=True)
class Certificate:
    """What of a certificate tells whose it is."""

    subject: str
    names: frozenset[str]
    sha256: str


@dataclass(frozen=True)
class Callers:
    """The callers that certificates stand for."""

    by_subject: Mapping[str, Principal] = field(default_factory=dict)
    by_name: Mapping[str, Principal] = field(default_factory=dict)
    by_sha256: Mapping[str, Principal] = field(default_factory=dict)

    def of(self, der: bytes) -> Principal | None:
        """The caller of a verified certificate; None if it is nobody's. The thumbprint counts first."""
        known = read(der)
        found = self.by_sha256.get(known.sha256) or self.by_subject.get(known.subject)
        return found or next((self.by_name[name] for name in sorted(known.names) if name in self.by_name), None)


@lru_cache(maxsize=1_000)
def read(der: bytes) -> Certificate:
    """The parts of a certificate that was verified already."""
    found = x509.load_der_x509_certificate(der)
    try:
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return Certificate(found.subject.rfc4514_string(), frozenset(), hashlib.sha256(der).hexdigest())
    texts = {*names.get_values_for_type(x509.DNSName), *names.get_values_for_type(x509.UniformResourceIdentifier)}
    return Certificate(found.subject.rfc4514_string(), frozenset(texts), hashlib.sha256(der).hexdigest())


def load(path: Path) -> Callers:
    """The callers of a file; SettingsError with one line if it cannot be used."""
    try:
        entries = _list(orjson.loads(path.read_bytes()))
        pairs = [(entry, _principal(entry)) for entry in entries]
    except (OSError, ValueError, TypeError, KeyError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise SettingsError(f"BILLING_CLIENT_CERTIFICATES_FILE: cannot use {path}: {reason}") from None
    return Callers(
        {entry["subject"]: who for entry, who in pairs if "subject" in entry},
        {entry["san"]: who for entry, who in pairs if "san" in entry},
        {entry["sha256"].lower().replace(":", ""): who for entry, who in pairs if "sha256" in entry},
    )


def _list(found: Any) -> list[Any]:
    if not isinstance(found, list):
        raise TypeError("it is no list")
    return found


def _principal(entry: Any) -> Principal:
    if not isinstance(entry, dict) or len({"subject", "san", "sha256"} & entry.keys()) != 1:
        raise ValueError("an entry names its certificate by subject, san or sha256, one of them")
    unknown = entry.keys() - {"subject", "san", "sha256", "name", "roles", "providers", "payer", "patient"}
    if unknown or not isinstance(entry.get("name"), str) or not isinstance(entry.get("roles"), list):
        raise ValueError(f"an entry needs a name and roles, and has no other members ({', '.join(sorted(unknown))})")
    roles, payer, patient = frozenset(entry["roles"]), entry.get("payer"), entry.get("patient")
    if ("payer_agent" in roles and payer is None) or ("patient" in roles and patient is None):
        raise ValueError(f"the role of {entry['name']} needs a payer or a patient")
    return Principal(entry["name"], roles, frozenset(entry.get("providers", [])), payer, patient)
