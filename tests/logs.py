"""What was logged, as far as it is ours: other libraries and other tests' leftovers may say what they like."""

import logging

import pytest

OURS = "billing"
SERVER = "uvicorn.error"  # where a traceback that left the application ends


def own_records(caplog: pytest.LogCaptureFixture, level: int, *others: str) -> list[logging.LogRecord]:
    """The records at `level` and above of the gateway's loggers and of those named in `others`."""
    names = (OURS, *others)
    return [
        record
        for record in caplog.records
        if record.levelno >= level and any(record.name == name or record.name.startswith(f"{name}.") for name in names)
    ]
