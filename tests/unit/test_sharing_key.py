"""Who shares an answer with whom: the same document, the same variables below the root, the same rights and scope."""

from typing import Any

import pytest

from app.auth.principal import Principal
from app.resolvers.context import Context
from app.schema.root import schema
from app.transport.documents import Documents
from app.transport.parameters import Parameters
from app.transport.sharing import sharing_key

QUERY = """subscription W($filter: SettlementRecordedFilterInput, $after: String, $more: Boolean = false) {
  settlementRecorded(filter: $filter, after: $after) { cursor ...Row } }
  fragment Row on SettlementRecordedEvent { settlement { id amount @include(if: $more) } }"""
FINANCE = Principal("u1", frozenset({"finance"}), frozenset({"2000001"}))
DOCUMENTS = Documents(schema)


def _key(principal: Principal = FINANCE, query: str = QUERY, **variables: Any) -> Any:
    parts = dict.fromkeys(Context.__dataclass_fields__)
    context = Context(**{**parts, "principal": principal})  # type: ignore[arg-type]
    operation = DOCUMENTS.get(query).choose(Parameters(query, variables), started=0.0)
    return sharing_key(operation, context)


def test_equal_subscribers_share() -> None:
    assert _key() == _key()
    assert _key(Principal("u2", frozenset({"finance"}), frozenset({"2000001"}))) == _key()


@pytest.mark.parametrize("variables", [{"after": "MA"}, {"filter": {"payerAnsCode": "200001"}}])
def test_which_events_were_asked_for_does_not_matter(variables: dict[str, Any]) -> None:
    assert _key(**variables) == _key()


@pytest.mark.parametrize(
    "other",
    [
        _key(more=True),
        _key(query=QUERY.replace("cursor", "place: cursor")),
        _key(Principal("u1", frozenset({"billing_reader"}), frozenset({"2000001"}))),
        _key(Principal("u1", frozenset({"finance"}), frozenset({"2000002"}))),
        _key(Principal("u1", frozenset({"finance"}), frozenset({"*"}))),
        _key(Principal("u1", frozenset({"finance"}), frozenset({"2000001"}), payer="200001")),
    ],
    ids=["a variable below the root", "another document", "other rights", "another provider", "all", "a payer"],
)
def test_whatever_may_change_the_answer_keeps_them_apart(other: Any) -> None:
    assert other != _key()
