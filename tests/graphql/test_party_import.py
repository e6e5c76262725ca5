"""Master data from files and texts: new rows are taken, the same rows again change nothing, wrong ones are refused."""

import itertools
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from app.domain.actor import Door, operator
from app.domain.identifiers import check_digits_of_cpf
from app.domain.party_rows import PartyRow, PartyRowKind, PartyRowOutcome
from app.services import party_files, party_import, party_worksheets
from app.services.party_import import RowResult
from tests.factories import World, key, new_world

_bases = itertools.count(800_000_000)
RESULTS = "rows { line kind outcome object { id } errors { code message field } }"


def _cpf() -> str:
    base = str(next(_bases))
    return base + check_digits_of_cpf(base)


async def _import(world: World, role: str, csv: str, once: str | None = None) -> Any:
    query = f"mutation($input: ImportPartiesInput!) {{ importParties(input: $input) {{ {RESULTS} errors {{ code }} "
    given = {"input": {"csv": csv, "idempotencyKey": once or key()}}
    return (await world.call(role, f"{query} replayed }} }}", **given))["importParties"]


def _short(payload: Any) -> list[tuple[int, str | None, str]]:
    return [(each["line"], each["kind"], each["outcome"]) for each in payload["rows"]]


def _world_of(world: World, cpf: str, card: str) -> str:
    return f"""kind;provider_cnes;name;cpf;birth_date;payer_ans_code;card_number;plan;starts_on;council;number;state;cbo
patient;{world.provider};José da Silva;{cpf[:3]}.{cpf[3:6]}.{cpf[6:9]}-{cpf[9:]};17/05/1990;;;;;;;;
card;{world.provider};;{cpf};;{world.payer};{card};Plano Ouro;01/02/2020;;;;
practitioner;{world.provider};Dra. Ana;;;;;;;6;{card[:8]};35;225125
"""


async def test_a_providers_world_is_imported_once(server_world: World) -> None:
    world, cpf, card = server_world, _cpf(), key()[:20]
    csv = _world_of(world, cpf, card)
    once = key()
    first = await _import(world, "front_desk", csv, once)
    taken = [(2, "PATIENT", "TAKEN"), (3, "COVERAGE", "TAKEN"), (4, "PRACTITIONER", "TAKEN")]
    assert (_short(first), first["errors"]) == (taken, [])
    again = await _import(world, "front_desk", csv)
    assert _short(again) == [(line, kind, "UNCHANGED") for line, kind, _ in taken]
    assert [each["object"] for each in again["rows"]] == [each["object"] for each in first["rows"]]
    replayed = await _import(world, "front_desk", csv, once)
    assert (replayed["rows"], replayed["replayed"]) == (first["rows"], True)
    changed = await _import(world, "front_desk", csv.replace("Plano Ouro", "Plano Prata"))
    assert [each["outcome"] for each in changed["rows"]] == ["UNCHANGED", "TAKEN", "UNCHANGED"]
    query = "query($p: AnsCode!, $c: String!) { coverageOfCard(payerAnsCode: $p, cardNumber: $c) { "
    query += "plan startsOn version patient { name cpf birthDate } } }"
    found = (await world.call("front_desk", query, p=world.payer, c=card))["coverageOfCard"]
    person = {"name": "José da Silva", "cpf": cpf, "birthDate": "1990-05-17"}
    assert found == {"plan": "Plano Prata", "startsOn": "2020-02-01", "version": 2, "patient": person}
    assert (await world.create_claim(cardNumber=card))["errors"] == []


async def test_wrong_rows_are_refused_and_the_others_are_taken(server_world: World) -> None:
    world, other, cpf = server_world, await new_world(server_world.gateway), _cpf()
    csv = f"""tipo,cnes,nome,cpf,data_nascimento
paciente,{world.provider},Joana,{cpf},1990-05-17
paciente,{world.provider},Joana,52998224724,1990-05-17
paciente,{world.provider},,,1990-05-17
paciente,{world.provider},Joana,,99/99/1990
paciente,{world.provider},Joana,,
paciente,{other.provider},Joana,,1990-05-17
remedio,{world.provider},Joana,,1990-05-17
operadora,{world.provider},Joana,,
"""
    found = await _import(world, "front_desk", csv)
    refused = [
        (each["line"], [(error["code"], ".".join(error["field"])) for error in each["errors"]])
        for each in found["rows"][1:]
    ]
    assert (found["rows"][0]["outcome"], refused) == (
        "TAKEN",
        [
            (3, [("INVALID_IDENTIFIER", "cpf")]),
            (4, [("INVALID_INPUT", "name")]),
            (5, [("INVALID_DATE", "birth_date")]),
            (6, [("INVALID_INPUT", "cpf")]),
            (7, [("NOT_FOUND", "provider")]),
            (8, [("INVALID_INPUT", "kind")]),
            (9, [("INVALID_INPUT", "payer_ans_code")]),
        ],
    )


