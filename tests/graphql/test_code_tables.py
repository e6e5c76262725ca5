"""The tables of every code that a claim has beside its items: found like other terms."""

import re
from importlib.resources import files
from typing import Any

import pytest

from app.domain.code_tables import COUNCILS, STATES
from tests.factories import World

TERMS = """query($table: String, $search: String, $day: Date) {
  tussTerms(codeSystem: $table, search: $search, validOn: $day, first: 100) { totalCount nodes { code term } }
}"""
SCHEMA = "tissSimpleTypesV4_03_00.xsd"


async def _terms(world: World, table: str, search: str | None = None, day: str | None = None) -> Any:
    return (await world.call("front_desk", TERMS, table=table, search=search, day=day))["tussTerms"]


@pytest.mark.parametrize(
    ("table", "count", "code", "term"),
    [
        ("23", 2, "2", "Urgência/Emergência"),
        ("24", 168, "225120", "Médico cardiologista"),
        ("26", 15, "06", "Conselho Regional de Medicina (CRM)"),
        ("36", 4, "1", "Trânsito"),
        ("38", 470, "1705", "VALOR APRESENTADO A MAIOR"),
        ("50", 9, "01", "Remoção"),
        ("52", 4, "2", "Retorno"),
        ("59", 28, "35", "São Paulo (SP)"),
        ("76", 5, "01", "Ambulatorial"),
    ],
)
async def test_a_table_has_all_its_codes(world: World, table: str, count: int, code: str, term: str) -> None:
    assert (await _terms(world, table))["totalCount"] == count
    query = "query($table: String!, $code: String!) { tussTerm(codeSystem: $table, code: $code) { term } }"
    assert (await world.call("biller", query, table=table, code=code))["tussTerm"] == {"term": term}


async def test_codes_are_searched_like_terms(world: World) -> None:
    found = (await _terms(world, "24", "CARDIO medico"))["nodes"]
    assert [each["code"] for each in found] == ["225120", "225210"]


async def test_codes_that_are_not_valid_yet_are_left_out(world: World) -> None:
    assert (await _terms(world, "76", day="2021-07-31"))["totalCount"] == 0
    assert (await _terms(world, "76", day="2021-08-01"))["totalCount"] == 5


async def test_no_item_can_be_billed_by_a_code_of_these_tables(world: World) -> None:
    item = {"codeSystem": "38", "code": "1705", "quantity": "1", "unitPrice": "1.00"}
    refused = await world.create_claim(items=[item])
    assert [(each["code"], each["tissCode"]) for each in refused["errors"]] == [("UNKNOWN_CODE", "3150")]


@pytest.mark.parametrize(("name", "table"), [("dm_conselhoProfissional", COUNCILS), ("dm_UF", STATES)])
def test_councils_and_states_are_those_of_the_standard(name: str, table: dict[str, str]) -> None:
    text = (files("tiss") / "_data" / "schemas" / "4.03.00" / SCHEMA).read_text(encoding="latin-1")
    declared = text.partition(f'name="{name}"')[2].partition("</simpleType>")[0]
    assert re.findall(r'enumeration value="(\d+)"', declared) == list(table)
