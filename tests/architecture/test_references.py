"""The reference pages are what the code prints, and every error code, event and metric is described."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.commands.reference import Page, document
from app.domain.errors import ErrorCode
from app.events.contracts import CONTRACTS
from app.events.schemas import inbound_schema, json_schema
from app.reference import errors, events, metrics

ROOT = Path(__file__).parents[2]
APP = ROOT / "app"
CODE = re.compile(r"[A-Z]+(_[A-Z]+)*")
REFUSALS = {"Refused", "RequestError", "_Outside", "super().__init__"}


@pytest.mark.parametrize("page", list(Page))
def test_a_page_is_what_the_code_prints(page: Page) -> None:
    assert (ROOT / "docs" / f"{page.value}.md").read_text() == document(page)


def _codes(tree: ast.AST) -> Iterator[ast.expr]:
    """Every expression of a module that is an error code outside a payload."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield from (each.value for each in node.body if isinstance(each, ast.Assign) and _names(each) == ["code"])
        elif isinstance(node, ast.Call) and node.args and ast.unparse(node.func) in REFUSALS:
            yield node.args[0]
        elif isinstance(node, ast.Assign) and _names(node) == ["self.code", "self.message"]:
            yield node.value
        elif isinstance(node, ast.Dict):
            yield from (value for key, value in zip(node.keys, node.values, strict=True) if _is_code_key(key))


def _names(node: ast.Assign) -> list[str]:
    target = node.targets[0]
    return [ast.unparse(each) for each in (target.elts if isinstance(target, ast.Tuple) else [target])]


def _is_code_key(key: ast.expr | None) -> bool:
    return isinstance(key, ast.Constant) and key.value == "code"


def _literals() -> set[str]:
    found = {
        constant.value
        for path in APP.rglob("*.py")
        if not {"commands", "reference"} & set(path.relative_to(APP).parts)
        for code in _codes(ast.parse(path.read_text()))
        for constant in ast.walk(code)
        if isinstance(constant, ast.Constant) and isinstance(constant.value, str)
    }
    return {value for value in found if CODE.fullmatch(value)}


def _constants() -> set[str]:
    """The codes that the transport names once and uses in many places."""
    assigned = [
        node.value
        for name in ("errors", "persisted")
        for node in ast.parse((APP / "transport" / f"{name}.py").read_text()).body
        if isinstance(node, (ast.Assign, ast.AnnAssign))
    ]
    texts = {node.value for node in assigned if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return {text for text in texts if CODE.fullmatch(text)}


def test_every_error_code_of_a_request_is_described_and_no_other() -> None:
    assert _literals() | _constants() == set(errors.REQUEST_ERRORS)


def test_every_error_code_of_an_input_says_what_to_do() -> None:
    assert set(errors.USER_ERRORS) == set(ErrorCode)


def test_every_close_code_is_described_and_no_other() -> None:
    numbers = {
        node.value
        for path in [*(APP / "transport").glob("*.py"), APP / "web" / "browser_policy.py"]
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, int)
    }
    # graphql-transport-ws closes with 44xx and 4500; restart and overload have the codes of the WebSocket registry.
    assert {number for number in numbers if 4400 <= number < 4600 or number in {1012, 1013}} == set(errors.CLOSE_CODES)


def test_every_event_says_when_it_is_emitted() -> None:
    assert all(contract.when.endswith(".") for contract in CONTRACTS.values())
    assert {contract.data for contract in CONTRACTS.values()} == set(events.KINDS)


def test_every_field_of_an_event_is_described() -> None:
    inbound = inbound_schema()
    data = [json_schema(name)["properties"]["data"] for name in CONTRACTS] + [inbound["properties"]["data"]]
    data += [inbound["$defs"][name] for name in events.PARTS_OF_STATEMENTS.values()]
    assert [
        name for each in data for name, field in each["properties"].items() if not events.meaning(name, field)
    ] == []


def test_every_metric_and_label_is_described() -> None:
    found = metrics.all_metrics()
    assert len(found) > 20
    assert [metrics.name_of(each) for each in found if len(metrics.meaning(each).split()) < 2] == []
    assert {label for each in found for label in metrics.labels_of(each)} == set(metrics.LABELS)
