"""Objects by id alone."""

import asyncio
from dataclasses import dataclass
from typing import Annotated, Any, Final

import strawberry

from app.domain import ids as public_ids
from app.domain.access_log import DataClass
from app.domain.errors import ErrorCode, refuse
from app.resolvers import paging
from app.schema.base import lists
from app.schema.base.connections import Node
from app.schema.base.info import Info
from app.schema.base.permissions import Authenticated, check, note_shown

NODES_MAX: Final = paging.PAGE_MAX
Ids = Annotated[
    list[strawberry.ID],
    strawberry.argument(
        description=f"Ids of the objects, at most {NODES_MAX}.",
        directives=lists.up_to(NODES_MAX, checked_by_service=True),
    ),
]


@dataclass(frozen=True, slots=True)
class NodeType:
    """A type of objects with ids: its name, the permissions of which it needs one, and the name of its loader.

    `data` are the classes of sensitive data in the object itself: finding it is recorded.
    """

    type_name: str
    any_of: tuple[str, ...]
    loader: str
    data: tuple[DataClass, ...] = ()


NODE_TYPES: Final[dict[str, NodeType]] = {
    public_ids.CLAIM: NodeType("Claim", ("claims:read",), "claim"),
    public_ids.ITEM: NodeType("ClaimItem", ("claims:read_items",), "item", (DataClass.HEALTH,)),
    public_ids.DENIAL: NodeType("Denial", ("claims:read_items",), "denial"),
    public_ids.INVOICE: NodeType("Invoice", ("invoices:read",), "invoice"),
    public_ids.SETTLEMENT: NodeType("Settlement", ("settlements:read",), "settlement"),
    public_ids.REMITTANCE: NodeType("Remittance", ("remittances:read",), "remittance"),
    public_ids.REMITTANCE_LINE: NodeType("RemittanceLine", ("remittances:read",), "remittance_line"),
    public_ids.ELIGIBILITY: NodeType("Eligibility", ("eligibility:read",), "eligibility"),
    public_ids.PATIENT: NodeType("Patient", ("patients:read", "patients:read_masked"), "patient"),
}
"""Id prefix -> the type of its objects."""


async def find(info: Info, identifier: str) -> Any:
    """The object with this id, or None: unknown, malformed and out of scope look the same.

    AccessRefused if the caller has no permission to read objects of this type.
    """
    node_type = NODE_TYPES.get(public_ids.prefix_of(identifier) or "")
    if node_type is None:
        return None
    ctx = info.context
    check(ctx.principal, *node_type.any_of)
    found = await getattr(ctx.loaders, node_type.loader).load(identifier)
    if found is not None:
        note_shown(info, node_type.data, found)
    return found


@strawberry.type
class NodeQuery:
    @strawberry.field(
        graphql_type=Node | None,
        description="An object by id; null if it does not exist in the caller's data scope. Needs the permission to "
        "read objects of its type.",
        extensions=[Authenticated()],
    )
    async def node(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Id of the object.")]
    ) -> Any:
        return await find(info, id)

    @strawberry.field(
        graphql_type=list[Node | None] | None,
        directives=[lists.NODES],
        description="Up to 100 objects by id, in the order of `ids`; null for each that is not found, or that the "
        "caller may not read.",
        extensions=[Authenticated()],
    )
    async def nodes(
        self,
        info: Info,
        ids: Ids,
    ) -> list[Any]:
        if len(ids) > NODES_MAX:
            raise refuse(ErrorCode.INVALID_INPUT, f"request at most {NODES_MAX} ids at once", "ids")
        # A refusal takes the place of its object, where the engine makes it null and an error with the object's path.
        return list(await asyncio.gather(*[find(info, each) for each in ids], return_exceptions=True))
