"""The earlier service's way: REST by FastAPI, SQLAlchemy's ORM without asyncio, a thread for each request."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException
from sqlalchemy import create_engine
from sqlalchemy.orm import Session, selectinload, sessionmaker

from benchmarks.peers.python import models
from benchmarks.peers.python.rest_shapes import FLOOR, ClaimShape, CreatedShape, GivenClaim

_sessions = sessionmaker(create_engine(models.database_url("pymysql"), pool_size=20), expire_on_commit=False)
_WITH_PARTS = (selectinload(models.Claim.items), selectinload(models.Claim.invoice))
app = FastAPI()


def _session() -> Iterator[Session]:
    with _sessions() as session:
        yield session


Given = Annotated[Session, Depends(_session)]


@app.get("/floor")
def floor() -> dict[str, Any]:
    """What costs nothing."""
    return FLOOR


@app.get("/claims", response_model=list[ClaimShape])
def claims(session: Given, first: int = 20, after: str | None = None) -> Sequence[models.Claim]:
    """A page of claims."""
    return session.scalars(models.page(models.Claim, first, after).options(*_WITH_PARTS)).all()


@app.get("/claims/{identifier}", response_model=ClaimShape)
def claim(session: Given, identifier: str) -> models.Claim:
    """One claim; 404."""
    found = session.get(models.Claim, identifier, options=_WITH_PARTS)
    if found is None or found.provider_cnes not in models.PROVIDERS:
        raise HTTPException(404)
    return found


@app.post("/claims", response_model=CreatedShape)
def create(session: Given, body: GivenClaim) -> models.Claim:
    """A new draft."""
    given = body.model_dump()
    coverage = session.scalars(models.coverage_of(body.payer_ans_code, body.card_number)).one()
    terms = session.scalars(models.terms_of([(item.code_system, item.code) for item in body.items])).all()
    made = models.new_claim(given, coverage.patient_id, terms, datetime.now(UTC).replace(tzinfo=None))
    session.add(made)
    session.commit()
    return made
