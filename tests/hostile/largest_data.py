"""What the largest calls need: objects with as many parts as the limits allow, and how a call is described."""

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import insert, select

from app.db.remittance_tables import remittance_lines
from app.db.tables import invoice_lines
from app.domain import ids
from app.domain.claim_form import ITEMS_MAX
from app.domain.claims import ClaimStatus
from app.domain.invoices import InvoiceLineKind
from app.domain.statement import LINES_MAX
from app.resolvers.paging import PAGE_MAX
from app.services.contracts import PRICES_MAX
from app.services.invoices import CLAIMS_MAX, RECOVERIES_MAX
from tests.factories import BLOOD_COUNT, CONSULTATION, World, key, new_world
from tests.gateway import Gateway
from tests.hostile.big_data import copied_claims
from tests.inputs import input_type, shaped

DOCTOR = {"name": "Ana Lima", "council": "06", "number": "12345", "state": "35", "cbo": "225125"}
ITEMS = [{**BLOOD_COUNT, "quantity": "1"}] * ITEMS_MAX
DENIED = [{"code": "1705", "amount": "0.01"}]
DECISIONS = [{"sequence": n + 1, "approvedAmount": "18.49", "denials": DENIED} for n in range(ITEMS_MAX)]
STATEMENTS = 2
INVOICE_LINES = CLAIMS_MAX + RECOVERIES_MAX
WIDE = 20
CLAIM = (
    "id status items { id sequence code totalAmount denials { id code amount } } "
    "history(first: 100) { nodes { actor at } } availableActions { action blockedBy { code message } }"
)
LINES = "lines(first: 1000) { nodes { id kind amount settledAmount claim { id status } } }"
INVOICE = f"id status totalAmount {LINES} history(first: 100) {{ nodes {{ action at }} }}"
PAID_LINE = "id sequence status paidAmount denials { code amount } claim { id status }"
REMITTANCE = f"id status lines(first: 1000) {{ nodes {{ {PAID_LINE} }} }}"


@dataclass(frozen=True)
class Call:
    """One operation by a caller of this role, of `world` if not the big one; its answer has `text` so many times."""

    role: str
    query: str
    text: str
    times: int
    variables: dict[str, Any] | None = None
    world: World | None = None


@dataclass(frozen=True)
class Big:
    """A world with the largest objects and pages. The invoice is issued and has as many lines as one can have."""

    world: World
    wide: str
    narrow: str
    reviewed: str
    decided: list[str]
    invoice: str
    remittance: str

    @property
    def gateway(self) -> Gateway:
        """The gateway of the world."""
        return self.world.gateway

    async def submitted(self, count: int, status: ClaimStatus = ClaimStatus.SUBMITTED) -> list[str]:
        """Claims with as many items as fit, not decided yet."""
        return await copied_claims(self.gateway, self.reviewed, count, status=status)

    async def run(self, statement: Any) -> None:
        """Execute the statement."""

        async def work(connection: Any) -> None:
            await connection.execute(statement)

        await self.gateway.database.transact(work)

    def read(self, query: str, text: str, times: int, *, role: str = "reviewer", **variables: Any) -> Call:
        """A call of a query."""
        return Call(role, query, text, times, variables)

    def change(self, role: str, name: str, fields: str, text: str, times: int, /, **values: Any) -> Call:
        """A call of a mutation."""
        kind = input_type(name)
        query = f"mutation($input: {kind}!) {{ {name}(input: $input) {{ {fields} errors {{ code message field }} }} }}"
        return Call(role, query, text, times, {"input": shaped(name, values)})


