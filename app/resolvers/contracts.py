"""How contracts are met."""

from app.db import contracts as contracts_db
from app.db.contracts import ContractRecord
from app.resolvers.context import Context


async def of_scope(ctx: Context, *, provider: str | None, payer: str | None) -> list[ContractRecord]:
    """The caller's contracts."""
    async with ctx.database.reading() as connection:
        return await contracts_db.of_scope(connection, ctx.scope, provider, payer)
