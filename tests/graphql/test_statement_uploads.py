"""Statements that are too long for a request: uploaded, and imported by the id of their document."""

import os
import time
from typing import Any, Final

from sqlalchemy import func, select

from app.db.remittance_tables import remittance_lines
from tests.factories import World, new_world, refusals
from tests.figures import Figures
from tests.graphql.test_imports import upload
from tests.graphql.test_posting_units import ledger, submitted_claims, until_posted
from tests.graphql.test_remittances import books, post
from tests.graphql.test_statement_documents import send
from tests.payer_documents import Guide, Item, analysis, message

LINES: Final = int(os.environ.get("BILLING_TEST_STATEMENT_LINES", "2100"))
"""More than may be typed; 5,000 at most."""


def _document(world: World, numbers: list[str], number: str = "A-1") -> bytes:
    guides = [Guide(each, world.card, (Item(paid="60.00", denials=(("1705", "40.00"),)),)) for each in numbers]
    return message(world.payer, analysis(world, number, *guides)).encode("iso-8859-1")


async def _uploaded(world: World, content: bytes, role: str = "finance") -> str:
    return await upload(world.gateway, content, world.token(role))


async def test_a_long_statement_is_imported_from_its_upload(server_world: World, figures: Figures) -> None:
    world = server_world
    claims = await submitted_claims(world)
    strange = [f"X{number:06d}" for number in range(LINES - len(claims))]
    document = await _uploaded(world, _document(world, [*(each[-20:] for each in claims), *strange]))
    begun = time.perf_counter()
    done = await send(world, None, documentId=document, paidOn="2026-11-02")
    seconds = time.perf_counter() - begun
    assert (done["errors"], done["alreadyImported"]) == ([], False)
    (remittance,) = done["remittances"]
    assert (remittance["status"], remittance["statementNumber"], remittance["paidAmount"]) == (
        "IMPORTED",
        "A-1",
        f"{LINES * 60}.00",
    )
    table = remittance_lines.c
    async with world.gateway.database.reading() as connection:
        query = select(table.status, func.count()).where(table.remittance_id == remittance["id"])
        rows = (await connection.execute(query.group_by(table.status))).all()
    assert {status: count for status, count, *_ in rows} == {"MATCHED": len(claims), "UNMATCHED": len(strange)}
    assert (await post(world, remittance))["remittance"]["status"] == "POSTING"
    assert (await until_posted(world, remittance))["status"] == "PARTIALLY_POSTED"
    assert sum(await ledger(world)) == len(claims) * 6000
    again = await send(world, None, documentId=document, paidOn="2026-11-02")
    assert (again["errors"], again["alreadyImported"]) == ([], True)
    assert (await books(world))[5] == "0.00"
    figures(lines=LINES, import_seconds=seconds)


async def _refused(world: World, document: str) -> Any:
    return refusals(await send(world, None, documentId=document))


async def test_only_documents_of_the_caller_that_fit_are_imported(world: World) -> None:
    foreign = await _uploaded(await new_world(world.gateway), b"<mensagemTISS/>", "biller")
    assert await _refused(world, foreign) == [("NOT_FOUND", "content.documentId", None)]
    zipped = await _uploaded(world, b"PK\x03\x04 not much of a zip")
    assert await _refused(world, zipped) == [("INVALID_INPUT", "content.documentId", None)]
