"""Who shares an answer with whom: the same document, the same variables below the root, the same permissions and, where
the selection leads further than the event's provider and payer, the same data scope."""

from typing import Any

import pytest

from app.auth.principal import Principal
from app.resolvers.context import Context
from app.schema.root import schema
from app.transport.documents import Documents
from app.transport.parameters import Parameters
from app.transport.sharing import Sharing, sharing

QUERY = """subscription W($filter: SettlementRecordedFilterInput, $after: String, $more: Boolean = false) {
  settlementRecorded(filter: $filter, after: $after) { cursor ...Row } }
  fragment Row on SettlementRecordedEvent { settlement { id amount @include(if: $more) } }"""
FINANCE = Principal("u1", frozenset({"finance"}), frozenset({"2000001"}))
DOCUMENTS = Documents(schema)
# The patient is known to other providers too.
LEADING_OUT = """subscription W($filter: DenialStatusChangedFilterInput, $after: String, $more: Boolean = false) {
  denialStatusChanged(filter: $filter, after: $after) { cursor denial { claim { ...Row @include(if: $more) } } } }
  fragment Row on Claim { id patient { id } }"""


def _key(principal: Principal = FINANCE, query: str = QUERY, **variables: Any) -> Sharing:
    parts = dict.fromkeys(Context.__dataclass_fields__)
    context = Context(**{**parts, "principal": principal})  # type: ignore[arg-type]
    operation = DOCUMENTS.get(query).choose(Parameters(query, variables), started=0.0)
    return sharing(operation, context, DOCUMENTS._schema)


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
    ],
    ids=["a variable below the root", "another document", "other permissions"],
)
def test_whatever_may_change_the_answer_keeps_them_apart(other: Sharing) -> None:
    own = _key()
    assert (own.common, own.equal) not in {(other.common, own.equal), (own.common, other.equal)}
    assert None not in (other.common, other.equal)


SCOPES = {
    "another provider": Principal("u1", frozenset({"finance"}), frozenset({"2000002"})),
    "all": Principal("u1", frozenset({"finance"}), frozenset({"*"})),
}


@pytest.mark.parametrize("other", SCOPES.values(), ids=SCOPES)
def test_a_data_scope_keeps_nobody_apart_while_the_selection_stays_with_the_events_parties(other: Principal) -> None:
    assert _key(other).common == _key().common
    assert _key(other).common is not None


@pytest.mark.parametrize("other", SCOPES.values(), ids=SCOPES)
@pytest.mark.parametrize("more", [True, False])
def test_a_selection_that_leads_to_a_patient_is_shared_within_a_data_scope(other: Principal, more: bool) -> None:
    own, another = _key(query=LEADING_OUT, more=more), _key(other, query=LEADING_OUT, more=more)
    assert (own.common, another.common) == (None, None)
    assert own.equal not in {None, another.equal}


@pytest.mark.parametrize("bound", [{"payer": "200001"}, {"patient": "pat_1"}], ids=["a payer", "a patient"])
def test_callers_of_a_payer_and_patients_share_within_their_data_scope(bound: dict[str, Any]) -> None:
    found = _key(Principal("u1", frozenset({"finance"}), frozenset({"2000001"}), **bound))
    assert found.common is None
    assert found.equal not in {None, _key().equal}
