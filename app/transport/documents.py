"""The steps that depend on a document's text alone (parse, measure, validate), and the cache of their results."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    get_variable_values,
    parse,
    recommended_rules,
    specified_rules,
    validate,
)
from graphql.execution.collect_fields import FragmentDetails
from graphql.execution.values import VariableValues
from strawberry import Schema
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from app.executor.plans import DocumentPlans
from app.transport import errors
from app.transport.document_memory import DocumentMemory
from app.transport.errors import RequestError
from app.transport.limits import Limits, check
from app.transport.measure import Measure, measure
from app.transport.messages import without_values
from app.transport.parameters import Parameters
from app.values.frozen import frozen

TOKENS_MAX: Final = 1_000
CHARACTERS_MAX: Final = 32 * 1024  # a document names fields; long values belong in variables
ERRORS_MAX: Final = 3  # each error may print the value that it is about, so large error lists are expensive
CACHE_WEIGHT_MAX: Final = 500_000  # characters; a parsed document takes about 120 bytes for each
_WEIGHT_PER_DOCUMENT: Final = 500
NUMBERS_MAX: Final = 16
"""So many are remembered of a document, where optional variables may be given or not."""
RULES: Final = (*recommended_rules, *specified_rules, MaybeNullValidationRule, OneOfInputValidationRule)


@dataclass(frozen=True)
class Operation:
    """What is to be executed: one operation of a valid document, with its variables, how many values they hold, and how
    they were coerced; `started` is a perf_counter."""

    document: "Document"
    node: OperationDefinitionNode
    variables: dict[str, Any] | None
    coerced: VariableValues
    started: float
    values: int = 0

    @property
    def name(self) -> str | None:
        """The operation's name in the document."""
        return self.node.name.value if self.node.name else None

    @property
    def type(self) -> OperationType:
        """Query, mutation or subscription."""
        return self.node.operation

    @property
    def kind(self) -> str:
        """`mutation`, `subscription`, `point` for a query of objects by their `id` alone, or `list` for any other."""
        return self.document.kinds[self.name]

    @property
    def measure(self) -> Measure:
        """What it asks for."""
        return self.document.measures[self.name]

    @cached_property
    def cost(self) -> int:
        """How many fields its answer may hold, with these variables."""
        given = self.coerced.coerced
        if not all(each is None or isinstance(each, str) for each in given.values()):
            return self.measure.cost.of(given)
        # Only numbers, lists and objects make an operation cost more or less.
        return self.document.remembered((self.name, *given), lambda: self.measure.cost.of(given))


@frozen
class Document:
    """A valid document, and its operations and their measures by name."""

    schema: GraphQLSchema
    text: str
    tree: DocumentNode
    operations: Mapping[str | None, OperationDefinitionNode]
    fragments: Mapping[str, FragmentDetails]
    measures: Mapping[str | None, Measure]
    kinds: Mapping[str | None, str]
    plans: DocumentPlans
    numbers: dict[tuple[str | None, ...], int] = field(default_factory=dict)

    def remembered(self, key: tuple[str | None, ...], count: Callable[[], int]) -> int:
        """What `count` gave the first time for this key, which starts with the name of an operation."""
        found = self.numbers.get(key)
        if found is None:
            found = count()
            if len(self.numbers) < NUMBERS_MAX:
                self.numbers[key] = found
        return found

    def choose(self, parameters: Parameters, *, started: float) -> Operation:
        """The operation that the request names; without a name there must be only one. RequestError otherwise, and for
        variables that do not fit it."""
        name = parameters.operation_name
        if name is None and len(self.operations) != 1:
            raise RequestError(errors.RESOLUTION_FAILURE, "set operationName: the document has several operations")
        if name is not None and name not in self.operations:
            raise RequestError(errors.RESOLUTION_FAILURE, "operationName must name an operation of the document")
        node = next(iter(self.operations.values())) if name is None else self.operations[name]
        coerced = coerced_values(self.schema, node, parameters.variables or {})
        return Operation(self, node, parameters.variables, coerced, started, parameters.values)


