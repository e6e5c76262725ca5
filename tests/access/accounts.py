"""Statements and bank accounts for the world with one of everything."""

from typing import Any

from sqlalchemy import select

from app.db.bank_tables import bank_entries
from app.db.engine import scalar
from tests import bank_files
from tests.factories import World, key, today
from tests.payer_documents import Guide, Item, analysis, message
from tests.spreadsheets import text_file

ENTRIES = "query($cnes: Cnes!) { bankEntries(filter: { providerCnes: [$cnes] }) { nodes { id amount status } } }"


async def imported(world: World, number: str, lines: list[dict[str, Any]] | None, **changes: Any) -> Any:
    """A statement that is paid today."""
    values = {"payer": world.payer, "provider": world.provider, "statementNumber": number, "lines": lines}
    values |= {"paidOn": today().isoformat(), "bankReference": "TED 779", "idempotencyKey": key(), **changes}
    fields = "remittance { id lines { nodes { id status } } }"
    found = await world.mutate("finance", "importRemittance", fields, **values)
    assert found["errors"] == [], found
    return found["remittance"]


async def doubtful(world: World) -> str:
    """The id of a statement in review, with a debit and findings."""
    denied = Guide("NENHUMA4", world.card, (Item(paid="0.00", denials=(("1701", "100.00"),)),))
    tax = "<debitosCreditos><indicador>1</indicador><valorDbCr>1.50</valorDbCr></debitosCreditos>"
    said = analysis(world, "DEM9", denied).replace("<valorInformadoGeral>", f"{tax}<valorInformadoGeral>")
    xml = message(world.payer, said, digest="0" * 32)
    identifier: str = (await imported(world, "DEM9", None, xml=xml))["id"]
    return identifier


async def bank(world: World) -> dict[str, str]:
    """The ids of a bank file with an entry that is a payment, and with others that wait."""
    strange = {"providerClaimNumber": "NENHUMA3", "paidAmount": "7.00"}
    kept = [{"direction": "DEBIT", "type": "01", "description": "IRRF", "amount": "1.00"}]
    announced = await imported(world, "DEM6", [strange], adjustments=kept)
    entries = [(today(), amount, "TED 778") for amount in ("6.00", "4.50", "4.50", "11.00")]
    content = {"text": bank_files.ofx(*entries)}
    values = {"providerCnes": world.provider, "content": content, "idempotencyKey": key()}
    found = await world.mutate("finance", "importBankFile", "file { id }", **values)
    assert found["errors"] == [], found
    nodes = (await world.call("finance", ENTRIES, cnes=world.provider))["bankEntries"]["nodes"]
    (paid,) = [each["id"] for each in nodes if each["status"] == "MATCHED"]
    (strange_entry,) = [each["id"] for each in nodes if each["amount"] == "11.00"]
    half, other_half = [each["id"] for each in nodes if each["amount"] == "4.50"]
    async with world.gateway.database.reading() as connection:
        match = await scalar(connection, select(bank_entries.c.match_id).where(bank_entries.c.id == paid))
    return {
        "bank_document": await _uploaded(world),
        "bank_match": match,
        "paid_remittance": announced["id"],
        "bank_file": found["file"]["id"],
        "bank_entry": paid,
        "half_entry": half,
        "other_half_entry": other_half,
        "strange_entry": strange_entry,
        "announced": (await imported(world, "DEM7", [{**strange, "paidAmount": "9.00"}]))["id"],
    }


async def _uploaded(world: World) -> str:
    """The id of an uploaded bank file."""
    # The same bytes of the same caller are one document.
    return await _upload(world, bank_files.cnab((today(), "13.00", f"TED {world.provider}")).encode())


async def uploaded_statement(world: World) -> str:
    """The id of an uploaded statement."""
    said = analysis(world, "DEMU", Guide("NENHUMA6", world.card))
    return await _upload(world, message(world.payer, said).encode("iso-8859-1"))


async def sheets(world: World) -> dict[str, str]:
    """A stored mapping, a spreadsheet that is read by it, and one whose columns are proposed."""
    header = (
        "Guia",
        "Código",
        "Data realização",
        "Qtde",
        "Valor informado",
        "Valor pago",
        "Glosa 1705",
        "ISS",
        "Tabela",
    )
    row = ("NENHUMA7", "10101012", "02/11/2026", "1", "10,00", "8,00", "2,00", "0,10", "22")
    rows = [row, ("NENHUMA8", *row[1:5], "x", "2,00", "", "22"), ("Total", "", "", "", "11,00", "8,00", "2,00", "", "")]
    return {
        "sheet": await _upload(world, text_file(header, *rows, (f"Prestador {world.provider}",))),
        "mapped_sheet": await _upload(world, text_file(("Guia", "Pago"), (f"N{world.provider}", "1,00"))),
        "statement_mapping": await mapping(world),
    }


async def mapping(world: World, *more: str) -> str:
    """The id of a stored mapping."""
    columns: list[dict[str, Any]] = [{"header": "Guia", "field": "PROVIDER_CLAIM_NUMBER"}]
    columns += [{"header": "Pago", "field": "PAID_AMOUNT"}, *({"header": name} for name in more)]
    values = {"payerAnsCode": world.payer, "providerCnes": world.provider, "columns": columns, "idempotencyKey": key()}
    saved = await world.mutate("finance", "saveStatementMapping", "mapping { id }", **values)
    return str(saved["mapping"]["id"])


async def _upload(world: World, content: bytes) -> str:
    token = world.gateway.token("finance", providers=[world.provider], payer=world.payer)
    headers = {"authorization": f"Bearer {token}", "content-type": "application/octet-stream"}
    answer = await world.gateway.client.post(f"{world.gateway.url}/documents", content=content, headers=headers)
    return str(answer.json()["id"])
