"""Lines that wait, and an unapplied credit, for the world with one of everything."""

from typing import Any

from sqlalchemy import update

from app.db.import_tables import import_jobs
from app.domain.imports import StatementImport
from tests.access.accounts import imported
from tests.factories import BLOOD_COUNT, CONSULTATION, World, key
from tests.payer_documents import Guide, Item, analysis, message

PROTOCOL = "770077"


async def lines(world: World, strange: dict[str, Any]) -> dict[str, str]:
    """The ids of lines without a claim: one for each step that a test tries, one that is split, one with a step."""
    found: dict[str, str] = {}
    for number, name in enumerate(("workable_line", "bulk_line", "splittable_line", "split_line", "undoable_line")):
        remittance = await imported(world, f"DEMW{number}", [strange])
        found |= {name: remittance["lines"][0]["id"], name.replace("line", "remittance"): remittance["id"]}
    parts = [{"paidAmount": "1.00"}, {"paidAmount": "1.00"}]
    split = {"remittanceLineId": found["split_line"], "parts": parts, "idempotencyKey": key()}
    assert (await world.mutate("finance", "splitRemittanceLine", "line { id }", **split))["errors"] == []
    await step(world, found["undoable_line"], assign={"assignee": "ana"})
    return found


async def _undone(world: World, line: str) -> None:
    """A step with the line, and its undoing."""
    await step(world, line, assign={"assignee": "ana"})
    undo = {"remittanceLineId": line, "reason": "engano", "idempotencyKey": key()}
    assert (await world.mutate("finance", "undoRemittanceLine", "line { id }", **undo))["errors"] == []


async def step(world: World, line: str, **resolution: Any) -> str:
    """The id of the first step in the line's history, after this one."""
    values = {"remittanceLineId": line, "resolution": resolution, "idempotencyKey": key()}
    fields = "line { history { nodes { id } } }"
    done = await world.mutate("finance", "resolveRemittanceLine", fields, **values)
    assert done["errors"] == [], done
    first: str = done["line"]["history"][0]["id"]
    return first


async def put_back(world: World) -> dict[str, str]:
    """A line that leaves a part of its claim out, and so waits, after a step that was undone; and another one that is
    dismissed as the same."""
    line = {"providerClaimNumber": (await world.submitted_claim())["providerClaimNumber"], "paidAmount": "80.00"}
    remittance = await imported(world, "DEMP", [line, {"providerClaimNumber": "NENHUMA5", "paidAmount": "80.00"}])
    await world.mutate("finance", "postRemittance", "postedLines", id=remittance["id"], idempotencyKey=key())
    waits, other = (each["id"] for each in remittance["lines"])
    await _undone(world, waits)
    repeated = await step(world, other, dismissDuplicate={"duplicateOfId": waits})
    return {"put_back_line": waits, "put_back_remittance": remittance["id"], "duplicate_step": repeated}


async def held(world: World) -> dict[str, str]:
    """A claim of which an analysis has decided one item of two, under a protocol."""
    claim = await world.submitted_claim(items=[CONSULTATION, BLOOD_COUNT])
    said = Guide(str(claim["providerClaimNumber"]), world.card, (Item(),))
    xml = message(world.payer, analysis(world, "DEMH", said, protocol=PROTOCOL))
    remittance = await imported(world, "DEMH", None, xml=xml, paidOn=None)
    posting = {"id": remittance["id"], "idempotencyKey": key()}
    await world.mutate("finance", "postRemittance", "postedLines", **posting)
    # Another one is about the same claim, and is not posted.
    line = {"providerClaimNumber": claim["providerClaimNumber"], "paidAmount": "1.00"}
    beside = await imported(world, "DEMH2", [line])
    return {"held_claim": str(claim["id"]), "remittance_beside": beside["id"]}


