"""`billing purge --archive`: the oldest part of the access log moves into a file, and both are still proven."""

import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from sqlalchemy import delete, func, select, update

from app.access_log.archive import archive
from app.access_log.archive_files import ArchiveError, ArchiveWriter
from app.db import access_log as access_log_db
from app.db.access_log_tables import access_log_entries as entries
from app.db.access_log_tables import access_log_persons as persons
from app.db.access_log_tables import access_log_sealed as sealed
from app.db.access_log_tables import access_log_seals as seals
from app.domain.access_log_entries import ChainHead
from tests.access.kept_log import SEALED_AT, KeptLog, copy_of, make_original

THIRD_DAY = SEALED_AT + timedelta(days=2)


@pytest.fixture(scope="module")
async def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("kept")
    await make_original(directory)
    return directory


@pytest.fixture
async def kept(original: Path, tmp_path: Path) -> AsyncIterator[KeptLog]:
    """A copy: seals of 1, 2 and 3 January 2026."""
    log = copy_of(original, tmp_path / "kept")
    yield log
    await log.database.dispose()


async def _archived(kept: KeptLog, directory: Path, before: datetime = THIRD_DAY) -> Path:
    done = await archive(kept.database, key=kept.key, before=before, directory=directory, now=lambda: datetime.now(UTC))
    assert done is not None
    return done.path


async def _rows(kept: KeptLog) -> list[int]:
    async with kept.database.reading() as connection:
        tables = (entries, persons, sealed, seals)
        return [(await connection.execute(select(func.count()).select_from(table))).scalar_one() for table in tables]


def _inodes(*paths: Path) -> list[int]:
    return [path.stat().st_ino for path in paths]


def _names(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()]


async def test_the_oldest_seals_move_into_a_file_and_the_rest_goes_on(kept: KeptLog, tmp_path: Path) -> None:
    before, last = await kept.ids(), (await kept.seals())[1]
    path = await _archived(kept, tmp_path)
    assert path == tmp_path / "access-log-1-2.jsonl"
    assert path.stat().st_mode & 0o777 == 0o600
    # What is left: the seal of the third day, and one over the entry that records the archiving.
    assert await _rows(kept) == [2, 0, 2, 2]
    lines = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    assert lines[0] == {"format": "billing access log 1", "first": 1}
    assert lines[-1] == {"last": 2, "digest": last.digest}
    assert [entry["entry"]["id"] for line in lines[1:-1] for entry in line["entries"]] == before[:4]
    assert [len(entry["persons"]) for line in lines[1:-1] for entry in line["entries"]] == [0, 1, 1, 1]


async def test_the_rest_is_proven_alone_and_with_the_archive(kept: KeptLog, tmp_path: Path) -> None:
    noted = (await kept.seals())[0].head
    path = await _archived(kept, tmp_path)
    alone = await kept.report()
    assert (alone.problems, alone.notes) == ([], ["seals 1 to 2 are in archives: add --archive FILE to check them"])
    assert (alone.entries, alone.seals) == (2, 2)
    together = await kept.report(None, path)
    assert (together.problems, together.notes, together.breaks) == ([], [], [])
    assert (together.entries, together.seals) == (6, 4)
    assert await kept.problems(noted) == ["seal 1 was archived: add --archive FILE to compare it"]
    assert (await kept.report(noted, path)).problems == []
    assert (await kept.report(ChainHead(1, "f" * 64), path)).problems == ["seal 1 does not match the noted one"]


async def test_several_archives_are_proven_in_whatever_order_they_are_given(kept: KeptLog, tmp_path: Path) -> None:
    first = await _archived(kept, tmp_path, SEALED_AT + timedelta(days=1))
    second = await _archived(kept, tmp_path)
    assert (first.name, second.name) == ("access-log-1-1.jsonl", "access-log-2-2.jsonl")
    report = await kept.report(None, second, first)
    assert (report.problems, report.notes, report.entries) == ([], [], 7)
    assert (await kept.report(None, second)).notes == ["seal 1 is in archives: add --archive FILE to check them"]


async def test_an_archive_that_was_changed_is_named(kept: KeptLog, tmp_path: Path) -> None:
    entry_id = (await kept.ids())[3]
    path = await _archived(kept, tmp_path)
    path.write_bytes(path.read_bytes().replace(b'"operation":"claim"', b'"operation":"other"'))
    assert (await kept.report(None, path)).problems == [f"entry {entry_id} of seal 2 was changed"]


async def test_a_seal_that_was_cut_out_of_an_archive_is_named(kept: KeptLog, tmp_path: Path) -> None:
    path = await _archived(kept, tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], *lines[2:]]))
    assert "seal 1 is in archives: add --archive FILE to check them" in (await kept.report(None, path)).notes
    path.write_bytes(b"".join(lines[:2]))
    with pytest.raises(ArchiveError, match=r"^access-log-1-2\.jsonl is incomplete: restore the whole file$"):
        await kept.report(None, path)


async def test_an_archive_that_the_log_does_not_continue_is_noticed(kept: KeptLog, tmp_path: Path) -> None:
    path = await _archived(kept, tmp_path)
    await kept.change(update(seals).where(seals.c.position == 3).values(previous="0" * 64))
    assert (await kept.report(None, path)).problems == [
        "seal 3 does not follow from the one before it",
        "seal 3 was changed",
    ]


async def test_a_front_that_was_removed_later_is_not_taken_for_archived(kept: KeptLog, tmp_path: Path) -> None:
    path = await _archived(kept, tmp_path)
    third = (await kept.ids())[0]
    await kept.change(
        delete(entries).where(entries.c.id == third),
        delete(sealed).where(sealed.c.position == 3),
        delete(seals).where(seals.c.position == 3),
    )
    assert await kept.problems() == ["seals 1 to 3 are missing"]
    assert (await kept.report(None, path)).problems == ["seal 3 is missing"]


