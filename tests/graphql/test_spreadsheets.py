"""Payers' spreadsheets through the API: uploaded, looked at, imported by a mapping that is remembered."""

import re
from pathlib import Path
from typing import Any

from tests.factories import World, key, new_world, refusals, today
from tests.graphql.test_imports import upload
from tests.graphql.test_lines_before_claims import until_known
from tests.graphql.test_remittances import books, post
from tests.graphql.test_statement_documents import IMPORTED
from tests.spreadsheets import text_file, workbook

HEADER = ("Guia", "Código", "Valor apresentado", "Valor pago", "Valor glosa", "Motivo glosa")
ROWS = [
    ("G1", "10101012", "100,00", "100,00", "", ""),
    ("G2", "10101012", "100,00", "60,00", "40,00", "1705"),
    ("G3", "10101012", "100,00", "?", "40,00", "1705"),
    ("Total", "", "200,00", "160,00", "80,00", ""),
]
LINE = "providerClaimNumber itemCode paidAmount billedAmount denials { code amount }"
COLUMNS = "columns { position header field reading denialCode taxType }"
PREVIEW = f"""query($sheet: SpreadsheetInput!, $first: Int, $after: String, $kind: [SpreadsheetRowKind!]) {{
  spreadsheetPreview(spreadsheet: $sheet) {{
    encoding separator headerRow rowCount lineCount refusedCount missing mapping {{ id }} {COLUMNS}
    billedAmount paidAmount deniedAmount differenceAmount
    sums {{ field amount refusedAmount }} totals {{ rowNumber header statedAmount sumAmount isEqual }}
    findings {{ kind detail needsRelease }} statements {{ statementNumber paidOn lineCount paidAmount netAmount }}
    rows(first: $first, after: $after, kind: $kind) {{
      totalCount pageInfo {{ hasNextPage endCursor }}
      nodes {{ number kind differenceAmount failures {{ position header message }} line {{ {LINE} }} }}
    }}
  }}
}}"""


async def uploaded(world: World, content: bytes, role: str = "finance") -> str:
    """The id of the stored document."""
    return await upload(world.gateway, content, world.token(role))


async def preview(world: World, document: str, columns: Any = None, **variables: Any) -> Any:
    """How the document would be read."""
    given = {"payerAnsCode": world.payer, "providerCnes": world.provider, "documentId": document, "columns": columns}
    found = await world.call("finance", PREVIEW, sheet=given, **{"first": 100, **variables})
    return found["spreadsheetPreview"]


async def test_rows_of_too_many_kinds_are_refused(world: World) -> None:
    document = await uploaded(world, text_file(HEADER, *ROWS))
    given = {"payerAnsCode": world.payer, "providerCnes": world.provider, "documentId": document}
    variables = {"sheet": given, "kind": ["LINE"] * 9}
    answer = await world.gateway.gql(PREVIEW, variables, token=world.token("finance"))
    (error,) = answer.body["errors"]
    assert (error["message"], error["path"]) == ("send at most 8 values", ["spreadsheetPreview", "rows"])
    assert error["extensions"]["field"] == ["kind"]


