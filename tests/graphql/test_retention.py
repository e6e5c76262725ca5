"""What has been stored for long enough goes: the oldest first, a part at a time, by the database's clock."""

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import delete, func, insert, select, update

from app.db import dead_statements as dead_statements_db
from app.db.dead_statements import NewDeadStatement, Place
from app.db.document_tables import document_chunks, documents
from app.db.engine import Database
from app.db.reference_tables import eligibility_checks
from app.db.tables import idempotency_keys
from app.runtime.build import retention_rules
from app.services import retention
from app.services.retention import SLICE_SIZE, Expired
from tests.example_lotes import lote
from tests.factories import World, key, new_world
from tests.gateway import embedded_settings, running_gateway
from tests.graphql.test_imports import import_document, upload
from tests.graphql.test_statement_documents import guide, send
from tests.inputs import shaped
from tests.payer_documents import analysis, message

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
CREATE = "mutation($input: CreateClaimInput!) { createClaim(input: $input) { claim { id } replayed errors { code } } }"


async def _age(database: Database, table: Any, column: str, age: timedelta, **where: str) -> None:
    """Make rows older than they are."""
    conditions = [table.c[name] == value for name, value in where.items()]
    values = {column: datetime.now(UTC) - age}
    await database.transact(lambda connection: connection.execute(update(table).where(*conditions).values(values)))


async def test_a_key_is_forgotten_after_thirty_days_and_not_before(world: World) -> None:
    database = world.gateway.database
    inputs = [world.claim_input(idempotencyKey=key()) for _ in range(2)]
    for values, age in zip(inputs, (timedelta(days=30, minutes=1), timedelta(days=29, hours=23)), strict=True):
        assert (await _created(world, values))["replayed"] is False
        await _age(database, idempotency_keys, "created_at", age, key=values["idempotencyKey"])
    await world.gateway.sweep()
    old, young = [await _created(world, values) for values in inputs]
    # The claim itself is still there, so its number is taken.
    assert (old["replayed"], old["errors"]) == (False, [{"code": "DUPLICATE_CLAIM"}])
    assert (young["replayed"], young["errors"]) == (True, [])


async def _created(world: World, values: dict[str, Any]) -> dict[str, Any]:
    answer = await world.gateway.gql(CREATE, {"input": shaped("createClaim", values)}, token=world.token("biller"))
    found: dict[str, Any] = answer.data["createClaim"]
    return found


async def test_an_eligibility_answer_goes_after_five_years(world: World) -> None:
    checks = [(await world.check_eligibility())["eligibility"]["id"] for _ in range(2)]
    for check, days in zip(checks, (1_827, 1_825), strict=True):
        await _age(world.gateway.database, eligibility_checks, "answered_at", timedelta(days=days), id=check)
    await world.gateway.sweep()
    query = "query($id: ID!) { node(id: $id) { id } }"
    found = [(await world.call("front_desk", query, id=check))["node"] for check in checks]
    assert found == [None, {"id": checks[1]}]


async def test_a_statement_that_could_not_be_handled_goes_ninety_days_after_it_was_resolved(world: World) -> None:
    database, topic = world.gateway.database, f"retention-{key()}"
    now = datetime.now(UTC)
    resolved = [now - timedelta(days=90, minutes=1), now - timedelta(days=89, hours=23), None]
    places = [Place(topic, 0, number) for number in range(len(resolved))]
    for place, resolved_at in zip(places, resolved, strict=True):
        dead = NewDeadStatement(
            topic, 0, place.first_offset, place.first_offset, "INVALID_INPUT", "test", LONG_AGO, b"{}"
        )
        await database.transact(partial(dead_statements_db.put, dead=dead))
        if resolved_at is not None:
            await database.transact(partial(dead_statements_db.resolve, place=place, now=resolved_at))
    await world.gateway.sweep()
    async with database.reading() as connection:
        assert [await dead_statements_db.raw_of(connection, place) for place in places] == [None, b"{}", b"{}"]


