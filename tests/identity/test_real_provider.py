"""A real identity provider: its discovery document, keys and access tokens, and a gateway that trusts it alone."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.auth.keys import RemoteKeys
from app.auth.roles import ROLES
from tests.gateway import Gateway
from tests.identity.conftest import gateway_of
from tests.identity.real import Client, RealProvider, real_provider
from tests.identity.stand_in import Clock

ME = "{ me { subject roles permissions providerCnes payerAnsCode patientId expiresAt } }"
PROVIDERS = ["2000001"]
CLIENTS = (
    Client("biller-client", {"roles": ["biller", "offline_access"], "providers": PROVIDERS}),
    Client("reader-rsa", {"roles": ["billing_reader"], "providers": PROVIDERS}, algorithm="RS256"),
    Client("payer-pss", {"roles": ["payer_agent"], "payer": ["123456"]}, algorithm="PS256"),
    Client("narrow", {"roles": ["biller"], "providers": PROVIDERS}, ["claims:read", "claims:submit", "payroll"]),
    Client("scopes-only", {"providers": PROVIDERS}, ["claims:read", "invoices:read"]),
    Client("stranger", {}, ["payroll"]),
)


@pytest.fixture(scope="module")
def real() -> Iterator[RealProvider]:
    with real_provider(*CLIENTS) as found:
        yield found


@pytest.fixture(scope="module")
async def live(real: RealProvider, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    async with gateway_of(tmp_path_factory.mktemp("real"), real.issuer) as found:
        yield found


def _clock_of(gateway: Gateway) -> Clock:
    """The clock of the gateway's keys, in the test's hand from now on."""
    keys, clock = gateway.parts.verifier.keys, Clock()
    assert isinstance(keys, RemoteKeys)
    clock.now = keys.clock() + 10
    keys.clock = clock
    return clock


async def _fetched(gateway: Gateway) -> None:
    """Wait for the fetch in the background."""
    keys = gateway.parts.verifier.keys
    assert isinstance(keys, RemoteKeys)
    async with asyncio.timeout(5):
        await keys.refreshed()


async def _me(gateway: Gateway, token: str) -> Any:
    return (await gateway.gql(ME, token=token)).data["me"]


async def test_a_client_with_a_role_is_who_the_provider_says(real: RealProvider, live: Gateway) -> None:
    found = await _me(live, real.token("biller-client"))
    assert (found["subject"], found["roles"], found["providerCnes"]) == ("biller-client", ["biller"], PROVIDERS)
    assert found["permissions"] == sorted(ROLES["biller"])


@pytest.mark.parametrize(
    ("name", "role", "payer"), [("reader-rsa", "billing_reader", None), ("payer-pss", "payer_agent", "123456")]
)
async def test_rsa_signatures_are_taken_in_both_forms(
    real: RealProvider, live: Gateway, name: str, role: str, payer: str | None
) -> None:
    found = await _me(live, real.token(name))
    assert (found["roles"], found["payerAnsCode"], found["permissions"]) == ([role], payer, sorted(ROLES[role]))


@pytest.mark.parametrize(
    ("name", "scope", "scopes"),
    [
        ("narrow", "claims:read payroll", ["claims:read"]),
        ("narrow", "claims:read claims:submit", ["claims:read", "claims:submit"]),
        ("narrow", "payroll", sorted(ROLES["biller"])),
        ("scopes-only", "claims:read invoices:read", ["claims:read", "invoices:read"]),
        ("scopes-only", "", []),
        ("stranger", "payroll", []),
    ],
)
async def test_scopes_narrow_roles_and_stand_for_them_in_a_clients_own_token(
    real: RealProvider, live: Gateway, name: str, scope: str, scopes: list[str]
) -> None:
    found = await _me(live, real.token(name, scope))
    assert (found["subject"], found["permissions"]) == (name, scopes)


async def test_the_gateway_is_ready_with_keys_found_by_discovery(live: Gateway) -> None:
    ready = (await live.client.get("/health/ready")).json()
    assert ready["checks"]["keys"] == "up"


async def test_a_token_of_the_development_key_opens_nothing_here(live: Gateway) -> None:
    answer = await live.gql(ME, token=live.token("biller"))
    assert (answer.status, answer.codes) == (401, ["UNAUTHENTICATED"])


async def test_new_keys_are_taken_after_the_cooldown_and_old_ones_go(real: RealProvider, live: Gateway) -> None:
    clock = _clock_of(live)
    old = real.token("biller-client")
    clock.now += RemoteKeys.COOLDOWN_SECONDS
    assert (await _me(live, old))["subject"] == "biller-client"
    real.rotate()
    new = real.token("biller-client")
    assert (await _me(live, new))["subject"] == "biller-client"
    refused = await live.gql(ME, token=old)
    assert (refused.status, refused.codes) == (401, ["UNAUTHENTICATED"])
    real.rotate()
    newest = real.token("biller-client")
    assert (await live.gql(ME, token=newest)).status == 401
    clock.now += RemoteKeys.COOLDOWN_SECONDS
    assert (await _me(live, newest))["subject"] == "biller-client"


async def test_the_keys_go_on_when_the_provider_is_gone(tmp_path_factory: pytest.TempPathFactory) -> None:
    with real_provider(CLIENTS[0]) as short_lived:
        async with gateway_of(tmp_path_factory.mktemp("gone"), short_lived.issuer) as gateway:
            first, second = short_lived.token("biller-client"), short_lived.token("biller-client")
            assert (await _me(gateway, first))["subject"] == "biller-client"
            short_lived.stop()
            clock = _clock_of(gateway)
            with capture_logs() as lines:
                for _ in range(2):
                    clock.now += 2 * RemoteKeys.LIFETIME_SECONDS
                    assert (await _me(gateway, second))["subject"] == "biller-client"
                    await _fetched(gateway)
            assert (await gateway.client.get("/health/ready")).json()["checks"]["keys"] == "up"
    logged = [(line["event"], line["reason"]) for line in lines if "provider" in line["event"]]
    assert logged == [("identity_provider_down", "ConnectError")]
