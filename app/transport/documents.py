"""From a request's text to the operation it means: parsed, measured and validated once per document."""

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    parse,
    recommended_rules,
    specified_rules,
    validate,
)
from strawberry import Schema
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from app.transport import errors
from app.transport.errors import Refused, RequestError
from app.transport.limits import Limits, Measure, check, measure

TOKENS_MAX = 1_000
CHARACTERS_MAX = 32 * 1024  # a document names fields; long values belong into variables
VARIABLES_DEPTH_MAX = 32
VARIABLES_COUNT_MAX = 20_000
ERRORS_MAX = 3  # each may print the value that it complains of, so many are dear
CACHE_WEIGHT_MAX = 500_000  # characters; a parsed document takes about 120 bytes for each
_WEIGHT_OF_ANY = 500
_RULES = (*recommended_rules, *specified_rules, MaybeNullValidationRule, OneOfInputValidationRule)


@dataclass(frozen=True, slots=True)
class Parameters:
    """A request's members, of the right types."""

    query: str
    variables: dict[str, Any] | None = None
    operation_name: str | None = None
    extensions: Mapping[str, Any] = field(default_factory=dict)
    document_id: object = None

    @classmethod
    def of(cls, value: object) -> Self:
        """From decoded JSON; Refused (BAD_REQUEST) for anything that is no GraphQL request."""
        if not isinstance(value, dict):
            raise Refused(errors.BAD_REQUEST, "a request is a JSON object")
        query, name = value.get("query"), value.get("operationName")
        extensions, identifier = value.get("extensions"), value.get("documentId")
        # Without a query the document may be named by its hash; which is looked into where documents are found.
        is_named = identifier is not None or (isinstance(extensions, dict) and "persistedQuery" in extensions)
        if not isinstance(query, str) and not (query is None and is_named):
            raise Refused(errors.BAD_REQUEST, "query must be a non-empty string")
        if not query and not is_named:
            raise Refused(errors.BAD_REQUEST, "query must be a non-empty string")
        if query and "\0" in query:
            raise Refused(errors.BAD_REQUEST, "query must not contain NUL")
        if name is not None and not isinstance(name, str):
            raise Refused(errors.BAD_REQUEST, "operationName must be a string")
        for member in ("variables", "extensions"):
            if not isinstance(value.get(member), dict | None):
                raise Refused(errors.BAD_REQUEST, f"{member} must be an object")
        _check_size(value.get("variables"))
        return cls(query or "", value.get("variables"), name or None, extensions or {}, identifier)


def _check_size(variables: object) -> None:
    """Refuse values that are nested deeper than any input is, or are more than any input holds: each is looked at
    several times before the first resolver may refuse them. Level by level, so that the depth costs no recursion."""
    level: list[Any] = [variables]
    count = 0
    for _ in range(VARIABLES_DEPTH_MAX):
        below = [part for each in level if isinstance(each, dict) for part in each.values()]
        below += [part for each in level if isinstance(each, list) for part in each]
        count += len(below)
        if count > VARIABLES_COUNT_MAX:
            raise Refused(errors.BAD_REQUEST, f"variables hold at most {VARIABLES_COUNT_MAX:,} values")
        level = [each for each in below if isinstance(each, dict | list)]
        if not level:
            return
    raise Refused(errors.BAD_REQUEST, f"variables are nested at most {VARIABLES_DEPTH_MAX} levels deep")


@dataclass(frozen=True, slots=True)
class Document:
    """A valid document and its operations by name."""

    text: str
    tree: DocumentNode
    operations: Mapping[str | None, OperationDefinitionNode]
    measures: Mapping[str | None, Measure]

    def operation(self, name: str | None) -> OperationDefinitionNode:
        """The one that is meant; without a name there must be only one. RequestError otherwise."""
        if name is None and len(self.operations) == 1:
            return next(iter(self.operations.values()))
        if name is None:
            raise RequestError(errors.RESOLUTION_FAILURE, "operationName says which of several operations to run")
        if name not in self.operations:
            raise RequestError(errors.RESOLUTION_FAILURE, "operationName names no operation of the document")
        return self.operations[name]


class Documents:
    """Valid documents by the hash of their text, the least recently used forgotten first; invalid ones are not kept."""

    def __init__(self, schema: Schema, *, limits: Limits | None = None, weight_max: int = CACHE_WEIGHT_MAX) -> None:
        self._schema: GraphQLSchema = schema._schema  # noqa: SLF001 - Strawberry has no public name for it
        self._hide_suggestions = schema.config.disable_field_suggestions
        self._limits = limits or Limits()
        self._weight_left = weight_max
        self._known: OrderedDict[bytes, Document] = OrderedDict()

    def known(self, text: str) -> Document | None:
        """The document if it was found valid before."""
        key = _key(text)
        document = self._known.get(key)
        if document is not None:
            self._known.move_to_end(key)
        return document

    def get(self, text: str) -> Document:
        """The parsed and validated document; RequestError with every reason if it is not valid."""
        return self.known(text) or self.keep(self.checked(text))

    def keep(self, document: Document) -> Document:
        """Remember a checked document, and forget others if there are too many."""
        key = _key(document.text)
        if key not in self._known:
            self._known[key] = document
            self._weight_left -= _weight(document)
        while self._weight_left < 0:
            self._weight_left += _weight(self._known.popitem(last=False)[1])
        return document

    def checked(self, text: str) -> Document:
        """As `get`, without the memory: this may run in any thread."""
        check("characters", len(text), CHARACTERS_MAX)
        try:
            tree = parse(text, max_tokens=TOKENS_MAX)
        except GraphQLSyntaxError as error:
            raise RequestError(errors.PARSE_FAILED, error.message, errors=[error]) from None
        measures = measure(self._schema, tree, self._limits)
        self._check(tree)
        operations = {
            node.name.value if node.name else None: node
            for node in tree.definitions
            if isinstance(node, OperationDefinitionNode)
        }
        return Document(text, tree, operations, measures)

    def _check(self, tree: DocumentNode) -> None:
        found = validate(self._schema, tree, _RULES, max_errors=ERRORS_MAX, hide_suggestions=self._hide_suggestions)
        _refuse_any(errors.VALIDATION_FAILED, found)


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _weight(document: Document) -> int:
    return _WEIGHT_OF_ANY + len(document.text)


def _refuse_any(code: str, found: Iterable[GraphQLError]) -> None:
    reasons = list(found)
    if reasons:
        raise RequestError(code, reasons[0].message, errors=reasons)


@dataclass(frozen=True)
class Operation:
    """What is to be run: one operation of a valid document, with its variables."""

    document: Document
    node: OperationDefinitionNode
    variables: dict[str, Any] | None
    started: float

    @cached_property
    def measure(self) -> Measure:
        """What it asks for."""
        return self.document.measures[self.name]

    @cached_property
    def cost(self) -> int:
        """What it may cost with its variables."""
        return self.measure.weight.of(self.variables or {})

    @property
    def name(self) -> str | None:
        """The operation's name in the document."""
        return self.node.name.value if self.node.name else None

    @property
    def type(self) -> OperationType:
        """Query, mutation or subscription."""
        return self.node.operation
