"""Objects by id alone."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final

import strawberry

from app.domain import ids as public_ids
from app.domain.access_log import DataClass
from app.domain.errors import ErrorCode, refuse
from app.resolvers import access_log, paging
from app.resolvers.context import Context
from app.schema.base import lists
from app.schema.base.connections import Node
from app.schema.base.info import Info
from app.schema.base.permissions import Authenticated, check, note_shown
from app.schema.parties import READERS
from app.schema.party_history import STEP_READERS
from app.values.frozen import frozen

NODES_MAX: Final = paging.PAGE_MAX
Ids = Annotated[
    list[strawberry.ID],
    strawberry.argument(
        description=f"Ids of the objects, at most {NODES_MAX}.",
        directives=lists.up_to(NODES_MAX, checked_by_service=True),
    ),
]


Load = Callable[[Context, str], Awaitable[Any]]


@frozen
class NodeType:
    """A type of objects with ids: its name, the permissions of which it needs one, and how it is loaded.

    `data` are the classes of sensitive data in the object itself: finding it is recorded.
    """

    type_name: str
    any_of: tuple[str, ...]
    load: Load
    data: tuple[DataClass, ...] = ()


def _by_loader(name: str) -> Load:
    async def load(ctx: Context, identifier: str) -> Any:
        return await getattr(ctx.loaders, name).load(identifier)

    return load


async def _payer(ctx: Context, identifier: str) -> Any:
    (ans_code,) = public_ids.key_of(identifier)
    return await ctx.loaders.payer.load(ans_code)


async def _term(ctx: Context, identifier: str) -> Any:
    code_system, code = public_ids.key_of(identifier)
    return await ctx.loaders.term.load((code_system, code))


NODE_TYPES: Final[dict[str, NodeType]] = {
    public_ids.CLAIM: NodeType("Claim", ("claims:read",), _by_loader("claim")),
    public_ids.ITEM: NodeType("ClaimItem", ("claims:read_items",), _by_loader("item"), (DataClass.HEALTH,)),
    public_ids.DENIAL: NodeType("Denial", ("claims:read_items",), _by_loader("denial")),
    public_ids.CLAIM_HISTORY: NodeType("ClaimHistoryEntry", ("claims:read",), _by_loader("claim_step")),
    public_ids.INVOICE: NodeType("Invoice", ("invoices:read",), _by_loader("invoice")),
    public_ids.INVOICE_HISTORY: NodeType("InvoiceHistoryEntry", ("invoices:read",), _by_loader("invoice_step")),
    public_ids.SETTLEMENT: NodeType("Settlement", ("settlements:read",), _by_loader("settlement")),
    public_ids.BANK_ENTRY: NodeType("BankEntry", ("settlements:read_bank",), _by_loader("bank_entry")),
    public_ids.BANK_FILE: NodeType("BankFile", ("settlements:read_bank",), _by_loader("bank_file")),
    public_ids.BATCH: NodeType("Batch", ("batches:read",), _by_loader("batch")),
    public_ids.BATCH_HISTORY: NodeType("BatchHistoryEntry", ("batches:read",), _by_loader("batch_step")),
    public_ids.STATEMENT_MAPPING: NodeType(
        "StatementMapping", ("remittances:import",), _by_loader("statement_mapping")
    ),
    public_ids.APPEAL_TEMPLATE: NodeType("AppealTemplate", ("denials:appeal",), _by_loader("appeal_template")),
    public_ids.APPEAL_BATCH: NodeType("AppealBatch", ("batches:read",), _by_loader("appeal_batch")),
    public_ids.APPEAL_BATCH_HISTORY: NodeType(
        "AppealBatchHistoryEntry", ("batches:read",), _by_loader("appeal_batch_step")
    ),
    public_ids.REMITTANCE: NodeType("Remittance", ("remittances:read",), _by_loader("remittance")),
    public_ids.REMITTANCE_LINE: NodeType("RemittanceLine", ("remittances:read",), _by_loader("remittance_line")),
    public_ids.REMITTANCE_LINE_HISTORY: NodeType(
        "RemittanceLineHistoryEntry", ("remittances:read",), _by_loader("remittance_line_step")
    ),
    public_ids.REMITTANCE_ADJUSTMENT: NodeType("RemittanceAdjustment", ("remittances:read",), _by_loader("adjustment")),
    public_ids.ADJUSTMENT_HISTORY: NodeType(
        "RemittanceAdjustmentHistoryEntry", ("remittances:read",), _by_loader("adjustment_step")
    ),
    public_ids.CREDIT: NodeType("UnappliedCredit", ("settlements:read",), _by_loader("credit")),
    public_ids.CREDIT_MOVE: NodeType("CreditUse", ("settlements:read",), _by_loader("credit_use")),
    public_ids.ELIGIBILITY: NodeType("Eligibility", ("eligibility:read",), _by_loader("eligibility")),
    public_ids.PATIENT: NodeType("Patient", ("patients:read", "patients:read_masked"), _by_loader("patient")),
    public_ids.LINE: NodeType("InvoiceLine", ("invoices:read",), _by_loader("invoice_line")),
    public_ids.CONTRACT: NodeType("Contract", ("contracts:read",), _by_loader("contract")),
    public_ids.PRICE: NodeType("ContractPrice", ("contracts:read",), _by_loader("price")),
    public_ids.EMERGENCY: NodeType("EmergencyAccess", ("emergencies:read",), _by_loader("emergency_access")),
    public_ids.AUDIT: NodeType("AccessLogEntry", ("access_log:read_own",), access_log.own_entry),
    public_ids.COVERAGE: NodeType("Coverage", ("patients:read",), _by_loader("coverage"), (DataClass.PERSONAL,)),
    public_ids.PRACTITIONER: NodeType(
        "RegisteredPractitioner", ("practitioners:register",), _by_loader("registered_practitioner")
    ),
    public_ids.PARTY_HISTORY: NodeType("PartyHistoryEntry", STEP_READERS, _by_loader("party_step")),
    public_ids.PAYER: NodeType("Payer", READERS, _payer),
    public_ids.PROVIDER: NodeType("Provider", READERS, _by_loader("provider_by_id")),
    public_ids.DOCUMENT: NodeType("Document", ("documents:read",), _by_loader("document")),
    public_ids.IMPORT_JOB: NodeType("ImportJob", ("documents:read",), _by_loader("import_job")),
    public_ids.TERM: NodeType("TussTerm", ("tuss:read",), _term),
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
    found = await node_type.load(ctx, identifier)
    if found is not None:
        note_shown(info, node_type.data, found)
    return found


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
