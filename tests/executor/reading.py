"""What one execution has read: by dataloaders, and beside them.

A dataloader reads what is asked for at the same time together. A plan asks for a level at once. graphql-core asks for
each object when its own rows are there: two lists of one loader, below rows of two statements, are one batch if both
statements end in the same moment and two if one ends first. So it is not always the same how many batches there are,
nor whether a page is one of a single parent, and which executor has more of them. What is always the same are the keys
that each loader reads, each of them once. Beside loaders, a plan sends a statement for all objects of a level where
graphql-core sends one for each of them, and the same ones otherwise.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from app.resolvers.context import Context
from app.resolvers.level_batches import Loader
from app.telemetry.logs import request_id
from tests.gateway import Gateway, heard

_OTHERS = re.compile(r"tuss|FROM database_identity$|contract_prices|^KILL |@@hostname")
_LISTS = re.compile(r"%s(, %s)+|NULL\) AND \(1 != 1|SELECT 1 FROM \(SELECT 1\) WHERE 1!=1")
"""What is inside the parentheses of a list; an empty one has a condition of its own beside it, or is a query."""
_PARTS = re.compile(r"[()]|\bFROM\b")


@dataclass
class Reading:
    """The keys of each loader, how many batches they were, and how often each statement was sent beside all loaders.

    Statements about TUSS terms and prices of contracts are left out, which the first who asks reads for all, and those
    that end what was cut off.
    """

    keys: dict[Hashable, frozenset[Any]] = field(default_factory=dict)
    statements: Counter[str] = field(default_factory=Counter)
    batches: Counter[Hashable] = field(default_factory=Counter)

    def is_no_more_than(self, other: "Reading") -> bool:
        """Whether it has the same keys and statements, and none of these more often."""
        is_same = self.keys == other.keys and self.statements.keys() == other.statements.keys()
        return is_same and self.statements <= other.statements

    def add_loaders(self, context: Context) -> None:
        """Add what the loaders of an execution that has ended have read."""
        own = vars(context.loaders)
        found = {name: each for name, each in own.items() if isinstance(each, Loader)} | own["_related"]
        for name, loader in found.items():
            if not loader._batches:
                continue
            self.keys[name] = frozenset(loader._batches)
            self.batches[name] = len(set(map(id, loader._batches.values())))


@contextmanager
def reading(gateway: Gateway) -> Iterator[Reading]:
    """What the block reads from the gateway's database, as one request."""
    found, before = Reading(), request_id.set("both")
    try:
        with heard(gateway.database, when=_is_beside_loaders) as statements:
            yield found
    finally:
        request_id.reset(before)
    texts = [text for text, _ in statements if not _OTHERS.search(text)]
    found.statements.update(_LISTS.sub("%s", _without_columns(text).replace("?", "%s")) for text in texts)


def _is_beside_loaders() -> bool:
    """Whether what runs at the moment belongs to the request, and to no batch of a loader."""
    task = asyncio.current_task()
    assert task is not None
    return request_id.get() == "both" and getattr(task.get_coro(), "cr_code", None) is not Loader._dispatch.__code__


def _without_columns(statement: str) -> str:
    """What follows the columns: a plan reads some of those that graphql-core reads."""
    depth = 0
    for found in _PARTS.finditer(statement):
        depth += {"(": 1, ")": -1}.get(found[0], 0)
        if depth == 0 and found[0] == "FROM":
            return statement[found.start() :]
    return statement
