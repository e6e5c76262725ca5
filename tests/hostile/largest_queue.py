"""The largest calls of the queue of waiting lines, and of unapplied credits."""

from typing import Any

from sqlalchemy import select, update

from app.db.queue_tables import unapplied_credits
from app.db.remittance_tables import remittance_adjustments, remittance_lines
from app.domain import ids
from app.domain.line_work import PARTS_MAX
from app.domain.remittances import RemittanceLineStatus
from app.resolvers.paging import LINES_PAGE_MAX, PAGE_MAX
from tests.factories import key
from tests.hostile.largest_data import Big, Call, big_remittance, copied_row
from tests.hostile.largest_mutations import LINE

HISTORY = "line { id history(first: 100) { nodes { id action note } } candidates { items { sequence } } }"
CREDIT = "credit { id amount usedAmount uses(first: 100) { nodes { id amount } } }"


async def _waiting(big: Big) -> str:
    """A line of a long statement that waits."""
    remittance = await big_remittance(big, big.decided)
    async with big.gateway.database.reading() as connection:
        query = select(remittance_lines.c.id).where(remittance_lines.c.remittance_id == remittance).limit(1)
        line = str((await connection.execute(query)).scalar_one())
    await big.run(
        update(remittance_lines).where(remittance_lines.c.id == line).values(status=RemittanceLineStatus.UNMATCHED)
    )
    return line


async def _strange(big: Big, count: int, **changes: Any) -> list[str]:
    lines = [{"payerClaimNumber": f"W{number}", "paidAmount": "20.00"} for number in range(count)]
    parties = {"provider": big.world.provider, "payer": big.world.payer}
    values = {**parties, "statementNumber": key()[:20], "lines": lines, "idempotencyKey": key(), "paidOn": "2026-01-02"}
    values |= changes
    fields = "remittance { id lines(first: 100) { nodes { id } } }"
    done = await big.world.mutate("finance", "importRemittance", fields, **values)
    return [done["remittance"]["id"], *(each["id"] for each in done["remittance"]["lines"])]


async def _step(big: Big, line: str, **resolution: Any) -> None:
    values = {"remittanceLineId": line, "resolution": resolution, "idempotencyKey": key()}
    done = await big.world.mutate("finance", "resolveRemittanceLine", "line { id }", **values)
    assert done["errors"] == []


async def resolve_line(big: Big) -> Call:
    line = await _waiting(big)
    values = {"remittanceLineId": line, "resolution": {"note": {"text": "x" * 500}}, "idempotencyKey": key()}
    return big.change("finance", "resolveRemittanceLine", LINE, '"sequence":', LINES_PAGE_MAX, **values)


async def resolve_lines(big: Big) -> Call:
    _, *lines = await _strange(big, PAGE_MAX)
    values = {
        "lineFilter": {"ids": lines},
        "resolution": {"acceptOverpayment": {"note": "x" * 500}},
        "idempotencyKey": key(),
    }
    fields = "results { id object { id status history(first: 10) { nodes { id } } } errors { code } } hasMore"
    return big.change("finance", "resolveRemittanceLines", fields, '"status":"MATCHED"', PAGE_MAX, **values)


async def split_line(big: Big) -> Call:
    _, line = await _strange(big, 1)
    parts = [{"paidAmount": "1.00"}] * PARTS_MAX
    values = {"remittanceLineId": line, "parts": parts, "idempotencyKey": key()}
    return big.change("finance", "splitRemittanceLine", f"{HISTORY}", '"SPLIT"', 1, **values)


async def undo_line(big: Big) -> Call:
    line = await _waiting(big)
    await _step(big, line, assign={"assignee": "x" * 120})
    values = {"remittanceLineId": line, "reason": "x" * 500, "idempotencyKey": key()}
    return big.change("finance", "undoRemittanceLine", LINE, '"sequence":', LINES_PAGE_MAX, **values)


async def _credit(big: Big) -> str:
    remittance, line = await _strange(big, 1)
    await _step(big, line, acceptOverpayment={})
    posted = {"id": remittance, "idempotencyKey": key()}
    assert (await big.world.mutate("finance", "postRemittance", "postedLines", **posted))["postedLines"] == 1
    async with big.gateway.database.reading() as connection:
        query = select(unapplied_credits.c.id).where(unapplied_credits.c.line_id == line)
        return str((await connection.execute(query)).scalar_one())


async def credits_page(big: Big) -> Call:
    await copied_row(big, unapplied_credits, await _credit(big), ids.CREDIT, PAGE_MAX)
    query = "{ unappliedCredits(first: 100) { nodes { id amount line { id remittance { id statementNumber } } } } }"
    return big.read(query, '"remittance":', PAGE_MAX, role="finance")


async def apply_credit(big: Big) -> Call:
    values = {"creditId": await _credit(big), "invoiceId": big.invoice, "amount": "1.00", "idempotencyKey": key()}
    return big.change("finance", "applyCredit", CREDIT, '"uses":', 1, **values)


async def refund_credit(big: Big) -> Call:
    values = {"creditId": await _credit(big), "reason": "x" * 200, "idempotencyKey": key()}
    return big.change("finance", "refundCredit", CREDIT, '"uses":', 1, **values)


async def reverse_credit_use(big: Big) -> Call:
    values = {"creditId": await _credit(big), "invoiceId": big.invoice, "amount": "1.00", "idempotencyKey": key()}
    done = await big.world.mutate("finance", "applyCredit", "use { id }", **values)
    back = {"creditUseId": done["use"]["id"], "reason": "x" * 200, "idempotencyKey": key()}
    return big.change("finance", "reverseCreditUse", CREDIT, '"uses":', 1, **back)


ADJUSTMENT = "adjustment { id status history(first: 100) { nodes { id action reason } } availableActions { action } }"


async def _adjustments(big: Big, count: int) -> list[str]:
    """The ids of debits of a new statement."""
    debits = [{"direction": "DEBIT", "type": "08", "amount": "0.01", "description": "x" * 100}] * count
    remittance, _ = await _strange(big, 1, adjustments=debits)
    async with big.gateway.database.reading() as connection:
        query = select(remittance_adjustments.c.id).where(remittance_adjustments.c.remittance_id == remittance)
        return list((await connection.execute(query)).scalars())


async def adjustments_page(big: Big) -> Call:
    await _adjustments(big, PAGE_MAX)
    fields = "id amount description status waitingDays remittance { id statementNumber } availableActions { action }"
    query = f"{{ remittanceAdjustments(first: 100) {{ totalCount nodes {{ {fields} }} }} }}"
    return big.read(query, '"remittance":', PAGE_MAX, role="finance")


async def explain_adjustment(big: Big) -> Call:
    (adjustment,) = await _adjustments(big, 1)
    values = {"remittanceAdjustmentId": adjustment, "explanation": {"accept": {"reason": "x" * 500}}}
    values["idempotencyKey"] = key()
    return big.change("finance", "explainAdjustment", ADJUSTMENT, '"ACCEPT"', 2, **values)


async def undo_adjustment(big: Big) -> Call:
    (adjustment,) = await _adjustments(big, 1)
    values: dict[str, Any] = {"remittanceAdjustmentId": adjustment, "idempotencyKey": key()}
    said = {"accept": {"reason": "x" * 500}}
    await big.world.mutate("finance", "explainAdjustment", "adjustment { id }", explanation=said, **values)
    values |= {"reason": "x" * 500, "idempotencyKey": key()}
    return big.change("finance", "undoAdjustment", ADJUSTMENT, '"UNDO"', 2, **values)
