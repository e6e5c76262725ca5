"""The manifest of trusted documents, by the hash of their text."""

import hashlib
from pathlib import Path
from typing import Any, Final

import orjson

APOLLO_FORMAT: Final = "apollo-persisted-query-manifest"


class ManifestError(Exception):
    """The manifest of trusted documents cannot be used; one line for each reason."""


def digest_of(text: str) -> str:
    """The SHA-256 of a document's text."""
    return hashlib.sha256(text.encode()).hexdigest()


def is_digest_of(text: str, digest: str) -> bool:
    """Whether this is the text's SHA-256, or its SHA-1, with which GraphQL Code Generator names documents by default.

    The text comes from a manifest that we trust, so that nobody gains by two documents with one SHA-1.
    """
    return digest in (digest_of(text), hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


def load_trusted(path: Path) -> dict[str, str]:
    """Hash -> text from a manifest: `{hash: text}` as GraphQL Code Generator writes it, or Apollo's list of operations.
    ManifestError if it is neither."""
    try:
        content = orjson.loads(path.read_bytes())
    except OSError as error:
        raise ManifestError(f"cannot read the trusted documents in {path}: {error.strerror}") from None
    except orjson.JSONDecodeError:
        raise ManifestError(f"{path} is not valid JSON") from None
    texts = _texts(content)
    if texts is None:
        raise ManifestError(f"{path} is not a manifest of documents by hash")
    documents = {without_prefix(digest): text for digest, text in texts.items()}
    for digest, text in documents.items():
        if not is_digest_of(text, digest):
            raise ManifestError(f"{path}: the document under {digest[:70]} has the hash {digest_of(text)}")
    return documents


def _texts(content: Any) -> dict[str, str] | None:
    """Hash -> text in either form; None for another form."""
    if not isinstance(content, dict):
        return None
    if content.get("format") == APOLLO_FORMAT:
        operations = content.get("operations")
        try:
            return {str(each["id"]): str(each["body"]) for each in operations or []}
        except (TypeError, KeyError):
            return None
    return content if all(isinstance(text, str) for text in content.values()) else None


def without_prefix(digest: str) -> str:
    """The hash in lower case, without the prefix `sha256:` or `sha1:` that some tools add."""
    return digest.lower().removeprefix("sha256:").removeprefix("sha1:")
