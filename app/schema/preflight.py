"""What a payer would object to, before a claim is sent."""

from typing import Any

import strawberry

from app.domain import tabela38
from app.domain.errors import ErrorCode
from app.domain.money import Cents
from app.domain.preflight import Finding, FindingSeverity
from app.schema.base.described import described
from app.schema.base.permissions import amount
from app.services.preflight import Preflight

described(
    FindingSeverity,
    "How grave a finding is.",
    {
        "ERROR": "The claim cannot be sent like this.",
        "WARNING": "The payer may deny it; the claim can be sent all the same.",
    },
)


@strawberry.type(description="One thing that the payer would object to.")
class PreflightFinding:
    severity: FindingSeverity = strawberry.field(description="Whether it keeps the claim from being sent.")
    code: ErrorCode = strawberry.field(description="What kind of finding; stable, meant for programs.")
    message: str = strawberry.field(description="A sentence for people.")
    field: str | None = strawberry.field(description="Path in the input, such as `items.0.unitPrice`.")
    tiss_code: str | None = strawberry.field(description="The payer's code for it in Tabela 38, if there is one.")

    @strawberry.field(description="The official text of the code, in Portuguese.")
    def tiss_description(finding: strawberry.Parent[Finding]) -> str | None:
        return None if finding.tiss_code is None else tabela38.description(finding.tiss_code)

    @amount("amountAtRisk", "What it may cost.")
    def at_risk(finding: strawberry.Parent[Finding]) -> Cents | None:
        return finding.amount_at_risk


@strawberry.type(description="What a payer would object to in a claim.")
class ClaimPreflight:
    @strawberry.field(description="Whether the claim could be sent: there are no errors.")
    def passes(found: strawberry.Parent[Preflight]) -> bool:
        return not found.failures

    @strawberry.field(graphql_type=list[PreflightFinding], description="Errors first, then warnings.")
    def findings(found: strawberry.Parent[Preflight]) -> Any:
        return found.findings

    @amount("amountAtRisk", "What all findings together may cost; no cent counts twice.")
    def at_risk(found: strawberry.Parent[Preflight]) -> Cents | None:
        return found.amount_at_risk
