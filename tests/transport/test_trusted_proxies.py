"""Whose address a request counts for: X-Forwarded-For is believed from trusted proxies only."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from pydantic import ValidationError

from app.runtime.settings import Settings
from tests.gateway import Gateway, embedded_settings, running_gateway

PROXY = "127.0.0.1"
RATE = {"rate_per_second": 0.001, "rate_burst": 2}
QUERY = {"query": "{ __typename }"}


@pytest.fixture(params=["", PROXY, "127.0.0.0/8, 10.0.0.0/8"])
async def gateway(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Gateway]:
    settings = embedded_settings(tmp_path, trusted_proxies=request.param, connections_per_address=3, **RATE)
    async with running_gateway(settings) as found:
        yield found


async def _statuses(gateway: Gateway, *forwarded: str) -> list[int]:
    found = []
    for address in forwarded:
        headers = {"x-forwarded-for": address, "accept": "application/graphql-response+json"}
        found.append((await gateway.client.post("/graphql", json=QUERY, headers=headers)).status_code)
    return found


async def test_the_rate_is_that_of_the_client_behind_a_trusted_proxy(gateway: Gateway) -> None:
    clients = ["192.0.2.1", "192.0.2.2", "192.0.2.1", "192.0.2.2", "192.0.2.1"]
    # What a client says of itself comes first, and only what the proxy has added counts.
    clients.append("203.0.113.9, 192.0.2.2")
    is_trusted = bool(gateway.settings.trusted_proxies)
    assert await _statuses(gateway, *clients) == [200] * 4 + [429] * 2 if is_trusted else [200] * 2 + [429] * 4


async def test_https_is_believed_of_a_trusted_proxy(gateway: Gateway) -> None:
    answer = await gateway.client.get("/health/live", headers={"x-forwarded-proto": "https"})
    is_trusted = bool(gateway.settings.trusted_proxies)
    assert answer.headers.get("strict-transport-security") == (
        "max-age=31536000; includeSubDomains" if is_trusted else None
    )


async def test_a_trusted_proxy_may_have_more_connections_than_an_address(gateway: Gateway) -> None:
    is_trusted = bool(gateway.settings.trusted_proxies)
    clients = [httpx.AsyncClient(base_url=gateway.url) for _ in range(5)]
    statuses = [(await client.get("/health/live")).status_code for client in clients]
    for client in clients:
        await client.aclose()
    assert statuses == [200] * 5 if is_trusted else [200] * 3 + [503] * 2


@pytest.mark.parametrize("value", ["*", "proxy.example", "10.0.0.0/33", "10.0.0.1/8", "10.0.0.1;10.0.0.2"])
def test_what_is_no_address_is_refused_at_the_start(value: str) -> None:
    with pytest.raises(ValidationError, match="needs addresses or networks"):
        Settings(trusted_proxies=value)


def test_one_address_leaves_room_for_others() -> None:
    assert Settings().connections_of_one_address == 500
    assert Settings(connections_max=1).connections_of_one_address == 1
    with pytest.raises(ValidationError, match="must be below BILLING_CONNECTIONS_MAX"):
        Settings(connections_max=10, connections_per_address=10)
