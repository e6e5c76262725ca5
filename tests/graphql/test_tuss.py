"""TUSS terms: all of them are there, found by code and by words, and kept in the cache."""

import asyncio
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, func, or_, select

from app.db import tuss as tuss_db
from app.db.counting import COUNTED_MAX
from app.db.engine import Database
from app.db.reference_tables import tuss_terms
from app.domain.text import fold
from app.domain.tuss_index import Sought
from app.services.tuss_load import LoadedTerms, load
from app.services.tuss_search import CHECK_SECONDS, TussSearch
from tests.factories import World, today
from tests.gateway import heard

SEARCH = "query($s: String, $t: String, $d: Date) { tussTerms(search: $s, codeSystem: $t, validOn: $d, first: 5) "
SEARCH += "{ totalCount nodes { codeSystem code term } } }"


PAGES = "query($s: String, $t: String, $d: Date, $after: String) { tussTerms(search: $s, codeSystem: $t, validOn: $d, "
PAGES += "first: 40, after: $after) { totalCount isLongerThanCounted nodes { codeSystem code } "
PAGES += "pageInfo { endCursor hasNextPage } } }"


async def test_every_published_term_is_there(world: World) -> None:
    async with world.gateway.database.reading() as connection:
        query = select(tuss_terms.c.code_system, func.count()).group_by(tuss_terms.c.code_system)
        rows = {table: number for table, number in (await connection.execute(query)).all()}  # noqa: C416 - rows
    codes = {"23": 2, "24": 168, "25": 6, "26": 15, "35": 14, "36": 4, "38": 470, "39": 28, "41": 3, "48": 3, "50": 9}
    codes |= {
        "52": 4,
        "55": 4,
        "57": 5,
        "59": 28,
        "60": 61,
        "61": 3,
        "76": 5,
        "77": 6,
        "28": 60,
        "42": 61,
        "49": 2,
        "51": 5,
    }
    assert rows == {"18": 3_597, "19": 45_889, "20": 12_572, "22": 5_964, **codes}


async def test_a_term_is_found_by_table_and_code(world: World) -> None:
    query = '{ tussTerm(codeSystem: "22", code: "10101012") { codeSystem code term validFrom validTo } }'
    assert (await world.call("biller", query))["tussTerm"] == {
        "codeSystem": "22",
        "code": "10101012",
        "term": "Consulta em consultório (no horário normal ou preestabelecido)",
        "validFrom": "2009-02-13",
        "validTo": None,
    }


@pytest.mark.parametrize("words", ["hemograma plaquetas", "HEMOGRAMA  Plaquetas", "plaquetas hemográma"])
async def test_words_match_whatever_their_case_accents_and_order(world: World, words: str) -> None:
    found = (await world.call("biller", SEARCH, s=words, t="22"))["tussTerms"]
    assert "40304361" in [node["code"] for node in found["nodes"]]
    assert all("emograma" in node["term"] for node in found["nodes"])


async def test_digits_match_the_beginning_of_a_code(world: World) -> None:
    found = (await world.call("biller", SEARCH, s="1010101", t="22"))["tussTerms"]
    assert [node["code"] for node in found["nodes"]] == sorted(node["code"] for node in found["nodes"])
    assert all(node["code"].startswith("1010101") for node in found["nodes"])
    assert found["totalCount"] >= len(found["nodes"]) > 0


async def test_a_term_that_is_over_is_left_out_on_request(world: World) -> None:
    async with world.gateway.database.reading() as connection:
        query = select(tuss_terms.c.code, tuss_terms.c.code_system).where(tuss_terms.c.valid_to.is_not(None)).limit(1)
        code, table = (await connection.execute(query)).one()
    assert (await world.call("biller", SEARCH, s=code, t=table))["tussTerms"]["totalCount"] == 1
    assert (await world.call("biller", SEARCH, s=code, t=table, d="2099-01-01"))["tussTerms"]["totalCount"] == 0


@pytest.mark.parametrize("search", ["%", "_", "a", "dor e febre", "1", "a\x00", "x" * 101, " ", "ab cd ef gh ij kl mn"])
async def test_a_search_is_up_to_six_words_of_two_characters_or_more(world: World, search: str) -> None:
    answer = await world.gateway.gql(SEARCH, {"s": search}, token=world.token("biller"))
    assert answer.reasons == [("BAD_USER_INPUT", "INVALID_INPUT", "search")]
    assert answer.body["errors"][0]["path"] == ["tussTerms"]


SEARCHES = [
    ("hemograma", None, None),
    ("HEMOGRAMA com plaquetas", "22", None),
    ("de em co ma pr re", None, None),
    ("%% __", None, None),
    ("ção", None, None),
    ("1010", None, None),
    ("1010 consulta", "22", None),
    ("joelho", "19", date(2015, 1, 1)),
    ("seringa 5ml", None, date(2026, 1, 1)),
    ("qwertz", None, None),
    (None, "18", None),
    (None, None, None),
]


