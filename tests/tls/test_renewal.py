"""Certificates that change, end or are revoked under a running gateway: all files are taken together or not at all, and
whoever is gone is gone at once."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from app.auth.keys import DevelopmentKeys
from app.transport.errors import UNAUTHENTICATED
from tests.commands import billing
from tests.faults.processes import GatewayProcess, environment_of
from tests.faults.stage import prepare
from tests.gateway import embedded_settings
from tests.tls.certificates import Authority, Pair

PAYER = "spiffe://billing.example/payer"
OTHER = "spiffe://billing.example/other"
ME = {"query": "{ me { subject } }"}
SUBSCRIBE = {"query": "subscription { settlementRecorded { cursor } }"}
ABORTED = 1006
PROTOCOLS = [Subprotocol("graphql-transport-ws")]


@dataclass
class Stage:
    """A gateway with two authorities of clients, and the folder of its files."""

    process: GatewayProcess
    directory: Path
    server: Authority
    first: Authority
    second: Authority

    @property
    def url(self) -> str:
        return self.process.url.replace("http://", "https://")

    def context(self, pair: Pair | None = None) -> ssl.SSLContext:
        found = ssl.create_default_context(cafile=str(self.server.file))
        if pair is not None:
            found.load_cert_chain(pair.certificate, pair.key)
        return found

    async def subject(self, pair: Pair | None, **headers: str) -> str:
        """Who the gateway says this is, or the code of its error."""
        async with httpx.AsyncClient(verify=self.context(pair)) as client:
            body = (await client.post(f"{self.url}/graphql", json=ME, headers=headers)).json()
        found: str = body["errors"][0]["extensions"]["code"] if "errors" in body else body["data"]["me"]["subject"]
        return found

    async def stream(self, pair: Pair, token: str | None = None) -> ClientConnection:
        """A socket with one subscription."""
        address = self.url.replace("https://", "wss://") + "/graphql"
        socket = await connect(address, subprotocols=PROTOCOLS, ssl=self.context(pair))
        payload = {"authorization": f"Bearer {token}"} if token else {}
        await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
        assert json.loads(await socket.recv())["type"] == "connection_ack"
        await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": SUBSCRIBE}))
        return socket

    def lines(self, event: str) -> list[Any]:
        """The log lines of this event."""
        found = [json.loads(line) for line in self.process.log.read_text().splitlines() if line.startswith("{")]
        return [line for line in found if line.get("event") == event]

    async def reload(self, event: str) -> Any:
        """SIGHUP; the line that it causes."""
        before = len(self.lines(event))
        os.kill(self.process.pid, signal.SIGHUP)
        async with asyncio.timeout(20):
            while len(self.lines(event)) == before:  # noqa: ASYNC110 - the process gives no signal of its own
                await asyncio.sleep(0.02)
        return self.lines(event)[-1]

    async def refused(self, reason: str) -> None:
        """Wait until the log says that a handshake was refused for this reason."""
        async with asyncio.timeout(20):
            while reason not in [line["reason"] for line in self.lines("handshake_refused")]:  # noqa: ASYNC110 - likewise
                await asyncio.sleep(0.02)

    def name_callers(self, *entries: dict[str, Any]) -> None:
        (self.directory / "callers.json").write_text(json.dumps(entries))

    def trust(self, *authorities: Authority) -> None:
        text = "".join(authority.file.read_text() for authority in authorities)
        (self.directory / "clients.pem").write_text(text)

    def revoke(self, *pairs: Pair) -> None:
        """Certificates of the first authority; the second one has an empty list."""
        lists = [self.first.revoke(*pairs), self.second.revoke()]
        (self.directory / "lists.pem").write_text("".join(path.read_text() for path in lists))

    def use_server_certificate(self, pair: Pair, *, key: bool = True) -> None:
        shutil.copy(pair.certificate, self.directory / "server.pem")
        if key:
            shutil.copy(pair.key, self.directory / "server.key")


def entry(uri: str, name: str, issuer: str) -> dict[str, Any]:
    return {"uri": uri, "issuer": f"CN={issuer}", "name": name, "roles": ["finance"], "providers": ["*"]}


ENTRIES = (entry(PAYER, "first-payer", "First"), entry(OTHER, "second-other", "Second"))


@pytest.fixture(scope="module")
async def renewed(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """The gateway of this module."""
    directory = tmp_path_factory.mktemp("renewal")
    authorities = [Authority(directory / name, name) for name in ("Hosts", "First", "Second")]
    settings = embedded_settings(
        directory,
        tls_certificate_file=directory / "server.pem",
        tls_key_file=directory / "server.key",
        tls_client_ca_file=directory / "clients.pem",
        tls_client_crl_file=directory / "lists.pem",
        tls_client_certificates="optional",
        client_certificates_file=directory / "callers.json",
    )
    await prepare(settings)
    found = Stage(GatewayProcess(settings), directory, *authorities)
    _restore(found)
    await found.process.start(has_tls=True)
    yield found
    assert "Traceback" not in found.process.log.read_text()
    found.process.kill()


@pytest.fixture
async def stage(renewed: Stage) -> Stage:
    """Every file as it should be."""
    _restore(renewed)
    await renewed.reload("certificates_reloaded")
    return renewed


def _restore(stage: Stage) -> None:
    stage.use_server_certificate(stage.server.server())
    stage.trust(stage.first, stage.second)
    stage.revoke()
    stage.name_callers(*ENTRIES)


async def test_a_certificate_whose_key_is_not_there_yet_changes_nothing(stage: Stage) -> None:
    payer = stage.first.client("payer", PAYER)
    renewed = stage.server.server("renewed")
    stage.use_server_certificate(renewed, key=False)
    stage.name_callers()
    refused = await stage.reload("certificates_refused")
    assert refused["effect"] == "all old files remain in use"
    assert await stage.subject(payer) == "first-payer"
    stage.use_server_certificate(renewed)
    await stage.reload("certificates_reloaded")
    assert await stage.subject(payer) == UNAUTHENTICATED


async def test_only_the_issuer_of_an_entry_speaks_for_its_caller(stage: Stage) -> None:
    assert await stage.subject(stage.first.client("payer", PAYER)) == "first-payer"
    assert await stage.subject(stage.second.client("payer", PAYER)) == UNAUTHENTICATED
    assert await stage.subject(stage.second.client("other", OTHER)) == "second-other"
    stage.name_callers({key: value for key, value in ENTRIES[0].items() if key != "issuer"})
    refused = await stage.reload("certificates_refused")
    assert "the entry first-payer needs an issuer, since there are several authorities" in refused["reason"]


async def test_a_dns_name_is_no_uri(stage: Stage) -> None:
    stage.name_callers({**ENTRIES[0], "uri": "claims.insurer.example"})
    await stage.reload("certificates_reloaded")
    assert await stage.subject(stage.first.client("claims.insurer.example")) == UNAUTHENTICATED
    stage.name_callers({"dns": "claims.insurer.example", **{k: v for k, v in ENTRIES[0].items() if k != "uri"}})
    await stage.reload("certificates_reloaded")
    assert await stage.subject(stage.first.client("claims.insurer.example")) == "first-payer"
    assert await stage.subject(stage.first.client("uri", "claims.insurer.example")) == UNAUTHENTICATED


async def test_a_revoked_certificate_loses_its_streams_and_its_handshakes(stage: Stage) -> None:
    gone, stays = stage.first.client("gone", PAYER), stage.second.client("stays", OTHER)
    streams = [await stage.stream(gone), await stage.stream(stays)]
    stage.revoke(gone)
    await stage.reload("certificates_reloaded")
    assert await _close_code(streams[0]) == ABORTED
    with pytest.raises((httpx.TransportError, ssl.SSLError)):
        await stage.subject(gone)
    await stage.refused("certificate revoked")
    assert await stage.subject(stays) == "second-other"
    assert (await streams[1].ping()) is not None
    await streams[1].close()


async def test_who_is_no_longer_in_the_file_or_under_an_authority_loses_the_connection(stage: Stage) -> None:
    payer, other = stage.first.client("payer", PAYER), stage.second.client("other", OTHER)
    streams = [await stage.stream(payer), await stage.stream(other)]
    stage.name_callers(ENTRIES[1])
    await stage.reload("certificates_reloaded")
    assert await _close_code(streams[0]) == ABORTED
    stage.name_callers()
    stage.trust(stage.first)
    await stage.reload("certificates_reloaded")
    assert await _close_code(streams[1]) == ABORTED
    with pytest.raises((httpx.TransportError, ssl.SSLError)):
        await stage.subject(other)


async def test_a_certificate_that_ends_takes_its_streams_with_it(stage: Stage) -> None:
    short = stage.first.client("short", PAYER, lives=timedelta(seconds=4))
    token = DevelopmentKeys(stage.directory).sign(audience="billing-gateway", role="finance", providers=["*"])
    streams = [await stage.stream(short), await stage.stream(short, token)]
    async with httpx.AsyncClient(verify=stage.context(short)) as client:
        assert (await client.post(f"{stage.url}/graphql", json=ME)).json()["data"]["me"]["subject"] == "first-payer"
        for stream in streams:
            assert await _close_code(stream) == 4403
        # The same connection: no handshake has looked at the certificate again.
        late = (await client.post(f"{stage.url}/graphql", json=ME)).json()["errors"][0]
        assert (late["message"], late["extensions"]["code"]) == ("the client certificate has expired", UNAUTHENTICATED)


async def _close_code(stream: ClientConnection) -> int | None:
    async with asyncio.timeout(15):
        with contextlib.suppress(ConnectionClosed):
            async for _message in stream:
                pass
    return stream.close_code


async def test_no_session_is_resumed_and_nothing_but_aead_is_spoken(stage: Stage) -> None:
    payer = stage.first.client("payer", PAYER)
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = stage.context(payer)
        context.minimum_version = context.maximum_version = version
        sessions = [await asyncio.to_thread(_handshake, stage, context) for _ in range(2)]
        assert [has_ticket for has_ticket, _cipher in sessions] == [False, False]
        assert all("GCM" in cipher or "CHACHA20" in cipher for _has_ticket, cipher in sessions)
    weak = stage.context(payer)
    weak.maximum_version = ssl.TLSVersion.TLSv1_2
    weak.set_ciphers("ECDHE-ECDSA-AES128-SHA256")
    with pytest.raises(ssl.SSLError):
        await asyncio.to_thread(_handshake, stage, weak)
    await stage.refused("NO_SHARED_CIPHER")


def _handshake(stage: Stage, context: ssl.SSLContext) -> tuple[bool, str]:
    """Whether the server gave a ticket with which to resume the session, and the cipher."""
    address = ("127.0.0.1", stage.process.settings.port)
    with socket.create_connection(address) as raw, context.wrap_socket(raw, server_hostname="127.0.0.1") as tls:
        tls.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        while tls.recv(1_000):
            pass
        cipher = tls.cipher()
        assert cipher is not None
        return tls.session is not None and tls.session.has_ticket, cipher[0]


def whoami(stage: Stage, pair: Pair) -> tuple[int, list[str]]:
    """The exit code of `billing whoami` for this certificate, and its last lines."""
    variables = environment_of(stage.process.settings)
    done = billing("whoami", "--certificate", str(pair.certificate), **variables)
    return done.returncode, [*done.stdout.splitlines(), *done.stderr.splitlines()]


async def test_whoami_says_whom_a_certificate_authenticates_or_why_it_does_not(stage: Stage) -> None:
    payer = stage.first.client("payer", PAYER)
    code, lines = whoami(stage, payer)
    assert (code, lines[0], "subject: CN=payer" in lines, f"uri: {PAYER}" in lines) == (
        0,
        "issuer: CN=First",
        True,
        True,
    )
    assert lines[lines.index("subject: first-payer") + 1] == "roles: finance"
    stranger = Authority(stage.directory / "stranger", "Stranger")
    wrong = {
        stage.second.client("payer", PAYER): (
            "no entry of BILLING_CLIENT_CERTIFICATES_FILE names this certificate and its issuer"
        ),
        stranger.client(
            "payer", PAYER
        ): "no authority of BILLING_TLS_CLIENT_CA_FILE has signed this certificate itself",
        stage.first.client("late", PAYER, lives=timedelta(days=-1)): "the certificate has expired",
    }
    for pair, reason in wrong.items():
        code, lines = whoami(stage, pair)
        assert (code, lines[-1]) == (1, f"billing: {reason}")
    stage.revoke(payer)
    assert whoami(stage, payer)[1][-1] == "billing: the certificate is revoked in BILLING_TLS_CLIENT_CRL_FILE"
