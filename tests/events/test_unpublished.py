"""A production gateway without Kafka says in its log that events leave the process to nobody."""

from pathlib import Path

import structlog

from tests.faults.stage import prepare
from tests.gateway import production_settings, running_gateway
from tests.services import Services

LINE = {
    "event": "events_are_not_published",
    "effect": "events reach nobody but the subscribers of this process",
    "remedy": "set BILLING_EVENTS_URL to kafka://...",
    "log_level": "warning",
}


async def test_a_production_gateway_without_kafka_says_so_once(services: Services, tmp_path: Path) -> None:
    settings = await production_settings(tmp_path, services, events_url="memory://")
    await prepare(settings)
    with structlog.testing.capture_logs() as log:
        async with running_gateway(settings, is_prepared=True):
            pass
    assert [entry for entry in log if entry["event"] == LINE["event"]] == [LINE]
