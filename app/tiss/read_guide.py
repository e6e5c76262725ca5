"""Reads the values of one guide by the table of its kind."""

from collections.abc import Iterable, Iterator
from typing import Any

from app.domain.errors import ErrorCode, Failure, raise_any
from app.tiss import tree
from app.tiss.fields import Field, Items, Team
from app.tiss.guide_values import GuideValues, Values, priced
from app.tiss.guides import Guide


def values_of(node: Any, guide: Guide) -> GuideValues:
    """What the guide says; BillingError with a failure for each value that cannot be read."""
    failures: list[Failure] = []
    values = _values(node, guide.fields, failures)
    items = [item for kind in guide.items for item in _items(node, kind, failures)]
    raise_any(failures)
    diagnoses = (
        tuple((each.text or "").strip() for each in tree.find_all(node, guide.diagnoses)) if guide.diagnoses else ()
    )
    return GuideValues(values, items, diagnoses)


def elements_of(node: Any, kind: Items) -> list[Any]:
    """The elements of the items of this kind."""
    return tree.find_all(node, kind.path)


def _items(node: Any, kind: Items, failures: list[Failure]) -> Iterator[Values]:
    for element in elements_of(node, kind):
        before = len(failures)
        failures += _missing(element, kind)
        found = dict(kind.constants) | _values(element, kind.fields, failures)
        if kind.team is not None and (team := list(_team(element, kind.team, failures))):
            found["team"] = team
        if len(failures) == before:
            yield priced(found)


def _team(element: Any, team: Team, failures: list[Failure]) -> Iterator[Values]:
    for member in tree.find_all(element, team.path):
        yield _values(member, team.fields, failures)


def _missing(element: Any, kind: Items) -> Iterator[Failure]:
    """Without these there is no item; what else is missing, the schema of the document says."""
    needed = {"sequence", "code_system", "code", "quantity", "total", "performed_on"}
    for field in kind.fields:
        if field.name in needed and tree.text(element, field.path) is None:
            message = f"{field.path[-1]}: an item needs it"
            yield Failure(ErrorCode.INVALID_INPUT, message, "/".join(field.path), "5001")


def _values(node: Any, fields: Iterable[Field], failures: list[Failure]) -> Values:
    found: Values = {}
    for field in fields:
        text = tree.text(node, field.path)
        if text is None:
            continue
        try:
            found[field.name] = field.codec.read(text)
        except (ValueError, KeyError, OverflowError):
            message = f"{field.path[-1]}: the value does not have the form that the schema asks for"
            failures.append(Failure(ErrorCode.INVALID_INPUT, message, "/".join(field.path), "5001"))
    return found
