"""How contracts are met."""

from dataclasses import asdict

from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import contracts as contracts_db
from app.db.contracts import ContractRecord
from app.resolvers.context import Context
from app.services import contracts
from app.services.contracts import ContractData
from app.unit_of_work.idempotency import Written

CONTRACT = TypeAdapter(ContractRecord)


async def of_scope(ctx: Context, *, provider: str | None, payer: str | None) -> list[ContractRecord]:
    """The caller's contracts."""
    async with ctx.database.reading() as connection:
        return await contracts_db.of_scope(connection, ctx.scope, provider, payer)


async def save(ctx: Context, *, data: ContractData, version: int | None, key: str | None) -> Written[ContractRecord]:
    """Keep a contract."""

    async def work(connection: AsyncConnection) -> ContractRecord:
        return await contracts.save(connection, data=data, version=version, **ctx.acting())

    request = [asdict(data), version]
    return await ctx.write_once("saveContract", key=key, request=request, answer=CONTRACT, work=work)
