"""Looks at a message part by part, and makes its hash on the way: without a tree."""

import codecs
import contextlib
import hashlib
from typing import Final

from app.tiss import message
from app.tiss.xml_guard import Guard

_OUTSIDE: Final = ("epilogo", "Signature")


class EncodedHash:
    """The MD5 of texts in an encoding; none if the encoding lacks one of the characters."""

    def __init__(self, encoding: str) -> None:
        # The standard says which hash; it guards against mistakes, not against people.
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._encoder = codecs.getincrementalencoder(encoding)()
        self._is_lost = False

    def add(self, text: str) -> None:
        """Add a text."""
        try:
            self._md5.update(self._encoder.encode(text))
        except UnicodeEncodeError:
            self._is_lost = True

    def result(self) -> str | None:
        """The hash so far."""
        return None if self._is_lost else self._md5.hexdigest()


class MessageGuard(Guard):
    """Also makes the hash of the message, as `message.hash_of`."""

    def __init__(self) -> None:
        super().__init__()
        self._hashes = {name: EncodedHash(name) for name in (message.ENCODING, "UTF-8")}
        self._path: list[str] = []
        self._message: int | None = None
        self._leaf: list[str] | None = None

    def declared(self, version: str, encoding: str | None, standalone: int) -> None:
        super().declared(version, encoding, standalone)
        # An encoding that nobody knows is refused by the parser.
        with contextlib.suppress(LookupError):
            self._hashes = {each: EncodedHash(each) for each in (message.ENCODING, encoding or "UTF-8")}

    def start(self, name: str, attributes: dict[str, str]) -> None:
        super().start(name, attributes)
        self._path.append(name.rpartition(":")[2])
        if self._message is None and self._path[-1] == message.NAME:
            self._message = len(self._path)
        self._leaf = []

    def end(self, name: str) -> None:
        super().end(name)
        if self._leaf is not None and self._is_hashed():
            text = "".join(self._leaf)
            for each in self._hashes.values():
                each.add(text)
        self._leaf = None
        self._path.pop()
        if self._message is not None and len(self._path) < self._message:
            self._message = -1

    def text(self, text: str) -> None:
        super().text(text)
        if self._leaf is not None:
            self._leaf.append(text)

    def _is_hashed(self) -> bool:
        top = self._message
        return top is not None and 0 < top < len(self._path) and self._path[top] not in _OUTSIDE

    def hashes(self) -> set[str]:
        """The hashes that the message may have."""
        return {found for each in self._hashes.values() if (found := each.result()) is not None}
