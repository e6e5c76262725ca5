"""The hub's listeners of patients: whose claim an event concerns is read once, from the present claim."""

import asyncio
import contextlib
from collections.abc import Iterator, Sequence

import pytest

from app.db.outbox import LogPlace, OutboxRecord
from app.domain.data_scope import DataScope
from app.events import patients
from app.events.hub import Hub
from app.events.listeners import QUEUE_MAX, StreamListener
from tests.events.hubs import event_at, interest_in

MANY = 294


class Claims:
    """Claim id -> patient id, as it is now, and every read of it."""

    def __init__(self, **owners: str) -> None:
        self.owners = owners
        self.reads: list[set[str]] = []
        self.is_down = False

    async def patients(self, claims: Sequence[str]) -> dict[str, str]:
        """What the hub reads."""
        self.reads.append(set(claims))
        await asyncio.sleep(0)
        if self.is_down:
            raise OSError
        return {claim: owner for claim, owner in self.owners.items() if claim in claims}


class Heard:
    """What hubs for patients deliver."""

    def __init__(self, claims: Claims) -> None:
        self.lagged = 0
        self.hub = Hub(self._no_log, claims.patients, on_lag=self._lag)
        self.hub.last_place = LogPlace(0, "")

    @staticmethod
    async def _no_log(_after: int, _before: int | None, _limit: int) -> list[OutboxRecord]:
        return []

    def _lag(self) -> None:
        self.lagged += 1

    async def deliver(self, *claims: str, name: str = "ClaimSubmitted") -> None:
        """An event for each of these claims."""
        for claim in claims:
            await self.hub.deliver(event_at((self.hub.last_position or 0) + 1, claim, name))

    @contextlib.contextmanager
    def listening(self, patient: str, aggregate: str | None = None) -> Iterator[list[int]]:
        """The positions that a patient hears, while the block runs."""
        heard: list[int] = []
        with self.hub.listen(interest_in(aggregate, scope=DataScope(patient=patient))) as listener:
            task = asyncio.create_task(_read(listener, heard))
            yield heard
            task.cancel()


async def _read(listener: StreamListener, heard: list[int]) -> None:
    async for event in listener:
        # Seen while it goes on, so no comprehension.
        heard.append(event.position)  # noqa: PERF401


async def _idle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_an_event_is_read_once_for_all_who_listen_and_shown_to_its_patient() -> None:
    claims = Claims(mine="anna", theirs="bruno")
    hub = Heard(claims)
    with contextlib.ExitStack() as stack:
        own = [stack.enter_context(hub.listening("anna", None if n % 2 else "mine")) for n in range(MANY)]
        foreign = stack.enter_context(hub.listening("carla"))
        for claim in ("mine", "theirs", "unknown", "mine"):
            await hub.deliver(claim)
            await _idle()
        assert (own, foreign) == ([[1, 4]] * MANY, [])
    assert claims.reads == [{"mine"}, {"theirs"}, {"unknown"}, {"mine"}]


async def test_nothing_is_read_while_no_patient_listens_or_for_events_of_no_claim() -> None:
    claims = Claims(mine="anna")
    hub = Heard(claims)
    await hub.deliver("mine")
    with hub.listening("anna") as heard:
        await hub.deliver("mine", name="SettlementConfirmed")
        await _idle()
    await hub.deliver("mine")
    await _idle()
    assert (claims.reads, heard) == ([], [])


async def test_the_present_patient_of_a_claim_counts() -> None:
    claims = Claims(corrected="anna")
    hub = Heard(claims)
    with hub.listening("anna") as before, hub.listening("bruno") as after:
        await hub.deliver("corrected")
        await _idle()
        claims.owners["corrected"] = "bruno"
        await hub.deliver("corrected")
        await _idle()
    assert (before, after) == ([1], [2])


async def test_events_wait_in_order_while_the_database_is_down_and_nobody_else_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    claims = Claims(mine="anna")
    hub = Heard(claims)
    monkeypatch.setattr(patients, "RETRY_SECONDS", 0.01)
    claims.is_down = True
    with hub.listening("anna") as heard, hub.hub.listen(interest_in()) as staff:
        await hub.deliver("mine", "theirs", "mine")
        assert [(await anext(aiter(staff))).position for _ in range(3)] == [1, 2, 3]
        await asyncio.sleep(0.05)
        with hub.listening("anna") as late:
            assert heard == []
            claims.is_down = False
            async with asyncio.timeout(5):
                while len(heard) < 2:  # noqa: ASYNC110 - no signal to wait for
                    await asyncio.sleep(0.01)
            assert (heard, late) == ([1, 3], [])


async def test_all_patients_are_ended_when_too_many_events_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    claims = Claims(mine="anna")
    hub = Heard(claims)
    monkeypatch.setattr(patients, "WAITING_MAX", 5)
    with hub.listening("anna"), hub.listening("bruno"):
        await hub.deliver(*["mine"] * 6)
        assert hub.lagged == 2


async def test_a_patient_who_reads_too_slowly_is_ended_alone() -> None:
    claims = Claims(mine="anna")
    hub = Heard(claims)
    with hub.listening("anna") as quick, hub.hub.listen(interest_in(scope=DataScope(patient="anna"))):
        for _ in range(QUEUE_MAX + 5):
            await hub.deliver("mine")
            await _idle()
        assert (len(quick), hub.lagged) == (QUEUE_MAX + 5, 1)
