"""An appeal against a denial."""

from datetime import datetime

import strawberry

from app.domain.money import Cents
from app.schema.base.enums import DocumentKind
from app.schema.base.permissions import amount, health
from app.schema.base.types import object_type


@object_type(description="A file with an appeal: a PDF document or an image.")
class AppealAttachment:
    id: strawberry.ID = strawberry.field(description="Its id; GET /appeal-attachments/{id} downloads it.")
    appeal_instance: int = strawberry.field(description="Instance of the appeal, 1 or 2.")
    file_name: str | None = strawberry.field(
        description="Name of the file.", extensions=health("claims:read_items", "claims:read_health")
    )
    digest: str = strawberry.field(description="SHA-256 of its bytes, in hexadecimal.")
    size: int = strawberry.field(description="Size in bytes.")
    kind: DocumentKind = strawberry.field(description="Kind, by its content.")
    created_by: str = strawberry.field(description="Who attached it: the subject of a token.")
    created_at: datetime = strawberry.field(description="Time at which it was attached.")


@object_type(description="An appeal against a denial (recurso de glosa) and the payer's answer.")
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
