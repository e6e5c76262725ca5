"""The manifest of trusted documents, by the hash of their text."""

import hashlib
from pathlib import Path
from typing import Any, Final

import orjson

APOLLO_FORMAT: Final = "apollo-persisted-query-manifest"


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
    documents = {plain(name): text for name, text in pairs.items()}
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


def plain(name: str) -> str:
    """A hash as we write it, without the prefix that some tools put before it."""
    return name.removeprefix("sha256:").lower()