async def test_a_preview_shows_where_every_row_and_every_cent_is(world: World) -> None:
    document = await uploaded(world, text_file(HEADER, *ROWS, encoding="cp1252"))
    found = await preview(world, document)
    rows = found.pop("rows")
    assert [(each["kind"], each["number"]) for each in rows["nodes"]] == [
        *(("HEADER", 1), ("LINE", 2), ("LINE", 3), ("REFUSED", 4), ("TOTAL", 5)),
    ]
    assert rows["nodes"][2] == {
        "number": 3,
        "kind": "LINE",
        "differenceAmount": "0.00",
        "failures": [],
        "line": {
            "providerClaimNumber": "G2",
            "itemCode": "10101012",
            "paidAmount": "60.00",
            "billedAmount": "100.00",
            "denials": [{"code": "1705", "amount": "40.00"}],
        },
    }
    failure = {"position": 4, "header": "Valor pago", "message": "is no number with a decimal comma"}
    assert (rows["nodes"][3]["failures"], rows["nodes"][3]["line"]["paidAmount"]) == ([failure], None)
    (statement,) = found.pop("statements")
    assert statement.pop("statementNumber").startswith("P-")
    assert statement == {"paidOn": None, "lineCount": 3, "paidAmount": "160.00", "netAmount": None}
    fields = ["PROVIDER_CLAIM_NUMBER", "ITEM_CODE", "BILLED_AMOUNT", "PAID_AMOUNT", "DENIED_AMOUNT", "DENIAL_CODE"]
    assert [each["field"] for each in found.pop("columns")] == fields
    wrong = {"rowNumber": 5, "header": "Valor apresentado", "statedAmount": "200.00", "sumAmount": "300.00"}
    detail = "Valor apresentado in row 5 is 200.00, its rows add up to 300.00"
    assert found.pop("totals") == [
        {**wrong, "isEqual": False},
        {**wrong, "header": "Valor pago", "statedAmount": "160.00", "sumAmount": "160.00", "isEqual": True},
        {**wrong, "header": "Valor glosa", "statedAmount": "80.00", "sumAmount": "80.00", "isEqual": True},
    ]
    assert found == {
        "encoding": "windows-1252",
        "separator": ";",
        "headerRow": 1,
        "rowCount": 5,
        "lineCount": 2,
        "refusedCount": 1,
        "missing": [],
        "mapping": None,
        "billedAmount": "200.00",
        "paidAmount": "160.00",
        "deniedAmount": "40.00",
        "differenceAmount": "0.00",
        "sums": [
            {"field": "BILLED_AMOUNT", "amount": "200.00", "refusedAmount": "100.00"},
            {"field": "PAID_AMOUNT", "amount": "160.00", "refusedAmount": "0.00"},
            {"field": "DENIED_AMOUNT", "amount": "40.00", "refusedAmount": "40.00"},
        ],
        "findings": [{"kind": "TOTALS_DIFFER", "detail": detail, "needsRelease": True}],
    }
    first = (await preview(world, document, first=1, kind=["LINE"]))["rows"]
    after = first["pageInfo"]["endCursor"]
    second = (await preview(world, document, first=1, kind=["LINE"], after=after))["rows"]
    assert (first["totalCount"], first["pageInfo"]["hasNextPage"]) == (2, True)
    assert [page["nodes"][0]["number"] for page in (first, second)] == [2, 3]
    assert second["pageInfo"]["hasNextPage"] is False


async def test_only_spreadsheets_of_the_caller_are_looked_at(world: World) -> None:
    foreign = await uploaded(await new_world(world.gateway), text_file(HEADER, *ROWS), "biller")
    own = await uploaded(world, workbook(HEADER, ("G1", "10101012", 100, 100, None, None)))
    assert (await preview(world, own))["paidAmount"] == "100.00"
    xml = await uploaded(world, b"<mensagemTISS/>")
    for document, code in ((foreign, "NOT_FOUND"), (xml, "BAD_USER_INPUT")):
        given = {"payerAnsCode": world.payer, "providerCnes": world.provider, "documentId": document}
        answer = await world.gateway.gql(PREVIEW, {"sheet": given}, token=world.token("finance"))
        assert (answer.body["data"], answer.codes) == ({"spreadsheetPreview": None}, [code])


MAPPED = f"id version createdBy updatedBy {COLUMNS}"
FOUND = f"statementMappings(filter: $filter) {{ nodes {{ {MAPPED} }} }}"
MAPPINGS = f"query($filter: StatementMappingFilterInput) {{ {FOUND} }}"
FIELDS = ("PROVIDER_CLAIM_NUMBER", "ITEM_CODE", "BILLED_AMOUNT", "PAID_AMOUNT", "DENIED_AMOUNT", "DENIAL_CODE")
CONFIRMED = [{"header": header, "field": field} for header, field in zip(HEADER, FIELDS, strict=True)]


async def import_sheet(world: World, document: str, columns: Any = None, **changes: Any) -> Any:
    """The payload of importSpreadsheet."""
    sheet = {"payerAnsCode": world.payer, "providerCnes": world.provider, "documentId": document, "columns": columns}
    given = {"spreadsheet": sheet, "payment": {"paidOn": today().isoformat()}, "idempotencyKey": key(), **changes}
    return await world.mutate("finance", "importSpreadsheet", IMPORTED, **given)


async def mappings(world: World, role: str = "finance", token: str | None = None, **where: Any) -> Any:
    """The stored mappings that the caller sees."""
    answer = await world.gateway.gql(MAPPINGS, {"filter": where or None}, token=token or world.token(role))
    return answer.data["statementMappings"]["nodes"]


async def _claims(world: World) -> list[list[str]]:
    """Rows about two submitted claims of 100.00, of which the second is denied in part."""
    numbers = [(await world.submitted_claim())["providerClaimNumber"] for _ in range(2)]
    said = [("100,00", "100,00", "", ""), ("100,00", "60,00", "40,00", "1705")]
    rows = [[number, "10101012", *row] for number, row in zip(numbers, said, strict=True)]
    return [[*HEADER], *rows, ["Total", "", "200,00", "160,00", "40,00", ""]]


