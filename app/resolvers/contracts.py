"""How contracts are met."""

from pydantic import TypeAdapter

from app.db import contracts as contracts_db
from app.db.contracts import ContractRecord
from app.resolvers.context import Context

CONTRACT = TypeAdapter(ContractRecord)


async def of_scope(ctx: Context, *, provider: str | None, payer: str | None) -> list[ContractRecord]:
    """The caller's contracts."""
    async with ctx.database.reading() as connection:
        return await contracts_db.of_scope(connection, ctx.scope, provider, payer)
