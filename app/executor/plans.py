"""The plans of one document: one for each operation, for callers who see the same, and for what @skip and @include say.

They are stored with the document and dropped with it, or when the process has too many (`PlanMemory`). A plan takes as
long to make as some executions: it is made when an operation comes for the second time, since many come once.
"""

import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable
from enum import Enum
from typing import Any, Final

from graphql import DirectiveNode, DocumentNode, GraphQLError, VariableNode, Visitor, visit

from app.executor.rules import NotPlanned
from app.executor.selection import Plan

PLANS_MAX: Final = 64
"""For one document; those used least recently are dropped. Each role has its own, each set of permissions that scopes
leave of a role, and each value of a condition: more of them in turn than this would find none of their plans."""
MEMORY_MAX: Final = 500
"""For one process. A plan takes 15 KiB, that of a very long document 35 KiB."""
_CONDITIONS: Final = ("skip", "include")


class PlanMemory:
    """Which plans of all documents were used last; above `most` the others are dropped."""

    def __init__(self, most: int = MEMORY_MAX) -> None:
        self._most = most
        self._used: OrderedDict[tuple[int, Hashable], weakref.ref[DocumentPlans]] = OrderedDict()

    def use(self, plans: "DocumentPlans", key: Hashable) -> None:
        """Note that this plan of a document was used."""
        entry = (id(plans), key)
        if entry not in self._used or self._used[entry]() is not plans:
            self._used[entry] = weakref.ref(plans)
        self._used.move_to_end(entry)
        if len(self._used) > self._most:
            (_, oldest), owner = self._used.popitem(last=False)
            found = owner()
            if found is not None:
                found.drop(oldest)


class DocumentPlans:
    """The plans of a document."""

    def __init__(self, tree: DocumentNode) -> None:
        self._tree = tree
        self._conditions: tuple[str, ...] | None = None
        self._plans: OrderedDict[Hashable, Plan | _State] = OrderedDict()

    def find(
        self,
        name: str | None,
        visibility: Hashable,
        variables: dict[str, Any],
        make: Callable[[], Plan],
        memory: PlanMemory,
        *,
        at_once: bool = False,
    ) -> Plan | None:
        """The plan of the operation with this name and these coerced variables; None if it has none. `at_once` makes
        it when the operation comes for the first time."""
        if self._conditions is None:
            self._conditions = _variables_of_conditions(self._tree)
        key = (name, visibility, tuple(variables.get(each) for each in self._conditions))
        found = self._plans.get(key)
        if isinstance(found, Plan):
            self._plans.move_to_end(key)
            memory.use(self, key)
            return found
        if found is None and not at_once:
            self._store(key, _State.CAME_ONCE)
        elif found is not _State.UNPLANNED:
            return self._made(key, make, memory)
        return None

    def drop(self, key: Hashable) -> None:
        """Forget a plan, and that its operation came."""
        self._plans.pop(key, None)

    def _made(self, key: Hashable, make: Callable[[], Plan], memory: PlanMemory) -> Plan | None:
        try:
            plan = make()
        except (NotPlanned, GraphQLError):
            self._store(key, _State.UNPLANNED)
            return None
        self._store(key, plan)
        memory.use(self, key)
        return plan

    def _store(self, key: Hashable, found: "Plan | _State") -> None:
        self._plans[key] = found
        self._plans.move_to_end(key)
        if len(self._plans) > PLANS_MAX:
            self._plans.popitem(last=False)


class _State(Enum):
    """Why there is no plan."""

    CAME_ONCE = 1
    UNPLANNED = 2


def _variables_of_conditions(tree: DocumentNode) -> tuple[str, ...]:
    found = _Conditions()
    visit(tree, found)
    return tuple(sorted(found.names))


class _Conditions(Visitor):
    """Collects the variables of @skip and @include."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
        """Note the variable, if it has one."""
        if node.name.value in _CONDITIONS:
            self.names |= {
                each.value.name.value for each in node.arguments or () if isinstance(each.value, VariableNode)
            }
