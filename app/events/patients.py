"""Events for patients: whose claim an event concerns is read once per event, for all patients who listen."""

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from app.events.listeners import Audience, StreamEvent, StreamListener
from app.events.stream_events import PATIENT_EVENTS
from app.telemetry.outages import Outage

BATCH: Final = 500
"""Events whose patients are read by one statement."""
WAITING_MAX: Final = 10_000
"""How many events may wait for the database; beyond that all patients' listeners are ended as too slow."""
RETRY_SECONDS: Final = 0.5
ReadPatients = Callable[[Sequence[str]], Awaitable[Mapping[str, str]]]
"""Claim id -> patient id, as it is now, for those of these ids that are claims."""


class PatientListeners:
    """The listeners of patients, in a lane of their own after the hub, which therefore never waits for the database.

    A published event names no patient, and the patient in the event log may have been corrected since: only the present
    claim says whose it is. It is read when the event is delivered, by one statement for all events that wait, and only
    if somebody listens to events of that name. `on_lag` is called for each listener ended as too slow.
    """

    def __init__(self, read_patients: ReadPatients, *, on_lag: Callable[[], None]) -> None:
        self._read_patients = read_patients
        self._on_lag = on_lag
        self._audiences: dict[str, Audience] = {}
        self._names: Counter[str] = Counter()
        self._waiting: deque[StreamEvent] = deque()
        self._lane: asyncio.Task[None] | None = None
        self._outage = Outage(
            "billing.hub", down="patients_unknown", back="patients_known", effect="patients' subscriptions wait"
        )

    def __len__(self) -> int:
        return sum(map(len, self._audiences.values()))

    def add(self, listener: StreamListener) -> None:
        """Let the listener take part."""
        self._audiences.setdefault(_patient(listener), Audience()).add(listener)
        self._names.update(_names(listener))

    def remove(self, listener: StreamListener) -> None:
        """Leave the listener out from now on."""
        patient = _patient(listener)
        self._audiences[patient].remove(listener)
        if not len(self._audiences[patient]):
            del self._audiences[patient]
        self._names -= Counter(_names(listener))

    def put(self, event: StreamEvent) -> None:
        """Deliver the event, after those put before, to the listeners of its claim's patient."""
        if event.name not in self._names:
            return
        if len(self._waiting) >= WAITING_MAX:
            self._lag()
            return
        self._waiting.append(event)
        if self._lane is None or self._lane.done():
            self._lane = asyncio.create_task(self._deliver())

    def close(self) -> None:
        """End every listener, and deliver nothing more."""
        if self._lane is not None:
            self._lane.cancel()
        for listener in self._all():
            listener.close()

    def expire(self) -> None:
        """End every listener, since the event log was restored; what waits is of the log of before."""
        self._waiting.clear()
        for listener in self._all():
            listener.expire()

    async def _deliver(self) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            patients = await self._patients_of(batch)
            for event in batch:
                audience = self._audiences.get(patients.get(event.aggregate_id, ""))
                for _ in range(audience.offer(event) if audience else 0):
                    self._on_lag()

    async def _patients_of(self, events: Sequence[StreamEvent]) -> Mapping[str, str]:
        """The patients of their claims, once the database answers: until then everything waits, so that none is
        skipped."""
        while True:
            try:
                found = await self._read_patients(sorted({event.aggregate_id for event in events}))
            except Exception as error:  # noqa: BLE001 - whatever failed, an event may only be delivered to its patient
                self._outage.failed(error)
                await asyncio.sleep(RETRY_SECONDS)
            else:
                self._outage.succeeded()
                return found

    def _lag(self) -> None:
        self._waiting.clear()
        for listener in self._all():
            listener.lag()
            self._on_lag()

    def _all(self) -> list[StreamListener]:
        return [listener for audience in self._audiences.values() for listener in audience.listeners()]


def _patient(listener: StreamListener) -> str:
    return listener.interest.scope.patient or ""


def _names(listener: StreamListener) -> frozenset[str]:
    """What may be delivered to it at all: a patient sees events of claims and their denials only."""
    return listener.interest.names & PATIENT_EVENTS
