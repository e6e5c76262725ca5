"""Tests about what the transport answers run both ways: the short one of usual requests, and the general one."""

import ast
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parents[1]
FOLDERS = ("graphql", "identity")
LOOKED_AT = {"status", "status_code", "headers"}
SENT_BY = {"post", "request", "send", "get", "stream"}
ELSEWHERE = {
    "graphql/test_modes.py": "what a mode of the process serves at all, and to whom",
    "graphql/test_who_sees_what.py": "who may ask for a field, which is decided before and behind either way",
    "identity/test_forgeries.py": "a token that is refused is refused by the one function that both ways ask",
    "identity/test_production.py": "likewise; and long documents without a token, which never go the short way",
    "identity/test_real_provider.py": "likewise, with the keys of a provider",
}
"""Modules outside of `tests/transport` that look at statuses or headers of answers to GraphQL, with the reason."""


def test_who_looks_at_statuses_and_headers_of_graphql_is_in_the_folder_that_runs_both_ways() -> None:
    found = {
        path.relative_to(TESTS).as_posix()
        for folder in FOLDERS
        for path in (TESTS / folder).rglob("test_*.py")
        if any(_looks_at_the_transport(each) for each in _functions(ast.parse(path.read_text())))
    }
    assert found == set(ELSEWHERE)


def _functions(tree: ast.AST) -> Iterator[ast.AST]:
    return (each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef))


def _looks_at_the_transport(function: ast.AST) -> bool:
    assigned = [each for each in ast.walk(function) if isinstance(each, ast.Assign) and _asks(each.value)]
    names = {target.id for each in assigned for target in each.targets if isinstance(target, ast.Name)}
    read = [each for each in ast.walk(function) if isinstance(each, ast.Attribute) and each.attr in LOOKED_AT]
    return any(_asks(each.value) or (isinstance(each.value, ast.Name) and each.value.id in names) for each in read)


def _asks(node: ast.AST) -> bool:
    """Whether it is a call that sends an operation: `gql` of a gateway, or a request to /graphql."""
    call = node.value if isinstance(node, ast.Await) else node
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return False
    given = [*call.args, *(each.value for each in call.keywords)]
    texts = [each.value for part in given for each in ast.walk(part) if isinstance(each, ast.Constant)]
    is_there = any(isinstance(each, str) and each.endswith("/graphql") for each in texts)
    return call.func.attr == "gql" or (is_there and call.func.attr in SENT_BY)
