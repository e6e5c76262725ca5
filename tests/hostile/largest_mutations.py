"""The largest call of every mutation."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import select, update

from app.db.remittance_tables import remittance_lines, remittances
from app.db.tables import denials
from app.domain.claim_form import ITEMS_MAX
from app.domain.claims import DENIALS_MAX, ClaimStatus
from app.domain.denials import DenialStatus
from app.domain.remittances import RemittanceLineStatus, RemittanceStatus
from app.resolvers.paging import LINES_PAGE_MAX, PAGE_MAX
from app.services.contracts import PRICES_MAX
from app.services.invoices import CLAIMS_MAX
from tests.access.world import open_emergency as opened
from tests.factories import key, new_world, today
from tests.hostile.big_data import copied_claims
from tests.hostile.largest_data import (
    CLAIM,
    INVOICE,
    INVOICE_LINES,
    ITEMS,
    PRICES,
    REMITTANCE,
    WIDE,
    Big,
    Call,
    big_draft,
    big_invoice,
    big_remittance,
    largest_contract,
)


async def create_claim(big: Big) -> Call:
    values = big.world.claim_input(items=ITEMS, submit=True)
    return big.change("biller", "createClaim", f"claim {{ {CLAIM} }}", '"sequence":', ITEMS_MAX, **values)


async def update_draft(big: Big) -> Call:
    (draft,) = await big.submitted(1, ClaimStatus.DRAFT)
    return big.change(
        "biller", "updateDraftClaim", f"claim {{ {CLAIM} }}", '"sequence":', ITEMS_MAX, id=draft, items=ITEMS
    )


async def submit_claims(big: Big) -> Call:
    # A patient of their own: in the big world every day has hundreds of claims of one patient.
    world = await new_world(big.gateway)
    wide = (await world.create_claim(items=ITEMS))["claim"]["id"]
    narrow = (await world.create_claim())["claim"]["id"]
    drafts = await copied_claims(big.gateway, wide, WIDE) + await copied_claims(big.gateway, narrow, PAGE_MAX - WIDE)
    fields = "results { id object { id status items { id sequence } } errors { code } }"
    call = big.change("biller", "submitClaims", fields, '"SUBMITTED"', PAGE_MAX, claimIds=drafts)
    return replace(call, world=world)


async def _on_a_claim(big: Big, role: str, name: str, status: ClaimStatus, after: str, **values: Any) -> Call:
    (one,) = await big.submitted(1, status)
    return big.change(role, name, f"claim {{ {CLAIM} }}", f'"status":"{after}"', 1, id=one, **values)


async def cancel_claim(big: Big) -> Call:
    return await _on_a_claim(big, "biller", "cancelClaim", ClaimStatus.SUBMITTED, "CANCELLED", reason="x" * 500)


async def withdraw_claim(big: Big) -> Call:
    return await _on_a_claim(big, "biller", "withdrawClaim", ClaimStatus.SUBMITTED, "DRAFT", reason="x" * 500)


async def start_review(big: Big) -> Call:
    return await _on_a_claim(big, "reviewer", "startReview", ClaimStatus.SUBMITTED, "UNDER_REVIEW")


async def resume_review(big: Big) -> Call:
    (one,) = await big.submitted(1, ClaimStatus.PENDING_INFORMATION)
    fields, times = f"claim {{ {CLAIM} }}", '"status":"UNDER_REVIEW"'
    return big.change("reviewer", "resumeReview", fields, times, 1, claimId=one, note="x" * 500)


async def delete_draft(big: Big) -> Call:
    (draft,) = await big.submitted(1, ClaimStatus.DRAFT)
    fields = "deletedClaimId providerClaimNumber"
    return big.change("biller", "deleteDraftClaim", fields, f'"deletedClaimId":"{draft}"', 1, claimId=draft)


async def request_information(big: Big) -> Call:
    status, reason = ClaimStatus.UNDER_REVIEW, "x" * 500
    return await _on_a_claim(big, "reviewer", "requestInformation", status, "PENDING_INFORMATION", reason=reason)


async def adjudicate(big: Big) -> Call:
    (one,) = await big.submitted(1, ClaimStatus.UNDER_REVIEW)
    items = [
        {"sequence": n + 1, "approvedAmount": "18.40", "denials": [{"code": "1705", "amount": "0.01"}] * DENIALS_MAX}
        for n in range(ITEMS_MAX)
    ]
    fields = "claim { id items { sequence denials { id amount } } }"
    times = ITEMS_MAX
    return big.change(
        "reviewer", "adjudicateClaim", fields, '"sequence":', times, id=one, items=items, idempotencyKey=key()
    )


async def replace_claim(big: Big) -> Call:
    values = {"id": big.wide, "providerClaimNumber": key()[:20], "items": ITEMS, "idempotencyKey": key()}
    return big.change("biller", "replaceClaim", f"claim {{ {CLAIM} }}", '"sequence":', ITEMS_MAX, **values)


async def export_batch(big: Big) -> Call:
    found = await big.submitted(WIDE)
    found += await copied_claims(big.gateway, big.narrow, PAGE_MAX - WIDE, status=ClaimStatus.SUBMITTED)
    times = 2 * (WIDE * ITEMS_MAX + PAGE_MAX - WIDE)
    fields = "batch { number hash xml }"
    return big.change("biller", "exportBatch", fields, "procedimentoExecutado>", times, claimIds=found)


async def denied(big: Big, status: DenialStatus, count: int) -> list[str]:
    """So many denials of this status, of one claim."""
    (one,) = await copied_claims(big.gateway, big.wide, 1)
    async with big.gateway.database.reading() as connection:
        query = select(denials.c.id).where(denials.c.claim_id == one).limit(count)
        found = list((await connection.execute(query)).scalars())
    changes = {"status": status, "appealed_cents": 1, "justification": "x"} if status is DenialStatus.APPEALED else {}
    if changes:
        await big.run(update(denials).where(denials.c.id.in_(found)).values(**changes))
    return found


DENIAL = f"denial {{ id status claim {{ {CLAIM} }} }}"


async def accept_denial(big: Big) -> Call:
    (one,) = await denied(big, DenialStatus.OPEN, 1)
    return big.change("biller", "acceptDenial", DENIAL, '"sequence":', ITEMS_MAX, id=one, idempotencyKey=key())


async def appeal_denial(big: Big) -> Call:
    (one,) = await denied(big, DenialStatus.OPEN, 1)
    values = {"id": one, "justification": "x" * 500, "idempotencyKey": key()}
    return big.change("biller", "appealDenial", DENIAL, '"sequence":', ITEMS_MAX, **values)


async def withdraw_appeal(big: Big) -> Call:
    (one,) = await denied(big, DenialStatus.APPEALED, 1)
    values = {"denialId": one, "idempotencyKey": key()}
    return big.change("biller", "withdrawAppeal", DENIAL, '"sequence":', ITEMS_MAX, **values)


async def answer_appeal(big: Big) -> Call:
    (one,) = await denied(big, DenialStatus.APPEALED, 1)
    values = {"id": one, "acceptedAmount": "0.01", "justification": "x" * 500, "idempotencyKey": key()}
    return big.change("payer_agent", "answerAppeal", DENIAL, '"sequence":', ITEMS_MAX, **values)


async def create_invoice(big: Big) -> Call:
    world = big.world
    approved = await copied_claims(big.gateway, (await world.approved_claim("1.00"))["id"], CLAIMS_MAX)
    values: dict[str, Any] = {"provider": world.provider, "payer": world.payer, "idempotencyKey": key()}
    values |= {"billingMonth": today().strftime("%Y-%m"), "claimIds": approved}
    return big.change("biller", "createInvoice", f"invoice {{ {INVOICE} }}", '"kind":"CLAIM"', CLAIMS_MAX, **values)


def _on_an_invoice(big: Big, name: str, id: str, lines: int, **values: Any) -> Call:
    return big.change("finance", name, f"invoice {{ {INVOICE} }}", '"kind":', lines, id=id, **values)


async def issue_invoice(big: Big) -> Call:
    return _on_an_invoice(big, "issueInvoice", await big_draft(big), INVOICE_LINES)


async def cancel_invoice(big: Big) -> Call:
    return _on_an_invoice(big, "cancelInvoice", await big_draft(big), INVOICE_LINES, reason="x" * 200)


async def adjust_invoice(big: Big) -> Call:
    values = {"kind": "DEBIT", "amount": "99.00", "reason": "x" * 200, "idempotencyKey": key()}
    return _on_an_invoice(big, "adjustInvoice", await big_draft(big), INVOICE_LINES + 1, **values)


async def settle_invoice(big: Big) -> Call:
    values = {"paidOn": today().isoformat(), "amount": "90.00", "idempotencyKey": key()}
    return _on_an_invoice(big, "settleInvoice", await big_invoice(big), INVOICE_LINES, **values)


async def reverse_settlement(big: Big) -> Call:
    paid = (await big.world.settle(await big_invoice(big), "90.00"))["settlement"]["id"]
    values = {"reason": "x" * 200, "idempotencyKey": key()}
    return _on_an_invoice(big, "reverseSettlement", paid, INVOICE_LINES, **values)


async def import_remittance(big: Big) -> Call:
    world = big.world
    lines = [{"providerClaimNumber": id[-20:], "paidAmount": "1"} for id in big.decided]
    values = {"payer": world.payer, "provider": world.provider, "statementNumber": key()[:20], "idempotencyKey": key()}
    fields = "remittance { id lines(first: 1000) { nodes { id sequence claim { id } } } }"
    return big.change("finance", "importRemittance", fields, '"sequence":', LINES_PAGE_MAX, lines=lines, **values)


async def match_line(big: Big) -> Call:
    line = await _line_of(big, big.remittance)
    return big.change(
        "finance", "matchRemittanceLine", LINE, '"sequence":', LINES_PAGE_MAX, id=line, claimId=big.decided[0]
    )


async def _line_of(big: Big, remittance: str) -> str:
    async with big.gateway.database.reading() as connection:
        query = select(remittance_lines.c.id).where(remittance_lines.c.remittance_id == remittance).limit(1)
        return str((await connection.execute(query)).scalar_one())


SETTLEMENTS = 100
"""Of one correction; the most that it takes."""
LINE = "line { id claim { id } remittance { lines(first: 1000) { nodes { id sequence } } } }"


async def unmatch_line(big: Big) -> Call:
    line = await _line_of(big, await big_remittance(big, big.decided))
    return big.change("finance", "unmatchRemittanceLine", LINE, '"sequence":', LINES_PAGE_MAX, remittanceLineId=line)


async def dismiss_line(big: Big) -> Call:
    line = await _line_of(big, await big_remittance(big, big.decided))
    await big.run(
        update(remittance_lines).where(remittance_lines.c.id == line).values(status=RemittanceLineStatus.UNMATCHED)
    )
    values = {"remittanceLineId": line, "reason": "x" * 500}
    return big.change("finance", "dismissRemittanceLine", LINE, '"sequence":', LINES_PAGE_MAX, **values)


async def correct_payment_date(big: Big) -> Call:
    id = await big_remittance(big, big.decided)
    invoice = await big_invoice(big)
    number = key()[:20]
    paid = {"paidOn": today().isoformat(), "statementNumber": number}
    await big.run(update(remittances).where(remittances.c.id == id).values(statement_number=number, paid_on=today()))
    for _ in range(SETTLEMENTS):
        await big.world.settle(invoice, "0.01", **paid)
    values = {"remittanceId": id, "paidOn": (today() - timedelta(days=1)).isoformat(), "reason": "x" * 200}
    fields = f"remittance {{ {REMITTANCE} }} settlements {{ id paidOn invoice {{ id }} }}"
    many = 2 * SETTLEMENTS
    return big.change("finance", "correctPaymentDate", fields, '"paidOn"', many, idempotencyKey=key(), **values)


async def cancel_remittance(big: Big) -> Call:
    id = await big_remittance(big, big.decided)
    values = {"remittanceId": id, "reason": "x" * 500, "idempotencyKey": key()}
    fields = f"remittance {{ {REMITTANCE} }}"
    return big.change("finance", "cancelRemittance", fields, '"CANCELLED"', LINES_PAGE_MAX + 1, **values)


async def release_remittance(big: Big) -> Call:
    id = await big_remittance(big, big.decided)
    await big.run(update(remittances).where(remittances.c.id == id).values(status=RemittanceStatus.REVIEW))
    values = {"remittanceId": id, "reason": "x" * 500, "idempotencyKey": key()}
    fields = f"remittance {{ {REMITTANCE} }}"
    return big.change("finance", "releaseRemittance", fields, '"MATCHED"', LINES_PAGE_MAX, **values)


async def post_remittance(big: Big) -> Call:
    fields = f"postedLines remittance {{ {REMITTANCE} }}"
    id = await big_remittance(big, big.decided)
    # More than a unit: the call answers with what is to be posted, and a job posts it.
    return big.change("finance", "postRemittance", fields, '"MATCHED"', LINES_PAGE_MAX, id=id, idempotencyKey=key())


async def save_contract(big: Big) -> Call:
    return big.change("admin", "saveContract", PRICES, '"code":', PRICES_MAX, **largest_contract(big))


async def check_eligibility(big: Big) -> Call:
    world = big.world
    values = {"provider": world.provider, "payer": world.payer, "cardNumber": world.card, "forceRefresh": True}
    return big.change("front_desk", "checkEligibility", "eligibility { id outcome }", '"outcome":', 1, **values)


async def open_emergency(big: Big) -> Call:
    values = {"patientId": big.world.patient, "reason": "the patient is unconscious " * 18, "minutes": 60}
    return big.change("front_desk", "openEmergencyAccess", "access { id }", '"access":{', 1, **values)


async def _big_contract(big: Big) -> str:
    saved = await big.world.mutate("admin", "saveContract", "contract { id }", **largest_contract(big))
    return str(saved["contract"]["id"])


async def end_price(big: Big) -> Call:
    values = {"contractId": await _big_contract(big), "codeSystem": "22", "code": "10000000"}
    return big.change("admin", "endContractPrice", PRICES, '"code":', PRICES_MAX, validTo="2026-01-01", **values)


async def close_contract(big: Big) -> Call:
    # The other calls need claims of today.
    day = (today() + timedelta(days=365)).isoformat()
    values = {"contractId": await _big_contract(big), "endsOn": day}
    return big.change("admin", "closeContract", PRICES, '"code":', PRICES_MAX, **values)


async def close_emergency(big: Big) -> Call:
    world = await new_world(big.gateway)
    await world.submitted_claim()
    access = await opened(world)
    call = big.change("admin", "closeEmergencyAccess", "access { id }", '"access":{', 1, emergencyAccessId=access)
    return replace(call, world=world)