async def test_a_confirmed_spreadsheet_is_a_statement_and_the_next_file_needs_no_columns(world: World) -> None:
    rows = await _claims(world)
    document = await uploaded(world, text_file(*rows))
    unknown = await import_sheet(world, document)
    assert refusals(unknown) == [("INVALID_INPUT", "spreadsheet.columns", None)]
    payload = await import_sheet(world, document, columns=CONFIRMED)
    assert (payload["errors"], payload["alreadyImported"], payload["notices"]) == ([], False, [])
    (remittance,) = payload["remittances"]
    assert (remittance["status"], remittance["paidAmount"], remittance["findings"]) == ("IMPORTED", "160.00", [])
    assert [(line["status"], line["billedAmount"]) for line in remittance["lines"]] == [("MATCHED", "100.00")] * 2
    assert (await post(world, remittance))["postedLines"] == 2
    before = await books(world)
    assert before == ["200.00", "160.00", "40.00", "0.00", "0.00", "0.00"]
    recoded = await uploaded(world, text_file(*rows, encoding="utf-8-sig", separator="\t"))
    tried: list[dict[str, Any]] = [{}, {"columns": CONFIRMED}, {"statementNumber": "OTHER"}]
    for changes in tried:
        again = await import_sheet(world, recoded, **changes)
        assert (again["errors"], again["alreadyImported"]) == ([], True)
        assert [each["id"] for each in again["remittances"]] == [remittance["id"]]
    assert await books(world) == before
    (mapping,) = await mappings(world)
    assert (mapping["version"], [each["field"] for each in mapping["columns"]]) == (1, [*FIELDS])
    following = await uploaded(world, text_file(*await _claims(world)))
    assert (await preview(world, following))["mapping"] == {"id": mapping["id"]}
    second = await import_sheet(world, following)
    assert (second["errors"], second["alreadyImported"]) == ([], False)
    assert (await post(world, second["remittances"][0]))["postedLines"] == 2
    assert await books(world) == ["400.00", "320.00", "80.00", "0.00", "0.00", "0.00"]


async def test_a_total_that_is_wrong_stops_the_statement(world: World) -> None:
    rows = await _claims(world)
    rows[-1][3] = "161,00"
    payload = await import_sheet(world, await uploaded(world, text_file(*rows)), columns=CONFIRMED)
    (remittance,) = payload["remittances"]
    detail = "Valor pago in row 4 is 161.00, its rows add up to 160.00"
    assert remittance["findings"] == [{"kind": "TOTALS_DIFFER", "detail": detail, "needsRelease": True}]
    assert (remittance["status"], refusals(await post(world, remittance))[0][0]) == ("REVIEW", "CONFLICT")


async def test_rows_that_cannot_be_read_refuse_the_file_or_wait_for_a_person(world: World) -> None:
    rows = await _claims(world)
    rows[2][3] = "sessenta"
    rows.pop()
    document = await uploaded(world, text_file(*rows))
    refused = await import_sheet(world, document, columns=CONFIRMED)
    message = "row 3, column Valor pago: is no number with a decimal comma"
    assert refused["errors"] == [
        {"code": "INVALID_INPUT", "field": ["spreadsheet", "documentId"], "message": message, "tissCode": None}
    ]
    assert (refused["remittances"], await mappings(world)) == ([], [])
    payload = await import_sheet(world, document, columns=CONFIRMED, acceptRefusedRows=True)
    (remittance,) = payload["remittances"]
    lines = [(line["status"], line["problem"], line["paidAmount"]) for line in remittance["lines"]]
    assert lines == [("MATCHED", None, "100.00"), ("UNMATCHED", "DOUBTFUL", "0.00")]
    noticed = {(each["kind"], each["detail"]) for each in remittance["lines"][1]["findings"]}
    assert ("INVALID_VALUE", "row 3, Valor pago") in noticed
    assert (await post(world, remittance))["postedLines"] == 1


async def test_a_file_of_one_line_that_cannot_be_read_says_which_cell(world: World) -> None:
    document = await uploaded(world, text_file(HEADER, ROWS[2]))
    for accepted in (False, True):
        payload = await import_sheet(world, document, columns=CONFIRMED, acceptRefusedRows=accepted)
        assert [each["message"] for each in payload["errors"]] == [
            "row 2, column Valor pago: is no number with a decimal comma"
        ]
        assert (payload["remittances"], await mappings(world)) == ([], [])


