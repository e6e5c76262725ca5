"""The open fields of imports, as those of `open_fields.py`."""

from typing import Final

IMPORTS: Final[dict[str, tuple[str, ...]]] = {
    "what is known of an import, which only `documents:read` or `batches:import` leads to": (
        "CancelImportJobPayload.job",
        "ImportBatchPayload.job",
        "ImportJob.createdAt",
        "ImportJob.document",
        "ImportJob.endedAt",
        "ImportJob.errors",
        "ImportJob.id",
        "ImportJob.kind",
        "ImportJob.payer",
        "ImportJob.provider",
        "ImportJob.refusedCount",
        "ImportJob.results",
        "ImportJob.startedAt",
        "ImportJob.status",
        "ImportJob.takenCount",
        "ImportJob.takenWithWarningsCount",
        "ImportJob.totalCount",
        "ImportJob.unchangedCount",
        "ImportJobProgressedEvent.job",
        "ImportJobProgressedEvent.status",
        "ImportResult.outcome",
        "ImportResult.position",
        "ImportResult.warnings",
    ),
}

IMPORT_TEXTS: Final[dict[str, tuple[str, ...]]] = {
    "what is known of an import, which only `documents:read` or `batches:import` leads to": (
        "ImportJob.createdBy",
        "ImportResult.file",
        "ImportResult.number",
    ),
}
