"""The key that signs cursors: the gateway reads only cursors that it has made."""

import base64
import hashlib
import hmac
from typing import Final

TAG_BYTES: Final = 10
"""Enough: each guess costs a request, and a forged cursor shows nothing outside the caller's data scope."""
CURSOR_LENGTH_MAX: Final = 1_000


class CursorKey:
    """Signs what cursors contain, so that a cursor with values of a client's own is refused before it is read."""

    def __init__(self, secret: str) -> None:
        # Its own key: the secret has other uses.
        self._key = hashlib.blake2b(b"cursors", key=secret.encode()[:64], digest_size=32).digest()

    def sign(self, content: bytes) -> str:
        """The cursor with this content: a tag and the content, in unpadded base64url."""
        return base64.urlsafe_b64encode(self._tag(content) + content).decode().rstrip("=")

    def content(self, cursor: str) -> bytes:
        """The content of a cursor; ValueError unless it is one that was signed with this key."""
        if not 0 < len(cursor) <= CURSOR_LENGTH_MAX:
            raise ValueError(cursor)
        plain = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        tag, content = plain[:TAG_BYTES], plain[TAG_BYTES:]
        # The comparison of the whole text refuses other spellings of the same bytes.
        if not hmac.compare_digest(tag, self._tag(content)) or self.sign(content) != cursor:
            raise ValueError(cursor)
        return content

    def _tag(self, content: bytes) -> bytes:
        return hashlib.blake2b(content, key=self._key, digest_size=TAG_BYTES).digest()
