"""Every door keeps the access log: what REST, inbox, sweep and console change is there, with the name of the door."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from app.db.access_log_tables import access_log_entries, access_log_persons
from app.db.engine import Database
from app.domain.actor import Door
from tests.commands import billing
from tests.events.conftest import post
from tests.events.inbox_post import Post, done, results, statement
from tests.factories import World, flat
from tests.graphql.test_denials import _denied
from tests.graphql.test_remittances import line
from tests.graphql.test_tiss_loop import _sent
from tests.rest.calls import call, claim_body
from tests.seeded import copy_seeded

__all__ = ["post"]
DOCUMENT = "FINANCIAL,HEALTH,PERSONAL"


@dataclass(frozen=True)
class Logged:
    """An entry of a change, with the objects and the number of persons that it names."""

    operation: str
    door: Door
    actor: str
    data_classes: str
    objects: frozenset[str]
    persons: int


async def _logged(database: Database, operation: str, object_id: str) -> list[Logged]:
    """The entries of this operation that name the object, oldest first."""
    entries, persons = access_log_entries.c, access_log_persons.c
    query = select(entries.id, entries.operation, entries.door, entries.actor, entries.data_classes, entries.persons)
    async with database.reading() as connection:
        rows = (await connection.execute(query.where(entries.operation == operation).order_by(entries.id))).all()
        named = (await connection.execute(select(persons.entry_id, persons.object_ids, persons.person))).all()
    return [found for row in rows if object_id in (found := _one(row, named)).objects]


def _one(row: Any, named: Sequence[Any]) -> Logged:
    own = [each for each in named if each.entry_id == row.id]
    objects = frozenset(name for each in own for name in (each.object_ids or "").split(",") if name)
    return Logged(row.operation, row.door, row.actor, row.data_classes, objects, sum(each.person != "" for each in own))


async def test_a_statement_that_the_inbox_posts_is_logged(server_world: World, post: Post) -> None:
    world = server_world
    claim = await world.submitted_claim()
    before = await results(world.gateway)
    await post.send(statement(world, line(claim, "100.00"), statementNumber="DOOR-1"), key=world.payer.encode())
    await done(before, world.gateway, posted=1)
    read = "query($id: ID!) { claim(id: $id) { paidAmount invoice { id settlements { nodes { id amount } } } } }"
    found = flat((await world.call("finance", read, id=claim["id"]))["claim"])
    assert (found["paidAmount"], [each["amount"] for each in found["invoice"]["settlements"]]) == ("100.00", ["100.00"])
    (entry,) = await _logged(world.gateway.database, "receiveRemittance", claim["id"])
    assert (entry.door, entry.actor, entry.data_classes, entry.persons) == (Door.INBOX, "inbox", "", 1)
    assert entry.objects >= {claim["id"], found["invoice"]["id"], found["invoice"]["settlements"][0]["id"]}


async def test_a_claim_that_comes_by_rest_is_logged(world: World) -> None:
    claim = (await call(world, "biller", "POST", "/claims/", claim_body(world))).json()
    (entry,) = await _logged(world.gateway.database, "createClaim", claim["id"])
    assert (entry.door, entry.actor, entry.objects) == (Door.REST, "dev-biller", frozenset([claim["id"]]))
    assert entry.persons == 1


async def test_denials_that_the_sweep_expires_are_logged(world: World) -> None:
    _, denials = await _denied(world, "40.00", "10.01")
    await world.gateway.expire_denials(world.gateway.parts.now() + timedelta(days=31))
    (entry,) = await _logged(world.gateway.database, "expireDenials", denials[0])
    assert (entry.door, entry.actor, entry.objects) == (Door.SWEEP, "deadline", frozenset(denials))
    assert entry.persons == 1


async def test_what_the_console_seeds_imports_and_exports_is_logged(tmp_path: Path) -> None:
    variables = {"BILLING_VAR_DIR": str(tmp_path)}
    copy_seeded(tmp_path)
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'billing.db'}")
    try:
        async with database.reading() as connection:
            entries = access_log_entries.c
            seeded = (await connection.execute(select(entries.operation, entries.door, entries.actor))).all()
        assert {(row.operation, row.door, row.actor) for row in seeded} == {
            *((name, Door.CLI, "seed-demo") for name in ("seedParties", "uploadDocument", "importBatch", "seedClaims")),
            *((name, Door.IMPORT, "seed-demo") for name in ("beginImport", "importGuidesOfJob", "endFileOfJob")),
            ("finishImport", Door.IMPORT, "seed-demo"),
        }
        logged = await _all(database, "importGuidesOfJob")
        claims = [name for entry in logged for name in entry.objects if name.startswith("clm_")]
        assert len(claims) == 2
        target = tmp_path / "lote.xml"
        done = billing("export-tiss", *sorted(claims), "--output", str(target), **variables)
        assert (done.returncode, target.exists()) == (0, True), done.stderr
        (entry,) = await _logged(database, "exportBatch", claims[0])
        assert (entry.door, entry.actor, entry.data_classes) == (Door.CLI, "export-tiss", DOCUMENT)
        (batch,) = entry.objects - frozenset(claims)
        assert (entry.objects, batch[:4]) == (frozenset([*claims, batch]), "bat_")
    finally:
        await database.dispose()


async def _all(database: Database, operation: str) -> list[Logged]:
    entries, persons = access_log_entries.c, access_log_persons.c
    async with database.reading() as connection:
        query = select(access_log_entries).where(entries.operation == operation)
        rows = (await connection.execute(query)).all()
        named = (await connection.execute(select(persons.entry_id, persons.object_ids, persons.person))).all()
    return [_one(row, named) for row in rows]


async def test_a_document_that_a_biller_exports_is_logged_with_what_it_carries(world: World) -> None:
    claim_id = await _sent(world, clinicalIndication="tosse")
    query = """mutation($ids: [ID!]!) {
      exportBatch(input: {claimIds: $ids, idempotencyKey: "d"}) { batch { xml } errors { message } } }"""
    batch = (await world.call("biller", query, ids=[claim_id]))["exportBatch"]["batch"]
    assert "<ans:indicacaoClinica>tosse</ans:indicacaoClinica>" in batch["xml"]
    (entry,) = await _logged(world.gateway.database, "exportBatch", claim_id)
    assert (entry.door, entry.data_classes, entry.persons) == (Door.GRAPHQL, DOCUMENT, 1)
