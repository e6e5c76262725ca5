"""The gateway over TLS: who a client certificate is, tokens bound to one, and whom the handshake refuses."""

import asyncio
import json
import os
import select
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
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from app.auth.keys import DevelopmentKeys
from app.auth.tokens import thumbprint
from app.runtime import client_certificates
from app.runtime.authorities import Authorities
from app.runtime.listener_tls import listener_context
from app.runtime.settings import Settings, SettingsError
from app.web.browser_policy import ALLOWED_HEADERS
from tests.faults.processes import GatewayProcess
from tests.faults.stage import prepare
from tests.gateway import embedded_settings
from tests.servers.launch import free_port
from tests.tls.certificates import Authority, Pair

ME = {"query": "{ me { subject roles providerCnes payerAnsCode } }"}
QUERY = {"query": "{ __typename }"}
ORIGIN = "https://billing.example"
PAYER = "spiffe://billing.example/payer"


@dataclass
class Secure:
    """A gateway that speaks TLS, its authority, and the keys that sign its tokens."""

    process: GatewayProcess
    authority: Authority
    keys: DevelopmentKeys
    payer: Pair

    def context(self, pair: Pair | None = None) -> ssl.SSLContext:
        """What a client believes and shows."""
        found = ssl.create_default_context(cafile=str(self.authority.file))
        if pair is not None:
            found.load_cert_chain(pair.certificate, pair.key)
        return found

    @property
    def url(self) -> str:
        """Its address."""
        return self.process.url.replace("http://", "https://")

    def token(self, **claims: Any) -> str:
        """A payer's bearer token."""
        return self.keys.sign(audience="billing-gateway", role="payer_agent", payer="200001", **claims)

    async def me(self, pair: Pair | None = None, token: str | None = None) -> tuple[int, Any]:
        """The answer to `me`, shown this certificate and this token."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        async with httpx.AsyncClient(verify=self.context(pair)) as client:
            answer = await client.post(f"{self.url}/graphql", json=ME, headers=headers)
        body = answer.json()
        return answer.status_code, body["errors"][0]["extensions"]["code"] if "errors" in body else body["data"]["me"]


async def _started(directory: Path, **changes: Any) -> GatewayProcess:
    settings = embedded_settings(directory, **changes)
    await prepare(settings)
    process = GatewayProcess(settings)
    await process.start(has_tls=bool(settings.tls_certificate_file))
    return process


@pytest.fixture(scope="module")
async def secure(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Secure]:
    """The gateway, with optional client certificates; payers' tokens must be bound to one."""
    directory = tmp_path_factory.mktemp("tls")
    authority = Authority(directory / "ca")
    server, payer = authority.server(), authority.client("payer", PAYER)
    callers = directory / "callers.json"
    entry = {"uri": PAYER, "name": "payer-200001", "roles": ["payer_agent"], "providers": ["*"], "payer": "200001"}
    callers.write_text(json.dumps([entry]))
    process = await _started(
        directory,
        tls_certificate_file=server.certificate,
        tls_key_file=server.key,
        tls_client_ca_file=authority.file,
        tls_client_certificates="optional",
        client_certificates_file=callers,
        payer_tokens_bound=True,
        admin_port=free_port(),
    )
    yield Secure(process, authority, DevelopmentKeys(directory), payer)
    assert "Traceback" not in process.log.read_text()
    process.kill()


async def test_a_certificate_authenticates_a_caller(secure: Secure) -> None:
    status, me = await secure.me(secure.payer)
    assert (status, me) == (
        200, {"subject": "payer-200001", "roles": ["payer_agent"], "providerCnes": ["*"], "payerAnsCode": "200001"},
    )  # fmt: skip
    assert await secure.me() == (401, "UNAUTHENTICATED")
    stranger = secure.authority.client("stranger")
    assert (await secure.me(stranger))[1] == "UNAUTHENTICATED"


async def test_a_bound_token_needs_its_certificate_and_a_payers_token_must_be_bound(secure: Secure) -> None:
    other = secure.authority.client("other")
    bound = secure.token(cnf={"x5t#S256": thumbprint(secure.payer.der)})
    status, me = await secure.me(secure.payer, bound)
    assert (status, me["subject"]) == (200, "dev-payer_agent")
    for pair in (None, other):
        assert await secure.me(pair, bound) == (401, "UNAUTHENTICATED")
    assert (await secure.me(secure.payer, bound))[0] == 200
    assert await secure.me(secure.payer, secure.token()) == (401, "UNAUTHENTICATED")
    for confirmation in ({"jkt": "x"}, {"x5t#S256": 5}, "x", {"x5t#S256": "x", "jkt": "y"}, {}):
        assert await secure.me(secure.payer, secure.token(cnf=confirmation)) == (401, "UNAUTHENTICATED")


