"""A payment from Kafka joins its analysis also while that is posted: nobody has to send it again."""

from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import postings as postings_db
from app.db.clock import now
from app.db.postings import PostingRecord
from app.db.remittance_tables import remittances
from app.domain.actor import Door, operator
from app.domain.remittances import RemittanceStatus
from app.domain.statement import LINES_MAX
from tests.events.inbox_post import Post, done, kept, results, statement
from tests.factories import World, key, refusals
from tests.graphql.test_remittances import books, line, money, take


async def _in_the_hands_of_another_process(world: World) -> str:
    """The only remittance of the world, as it is while another process posts it."""

    async def begin(connection: AsyncConnection) -> str:
        query = select(remittances.c.id).where(remittances.c.payer_ans == world.payer)
        found = str((await connection.execute(query)).scalar_one())
        status = update(remittances).where(remittances.c.id == found).values(status=RemittanceStatus.POSTING)
        await connection.execute(status)
        at, actor = await now(connection), operator("inbox", Door.POSTING, request_id="posting-1")
        await postings_db.start(connection, PostingRecord(found, actor, at, None, 1, 0))
        await postings_db.take(connection, found, "another", at, at + timedelta(hours=1))
        return found

    return await world.gateway.database.transact(begin)


async def test_a_payment_joins_an_analysis_that_is_being_imported(server_world: World, post: Post) -> None:
    world = server_world
    claim = await world.submitted_claim()
    lines: list[dict[str, Any]] = [line(claim, "60.00", ("1705", "40.00"))]
    taken = await take(world, lines, statementNumber="A-2", paidOn=None)

    async def become(connection: AsyncConnection, status: RemittanceStatus) -> None:
        changed = update(remittances).where(remittances.c.id == taken["remittance"]["id"]).values(status=status)
        await connection.execute(changed)

    await world.gateway.database.transact(partial(become, status=RemittanceStatus.IMPORTING))
    before = await results(world.gateway)
    payment = statement(world, *lines, statementNumber="A-2")
    await post.send(payment)
    await done(before, world.gateway, posted=1)
    (found,) = await kept(world)
    assert (found["status"], found["paidOn"]) == ("IMPORTING", payment["data"]["paidOn"])
    assert (await money(world, claim))["paidAmount"] == "0.00"
    # The end of the import.
    await world.gateway.database.transact(partial(become, status=RemittanceStatus.IMPORTED))
    values = {"id": taken["remittance"]["id"], "idempotencyKey": key()}
    assert (await world.mutate("finance", "postRemittance", "postedLines", **values))["postedLines"] == 1
    assert (await money(world, claim))["paidAmount"] == "60.00"


async def test_an_event_that_is_too_long_says_where_to_send_it(server_world: World, post: Post) -> None:
    event = statement(server_world, {"payerClaimNumber": "NENHUMA", "paidAmount": "1.00"})
    event["data"]["lines"] *= LINES_MAX + 1
    await post.send(event)
    reason = dict((await post.dead_letter()).headers)["dead-reason"]
    assert reason == (
        "data.lines: an event has at most 2,000 lines: upload the statement as a TISS document by POST /documents "
        "and import it by importRemittance"
    )


async def test_a_payment_joins_an_analysis_that_is_being_posted(server_world: World, post: Post) -> None:
    world = server_world
    claims = [await world.submitted_claim() for _ in range(2)]
    lines: list[dict[str, Any]] = [line(claims[0], "60.00", ("1705", "40.00")), line(claims[1], "100.00")]
    before = await results(world.gateway)
    await post.send(statement(world, *lines, statementNumber="A-1", paidOn=None))
    await done(before, world.gateway, posted=1)
    remittance = await _in_the_hands_of_another_process(world)
    # Of a person, who may not post, it is refused as long as a job would pay it at once.
    assert refusals(await take(world, lines, statementNumber="A-1")) == [("CONFLICT", "statementNumber", None)]
    payment = statement(world, *lines, statementNumber="A-1")
    await post.send(payment)
    await done(before, world.gateway, posted=2)
    assert [(await money(world, each))["paidAmount"] for each in claims] == ["60.00", "100.00"]
    (found,) = await kept(world)
    assert (found["status"], found["paidOn"]) == ("POSTED", payment["data"]["paidOn"])
    assert await books(world) == ["200.00", "160.00", "40.00", "0.00", "0.00", "0.00"]

    async def go_on(connection: AsyncConnection) -> int:
        return await postings_db.advance(connection, remittance, "another", 1, 0, None)

    assert await world.gateway.database.transact(go_on) == 0
