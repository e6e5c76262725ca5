"""Documents by their hash: trusted ones from a manifest, and those that clients register as they go (automatic
persisted queries, in the way of Apollo's clients).

A request names a document by `documentId`, or by `extensions.persistedQuery.sha256Hash`; the hash is the SHA-256 of the
document's text in hexadecimal.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final, Protocol

from app.transport import errors
from app.transport.documents import Parameters
from app.transport.errors import Refused, RequestError
from app.transport.trusted import digest_of, plain

NOT_FOUND: Final = "PERSISTED_QUERY_NOT_FOUND"
NOT_SUPPORTED: Final = "PERSISTED_QUERY_NOT_SUPPORTED"
NOT_TRUSTED: Final = "QUERY_NOT_IN_SAFELIST"
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


class Store(Protocol):
    """Where registered documents are kept; what is not kept is registered anew."""

    async def get(self, digest: str) -> str | None:
        """The text, or None."""

    async def put(self, digest: str, text: str) -> None:
        """Keep the text."""


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
    if not isinstance(name, str) or not _DIGEST.fullmatch(plain(name)):
        raise Refused(errors.BAD_REQUEST, "a document's hash is its SHA-256, 64 hexadecimal digits")
    return plain(name)
