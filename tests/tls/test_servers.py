"""TLS to MySQL, Redis and Kafka that demand a client certificate, with and without one."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiokafka.errors import KafkaError

from app.db import migrate
from app.db.engine import DatabaseUnavailable
from app.events.kafka_clients import ensure_topic
from app.runtime.build import database_of
from app.runtime.process import build
from app.runtime.settings import Settings, SettingsError
from app.runtime.tls import client_context
from tests.factories import new_world
from tests.gateway import Gateway, running_gateway
from tests.servers import kafka, mysql, redis_server
from tests.servers.base import Server, UnavailableError
from tests.servers.launch import free_port
from tests.tls.certificates import Authority, Pair

ACCOUNT = "CREATE USER 'secure'@'127.0.0.1' REQUIRE X509;\nGRANT ALL PRIVILEGES ON *.* TO 'secure'@'127.0.0.1';\n"


@dataclass
class Guarded:
    """Three servers that speak TLS to those whom their authority knows."""

    authority: Authority
    gateway: Pair
    mysql: Server
    redis_port: int
    kafka_port: int

    def settings(self, directory: Path, name: str, **changes: Any) -> Settings:
        """A gateway's settings; `changes` leave something out."""
        asyncio.run(mysql._run(self.mysql.url, f"CREATE DATABASE IF NOT EXISTS `{name}` CHARACTER SET utf8mb4"))
        values: dict[str, Any] = {
            "database_url": self.mysql.url.replace("root@", "secure@") + name,
            "redis_url": f"rediss://127.0.0.1:{self.redis_port}/0",
            "events_url": f"kafka://127.0.0.1:{self.kafka_port}",
            "events_topic": f"events.{name}",
            "remittances_topic": f"remittances.{name}",
        }
        for server in ("database", "redis", "kafka"):
            values |= {
                f"{server}_ca_file": self.authority.file,
                f"{server}_certificate_file": self.gateway.certificate,
                f"{server}_key_file": self.gateway.key,
            }
        return Settings(var_dir=directory, port=0, rate_per_second=0, **{**values, **changes})


@contextmanager
def _guarded(directory: Path) -> Iterator[Guarded]:
    authority = Authority(directory)
    server, gateway = authority.server(), authority.client("gateway")
    redis_port, kafka_port = free_port(), free_port()
    files = ("--ssl-ca", authority.file), ("--ssl-cert", server.certificate), ("--ssl-key", server.key)
    database = mysql.native(*[f"{name}={path}" for name, path in files], accounts=ACCOUNT)
    options = ["--tls-port", str(redis_port), "--tls-auth-clients", "yes", "--tls-ca-cert-file", str(authority.file)]
    options += ["--tls-cert-file", str(server.certificate), "--tls-key-file", str(server.key)]
    cache = redis_server.native(*options)
    broker = kafka.apache(tls=(kafka_port, _broker_settings(authority, server)))
    try:
        yield Guarded(authority, gateway, database, redis_port, kafka_port)
    finally:
        for each in (database, cache, broker):
            assert each.process is not None
            each.process.discard()


def _broker_settings(authority: Authority, server: Pair) -> dict[str, str]:
    """Kafka takes PEM as values: one line each, its breaks written out."""

    def in_one_line(path: Path) -> str:
        return path.read_text().strip().replace("\n", "\\n")

    return {
        "ssl.client.auth": "required",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.key": in_one_line(server.key),
        "ssl.keystore.certificate.chain": in_one_line(server.certificate),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.certificates": in_one_line(authority.file),
    }


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """The servers; the broker is Apache Kafka, which the smaller one cannot replace here."""
    try:
        with _guarded(tmp_path_factory.mktemp("guarded")) as found:
            yield found
    except UnavailableError as missing:
        pytest.skip(f"this machine has no server for it: {missing}")


@pytest.fixture
async def gateway(guarded: Guarded, tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway that reaches all three by TLS."""
    settings = await asyncio.to_thread(guarded.settings, tmp_path, "all_by_tls")
    async with running_gateway(settings) as found:
        yield found


async def test_a_mutation_and_its_event_go_over_tls_to_all_three(gateway: Gateway) -> None:
    world = await new_world(gateway)
    async with gateway.subscribed("subscription { claimStatusChanged { status } }", world.token("reviewer")) as stream:
        claim = await world.submitted_claim()
        assert [await stream.next() for _ in range(2)] == [
            {"claimStatusChanged": {"status": status}} for status in ("DRAFT", "SUBMITTED")
        ]
    assert claim["status"] == "SUBMITTED"
    health = (await gateway.client.get("/health")).json()
    assert (health["status"], set(health["checks"].values())) == ("ready", {"up"})
    async with gateway.database.reading() as connection:
        cipher = (await connection.exec_driver_sql("SHOW STATUS LIKE 'Ssl_version'")).mappings().one()["Value"]
    assert cipher.startswith("TLSv1.")


@pytest.mark.parametrize("driver", ["aiomysql", "asyncmy"])
async def test_who_shows_no_certificate_or_believes_another_authority_is_not_let_in(
    guarded: Guarded, tmp_path: Path, driver: str
) -> None:
    other = Authority(tmp_path / "other")
    wrong: list[dict[str, Any]] = [
        {"database_certificate_file": None, "database_key_file": None},
        {"database_ca_file": other.file},
        {"database_ca_file": None, "database_certificate_file": None, "database_key_file": None},
    ]
    for changes in wrong:
        settings = await asyncio.to_thread(guarded.settings, tmp_path, "refused", **changes)
        settings = settings.model_copy(update={"database_url": settings.database_url.replace("aiomysql", driver)})
        database = database_of(settings)
        with pytest.raises(DatabaseUnavailable):
            await migrate.upgrade(database)
        await database.dispose()


async def test_redis_and_kafka_want_to_see_a_certificate_too(guarded: Guarded, tmp_path: Path) -> None:
    changes = {f"{server}_{part}_file": None for server in ("redis", "kafka") for part in ("certificate", "key")}
    settings = await asyncio.to_thread(guarded.settings, tmp_path, "bare", **changes)
    parts = build(settings)
    assert not await parts.cache.ping()
    with pytest.raises(KafkaError):
        await ensure_topic(f"127.0.0.1:{guarded.kafka_port}", "any", client_context(settings, "kafka"))
    await parts.cache.close()
    await parts.database.dispose()


def test_files_that_cannot_be_used_are_told_in_one_line(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    for path in (tmp_path / "missing.pem", authority.client("a").key):
        with pytest.raises(SettingsError, match="BILLING_REDIS_CA_FILE"):
            client_context(Settings(var_dir=tmp_path, redis_url="rediss://127.0.0.1", redis_ca_file=path), "redis")
    assert client_context(Settings(var_dir=tmp_path), "redis") is None
