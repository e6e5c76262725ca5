"""What every change of a party has in common: its row, a step of its history, an event, and the access log."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final, Generic, Protocol, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.party_history import PartyStep
from app.domain import ids
from app.domain.errors import check_version, not_found
from app.domain.parties import PartyAction, changed_fields, check_activity
from app.events.contracts import Event
from app.unit_of_work.unit import UnitOfWork
from app.values.frozen import frozen


class Party(Protocol):
    """A record of a party."""

    @property
    def id(self) -> str: ...
    @property
    def version(self) -> int: ...


Row = TypeVar("Row", bound=Party)
_PAST: Final = {
    PartyAction.REGISTER: "Registered",
    PartyAction.UPDATE: "Updated",
    PartyAction.DEACTIVATE: "Deactivated",
    PartyAction.REACTIVATE: "Reactivated",
    PartyAction.END: "Ended",
    PartyAction.MERGE: "Merged",
}


@frozen
class PartyKind(Generic[Row]):
    """One kind of parties: its name, how a row is written, the parties and the data of its events, and the patient
    whom a row is about."""

    name: str
    write: Callable[[AsyncConnection, Row], Awaitable[None]]
    provider: Callable[[Row], str | None]
    payer: Callable[[Row], str | None]
    facts: Callable[[Row], Mapping[str, Any]]
    patient: Callable[[Row], str | None] = lambda _row: None

    @property
    def what(self) -> str:
        """The kind in a sentence."""
        return self.name.lower()

    def checked(self, found: Row | None, version: int | None, field: str) -> Row:
        """The locked row; NOT_FOUND for none, STALE_VERSION if it has changed since this version."""
        if found is None:
            raise not_found(self.what, field)
        check_version(self.what, found.version, version)
        return found

    async def change(
        self,
        unit: UnitOfWork,
        before: Row,
        changes: Mapping[str, Any],
        action: PartyAction,
        *,
        other_id: str | None = None,
        is_always: bool = False,
    ) -> Row:
        """Write the changed columns of a locked row; what changes nothing leaves the row and its version alone, unless
        something else has changed with it (`is_always`)."""
        after: Row = replace(before, **changes)  # type: ignore[type-var]  # every record is a dataclass
        names = tuple(changed_fields(before, after, tuple(changes)))
        if not (names or is_always):
            unit.changed(before.id, self.patient(before))
            return before
        after = replace(after, version=before.version + 1)  # type: ignore[type-var]  # as above
        await self.write(unit.connection, after)
        self.note(unit, after, action, fields=names, other_id=other_id)
        return after

    async def set_active(self, unit: UnitOfWork, before: Row, field: str = "id", *, is_active: bool) -> Row:
        """Deactivate or reactivate a locked row; CONFLICT if it is so already."""
        check_activity(self.what, field, is_active=is_active_party(before), should_be=not is_active)
        action = PartyAction.REACTIVATE if is_active else PartyAction.DEACTIVATE
        return await self.change(unit, before, {"deactivated_at": None if is_active else unit.now}, action)

    def note(
        self,
        unit: UnitOfWork,
        party: Row,
        action: PartyAction,
        *,
        fields: Iterable[str] = (),
        other_id: str | None = None,
    ) -> None:
        """Add the step of the history, the event and the entry of the access log for a row that was written."""
        step = PartyStep(
            id=ids.new_id(ids.PARTY_HISTORY),
            party_id=party.id,
            action=action,
            version=party.version,
            is_active=is_active_party(party),
            fields=tuple(fields),
            other_id=other_id,
            actor=unit.subject,
            at=unit.now,
        )
        unit.step(step)
        unit.emit(self._event(unit, party, f"{self.name}{_PAST[action]}"))
        unit.changed(party.id, self.patient(party))

    def _event(self, unit: UnitOfWork, party: Row, name: str) -> Event:
        provider, payer = self.provider(party), self.payer(party)
        state = {"isActive": is_active_party(party), "version": party.version}
        data = {"provider": provider, "payer": payer, **self.facts(party), **state}
        return Event(name, party.id, provider, payer, data, unit.now)


def is_active_party(party: Any) -> bool:
    """Whether new claims may name the party; a coverage is never deactivated, it ends."""
    return getattr(party, "deactivated_at", None) is None
