"""Imports of documents: `importBatch`, its jobs, and the result for each guide."""

from datetime import datetime
from typing import Annotated, Any

import strawberry

from app.db.imports import ImportJobRecord, ImportResultRecord, ResultFilter
from app.domain.imports import ImportJobKind, ImportJobStatus, ImportOutcome
from app.domain.statement import STATEMENTS_MAX
from app.resolvers import imports
from app.resolvers.paging import Slice
from app.schema.base import filters, lists, weights
from app.schema.base.arguments import FILTER, After, Before, First, Last
from app.schema.base.connections import Connection, Node
from app.schema.base.described import described
from app.schema.base.filters import given
from app.schema.base.info import Info
from app.schema.base.mutations import KEY, MutationPayload, check_arguments, mutation
from app.schema.base.permissions import Requires
from app.schema.base.relations import related
from app.schema.base.types import input_type, object_type
from app.schema.base.user_errors import UserError, user_errors
from app.schema.documents import Document
from app.schema.objects import Claim
from app.schema.parties import Payer, Provider
from app.schema.preflight import PreflightFinding
from app.schema.remittance_objects import Remittance
from app.services import imports as service

described(ImportJobKind, "What an import job imports; new values may be added.")
described(ImportJobStatus, "Status of an import job; new values may be added.")
described(ImportOutcome, "Result of the import of one guide; new values may be added.")


@object_type(description="Result of the import of one guide (guia).")
class ImportResult:
    position: int = strawberry.field(description="Place in the document, from 1.")
    number: str = strawberry.field(
        description="The provider's number of the guide (numeroGuiaPrestador); empty for a document of a zip that was "
        "refused as a whole."
    )
    file: str | None = strawberry.field(description="Name of the document within a zip; null outside of one.")
    outcome: ImportOutcome = strawberry.field(description="What became of the guide.")

    claim = related(
        Claim | None,
        lambda loaders: loaders.claim,
        "claim_id",
        description="The claim that the guide became, now or before; null if it was refused.",
        extensions=[Requires("claims:read")],
    )

    @strawberry.field(
        graphql_type=list[UserError],
        description="Reasons why the guide was refused; empty otherwise.",
        directives=[lists.USER_ERRORS],
    )
    def errors(result: strawberry.Parent[ImportResultRecord]) -> Any:
        return user_errors(result.failures)

    @strawberry.field(
        graphql_type=list[PreflightFinding],
        description="What the payer may object to; the claim was submitted all the same.",
        directives=[lists.FINDINGS],
    )
    def warnings(result: strawberry.Parent[ImportResultRecord]) -> Any:
        return list(result.warnings)


@input_type(description="Filter for the results of an import. Every given condition must match.")
class ImportResultFilterInput:
    outcomes: list[ImportOutcome] | None = filters.any_of("Outcome", len(ImportOutcome), name="outcome")


