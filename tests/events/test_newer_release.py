"""An event of a newer release, whose name this one does not know, waits for a leader that does; others go on."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from app.db import outbox as outbox_db
from app.db.clock import process_time as now
from app.db.tables import outbox
from app.events.cloud_events import UNKNOWN_NAME
from app.events.contracts import CONTRACTS
from tests.commands import billing
from tests.events.test_parking import _parked, _rows, at_rest, metrics, positions, raw, record
from tests.factories import new_world
from tests.faults.stage import prepare
from tests.gateway import Gateway, embedded_settings, running_gateway, server_settings
from tests.services import Services

NEW = "InvoiceBurnt"


@pytest.fixture(params=["embedded", "servers"])
async def own(request: pytest.FixtureRequest, services: Services, tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway with an outbox of its own."""
    settings = embedded_settings(tmp_path) if request.param == "embedded" else await server_settings(tmp_path, services)
    await prepare(settings)
    async with running_gateway(settings, is_prepared=True) as gateway:
        yield gateway


async def test_an_unknown_event_waits_with_its_aggregate_for_a_leader_that_knows_it(
    own: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    await record(own.database, raw("inv_a"), raw("inv_a", name=NEW), raw("inv_a"), raw("inv_b"))
    await at_rest(own)
    assert await _rows(own.database, "inv_a") == [(1, True), (None, False), (None, False)]
    assert await _rows(own.database, "inv_b") == [(2, True)]
    assert ((await metrics(own))["billing_outbox_unknown"], await _parked(own.database)) == (2, [])
    own_variables = {"BILLING_VAR_DIR": str(own.settings.var_dir), "BILLING_DATABASE_URL": own.settings.database_url}
    ran = billing("parked", **own_variables)
    assert (ran.returncode, ran.stdout) == (0, "")
    assert ran.stderr == "0 events parked, 0 wait for them\n2 events wait for a gateway of a newer release\n"
    await (await new_world(own)).create_claim()
    await at_rest(own)
    # The newer release.
    monkeypatch.setitem(CONTRACTS, NEW, CONTRACTS["InvoiceIssued"])
    own.parts.relay.wake()
    await at_rest(own)
    assert (await metrics(own))["billing_outbox_unknown"] == 0
    assert await _rows(own.database, "inv_a") == [(1, True), (4, True), (5, True)]
    assert await positions(own.database) == [1, 2, 3, 4, 5]


async def test_a_published_event_that_an_older_release_is_to_publish_again_waits(own: Gateway) -> None:
    odd = raw("inv_odd")
    await record(own.database, odd)
    await at_rest(own)

    async def rename_and_publish_again(connection: Any) -> None:
        await connection.execute(update(outbox).where(outbox.c.event_id == odd.event_id).values(name=NEW))
        await outbox_db.publish_again(connection, 1, None)

    await own.database.transact(rename_and_publish_again)
    await (await new_world(own)).create_claim()
    await at_rest(own)
    assert await _rows(own.database, "inv_odd") == [(1, False)]


async def test_what_an_older_release_has_parked_for_its_name_is_published_at_the_next_start(
    services: Services, tmp_path: Path
) -> None:
    settings = await server_settings(tmp_path, services)
    await prepare(settings)
    async with running_gateway(settings, is_prepared=True) as gateway:
        await record(gateway.database, raw("inv_a", data="{"))
        await at_rest(gateway, parked=1)

        async def park_as_older_releases_do(connection: Any) -> None:
            await outbox_db.insert_events(connection, [raw("inv_b"), raw("inv_c", name=NEW)])
            chosen = update(outbox).where(outbox.c.aggregate_id.in_(["inv_b", "inv_c"]))
            await connection.execute(chosen.values(parked_at=now(), parked_reason=UNKNOWN_NAME))

        await gateway.database.transact(park_as_older_releases_do)
    async with running_gateway(settings, is_prepared=True) as gateway:
        await at_rest(gateway, parked=2)
        assert await _rows(gateway.database, "inv_b") == [(1, True)]
        assert [(aggregate, reason) for aggregate, _, reason in await _parked(gateway.database)] == [
            ("inv_a", "the data is not JSON"),
            ("inv_c", UNKNOWN_NAME),
        ]
        own_variables = {"BILLING_VAR_DIR": str(settings.var_dir), "BILLING_DATABASE_URL": settings.database_url}
        assert billing("release", "--all", **own_variables).stderr == "2 events released\n"
