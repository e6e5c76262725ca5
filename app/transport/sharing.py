"""Which subscribers may share an answer: those to whom every event looks the same.

Say a thousand screens run this subscription, each with a filter of its own:

    subscription W($filter: Filter, $after: String, $more: Boolean = false) {
      settlementRecorded(filter: $filter, after: $after) { settlement { id amount @include(if: $more) } } }

`$filter` and `$after` are arguments of the root field: they choose which events a screen receives, not what an event
looks like. `$more` is used below the root field and changes the answer. So the key of a subscriber is

    (text of the document, "W", {} or {"more": true}, the context's sharing_key: permissions and data scope)

and an event is executed and encoded once per key instead of a thousand times.

The screens may be of a thousand providers, each with a data scope of its own. All that is selected here belongs to the
provider and the payer of the settlement (`app/executor/reach.py`), and whoever receives the event sees all of theirs.
So the event is executed for the data scope of these two alone, and the key has the permissions without the data scope.
With `settlement { invoice { lines { nodes { claim { patient { cpf } } } } } }` it would lead to a patient, who is known
to others too: then the data scope is part of the key.
"""

from collections.abc import Hashable
from typing import Any, Final
from weakref import WeakValueDictionary

import orjson
from graphql import FieldNode, FragmentDefinitionNode, GraphQLSchema, Node, VariableNode, Visitor, visit

from app.executor.reach import stays_inside
from app.transport.context import OperationContext
from app.transport.documents import Operation
from app.values.frozen import frozen


class CommonKey:
    """Stands for all keys that are equal to its own, so that a subscriber's is found without a comparison: every event
    looks for it, and permissions are long."""

    __slots__ = ("__weakref__",)


_COMMON: Final[WeakValueDictionary[Hashable, CommonKey]] = WeakValueDictionary()


@frozen
class Sharing:
    """Whom a subscriber shares answers with: `equal` with those of the same data scope, None for nobody; `common` with
    all who receive the event, None if it looks different to them."""

    equal: Hashable | None
    common: CommonKey | None


def sharing(operation: Operation, context: OperationContext, schema: GraphQLSchema) -> Sharing:
    """Whom the subscriber shares answers with."""
    asked, visibility, common = _asked(operation), context.sharing_key, context.common_key
    if common is not None:
        root, document = schema.get_root_type(operation.type), operation.document
        inside = stays_inside(schema, root, operation.node.selection_set, document.fragments, context)
        common = _COMMON.setdefault((*asked, common), CommonKey()) if inside else None
    return Sharing(None if visibility is None else (*asked, visibility), common)


def _asked(operation: Operation) -> tuple[Hashable, ...]:
    """Equal for subscribers who ask for the same of every event."""
    given = operation.variables or {}
    # A variable that is null differs from one that was left out: only the latter takes its default.
    used = {name: given[name] for name in _variables_below_root(operation) if name in given}
    # As a text: orjson's bytes have room for 4 KiB, which every subscriber would hold.
    values = orjson.dumps(used, option=orjson.OPT_SORT_KEYS).decode()
    return (operation.document.text, operation.name, values)


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
