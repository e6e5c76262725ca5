"""The step between reading and execution: may this caller run this operation now?"""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Final

from graphql import DefinitionNode, DocumentNode, FieldNode, FragmentDefinitionNode, OperationDefinitionNode

from app.transport import errors
from app.transport.context import OperationContext
from app.transport.document_memory import ANONYMOUS
from app.transport.documents import Operation
from app.transport.errors import Refused, Unauthenticated
from app.transport.limits import Limits, check
from app.transport.weights import Weights

READING_TOKENS: Final = 1
# What it does execute is paid for as it runs (`work.py`); this is for what it may ask of the database.
COST_PER_TOKEN: Final = 50_000
# A longer document takes a millisecond or more to compile, and so is compiled in a thread of its own.
LONG_CHARACTERS: Final = 1_000
_TYPENAME: Final = "__typename"
_OPEN_SCHEMA: Final = frozenset({_TYPENAME, "__schema", "__type"})

Release = Callable[[], None]


class IntrospectionRefused(Refused):
    """The caller may not read the schema."""

    def __init__(self) -> None:
        super().__init__(errors.FORBIDDEN, "introspection needs the permission schema:introspect", status=403)

    @property
    def extensions(self) -> dict[str, object]:
        return {"code": self.code, "permission": "schema:introspect"}


_WEIGHT: Final = "@cost"
"""No variable has such a name."""


async def admit_request(context: OperationContext) -> None:
    """Each request counts against its caller's rate, also one that is refused later: reading it is work."""
    await context.admit(READING_TOKENS)


class CountingRefusals:
    """What is refused inside of the block, before it is known to be a request, counts as one."""

    def __init__(self, context: OperationContext) -> None:
        self._context = context

    async def __aenter__(self) -> None:
        """Begin."""

    async def __aexit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        """Count a refusal."""
        if isinstance(error, Refused):
            await admit_request(self._context)


def admit_length(text: str, context: OperationContext) -> None:
    """Unauthenticated for a long document of an anonymous caller, who can see nothing that needs one. Where the schema
    is open to everybody, its introspection query is such a document."""
    if len(text) >= LONG_CHARACTERS and not (context.is_authenticated or context.may_introspect):
        raise Unauthenticated(f"send a token: documents of {LONG_CHARACTERS:,} characters or more need one")


def admit_fields(tree: DocumentNode, context: OperationContext) -> None:
    """Unauthenticated for an anonymous caller who asks for anything but `__typename`, or the schema where everybody may
    read it. This comes before validation, whose errors would tell them the names in the schema."""
    if not (context.is_authenticated or all(_is_open(each, context) for each in tree.definitions)):
        raise Unauthenticated("send an Authorization header with a bearer token")


def _is_open(definition: DefinitionNode, context: OperationContext) -> bool:
    if context.may_introspect and isinstance(definition, FragmentDefinitionNode):
        return True
    if not isinstance(definition, OperationDefinitionNode):
        return False
    selections = definition.selection_set.selections
    if context.may_introspect:
        return all(isinstance(each, FieldNode) and each.name.value in _OPEN_SCHEMA for each in selections)
    # Types of variables, directives and arguments are names of the schema too.
    nothing_else = not (definition.variable_definitions or definition.directives)
    return nothing_else and all(
        isinstance(each, FieldNode) and each.name.value == _TYPENAME and not (each.arguments or each.directives)
        for each in selections
    )


def admit_cost(operation: Operation, limits: Limits) -> None:
    """TooComplex for an operation whose answer may hold too many fields with its variables."""
    check("cost", operation.cost, limits.cost)


def owner_of(context: OperationContext) -> str:
    """Whose documents a request's document is remembered among."""
    return f"caller {context.caller}" if context.is_authenticated else ANONYMOUS


async def admit_operation(operation: Operation, context: OperationContext, weights: Weights) -> None:
    """Refused for introspection without the permission; an error of the context for a caller over their rate.

    Each root field takes its tokens, and so does a large cost; the token for reading has been taken already.
    """
    if operation.measure.introspects and not context.may_introspect:
        raise IntrospectionRefused
    document = operation.document
    fields = document.remembered((operation.name, _WEIGHT), lambda: weights.of(document.tree, operation.node))
    tokens = max(fields - READING_TOKENS, 0) + operation.cost // COST_PER_TOKEN
    if tokens:
        await context.admit(tokens)


class StreamSlots:
    """How many sockets, or subscriptions, each caller has open; `kind` names them, `per_caller` 0 is no limit.

    Both are counted: an idle socket costs memory, and every subscription of a socket costs work for each event.
    """

    def __init__(self, kind: str, per_caller: int) -> None:
        self._kind = kind
        self._per_caller = per_caller
        self._open: Counter[str] = Counter()

    def take(self, context: OperationContext) -> Release:
        """Count one more of the caller until the returned function is called; Refused if there are too many."""
        if not self._per_caller:
            return lambda: None
        caller = context.caller
        if self._open[caller] >= self._per_caller:
            message = f"at most {self._per_caller} {self._kind} at a time"
            raise Refused(errors.RATE_LIMITED, message, status=429)
        self._open[caller] += 1
        return partial(self._release, caller)

    def _release(self, caller: str) -> None:
        self._open[caller] -= 1
        if not self._open[caller]:
            del self._open[caller]
