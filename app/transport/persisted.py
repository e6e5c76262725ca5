"""Documents by their hash: trusted ones from a manifest, and those that clients register as they go (automatic
persisted queries, in the way of Apollo's clients).

A request names a document by `documentId`, or by `extensions.persistedQuery.sha256Hash`; the hash is the SHA-256 of the
document's text in hexadecimal.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Protocol

import orjson

from app.transport import errors
from app.transport.documents import Parameters
from app.transport.errors import Refused, RequestError

NOT_FOUND: Final = "PERSISTED_QUERY_NOT_FOUND"
NOT_SUPPORTED: Final = "PERSISTED_QUERY_NOT_SUPPORTED"
NOT_TRUSTED: Final = "QUERY_NOT_IN_SAFELIST"
APOLLO_FORMAT: Final = "apollo-persisted-query-manifest"
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


class Store(Protocol):
    """Where registered documents are kept; what is not kept is registered anew."""

    async def get(self, digest: str) -> str | None:
        """The text, or None."""

    async def put(self, digest: str, text: str) -> None:
        """Keep the text."""


class ManifestError(Exception):
    """The file of trusted documents cannot be used; one line says why."""


def digest_of(text: str) -> str:
    """The SHA-256 of a document's text."""
    return hashlib.sha256(text.encode()).hexdigest()


def load_trusted(path: Path) -> dict[str, str]:
    """Hash -> text from a manifest: `{hash: text}`, or Apollo's list of operations. ManifestError if it is neither."""
    try:
        found = orjson.loads(path.read_bytes())
    except OSError as error:
        raise ManifestError(f"cannot read the trusted documents in {path}: {error.strerror}") from None
    except orjson.JSONDecodeError:
        raise ManifestError(f"the trusted documents in {path} are no JSON") from None
    pairs = _pairs(found)
    if pairs is None:
        raise ManifestError(f"{path} is no manifest of documents by hash")
    documents = {_plain(name): text for name, text in pairs.items()}
    for name, text in documents.items():
        if digest_of(text) != name:
            raise ManifestError(f"{path}: the document under {name[:70]} has another hash, {digest_of(text)}")
    return documents


def _pairs(found: Any) -> dict[str, str] | None:
    if not isinstance(found, dict):
        return None
    if found.get("format") == APOLLO_FORMAT:
        operations = found.get("operations")
        try:
            return {str(each["id"]): str(each["body"]) for each in operations or []}
        except (TypeError, KeyError):
            return None
    return found if all(isinstance(text, str) for text in found.values()) else None


def _plain(name: str) -> str:
    return name.removeprefix("sha256:").lower()


class PersistedDocuments:
    """Finds the document that a request names. With `is_only` nothing runs but the trusted ones."""

    def __init__(self, trusted: Mapping[str, str] | None = None, *, is_only: bool = False, store: Store | None) -> None:
        self.trusted = dict(trusted or {})
        self._is_only = is_only
        self._store = store

    async def resolve(self, parameters: Parameters) -> Parameters:
        """The parameters with their document's text; Refused if it is unknown, untrusted or not what its hash says."""
        digest = _named(parameters)
        if digest is None:
            return self._unnamed(parameters)
        if parameters.query and digest_of(parameters.query) != digest:
            raise Refused(errors.BAD_REQUEST, "the document is not the one of its hash")
        text = self.trusted.get(digest)
        if text is None and not self._is_only:
            text = parameters.query or await self._stored(digest)
        if text is None:
            raise self._missing()
        return replace(parameters, query=text)

    async def register(self, asked: Parameters, resolved: Parameters) -> None:
        """Keep a valid document that came with its hash, for those who will send the hash alone."""
        digest = _named(asked)
        if digest and asked.query and digest not in self.trusted and self._store is not None:
            await self._store.put(digest, resolved.query)

    def _unnamed(self, parameters: Parameters) -> Parameters:
        if not parameters.query:
            raise Refused(errors.BAD_REQUEST, "query must be a non-empty string")
        if self._is_only and digest_of(parameters.query) not in self.trusted:
            raise RequestError(NOT_TRUSTED, "only trusted documents run here; send documentId")
        return parameters

    async def _stored(self, digest: str) -> str | None:
        if self._store is None:
            raise RequestError(NOT_SUPPORTED, "PersistedQueryNotSupported")
        text = await self._store.get(digest)
        # What another hand wrote under this name is not the document.
        return text if text is not None and digest_of(text) == digest else None

    def _missing(self) -> Refused:
        if self._is_only:
            return RequestError(NOT_FOUND, "this document is not among the trusted ones")
        return RequestError(NOT_FOUND, "PersistedQueryNotFound")


def _named(parameters: Parameters) -> str | None:
    """The hash that a request names; Refused (BAD_REQUEST) for what is none."""
    name: object = parameters.document_id
    if name is None and "persistedQuery" in parameters.extensions:
        persisted = parameters.extensions["persistedQuery"]
        if not isinstance(persisted, dict) or persisted.get("version") != 1:
            raise Refused(errors.BAD_REQUEST, "extensions.persistedQuery needs version 1 and sha256Hash")
        name = persisted.get("sha256Hash")
        if name is None:
            raise Refused(errors.BAD_REQUEST, "extensions.persistedQuery needs version 1 and sha256Hash")
    if name is None:
        return None
    if not isinstance(name, str) or not _DIGEST.fullmatch(_plain(name)):
        raise Refused(errors.BAD_REQUEST, "a document's hash is its SHA-256, 64 hexadecimal digits")
    return _plain(name)