async def _save(world: World, **changes: Any) -> Any:
    values = {"payerAnsCode": world.payer, "providerCnes": world.provider, "columns": CONFIRMED}
    return await world.mutate(
        "finance", "saveStatementMapping", f"mapping {{ {MAPPED} }}", **{**values, "idempotencyKey": key(), **changes}
    )


async def test_a_mapping_is_replaced_and_deleted_by_those_who_see_it(world: World) -> None:
    first = (await _save(world))["mapping"]
    assert (first["version"], first["columns"][2]["reading"]) == (1, "DECIMAL_COMMA")
    assert (await _save(world))["mapping"] == first
    point = [{**each, "reading": "DECIMAL_POINT"} for each in CONFIRMED]
    stale = await _save(world, columns=point, version=2)
    assert [(each["code"], each["field"]) for each in stale["errors"]] == [("STALE_VERSION", ["version"])]
    changed = (await _save(world, columns=point, version=1))["mapping"]
    assert (changed["id"], changed["version"]) == (first["id"], 2)
    assert changed["columns"][2]["reading"] == "DECIMAL_POINT"
    document = await uploaded(world, text_file(HEADER, ("G1", "1", "1,234.50", "1,234.50", "", "")))
    assert (await preview(world, document))["paidAmount"] == "1234.50"
    other = await new_world(world.gateway)
    token = world.gateway.token
    of_other_payer = token("finance", providers=[world.provider], payer=other.payer)
    assert await mappings(other) == await mappings(world, token=of_other_payer) == []
    assert await mappings(world, providerCnes=[world.provider], payerAnsCode=[world.payer]) == [changed]
    gone = {"statementMappingId": changed["id"]}
    foreign = await other.mutate("finance", "deleteStatementMapping", "deletedStatementMappingId", **gone)
    assert refusals(foreign) == [("NOT_FOUND", "statementMappingId", None)]
    assert (await preview(world, document))["mapping"] == {"id": first["id"]}
    deleted = await world.mutate("finance", "deleteStatementMapping", "deletedStatementMappingId", **gone)
    assert (deleted["deletedStatementMappingId"], await mappings(world)) == (changed["id"], [])


async def test_columns_that_are_no_mapping_are_refused_by_their_place(world: World) -> None:
    columns: list[dict[str, Any]] = [
        {"header": "a", "field": "PAID_AMOUNT", "denialCode": "1705"},
        {"header": "b", "field": "PAID_AMOUNT", "taxType": "1"},
        {"header": "c", "field": "DENIED_AMOUNT", "denialCode": "xx"},
    ]
    found = await _save(world, columns=columns)
    assert [(each["field"], each["message"]) for each in found["errors"]] == [
        (["columns", "0", "denialCode"], "only denied amounts have a denialCode"),
        (["columns", "1", "taxType"], "only taxes have a taxType"),
        (["columns", "2", "denialCode"], "unknown denial code: use a code of Tabela 38"),
        (["columns"], "only one column can say PAID_AMOUNT"),
        (["columns"], "a column must say PROVIDER_CLAIM_NUMBER"),
    ]


async def test_rows_are_named_by_the_authorization_where_they_have_no_number(world: World) -> None:
    """The mapping is proposed, confirmed and remembered; one that was stored before is read as before."""
    header = ("Guia", "Senha de Autorização", "Nº Lote", "Competência", "Valor Pago")
    await _save(world, columns=[{"header": each, "field": name} for each, name in zip(header, OLD, strict=True)])
    senha = key()[:20]
    issued = {"number": senha, "issuedOn": today().isoformat(), "validUntil": today().isoformat()}
    claim = await world.submitted_claim(authorization=issued)
    rows = [header, ("", senha, "", "2026-11", "100,00"), ("", f"{senha[:19]}X", "", "2026-11", "30,00")]
    document = await uploaded(world, text_file(*rows))
    old = await preview(world, document)
    assert ([each["field"] for each in old["columns"]], old["refusedCount"]) == ([*OLD], 2)
    (mapping,) = await mappings(world)
    await world.mutate("finance", "deleteStatementMapping", "errors { code }", statementMappingId=mapping["id"])
    proposed = await preview(world, document)
    fields = [each["field"] for each in proposed["columns"]]
    assert fields == ["PROVIDER_CLAIM_NUMBER", "AUTHORIZATION_NUMBER", "BATCH_NUMBER", None, "PAID_AMOUNT"]
    assert (proposed["lineCount"], proposed["refusedCount"], proposed["paidAmount"]) == (2, 0, "130.00")
    confirmed = [{"header": each, "field": name} for each, name in zip(header, fields, strict=True)]
    (remittance,) = (await import_sheet(world, document, columns=confirmed))["remittances"]
    found = [(each["status"], each["problem"]) for each in remittance["lines"]]
    assert found == [("MATCHED", None), ("UNMATCHED", "UNKNOWN_CLAIM")]
    assert (await post(world, remittance))["postedLines"] == 1
    assert (await world.claim(claim["id"]))["status"] == "APPROVED"
    # The claim of the other row comes later; a second file is read by the remembered mapping.
    late = await world.submitted_claim(authorization={**issued, "number": f"{senha[:19]}X"})
    lines = (await until_known(world, remittance))["lines"]
    assert [each["claim"]["id"] for each in lines] == [claim["id"], late["id"]]
    both = key()[:20]
    twins = [await world.submitted_claim(authorization={**issued, "number": both}) for _ in range(2)]
    second = await import_sheet(world, await uploaded(world, text_file(header, ("", both, "", "", "100,00"))))
    assert second["remittances"][0]["lines"][0]["problem"] == "AMBIGUOUS"
    nodes = (await world.call("finance", CANDIDATES))["unmatchedRemittanceLines"]["nodes"]
    (candidates,) = [each["candidates"] for each in nodes if each["problem"] == "AMBIGUOUS"]
    assert {(each["reason"], each["claim"]["id"]) for each in candidates} == {
        ("AUTHORIZATION", each["id"]) for each in twins
    }


