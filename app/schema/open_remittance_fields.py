"""The fields of statements that are visible to whoever sees their object, reviewed: see `open_fields.py`."""

from typing import Final

from app.schema.open_sheet_fields import SHEET_TEXTS, SHEETS

REMITTANCES: Final[dict[str, tuple[str, ...]]] = {
    **SHEETS,
    "objects of a statement whose fields have rules": ("Remittance.findings", "RemittanceLine.findings"),
    "what the gateway noticed of a statement, without values of patients": (
        "RemittanceFinding.kind",
        "RemittanceFinding.needsRelease",
    ),
    "what only `Remittance.adjustments` leads to, which asks for `amounts:read`": (
        "RemittanceAdjustment.direction",
        "RemittanceAdjustment.level",
    ),
    "results of changes": (
        "ImportRemittancePayload.job",
        "ImportRemittancePayload.remittances",
        "ReleaseRemittancePayload.remittance",
    ),
    "the state of a statement and of its lines": (
        "Remittance.availableActions",
        "Remittance.issuedOn",
        "Remittance.kind",
        "Remittance.method",
        "Remittance.releasedAt",
        "Remittance.source",
        "Remittance.status",
        "RemittanceLine.availableActions",
        "RemittanceLine.itemSequence",
        "RemittanceLine.problem",
        "RemittanceLine.sequence",
        "RemittanceLine.status",
        "RemittanceLineWaitingEvent.previousStatus",
        "RemittanceLineWaitingEvent.waitingLines",
    ),
}
REMITTANCE_TEXTS: Final[dict[str, tuple[str, ...]]] = {
    **SHEET_TEXTS,
    "which statement was imported before or is refused, by its number": ("ImportRemittancePayload.notices",),
    "the numbers of business papers": ("RemittanceLine.protocolNumber",),
    "who of the provider's staff did something": ("Remittance.releasedBy",),
    "what only `Remittance.adjustments` leads to, which asks for `amounts:read`": ("RemittanceAdjustment.type",),
}
