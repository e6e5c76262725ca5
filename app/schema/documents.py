"""Documents that callers have uploaded: what is known of them, without their bytes."""

from datetime import datetime
from typing import Annotated

import strawberry

from app.db.documents import DocumentRecord
from app.schema.base.connections import Node
from app.schema.base.enums import DocumentKind
from app.schema.base.info import Info
from app.schema.base.permissions import Requires
from app.schema.base.relations import related
from app.schema.base.types import object_type
from app.schema.parties import Payer, Provider


@object_type(description="An uploaded document, stored as it was sent (POST /documents).")
class Document(Node):
    record = DocumentRecord

    digest: str = strawberry.field(description="SHA-256 of its bytes, in hexadecimal.")
    size: int = strawberry.field(description="Size in bytes.")
    kind: DocumentKind = strawberry.field(description="Kind, by the first bytes.")
    created_by: str = strawberry.field(description="Who uploaded it (subject of the token).")
    created_at: datetime = strawberry.field(description="Time of the upload.")

    payer = related(
        Payer | None,
        lambda loaders: loaders.payer,
        "payer_ans",
        description="The payer (operadora); null until it is known.",
    )

    provider = related(
        Provider | None,
        lambda loaders: loaders.provider,
        "provider_cnes",
        description="The provider (prestador); null until it is known.",
    )


class DocumentQuery:
    @strawberry.field(
        graphql_type=Document | None,
        description="A document by id; null unless the caller uploaded it, or its provider and payer are in the "
        "caller's data scope.",
        extensions=[Requires("documents:read")],
    )
    async def document(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Id of the document.")]
    ) -> DocumentRecord | None:
        return await info.context.loaders.document.load(id)