OLD = ("PROVIDER_CLAIM_NUMBER", None, None, None, "PAID_AMOUNT")
CANDIDATES = "{ unmatchedRemittanceLines { nodes { problem candidates { reason claim { id } } } } }"


async def test_a_row_that_names_only_a_batch_is_about_its_protocol(world: World) -> None:
    claim = await world.submitted_claim()
    values = {"claimIds": [claim["id"]], "idempotencyKey": key()}
    batch = (await world.mutate("biller", "createBatch", "batch { id number }", **values))["batch"]
    await world.mutate("biller", "sendBatch", "batch { id }", batchId=batch["id"], idempotencyKey=key())
    protocol = {"content": {"protocol": {"number": "777", "date": today().isoformat()}}, "idempotencyKey": key()}
    await world.mutate("biller", "recordProtocol", "batch { id }", batchId=batch["id"], **protocol)
    columns = [{"header": "Lote", "field": "BATCH_NUMBER"}, {"header": "Valor pago", "field": "PAID_AMOUNT"}]
    rows = [("Lote", "Valor pago"), (batch["number"], "100,00"), ("99999", "5,00"), ("Total", "105,00")]
    payload = await import_sheet(world, await uploaded(world, text_file(*rows)), columns=columns)
    assert payload["errors"] == []
    assert [each["problem"] for each in payload["remittances"][0]["lines"]] == ["UNKNOWN_CLAIM", "DOUBTFUL"]
    nodes = (await world.call("finance", CANDIDATES))["unmatchedRemittanceLines"]["nodes"]
    assert [(each["reason"], each["claim"]["id"]) for each in nodes[0]["candidates"]] == [("PROTOCOL", claim["id"])]


PAGE = (Path(__file__).parents[2] / "docs" / "statements-by-spreadsheet.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)


async def test_the_page_works_as_it_is_written(world: World) -> None:
    (_, example), (_, query), (_, mutation) = BLOCKS
    query, mutation = [
        text.replace('"123456"', f'"{world.payer}"').replace('"1234567"', f'"{world.provider}"')
        for text in (query, mutation)
    ]
    document = await uploaded(world, example.encode())
    found = (await world.call("finance", query, document=document))["spreadsheetPreview"]
    amounts = [found[f"{name}Amount"] for name in ("billed", "paid", "denied", "difference")]
    assert (found["lineCount"], found["refusedCount"], amounts) == (2, 1, ["1200.00", "1160.00", "30.00", "10.00"])
    failure = {"header": "Vlr Pago", "message": "is no number with a decimal comma"}
    assert found["rows"]["nodes"] == [{"number": 5, "failures": [failure]}]
    assert [(each["header"], each["isEqual"]) for each in found["totals"]] == [
        *(("Vlr Apresentado", True), ("Vlr Pago", True), ("Vlr Glosa", True)),
    ]
    variables = {"document": document, "columns": found["columns"], "today": today().isoformat()}
    done = (await world.call("finance", mutation, **variables))["importSpreadsheet"]
    assert (done["errors"], done["alreadyImported"]) == ([], False)
    (remittance,) = done["remittances"]
    problems = [each["problem"] for each in remittance["lines"]["nodes"]]
    assert problems == ["UNKNOWN_CLAIM", "UNKNOWN_CLAIM", "DOUBTFUL"]
    assert remittance["status"] == "IMPORTED"
