"""Prometheus scrapes what the gateway serves, and every alert asks for what exists and helps who reads it."""

import re
from typing import Any

import promql_parser
import pytest
import yaml

from tests.architecture.test_compose import ROOT, SERVICES, environment, is_quoted_in_app, seconds

PROMETHEUS_FOLDER = ROOT / "deploy" / "prometheus"
SCRAPING: dict[str, Any] = yaml.safe_load((PROMETHEUS_FOLDER / "prometheus.yml").read_text())
ALERTS: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((PROMETHEUS_FOLDER / "alerts.yml").read_text())["groups"]
    for rule in group["rules"]
]
OWN_TO_PROMETHEUS = {"up"}
OWN_LABELS = {"job", "instance", "le"}


def test_prometheus_scrapes_the_gateway() -> None:
    jobs = {job["job_name"]: job for job in SCRAPING["scrape_configs"]}
    assert jobs.keys() == {"gateway"}
    assert jobs["gateway"]["static_configs"] == [{"targets": [f"gateway:{environment('gateway')['BILLING_PORT']}"]}]
    assert jobs["gateway"]["metrics_path"] == "/metrics"
    assert is_quoted_in_app("/metrics")


def test_prometheus_finds_its_configuration_and_the_rules() -> None:
    mounted = {volume.split(":")[0]: volume.split(":")[1:] for volume in SERVICES["prometheus"]["volumes"]}
    assert mounted["./deploy/prometheus"] == ["/etc/prometheus", "ro"]
    assert "--config.file=/etc/prometheus/prometheus.yml" in SERVICES["prometheus"]["command"]
    assert SCRAPING["rule_files"] == ["alerts.yml"]
    assert {path.name for path in PROMETHEUS_FOLDER.iterdir()} == {"alerts.yml", "prometheus.yml"}


def selectors(expression: str) -> list[promql_parser.VectorSelector]:
    found: list[promql_parser.VectorSelector] = []

    def visit(node: promql_parser.Expr) -> bool:
        if isinstance(node, promql_parser.VectorSelector):
            found.append(node)
        return True

    promql_parser.walk(promql_parser.parse(expression), visit)
    return found


def is_registered(metric: str) -> bool:
    """Whether app/ names the metric; the client library adds `_total` and a histogram's endings by itself."""
    base = re.sub(r"_(bucket|sum|count)$", "", metric)
    return is_quoted_in_app(base) or (base.endswith("_total") and is_quoted_in_app(base.removesuffix("_total")))


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_asks_for_metrics_that_exist(alert: dict[str, Any]) -> None:
    asked = selectors(alert["expr"])
    assert asked
    for selector in asked:
        assert selector.name in OWN_TO_PROMETHEUS or is_registered(selector.name or ""), selector.name


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_asks_for_labels_and_values_that_exist(alert: dict[str, Any]) -> None:
    jobs = [job["job_name"] for job in SCRAPING["scrape_configs"]]
    for selector in selectors(alert["expr"]):
        for matcher in selector.matchers.matchers:
            assert matcher.name in OWN_LABELS or is_quoted_in_app(matcher.name), matcher.name
            assert matcher.value in jobs if matcher.name == "job" else is_quoted_in_app(matcher.value), matcher.value


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_says_what_is_wrong_what_it_means_and_what_to_do_first(alert: dict[str, Any]) -> None:
    assert alert.keys() == {"alert", "expr", "for", "labels", "annotations"}
    assert alert["labels"] in [{"severity": "page"}, {"severity": "ticket"}]
    assert seconds(alert["for"]) >= 60
    assert alert["annotations"].keys() == {"summary", "meaning", "first_step"}
    assert all(len(text.split()) >= 5 for text in alert["annotations"].values())


def test_an_alert_name_is_used_once_and_every_alert_that_is_mentioned_exists() -> None:
    names = [alert["alert"] for alert in ALERTS]
    assert len(set(names)) == len(names)
    prose = " ".join(text for alert in ALERTS for text in alert["annotations"].values())
    mentioned = re.findall(r"\b(?:Outbox|Relay|Kafka|Redis|Database|Gateway|Requests|Operations|Books)[A-Z]\w+", prose)
    assert set(mentioned) <= set(names)


def test_every_dependency_the_outbox_the_inbox_the_books_and_the_access_log_are_watched() -> None:
    watched = {str(selector.name) for alert in ALERTS for selector in selectors(alert["expr"])}
    assert watched == {
        "up",
        "billing_dependency_up",
        "billing_outbox_pending",
        "billing_outbox_oldest_age_seconds",
        "billing_outbox_publish_errors_total",
        "billing_relay_is_leader",
        "billing_graphql_requests_total",
        "billing_http_request_duration_seconds_bucket",
        "billing_unexplained_cents",
        "billing_outbox_parked",
        "billing_inbox_messages_total",
        "billing_inbox_stalled_seconds",
        "billing_audit_lost_total",
        "billing_emergency_accesses_total",
    }
    dependencies = re.findall(r'dependency="(\w+)"', " ".join(alert["expr"] for alert in ALERTS))
    assert sorted(dependencies) == ["database", "kafka", "redis"]
