"""A profile by layer: the folder of the gateway's own code, or the package of a library's."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

SHARE_MIN: Final = 0.01
REST: Final = "rest"
_JSON: Final = re.compile(r"orjson|/json/")
_PLACES: Final = (
    (re.compile(r"<plan>"), "app/executor"),
    (re.compile(r".*/site-packages/(\w+)"), r"\1"),
    (re.compile(r".*/(app/\w+)/"), r"\1"),
    (re.compile(r".*/python3[.\d]*/(asyncio|json)/"), r"\1"),
    (re.compile(r".*/python3[.\d]*/"), "standard library"),
)
Function = tuple[str, int, str]
Shares = Mapping[str, float]


def layer_of(function: Function) -> str | None:
    """The layer of a function of a profile; None for what is built in, whose time is that of its callers."""
    path, _, name = function
    if _JSON.search(path) or _JSON.search(name):
        return "json"
    for pattern, layer in _PLACES:
        found = pattern.match(path)
        if found:
            return found.expand(layer)
    return None


def shares(stats: Mapping[Function, Any]) -> dict[str, float]:
    """The share of each layer in the time of a profile, largest first; small ones are joined as the rest."""
    seconds: Counter[str] = Counter()
    for function, (_, _, own, _, callers) in stats.items():
        layer = layer_of(function)
        if layer is not None:
            seconds[layer] += own
            continue
        for caller, (_, _, part, _) in callers.items():
            seconds[layer_of(caller) or REST] += part
        seconds[REST] += own if not callers else 0
    whole = sum(seconds.values()) or 1.0
    large = {
        layer: part / whole for layer, part in seconds.most_common() if part / whole >= SHARE_MIN and layer != REST
    }
    return {**large, REST: 1 - sum(large.values())}
