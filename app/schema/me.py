"""The caller, as the gateway understands the token."""

from datetime import UTC, datetime

import strawberry

from app.auth.principal import Principal
from app.domain.identifiers import AnsCode
from app.schema.base import lists
from app.schema.base.info import Info
from app.schema.base.permissions import Authenticated
from app.schema.base.streams import STREAM_CURSOR, stream_cursor
from app.schema.base.types import object_type


@object_type(description="The caller, as described by the token.")
class Me:
    subject: str = strawberry.field(description="Subject of the token.")
    payer: AnsCode | None = strawberry.field(
        name="payerAnsCode",
        description="Registro ANS of the only payer in the data scope; null if the token does not restrict it.",
    )
    patient: strawberry.ID | None = strawberry.field(
        name="patientId",
        description="Id of the only patient in the data scope; null if the token does not restrict it.",
    )

    @strawberry.field(name="roles", description="Roles of the caller.", directives=[lists.ROLE_NAMES])
    def role_names(principal: strawberry.Parent[Principal]) -> list[str]:
        return sorted(principal.roles)

    @strawberry.field(
        name="permissions",
        description="Permissions of the roles, restricted by the token's scopes.",
        directives=[lists.PERMISSION_NAMES],
    )
    def permission_names(principal: strawberry.Parent[Principal]) -> list[str]:
        return sorted(principal.permissions)

    @strawberry.field(
        name="providerCnes",
        description="CNES of the providers in the data scope; `*` for all.",
        directives=[lists.PROVIDERS],
    )
    def provider_codes(principal: strawberry.Parent[Principal]) -> list[str]:
        return sorted(principal.providers)

    @strawberry.field(name="expiresAt", description="Time at which the token expires; null if it does not.")
    def expiry(principal: strawberry.Parent[Principal]) -> datetime | None:
        return None if principal.expires_at is None else datetime.fromtimestamp(principal.expires_at, UTC)


class MeQuery:
    @strawberry.field(
        graphql_type=Me | None,
        description="The caller: roles, permissions and data scope.",
        extensions=[Authenticated()],
    )
    def me(self, info: Info) -> Principal:
        return info.context.principal

    @strawberry.field(description=STREAM_CURSOR, extensions=[Authenticated()])
    def stream_cursor(self, info: Info) -> str | None:
        return stream_cursor(info.context)
