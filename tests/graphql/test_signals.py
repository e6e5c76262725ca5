"""What the metrics say of operations and of the books: the worst error counts, and nothing unknown is shown as 0."""

import pytest
from prometheus_client import generate_latest

from app.events.contracts import CONTRACTS, aggregate_of
from app.telemetry.metrics import AGGREGATES, Metrics
from app.transport.outcomes import outcome_of
from tests.factories import new_world
from tests.gateway import Gateway

BOOKS = ("billing_unexplained_cents", "billing_books_proof_age_seconds")


async def samples(gateway: Gateway) -> dict[str, float]:
    """Every sample of /metrics by its name with labels."""
    text = (await gateway.client.get("/metrics")).text
    lines = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines}


async def grown(gateway: Gateway, *requests: tuple[str, str | None]) -> dict[str, float]:
    """By how much the requests (query, role) raise each outcome of operations."""
    before = await samples(gateway)
    for query, role in requests:
        await gateway.gql(query, token=gateway.token(role) if role else None)
    after = await samples(gateway)
    found: dict[str, float] = {}
    for name in after:
        outcome = name.partition('outcome="')[2].partition('"')[0]
        if name.startswith("billing_graphql_requests_total{") and after[name] != before[name]:
            found[outcome] = found.get(outcome, 0) + after[name] - before[name]
    return found


@pytest.mark.parametrize(
    ("query", "role", "outcome"),
    [
        ("{ me { subject } }", "biller", "ok"),
        ("{ me { subject } }", None, "denied"),
        ("{ billingReader: myAccessLog(first: 1) { totalCount } nothing }", "biller", "refused"),
        ("{ me {", "biller", "refused"),
        ("{ emergencyAccesses(first: 1) { totalCount } }", "biller", "denied"),
        (
            '{ emergencyAccesses(first: 1) { totalCount } claims(first: 1, after: "x") { totalCount } }',
            "biller",
            "denied",
        ),
        ('{ claims(first: 1, after: "x") { totalCount } }', "biller", "refused"),
    ],
)
async def test_an_operation_counts_as_its_worst_error(
    embedded_gateway: Gateway, query: str, role: str | None, outcome: str
) -> None:
    assert await grown(embedded_gateway, (query, role)) == {outcome: 1}


def test_the_worst_of_several_errors_is_the_outcome() -> None:
    errors = [{"extensions": {"code": code}} for code in ("INVALID_INPUT", "FORBIDDEN", "UNAVAILABLE", "INTERNAL")]
    found = [outcome_of(errors[:count]) for count in range(len(errors) + 1)]
    assert found == ["ok", "refused", "denied", "unavailable", "internal"]
    assert outcome_of(reversed(errors)) == "internal"


async def test_the_time_of_a_query_by_id_is_counted_apart(embedded_gateway: Gateway) -> None:
    world = await new_world(embedded_gateway)
    claim = (await world.create_claim())["claim"]
    by_kind = 'billing_graphql_request_duration_seconds_count{kind="%s",operation="other"}'
    before = await samples(embedded_gateway)
    token = world.token("biller")
    await embedded_gateway.gql("query($i: ID!) { claim(id: $i) { status } }", {"i": claim["id"]}, token=token)
    await embedded_gateway.gql(
        "query($i: ID!) { claim(id: $i) { status } claims(first: 1) { totalCount } }", {"i": claim["id"]}, token=token
    )
    after = await samples(embedded_gateway)
    assert {kind: after[by_kind % kind] - before[by_kind % kind] for kind in ("point", "list", "mutation")} == {
        "point": 1, "list": 1, "mutation": 0,
    }  # fmt: skip


async def test_the_books_have_no_figure_before_they_were_added_up(embedded_gateway: Gateway) -> None:
    untouched = generate_latest(Metrics().registry).decode()
    assert [line for line in untouched.splitlines() if line.startswith(BOOKS)] == []
    await embedded_gateway.sweep()
    after = await samples(embedded_gateway)
    assert after["billing_unexplained_cents"] == 0
    assert 0 <= after["billing_books_proof_age_seconds"] < 3_600


def test_every_event_is_about_something_that_the_metrics_know() -> None:
    assert {aggregate_of(name) for name in CONTRACTS} == set(AGGREGATES)
    assert aggregate_of("ClaimTeleported") == "other"
