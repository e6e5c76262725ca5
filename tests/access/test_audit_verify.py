"""`billing audit-verify`: whatever is changed, removed, added or reordered in the access log is named."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import String, delete, insert, literal, select, update

from app.access_log.sealer import Sealer
from app.db import access_log as access_log_db
from app.db.access_log_tables import access_log_entries as entries
from app.db.access_log_tables import access_log_persons as persons
from app.db.access_log_tables import access_log_sealed as sealed
from app.db.access_log_tables import access_log_seals as seals
from app.domain import ids
from app.domain.access_log_entries import AccessLogKey, ChainHead, SignedEntry
from tests.access.stopped_log import StoppedLog
from tests.gateway import running_gateway
from tests.leaks import Log


async def test_a_whole_log_is_found_whole(stopped: StoppedLog) -> None:
    report = await stopped.report()
    assert (report.entries, report.seals, report.waiting) == (5, 3, 0)
    assert (report.problems, report.breaks, report.notes) == ([], [], [])
    assert await stopped.problems(report.head) == []


@pytest.mark.parametrize(
    ("column", "value"),
    [
        *[("actor", "somebody"), ("data_classes", ""), ("door", "CLI"), ("digest", "0" * 64), ("door", None)],
        *[("operation", "claims"), ("writer_sequence", None), ("hearers", '{"somebody":["-"]}')],
    ],
)
async def test_a_changed_entry_is_named(stopped: StoppedLog, column: str, value: Any) -> None:
    entry_id = (await stopped.ids())[2]
    plain = literal(value, String())
    await stopped.change(update(entries).where(entries.c.id == entry_id).values({column: plain}))
    assert await stopped.problems() == [f"entry {entry_id} of seal 2 was changed"]


async def test_an_entry_that_was_moved_in_time_is_named(stopped: StoppedLog) -> None:
    found, moment = await stopped.ids(), (await stopped.seals())[0].sealed_at
    await stopped.change(update(entries).values(at=moment).where(entries.c.id.in_([found[0], found[3]])))
    assert await stopped.problems() == [
        f"entry {found[0]} of seal 1 was changed",
        f"entry {found[3]} of seal 2 has 0 matching person rows instead of 1",
    ]


@pytest.mark.parametrize(
    ("column", "value"),
    [("person", "0" * 32), ("data_classes", ""), ("emergency_access_id", "emg_1"), ("object_ids", "clm_1")],
)
async def test_a_changed_person_row_is_named_with_its_entry(stopped: StoppedLog, column: str, value: str) -> None:
    entry_id = (await stopped.ids())[3]
    await stopped.change(update(persons).where(persons.c.entry_id == entry_id).values({column: value}))
    assert await stopped.problems() == [f"entry {entry_id} of seal 2 was changed"]


async def test_a_person_row_that_was_moved_in_time_is_noticed(stopped: StoppedLog) -> None:
    entry_id, moment = (await stopped.ids())[3], (await stopped.seals())[0].sealed_at
    await stopped.change(update(persons).where(persons.c.entry_id == entry_id).values(at=moment))
    assert await stopped.problems() == [f"entry {entry_id} of seal 2 has 0 matching person rows instead of 1"]


async def test_a_removed_person_row_is_noticed(stopped: StoppedLog) -> None:
    entry_id = (await stopped.ids())[3]
    await stopped.change(delete(persons).where(persons.c.entry_id == entry_id))
    assert await stopped.problems() == [f"entry {entry_id} of seal 2 has 0 matching person rows instead of 1"]


async def test_an_added_person_row_is_noticed(stopped: StoppedLog) -> None:
    written = await stopped.entry((await stopped.ids())[3])
    row = {"entry_id": written.entry.id, "person": "f" * 32, "at": written.entry.at, "data_classes": "HEALTH"}
    await stopped.change(insert(persons).values(row))
    assert await stopped.problems() == [f"entry {written.entry.id} of seal 2 has 2 matching person rows instead of 1"]


async def test_a_removed_entry_is_named(stopped: StoppedLog) -> None:
    entry_id = (await stopped.ids())[0]
    await stopped.change(delete(entries).where(entries.c.id == entry_id))
    report = await stopped.report()
    assert report.problems == [f"entry {entry_id} of seal 1 is missing"]
    (line,) = report.breaks
    assert line.startswith("entries 1 to 1 of process ")


async def test_person_rows_of_a_removed_entry_are_named_too(stopped: StoppedLog) -> None:
    entry_id = (await stopped.ids())[3]
    await stopped.change(delete(entries).where(entries.c.id == entry_id))
    assert await stopped.problems() == [
        f"entry {entry_id} of seal 2 is missing",
        f"entry {entry_id} has person rows but is missing itself",
    ]


async def test_an_entry_that_was_removed_from_its_seal_as_well_is_counted(stopped: StoppedLog) -> None:
    entry_id = (await stopped.ids())[0]
    await stopped.change(
        delete(entries).where(entries.c.id == entry_id), delete(sealed).where(sealed.c.entry_id == entry_id)
    )
    assert await stopped.problems() == ["seal 1 has 1 entries instead of 2"]


async def test_an_entry_that_was_taken_out_of_its_seal_is_noticed(stopped: StoppedLog) -> None:
    await stopped.change(delete(sealed).where(sealed.c.entry_id == (await stopped.ids())[0]))
    report = await stopped.report()
    assert (report.problems, report.waiting) == (["seal 1 has 1 entries instead of 2"], 1)


async def test_entries_that_changed_places_are_noticed(stopped: StoppedLog) -> None:
    first, third = [(await stopped.ids())[place] for place in (0, 2)]
    await stopped.change(
        update(sealed).where(sealed.c.entry_id == first).values(position=2),
        update(sealed).where(sealed.c.entry_id == third).values(position=1),
    )
    assert await stopped.problems() == ["seal 1 was changed", "seal 2 was changed"]


@pytest.mark.parametrize("position", [0, 4])
async def test_an_entry_that_names_a_seal_which_does_not_exist_is_noticed(stopped: StoppedLog, position: int) -> None:
    entry_id = ids.new_id(ids.AUDIT)
    forged = select(literal(entry_id), *[column for column in entries.c if column.name != "id"])
    await stopped.change(
        insert(entries).from_select(list(entries.c), forged.where(entries.c.id == (await stopped.ids())[0])),
        insert(sealed).values(entry_id=entry_id, position=position),
    )
    if not position:
        row = {
            "position": 0,
            "digest": "0" * 64,
            "previous": "0" * 64,
            "sealed_at": (await stopped.seals())[0].sealed_at,
        }
        await stopped.change(insert(seals).values(row | {"entries": 1, "last_entry_id": entry_id}))
    assert await stopped.problems() == [
        f"entry {entry_id} names seal {position}, which does not exist",
        f"entry {entry_id} was changed",
    ]


@pytest.mark.parametrize(
    ("column", "value"), [("digest", "0" * 64), ("last_entry_id", "aud_7"), ("sealed_at", None), ("entries", 3)]
)
async def test_a_changed_seal_is_named(stopped: StoppedLog, column: str, value: Any) -> None:
    moment = (await stopped.seals())[0].sealed_at
    await stopped.change(
        update(seals).where(seals.c.position == 2).values({column: moment if value is None else value})
    )
    expected = {
        "digest": ["seal 2 was changed", "seal 3 does not follow from the one before it"],
        "last_entry_id": ["seal 2 was changed"],
        "sealed_at": ["seal 2 was changed"],
        "entries": ["seal 2 has 2 entries instead of 3"],
    }
    assert await stopped.problems() == expected[column]


async def test_a_removed_seal_is_named(stopped: StoppedLog) -> None:
    await stopped.change(delete(seals).where(seals.c.position == 2), delete(sealed).where(sealed.c.position == 2))
    assert await stopped.problems() == ["seal 2 is missing"]


async def test_removed_seals_at_the_front_are_named_where_no_archiving_accounts_for_them(stopped: StoppedLog) -> None:
    gone = (await stopped.ids())[:4]
    await stopped.change(
        delete(entries).where(entries.c.id.in_(gone)), delete(persons).where(persons.c.entry_id.in_(gone))
    )
    await stopped.change(delete(seals).where(seals.c.position < 3), delete(sealed).where(sealed.c.position < 3))
    report = await stopped.report()
    assert (report.problems, report.notes) == (["seals 1 to 2 are missing"], [])


async def test_a_cut_off_end_is_noticed_by_a_noted_place(stopped: StoppedLog) -> None:
    noted = (await stopped.report()).head
    last = (await stopped.ids())[4]
    await stopped.change(
        delete(entries).where(entries.c.id == last),
        delete(sealed).where(sealed.c.position == 3),
        delete(seals).where(seals.c.position == 3),
    )
    report = await stopped.report()
    assert report.problems == []
    assert report.breaks[0].endswith("without writing its last reads")
    assert await stopped.problems(noted) == ["seal 3 does not match the noted one"]


async def test_a_cut_off_end_is_reported_by_a_process_that_has_seen_it(stopped: StoppedLog, log: Log) -> None:
    sealer = Sealer(stopped.database, stopped.key)
    assert await sealer.seal() is None
    last = (await stopped.ids())[4]
    await stopped.change(
        delete(entries).where(entries.c.id == last),
        delete(sealed).where(sealed.c.position == 3),
        delete(seals).where(seals.c.position == 3),
    )
    before = len(log.lines)
    assert await sealer.seal() is None
    (line,) = [line for line in log.lines[before:] if "access_log_cut_off" in line]
    assert '"known":3' in line
    assert '"found":2' in line


async def test_nobody_without_the_secret_can_forge_an_entry(stopped: StoppedLog) -> None:
    written = await stopped.entry((await stopped.ids())[3])
    forged = AccessLogKey("a guess").sign(replace(written.entry, actor="somebody"), written.persons)
    values = {"actor": "somebody", "digest": forged.digest}
    await stopped.change(update(entries).where(entries.c.id == written.entry.id).values(values))
    assert await stopped.problems() == [f"entry {written.entry.id} of seal 2 was changed"]


async def test_an_entry_that_somebody_else_added_is_named_even_when_it_was_sealed(stopped: StoppedLog) -> None:
    written = await stopped.entry((await stopped.ids())[3])
    added = replace(written.entry, id=ids.new_id(ids.AUDIT), writer_sequence=None)
    forged = AccessLogKey("a guess").sign(added, written.persons)
    await stopped.database.transact(lambda connection: access_log_db.insert_entries(connection, [forged]))
    assert await stopped.problems() == [f"entry {added.id} was changed"]
    await Sealer(stopped.database, stopped.key).seal()
    assert await stopped.problems() == [f"entry {added.id} of seal 4 was changed"]


async def test_entries_that_commit_late_are_sealed_by_the_next_seal(stopped: StoppedLog) -> None:
    written = await stopped.entry((await stopped.ids())[3])
    late = replace(written.entry, id=ids.earlier(written.entry.id, 50), writer_sequence=None)
    much_later = replace(written.entry, id=ids.earlier(written.entry.id, 4_000), writer_sequence=None)
    sealer = Sealer(stopped.database, stopped.key)
    assert await sealer.seal() is None
    await _written(stopped, late)
    found = await sealer.seal()
    assert found is not None
    assert (found.position, found.entries, found.last_entry_id) == (4, 1, late.id)
    assert await stopped.problems() == []
    await _written(stopped, much_later)
    assert await sealer.seal() is None
    assert await stopped.problems() == [f"entry {much_later.id} is not sealed"]
    # A process that knows of it seals it all the same.
    sealer.expect(much_later.id)
    assert await sealer.seal() is not None
    assert await stopped.problems() == []


async def _written(stopped: StoppedLog, entry: Any) -> SignedEntry:
    signed = stopped.key.sign(replace(entry, persons=0), ())
    await stopped.database.transact(lambda connection: access_log_db.insert_entries(connection, [signed]))
    return signed


async def test_a_process_that_ended_without_a_word_shows(stopped: StoppedLog) -> None:
    async with running_gateway(stopped.settings):
        for _ in range(60):
            report = await stopped.report()
            if report.entries == 6:
                break
            await asyncio.sleep(0.05)
    assert (report.entries, report.problems) == (6, [])
    (line,) = report.breaks
    assert line.endswith("or up to a second later without writing its last reads")


async def test_the_command_line_reports_what_it_found(stopped: StoppedLog) -> None:
    head = (await stopped.report()).head
    text = f"5 entries in 3 seals (0 entries wait for theirs), the last one is {head.position}:{head.digest}"
    assert stopped.billing("audit-verify")[:2] == (0, text)
    assert stopped.billing("audit-verify", "--expect", f"{head.position}:{head.digest}")[0] == 0
    code, _, errors = stopped.billing("audit-verify", "--expect", f"2:{head.digest}")
    assert (code, errors.splitlines()[-1]) == (1, "PROBLEM: seal 2 does not match the noted one")
    assert stopped.billing("audit-verify", "--expect", "nonsense")[0] == 1
    await stopped.change(update(entries).where(entries.c.id == (await stopped.ids())[1]).values(actor="somebody"))
    assert stopped.billing("audit-verify")[0] == 1


async def test_a_place_that_was_noted_is_compared_wherever_it_is(stopped: StoppedLog) -> None:
    second = (await stopped.seals())[1]
    assert await stopped.problems(second.head) == []
    assert await stopped.problems(ChainHead(2, "0" * 64)) == ["seal 2 does not match the noted one"]
