"""A stop by SIGTERM: streams end, the process is gone soon, and nothing that was accepted is lost."""

import json
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from app.auth.keys import DevelopmentKeys
from tests.commands import ForkedProcess, billing, inherited, start
from tests.figures import assert_within

SUBSCRIPTION = "subscription { settlementRecorded { cursor } }"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def process(tmp_path: Path, unused_tcp_port: int, log: Path) -> Iterator[ForkedProcess]:
    environment = {"BILLING_VAR_DIR": str(tmp_path), "BILLING_PORT": str(unused_tcp_port)}
    billing("migrate", **environment).check_returncode()
    with Path(os.devnull).open("r+") as nothing, log.open("w") as errors:
        started = start(["serve"], {**inherited(), **environment}, (nothing, nothing, errors), tmp_path)
    yield started
    started.kill()


def _wait_until_up(url: str) -> None:
    for _ in range(200):
        try:
            if httpx.get(f"{url}/health/live").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("the gateway did not start")


def test_sigterm_ends_streams_and_the_process(
    process: ForkedProcess, tmp_path: Path, unused_tcp_port: int, log: Path
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
    assert_within(5, seconds=seconds)
    # No error and no `complete`, which would end the subscription: clients take it for a broken connection.
    assert re.fullmatch(r'event: next\ndata: {"data":{"settlementRecorded":{"cursor":"[\w-]+"}}}\n\n', text)
    said = log.read_text()
    assert [json.loads(line)["event"] for line in said.splitlines()][-1] == "stopped"
    assert not re.search(r"Traceback|ERROR", said)


def _stop_while_watching(process: ForkedProcess, url: str, token: str, socket: ClientConnection) -> tuple[str, float]:
    """Open one stream on the socket and one by events, stop the process: the events' text, and how long it took."""
    socket.send(json.dumps({"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}}))
    assert json.loads(socket.recv())["type"] == "connection_ack"
    socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": SUBSCRIPTION}}))
    assert json.loads(socket.recv())["type"] == "next"
    headers = {"authorization": f"Bearer {token}", "accept": "text/event-stream"}
    with httpx.stream("POST", f"{url}/graphql", json={"query": SUBSCRIPTION}, headers=headers, timeout=20) as stream:
        assert stream.status_code == 200
        time.sleep(0.3)
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        text = "".join(stream.iter_text())
    process.wait(timeout=10)
    return text, time.monotonic() - began
