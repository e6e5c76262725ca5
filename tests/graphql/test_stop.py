"""A stop by SIGTERM: streams end, the process is gone soon, and nothing that was accepted is lost."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from app.auth.keys import DevelopmentKeys

SUBSCRIPTION = "subscription { settlements { cursor } }"


@pytest.fixture
def process(tmp_path: Path, unused_tcp_port: int) -> Iterator[subprocess.Popen[str]]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BILLING_")}
    environment = {**kept, "BILLING_VAR_DIR": str(tmp_path), "BILLING_PORT": str(unused_tcp_port)}
    subprocess.run([sys.executable, "-m", "app.cli", "migrate"], env=environment, check=True, capture_output=True)
    started = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "serve"], env=environment, stderr=subprocess.PIPE, text=True
    )
    yield started
    if started.poll() is None:
        started.kill()
        started.communicate()


def _wait_until_up(url: str) -> None:
    for _ in range(200):
        try:
            if httpx.get(f"{url}/health/live").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("the gateway did not start")


def test_sigterm_ends_streams_and_the_process(
    process: subprocess.Popen[str], tmp_path: Path, unused_tcp_port: int
) -> None:
    url = f"http://127.0.0.1:{unused_tcp_port}"
    _wait_until_up(url)
    token = DevelopmentKeys(tmp_path).sign(audience="billing-gateway", role="finance", providers=["*"])
    address = url.replace("http", "ws") + "/graphql"
    with connect(address, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket:
        text, seconds = _stop_while_watching(process, url, token, socket)
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012
    assert process.wait(timeout=10) == 0
    assert seconds < 5
    assert text.endswith("event: complete\ndata:\n\n")
    log = process.communicate()[1]
    assert [json.loads(line)["event"] for line in log.splitlines()][-1] == "stopped"
    assert not re.search(r"Traceback|ERROR", log)


def _stop_while_watching(
    process: subprocess.Popen[str], url: str, token: str, socket: ClientConnection
) -> tuple[str, float]:
    """Open one stream on the socket and one by events, stop the process: the events' text, and how long it took."""
    socket.send(json.dumps({"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}}))
    assert json.loads(socket.recv())["type"] == "connection_ack"
    socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": SUBSCRIPTION}}))
    headers = {"authorization": f"Bearer {token}", "accept": "text/event-stream"}
    with httpx.stream("POST", f"{url}/graphql", json={"query": SUBSCRIPTION}, headers=headers, timeout=20) as stream:
        assert stream.status_code == 200
        time.sleep(0.3)
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        text = "".join(stream.iter_text())
    process.wait(timeout=10)
    return text, time.monotonic() - began
