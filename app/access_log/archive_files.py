"""Archive files of the access log, as JSON lines: first the format, then one line per seal with its entries and their
persons, and last the end of the chain, which shows that the file is complete."""

import os
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final

import orjson

from app.access_log.chain import SealedBatch
from app.domain.access_log import AccessDecision, AccessKind, PurposeOfUse
from app.domain.access_log_entries import AccessedPerson, AccessEntry, ChainHead, Seal, SignedEntry, plain_time
from app.domain.actor import Door

FORMAT: Final = "billing access log 1"
_ENTRY: Final = [field.name for field in fields(AccessEntry)]
_PERSON: Final = AccessedPerson._fields
_READERS: Final[Mapping[str, Any]] = {
    "at": lambda text: datetime.fromisoformat(text).replace(tzinfo=UTC),
    "sealed_at": lambda text: datetime.fromisoformat(text).replace(tzinfo=UTC),
    "door": lambda text: None if text is None else Door(text),
    "kind": AccessKind,
    "purpose": PurposeOfUse,
    "decision": AccessDecision,
}


class ArchiveError(Exception):
    """An archive of the access log cannot be written, or a file is not a complete one."""


class ArchiveWriter:
    """Writes one archive, under a temporary name until it is complete and synced to the disk."""

    def __init__(self, directory: Path, first: int) -> None:
        self._directory = directory
        self._first = first
        # A name of its own: a second archiving at the same time must not write into the same file.
        self._partial_path = directory / f"access-log-{first}-{secrets.token_hex(4)}.part"
        self._file: IO[bytes] = os.fdopen(
            os.open(self._partial_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb"
        )
        self._line({"format": FORMAT, "first": first})

    def add(self, batch: SealedBatch) -> None:
        """Write a seal with all its entries."""
        seal = {field.name: getattr(batch.seal, field.name) for field in fields(Seal)}
        entries = [_plain(batch.entries[entry_id]) for entry_id in batch.listed]
        self._line({"seal": {**seal, "sealed_at": plain_time(batch.seal.sealed_at)}, "entries": entries})

    def finish(self, head: ChainHead) -> Path:
        """Write the last line and give the file its name."""
        self._line({"last": head.position, "digest": head.digest})
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        path = self._directory / f"access-log-{self._first}-{head.position}.jsonl"
        renamed = self._partial_path.rename(path)
        _sync_directory(self._directory)
        return renamed

    def discard(self) -> None:
        """Close and remove the partial file, if it still exists."""
        self._file.close()
        with suppress(FileNotFoundError):
            self._partial_path.unlink()

    def _line(self, value: Mapping[str, Any]) -> None:
        self._file.write(orjson.dumps(value) + b"\n")


def _sync_directory(directory: Path) -> None:
    """Write the directory to the disk: without it a power failure may leave a file's content without its name."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_all(paths: Iterable[Path]) -> Iterator[SealedBatch]:
    """The seals of all archives in the order of their positions, without duplicates."""
    last = 0
    for path in sorted(paths, key=_first_of):
        for batch in read(path):
            if batch.seal.position > last:
                last = batch.seal.position
                yield batch


def read(path: Path) -> Iterator[SealedBatch]:
    """The seals of one archive in order; ArchiveError if the file is not a complete archive."""
    _first_of(path)
    head: ChainHead | None = None
    with path.open("rb") as file:
        next(file)
        for number, line in enumerate(file, start=2):
            found = _parsed(path, number, line)
            if "last" in found:
                if head != ChainHead(found["last"], found["digest"]):
                    break
                return
            batch = _batch(path, number, found)
            head = batch.seal.head
            yield batch
    raise ArchiveError(f"{path.name} is incomplete: restore the whole file")


def _first_of(path: Path) -> int:
    try:
        with path.open("rb") as file:
            found = _parsed(path, 1, file.readline())
    except OSError as error:
        raise ArchiveError(f"cannot read {path}: {error.strerror}") from None
    if found.get("format") != FORMAT or not isinstance(found.get("first"), int):
        raise ArchiveError(f"{path.name} is not an archive of the access log")
    first: int = found["first"]
    return first


def _parsed(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise ArchiveError(f"line {number} of {path.name} is not part of an archive of the access log")
    return found


def _batch(path: Path, number: int, found: Mapping[str, Any]) -> SealedBatch:
    try:
        seal = Seal(**_typed(found["seal"]))
        entries = [_signed(each) for each in found["entries"]]
    except (KeyError, TypeError, ValueError):
        raise ArchiveError(f"line {number} of {path.name} is not part of an archive of the access log") from None
    return SealedBatch(seal, [each.entry.id for each in entries], {each.entry.id: each for each in entries})


def _plain(signed: SignedEntry) -> dict[str, Any]:
    persons = [dict(zip(_PERSON, person.plain(), strict=True)) for person in signed.persons]
    entry = dict(zip(_ENTRY, signed.entry.plain(), strict=True))
    return {"entry": entry, "persons": persons, "digest": signed.digest}


def _signed(found: Mapping[str, Any]) -> SignedEntry:
    persons: Sequence[AccessedPerson] = [AccessedPerson(**person) for person in found["persons"]]
    return SignedEntry(AccessEntry(**_typed(found["entry"])), persons, found["digest"])


def _typed(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _READERS[name](value) if name in _READERS else value for name, value in values.items()}
