"""The largest calls about documents and their imports."""

from datetime import timedelta
from typing import Any

from sqlalchemy import insert, select

from app.db.import_tables import import_jobs
from app.domain import ids
from app.domain.imports import ImportJobStatus
from app.tiss.read_batch import GUIDES_MAX
from tests.example_lotes import lote
from tests.factories import key
from tests.hostile.largest_data import Big, Call

RESULT = "number outcome errors { message } warnings { message } claim { id status claimedAmount patient { name } }"


async def document(big: Big) -> Call:
    query = "query($id: ID!) { document(id: $id) { id digest size kind createdBy payer { name } provider { name } } }"
    document_id = await uploaded(big, b"<lote/>" * 10_000)
    return big.read(query, '"digest"', 1, role="biller", id=document_id)


async def uploaded(big: Big, content: bytes, role: str = "biller") -> str:
    """The id of the stored document."""
    headers = {"authorization": f"Bearer {big.world.token(role)}", "content-type": "application/xml"}
    answer = await big.gateway.client.post("/documents", content=content, headers=headers)
    return str(answer.json()["id"])


async def import_batch(big: Big) -> Call:
    numbers = [f"L{key()[:12]}" for _ in range(GUIDES_MAX)]
    values = {"documentId": await uploaded(big, lote(big.world, numbers)), "idempotencyKey": key()}
    fields = f"job {{ id status }} results {{ {RESULT} }}"
    return big.change("biller", "importBatch", fields, '"outcome"', GUIDES_MAX, **values)


async def imported(big: Big) -> str:
    """The id of a job with as many results as a batch has guides."""
    call = await import_batch(big)
    token = big.world.token(call.role)
    found = (await big.gateway.gql(call.query, call.variables, token=token)).data["importBatch"]
    return str(found["job"]["id"])


async def import_job(big: Big) -> Call:
    query = f"query($id: ID!) {{ importJob(id: $id) {{ id results(first: 100) {{ nodes {{ {RESULT} }} }} }} }}"
    return big.read(query, '"outcome"', GUIDES_MAX, role="biller", id=await imported(big))


async def waiting_job(big: Big, job_id: str) -> str:
    """The id of a copy of the job that waits, and that nobody takes for an hour."""
    async with big.gateway.database.reading() as connection:
        row: dict[str, Any] = dict(
            (await connection.execute(select(import_jobs).where(import_jobs.c.id == job_id))).mappings().one()
        )
    row |= {"id": ids.new_id(ids.IMPORT_JOB), "status": ImportJobStatus.QUEUED, "lease_holder": "nobody"}
    await big.run(insert(import_jobs).values(**row | {"lease_until": row["created_at"] + timedelta(hours=1)}))
    return str(row["id"])


async def cancel_import_job(big: Big) -> Call:
    job_id = await waiting_job(big, await imported(big))
    return big.change("biller", "cancelImportJob", "job { id status }", '"CANCELLED"', 1, importJobId=job_id)