def coerced_values(schema: GraphQLSchema, node: OperationDefinitionNode, given: dict[str, Any]) -> VariableValues:
    """The operation's variables as its resolvers get them: with defaults, and 100.0 as the Int 100. RequestError
    (BAD_USER_INPUT) with the first reasons if they do not fit."""
    found = get_variable_values(schema, node.variable_definitions or (), given, ERRORS_MAX, hide_suggestions=True)
    if isinstance(found, list):
        raise RequestError(errors.BAD_USER_INPUT, without_values(found[0].message), errors=found)
    return found


def parse_text(text: str) -> DocumentNode:
    """Step 3. RequestError for a text that is too long or not GraphQL."""
    check("characters", len(text), CHARACTERS_MAX)
    try:
        return parse(text, max_tokens=TOKENS_MAX, allow_empty_selection_sets=False)
    except GraphQLSyntaxError as error:
        raise RequestError(errors.PARSE_FAILED, without_values(error.message), errors=[error]) from None


def validate_tree(schema: GraphQLSchema, tree: DocumentNode, *, hide_suggestions: bool) -> None:
    """Step 5. RequestError with the first reasons if the tree does not fit the schema."""
    found = validate(schema, tree, RULES, max_errors=ERRORS_MAX, hide_suggestions=hide_suggestions)
    if found:
        raise RequestError(errors.VALIDATION_FAILED, without_values(found[0].message), errors=found)


class Documents:
    """Valid documents by the hash of their text, each of the owner for whom it was compiled first
    (`document_memory.py`). Invalid ones are not cached: a client could fill the cache with them."""

    def __init__(self, schema: Schema, *, limits: Limits | None = None, weight_max: int = CACHE_WEIGHT_MAX) -> None:
        self._schema: GraphQLSchema = schema._schema  # noqa: SLF001 - Strawberry has no public name for it
        self._hide_suggestions = schema.config.disable_field_suggestions
        self._limits = limits or Limits()
        self._cache: DocumentMemory[Document] = DocumentMemory(weight_max)

    def get(self, text: str, owner: str = "") -> Document:
        """The document, from the cache or compiled; RequestError with every reason if it is not valid."""
        return self.cached(text, owner) or self.store(self.compile(text), owner)

    def cached(self, text: str, owner: str) -> Document | None:
        """The document if it was found valid before."""
        return self._cache.get(_key(text), owner)

    def compile(self, text: str, check_tree: Callable[[DocumentNode], None] = lambda _tree: None) -> Document:
        """Parse, measure and validate, without the cache: this may run in any thread. What `check_tree` refuses is
        refused before anything is said of the schema."""
        tree = parse_text(text)
        check_tree(tree)
        measures = measure(self._schema, tree, self._limits)
        validate_tree(self._schema, tree, hide_suggestions=self._hide_suggestions)
        operations = {
            node.name.value if node.name else None: node
            for node in tree.definitions
            if isinstance(node, OperationDefinitionNode)
        }
        fragments = {
            node.name.value: FragmentDetails(node)
            for node in tree.definitions
            if isinstance(node, FragmentDefinitionNode)
        }
        kinds = {name: _kind(node) for name, node in operations.items()}
        return Document(self._schema, text, tree, operations, fragments, measures, kinds, DocumentPlans(tree))

    def store(self, document: Document, owner: str) -> Document:
        """Cache a compiled document, and drop others if there are too many."""
        self._cache.put(_key(document.text), document, _weight(document), owner)
        return document


def _kind(node: OperationDefinitionNode) -> str:
    if node.operation is not OperationType.QUERY:
        return str(node.operation.value)
    return "point" if all(map(_asks_by_id, node.selection_set.selections)) else "list"


def _asks_by_id(selection: SelectionNode) -> bool:
    return isinstance(selection, FieldNode) and any(each.name.value == "id" for each in selection.arguments or ())


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _weight(document: Document) -> int:
    return _WEIGHT_PER_DOCUMENT + len(document.text)