async def test_an_upload_goes_after_thirty_days_unless_it_was_imported(world: World) -> None:
    database = world.gateway.database
    imported, unused, young, again = (lote(world, [f"R{number}"]) for number in range(4))
    await import_document(world, imported)
    ids = [await _upload(world, each) for each in (imported, unused, young, again)]
    for document, days in zip(ids, (31, 31, 29, 31), strict=True):
        await _age(database, documents, "unused_since", timedelta(days=days), id=document)
    assert await _upload(world, again) == ids[3]
    rules = retention_rules(world.gateway.settings)
    assert (await retention.expired(database, rules))[3] == Expired("documents", 30, 1)
    await world.gateway.sweep()
    query = "query($id: ID!) { document(id: $id) { id } }"
    found = [(await world.call("biller", query, id=each))["document"] for each in ids]
    assert [each is not None for each in found] == [True, False, True, True]
    async with database.reading() as connection:
        chunks = select(document_chunks.c.document_id).distinct().where(document_chunks.c.document_id.in_(ids))
        assert sorted((await connection.execute(chunks)).scalars()) == sorted([ids[0], *ids[2:]])
        since = select(documents.c.unused_since).where(documents.c.id == ids[0])
        assert (await connection.execute(since)).scalar_one() is None
    # What is gone is a new upload.
    assert await _upload(world, unused) not in ids


async def test_a_document_whose_statement_was_imported_at_once_is_used(world: World) -> None:
    said = message(world.payer, analysis(world, "U-1", guide(world, await world.submitted_claim())))
    document = await _upload(world, said.encode("iso-8859-1"))
    await _age(world.gateway.database, documents, "unused_since", timedelta(days=31), id=document)
    await send(world, None, documentId=document)
    await world.gateway.sweep()
    found = await world.call("biller", "query($id: ID!) { document(id: $id) { id } }", id=document)
    assert found["document"] == {"id": document}


async def _upload(world: World, content: bytes) -> str:
    return await upload(world.gateway, content, world.token("biller"))


async def _insert_old_keys(database: Database, subject: str, number: int) -> None:
    began = datetime.now(UTC) - timedelta(days=40)
    rows = [
        {
            "subject": subject,
            "operation": "createClaim",
            "key": f"key-{place}",
            "request_hash": "0" * 64,
            "created_at": began + timedelta(seconds=place),
        }
        for place in range(number)
    ]
    await database.transact(lambda connection: connection.execute(insert(idempotency_keys), rows))


async def test_one_sweep_deletes_a_part_the_oldest_first(world: World) -> None:
    database, subject = world.gateway.database, f"retention-{key()}"
    await _insert_old_keys(database, subject, SLICE_SIZE + 3)
    rules = retention_rules(world.gateway.settings)
    table = idempotency_keys.name
    assert (await retention.expired(database, rules))[0] == Expired(table, 30, SLICE_SIZE + 3)
    assert (await retention.purge(database, rules, slices_max=1))[0] == Expired(table, 30, SLICE_SIZE)
    async with database.reading() as connection:
        left = select(idempotency_keys.c.key).where(idempotency_keys.c.subject == subject)
        names = [row.key for row in (await connection.execute(left.order_by(idempotency_keys.c.created_at))).all()]
    assert names == [f"key-{SLICE_SIZE + number}" for number in range(3)]
    assert (await retention.purge(database, rules, slices_max=1))[0] == Expired(table, 30, 3)
    assert (await retention.expired(database, rules))[0] == Expired(table, 30, 0)


async def test_a_purge_deletes_everything_while_another_process_deletes_the_same_rows(server_world: World) -> None:
    database, subject = server_world.gateway.database, f"retention-{key()}"
    await _insert_old_keys(database, subject, 2 * SLICE_SIZE)
    (rule, *_) = retention_rules(server_world.gateway.settings)
    oldest = select(idempotency_keys.c.created_at).where(idempotency_keys.c.subject == subject).limit(SLICE_SIZE)
    async with database.engine.connect() as other, other.begin():
        upto = (await other.execute(oldest.order_by(idempotency_keys.c.created_at))).scalars().all()[-1]
        await other.execute(delete(idempotency_keys).where(idempotency_keys.c.created_at <= upto))
        purging = asyncio.create_task(retention.purge(database, (rule,)))
        # It has chosen the same slice by now, and waits for the other process's locks.
        await asyncio.sleep(0.5)
        assert not purging.done()
    assert await purging == [Expired(idempotency_keys.name, 30, SLICE_SIZE)]


async def test_the_clock_of_a_process_deletes_nothing(tmp_path: Path) -> None:
    clock = [datetime.now(UTC)]
    async with running_gateway(embedded_settings(tmp_path), clock=lambda: clock[0]) as gateway:
        world = await new_world(gateway)
        values = world.claim_input(idempotencyKey=key())
        assert (await _created(world, values))["replayed"] is False
        clock[0] += timedelta(days=60)
        await gateway.sweep()
        async with gateway.database.reading() as connection:
            query = select(func.count()).where(idempotency_keys.c.key == values["idempotencyKey"])
            assert (await connection.execute(query)).scalar_one() == 1
