"""A statement that is too long for a request is imported by a job: as a short one is, but line by line in units."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import func, select, text

from app.db.remittance_tables import remittance_lines
from app.services import statement_runner
from tests.factories import World, flat, key, refusals, today
from tests.graphql.test_imports import upload
from tests.graphql.test_posting_units import ledger, submitted_claims, until_posted
from tests.graphql.test_remittances import books, post
from tests.payer_documents import Guide, Item, analysis, message

JOB = "id kind status totalCount takenCount takenWithWarningsCount unchangedCount refusedCount errors { code message } \
remittances { id status statementNumber paidAmount paidOn findings { kind } lines(first: 1) { totalCount } }"
IMPORT = "mutation($i: ImportRemittanceInput!) { importRemittance(input: $i) { remittance { id } alreadyImported \
remittances { id } notices job { id kind status } errors { code message } replayed } }"
READ = f"query($id: ID!) {{ importJob(id: $id) {{ {JOB} }} }}"
PADDING = f"<!-- {' ' * 60_000} -->"
PAID = Item(paid="60.00", denials=(("1705", "40.00"),))


def long(document: str) -> bytes:
    """The document with so many comments that no request takes it."""
    head, mark, rest = document.partition("?>")
    return (head + mark + PADDING * 40 + rest).encode("iso-8859-1")


async def sent(world: World, content: bytes, **changes: Any) -> Any:
    """The payload of importRemittance for this document, uploaded."""
    document = await upload(world.gateway, content, world.token("finance"))
    given = {"payerAnsCode": world.payer, "providerCnes": world.provider, "idempotencyKey": key(), **changes}
    found = await world.call("finance", IMPORT, i={**given, "content": {"documentId": document}})
    return found["importRemittance"]


async def ended(world: World, job_id: str) -> Any:
    """The job at its end."""
    async with asyncio.timeout(60):
        while True:
            job = (await world.call("finance", READ, id=job_id))["importJob"]
            if job["status"] not in {"QUEUED", "RUNNING"}:
                return job
            await asyncio.sleep(0.05)


async def test_a_long_statement_is_imported_by_a_job_once(server_world: World) -> None:
    world = server_world
    claims = await submitted_claims(world)
    guides = [Guide(each[-20:], world.card, (PAID,)) for each in claims]
    strange = [Guide(f"X{number:06d}", world.card, (PAID,)) for number in range(400)]
    content = long(message(world.payer, analysis(world, "L-1", *guides, *strange)))
    given = {"paidOn": today().isoformat(), "idempotencyKey": key()}
    payload = await sent(world, content, **given)
    assert {name: value for name, value in payload.items() if name != "job"} == {
        "remittance": None,
        "alreadyImported": False,
        "remittances": [],
        "notices": [],
        "errors": [],
        "replayed": False,
    }
    assert payload["job"]["kind"] == "STATEMENT"
    job = await ended(world, payload["job"]["id"])
    (remittance,) = job.pop("remittances")
    total, waiting = len(claims) + len(strange), len(strange)
    assert job == {
        "id": payload["job"]["id"],
        "kind": "STATEMENT",
        "status": "DONE",
        "totalCount": total,
        "takenCount": len(claims),
        "takenWithWarningsCount": waiting,
        "unchangedCount": 0,
        "refusedCount": 0,
        "errors": [],
    }
    id = remittance.pop("id")
    assert remittance == {
        "status": "IMPORTED",
        "statementNumber": "L-1",
        "paidAmount": f"{total * 60}.00",
        "paidOn": today().isoformat(),
        "findings": [],
        "lines": {"totalCount": total},
    }
    assert await world.events(id) == ["RemittanceImported", "RemittanceLinesWaiting"]
    again = await sent(world, content, **given)
    assert (again["job"]["id"], again["replayed"]) == (job["id"], True)
    short = message(world.payer, analysis(world, "RENAMED", *guides, *strange), encoding="UTF-8")
    for other in (content, short.encode()):
        repeated = await sent(world, other, **{**given, "idempotencyKey": key()})
        if repeated["job"] is None:
            assert (repeated["alreadyImported"], repeated["remittances"]) == (True, [{"id": id}])
        else:
            found = await ended(world, repeated["job"]["id"])
            assert (found["status"], found["unchangedCount"], found["errors"]) == ("DONE", total, [])
            assert [each["id"] for each in found["remittances"]] == [id]
    assert (await post(world, {"id": id}))["remittance"]["status"] == "POSTING"
    assert (await until_posted(world, {"id": id}))["status"] == "PARTIALLY_POSTED"
    assert sum(await ledger(world)) == len(claims) * 6000
    assert (await books(world))[5] == "0.00"


async def test_what_stops_a_short_statement_stops_a_long_one(server_world: World) -> None:
    world = server_world
    claim = await world.submitted_claim()
    number = claim["providerClaimNumber"]
    good = analysis(world, "R-1", Guide(number, world.card, (Item(),)))
    doubtful = analysis(world, "R-2", Guide(number, "99999", (Item(),)), Guide("X", "1", (Item(code="?" * 20),)))
    document = long(message(world.payer, good, doubtful))
    found = await ended(world, (await sent(world, document))["job"]["id"])
    first, second = found["remittances"]
    assert [(each["statementNumber"], each["status"]) for each in (first, second)] == [
        ("R-1", "IMPORTED"),
        ("R-2", "REVIEW"),
    ]
    assert (found["status"], found["takenCount"], found["takenWithWarningsCount"]) == ("DONE", 2, 1)
    # The analysis is decided, and its payment joins it.
    assert (await post(world, first))["remittance"]["status"] == "POSTED"
    paid = await ended(world, (await sent(world, long(message(world.payer, good)), paidOn="2026-11-02"))["job"]["id"])
    assert [(each["id"], each["paidOn"]) for each in paid["remittances"]] == [(first["id"], "2026-11-02")]
    assert (await post(world, first))["remittance"]["status"] == "POSTED"
    assert await ledger(world) == [10000]
    other = long(message(world.payer, analysis(world, "R-1", Guide(number, world.card, (Item(paid="1.00"),)))))
    refused = await ended(world, (await sent(world, other))["job"]["id"])
    assert (refused["status"], refused["remittances"]) == ("FAILED", [])
    reason = "not imported: statement R-1: the statement was already imported with other lines"
    assert [each["message"] for each in refused["errors"]] == [reason]
    broken = await ended(world, (await sent(world, long("<?xml version='1.0'?><a><b></a>")))["job"]["id"])
    assert [each["message"] for each in broken["errors"]] == [
        "invalid TISS statement: the XML is not well-formed at line 1: send it as your system wrote it"
    ]


async def test_a_statement_that_is_being_imported_is_not_posted(server_world: World) -> None:
    world = server_world
    statement = analysis(world, "I-1", *[Guide(f"I{number}", world.card, (PAID,)) for number in range(600)])
    job = (await sent(world, long(message(world.payer, statement))))["job"]
    async with asyncio.timeout(30):
        while not (found := (await world.call("finance", READ, id=job["id"]))["importJob"])["remittances"]:  # noqa: ASYNC110 - a job gives no signal
            await asyncio.sleep(0.01)
    (remittance,) = found["remittances"]
    assert (found["status"], remittance["status"]) == ("RUNNING", "IMPORTING")
    values = {"remittanceId": remittance["id"], "idempotencyKey": key()}
    refused = await world.mutate("finance", "postRemittance", "remittance { id }", **values)
    assert refusals(refused) == [("CONFLICT", "remittanceId", None)]
    cancel = {"importJobId": job["id"], "idempotencyKey": key()}
    assert refusals(await world.mutate("biller", "cancelImportJob", "job { id }", **cancel)) == [
        ("CONFLICT", "importJobId", None)
    ]
    values = {"remittanceId": remittance["id"], "reason": "errado", "idempotencyKey": key()}
    cancelled = await world.mutate("finance", "cancelRemittance", "remittance { status }", **values)
    assert flat(cancelled["remittance"]) == {"status": "CANCELLED"}
    done = await ended(world, job["id"])
    assert (done["status"], done["remittances"][0]["status"]) == ("DONE", "CANCELLED")
    assert done["takenWithWarningsCount"] + done["refusedCount"] == 600
    table = remittance_lines.c
    async with world.gateway.database.reading() as connection:
        query = select(table.status, func.count()).where(table.remittance_id == remittance["id"])
        rows = (await connection.execute(query.group_by(table.status))).all()
    assert [status for status, _ in rows] == ["CANCELLED"]


REFUSING = """CREATE TRIGGER no_lines BEFORE INSERT ON remittance_lines FOR EACH ROW
IF NEW.provider_claim_number LIKE 'Q%' THEN SIGNAL SQLSTATE '45000'; END IF"""


async def test_an_import_that_fails_names_the_payment_that_it_loses(
    server_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = server_world
    monkeypatch.setattr(statement_runner, "PAUSES", (0.0,))
    async with world.gateway.database.engine.connect() as connection:
        await connection.execute(text(REFUSING))
        try:
            statement = analysis(world, "Q-1", Guide("Q1", world.card, (PAID,)))
            paid = {"paidOn": today().isoformat()}
            job = (await sent(world, long(message(world.payer, statement)), **paid))["job"]
            failed = await ended(world, job["id"])
        finally:
            await connection.execute(text("DROP TRIGGER no_lines"))
    assert (failed["status"], failed["remittances"][0]["status"]) == ("FAILED", "CANCELLED")
    lost = f"the import failed, and the payment of statement Q-1 of {today()} is cancelled too: import both again"
    assert [each["message"] for each in failed["errors"]][1:] == [lost]
