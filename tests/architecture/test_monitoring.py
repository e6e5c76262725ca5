"""Prometheus scrapes what the gateway serves, and every alert asks for what exists and helps who reads it."""

import re
import shutil
import subprocess
from typing import Any

import promql_parser
import pytest
import yaml

from app.telemetry.metrics import Metrics
from tests.architecture.test_compose import ROOT, SERVICES, environment, is_quoted_in_app, seconds
from tests.servers.packages import apt_install

PROMETHEUS_FOLDER = ROOT / "deploy" / "prometheus"
# A child of a histogram has samples for all its buckets from the start.
BUCKETS = {
    sample.labels["le"] for metric in Metrics().registry.collect() for sample in metric.samples if "le" in sample.labels
}
SCRAPING: dict[str, Any] = yaml.safe_load((PROMETHEUS_FOLDER / "prometheus.yml").read_text())


def rules_of(file: str) -> list[dict[str, Any]]:
    groups = yaml.safe_load((PROMETHEUS_FOLDER / file).read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


ALERTS = rules_of("alerts.yml")
OBJECTIVES = rules_of("slo.yml")
RECORDED = {rule["record"] for rule in OBJECTIVES}
RULES = [*ALERTS, *OBJECTIVES]
TESTS = PROMETHEUS_FOLDER / "tests" / "alerts.yml"
OWN_TO_PROMETHEUS = {"up"}
OWN_LABELS = {"job", "instance", "le", "slo"}
SLOS = {"requests": 0.999, "point_queries": 0.95, "mutations": 0.99, "settlement_events": 0.99, "statements": 0.99}


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Prometheus' own tool, of the Debian package if there is none."""
    if shutil.which("promtool") is None:
        apt_install(("prometheus",))
    return subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)


def id_of(rule: dict[str, Any]) -> str:
    return str(rule.get("alert") or "-".join((rule["record"], *rule.get("labels", {}).values())))


def test_prometheus_scrapes_the_gateway() -> None:
    jobs = {job["job_name"]: job for job in SCRAPING["scrape_configs"]}
    assert jobs.keys() == {"gateway"}
    assert jobs["gateway"]["static_configs"] == [
        {"targets": [f"gateway:{environment('gateway')['BILLING_ADMIN_PORT']}"]}
    ]
    assert jobs["gateway"]["metrics_path"] == "/metrics"
    assert is_quoted_in_app("/metrics")


def test_prometheus_finds_its_configuration_and_the_rules() -> None:
    mounted = {volume.split(":")[0]: volume.split(":")[1:] for volume in SERVICES["prometheus"]["volumes"]}
    assert mounted["./deploy/prometheus"] == ["/etc/prometheus", "ro"]
    assert "--config.file=/etc/prometheus/prometheus.yml" in SERVICES["prometheus"]["command"]
    assert SCRAPING["rule_files"] == ["slo.yml", "alerts.yml"]
    assert {path.name for path in PROMETHEUS_FOLDER.iterdir()} == {*SCRAPING["rule_files"], "prometheus.yml", "tests"}


def test_prometheus_accepts_its_configuration() -> None:
    checked = promtool("check", "config", str(PROMETHEUS_FOLDER / "prometheus.yml"))
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_alert_fires_when_it_should_and_only_then() -> None:
    tested = promtool("test", "rules", str(TESTS))
    assert tested.returncode == 0, tested.stdout + tested.stderr
    expected = [test for case in yaml.safe_load(TESTS.read_text())["tests"] for test in case["promql_expr_test"]]
    fired = {sample["labels"] for test in expected for sample in test["exp_samples"]}
    assert {found for labels in fired for found in re.findall(r'alertname="(\w+)"', labels)} == {
        alert["alert"] for alert in ALERTS
    }


def test_the_objectives_are_the_promised_ones_and_each_has_its_rates() -> None:
    promised = {rule["labels"]["slo"]: rule["expr"] for rule in OBJECTIVES if rule["record"] == "slo:objective:ratio"}
    assert promised == {slo: f"vector({objective})" for slo, objective in SLOS.items()}
    for record in ("slo:total:rate5m", "slo:bad:rate5m"):
        assert [rule["labels"]["slo"] for rule in OBJECTIVES if rule["record"] == record] == list(SLOS)


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


@pytest.mark.parametrize("rule", RULES, ids=id_of)
def test_a_rule_asks_for_metrics_that_exist(rule: dict[str, Any]) -> None:
    asked = selectors(rule["expr"])
    assert asked or rule.get("record") == "slo:objective:ratio"
    for selector in asked:
        assert selector.name in OWN_TO_PROMETHEUS | RECORDED or is_registered(selector.name or ""), selector.name


def is_value(label: str, value: str) -> bool:
    """Whether a label has this value somewhere: a job, a bucket of a histogram, or a word of app/."""
    if label == "job":
        return value in [job["job_name"] for job in SCRAPING["scrape_configs"]]
    if label == "le":
        return value in BUCKETS
    return is_quoted_in_app(value)


@pytest.mark.parametrize("rule", RULES, ids=id_of)
def test_a_rule_asks_for_labels_and_values_that_exist(rule: dict[str, Any]) -> None:
    for selector in selectors(rule["expr"]):
        for matcher in selector.matchers.matchers:
            assert matcher.name in OWN_LABELS or is_quoted_in_app(matcher.name), matcher.name
            for value in matcher.value.split("|"):
                assert is_value(matcher.name, value), matcher.value


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
    watched = {str(selector.name) for rule in RULES for selector in selectors(rule["expr"])} - RECORDED
    assert watched == {
        "up",
        "billing_workers",
        "billing_workers_answering",
        "billing_worker_restarts_total",
        "billing_dependency_up",
        "billing_outbox_pending",
        "billing_outbox_oldest_age_seconds",
        "billing_outbox_publish_errors_total",
        "billing_relay_is_leader",
        "billing_graphql_requests_total",
        "billing_graphql_executions_total",
        "billing_graphql_request_duration_seconds_bucket",
        "billing_graphql_request_duration_seconds_count",
        "billing_event_delivery_seconds_bucket",
        "billing_event_delivery_seconds_count",
        "billing_statement_posting_seconds_bucket",
        "billing_statement_posting_seconds_count",
        "billing_books_proof_age_seconds",
        "billing_http_request_duration_seconds_bucket",
        "billing_unexplained_cents",
        "billing_outbox_parked",
        "billing_inbox_messages_total",
        "billing_dead_statements",
        "billing_background_jobs_oldest_seconds",
        "billing_outbox_unknown",
        "billing_clock_skew_seconds",
        "billing_inbox_stalled_seconds",
        "billing_audit_lost_total",
        "billing_emergency_accesses_total",
        "billing_mutations_total",
    }
    dependencies = re.findall(r'dependency="(\w+)"', " ".join(alert["expr"] for alert in ALERTS))
    assert sorted(dependencies) == ["database", "kafka", "redis"]
