"""The sessions and the data loaders of stock Strawberry."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from strawberry.dataloader import DataLoader

from benchmarks.peers.python import models

sessions = async_sessionmaker(
    create_async_engine(models.database_url("aiomysql"), pool_size=20), expire_on_commit=False
)


async def rows_of(query: Any) -> Sequence[Any]:
    async with sessions() as session:
        return (await session.scalars(query)).all()


def _single(model: Any, key: str) -> DataLoader[str, Any]:
    async def load(keys: list[str]) -> list[Any]:
        found = {getattr(row, key): row for row in await rows_of(select(model).where(getattr(model, key).in_(keys)))}
        return [found.get(each) for each in keys]

    return DataLoader(load)


def _many(model: Any, key: str, order: Any) -> DataLoader[str, list[Any]]:
    async def load(keys: list[str]) -> list[list[Any]]:
        found: dict[str, list[Any]] = defaultdict(list)
        for row in await rows_of(select(model).where(getattr(model, key).in_(keys)).order_by(order)):
            found[getattr(row, key)].append(row)
        return [found[each] for each in keys]

    return DataLoader(load)


async def _invoices_of_claims(keys: list[str]) -> list[models.Invoice | None]:
    line = models.InvoiceLine
    query = select(line.billed_claim_id, models.Invoice).join(models.Invoice, models.Invoice.id == line.invoice_id)
    async with sessions() as session:
        rows = (await session.execute(query.where(line.billed_claim_id.in_(keys)))).all()
    found = {claim_id: invoice for claim_id, invoice in rows}  # noqa: C416 - rows are no tuples to mypy
    return [found.get(each) for each in keys]


class Loaders:
    """The loaders of one request."""

    def __init__(self) -> None:
        self.items = _many(models.Item, "claim_id", models.Item.sequence)
        self.denials = _many(models.Denial, "item_id", models.Denial.id)
        self.lines = _many(models.InvoiceLine, "invoice_id", models.InvoiceLine.id)
        self.patient = _single(models.Patient, "id")
        self.payer = _single(models.Payer, "ans_code")
        self.invoice = _single(models.Invoice, "id")
        self.invoice_of_claim: DataLoader[str, models.Invoice | None] = DataLoader(_invoices_of_claims)
