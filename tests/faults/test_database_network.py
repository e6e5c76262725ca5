"""The way to MySQL swallows everything, is slow, or is reset: each request ends in time, and no answer is another's."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import event
from sqlalchemy.engine import make_url

from app.db.engine import Database, DatabaseUnavailable
from app.domain.actor import Door, operator
from app.runtime.build import changes_of
from app.services.emergency import OPEN, EmergencyRequest
from tests.factories import World, key
from tests.faults.clients import Payer, paying, watched_by
from tests.faults.history import Outcome, check, read_truth
from tests.faults.processes import Fleet
from tests.faults.proxy import Proxy
from tests.faults.stage import invoices, staged
from tests.faults.waiting import all_published, until
from tests.figures import Figures, assert_within
from tests.gateway import server_settings
from tests.length import scaled
from tests.services import Services

SWALLOWED_SECONDS = scaled(full=10, short=10)
SLOW_SECONDS = scaled(full=15, short=4)
DELAY_SECONDS = 0.3
# The limit of an operation, and a moment for the answer itself.
DEADLINE_SECONDS = 15 + 1.0
RECOVERY_SECONDS = 10
INVOICE = "query($id: ID!) { invoice(id: $id) { id number totalAmount } }"


@dataclass
class Reader:
    """Asks for invoices, and checks that each answer is about the one that was asked for."""

    fleet: Fleet
    bills: list[Any]
    right: int = 0
    away: int = 0
    seconds: list[float] = field(default_factory=list)

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            began = time.monotonic()
            await self._ask(random.choice(self.bills))
            self.seconds.append(time.monotonic() - began)
            await asyncio.sleep(0.02)

    async def _ask(self, bill: Any) -> None:
        with contextlib.suppress(httpx.TransportError):
            answer = await self.fleet.gql(INVOICE, {"id": bill["id"]}, token=self.fleet.token("finance"))
            if answer.codes:
                assert set(answer.codes) <= {"UNAVAILABLE", "TIMEOUT"}, answer.body
                self.away += 1
                return
            found = answer.data["invoice"]
            assert found == {"id": bill["id"], "number": bill["number"], "totalAmount": bill["totalAmount"]}
            self.right += 1


async def _swallowed(proxy: Proxy) -> None:
    proxy.blackhole()
    await asyncio.sleep(SWALLOWED_SECONDS)
    proxy.restore()


async def _slow(proxy: Proxy) -> None:
    proxy.delay(DELAY_SECONDS / 2)
    await asyncio.sleep(SLOW_SECONDS)
    proxy.delay(0)


async def _reset(proxy: Proxy) -> None:
    for _ in range(8):
        proxy.cut()
        await asyncio.sleep(0.25)


FAULTS: dict[str, Callable[[Proxy], Awaitable[None]]] = {"swallowing": _swallowed, "slow": _slow, "reset": _reset}


@contextlib.asynccontextmanager
async def _behind_a_proxy(services: Services, directory: Path) -> AsyncIterator[tuple[Fleet, Proxy]]:
    settings = await server_settings(directory, services, events_url="memory://")
    url = make_url(settings.database_url)
    async with Proxy(url.port or 3306) as proxy:
        through = settings.model_copy(
            update={"database_url": url.set(port=proxy.port).render_as_string(hide_password=False)}
        )
        async with staged(settings, through=through) as fleet:
            yield fleet, proxy


@pytest.mark.parametrize("has_key", [False, True])
async def test_a_commit_whose_answer_is_lost_has_its_effect_once(server_world: World, *, has_key: bool) -> None:
    await server_world.submitted_claim()  # so that the patient is in the provider's data scope
    settings = server_world.gateway.settings
    url = make_url(settings.database_url)
    actor = operator(f"lost-{key()}", Door.CLI, request_id="test")
    arguments = {"request": EmergencyRequest(server_world.patient, "Unconscious patient in room 4", 15), "allowed": 3}
    async with Proxy(url.port or 3306) as proxy:
        database = Database(url.set(port=proxy.port).render_as_string(hide_password=False))
        changes = changes_of(settings, database)
        # Sent just before COMMIT: the server does it, and nobody hears that it did.
        event.listen(database.engine.sync_engine, "commit", lambda _connection: proxy.hold_answers(), once=True)
        call = asyncio.create_task(changes.run(OPEN, actor, arguments, key=key() if has_key else None))
        async with asyncio.timeout(10):
            while not await _accesses(server_world):  # noqa: ASYNC110 - the server gives no signal
                await asyncio.sleep(0.02)
        proxy.cut()
        proxy.may_answer.set()
        if has_key:
            assert (await call).replayed is True
        else:
            with pytest.raises(DatabaseUnavailable):
                await call
        await database.dispose()
    assert await _accesses(server_world) == 1


async def _accesses(world: World) -> int:
    answer = await world.call("admin", "{ emergencyAccesses { nodes { patient { id } } } }")
    return [each["patient"]["id"] for each in answer["emergencyAccesses"]["nodes"]].count(world.patient)


@pytest.mark.parametrize("fault", FAULTS)
async def test_requests_end_in_time_and_the_pool_recovers(
    services: Services, tmp_path: Path, figures: Figures, fault: str
) -> None:
    async with _behind_a_proxy(services, tmp_path) as (fleet, proxy):
        bills = await invoices(fleet, 6)
        payer, readers = Payer(fleet), [Reader(fleet, bills) for _ in range(6)]
        async with watched_by(*readers), paying(payer, bills, writers=3):
            await asyncio.sleep(0.5)
            await until(lambda: bool(payer.answered_at))
            await FAULTS[fault](proxy)
            over_at = time.monotonic()
            before = sum(each.right for each in readers)
            await until(lambda: payer.answered_at[-1] > over_at, seconds=RECOVERY_SECONDS)
            await until(lambda: sum(each.right for each in readers) >= before + 30, seconds=RECOVERY_SECONDS)
            recovered = time.monotonic() - over_at
        await all_published(fleet.database)
        truth = await read_truth(fleet.database)
    assert check(payer.history, truth) == []
    slowest = max([*payer.seconds, *[second for each in readers for second in each.seconds]])
    assert_within(DEADLINE_SECONDS, slowest=slowest)
    figures(
        right_answers=sum(each.right for each in readers),
        wrong_rows=0,
        unavailable=sum(each.away for each in readers) + sum(one.outcome is Outcome.UNKNOWN for one in payer.history),
        slowest_request_seconds=slowest,
        recovered_after_seconds=recovered,
        payments=len(truth.ledger),
    )
