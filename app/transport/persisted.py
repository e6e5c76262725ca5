"""The step resolve: a request names its document by text, or by the hash of one that the gateway knows.

Trusted documents come from a manifest; others are registered by clients as they go (automatic persisted queries, as
Apollo's clients do it): a client sends the hash alone; if it is unknown (PERSISTED_QUERY_NOT_FOUND), the client repeats
the request with hash and text, and from then on the hash is enough.

A hash is the SHA-256 of the text in hexadecimal, sent as `documentId` or `extensions.persistedQuery.sha256Hash`. A
trusted document may also have the SHA-1 that its manifest gives it; nobody can register a document under one.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final, Protocol

from app.transport import errors
from app.transport.errors import Refused, RequestError
from app.transport.parameters import Parameters
from app.transport.trusted import digest_of, is_digest_of, without_prefix

NOT_FOUND: Final = "PERSISTED_QUERY_NOT_FOUND"
NOT_SUPPORTED: Final = "PERSISTED_QUERY_NOT_SUPPORTED"
NOT_TRUSTED: Final = "QUERY_NOT_IN_SAFELIST"
_DIGEST: Final = re.compile(r"[0-9a-f]{64}|[0-9a-f]{40}")
_SHA256_LENGTH: Final = 64


class Store(Protocol):
    """Where registered documents are stored; it may lose them, since clients register them again."""

    async def get(self, digest: str) -> str | None:
        """The text, or None."""

    async def put(self, digest: str, text: str) -> None:
        """Store the text."""


class PersistedDocuments:
    """Finds the document that a request names. With `is_trusted_only` nothing but trusted documents is executed."""

    def __init__(
        self, trusted: Mapping[str, str] | None = None, *, is_trusted_only: bool = False, store: Store | None
    ) -> None:
        self.trusted = dict(trusted or {})
        self._trusted_texts = frozenset(self.trusted.values())
        self._is_trusted_only = is_trusted_only
        self._store = store

    async def resolve(self, parameters: Parameters) -> Parameters:
        """The parameters with their document's text. Refused if it is unknown, not trusted, or differs from its
        hash."""
        digest = _given_digest(parameters)
        if digest is None:
            return self._checked_text(parameters)
        if parameters.query and not is_digest_of(parameters.query, digest):
            raise Refused(errors.BAD_REQUEST, "the hash does not match the document")
        text = self.trusted.get(digest)
        if text is None and not self._is_trusted_only and len(digest) == _SHA256_LENGTH:
            text = parameters.query or await self._stored(digest)
        if text is None:
            raise self._not_found()
        return replace(parameters, query=text)

    def known(self, parameters: Parameters) -> str | None:
        """The text of the document that a request names, where `resolve` would not wait for it and neither refuse nor
        register it; else None."""
        digest = _given_digest(parameters)
        if digest is None:
            return self._checked_text(parameters).query
        return None if parameters.query else self.trusted.get(digest)

    async def register(self, given: Parameters, resolved: Parameters) -> None:
        """Store a valid document that came with its hash, for clients that will send the hash alone."""
        digest = _given_digest(given)
        if digest and given.query and digest not in self.trusted and self._store is not None:
            await self._store.put(digest, resolved.query)

    def _checked_text(self, parameters: Parameters) -> Parameters:
        if not parameters.query:
            raise Refused(errors.BAD_REQUEST, "query must be a non-empty string")
        if self._is_trusted_only and parameters.query not in self._trusted_texts:
            raise RequestError(NOT_TRUSTED, "only trusted documents run here, send a documentId")
        return parameters

    async def _stored(self, digest: str) -> str | None:
        if self._store is None:
            raise RequestError(NOT_SUPPORTED, "PersistedQueryNotSupported")
        text = await self._store.get(digest)
        # Others can write to the store: a text that does not have this hash is not the document.
        return text if text is not None and digest_of(text) == digest else None

    def _not_found(self) -> Refused:
        if self._is_trusted_only:
            return RequestError(NOT_FOUND, "the document is not trusted, add it to the manifest")
        # Apollo's clients wait for exactly this message.
        return RequestError(NOT_FOUND, "PersistedQueryNotFound")


def _given_digest(parameters: Parameters) -> str | None:
    """The hash that a request gives, None if it gives none; Refused (BAD_REQUEST) for a malformed one."""
    digest: object = parameters.document_id
    if digest is None and "persistedQuery" in parameters.extensions:
        persisted = parameters.extensions["persistedQuery"]
        if not isinstance(persisted, dict) or persisted.get("version") != 1 or persisted.get("sha256Hash") is None:
            raise Refused(errors.BAD_REQUEST, "extensions.persistedQuery needs version 1 and sha256Hash")
        digest = persisted["sha256Hash"]
    if digest is None:
        return None
    if not isinstance(digest, str) or not _DIGEST.fullmatch(without_prefix(digest)):
        raise Refused(errors.BAD_REQUEST, "the hash must be a SHA-256 of 64 hexadecimal digits")
    return without_prefix(digest)
