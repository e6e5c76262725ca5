"""Payers' spreadsheets through the API: uploaded, looked at, imported by a mapping that is remembered."""

from typing import Any

from tests.factories import World, new_world
from tests.graphql.test_imports import upload
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
PREVIEW = f"""query($input: SpreadsheetPreviewInput!, $first: Int, $after: String, $kind: [SpreadsheetRowKind!]) {{
  spreadsheetPreview(input: $input) {{
    encoding separator headerRow rowCount lineCount refusedCount missing {COLUMNS}
    billedAmount paidAmount deniedAmount differenceAmount
    sums {{ field amount refusedAmount }} totals {{ rowNumber header statedAmount sumAmount isEqual }}
    findings {{ kind detail needsRelease }} statements {{ statementNumber paidOn lineCount paidAmount netAmount }}
    rows(first: $first, after: $after, kind: $kind) {{
      totalCount pageInfo {{ hasNextPage endCursor }}
      nodes {{ number kind differenceAmount failures {{ position header message }} line {{ {LINE} }} }}
    }}
  }}
}}"""


async def uploaded(world: World, content: bytes) -> str:
    """The id of the stored document."""
    return await upload(world.gateway, content, world.token("finance"))


async def preview(world: World, document: str, columns: Any = None, **variables: Any) -> Any:
    """How the document would be read."""
    given = {"payerAnsCode": world.payer, "providerCnes": world.provider, "documentId": document, "columns": columns}
    found = await world.call("finance", PREVIEW, input=given, **{"first": 100, **variables})
    return found["spreadsheetPreview"]


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
    foreign = await uploaded(await new_world(world.gateway), text_file(HEADER, *ROWS))
    own = await uploaded(world, workbook(HEADER, ("G1", "10101012", 100, 100, None, None)))
    assert (await preview(world, own))["paidAmount"] == "100.00"
    xml = await uploaded(world, b"<mensagemTISS/>")
    for document, code in ((foreign, "NOT_FOUND"), (xml, "BAD_USER_INPUT")):
        given = {"payerAnsCode": world.payer, "providerCnes": world.provider, "documentId": document}
        answer = await world.gateway.gql(PREVIEW, {"input": given}, token=world.token("finance"))
        assert answer.data == {"spreadsheetPreview": None}
        assert [each["extensions"]["code"] for each in answer.errors] == [code]
