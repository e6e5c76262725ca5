"""Entries of the access log, the seals that chain them, and the keyed digests that make both tamper-evident."""

import hmac
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, NamedTuple

import orjson

from app.domain.access_log import AccessDecision, AccessKind, PurposeOfUse
from app.domain.actor import Door
from app.values.frozen import frozen

FIRST_DIGEST: Final = "0" * 64
PSEUDONYM_HEX_DIGITS: Final = 32
PSEUDONYMS_MAX: Final = 10_000
"""That are remembered: two megabytes."""
Plain = str | int | None


@frozen
class AccessEntry:
    """One operation of one caller: what it showed, refused or changed.

    `roles` and `data_classes` are comma-separated names; `persons` is the number of rows in access_log_persons.
    `writer` names the process that wrote the entry; `writer_sequence` numbers, without gaps, what one process writes
    outside of the transactions of changes. `door` is empty for entries about the process itself.

    An event of a subscription that many receive is one entry for all of the same roles: then `actor` is empty, and
    `hearers` is a JSON object of each subject's request ids.
    """

    id: str
    at: datetime
    door: Door | None
    kind: AccessKind
    actor: str
    roles: str
    purpose: PurposeOfUse
    operation: str
    decision: AccessDecision
    data_classes: str
    detail: str | None
    persons: int
    request_id: str
    writer: str
    writer_sequence: int | None
    hearers: str | None = None

    def plain(self) -> tuple[Plain, ...]:
        """The values as they are stored, in field order."""
        return (
            self.id,
            plain_time(self.at),
            None if self.door is None else self.door.value,
            self.kind.value,
            self.actor,
            self.roles,
            self.purpose.value,
            self.operation,
            self.decision.value,
            self.data_classes,
            self.detail,
            self.persons,
            self.request_id,
            self.writer,
            self.writer_sequence,
            self.hearers,
        )

    def digested(self) -> tuple[Plain, ...]:
        """The values as the digest sees them: without `hearers` as before there were any, where there are none."""
        values = self.plain()
        return values[:-1] if self.hearers is None else values


class AccessedPerson(NamedTuple):
    """What an operation showed or changed of one person.

    `person` is a pseudonym, or empty for changed objects that belong to no patient. `object_ids` are the changed
    objects, separated by commas. With an emergency access the purpose is BTG, whatever that of the entry is.
    """

    person: str
    data_classes: str
    emergency_access_id: str | None
    object_ids: str | None

    def plain(self) -> tuple[Plain, ...]:
        """The values as they are stored and as the digest sees them, in field order."""
        return tuple(self)


@frozen
class SignedEntry:
    """An entry with its persons, ordered by pseudonym, and the digest over both."""

    entry: AccessEntry
    persons: Sequence[AccessedPerson]
    digest: str


@frozen
class ChainHead:
    """A place in the chain of seals: a seal's position, from 1 without gaps, and its digest."""

    position: int
    digest: str


@frozen
class Seal:
    """A link of the chain: its digest covers the digest before it and those of its entries, ordered by id.

    `entries` is how many there are, `last_entry_id` the highest of their ids. `sealed_at` is the database's time.
    """

    position: int
    digest: str
    previous: str
    sealed_at: datetime
    entries: int
    last_entry_id: str

    @property
    def head(self) -> ChainHead:
        """Its place in the chain."""
        return ChainHead(self.position, self.digest)


class AccessLogKey:
    """The secret side of the access log: pseudonyms that only its owner can make, digests that only its owner can
    forge.

    Losing the secret makes the log unverifiable; it is never changed while a log is kept.
    """

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()
        # The same patients are shown again and again.
        self._known = lru_cache(PSEUDONYMS_MAX)(self._pseudonym)

    def pseudonym(self, patient_id: str) -> str:
        """The pseudonym of a patient: 32 hexadecimal digits."""
        return self._known(patient_id)

    def _pseudonym(self, patient_id: str) -> str:
        return self._digest(b"person\0" + patient_id.encode())[:PSEUDONYM_HEX_DIGITS]

    def sign(self, entry: AccessEntry, persons: Sequence[AccessedPerson]) -> SignedEntry:
        """The entry with its digest; `persons` are ordered by pseudonym."""
        return SignedEntry(entry, persons, self.entry_digest(entry, persons))

    def entry_digest(self, entry: AccessEntry, persons: Iterable[AccessedPerson]) -> str:
        """The digest of an entry and its person rows: 64 hexadecimal digits."""
        return self._digest(b"entry\0" + orjson.dumps([entry.digested(), [person.plain() for person in persons]]))

    def seal(self, head: ChainHead | None, entries: Sequence[tuple[str, str]], *, sealed_at: datetime) -> Seal:
        """The seal after `head` over these (entry id, entry digest) pairs, ordered by id."""
        position, previous = (1, FIRST_DIGEST) if head is None else (head.position + 1, head.digest)
        digest = self.seal_digest(previous, position, sealed_at, entries)
        return Seal(position, digest, previous, sealed_at, len(entries), entries[-1][0])

    def seal_digest(self, previous: str, position: int, sealed_at: datetime, entries: Sequence[tuple[str, str]]) -> str:
        """The digest of a seal: 64 hexadecimal digits."""
        return self._digest(b"seal\0" + orjson.dumps([previous, position, plain_time(sealed_at), entries]))

    def _digest(self, message: bytes) -> str:
        return hmac.digest(self._secret, message, "sha256").hex()


def plain_time(at: datetime) -> str:
    """The time in UTC with microseconds, as both databases store it."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
