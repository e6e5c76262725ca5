"""How a plan fares: one that gives up more often than it gets to its end is not tried for a while.

A plan that gives up has read for nothing, since graphql-core begins from the start. Most plans never do, and one that
gets to its end takes a third to a sixteenth of graphql-core's time: it is worth trying unless most tries are lost.
"""

from typing import Final

CREDIT_FIRST: Final = 3
"""So often a plan that was never finished may give up."""
CREDIT_MAX: Final = 10
"""So many more tries have to be lost than won, however often the plan was finished before."""
RESTS: Final = 100
"""So many executions are left to graphql-core before the next try: an operation whose plan always gives up costs a
hundredth more than without it, and one that was unlucky finds its plan again."""


class Trials:
    """The tries of what one plan executes from one object on."""

    __slots__ = ("_credit", "_rests")

    def __init__(self) -> None:
        self._credit = CREDIT_FIRST
        self._rests = 0

    def is_due(self) -> bool:
        """Whether to try it with the next execution; each call is one."""
        if self._credit:
            return True
        if self._rests:
            self._rests -= 1
            return False
        # One try at a time: others that begin before it ends do not wait for what comes of it.
        self._rests = RESTS
        return True

    def finished(self) -> None:
        """Note a try that got to its end."""
        self._credit = min(self._credit + 1, CREDIT_MAX)

    def gave_up(self) -> None:
        """Note one that did not."""
        self._credit = max(self._credit - 1, 0)
        if not self._credit:
            self._rests = RESTS
