"""Mutations on attachments of appeals."""

import strawberry

from app.domain.attachments import ATTACHMENTS_MAX, BYTES_MAX, NAME_MAX
from app.schema.base import weights
from app.schema.base.mutations import KEY, MutationPayload, mutation
from app.schema.base.types import input_type, object_type
from app.schema.objects import Denial
from app.services import appeal_attachments


@input_type(description="The uploaded document and the denial whose appeal it is for.")
class AttachToAppealInput:
    id: strawberry.ID = strawberry.field(name="denialId", description="Id of an appealed denial.")
    document_id: strawberry.ID = strawberry.field(
        description=f"Id of a PDF, PNG or JPEG file that was uploaded by POST /documents, up to {BYTES_MAX:,} bytes."
    )
    file_name: str = strawberry.field(description=f"Name of the file, 1 to {NAME_MAX} characters.")
    idempotency_key: str = strawberry.field(description=KEY)


@input_type(description="The attachment to remove.")
class RemoveAppealAttachmentInput:
    id: strawberry.ID = strawberry.field(
        name="appealAttachmentId", description="Id of an attachment of an appeal that is not sent."
    )
    idempotency_key: str = strawberry.field(description=KEY)


@object_type(description="Result of changing the attachments of an appeal.")
class AppealAttachmentPayload(MutationPayload):
    denial: Denial | None = strawberry.field(
        default=None, description="The denial after the mutation; null if refused."
    )


MUTATIONS = (
    mutation(
        appeal_attachments.ATTACH,
        AttachToAppealInput,
        AppealAttachmentPayload,
        f"Attaches a document to an appeal that is not sent, at most {ATTACHMENTS_MAX}; the same bytes again change "
        "nothing.",
        directives=weights.DOCUMENT,
    ),
    mutation(
        appeal_attachments.REMOVE,
        RemoveAppealAttachmentInput,
        AppealAttachmentPayload,
        "Removes an attachment of an appeal that is not sent.",
    ),
)
