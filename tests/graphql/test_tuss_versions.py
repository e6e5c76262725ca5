"""Claims are checked by terms from memory, and by the new ones as soon as another process has loaded them; clients see
those that claims go by."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import contracts as contracts_db
from app.db import tuss as tuss_db
from app.db.contracts import prices_of_version
from app.db.engine import Database
from app.db.reference_tables import tuss_terms
from app.db.tuss import Key
from app.runtime import process
from tests.commands import billing
from tests.factories import CONSULTATION, World, key, today
from tests.faults.waiting import until_true
from tests.gateway import embedded_settings, running_gateway

RENAMED, ADDED, ENDED = "31309127", "31309135", "99990001"
OLD_NAME = "Nome de antes"
NEW_NAME, ADDED_NAME = "Parto (via vaginal)", "Parto múltiplo (cada um subsequente ao inicial)"
OUTDATED = ("UNKNOWN_CODE", "the code was not valid on the day: look it up with tussTerms")
UNKNOWN = ("UNKNOWN_CODE", "the TUSS table has no such code: look it up with tussTerms")
CREATED = "claim { items { description term { term } } }"
TERM = 'query($code: String!) { tussTerm(codeSystem: "22", code: $code) { term validTo } }'


def _of_code(code: str) -> Any:
    return (tuss_terms.c.code_system == "22") & (tuss_terms.c.code == code)


@pytest.fixture
async def earlier_terms(world: World) -> AsyncIterator[None]:
    """The terms of an earlier publication: one has another name, one is missing, and one is still there."""
    ended = {"code_system": "22", "code": ENDED, "term": "Termo que acaba", "search_text": "termo que acaba"}
    async with world.gateway.database.engine.begin() as connection:
        await connection.execute(update(tuss_terms).where(_of_code(RENAMED)).values(term=OLD_NAME))
        await connection.execute(delete(tuss_terms).where(_of_code(ADDED)))
        await connection.execute(insert(tuss_terms), [ended])
        await tuss_db.renew_version(connection)
    yield
    async with world.gateway.database.engine.begin() as connection:
        await connection.execute(delete(tuss_terms).where(_of_code(ENDED)))
        await tuss_db.renew_version(connection)


async def _created(world: World, code: str, **values: Any) -> list[Any]:
    """The descriptions of the items of a new claim with this code, which are its term, or what refuses it."""
    items = [{**CONSULTATION, "code": code}]
    payload = await world.mutate("biller", "createClaim", CREATED, **world.claim_input(items=items, **values))
    if payload["claim"] is None:
        return [(each["code"], each["message"]) for each in payload["errors"]]
    items = payload["claim"]["items"]
    assert [each["term"] for each in items] == [{"term": each["description"]} for each in items]
    return [each["description"] for each in items]


async def _shown(world: World, *codes: str) -> list[tuple[str, str | None] | None]:
    """What clients see of these codes: term and last day."""
    found = [(await world.call("biller", TERM, code=code))["tussTerm"] for code in codes]
    return [each and (each["term"], each["validTo"]) for each in found]


async def _load(world: World) -> str:
    """Load the published terms in a process of its own; the last line that it says."""
    url = world.gateway.settings.database
    done = await asyncio.to_thread(billing, "load-tuss", BILLING_DATABASE_URL=url)
    assert done.returncode == 0, done.stderr
    return str(done.stderr.splitlines()[-1])


@pytest.mark.usefixtures("earlier_terms")
async def test_the_next_claim_goes_by_terms_that_another_process_has_loaded(world: World) -> None:
    codes = (RENAMED, ADDED, ENDED)
    assert [await _created(world, code) for code in codes] == [[OLD_NAME], [UNKNOWN], ["Termo que acaba"]]
    assert await _shown(world, *codes) == [(OLD_NAME, None), None, ("Termo que acaba", None)]
    assert await _load(world) == "1 terms added, 1 changed, 1 ended"
    assert [await _created(world, code) for code in codes] == [[NEW_NAME], [ADDED_NAME], [OUTDATED]]
    yesterday = str(today() - timedelta(days=1))
    assert await _shown(world, *codes) == [(NEW_NAME, None), (ADDED_NAME, None), ("Termo que acaba", yesterday)]
    assert await _created(world, ENDED, serviceDate=yesterday) == ["Termo que acaba"]


async def _rename(database: Database, term: str, *, has_version: bool = True) -> None:
    """Give a term another name, as a load of terms does, or by hand."""
    async with database.engine.begin() as connection:
        await connection.execute(update(tuss_terms).where(_of_code(RENAMED)).values(term=term))
        if has_version:
            await tuss_db.renew_version(connection)


async def test_a_process_that_checks_no_claim_and_is_not_probed_looks_for_new_terms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "IDENTITY_SECONDS", 0.01)
    query = f'{{ tussTerm(codeSystem: "22", code: "{RENAMED}") {{ term }} }}'
    async with running_gateway(embedded_settings(tmp_path)) as gateway:

        async def is_shown(term: str) -> bool:
            answer = await gateway.gql(query, token=gateway.token("biller"))
            return bool(answer.data == {"tussTerm": {"term": term}})

        assert await is_shown(NEW_NAME)
        await _rename(gateway.database, OLD_NAME)
        await until_true(partial(is_shown, OLD_NAME))


async def test_a_probe_looks_for_new_terms(world: World) -> None:
    assert (await _created(world, RENAMED), await _shown(world, RENAMED)) == ([NEW_NAME], [(NEW_NAME, None)])
    await _rename(world.gateway.database, OLD_NAME)
    try:
        assert (await world.gateway.client.get("/health/ready")).status_code == 200
        assert await _shown(world, RENAMED) == [(OLD_NAME, None)]
    finally:
        await _rename(world.gateway.database, NEW_NAME)


async def test_terms_that_were_changed_without_a_version_count_after_some_minutes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await _created(world, RENAMED) == [NEW_NAME]
    await _rename(world.gateway.database, OLD_NAME, has_version=False)
    try:
        assert await _created(world, RENAMED) == [NEW_NAME]
        # As if they had passed.
        monkeypatch.setattr(tuss_db, "REMEMBERED_SECONDS", 0.0)
        assert (await _created(world, RENAMED), await _shown(world, RENAMED)) == ([OLD_NAME], [(OLD_NAME, None)])
    finally:
        await _rename(world.gateway.database, NEW_NAME)


async def test_a_claim_reads_no_term_that_one_before_it_has_read(world: World) -> None:
    await _created(world, RENAMED)
    with world.gateway.counting() as statements:
        assert await _created(world, RENAMED) == [NEW_NAME]
    assert [text for text in statements if "tuss_terms" in text] == []
    # A code that does not exist is looked for each time: memory is for those that do.
    for _ in range(2):
        with world.gateway.counting() as statements:
            assert await _created(world, ENDED) == [UNKNOWN]
        assert len([text for text in statements if "tuss_terms" in text]) == 1


async def _side_by_side(world: World, read: Callable[[AsyncConnection, list[Key]], Coroutine[Any, Any, Any]]) -> Any:
    """What is read with one code from memory, while another caller fills the memory with two others."""
    known, own, *others = [("22", code) for code in (RENAMED, ADDED, "31309100", "31309119")]
    async with world.gateway.database.reading() as first, world.gateway.database.reading() as second:
        await read(first, [known])
        reading = asyncio.create_task(read(first, [known, own]))
        # It has sent its statement.
        await asyncio.sleep(0)
        await read(second, others)
        return await reading


async def test_what_was_found_in_memory_is_kept_while_others_fill_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuss_db, "REMEMBERED_MAX", 2)
    monkeypatch.setattr(contracts_db, "PRICES_MAX", 2)
    prices = [
        {"codeSystem": "22", "code": code, "unitPrice": "5.00", "validFrom": "2020-01-01", "needsAuthorization": False}
        for code in (RENAMED, ADDED)
    ]
    terms = {"submissionWindowDays": 90, "appealDeadlineDays": 30, "paymentTermDays": 30, "prices": prices}
    parties = {"provider": world.provider, "payer": world.payer, "idempotencyKey": key()}
    assert (await world.mutate("admin", "saveContract", "contract { id }", **parties, **terms))["errors"] == []
    async with world.gateway.database.reading() as connection:
        contract = await contracts_db.between(connection, world.provider, world.payer)
    assert contract is not None
    version = key()
    found = await _side_by_side(world, lambda connection, codes: tuss_db.known(connection, version, codes))
    assert [each.term for each in found.values()] == [NEW_NAME, ADDED_NAME]
    rows = await _side_by_side(world, lambda connection, codes: prices_of_version(connection, contract, codes))
    assert [each.code for each in rows] == [RENAMED, ADDED]
