"""The clock of the process is read in few places: what is stored or decided by time goes by the database's."""

import ast
from pathlib import Path

APP = Path(__file__).parents[2] / "app"
READERS = {
    "auth/keys.py": "signs development tokens",
    "auth/tokens.py": "checks the times of tokens",
    "db/clock.py": "compares the process's clock with the database's",
    "domain/ids.py": "orders new ids",
    "events/inbox.py": "compares the time of a message, which the broker or a payer gave",
    "runtime/whoami_certificate.py": "says whether a certificate is valid here",
    "telemetry/logs.py": "says when a line was logged",
    "transport/event_stream.py": "ends a stream with its token",
    "transport/shared_streams.py": "ends an operation with its token",
    "transport/websocket.py": "ends a socket with its token",
    "web/connection.py": "dates responses",
    "web/health.py": "compares the process's clock with that of Redis",
}
"""Every file that reads the clock of the process, and what for."""
NAMES = {("time", "time"), ("time", "time_ns"), ("datetime", "now"), ("datetime", "utcnow"), ("date", "today")}


def _reads_clock(path: Path) -> bool:
    return any(
        isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and (node.value.id, node.attr) in NAMES
        for node in ast.walk(ast.parse(path.read_text()))
    )


def test_only_these_files_read_the_clock_of_the_process() -> None:
    found = {path.relative_to(APP).as_posix() for path in APP.rglob("*.py") if _reads_clock(path)}
    assert found == set(READERS)
