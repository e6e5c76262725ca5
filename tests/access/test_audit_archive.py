"""`billing purge --archive`: the oldest part of the access log moves into a file, and both are still proven."""

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from sqlalchemy import delete, func, select, update

from app.access_log import archive_files
from app.access_log.archive import archive
from app.access_log.archive_files import ArchiveError, ArchiveWriter
from app.access_log.check import sealed_batches
from app.access_log.sealer import Sealer
from app.db import access_log as access_log_db
from app.db.access_log_tables import access_log_entries as entries
from app.db.access_log_tables import access_log_persons as persons
from app.db.access_log_tables import access_log_sealed as sealed
from app.db.access_log_tables import access_log_seals as seals
from app.domain import ids
from app.domain.access_log_entries import ChainHead
from tests.access.stopped_log import SEALED_AT, StoppedLog, copy_of

THIRD_DAY = SEALED_AT + timedelta(days=2)


async def _archived(stopped: StoppedLog, directory: Path, before: datetime = THIRD_DAY) -> Path:
    done = await archive(
        stopped.database, key=stopped.key, before=before, directory=directory, now=lambda: datetime.now(UTC)
    )
    assert done is not None
    return done.path


async def _rows(stopped: StoppedLog) -> list[int]:
    async with stopped.database.reading() as connection:
        tables = (entries, persons, sealed, seals)
        return [(await connection.execute(select(func.count()).select_from(table))).scalar_one() for table in tables]


def _inodes(*paths: Path) -> list[int]:
    return [path.stat().st_ino for path in paths]


def _names(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()]


async def test_the_oldest_seals_move_into_a_file_and_the_rest_goes_on(stopped: StoppedLog, tmp_path: Path) -> None:
    before, last = await stopped.ids(), (await stopped.seals())[1]
    path = await _archived(stopped, tmp_path)
    assert path == tmp_path / "access-log-1-2.jsonl"
    assert path.stat().st_mode & 0o777 == 0o600
    # What is left: the seal of the third day, and one over the entry that records the archiving.
    assert await _rows(stopped) == [2, 0, 2, 2]
    lines = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    assert lines[0] == {"format": "billing access log 1", "first": 1}
    assert lines[-1] == {"last": 2, "digest": last.digest}
    assert [entry["entry"]["id"] for line in lines[1:-1] for entry in line["entries"]] == before[:4]
    assert [len(entry["persons"]) for line in lines[1:-1] for entry in line["entries"]] == [0, 1, 1, 1]


async def test_the_rest_is_proven_alone_and_with_the_archive(stopped: StoppedLog, tmp_path: Path) -> None:
    noted = (await stopped.seals())[0].head
    path = await _archived(stopped, tmp_path)
    alone = await stopped.report()
    assert (alone.problems, alone.notes) == ([], ["seals 1 to 2 are in archives: add --archive FILE to check them"])
    assert (alone.entries, alone.seals) == (2, 2)
    together = await stopped.report(None, path)
    assert (together.problems, together.notes, together.breaks) == ([], [], [])
    assert (together.entries, together.seals) == (6, 4)
    assert await stopped.problems(noted) == ["seal 1 was archived: add --archive FILE to compare it"]
    assert (await stopped.report(noted, path)).problems == []
    assert (await stopped.report(ChainHead(1, "f" * 64), path)).problems == ["seal 1 does not match the noted one"]


async def test_several_archives_are_proven_in_whatever_order_they_are_given(
    stopped: StoppedLog, tmp_path: Path
) -> None:
    first = await _archived(stopped, tmp_path, SEALED_AT + timedelta(days=1))
    second = await _archived(stopped, tmp_path)
    assert (first.name, second.name) == ("access-log-1-1.jsonl", "access-log-2-2.jsonl")
    report = await stopped.report(None, second, first)
    assert (report.problems, report.notes, report.entries) == ([], [], 7)
    assert (await stopped.report(None, second)).notes == ["seal 1 is in archives: add --archive FILE to check them"]


async def test_an_archive_that_was_changed_is_named(stopped: StoppedLog, tmp_path: Path) -> None:
    entry_id = (await stopped.ids())[3]
    path = await _archived(stopped, tmp_path)
    path.write_bytes(path.read_bytes().replace(b'"operation":"claim"', b'"operation":"other"'))
    assert (await stopped.report(None, path)).problems == [f"entry {entry_id} of seal 2 was changed"]