async def test_a_socket_takes_the_certificates_caller_too(secure: Secure) -> None:
    address = secure.url.replace("https://", "wss://") + "/graphql"
    protocols = [Subprotocol("graphql-transport-ws")]
    async with connect(address, subprotocols=protocols, ssl=secure.context(secure.payer)) as connection:
        await connection.send(json.dumps({"type": "connection_init"}))
        assert json.loads(await connection.recv())["type"] == "connection_ack"
        await connection.send(json.dumps({"id": "1", "type": "subscribe", "payload": ME}))
        assert json.loads(await connection.recv())["payload"]["data"]["me"]["subject"] == "payer-200001"


async def test_the_handshake_refuses_certificates_of_others_and_expired_ones(secure: Secure, tmp_path: Path) -> None:
    stranger = Authority(tmp_path / "other").client("payer", PAYER)
    expired = secure.authority.client("expired", PAYER, lives=timedelta(days=-1))
    for pair in (stranger, expired):
        with pytest.raises((httpx.TransportError, ssl.SSLError)):
            await secure.me(pair)
    assert (await secure.me(secure.payer))[0] == 200


async def test_answers_over_tls_ask_browsers_to_stay_with_it(secure: Secure) -> None:
    async with httpx.AsyncClient(verify=secure.context()) as client:
        answer = await client.get(f"{secure.url}/health")
    assert answer.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"


async def test_probes_and_metrics_are_in_plain_http_beside_a_listener_that_speaks_tls_only(secure: Secure) -> None:
    admin = f"http://127.0.0.1:{secure.process.settings.admin_port}"
    async with httpx.AsyncClient(verify=secure.context()) as client:
        assert (await client.get(f"{admin}/health/live")).json() == {"status": "alive"}
        ready = await client.get(f"{admin}/health/ready")
        assert (ready.status_code, ready.json()["status"]) == (200, "ready")
        metrics = await client.get(f"{admin}/metrics")
        assert (metrics.status_code, 'billing_dependency_up{dependency="database"} 1.0' in metrics.text) == (200, True)
        graphql = [await client.request(method, f"{admin}/graphql", params=QUERY) for method in ("GET", "POST")]
        assert [answer.status_code for answer in graphql] == [404, 404]
        assert (await client.get(f"{secure.url}/metrics")).status_code == 404
        for path in ("/graphql", "/health/live"):
            with pytest.raises(httpx.TransportError):
                await client.get(f"{secure.process.url}{path}", params=QUERY)
        assert (await client.get(f"{secure.url}/graphql", params=QUERY)).json()["data"] == {"__typename": "Query"}


async def test_renewed_certificates_are_taken_without_a_restart(secure: Secure) -> None:
    serials = []
    for _ in range(2):
        serials.append(_serial(secure))
        secure.authority.server()  # writes new files under the same names
        os.kill(secure.process.pid, signal.SIGHUP)
        async with asyncio.timeout(10):
            while _serial(secure) == serials[-1]:  # noqa: ASYNC110 - the process gives no signal of its own
                await asyncio.sleep(0.02)
    assert serials[0] != serials[1]
    assert (await secure.me(secure.payer))[0] == 200


def _serial(secure: Secure) -> str:
    host, port = "127.0.0.1", secure.process.settings.port
    with socket.create_connection((host, port)) as raw, secure.context().wrap_socket(raw, server_hostname=host) as tls:
        found: Any = tls.getpeercert()
        return str(found["serialNumber"])


def test_files_that_cannot_be_used_stop_the_start_with_one_line(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    server = authority.server()
    (tmp_path / "nothing.pem").write_text("no certificate")
    wrong: list[dict[str, Any]] = [
        {"tls_certificate_file": tmp_path / "missing.pem", "tls_key_file": server.key},
        {"tls_certificate_file": tmp_path / "nothing.pem", "tls_key_file": server.key},
        {"tls_certificate_file": server.certificate, "tls_key_file": authority.client("c").key},
    ]
    for changes in wrong:
        with pytest.raises(SettingsError) as refused:
            listener_context(Settings(var_dir=tmp_path, **changes))
        assert str(refused.value).startswith("BILLING_TLS_CERTIFICATE_FILE")
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["", "x" * 121])
def test_a_caller_whose_name_the_access_log_cannot_store_stops_the_start(tmp_path: Path, name: str) -> None:
    file = tmp_path / "partners.json"
    file.write_text(json.dumps([{"dns": "claims.insurer.example", "name": name, "roles": ["admin"]}]))
    with pytest.raises(SettingsError) as refused:
        client_certificates.load(file, Authorities())
    reason = "a name needs 1 to 120 characters"
    assert str(refused.value) == f"BILLING_CLIENT_CERTIFICATES_FILE: cannot use {file}: {reason}"


