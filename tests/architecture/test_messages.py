"""Every message that a caller may read has a Portuguese text with the same values."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from string import Formatter

from app.domain.errors import ErrorCode
from app.language.messages import AREAS, catalogue, codes, names_of
from app.reference.errors import REQUEST_ERRORS

APP = Path(__file__).parents[2] / "app"
PLACES = {
    "Failure": 1,
    "StaleVersion": 1,
    "OverSettlement": 1,
    "DuplicateClaim": 1,
    "DuplicateParty": 1,
    "StatusConflict": 1,
    "refuse": 1,
    "conflict": 0,
    "in_conflict": 0,
    "status_conflict": 0,
    "duplicate": 0,
    "Invalid": 1,
    "Refused": 1,
    "RequestError": 1,
    "Unauthenticated": 0,
    "TimedOut": 0,
    "Unreadable": 0,
    "NoMessage": 0,
    "InvalidToken": 0,
    "PrematureToken": 0,
    "_refusal": 0,
    "_failure": 0,
    "_warning": 1,
    "_mismatch": 0,
    "_invalid": 0,
    "invalid": 0,
    "_bad": 0,
    "_expired": 0,
    "_too_much": 0,
    "in_language": 0,
}
"""What makes a refusal, with the place of its message among the arguments."""
NOBODY_READS = ("commands", "demo", "reference", "events/inbox.py", "services/inbox.py", "domain/readable_lines.py")
"""Commands speak English, what the inbox cannot store is for operators, and findings have names of elements."""
ELSEWHERE = {"unknown card", "{} in row {} is {}, its rows add up to "}
"""In the access log, and in the findings of a statement."""
AS_THE_PROTOCOL_SAYS = {"PersistedQueryNotFound", "PersistedQueryNotSupported"}
"""Clients compare these."""
OF_EACH_KIND = {"cannot {} {} that is {}"}
"""Portuguese has a text of its own for each kind of object: tests/unit/test_language.py."""


def _escaped(text: object) -> str:
    return str(text).replace("{", "{{").replace("}", "}}")


def _texts(node: ast.expr, named: dict[str, list[ast.expr]]) -> Iterator[str]:
    """The texts that the expression may be, with `{}` for each value."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield _escaped(node.value)
    elif isinstance(node, ast.JoinedStr):
        yield "".join(_escaped(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    elif isinstance(node, ast.IfExp):
        yield from _texts(node.body, named)
        yield from _texts(node.orelse, named)
    elif isinstance(node, ast.BoolOp):
        for value in node.values:
            yield from _texts(value, named)
    elif isinstance(node, ast.Name):
        for value in named.pop(node.id, []):
            yield from _texts(value, named)


@cache
def _modules() -> tuple[tuple[str, ast.Module], ...]:
    """The files whose texts callers read."""
    named = ((path, path.relative_to(APP).as_posix()) for path in sorted(APP.rglob("*.py")))
    return tuple((name, ast.parse(path.read_text())) for path, name in named if not name.startswith(NOBODY_READS))


def _messages(tree: ast.Module) -> Iterator[str]:
    """The texts of refusals, also those that have a name of their own in the file."""
    named: dict[str, list[ast.expr]] = defaultdict(list)
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name):
                    named[target.id].append(node.value)
                if isinstance(target, ast.Attribute) and target.attr == "message":
                    yield from _texts(node.value, {})
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            made = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if made in PLACES:
                place = PLACES[made]
                given = [each.value for each in node.keywords if each.arg == "message"]
                for each in given + node.args[place : place + 1]:
                    yield from _texts(each, dict(named))


def _of_catalogue() -> dict[str, str]:
    """Every English text -> the Portuguese one."""
    return {english: portuguese for area in AREAS for english, portuguese in catalogue(area).items()}


def test_every_message_has_a_portuguese_text() -> None:
    known = {re.sub(r"\{\w+\}", "{}", english) for english in _of_catalogue()}
    known |= AS_THE_PROTOCOL_SAYS | OF_EACH_KIND | ELSEWHERE
    written = {text: name for name, tree in _modules() for text in _messages(tree)}
    # What has no word is a value, such as the name of an element.
    missing = {text: name for text, name in written.items() if " " in text.replace("{}", "") and text not in known}
    assert missing == {}
    assert len(written) > 350


def test_both_texts_have_the_same_values() -> None:
    differ = [each for each in _of_catalogue().items() if sorted(names_of(each[0])) != sorted(names_of(each[1]))]
    assert differ == []


def test_no_text_is_in_two_areas() -> None:
    assert len(_of_catalogue()) == sum(len(catalogue(area)) for area in AREAS)


def test_no_text_of_the_catalogue_is_left_over() -> None:
    constants = [node.value for _, tree in _modules() for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    source = "\n".join(text for text in constants if isinstance(text, str))
    steps = source.casefold().replace("_", " ")
    unused = [
        english
        for english in _of_catalogue()
        if max((text for text, *_ in Formatter().parse(english)), key=len).strip(": ") not in source
        and english not in steps
    ]
    assert [each for each in unused if not each.startswith("cannot {verb} ")] == []


def test_every_code_is_explained_in_portuguese() -> None:
    assert {area: set(texts) for area, texts in codes().items()} == {
        "requests": set(REQUEST_ERRORS),
        "input": set(ErrorCode),
    }