async def test_a_seal_that_was_cut_out_of_an_archive_is_named(stopped: StoppedLog, tmp_path: Path) -> None:
    path = await _archived(stopped, tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], *lines[2:]]))
    assert "seal 1 is in archives: add --archive FILE to check them" in (await stopped.report(None, path)).notes
    path.write_bytes(b"".join(lines[:2]))
    with pytest.raises(ArchiveError, match=r"^access-log-1-2\.jsonl is incomplete: restore the whole file$"):
        await stopped.report(None, path)


async def test_an_archive_that_the_log_does_not_continue_is_noticed(stopped: StoppedLog, tmp_path: Path) -> None:
    path = await _archived(stopped, tmp_path)
    await stopped.change(update(seals).where(seals.c.position == 3).values(previous="0" * 64))
    assert (await stopped.report(None, path)).problems == [
        "seal 3 does not follow from the one before it",
        "seal 3 was changed",
    ]


async def test_a_front_that_was_removed_later_is_not_taken_for_archived(stopped: StoppedLog, tmp_path: Path) -> None:
    path = await _archived(stopped, tmp_path)
    third = (await stopped.ids())[0]
    await stopped.change(
        delete(entries).where(entries.c.id == third),
        delete(sealed).where(sealed.c.position == 3),
        delete(seals).where(seals.c.position == 3),
    )
    assert await stopped.problems() == ["seals 1 to 3 are missing"]
    assert (await stopped.report(None, path)).problems == ["seal 3 is missing"]


async def test_a_log_that_is_not_intact_is_not_archived(stopped: StoppedLog, tmp_path: Path) -> None:
    entry_id = (await stopped.ids())[0]
    await stopped.change(update(entries).where(entries.c.id == entry_id).values(actor="somebody"))
    before = await _rows(stopped)
    reason = f"the access log is not intact, entry {entry_id} of seal 1 was changed: run billing audit-verify"
    with pytest.raises(ArchiveError, match=f"^{reason}$"):
        await _archived(stopped, tmp_path)
    assert await _rows(stopped) == before
    assert _names(tmp_path) == ["stopped"]


async def _remove_first_seal(stopped: StoppedLog) -> None:
    """Delete the first seal with its two entries."""
    gone = (await stopped.ids())[:2]
    await stopped.change(
        delete(entries).where(entries.c.id.in_(gone)),
        delete(persons).where(persons.c.entry_id.in_(gone)),
        delete(sealed).where(sealed.c.position == 1),
        delete(seals).where(seals.c.position == 1),
    )


async def test_a_log_without_its_front_is_not_archived_as_if_it_had_been(stopped: StoppedLog, tmp_path: Path) -> None:
    await _remove_first_seal(stopped)
    before = await _rows(stopped)
    reason = "the access log is not intact, seal 1 is missing: run billing audit-verify"
    with pytest.raises(ArchiveError, match=f"^{reason}$"):
        await _archived(stopped, tmp_path)
    assert (await _rows(stopped), _names(tmp_path)) == (before, ["stopped"])
    assert await stopped.problems() == ["seal 1 is missing"]


