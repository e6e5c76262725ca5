"""Resolver for contracts."""

from app.db import contracts
from app.db.contracts import ContractRecord
from app.resolvers.context import Context


async def of_scope(ctx: Context, *, provider: str | None, payer: str | None) -> list[ContractRecord]:
    """The contracts in the caller's data scope, optionally of one provider or payer."""
    async with ctx.database.reading() as connection:
        return await contracts.of_scope(connection, ctx.scope, provider, payer)
