"""Objections that the payer may raise to a claim, before it is submitted."""

from typing import Any

import strawberry

from app.domain import tabela38
from app.domain.denial_chance import CLAIMS_SHOWN_MAX
from app.domain.denial_chance import DenialChance as Chance
from app.domain.errors import ErrorCode, path_of
from app.domain.money import Cents
from app.domain.preflight import Finding, FindingSeverity
from app.domain.reconciliation import Ratio
from app.language.messages import in_language
from app.schema.base import lists
from app.schema.base.described import described
from app.schema.base.info import Info
from app.schema.base.later import later
from app.schema.base.permissions import Requires, amount
from app.schema.base.types import object_type
from app.schema.base.user_errors import MESSAGE, path_in
from app.schema.claim_inputs import ClaimInput
from app.services import denial_chances
from app.services.preflight import Preflight

described(FindingSeverity, "Severity of a finding.")


@object_type(description="One objection that the payer may raise.")
class PreflightFinding:
    severity: FindingSeverity = strawberry.field(description="Whether the finding prevents the submission.")
    code: ErrorCode = strawberry.field(description="Stable code, for programs.")
    tiss_code: str | None = strawberry.field(
        description="Matching code of Tabela 38 (TISS table 38); null if there is none."
    )

    @strawberry.field(description=MESSAGE)
    def message(finding: strawberry.Parent[Finding]) -> str:
        return in_language(finding.message)

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


@object_type(description="The chance that an item is denied, from what the payer decided on its procedure before.")
class DenialChance:
    item_sequence: int = strawberry.field(description="Place of the item in the claim, from 1.")
    chance: Ratio = strawberry.field(
        description="Share of the decided items that were denied, at the lower end of what so many of them prove "
        "(Wilson, 95 %)."
    )
    decided: int = strawberry.field(
        name="decidedItemCount", description="Number of decided items that it is learnt from, at most 2000."
    )
    denied: int = strawberry.field(
        name="deniedItemCount", description="How many of them were denied in whole or in part."
    )
    is_of_practitioner: bool = strawberry.field(
        description="Whether they are those of the same practitioner, of which there are enough."
    )
    amount: Cents | None = amount("amount", "What would be denied of the item if it is denied as before.")

    @strawberry.field(
        graphql_type=list[later("Claim", "objects")] | None,  # type: ignore[misc]  # found when the schema is built
        description=f"The latest claims with such a denial, at most {CLAIMS_SHOWN_MAX}.",
        extensions=[Requires("claims:read")],
        directives=[lists.LEARNT_FROM],
    )
    async def learnt_from(chance: strawberry.Parent[Chance], info: Info) -> Any:
        found = await info.context.loaders.claim.load_many(chance.claim_ids)
        return [claim for claim in found if claim is not None]


@object_type(description="Objections that the payer may raise to a claim.")
class ClaimPreflight:
    @strawberry.field(description="Whether the claim can be submitted: there are no errors.")
    def passes(preflight: strawberry.Parent[Preflight]) -> bool:
        return preflight.passes

    @strawberry.field(
        graphql_type=list[PreflightFinding], directives=[lists.FINDINGS], description="Findings, errors first."
    )
    def findings(preflight: strawberry.Parent[Preflight]) -> Any:
        return preflight.findings

    @strawberry.field(
        graphql_type=list[DenialChance],
        directives=[lists.FINDINGS],
        description="Items whose procedure this payer has denied before, learnt from its latest 2,000 decided claims.",
    )
    async def denial_chances(preflight: strawberry.Parent[Preflight], info: Info) -> Any:
        context = info.context
        async with context.database.reading() as connection:
            return await denial_chances.of_preflight(connection, context.scope, preflight)

    @amount("atRiskAmount", "Amount that the payer may deny because of all findings together, each cent counted once.")
    def at_risk(preflight: strawberry.Parent[Preflight]) -> Cents | None:
        return preflight.amount_at_risk
