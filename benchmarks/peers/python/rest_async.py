"""The earlier service's way with asyncio: REST by FastAPI, SQLAlchemy's ORM over aiomysql."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import selectinload

from benchmarks.peers.python import models
from benchmarks.peers.python.rest_shapes import FLOOR, ClaimShape, CreatedShape, GivenClaim

_engine = create_async_engine(models.database_url("aiomysql"), pool_size=20)
_sessions = async_sessionmaker(_engine, expire_on_commit=False)
_WITH_PARTS = (selectinload(models.Claim.items), selectinload(models.Claim.invoice))
app = FastAPI()


async def _session() -> AsyncIterator[AsyncSession]:
    async with _sessions() as session:
        yield session


Given = Annotated[AsyncSession, Depends(_session)]


@app.get("/floor")
async def floor() -> dict[str, Any]:
    """What costs nothing."""
    return FLOOR


@app.get("/claims", response_model=list[ClaimShape])
async def claims(session: Given, first: int = 20, after: str | None = None) -> Sequence[models.Claim]:
    """A page of claims."""
    return (await session.scalars(models.page(models.Claim, first, after).options(*_WITH_PARTS))).all()


@app.get("/claims/{identifier}", response_model=ClaimShape)
async def claim(session: Given, identifier: str) -> models.Claim:
    """One claim; 404."""
    found = await session.get(models.Claim, identifier, options=_WITH_PARTS)
    if found is None or found.provider_cnes not in models.PROVIDERS:
        raise HTTPException(404)
    return found


@app.post("/claims", response_model=CreatedShape)
async def create(session: Given, body: GivenClaim) -> models.Claim:
    """A new draft."""
    given = body.model_dump()
    coverage = (await session.scalars(models.coverage_of(body.payer_ans_code, body.card_number))).one()
    terms = (await session.scalars(models.terms_of([(item.code_system, item.code) for item in body.items]))).all()
    made = models.new_claim(given, coverage.patient_id, terms, datetime.now(UTC).replace(tzinfo=None))
    session.add(made)
    await session.commit()
    return made
