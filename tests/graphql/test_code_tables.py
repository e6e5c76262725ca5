"""The tables of every code that a claim has beside its items: found like other terms."""

from typing import Any

import pytest
import tiss

from app.domain.schema_codes import CodeTable, codes_of
from tests.factories import World, refusals

TERMS = """query($table: String, $search: String, $day: Date) {
  tussTerms(codeSystem: $table, search: $search, validOn: $day, first: 100) { totalCount nodes { code term } }
}"""


async def _terms(world: World, table: str, search: str | None = None, day: str | None = None) -> Any:
    return (await world.call("front_desk", TERMS, table=table, search=search, day=day))["tussTerms"]


@pytest.mark.parametrize(
    ("table", "count", "code", "term"),
    [
        ("23", 2, "2", "Urgência/Emergência"),
        ("24", 168, "225120", "Médico cardiologista"),
        ("25", 6, "08", "OPME"),
        ("26", 15, "06", "Conselho Regional de Medicina (CRM)"),
        ("35", 14, "06", "Anestesista"),
        ("36", 4, "1", "Trânsito"),
        ("38", 470, "1705", "VALOR APRESENTADO A MAIOR"),
        ("39", 28, "11", "Alta Curado"),
        ("41", 3, "1", "Hospitalar"),
        ("42", 61, "HASD", "Hemi-Arco Superior Direito"),
        ("42", 61, "LG", "Língua"),
        ("48", 3, "2", "Videolaparoscopia"),
        ("50", 9, "01", "Remoção"),
        ("52", 4, "2", "Retorno"),
        ("55", 4, "4", "Total"),
        ("57", 5, "1", "Clínica"),
        ("59", 28, "35", "São Paulo (SP)"),
        ("60", 61, "036", "UN"),
        ("61", 3, "1", "Única"),
        ("76", 5, "01", "Ambulatorial"),
        ("77", 6, "01", "Admissional"),
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


@pytest.mark.parametrize("table", CodeTable, ids=lambda table: table.name.lower())
async def test_a_table_lists_what_the_schema_allows(world: World, table: CodeTable) -> None:
    listed = {each["code"] for each in await _all(world, table.value[2])}
    # Two occupations of the schema are not published any more.
    assert table.codes - listed == ({"225190", "225245"} if table is CodeTable.OCCUPATION else set())
    assert listed <= table.codes


async def _all(world: World, table: str) -> list[Any]:
    query = """query($table: String, $after: String) { tussTerms(codeSystem: $table, first: 100, after: $after) {
      nodes { code } pageInfo { endCursor hasNextPage } } }"""
    found: list[Any] = []
    page: dict[str, Any] = {"endCursor": None, "hasNextPage": True}
    while page["hasNextPage"]:
        part = (await world.call("front_desk", query, table=table, after=page["endCursor"]))["tussTerms"]
        found, page = found + part["nodes"], part["pageInfo"]
    return found


@pytest.mark.parametrize("path", ["practitioner", "encounter.requester"])
@pytest.mark.parametrize(("name", "code"), [("council", "99"), ("state", "SP"), ("cbo", "2251")])
async def test_a_practitioner_has_codes_of_the_tables(world: World, path: str, name: str, code: str) -> None:
    doctor = {"name": "Ana Lima", "council": "06", "number": "12345", "state": "35", "cbo": "225125", name: code}
    values = {"practitioner": doctor} if path == "practitioner" else {"encounter": {"requester": doctor}}
    payload = await world.create_claim(**values)
    assert (payload["claim"], refusals(payload)) == (None, [("UNKNOWN_CODE", f"claim.{path}.{name}", None)])


@pytest.mark.parametrize(
    ("name", "code"), [("priority", "3"), ("type", "05"), ("accident", "5"), ("setting", "06"), ("visitType", "")]
)
async def test_an_encounter_has_codes_of_the_tables(world: World, name: str, code: str) -> None:
    payload = await world.create_claim(encounter={name: code})
    assert (payload["claim"], refusals(payload)) == (None, [("UNKNOWN_CODE", f"claim.encounter.{name}", None)])


async def test_a_denial_with_a_code_that_is_no_longer_published_is_stored(world: World) -> None:
    assert (tiss.glosa("1003") is None, "1003" in codes_of("dm_tipoGlosa")) == (True, True)
    claim = await world.claim_in_review()
    denial = {"sequence": 1, "approvedAmount": "60.00", "denials": [{"code": "1003", "amount": "40.00"}]}
    assert (await world.adjudicate(claim["id"], [denial]))["errors"] == []
    query = "query($id: ID!) { claim(id: $id) { items { denials { code description } } } }"
    (item,) = (await world.call("reviewer", query, id=claim["id"]))["claim"]["items"]
    assert item["denials"] == [{"code": "1003", "description": "unknown code"}]


async def test_a_code_that_the_schema_does_not_have_is_refused(world: World) -> None:
    claim = await world.claim_in_review()
    denial = {"sequence": 1, "approvedAmount": "60.00", "denials": [{"code": "9998", "amount": "40.00"}]}
    refused = refusals(await world.adjudicate(claim["id"], [denial]))
    assert refused == [("UNKNOWN_CODE", "items.0.denials.0.code", None)]
