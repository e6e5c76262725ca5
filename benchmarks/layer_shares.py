"""A profile by layer: the folder of the gateway's own code, or the package of a library's."""

import re
from collections import Counter
from collections.abc import Mapping
from types import FrameType
from typing import Final

SHARE_MIN: Final = 0.01
REST: Final = "rest"
_PLACES: Final = (
    (re.compile(r"<plan>"), "app/executor"),
    (re.compile(r".*/site-packages/(\w+)"), r"\1"),
    (re.compile(r".*/(app/\w+)/"), r"\1"),
    (re.compile(r".*/python3[.\d]*/(asyncio|json)/"), r"\1"),
    (re.compile(r".*/python3[.\d]*/"), "standard library"),
)
Shares = Mapping[str, float]


def layer_of(path: str) -> str | None:
    """The layer of the code in this file; None for what is made at run time, such as the reader of a result's rows."""
    for pattern, layer in _PLACES:
        found = pattern.match(path)
        if found:
            return found.expand(layer)
    return None


def layer_at(frame: FrameType | None) -> str:
    """The layer that is at work in a frame: its own, or that of the nearest caller that has one."""
    while frame is not None:
        layer = layer_of(frame.f_code.co_filename)
        if layer is not None:
            return layer
        frame = frame.f_back
    return REST


def shares(seconds: Mapping[str, float]) -> dict[str, float]:
    """The share of each layer in the time of all, largest first; small ones are joined as the rest."""
    whole = sum(seconds.values()) or 1.0
    parts = {layer: part / whole for layer, part in Counter(seconds).most_common()}
    large = {layer: part for layer, part in parts.items() if part >= SHARE_MIN and layer != REST}
    return {**large, REST: sum(part for layer, part in parts.items() if layer not in large)}
