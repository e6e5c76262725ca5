"""The cases: each documented filter and order of each list, as an operation of a caller."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from tests.gateway import Gateway
from tests.length import IS_FULL
from tests.scale.further_lists import further_lists
from tests.scale.lists import List, lists
from tests.scale.object_lists import object_lists
from tests.scale.reads import Sent, sent_statements
from tests.scale.size import SIZE

LIMITED: Final = " LIMIT "


@dataclass(frozen=True)
class Case:
    """An operation that asks for a page; its title has the list, the filter, the order and the caller's name."""

    title: str
    listed: List
    scope: dict[str, Any]
    document: str
    is_alone: bool
    """Whether it has one filter or one order; the full run also asks for all pairs of them."""

    async def page(self, gateway: Gateway) -> Sent:
        """The statement for the page, as the API sends it."""
        token = gateway.token(self.listed.role, **self.scope)
        with sent_statements(gateway) as sent:
            answer = await gateway.gql(self.document, token=token)
        assert "errors" not in answer.body, (self.title, answer.body)
        (found,) = [each for each in sent if LIMITED in each.text and not self._is_about_the_caller(each)]
        return found

    def _is_about_the_caller(self, statement: Sent) -> bool:
        """Whether it asks for the caller's own emergency access, as every operation may."""
        return self.listed.name != "emergencyAccesses" and "emergency_accesses" in statement.text


def all_lists() -> list[List]:
    """Of the root and on objects."""
    return [*lists(SIZE), *further_lists(), *object_lists()]


def all_cases() -> Iterator[Case]:
    """In the full run each filter in each order for each caller, otherwise one by one."""
    for listed in all_lists():
        alone = dict(listed.queries(is_every_order=False))
        for name, scope in listed.scopes:
            for title, document in listed.queries(is_every_order=IS_FULL):
                # The providers of a data scope are one more filter.
                is_alone = title in alone and (name == listed.scopes[0][0] or "(all)" in title)
                if IS_FULL or is_alone:
                    yield Case(f"{title} of {name}", listed, scope, document, is_alone)
