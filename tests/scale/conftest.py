"""A gateway on a database of many claims: 50,000, or with BILLING_TEST_SCALE=full a million on a server of its own."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from app.runtime.build import access_log_key_of, database_of
from tests.faults.waiting import SECONDS, until
from tests.gateway import Gateway, running_gateway, server_settings
from tests.length import IS_FULL
from tests.prepared import prepare
from tests.scale import rows
from tests.scale.cases import Case, all_cases
from tests.scale.reads import Sent, Work, work_of
from tests.scale.size import SIZE, Size
from tests.servers import mysql
from tests.servers.mysql import create_database
from tests.services import Services

__all__ = ["SIZE"]

MEMORY = ("--innodb-buffer-pool-size=3G", "--loose-innodb-log-file-size=2G")


@dataclass
class Large:
    """The gateway and how much it has."""

    gateway: Gateway
    size: Size


async def _until_swept(gateway: Gateway) -> None:
    """Wait until the first sweep has gone through the rows that wait and are old."""

    def is_swept() -> bool:
        return any(gateway.parts.metrics.proof_age.collect())

    await until(is_swept, seconds=600 if IS_FULL else SECONDS)


@pytest.fixture(scope="session")
async def large(services: Services, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Large]:
    """A live gateway with many claims; tests only read them."""
    own = await asyncio.to_thread(mysql.native, *MEMORY) if IS_FULL else None
    try:
        found = await server_settings(
            tmp_path_factory.mktemp("large"), services, redis_url="memory://", events_url="memory://"
        )
        if own is not None:
            await asyncio.to_thread(create_database, own.url, "large")
            found = found.model_copy(update={"database_url": f"{own.url}large"})
        settings = found.model_copy(update={"database_timeout_seconds": 60, "operation_deadline_seconds": 60})
        database = database_of(settings)
        await prepare(settings, has_all_terms=False)
        key = access_log_key_of(settings)
        await rows.fill(database, SIZE, key.pseudonym(rows.identifier("pat", 0)))
        async with running_gateway(settings, is_prepared=True) as gateway:
            await _until_swept(gateway)
            yield Large(gateway, SIZE)
    finally:
        if own is not None:
            await asyncio.to_thread(own.discard)


@dataclass
class Measured:
    """A case, the statement for its page, and what the server does for it."""

    case: Case
    page: Sent
    work: Work


@pytest.fixture(scope="session")
async def measured(large: Large) -> list[Measured]:
    """All cases."""
    found = [(case, await case.page(large.gateway)) for case in all_cases()]
    async with large.gateway.parts.probe_database.reads.connect() as connection:
        return [Measured(case, page, await work_of(connection, page)) for case, page in found]
