"""Gateways that take the tokens of an identity provider."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.gateway import Gateway, embedded_settings, running_gateway
from tests.identity.stand_in import StandIn, stand_in
from tests.prepared import prepare


@asynccontextmanager
async def gateway_of(directory: Path, issuer: str, **changes: Any) -> AsyncIterator[Gateway]:
    """A gateway that trusts this issuer: tables, and next to nothing in them."""
    settings = embedded_settings(directory, oidc_issuer=issuer, **changes)
    await prepare(settings, has_all_terms=False)
    async with running_gateway(settings, is_prepared=True) as found:
        yield found


@pytest.fixture
def provider() -> Iterator[StandIn]:
    """A stand-in of the test's own."""
    with stand_in() as found:
        yield found
