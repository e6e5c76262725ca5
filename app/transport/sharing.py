"""Which subscribers may share an answer: those to whom every event looks the same.

Say a thousand screens run this subscription, each with a filter of its own:

    subscription W($filter: Filter, $after: String, $more: Boolean = false) {
      settlementRecorded(filter: $filter, after: $after) { settlement { id amount @include(if: $more) } } }

`$filter` and `$after` are arguments of the root field: they choose which events a screen receives, not what an event
looks like. `$more` is used below the root field and changes the answer. So the key of a subscriber is

    (text of the document, "W", {} or {"more": true}, the context's sharing_key: permissions and data scope)

and an event is executed and encoded once per key instead of a thousand times.
"""

from collections.abc import Hashable
from typing import Any

import orjson
from graphql import FieldNode, FragmentDefinitionNode, Node, VariableNode, Visitor, visit

from app.transport.context import OperationContext
from app.transport.documents import Operation


def sharing_key(operation: Operation, context: OperationContext) -> Hashable | None:
    """Equal for subscribers to whom every event looks the same; None for a caller who shares with nobody."""
    visibility = context.sharing_key
    if visibility is None:
        return None
    given = operation.variables or {}
    # A variable that is null differs from one that was left out: only the latter takes its default.
    used = {name: given[name] for name in _variables_below_root(operation) if name in given}
    values = orjson.dumps(used, option=orjson.OPT_SORT_KEYS)
    return (operation.document.text, operation.name, values, visibility)


def _variables_below_root(operation: Operation) -> set[str]:
    """The variables in all fragments, and below the root field or in its directives, but not in its arguments."""
    variables = _Variables()
    for definition in operation.document.tree.definitions:
        if isinstance(definition, FragmentDefinitionNode):
            visit(definition, variables)
    for selection in operation.node.selection_set.selections:
        parts: list[Node | None] = [selection]
        if isinstance(selection, FieldNode):
            parts = [selection.selection_set, *(selection.directives or ())]
        for part in parts:
            if part is not None:
                visit(part, variables)
    return variables.names


class _Variables(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_variable(self, node: VariableNode, *_: Any) -> None:
        self.names.add(node.name.value)
