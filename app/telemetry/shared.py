"""Bytes that outlive the process that wrote them: in memory that its parent maps before it forks."""

import mmap
from typing import Final

_LENGTH: Final = 8
"""Bytes of a length, big-endian; two of them, and before them which half was written last, are the head."""
_HEAD: Final = 1 + 2 * _LENGTH


class SharedBytes:
    """What one process at a time writes, and whichever follows it reads.

    There are two halves, written in turn, so that a process that dies while it writes leaves what was there before.
    Memory is used for what is written only, whatever the size.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._memory = mmap.mmap(-1, _HEAD + 2 * size)

    def read(self) -> bytes:
        """What was written last; nothing before that."""
        half = self._memory[0]
        if half == 0:
            return b""
        length = int.from_bytes(self._memory[self._length_at(half)])
        start = self._start(half)
        return self._memory[start : start + length]

    def write(self, content: bytes) -> None:
        """Replace what was there, by nothing if it is longer than the size."""
        content = content if len(content) <= self._size else b""
        half = 2 if self._memory[0] == 1 else 1
        start = self._start(half)
        self._memory[start : start + len(content)] = content
        self._memory[self._length_at(half)] = len(content).to_bytes(_LENGTH)
        self._memory[0] = half

    def _start(self, half: int) -> int:
        return _HEAD + (half - 1) * self._size

    def _length_at(self, half: int) -> slice:
        return slice(1 + (half - 1) * _LENGTH, 1 + half * _LENGTH)