async def test_slow_heads_are_ended_and_delay_no_one(tmp_path: Path) -> None:
    process = await _started(tmp_path, header_timeout_seconds=2.0, allowed_origins=ORIGIN)
    try:
        sockets = [socket.create_connection(("127.0.0.1", process.settings.port)) for _ in range(200)]
        for each in sockets:
            each.sendall(b"POST /graphql HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        async with httpx.AsyncClient(base_url=process.url) as client:
            answers = [(await client.get("/health/live")).status_code for _ in range(20)]
        assert answers == [200] * 20
        assert select.select(sockets, [], [], 0)[0] == []  # none of them has been ended yet
        for each in sockets:
            each.settimeout(5)
            assert each.recv(100).startswith(b"HTTP/1.1 408")
            each.close()
        await _foreign_pages(process)
        log = process.log.read_text()
        assert "Traceback" not in log
        # Once in a minute, although the same page was refused as a preflight and as a socket.
        assert log.count('"origin":"https://evil.example"') == log.count("https://evil.example") == 1
        assert "add it to BILLING_ALLOWED_ORIGINS if this page may use the gateway" in log
    finally:
        process.kill()


async def _foreign_pages(process: GatewayProcess) -> None:
    """Pages of others may neither ask, nor read, nor open a socket."""
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    async with httpx.AsyncClient(base_url=process.url) as client:
        allowed = await client.options("/graphql", headers={"origin": ORIGIN, **asked})
        assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (204, ORIGIN)
        assert allowed.headers["access-control-allow-methods"] == "GET, POST, PUT, PATCH, DELETE"
        assert allowed.headers["access-control-allow-headers"].split(", ") == list(ALLOWED_HEADERS)
        # A frontend that is developed on this machine, at whatever port.
        for page in ("http://localhost:5173", "https://127.0.0.1:3000", "http://[::1]:8080"):
            developed = await client.options("/graphql", headers={"origin": page, **asked})
            assert developed.headers["access-control-allow-origin"] == page
        own = await client.post("/graphql", json=ME, headers={"origin": ORIGIN})
        assert own.headers["access-control-expose-headers"] == "x-request-id, retry-after, www-authenticate"
        for other in ("https://evil.example", "null", "https://billing.example.evil", "http://localhost.evil"):
            refused = await client.options("/graphql", headers={"origin": other, **asked})
            answer = await client.post("/graphql", json=ME, headers={"origin": other})
            # The answer has a message, and so a language.
            for each, vary in ((refused, "Origin"), (answer, "Origin, Accept-Language")):
                assert "access-control-allow-origin" not in each.headers
                assert each.headers["vary"] == vary
        headers = (await client.post("/graphql", json=ME)).headers
        assert headers["cache-control"] == "no-store"
        assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert (headers["x-frame-options"], headers["x-content-type-options"]) == ("DENY", "nosniff")
        for kind in ("multipart/form-data; boundary=x", "application/x-www-form-urlencoded", "text/plain"):
            form = await client.post("/graphql", content=b"query={me}", headers={"content-type": kind})
            assert form.status_code == 415
    address = process.url.replace("http://", "ws://") + "/graphql"
    protocols = [Subprotocol("graphql-transport-ws")]
    for page in (ORIGIN, process.url):
        async with connect(address, subprotocols=protocols, additional_headers={"origin": page}):
            pass
    for page in ("https://evil.example", "null", "http://[::1"):
        with pytest.raises(InvalidStatus) as refused_handshake:
            await connect(address, subprotocols=protocols, additional_headers={"origin": page})
        assert refused_handshake.value.response.status_code == 403


@pytest.mark.parametrize("origins", ["*", "https://*.example", "billing.example", "https://a.example/path", "null"])
def test_origins_are_exact(origins: str) -> None:
    with pytest.raises(ValueError, match="exact origins"):
        Settings(allowed_origins=origins)