async def made(gateway: Gateway, *, is_full: bool) -> Big:
    """The data of all calls; without the issued invoice and the page of wide claims unless it is full."""
    world = await new_world(gateway)
    reviewed = (await world.claim_in_review(items=ITEMS, practitioner=DOCTOR))["id"]
    wide = (await world.claim_in_review(items=ITEMS))["id"]
    assert (await world.adjudicate(wide, DECISIONS))["errors"] == []
    narrow = (await world.claim_in_review(items=[{**CONSULTATION, "unitPrice": "1.00"}], practitioner=DOCTOR))["id"]
    assert (await world.adjudicate(narrow, [{"sequence": 1, "approvedAmount": "1.00"}]))["errors"] == []
    decided = await copied_claims(gateway, narrow, LINES_MAX)
    big = Big(world, wide, narrow, reviewed, decided, "", "")
    big = replace(big, remittance=await big_remittance(big, decided))
    if not is_full:
        return big
    await copied_claims(gateway, wide, PAGE_MAX)
    return replace(big, invoice=await big_invoice(big))


async def big_invoice(big: Big) -> str:
    """An issued invoice of as many claims and won appeals as fit."""
    world = big.world
    draft = await big_draft(big)
    issued = await world.mutate("finance", "issueInvoice", "invoice { id }", id=draft)
    assert issued["errors"] == []
    return draft


async def big_draft(big: Big) -> str:
    """The same as a draft."""
    world, gateway = big.world, big.gateway
    approved = await copied_claims(gateway, (await big.world.approved_claim("1.00"))["id"], CLAIMS_MAX)
    invoice = str((await world.create_invoice(approved))["invoice"]["id"])

    async def work(connection: Any) -> None:
        (row,) = (
            (await connection.execute(select(invoice_lines).where(invoice_lines.c.claim_id == approved[0])))
            .mappings()
            .all()
        )
        lines = [
            {**row, "id": ids.new_id(ids.LINE), "kind": InvoiceLineKind.RECOVERY, "billed_claim_id": None}
            for _ in range(RECOVERIES_MAX)
        ]
        await connection.execute(insert(invoice_lines), lines)

    await gateway.database.transact(work)
    return invoice


async def big_remittance(big: Big, claim_ids: list[str]) -> str:
    """A statement with a line about each of these claims."""
    world = big.world
    lines = [{"providerClaimNumber": id[-20:], "paidAmount": "1.00"} for id in claim_ids[:1]]
    values = {"payer": world.payer, "provider": world.provider, "idempotencyKey": key(), "statementNumber": key()[:20]}
    done = await world.mutate("finance", "importRemittance", "remittance { id }", lines=lines, **values)
    assert done["errors"] == []
    remittance = str(done["remittance"]["id"])

    async def work(connection: Any) -> None:
        where = remittance_lines.c.remittance_id == remittance
        (row,) = (await connection.execute(select(remittance_lines).where(where))).mappings().all()
        rest = enumerate(claim_ids[1:], start=2)
        rows = [
            {
                **row,
                "id": ids.new_id(ids.REMITTANCE_LINE),
                "sequence": number,
                "claim_id": id,
                "provider_claim_number": id[-20:],
            }
            for number, id in rest
        ]
        await connection.execute(insert(remittance_lines), rows)

    await big.gateway.database.transact(work)
    return remittance


async def copied_row(big: Big, table: Any, id: str, prefix: str, count: int, **changes: Any) -> list[str]:
    """Copies of the row; `changes` make a value of a column from the id of the copy. Their ids."""
    copies = [ids.new_id(prefix) for _ in range(count)]

    async def work(connection: Any) -> None:
        (row,) = (await connection.execute(select(table).where(table.c.id == id))).mappings().all()
        values = [{**row, "id": copy, **{name: change(copy) for name, change in changes.items()}} for copy in copies]
        await connection.execute(insert(table), values)

    await big.gateway.database.transact(work)
    return copies


def largest_contract(big: Big) -> dict[str, Any]:
    """The input of a contract with as many prices as it may have."""
    terms = {"submissionWindowDays": 180, "appealDeadlineDays": 30, "paymentTermDays": 30}
    prices = [
        {"codeSystem": "22", "code": f"{10_000_000 + n}", "unitPrice": "1.00", "validFrom": "2020-01-01"}
        for n in range(PRICES_MAX)
    ]
    return {"provider": big.world.provider, "payer": big.world.payer, **terms, "prices": prices}


PRICES = "contract { id prices(first: 1000) { nodes { code unitPrice validFrom } } }"