async def credit(world: World, invoice: str) -> dict[str, str]:
    """A line without a claim whose money is an unapplied credit; of that a part has settled the invoice, and another
    went back to the payer. Beside it one that takes money back, which is a debit."""
    beside = [{"direction": "DEBIT", "type": "08", "amount": "2.00"}] * 5
    beside.append({"direction": "CREDIT", "type": "09", "amount": "3.00", "description": "Complemento"})
    strange = [{"providerClaimNumber": "NENHUMA4", "paidAmount": "8.00"}]
    strange.append({"providerClaimNumber": "NENHUMA6", "paidAmount": "0.00", "takenBackAmount": "1.00"})
    remittance = await imported(world, "DEMC", strange, adjustments=beside)
    line = remittance["lines"][0]["id"]
    first = await step(world, line, acceptOverpayment={"note": "Sem guia"})
    await step(world, remittance["lines"][1]["id"], keepAsDebit={})
    posting = {"id": remittance["id"], "idempotencyKey": key()}
    assert (await world.mutate("finance", "postRemittance", "postedLines", **posting))["postedLines"] == 2
    query = "query($p: [AnsCode!]) { unappliedCredits(filter: { payerAnsCode: $p }) { nodes { id } } }"
    kept = (await world.call("finance", query, p=[world.payer]))["unappliedCredits"]["nodes"][0]["id"]
    paid = {"creditId": kept, "invoiceId": invoice, "amount": "1.00", "idempotencyKey": key()}
    applied = await world.mutate("finance", "applyCredit", "use { settlement { id } }", **paid)
    refund = {"creditId": kept, "amount": "1.00", "reason": "Devolvido", "idempotencyKey": key()}
    used = await world.mutate("finance", "refundCredit", "use { id }", **refund)
    wrong = await world.mutate("finance", "refundCredit", "use { id }", **{**refund, "idempotencyKey": key()})
    undo = {"creditUseId": wrong["use"]["id"], "reason": "Engano", "idempotencyKey": key()}
    released = await world.mutate("finance", "reverseCreditUse", "use { id }", **undo)
    return {
        "credit_line": line,
        "credit_remittance": remittance["id"],
        "line_step": first,
        "credit": kept,
        "credit_settlement": applied["use"]["settlement"]["id"],
        "credit_use": used["use"]["id"],
        "credit_release": released["use"]["id"],
    }


ADJUSTMENTS = """query($p: [AnsCode!]) {
  remittanceAdjustments(filter: { payerAnsCode: $p, status: [OPEN] }, first: 100) { nodes { id direction amount } } }"""


async def adjustments(world: World, claim: str, settlement: str, used: str) -> dict[str, str]:
    """Debits beside the claims that are linked, disputed and open, and a credit that became an unapplied credit; the
    disputed one was linked to the used credit before."""
    found = (await world.call("finance", ADJUSTMENTS, p=[world.payer]))["remittanceAdjustments"]["nodes"]
    linked, disputed, *waiting = (each["id"] for each in found if each["amount"] == "2.00")
    credit, debit = (next(each["id"] for each in found if each["amount"] == amount) for amount in ("3.00", "1.00"))
    named = await _explained(world, linked, link={"claimId": claim, "reason": "Acerto da guia"})
    undone = await _unexplained(world, linked)
    last = await _explained(world, linked, link={"settlementId": settlement, "reason": "Acerto do pagamento"})
    await _explained(world, disputed, link={"creditId": used, "reason": "Acerto do saldo"})
    await _unexplained(world, disputed)
    await _explained(world, disputed, dispute={"reason": "Sem origem"})
    kept = await _explained(world, credit, keep={"reason": "Sem guia"})
    return {
        "adjustment": linked,
        "disputed_adjustment": disputed,
        **dict(zip(("open_adjustment", "linkable_adjustment", "creditable_adjustment"), waiting, strict=True)),
        "adjustment_step": named["id"],
        "line_debit": debit,
        "adjustment_undo": undone["id"],
        "adjustment_link": last["id"],
        "adjustment_keep": kept["id"],
        "kept_credit": kept["credit"]["id"],
    }


async def _explained(world: World, adjustment: str, **explanation: Any) -> dict[str, Any]:
    """The last step in the history of a debit or credit, after this one."""
    return await _last_step(world, "explainAdjustment", adjustment, explanation=explanation)


async def _unexplained(world: World, adjustment: str) -> dict[str, Any]:
    """The last step in the history of a debit or credit, after its explanation was undone."""
    return await _last_step(world, "undoAdjustment", adjustment, reason="Engano")


async def _last_step(world: World, mutation: str, adjustment: str, **values: Any) -> dict[str, Any]:
    fields = "adjustment { history { nodes { id credit { id } } } }"
    named = {"remittanceAdjustmentId": adjustment, "idempotencyKey": key()}
    done = await world.mutate("finance", mutation, fields, **named, **values)
    assert done["errors"] == [], done
    last: dict[str, Any] = done["adjustment"]["history"][-1]
    return last


async def read_statement(world: World, job_id: str, remittance_id: str) -> None:
    """The import has found the statement, as that of a long one does."""
    read = update(import_jobs).where(import_jobs.c.id == job_id)
    read = read.values(statements=(StatementImport(remittance_id, lines=1),))
    await world.gateway.database.transact(lambda connection: connection.execute(read))
