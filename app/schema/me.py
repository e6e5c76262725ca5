"""Who the caller is, as the gateway understands the token; and objects by id alone."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import strawberry

from app.auth.principal import Principal
from app.domain import ids as public_ids
from app.domain.errors import ErrorCode, refuse
from app.resolvers.context import Context
from app.schema.base.connections import Node
from app.schema.base.info import Info
from app.schema.base.permissions import Authenticated, check

NODES_MAX = 100


@dataclass(frozen=True, slots=True)
class Reader:
    """How objects of a kind are found by id: their type, the permissions of which it needs one, the loader."""

    type_name: str
    any_of: tuple[str, ...]
    loader: str


READERS: dict[str, Reader] = {
    public_ids.CLAIM: Reader("Claim", ("claims:read",), "claim"),
    public_ids.ITEM: Reader("ClaimItem", ("claims:read_items",), "item"),
    public_ids.DENIAL: Reader("Denial", ("claims:read_items",), "denial"),
    public_ids.INVOICE: Reader("Invoice", ("invoices:read",), "invoice"),
    public_ids.SETTLEMENT: Reader("Settlement", ("settlements:read",), "settlement"),
    public_ids.REMITTANCE: Reader("Remittance", ("remittances:read",), "remittance"),
    public_ids.REMITTANCE_LINE: Reader("RemittanceLine", ("remittances:read",), "remittance_line"),
    public_ids.ELIGIBILITY: Reader("Eligibility", ("eligibility:read",), "eligibility"),
    public_ids.PATIENT: Reader("Patient", ("patients:read", "patients:read_masked"), "patient"),
}
"""Id prefix -> how its objects are found."""


@strawberry.type(description="The caller.")
class Me:
    subject: str = strawberry.field(description="The token's subject.")
    payer: str | None = strawberry.field(description="The only payer whose data the token opens, if it names one.")
    patient: strawberry.ID | None = strawberry.field(description="The only patient, if the token names one.")

    @strawberry.field(name="roles", description="The token's roles.")
    def role_names(who: strawberry.Parent[Principal]) -> list[str]:
        return sorted(who.roles)

    @strawberry.field(name="permissions", description="What the token allows: its roles, narrowed by its scopes.")
    def permission_names(who: strawberry.Parent[Principal]) -> list[str]:
        return sorted(who.permissions)

    @strawberry.field(name="providers", description="CNES codes that the token opens; `*` for all.")
    def provider_codes(who: strawberry.Parent[Principal]) -> list[str]:
        return sorted(who.providers)

    @strawberry.field(name="expiresAt", description="When the token ends.")
    def expiry(who: strawberry.Parent[Principal]) -> datetime | None:
        return None if who.expires_at is None else datetime.fromtimestamp(who.expires_at, UTC)


async def find(ctx: Context, identifier: str) -> Any:
    """The object behind an id, or None: unknown, malformed and out of scope look the same.

    AccessRefused when the caller's roles may not read objects of that kind at all.
    """
    reader = READERS.get(public_ids.prefix_of(identifier) or "")
    if reader is None:
        return None
    check(ctx.principal, *reader.any_of)
    return await getattr(ctx.loaders, reader.loader).load(identifier)


@strawberry.type
class NodeQuery:
    @strawberry.field(
        graphql_type=Me,
        description="The caller: roles and what they allow.",
        extensions=[Authenticated()],
    )
    def me(self, info: Info) -> Principal:
        return info.context.principal

    @strawberry.field(
        graphql_type=Node | None,
        description="Any object by its id, or null. Needs the permission of the object's own kind.",
        extensions=[Authenticated()],
    )
    async def node(self, info: Info, id: strawberry.ID) -> Any:
        return await find(info.context, id)

    @strawberry.field(
        graphql_type=list[Node | None],
        description="Up to 100 objects by id, null for each that is not found.",
        extensions=[Authenticated()],
    )
    async def nodes(self, info: Info, ids: list[strawberry.ID]) -> list[Any]:
        if len(ids) > NODES_MAX:
            raise refuse(ErrorCode.INVALID_INPUT, f"at most {NODES_MAX} ids at once", "ids")
        return list(await asyncio.gather(*[find(info.context, each) for each in ids]))
