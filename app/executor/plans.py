"""The plans of one document: one for each operation, for callers who see the same, and for what @skip and @include say.

They are stored with the document and dropped with it.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Final

from graphql import DirectiveNode, DocumentNode, GraphQLError, VariableNode, Visitor, visit

from app.executor.rules import NotPlanned
from app.executor.selection import Plan

PLANS_MAX: Final = 8
"""For one document; those used least recently are dropped."""
_CONDITIONS: Final = ("skip", "include")


class DocumentPlans:
    """The plans of a document."""

    def __init__(self, tree: DocumentNode) -> None:
        self._tree = tree
        self._conditions: tuple[str, ...] | None = None
        self._plans: OrderedDict[Hashable, Plan | None] = OrderedDict()

    def find(
        self, name: str | None, visibility: Hashable, variables: dict[str, Any], make: Callable[[], Plan]
    ) -> Plan | None:
        """The plan of the operation with this name and these coerced variables; None if it has none."""
        if self._conditions is None:
            self._conditions = _variables_of_conditions(self._tree)
        key = (name, visibility, tuple(variables.get(each) for each in self._conditions))
        if key in self._plans:
            self._plans.move_to_end(key)
            return self._plans[key]
        try:
            plan = make()
        except (NotPlanned, GraphQLError):
            plan = None
        self._plans[key] = plan
        if len(self._plans) > PLANS_MAX:
            self._plans.popitem(last=False)
        return plan


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
