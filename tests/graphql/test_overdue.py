"""Invoices that are overdue."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.tables import invoices
from tests.factories import World, new_world, today
from tests.gateway import embedded_settings, running_gateway
from tests.graphql.test_pages import INVOICES


async def test_an_invoice_is_overdue_from_the_day_after_its_due_date_until_it_is_settled(world: World) -> None:
    drafts = [await world.draft_invoice() for _ in range(4)]
    open_one, partly, paid, cancelled = [each["id"] for each in drafts]
    for each in drafts:
        values = {"id": each["id"], "dueDate": today().isoformat()}
        assert (await world.mutate("finance", "issueInvoice", "invoice { id }", **values))["errors"] == []
    await world.settle(partly, "1.00")
    await world.settle(paid)
    await world.mutate("finance", "cancelInvoice", "invoice { id }", id=cancelled)

    async def overdue(*, is_overdue: bool = True) -> set[str]:
        found = (await world.call("finance", INVOICES, filter={"overdue": is_overdue}))["invoices"]
        assert found["totalCount"] == len(found["nodes"])
        return {node["id"] for node in found["nodes"]}

    not_issued = (await world.draft_invoice())["id"]
    assert await overdue() == set()
    assert await overdue(is_overdue=False) == {*(each["id"] for each in drafts), not_issued}

    async def work(connection: AsyncConnection) -> None:
        yesterday = today() - timedelta(days=1)
        await connection.execute(
            update(invoices).where(invoices.c.provider_cnes == world.provider).values(due_date=yesterday)
        )

    await world.gateway.database.transact(work)
    assert await overdue() == {open_one, partly}
    assert await overdue(is_overdue=False) == {paid, cancelled, not_issued}


OVERDUE = """query($where: InvoiceFilterInput, $order: InvoiceOrder, $first: Int, $after: String, $last: Int) {
  invoices(filter: $where, orderBy: $order, first: $first, after: $after, last: $last) {
    nodes { id } pageInfo { endCursor } } }"""


async def test_overdue_invoices_have_pages_in_every_order(world: World) -> None:
    amounts = ["30.00", "10.00", "40.00", "20.00"]
    ids = [(await world.issued_invoice(amount))["id"] for amount in amounts]
    await world.settle(ids[2], "1.00")

    async def work(connection: AsyncConnection) -> None:
        # The day that they were due has nothing to do with the order of the list.
        for number, each in enumerate(ids):
            day = today() - timedelta(days=(3, 9, 1, 5)[number])
            await connection.execute(update(invoices).where(invoices.c.id == each).values(due_date=day))

    await world.gateway.database.transact(work)
    await world.issued_invoice("35.00")
    by_amount = [ids[number] for number in (1, 3, 0, 2)]
    for field, expected in (("CREATED_AT", ids), ("TOTAL_AMOUNT", by_amount)):
        order = {"field": field, "direction": "ASC"}
        for parties in ({}, {"payerAnsCode": [world.payer, "999999"]}, {"providerCnes": [world.provider]}):
            where = {"overdue": True, **parties}
            one = (await world.call("finance", OVERDUE, where=where, order=order, first=3))["invoices"]
            after = one["pageInfo"]["endCursor"]
            two = (await world.call("finance", OVERDUE, where=where, order=order, first=3, after=after))["invoices"]
            assert [node["id"] for node in one["nodes"] + two["nodes"]] == expected
            last = (await world.call("finance", OVERDUE, where=where, order=order, last=2))["invoices"]
            assert [node["id"] for node in last["nodes"]] == expected[2:]


async def test_a_list_of_invoices_can_be_paged_over_midnight(tmp_path: Path) -> None:
    clock = [datetime.now(UTC)]
    async with running_gateway(embedded_settings(tmp_path), clock=lambda: clock[0]) as gateway:
        world = await new_world(gateway)
        drafts = [(await world.draft_invoice())["id"] for _ in range(2)]
        query = (
            "query($filter: InvoiceFilterInput, $after: String) { invoices(first: 1, filter: $filter, after: $after) "
        )
        query += "{ nodes { id } pageInfo { endCursor } } }"
        for where, is_refused in (({"status": ["DRAFT"]}, False), ({"overdue": False}, True)):
            clock[0] = datetime.now(UTC)
            first = (await world.call("finance", query, filter=where))["invoices"]
            clock[0] += timedelta(days=1)
            variables = {"filter": where, "after": first["pageInfo"]["endCursor"]}
            answer = await gateway.gql(query, variables, token=world.token("finance"))
            # What is overdue is another list on another day.
            assert answer.reasons == [("BAD_USER_INPUT", "INVALID_INPUT", "after")] * is_refused
            found = [] if is_refused else [each["id"] for each in answer.data["invoices"]["nodes"]]
            assert [each["id"] for each in first["nodes"]] + found == drafts[::-1][: 2 - is_refused]
