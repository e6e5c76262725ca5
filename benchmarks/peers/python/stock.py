"""Stock Strawberry as its documentation shows it: a FastAPI router, SQLAlchemy's ORM with asyncio, data loaders."""

from datetime import UTC, datetime
from typing import Any

import strawberry
from fastapi import FastAPI
from sqlalchemy import select
from strawberry.fastapi import GraphQLRouter
from strawberry.schema.config import StrawberryConfig

from benchmarks.peers.python import models
from benchmarks.peers.python.stock_inputs import CreateClaimInput, CreateClaimPayload, Order
from benchmarks.peers.python.stock_loaders import Loaders, rows_of, sessions
from benchmarks.peers.python.stock_types import (
    SCALARS,
    Claim,
    ClaimConnection,
    Invoice,
    InvoiceConnection,
    Settlement,
    SettlementConnection,
)


@strawberry.type
class Query:
    @strawberry.field
    async def claim(self, id: strawberry.ID) -> Claim | None:
        query = select(models.Claim).where(models.Claim.id == id, models.Claim.provider_cnes.in_(models.PROVIDERS))
        rows = await rows_of(query)
        return Claim.of(rows[0]) if rows else None

    @strawberry.field
    async def claims(
        self, first: int = 20, after: str | None = None, order_by: Order | None = None
    ) -> ClaimConnection | None:
        rows = await rows_of(models.page(models.Claim, first, after))
        return ClaimConnection(nodes=[Claim.of(row) for row in rows])

    @strawberry.field
    async def invoices(
        self, first: int = 20, after: str | None = None, order_by: Order | None = None
    ) -> InvoiceConnection | None:
        rows = await rows_of(models.page(models.Invoice, first, after))
        return InvoiceConnection(nodes=[Invoice.of(row) for row in rows])

    @strawberry.field
    async def settlements(
        self, first: int = 20, after: str | None = None, order_by: Order | None = None
    ) -> SettlementConnection | None:
        rows = await rows_of(models.page(models.Settlement, first, after))
        return SettlementConnection(nodes=[Settlement.of(row) for row in rows])


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def create_claim(self, input: CreateClaimInput) -> CreateClaimPayload | None:
        given = input.claim
        async with sessions() as session:
            coverage = (await session.scalars(models.coverage_of(given.payer_ans_code, given.card_number))).one()
            pairs = [(item.code_system, item.code) for item in given.items]
            terms = (await session.scalars(models.terms_of(pairs))).all()
            claim = models.new_claim(
                strawberry.asdict(given), coverage.patient_id, terms, datetime.now(UTC).replace(tzinfo=None)
            )
            session.add(claim)
            await session.commit()
        return CreateClaimPayload(claim=Claim.of(claim), errors=[], replayed=False)


async def _context() -> dict[str, Any]:
    return {"loaders": Loaders()}


schema = strawberry.Schema(Query, Mutation, config=StrawberryConfig(scalar_map=SCALARS))
app = FastAPI()
app.include_router(GraphQLRouter(schema, context_getter=_context, graphql_ide=None), prefix="/graphql")