@pytest.mark.parametrize(("search", "code_system", "day"), SEARCHES)
async def test_a_search_finds_what_a_scan_of_the_table_finds(
    world: World, search: str | None, code_system: str | None, day: date | None
) -> None:
    table = tuss_terms.c
    query = select(table.code_system, table.code).order_by(table.code, table.code_system)
    for word in fold(search or "").split():
        has_digits = word.isascii() and word.isdigit()
        fits = table.code.startswith(word) if has_digits else table.search_text.contains(word, autoescape=True)
        query = query.where(fits)
    if code_system is not None:
        query = query.where(table.code_system == code_system)
    if day is not None:
        query = query.where(
            or_(table.valid_from.is_(None), table.valid_from <= day),
            or_(table.valid_to.is_(None), table.valid_to >= day),
        )
    async with world.gateway.database.reading() as connection:
        expected = [tuple(row) for row in (await connection.execute(query)).all()]
    variables = {"s": search, "t": code_system, "d": None if day is None else day.isoformat()}
    first = (await world.call("biller", PAGES, **variables))["tussTerms"]
    second = (await world.call("biller", PAGES, **variables, after=first["pageInfo"]["endCursor"]))["tussTerms"]
    pages = first["nodes"] + (second["nodes"] if first["nodes"] else [])
    assert first["totalCount"] == min(len(expected), COUNTED_MAX)
    assert first["isLongerThanCounted"] is (len(expected) > COUNTED_MAX)
    assert [(node["codeSystem"], node["code"]) for node in pages] == expected[:80]
    assert first["pageInfo"]["hasNextPage"] is (len(expected) > 40)


async def test_a_term_read_before_costs_no_statement(world: World) -> None:
    query = '{ tussTerm(codeSystem: "22", code: "40301630") { term } }'
    first = await world.call("biller", query)
    with world.gateway.counting() as statements:
        assert await world.call("biller", query) == first
    assert statements == []


async def test_terms_that_were_added_are_found_a_minute_later(world: World) -> None:
    database, now = world.gateway.database, [0.0]
    search = TussSearch(database, clock=lambda: now[0])
    sought = Sought.of("zwxqk", None, None)
    assert len(await search.find(sought)) == 0
    assert await load(database, _terms(A1="Zwxqk")) == LoadedTerms(1, 0, 0)
    try:
        now[0] += CHECK_SECONDS - 1
        assert len(await search.find(sought)) == 0
        now[0] += 1
        matches = await search.find(sought)
        async with database.reading() as connection:
            rows = await matches.read(connection, matches.positions)
        assert [(row.code_system, row.code, row.term) for row in rows] == [("97", "A1", "Zwxqk")]
    finally:
        await _forget(database)


def _terms(**terms: str) -> list[dict[str, Any]]:
    """Terms of a table of their own, as they are published."""
    days = {"valid_from": date(2020, 1, 1), "valid_to": None}
    return [
        {"code_system": "97", "code": code, "term": term, "search_text": fold(term), **days}
        for code, term in terms.items()
    ]


async def _forget(database: Database) -> None:
    async with database.engine.begin() as connection:
        await connection.execute(delete(tuss_terms).where(tuss_terms.c.code_system == "97"))
        await tuss_db.renew_version(connection)


async def test_a_newer_file_adds_changes_and_ends_terms(world: World) -> None:
    database, yesterday = world.gateway.database, today() - timedelta(days=1)
    search, now = TussSearch(database, clock=lambda: now[0]), [0.0]
    older, newer = _terms(A1="Zwq um", A2="Zwq dois", A3="Zwq tres"), _terms(A1="Zwq novo", A3="Zwq tres", A4="Zwq 4")
    try:
        assert [await load(database, older) for _ in range(2)] == [LoadedTerms(3, 0, 0), LoadedTerms(0, 0, 0)]
        assert len(await search.find(Sought.of("zwq", "97", today()))) == 3
        assert [await load(database, newer) for _ in range(2)] == [LoadedTerms(1, 1, 1), LoadedTerms(0, 0, 0)]
        async with database.reading() as connection:
            rows = {row.code: row for row in await tuss_db.of_table(connection, "97")}
        assert {code: (row.term, row.valid_to) for code, row in rows.items()} == {
            "A1": ("Zwq novo", None),
            "A2": ("Zwq dois", yesterday),
            "A3": ("Zwq tres", None),
            "A4": ("Zwq 4", None),
        }
        # What was done before is still billed by it.
        assert (rows["A2"].is_valid_on(yesterday), rows["A2"].is_valid_on(today())) == (True, False)
        now[0] += CHECK_SECONDS
        found = [len(await search.find(Sought.of("zwq", "97", day))) for day in (yesterday, today())]
        assert (found, len(await search.find(Sought.of("novo", "97", None)))) == ([4, 3], 1)
        assert await load(database, older) == LoadedTerms(0, 2, 1)
    finally:
        await _forget(database)


async def test_searches_that_come_together_read_the_table_once(world: World) -> None:
    search = TussSearch(world.gateway.database, clock=lambda: 0.0)
    with heard(world.gateway.database) as statements:
        found = await asyncio.gather(*(search.find(Sought.of("hemograma", "22", None)) for _ in range(3)))
    assert len({id(each.index) for each in found}) == 1
    # 69 full chunks or parts of one, and an empty one; the gateway has tasks of its own.
    assert len([text for text, _ in statements if "tuss_terms" in text]) == 69 + 1
