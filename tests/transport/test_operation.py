"""What operators see: health, metrics, request ids, logs."""

import json
import re

import pytest
import structlog

from tests.factories import World
from tests.gateway import Gateway


async def test_health_tells_each_dependency(gateway: Gateway) -> None:
    needed = ("database", "migrations", "database_identity", "clock", "keys")
    up = dict.fromkeys((*needed, "redis", "redis_clock", "events"), "up")
    for path in ("/health", "/health/ready"):
        answer = await gateway.client.get(path)
        assert (answer.status_code, answer.json()) == (200, {"status": "ready", "checks": up})
    live = await gateway.client.get("/health/live")
    assert (live.status_code, live.json()) == (200, {"status": "alive"})


async def _samples(gateway: Gateway) -> dict[str, float]:
    text = (await gateway.client.get("/metrics")).text
    lines = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines}


async def test_operations_are_counted_under_registered_names_only(world: World) -> None:
    gateway = world.gateway
    before = await _samples(gateway)
    token = world.token("biller")
    await gateway.gql("query Claims { claims { totalCount } }", token=token)
    await gateway.gql("query Maria_Segredo { claims { totalCount } }", token=token)
    await gateway.gql("query Claims { claims { nodes { clinicalIndication } } nonsense }", token=token)
    after = await _samples(gateway)

    def grown(operation: str, kind: str, outcome: str) -> float:
        name = f'billing_graphql_requests_total{{operation="{operation}",outcome="{outcome}",type="{kind}"}}'
        return after.get(name, 0.0) - before.get(name, 0.0)

    assert (grown("Claims", "query", "ok"), grown("other", "query", "ok")) == (1, 1)
    assert before['billing_graphql_requests_total{operation="Claims",outcome="internal",type="query"}'] == 0
    assert not any("Segredo" in name for name in after)


async def test_business_figures_are_counted(world: World) -> None:
    before = await _samples(world.gateway)
    invoice = await world.issued_invoice("50.00")
    paid = await world.settle(invoice["id"], "20.00")
    await world.reverse(paid["settlement"]["id"], "5.00")
    await world.settle(invoice["id"], "99.00")
    await world.check_eligibility()
    after = await _samples(world.gateway)
    expected = {
        "billing_settled_cents_total": 2_000,
        "billing_reversed_cents_total": 500,
        'billing_mutations_total{mutation="settleInvoice",result="done"}': 1,
        'billing_mutations_total{mutation="settleInvoice",result="OVER_SETTLEMENT"}': 1,
        'billing_eligibility_answers_total{outcome="ELIGIBLE",source="PAYER"}': 1,
        'billing_http_requests_total{method="POST",route="/graphql",status="200"}': 9,
    }
    assert {name: after[name] - before.get(name, 0) for name in expected} == expected
    for name in ("billing_outbox_pending", "billing_outbox_oldest_age_seconds", "billing_relay_is_leader"):
        assert name in after
    for dependency in ("database", "redis", "kafka"):
        assert after[f'billing_dependency_up{{dependency="{dependency}"}}'] == 1


async def test_a_request_id_comes_back_if_it_is_one(gateway: Gateway) -> None:
    given = await gateway.client.get("/health/live", headers={"x-request-id": "support-case-4711"})
    forged = await gateway.client.get("/health/live", headers={"x-request-id": "a b\tc" * 30})
    assert given.headers["x-request-id"] == "support-case-4711"
    assert re.fullmatch(r"[0-9a-f]{16}", forged.headers["x-request-id"])
    assert given.headers["x-content-type-options"] == "nosniff"


async def test_a_request_id_that_the_log_would_mask_is_replaced(gateway: Gateway) -> None:
    answer = await gateway.client.get("/health/live", headers={"x-request-id": "case-52998224725"})
    assert re.fullmatch(r"[0-9a-f]{16}", answer.headers["x-request-id"])


async def test_a_log_line_of_a_request_holds_no_personal_data(world: World, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"), structlog.testing.capture_logs() as log:
        await world.create_claim(clinicalIndication="febre alta")
    (line,) = [json.loads(vars(record)["line"]) for record in caplog.records if record.name == "billing.http"]
    common = {"event", "logger", "level", "timestamp", "request_id"}
    assert set(line) == {*common, "route", "method", "status", "milliseconds"}
    assert (line["event"], line["level"], line["route"], line["status"]) == ("request", "info", "/graphql", 200)
    assert world.card not in f"{log} {line}"
    assert "febre" not in f"{log} {line}"


async def test_an_unknown_path_is_404_and_counted_as_other(gateway: Gateway) -> None:
    before = (await _samples(gateway)).get('billing_http_requests_total{method="GET",route="other",status="404"}', 0)
    assert (await gateway.client.get("/patients/12345678901")).status_code == 404
    after = await _samples(gateway)
    assert after['billing_http_requests_total{method="GET",route="other",status="404"}'] == before + 1
    assert not any("12345678901" in name for name in after)