async def test_a_row_needs_the_permission_of_its_kind(server_world: World) -> None:
    world = server_world
    csv = f"kind,payer_ans_code,name\npayer,8{world.payer[1:]},Operadora\n"
    (found,) = (await _import(world, "front_desk", csv))["rows"]
    message = "rows of this kind need the permission parties:manage"
    assert found["errors"] == [{"code": "INVALID_INPUT", "message": message, "field": ["kind"]}]


async def test_a_card_of_somebody_elses_patient_is_refused(server_world: World) -> None:
    world, cpf = server_world, _cpf()
    await _import(world, "front_desk", f"provider_cnes,name,cpf\n{world.provider},Joana,{cpf}\n")
    header = "provider_cnes,cpf,payer_ans_code,card_number,plan,starts_on"
    row = f"{world.provider},{cpf},{world.payer},{world.card},Plano,2020-01-01"
    (found,) = (await _import(world, "front_desk", f"{header}\n{row}\n"))["rows"]
    assert [error["code"] for error in found["errors"]] == ["DUPLICATE_PARTY"]


async def test_too_many_rows_are_refused(server_world: World) -> None:
    csv = "kind\n" + "x\n" * 501
    assert (await _import(server_world, "front_desk", csv))["errors"] == [{"code": "INVALID_INPUT"}]


async def _file(world: World, rows: Iterator[PartyRow]) -> tuple[list[RowResult], dict[PartyRowOutcome, int]]:
    found: list[RowResult] = []
    actor = operator("import-parties", Door.CLI, request_id="import")
    counts = await party_import.import_rows(world.gateway.parts.changes, actor, rows, on_results=found.extend)
    return found, counts


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "iso-8859-1"])
async def test_a_file_in_any_encoding_is_imported(server_world: World, tmp_path: Path, encoding: str) -> None:
    world, cpf = server_world, _cpf()
    file = tmp_path / "pacientes.csv"
    file.write_bytes(
        f"CNES;Nome;CPF;Nascimento\r\n{world.provider};Conceição Araújo;{cpf};1/2/1980\r\n".encode(encoding)
    )
    results, counts = await _file(world, party_files.rows_of(file))
    assert [(each.line, each.kind, each.outcome.value) for each in results] == [(2, PartyRowKind.PATIENT, "TAKEN")]
    assert list(counts.values()) == [1, 0, 0]
    query = "query($id: ID!) { node(id: $id) { ... on Patient { name birthDate } } }"
    seen = (await world.call("front_desk", query, id=results[0].party_id))["node"]
    assert seen == {"name": "Conceição Araújo", "birthDate": "1980-02-01"}
    _, counts = await _file(world, party_files.rows_of(file))
    assert list(counts.values()) == [0, 1, 0]


async def test_a_worksheet_is_imported_though_it_lost_leading_zeros(server_world: World, tmp_path: Path) -> None:
    world = server_world
    book = Workbook()
    sheet = book.active
    sheet.append(["kind", "payer_ans_code", "name", "payment_term_days", None])
    code = f"0{world.payer[1:]}"
    sheet.append(["payer", int(code), "Operadora da planilha", 45.0, None])
    sheet.append([None, None, None, None, None])
    sheet.append(["payer", "12345", "", None, None])
    book.save(tmp_path / "payers.xlsx")
    results, counts = await _file(world, party_worksheets.rows_of(tmp_path / "payers.xlsx"))
    assert [(each.line, each.outcome.value, each.party_id) for each in results] == [
        (2, "TAKEN", f"pyr_{code}"),
        (4, "REFUSED", None),
    ]
    assert [failure.field for failure in results[1].failures] == ["name"]
    assert list(counts.values()) == [1, 0, 1]


async def test_what_is_committed_stays_if_a_later_batch_fails(server_world: World) -> None:
    world = server_world

    def rows() -> Iterator[PartyRow]:
        for number in range(party_import.BATCH_SIZE):
            values = {"payer_ans_code": f"9{number:02d}{world.payer[3:]}", "name": "Lote"}
            yield PartyRow(number + 2, PartyRowKind.PAYER, values)
        raise RuntimeError("the disk is gone")

    with pytest.raises(RuntimeError, match="the disk is gone"):
        await _file(world, rows())
    query = "query($code: AnsCode!) { payer(ansCode: $code) { name } }"
    assert (await world.call("biller", query, code=f"900{world.payer[3:]}"))["payer"] == {"name": "Lote"}


def test_a_long_file_is_read_in_little_memory(tmp_path: Path) -> None:
    file = tmp_path / "long.csv"
    with file.open("w") as lines:
        lines.write("kind,payer_ans_code,name\n")
        lines.writelines(f"payer,{number:06d},Operadora número {number}\n" for number in range(50_000))
    tracemalloc.start()
    count = sum(1 for _ in party_files.rows_of(file))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 50_000
    assert peak < 4 * 1024 * 1024
