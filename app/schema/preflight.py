"""Objections that the payer may raise to a claim, before it is submitted."""

from typing import Any

import strawberry

from app.domain import tabela38
from app.domain.errors import ErrorCode, path_of
from app.domain.money import Cents
from app.domain.preflight import Finding, FindingSeverity
from app.schema.base import lists
from app.schema.base.described import described
from app.schema.base.permissions import amount
from app.schema.base.user_errors import path_in
from app.schema.claim_inputs import ClaimInput
from app.services.preflight import Preflight

described(FindingSeverity, "Severity of a finding.")


@strawberry.type(description="One objection that the payer may raise.")
class PreflightFinding:
    severity: FindingSeverity = strawberry.field(description="Whether the finding prevents the submission.")
    code: ErrorCode = strawberry.field(description="Stable code, for programs.")
    message: str = strawberry.field(description="Message for people; the text may change.")
    tiss_code: str | None = strawberry.field(
        description="Matching code of Tabela 38 (TISS table 38); null if there is none."
    )

    @strawberry.field(
        description="Path in the claim, such as `items`, `0`, `unitPrice`; null if it concerns no single value.",
        directives=[lists.PATH],
    )
    def field(finding: strawberry.Parent[Finding]) -> list[str] | None:
        return path_of(path_in(ClaimInput, finding.field))

    @strawberry.field(description="Official text of `tissCode`, in Portuguese; null without a code.")
    def tiss_description(finding: strawberry.Parent[Finding]) -> str | None:
        return None if finding.tiss_code is None else tabela38.description(finding.tiss_code)

    @amount("atRiskAmount", "Amount that the payer may deny because of this finding.")
    def at_risk(finding: strawberry.Parent[Finding]) -> Cents | None:
        return finding.amount_at_risk


@strawberry.type(description="Objections that the payer may raise to a claim.")
class ClaimPreflight:
    @strawberry.field(description="Whether the claim can be submitted: there are no errors.")
    def passes(preflight: strawberry.Parent[Preflight]) -> bool:
        return preflight.passes

    @strawberry.field(
        graphql_type=list[PreflightFinding], directives=[lists.FINDINGS], description="Findings, errors first."
    )
    def findings(preflight: strawberry.Parent[Preflight]) -> Any:
        return preflight.findings

    @amount("atRiskAmount", "Amount that the payer may deny because of all findings together, each cent counted once.")
    def at_risk(preflight: strawberry.Parent[Preflight]) -> Cents | None:
        return preflight.amount_at_risk
