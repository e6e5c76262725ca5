"""The parts of the test servers' start that can go wrong unseen."""

import os
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import services
from tests.servers import kafka, kafka_files, launch
from tests.servers.base import Facts, NotOursError, Process, Server, ServerError, given, started

PROJECT = Path(__file__).resolve().parents[2]
SECONDS = 10.0

# Starts a process as the servers are started, in a thread that ends at once, tells its id and then waits.
PARENT = """
import sys, threading, time
from pathlib import Path
from tests.servers.launch import launch
def start():
    print(launch([sys.executable, "-c", "import time; time.sleep(600)"], Path(sys.argv[1])).pid, flush=True)
thread = threading.Thread(target=start)
thread.start()
thread.join()
time.sleep(600)
"""


def _alive(pid: int) -> bool:
    """Whether the process runs; a dead one may stay listed until whoever adopted it asks for its result."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize(
    ("about", "major"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('java version "1.8.0_412"', 1),
        ('openjdk version "25"', 25),
        ("", 0),
    ],
)
def test_java_major(about: str, major: int) -> None:
    assert kafka_files.java_major(about) == major


def test_api_versions_are_read() -> None:
    body = struct.pack(">ihi", 1, 0, 2) + struct.pack(">hhhhhh", 18, 0, 4, 22, 0, 5)
    assert kafka.parse_api_versions(body) == {18: (0, 4), 22: (0, 5)}


def test_an_api_versions_error_is_an_error() -> None:
    with pytest.raises(ValueError, match="error 35"):
        kafka.parse_api_versions(struct.pack(">ihi", 1, 35, 0))


def test_ports_are_free_different_and_below_the_range_of_outgoing_connections() -> None:
    ports = [launch.free_port() for _ in range(20)]
    assert len(set(ports)) == 20
    assert max(ports) < 32768
    with socket.create_server(("127.0.0.1", ports[0])):
        assert launch._bindable(ports[0]) is False


def test_the_help_names_the_server_and_three_commands() -> None:
    text = services.how_to_help(services.KINDS["mysql"], ["neither mariadbd nor mysqld is installed"])
    assert text.splitlines() == [
        "mysql: no server could be started:",
        "  - neither mariadbd nor mysqld is installed",
        "One of these helps:",
        "  sudo apt-get install mariadb-server",
        "  sudo systemctl start docker, after which containers are used",
        "  export BILLING_TEST_DATABASE_URL=mysql+aiomysql://root@127.0.0.1:3306/",
    ]


def test_a_server_of_the_environment_is_left_alone() -> None:
    server = given("redis", "redis://127.0.0.1:1/0", lambda: Facts("7", "redis"))
    assert (server.pid, server.log, server.source) == (None, None, "environment")
    server.discard()
    for action in (server.stop, server.kill, server.restart):
        with pytest.raises(NotOursError):
            action()


def test_a_server_that_ends_while_starting_shows_its_log_and_leaves_nothing() -> None:
    workspace = launch.make_workspace("unit")
    command = [sys.executable, "-c", "print('no room left'); raise SystemExit(3)"]
    process = Process("unit", command, workspace, _never_ready, (workspace / "data").mkdir)
    with pytest.raises(ServerError, match="ended while starting\nno room left"):
        started(process, "unit", "native")
    assert not workspace.exists()


def test_a_server_is_killed_and_comes_back_with_its_data() -> None:
    workspace = launch.make_workspace("unit")
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    process = Process("unit", command, workspace, lambda: Facts("1", "unit"), (workspace / "data").mkdir)
    server = started(process, "unit", "native")
    try:
        _kill_and_restart(server, workspace)
    finally:
        server.discard()
    assert not workspace.exists()


def _kill_and_restart(server: Server, workspace: Path) -> None:
    kept, first = workspace / "data" / "row", server.pid
    kept.write_text("kept")
    server.kill()
    assert server.pid is None
    assert first is not None
    assert not _alive(first)
    server.restart()
    assert server.pid not in {None, first}
    assert kept.read_text() == "kept"
    server.restart(empty=True)
    assert not kept.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="the death signal is Linux's")
def test_no_server_outlives_a_killed_run(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, str(tmp_path / "log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=PROJECT) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert _alive(child)
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
    deadline = time.monotonic() + SECONDS
    while _alive(child):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _never_ready() -> Facts:
    raise ConnectionError("not yet")