async def test_a_log_that_is_not_intact_is_not_archived(kept: KeptLog, tmp_path: Path) -> None:
    entry_id = (await kept.ids())[0]
    await kept.change(update(entries).where(entries.c.id == entry_id).values(actor="somebody"))
    before = await _rows(kept)
    reason = f"the access log is not intact, entry {entry_id} of seal 1 was changed: run billing audit-verify"
    with pytest.raises(ArchiveError, match=f"^{reason}$"):
        await _archived(kept, tmp_path)
    assert await _rows(kept) == before
    assert _names(tmp_path) == ["kept"]


async def test_a_log_without_its_front_is_not_archived_as_if_it_had_been(kept: KeptLog, tmp_path: Path) -> None:
    gone = (await kept.ids())[:2]
    await kept.change(
        delete(entries).where(entries.c.id.in_(gone)),
        delete(persons).where(persons.c.entry_id.in_(gone)),
        delete(sealed).where(sealed.c.position == 1),
        delete(seals).where(seals.c.position == 1),
    )
    before = await _rows(kept)
    reason = "the access log is not intact, seal 1 is missing: run billing audit-verify"
    with pytest.raises(ArchiveError, match=f"^{reason}$"):
        await _archived(kept, tmp_path)
    assert (await _rows(kept), _names(tmp_path)) == (before, ["kept"])
    assert await kept.problems() == ["seal 1 is missing"]


async def test_file_and_name_are_on_the_disk_before_entries_are_deleted(
    kept: KeptLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced, sync = [], os.fsync

    def watched(descriptor: int) -> None:
        sync(descriptor)
        synced.append(os.fstat(descriptor).st_ino)

    monkeypatch.setattr(os, "fsync", watched)
    path = await _archived(kept, tmp_path)
    assert synced == _inodes(path, tmp_path)


def test_two_archivings_at_once_do_not_share_a_file(tmp_path: Path) -> None:
    first, second = [ArchiveWriter(tmp_path, 1) for _ in range(2)]
    first_path = first.finish(ChainHead(1, "a" * 64))
    content = first_path.read_bytes()
    assert content.splitlines()[-1] == orjson.dumps({"last": 1, "digest": "a" * 64})
    assert second.finish(ChainHead(2, "b" * 64)).name == "access-log-1-2.jsonl"
    assert first_path.read_bytes() == content


async def test_the_last_seal_stays_so_that_the_chain_goes_on(kept: KeptLog, tmp_path: Path) -> None:
    path = await _archived(kept, tmp_path, SEALED_AT + timedelta(days=400))
    assert path.name == "access-log-1-2.jsonl"
    assert [seal.position for seal in await kept.seals()] == [3, 4]


async def test_an_interrupted_deletion_is_accounted_for_and_completed(kept: KeptLog, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    shaped = copy_of(Path(kept.settings.var_dir), whole)
    path = await _archived(shaped, tmp_path)
    # The other copy has recorded the archiving, but has lost the first seal only.
    (recorded,) = [each for each in await shaped.ids() if each not in await kept.ids()]
    signed = await shaped.entry(recorded)
    await shaped.database.dispose()
    await kept.database.transact(lambda connection: access_log_db.insert_entries(connection, [signed]))
    gone = (await kept.ids())[:2]
    await kept.change(
        delete(entries).where(entries.c.id.in_(gone)),
        delete(persons).where(persons.c.entry_id.in_(gone)),
        delete(sealed).where(sealed.c.position == 1),
        delete(seals).where(seals.c.position == 1),
    )
    report = await kept.report()
    assert (report.problems, report.notes) == ([], ["seal 1 is in archives: add --archive FILE to check them"])
    again = await _archived(kept, tmp_path)
    assert again.name == "access-log-2-2.jsonl"
    assert (await kept.report(None, path, again)).problems == []


async def test_the_command_line_previews_archives_and_verifies(kept: KeptLog, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    kept.settings = kept.settings.model_copy(update={"access_log_retention_days": (now - THIRD_DAY).days + 1})
    days = kept.settings.access_log_retention_days
    rest = ["idempotency_keys: 0 rows older than 30 days", "eligibility_checks: 0 rows older than 1826 days"]
    log = f"access_log_entries: 4 rows older than {days} days"
    would = [f"{line} would be deleted" for line in rest]
    code, output, _ = kept.billing("purge", "--dry-run")
    assert (code, output.splitlines()) == (0, [*would, f"{log} would stay: add --archive DIRECTORY"])
    code, output, _ = kept.billing("purge", "--dry-run", "--archive", str(tmp_path))
    assert (code, output.splitlines()) == (0, [*would, f"{log} would be archived and deleted"])
    code, output, _ = kept.billing("purge")
    gone = [f"{line} deleted" for line in rest]
    assert (code, output.splitlines()) == (0, [*gone, f"{log} stay: add --archive DIRECTORY"])
    assert (await _rows(kept))[0] == 5
    path = tmp_path / "access-log-1-2.jsonl"
    code, output, _ = kept.billing("purge", "--archive", str(tmp_path))
    assert (code, output.splitlines()) == (0, [*gone, f"{log} archived in {path} and deleted"])
    code, output, errors = kept.billing("audit-verify", "--archive", str(path))
    assert (code, errors.count("PROBLEM"), output.split(" (")[0]) == (0, 0, "6 entries in 4 seals")
    code, _, errors = kept.billing("audit-verify", "--archive", str(tmp_path / "none"))
    assert (code, errors.splitlines()[-1]) == (
        1,
        f"billing: cannot read {tmp_path / 'none'}: No such file or directory",
    )
