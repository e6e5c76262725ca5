"""A manifest of trusted documents from the .graphql files of a client: one operation each, with its fragments."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from graphql import (
    DefinitionNode,
    DocumentNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSyntaxError,
    Node,
    OperationDefinitionNode,
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
    body = print_ast(DocumentNode(definitions=(node, *(fragments[name] for name in spread))))
    try:
        documents.get(body)
    except RequestError as error:
        problems.append(f"{path}: {node.name.value}: {error.message}")
        return
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


class _Spreads(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def enter_fragment_spread(self, node: FragmentSpreadNode, *_args: Any) -> None:
        self.names.append(node.name.value)
