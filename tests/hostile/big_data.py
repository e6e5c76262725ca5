"""As many rows as an answer may hold, copied within the database from a few that were made through the API."""

from typing import Any

from sqlalchemy import Table, and_, bindparam, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.tables import claim_items, claims, denials, invoice_lines
from app.domain import ids
from tests.gateway import Gateway


async def copied_claims(gateway: Gateway, claim_id: str, count: int, **changes: Any) -> list[str]:
    """Copies of the claim with its items, denials and lines of invoices; `changes` are other values of its columns.
    Their ids, in order."""
    copies = [ids.new_id(ids.CLAIM) for _ in range(count)]

    async def work(connection: AsyncConnection) -> None:
        (row,) = (await connection.execute(select(claims).where(claims.c.id == claim_id))).mappings().all()
        await connection.execute(
            insert(claims), [{**row, "id": id, "provider_claim_number": id[-20:], **changes} for id in copies]
        )
        await _copy_parts(connection, claim_id, copies)

    await gateway.database.transact(work, seconds=60)
    return copies


async def _copy_parts(connection: AsyncConnection, claim_id: str, copies: list[str]) -> None:
    new = claims.alias("new")
    own = func.right(new.c.id, 20)
    is_new = new.c.id.in_(copies)
    item_id = func.concat("itm_", own, func.lpad(claim_items.c.sequence, 6, "0"))
    # Nothing to join by: each new claim gets all of them.
    where = and_(is_new, claim_items.c.claim_id == claim_id, claim_items.c.claim_id != new.c.id)
    await copy_rows(connection, claim_items, where, id=item_id, claim_id=new.c.id)
    number = func.lpad(claim_items.c.sequence, 6, "0")
    where = and_(
        is_new, denials.c.claim_id == claim_id, claim_items.c.id == denials.c.item_id, denials.c.claim_id != new.c.id
    )
    denial = {"id": func.concat("den_", own, number), "claim_id": new.c.id, "item_id": item_id}
    await copy_rows(connection, denials, where, **denial)
    line = {"id": func.concat("lin_", own, "000001"), "claim_id": new.c.id, "billed_claim_id": new.c.id}
    await copy_rows(
        connection,
        invoice_lines,
        and_(is_new, invoice_lines.c.claim_id == claim_id, invoice_lines.c.claim_id != new.c.id),
        **line,
    )


async def copy_rows(connection: AsyncConnection, table: Table, where: Any, **changes: Any) -> None:
    """The rows once more, with other values or expressions in these columns."""
    values = [_value(column, changes) for column in table.columns]
    await connection.execute(insert(table).from_select(list(table.columns), select(*values).where(where)))


def _value(column: Any, changes: dict[str, Any]) -> Any:
    if column.name not in changes:
        return column
    found = changes[column.name]
    return found if hasattr(found, "compile") else bindparam(None, found, type_=column.type)
