"""Long lists on their way from the child process: packed in blocks, since unpacking one of thousands of objects at once
would keep everybody else waiting."""

import asyncio
import pickle
from collections.abc import Sequence
from typing import Any, Final, Generic, TypeVar

from app.values.frozen import frozen

Item = TypeVar("Item")
AT_ONCE: Final = 100
"""So many rows of a spreadsheet are unpacked in about a millisecond."""


@frozen
class Packed(Generic[Item]):
    """A list whose items are unpacked block by block."""

    blocks: tuple[bytes, ...]

    @classmethod
    def of(cls, items: Sequence[Item]) -> "Packed[Item]":
        """These items."""
        starts = range(0, len(items), AT_ONCE)
        blocks = (pickle.dumps(list(items[start : start + AT_ONCE]), pickle.HIGHEST_PROTOCOL) for start in starts)
        return cls(tuple(blocks))

    async def all(self) -> list[Item]:
        """All items."""
        found: list[Item] = []
        for block in self.blocks:
            found += _unpacked(block)
            await asyncio.sleep(0)
        return found

    async def at(self, places: Sequence[int]) -> list[Item]:
        """The items at these places, which count from 0 and ascend."""
        found: list[Item] = []
        for number in dict.fromkeys(place // AT_ONCE for place in places):
            block = _unpacked(self.blocks[number])
            found += [block[place % AT_ONCE] for place in places if place // AT_ONCE == number]
            await asyncio.sleep(0)
        return found


def _unpacked(block: bytes) -> list[Any]:
    return list(pickle.loads(block))  # noqa: S301 - the gateway's own child has packed it
