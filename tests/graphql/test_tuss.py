"""TUSS terms: all of them are there, found by code and by words, and kept in the cache."""

import pytest
from sqlalchemy import func, select

from app.db.reference_tables import tuss_terms
from tests.factories import World

SEARCH = "query($s: String, $t: String, $d: Date) { tussTerms(search: $s, codeSystem: $t, validOn: $d, first: 5) "
SEARCH += "{ totalCount nodes { codeSystem code term } } }"


async def test_every_published_term_is_there(world: World) -> None:
    async with world.gateway.database.reading() as connection:
        query = select(tuss_terms.c.code_system, func.count()).group_by(tuss_terms.c.code_system)
        rows = {table: number for table, number in (await connection.execute(query)).all()}  # noqa: C416 - rows
    assert rows == {"18": 3_597, "19": 45_889, "20": 12_572, "22": 5_964}


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


@pytest.mark.parametrize("search", ["%", "_", "a\x00", "x" * 101, " "])
async def test_a_search_is_text_of_up_to_a_hundred_characters(world: World, search: str) -> None:
    answer = await world.gateway.gql(SEARCH, {"s": search}, token=world.token("biller"))
    if search in ("%", "_"):
        assert answer.data["tussTerms"]["totalCount"] < 68_022
    else:
        assert answer.reasons == [("BAD_USER_INPUT", "INVALID_INPUT", "search")]


async def test_a_term_read_before_costs_no_statement(world: World) -> None:
    query = '{ tussTerm(codeSystem: "22", code: "40301630") { term } }'
    first = await world.call("biller", query)
    with world.gateway.counting() as statements:
        assert await world.call("biller", query) == first
    assert statements == []
