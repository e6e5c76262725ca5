"""An appeal against a denial."""

from datetime import datetime

import strawberry

from app.domain.money import Cents
from app.schema.base.permissions import amount, health


@strawberry.type(description="An appeal against a denial (recurso de glosa) and the payer's answer.")
class Appeal:
    appealed_at: datetime | None = strawberry.field(description="Time of the appeal.")
    answered_at: datetime | None = strawberry.field(description="Time of the payer's answer; null until answered.")
    appealed_cents: Cents | None = amount("appealedAmount", "Appealed amount, all or part of the denied amount.")
    answered_cents: Cents | None = amount(
        "answeredAmount", "Amount that the payer accepted to pay; null until answered."
    )
    justification: str | None = strawberry.field(
        description="The provider's justification of the appeal.", extensions=health("claims:read_health")
    )
    payer_justification: str | None = strawberry.field(
        description="The payer's justification of the answer; null if none was given.",
        extensions=health("claims:read_health"),
    )
