"""Invoices that are overdue."""

from datetime import timedelta

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.tables import invoices
from tests.factories import World, today
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

    async def overdue() -> set[str]:
        found = (await world.call("finance", INVOICES, filter={"overdue": True}))["invoices"]
        assert found["totalCount"] == len(found["nodes"])
        return {node["id"] for node in found["nodes"]}

    assert await overdue() == set()

    async def work(connection: AsyncConnection) -> None:
        yesterday = today() - timedelta(days=1)
        await connection.execute(
            update(invoices).where(invoices.c.provider_cnes == world.provider).values(due_date=yesterday)
        )

    await world.gateway.database.transact(work)
    assert await overdue() == {open_one, partly}
