"""A manifest of trusted documents from the .graphql files of a client: one operation each, with its fragments, once as
it is written and once with `__typename` in every selection, as Apollo Client and urql send it."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from graphql import (
    DefinitionNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSyntaxError,
    NameNode,
    Node,
    OperationDefinitionNode,
    SelectionSetNode,
    Visitor,
    parse,
    print_ast,
    visit,
)
from strawberry import Schema

from app.transport.documents import Documents
from app.transport.errors import RequestError
from app.transport.trusted import APOLLO_FORMAT, ManifestError, digest_of


def build(schema: Schema, files: Mapping[Path, str]) -> dict[str, Any]:
    """The manifest in Apollo's form; ManifestError with one line for each file or operation that is not valid."""
    problems: list[str] = []
    definitions = [(path, node) for path, text in files.items() for node in _parsed(path, text, problems)]
    fragments = {node.name.value: node for _, node in definitions if isinstance(node, FragmentDefinitionNode)}
    documents = Documents(schema)
    operations: list[dict[str, str]] = []
    for path, node in definitions:
        if isinstance(node, OperationDefinitionNode):
            operations += _entry(documents, path, node, fragments, problems)
    if problems:
        raise ManifestError("\n".join(problems))
    return {"format": APOLLO_FORMAT, "version": 1, "operations": sorted(operations, key=lambda each: each["name"])}


def _parsed(path: Path, text: str, problems: list[str]) -> Iterable[DefinitionNode]:
    try:
        return parse(text, allow_empty_selection_sets=False).definitions
    except GraphQLSyntaxError as error:
        problems.append(f"{path}: {error.message}")
        return ()


def _entry(
    documents: Documents,
    path: Path,
    node: OperationDefinitionNode,
    fragments: Mapping[str, FragmentDefinitionNode],
    problems: list[str],
) -> Iterator[dict[str, str]]:
    if node.name is None:
        problems.append(f"{path}: give the operation a name")
        return
    spread = _spread_fragments(node, fragments)
    document = DocumentNode(definitions=(node, *(fragments[name] for name in spread)))
    try:
        documents.get(print_ast(document))
    except RequestError as error:
        problems.append(f"{path}: {node.name.value}: {error.message}")
        return
    for body in dict.fromkeys((print_ast(document), print_ast(visit(document, _AddTypename())))):
        yield {"id": digest_of(body), "name": node.name.value, "type": node.operation.value, "body": body}


def _spread_fragments(node: Node, fragments: Mapping[str, FragmentDefinitionNode]) -> list[str]:
    """The names of the fragments that the operation spreads, directly or through others; validation names unknown
    ones."""
    found: dict[str, None] = {}
    waiting: list[Node] = [node]
    while waiting:
        spreads = _Spreads()
        visit(waiting.pop(), spreads)
        for name in spreads.names:
            if name in fragments and name not in found:
                found[name] = None
                waiting.append(fragments[name])
    return list(found)


class _AddTypename(Visitor):
    """Ends every selection but the root's with `__typename`, unless it asks for a `__` field already."""

    def leave_selection_set(
        self, node: SelectionSetNode, _key: Any, parent: Node | None, *_args: Any
    ) -> SelectionSetNode | None:
        """The longer selection; None leaves it as it is."""
        asks = any(isinstance(each, FieldNode) and each.name.value.startswith("__") for each in node.selections)
        if asks or isinstance(parent, OperationDefinitionNode):
            return None
        return SelectionSetNode(selections=(*node.selections, FieldNode(name=NameNode(value="__typename"))))


class _Spreads(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def enter_fragment_spread(self, node: FragmentSpreadNode, *_args: Any) -> None:
        self.names.append(node.name.value)
