"""Payers come from the official register: new ones, new names, and those that are gone."""

from dataclasses import replace

from app.db import parties as parties_db
from app.domain.actor import Door, operator
from app.services import payer_register
from app.services.payer_register import Entry, LoadedPayers
from tests.factories import World, party_admin


def _entries(world: World, *names: str) -> list[Entry]:
    return [Entry(f"{8 - index}{world.payer[1:]}", name) for index, name in enumerate(names)]


async def _load(world: World, entries: list[Entry]) -> LoadedPayers:
    # A register of its own: the name of the command says what came from it.
    actor = operator(f"load-{world.payer}", Door.CLI, request_id="load")
    found = await payer_register.load(
        world.gateway.parts.changes, actor, entries, on_progress=lambda _done, _total: None
    )
    # Other tests have payers that are in no register.
    return replace(found, not_in_register=0)


async def _state(world: World, code: str) -> tuple[str, int, int, int, bool]:
    async with world.gateway.database.reading() as connection:
        payer = await parties_db.payer(connection, code)
    assert payer is not None
    terms = (payer.submission_window_days, payer.appeal_deadline_days, payer.payment_term_days)
    return (payer.name, *terms, payer.is_active)


async def test_the_register_is_loaded_once_and_followed(server_world: World) -> None:
    world = server_world
    first = _entries(world, "UNIMED UM", "UNIMED DOIS")
    assert await _load(world, first) == LoadedPayers(registered=2)
    assert await _load(world, first) == LoadedPayers(unchanged=2)
    assert await _state(world, first[0].code) == ("UNIMED UM", 180, 30, 30, True)
    await party_admin(world, "updatePayer", "payer { id }", payerAnsCode=first[0].code, paymentTermDays=60)
    renamed = _entries(world, "UNIMED PRIMEIRA")
    assert await _load(world, renamed) == LoadedPayers(renamed=1, deactivated=1)
    assert await _state(world, first[0].code) == ("UNIMED PRIMEIRA", 180, 30, 60, True)
    assert await _state(world, first[1].code) == ("UNIMED DOIS", 180, 30, 30, False)
    assert await _load(world, renamed) == LoadedPayers(unchanged=1)
    back = _entries(world, "UNIMED PRIMEIRA", "UNIMED DOIS")
    assert await _load(world, back) == LoadedPayers(unchanged=1, reactivated=1)
    assert await _state(world, first[1].code) == ("UNIMED DOIS", 180, 30, 30, True)


async def test_what_a_person_deactivated_stays_so(server_world: World) -> None:
    world = server_world
    entries = _entries(world, "UNIMED UM")
    await _load(world, entries)
    await party_admin(world, "deactivatePayer", "payer { id }", payerAnsCode=entries[0].code)
    assert await _load(world, entries) == LoadedPayers(left_inactive=1)
    assert (await _state(world, entries[0].code))[-1] is False


def test_the_published_register_has_valid_entries() -> None:
    found = payer_register.published()
    assert (len(found), found[0]) == (1106, Entry("000515", "ALLIANZ SAÚDE S/A"))
    assert all(len(each.code) == 6 and 1 <= len(each.name) <= 160 for each in found)