@object_type(description="The import of a document, in the name of who started it.")
class ImportJob(Node):
    record = ImportJobRecord

    kind: ImportJobKind = strawberry.field(description="What it imports.")
    status: ImportJobStatus = strawberry.field(description="Status.")
    total: int = strawberry.field(
        name="totalCount", description="Guides or lines of the document; 0 before it was opened."
    )
    taken: int = strawberry.field(
        name="takenCount", description="Guides that became claims without warnings; lines that are matched to a claim."
    )
    warned: int = strawberry.field(
        name="takenWithWarningsCount",
        description="Guides that became claims which the payer may deny in part; lines that wait for a person.",
    )
    unchanged: int = strawberry.field(
        name="unchangedCount", description="Guides, and lines of statements, that were imported before."
    )
    refused: int = strawberry.field(
        name="refusedCount",
        description="Guides, and documents of a zip, that were refused; lines of statements that were cancelled.",
    )
    created_by: str = strawberry.field(description="Who started it (subject of the token).")
    created_at: datetime = strawberry.field(description="Time when it was queued.")
    started_at: datetime | None = strawberry.field(description="Time when the document was opened; null before.")
    ended_at: datetime | None = strawberry.field(description="Time of its end; null before.")

    document = related(Document | None, lambda loaders: loaders.document, "document_id", description="The document.")
    payer = related(
        Payer | None,
        lambda loaders: loaders.payer,
        "payer_ans",
        description="The payer (operadora) of all guides; null if there are several, or none is known yet.",
    )
    provider = related(
        Provider | None,
        lambda loaders: loaders.provider,
        "provider_cnes",
        description="The provider (prestador) of all guides; null if there are several, or none is known yet.",
    )

    @strawberry.field(
        graphql_type=list[UserError],
        description="Reasons why the document was refused as a whole; empty otherwise.",
        directives=[lists.USER_ERRORS],
    )
    def errors(job: strawberry.Parent[ImportJobRecord]) -> Any:
        return user_errors(job.failures)

    @strawberry.field(
        graphql_type=list[Remittance] | None,
        description=f"The statements of the document as they are stored, at most {STATEMENTS_MAX}; empty before it was "
        "opened, and for batches.",
        directives=[lists.STATEMENTS],
        extensions=[Requires("remittances:read")],
    )
    async def remittances(job: strawberry.Parent[ImportJobRecord], info: Info) -> Any:
        ids = [each.remittance_id for each in job.statements or ()]
        return [each for each in await info.context.loaders.remittance.load_many(ids) if each is not None]

    @strawberry.field(
        graphql_type=Connection[ImportResult],
        description="Results of guides so far, in the order of the document.",
        directives=[lists.PAGE],
    )
    async def results(
        job: strawberry.Parent[ImportJobRecord],
        info: Info,
        filter: Annotated[ImportResultFilterInput | None, FILTER] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        check_arguments(filter=filter)
        outcomes = None if filter is None else given(filter.outcomes)
        return await imports.results_page(
            info.context, ResultFilter(job.id, outcomes), at=Slice(first, after, last, before)
        )


class ImportQuery:
    @strawberry.field(
        graphql_type=ImportJob | None,
        description="An import job by id; null unless the caller started it, or its provider and payer are in the "
        "caller's data scope.",
        extensions=[Requires("documents:read")],
    )
    async def import_job(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Id of the job.")]
    ) -> ImportJobRecord | None:
        return await info.context.loaders.import_job.load(id)


@input_type(description="A document to import.")
class ImportBatchInput:
    document_id: strawberry.ID = strawberry.field(
        description="Id of an uploaded document: a TISS batch (lote de guias), or a zip of up to 1000."
    )
    idempotency_key: str = strawberry.field(description=KEY)


@input_type(description="An import job to cancel.")
class CancelImportJobInput:
    id: strawberry.ID = strawberry.field(name="importJobId", description="Id of the job.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@object_type(description="Result of importing a document.")
class ImportBatchPayload(MutationPayload):
    job: ImportJob | None = strawberry.field(
        default=None, description="The import job; null if the document was refused as a whole."
    )
    results: list[ImportResult] = strawberry.field(
        default_factory=list,
        description="Results of a single batch, in the order of the document; empty while a zip, or a long batch, is "
        "imported: its job has the results.",
        directives=[lists.BATCH],
    )


@object_type(description="Result of cancelling an import.")
class CancelImportJobPayload(MutationPayload):
    job: ImportJob | None = strawberry.field(default=None, description="The job after the mutation; null if refused.")


MUTATIONS = (
    mutation(
        service.START,
        ImportBatchInput,
        ImportBatchPayload,
        "Imports the guides of an uploaded document as submitted claims: a guide that is refused does not refuse the "
        "others, and one that was imported before changes nothing. A single batch is imported at once.",
        via=imports.import_batch,
        directives=weights.DOCUMENT,
    ),
    mutation(
        service.CANCEL,
        CancelImportJobInput,
        CancelImportJobPayload,
        "Cancels an import that has not ended; guides that were imported stay.",
    ),
)
