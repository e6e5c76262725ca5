"""An outage is one line of log for each cause and one at its end, however often it is noticed."""

import structlog

from app.telemetry.outages import Outage


def test_each_cause_of_an_outage_is_logged_once_and_so_is_its_end() -> None:
    outage = Outage("billing.test", down="test_down", back="test_back", effect="nothing happens")
    with structlog.testing.capture_logs() as log:
        outage.succeeded()
        for error in (ConnectionError("refused"), TimeoutError(), ConnectionError("reset"), TimeoutError()):
            outage.failed(error)
        outage.succeeded()
        outage.succeeded()
        outage.failed(TimeoutError())
    assert log == [
        {"event": "test_down", "error": "ConnectionError", "effect": "nothing happens", "log_level": "warning"},
        {"event": "test_down", "error": "TimeoutError", "effect": "nothing happens", "log_level": "warning"},
        {"event": "test_back", "log_level": "info"},
        {"event": "test_down", "error": "TimeoutError", "effect": "nothing happens", "log_level": "warning"},
    ]
