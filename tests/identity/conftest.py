"""Gateways that take the tokens of an identity provider."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from app.db import migrate
from app.runtime.build import database_of
from tests.gateway import Gateway, embedded_settings, running_gateway
from tests.identity.stand_in import StandIn, stand_in


@asynccontextmanager
async def gateway_of(directory: Path, issuer: str, **changes: Any) -> AsyncIterator[Gateway]:
    """A gateway that trusts this issuer: tables, and nothing in them."""
    settings = embedded_settings(directory, oidc_issuer=issuer, **changes)
    database = database_of(settings)
    await migrate.upgrade(database)
    await database.dispose()
    async with running_gateway(settings, is_prepared=True) as found:
        yield found


@pytest.fixture
def provider() -> Iterator[StandIn]:
    """A stand-in of the test's own."""
    with stand_in() as found:
        yield found