async def test_file_and_name_are_on_the_disk_before_entries_are_deleted(
    stopped: StoppedLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced, sync = [], os.fsync

    def watched(descriptor: int) -> None:
        sync(descriptor)
        synced.append(os.fstat(descriptor).st_ino)

    monkeypatch.setattr(os, "fsync", watched)
    path = await _archived(stopped, tmp_path)
    assert synced == _inodes(path, tmp_path)


def test_two_archivings_at_once_do_not_share_a_file(tmp_path: Path) -> None:
    first, second = [ArchiveWriter(tmp_path, 1) for _ in range(2)]
    first_path = first.finish(ChainHead(1, "a" * 64))
    content = first_path.read_bytes()
    assert content.splitlines()[-1] == orjson.dumps({"last": 1, "digest": "a" * 64})
    assert second.finish(ChainHead(2, "b" * 64)).name == "access-log-1-2.jsonl"
    assert first_path.read_bytes() == content


async def test_an_entry_with_its_hearers_is_proven_in_the_log_and_in_the_archive(
    stopped: StoppedLog, tmp_path: Path
) -> None:
    written = await stopped.entry((await stopped.ids())[3])
    entry = replace(written.entry, id=ids.new_id(ids.AUDIT), writer_sequence=None, hearers='{"x":["r1","r2"]}')
    signed = stopped.key.sign(entry, written.persons)
    await stopped.database.transact(lambda connection: access_log_db.insert_entries(connection, [signed]))
    for _ in range(2):
        await Sealer(stopped.database, stopped.key).seal()
    assert await stopped.problems() == []
    async with stopped.database.reading() as connection:
        last = await access_log_db.head(connection)
    assert last is not None
    batches = [batch async for batch in sealed_batches(stopped.database, 3, last)]
    writer = ArchiveWriter(tmp_path, 4)
    for batch in batches:
        writer.add(batch)
    (read,) = archive_files.read(writer.finish(last.head))
    found = read.entries[entry.id]
    assert found.entry == entry
    assert stopped.key.entry_digest(found.entry, found.persons) == signed.digest


async def test_the_last_seal_stays_so_that_the_chain_goes_on(stopped: StoppedLog, tmp_path: Path) -> None:
    path = await _archived(stopped, tmp_path, SEALED_AT + timedelta(days=400))
    assert path.name == "access-log-1-2.jsonl"
    assert [seal.position for seal in await stopped.seals()] == [3, 4]


async def test_an_interrupted_deletion_is_accounted_for_and_completed(stopped: StoppedLog, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    shaped = copy_of(Path(stopped.settings.var_dir), whole)
    path = await _archived(shaped, tmp_path)
    # The other copy has recorded the archiving, but has lost the first seal only.
    (recorded,) = [each for each in await shaped.ids() if each not in await stopped.ids()]
    signed = await shaped.entry(recorded)
    await shaped.database.dispose()
    await stopped.database.transact(lambda connection: access_log_db.insert_entries(connection, [signed]))
    await _remove_first_seal(stopped)
    report = await stopped.report()
    assert (report.problems, report.notes) == ([], ["seal 1 is in archives: add --archive FILE to check them"])
    again = await _archived(stopped, tmp_path)
    assert again.name == "access-log-2-2.jsonl"
    assert (await stopped.report(None, path, again)).problems == []


async def test_the_command_line_previews_archives_and_verifies(stopped: StoppedLog, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    stopped.settings = stopped.settings.model_copy(update={"access_log_retention_days": (now - THIRD_DAY).days + 1})
    days = stopped.settings.access_log_retention_days
    rules = {"idempotency_keys": 30, "eligibility_checks": 1826, "dead_statements": 90, "documents": 30}
    rest = [f"{table}: 0 rows older than {limit} days" for table, limit in rules.items()]
    log = f"access_log_entries: 4 rows older than {days} days"
    would = [f"{line} would be deleted" for line in rest]
    code, output, _ = stopped.billing("purge", "--dry-run")
    assert (code, output.splitlines()) == (0, [*would, f"{log} would stay: add --archive DIRECTORY"])
    code, output, _ = stopped.billing("purge", "--dry-run", "--archive", str(tmp_path))
    assert (code, output.splitlines()) == (0, [*would, f"{log} would be archived and deleted"])
    code, output, _ = stopped.billing("purge")
    gone = [f"{line} deleted" for line in rest]
    assert (code, output.splitlines()) == (0, [*gone, f"{log} stay: add --archive DIRECTORY"])
    assert (await _rows(stopped))[0] == 5
    path = tmp_path / "access-log-1-2.jsonl"
    code, output, _ = stopped.billing("purge", "--archive", str(tmp_path))
    assert (code, output.splitlines()) == (0, [*gone, f"{log} archived in {path} and deleted"])
    code, output, errors = stopped.billing("audit-verify", "--archive", str(path))
    assert (code, errors.count("PROBLEM"), output.split(" (")[0]) == (0, 0, "6 entries in 4 seals")
    code, _, errors = stopped.billing("audit-verify", "--archive", str(tmp_path / "none"))
    assert (code, errors.splitlines()[-1]) == (
        1,
        f"billing: cannot read {tmp_path / 'none'}: No such file or directory",
    )
