"""What every server under test shares: the database with its rows, Redis, the identity provider, and the token."""

import asyncio
import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import pymysql
from sqlalchemy import make_url

from app.runtime.settings import Settings
from benchmarks.data import SEEN, fill
from benchmarks.processes import pin
from tests.gateway import production_settings, with_driver
from tests.identity.stand_in import Key, StandIn, new_key, stand_in
from tests.prepared import prepare
from tests.services import Services, start_all

RATE: Final = 100_000
_TOKEN_SECONDS: Final = 6 * 3600
# Everything is on, and nothing is refused: the load is one caller from one address.
_SETTINGS: Final[dict[str, Any]] = {
    "events_url": "memory://",
    "rate_per_second": RATE,
    "rate_burst": 1_000_000,
    "refused_tokens_per_second": 5,
    "health_seconds": 1,
    "connections_per_address": 1_500,
    "streams_per_subject": 1_500,
}


@dataclass(frozen=True)
class Stage:
    """The servers that are not measured, and what the measured ones are told of them."""

    folder: Path
    settings: Settings
    issuing: StandIn
    key: Key
    database_version: str
    redis_version: str

    @cached_property
    def caller(self) -> str:
        """The token of the biller who sends the load."""
        return self.token("biller", SEEN)

    def token(self, role: str, providers: Sequence[str]) -> str:
        """A token for this role and these providers."""
        expires = int(time.time()) + _TOKEN_SECONDS
        named = {"sub": "bench", "roles": [role], "providers": list(providers)}
        return self.issuing.token(self.key, header={"typ": "at+jwt"}, exp=expires, **named)

    @property
    def database(self) -> dict[str, str]:
        """The address of the database in parts, as environment variables of the peers."""
        url = make_url(self.settings.database)
        return {
            "DB_HOST": url.host or "",
            "DB_PORT": str(url.port),
            "DB_USER": url.username or "",
            "DB_NAME": url.database or "",
        }


@contextlib.contextmanager
def stage(claims: int, background_cores: set[int] | None, driver: str = "asyncmy") -> Iterator[Stage]:
    """Start the servers, fill the database with so many claims, and end them with the block. The gateway uses the
    driver."""
    with contextlib.ExitStack() as stack:
        services = stack.enter_context(start_all(["mysql", "redis"]))
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="billing-bench-")))
        issuing = stack.enter_context(stand_in())
        for server in services.servers.values():
            if background_cores is not None and server.pid is not None:
                pin(server.pid, background_cores)
        settings = asyncio.run(_settings(folder, services, issuing))
        _enlarge(settings)
        asyncio.run(prepare(settings))
        fill(settings.database, claims)
        key = new_key("benchmark")
        issuing.keys = [key]
        versions = f"{services.mysql.flavor} {services.mysql.version}", services.redis.version
        yield Stage(folder, with_driver(settings, driver), issuing, key, *versions)


async def _settings(folder: Path, services: Services, issuing: StandIn) -> Settings:
    # Only the address of the broker is read, and replaced by memory://.
    with_broker = Services({**services.servers, "kafka": services.redis})
    changes = {**_SETTINGS, "oidc_issuer": issuing.issuer, "jwks_url": issuing.url("/keys")}
    return await production_settings(folder, with_broker, **changes)


def _enlarge(settings: Settings) -> None:
    """Room for writes: with the small log of the tests MariaDB stalls for seconds. Variables that are unknown to the
    server are left out."""
    url = make_url(settings.database)
    connection = pymysql.connect(host=url.host or "", port=url.port or 0, user=url.username or "")
    with connection, connection.cursor() as cursor:
        for name, size in (
            ("innodb_log_file_size", 1 << 30),
            ("innodb_redo_log_capacity", 1 << 30),
            ("innodb_buffer_pool_size", 1 << 30),
        ):
            with contextlib.suppress(pymysql.err.Error):
                cursor.execute(f"SET GLOBAL {name} = {size}")
