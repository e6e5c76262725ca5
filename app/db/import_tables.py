"""The tables of imports: a job for each import of a document, and a row for each guide that it has dealt with."""

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, UniqueConstraint

from app.db.reference_tables import MYSQL, metadata
from app.db.types import EnumText, JsonOf, UtcDateTime, ascii_text, identifier
from app.domain.actor import Actor
from app.domain.errors import Failure
from app.domain.imports import ImportJobKind, ImportJobStatus, ImportOutcome, StatementImport
from app.domain.preflight import Finding
from app.domain.statement import Statement

# `lote` and `guide` say where the job goes on: how many documents of a zip are done, and guides of the next one; or how
# many statements, and lines of the next one.
import_jobs = Table(
    "import_jobs",
    metadata,
    Column("id", identifier(), primary_key=True),
    Column("document_id", ForeignKey("documents.id"), nullable=False),
    Column("status", EnumText(ImportJobStatus), nullable=False),
    # Those of the first guide, as long as all others have the same.
    Column("provider_cnes", ascii_text(7)),
    Column("payer_ans", ascii_text(6)),
    # In whose name guides are imported, with what the token said when the job was started.
    Column("actor", JsonOf(Actor), nullable=False),
    Column("total", Integer, nullable=False),
    Column("taken", Integer, nullable=False),
    Column("warned", Integer, nullable=False),
    Column("unchanged", Integer, nullable=False),
    Column("refused", Integer, nullable=False),
    Column("lote", Integer, nullable=False),
    Column("guide", Integer, nullable=False),
    # Why the document as a whole was refused.
    Column("failures", JsonOf(tuple[Failure, ...]), nullable=False),
    Column("created_by", String(120), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    # Who imports now, until when unless the lease is renewed, in the database's time.
    Column("lease_holder", ascii_text(32)),
    Column("lease_until", UtcDateTime),
    Column("kind", EnumText(ImportJobKind), nullable=False, server_default=ImportJobKind.BATCH.value),
    # What the caller has said beside the document, and the statements that are in it once they are known.
    Column("statement", JsonOf(Statement)),
    Column("statements", JsonOf(tuple[StatementImport, ...])),
    Index(None, "status", "id"),
    Index(None, "document_id"),
    Index(None, "created_by", "status"),
    **MYSQL,
)

import_results = Table(
    "import_results",
    metadata,
    Column("id", identifier(), primary_key=True),
    Column("job_id", ForeignKey("import_jobs.id"), nullable=False),
    # From 1, in the order of the document, without gaps.
    Column("position", Integer, nullable=False),
    # The file within a zip.
    Column("file", String(200)),
    # Empty for a document of a zip that was refused as a whole.
    Column("number", String(20), nullable=False),
    Column("outcome", EnumText(ImportOutcome), nullable=False),
    Column("claim_id", identifier()),
    Column("failures", JsonOf(tuple[Failure, ...]), nullable=False),
    Column("warnings", JsonOf(tuple[Finding, ...]), nullable=False),
    UniqueConstraint("job_id", "position"),
    Index(None, "job_id", "outcome", "position", "id"),
    **MYSQL,
)
