"""The largest call of every mutation on many objects."""

from dataclasses import replace
from typing import Any

from app.domain.claims import ClaimStatus
from app.domain.denials import DenialStatus
from app.resolvers.paging import PAGE_MAX
from app.services.bulk import STATEMENTS_MAX
from tests.factories import key, new_world
from tests.hostile.big_data import copied_claims
from tests.hostile.largest_data import Big, Call, big_remittance
from tests.hostile.largest_mutations import denied

LINES_EACH = 20
"""Of each statement; `postRemittance` has the longest one."""
FIELDS = "results { id object { id status } errors { code } }"
ITEMS_TOO = "results { id object { id status claim { id items { id } } } errors { code } }"


async def cancel_claims(big: Big) -> Call:
    found = await big.submitted(PAGE_MAX, ClaimStatus.SUBMITTED)
    return _call(big, "biller", "cancelClaims", FIELDS, claimIds=found, reason="x" * 500)


async def accept_denials(big: Big) -> Call:
    found = await denied(big, DenialStatus.OPEN, PAGE_MAX)
    return _call(big, "biller", "acceptDenials", ITEMS_TOO, denialIds=found)


async def appeal_denials(big: Big) -> Call:
    found = await denied(big, DenialStatus.OPEN, PAGE_MAX)
    appeals = [{"denialId": each, "justification": "x" * 500} for each in found]
    return _call(big, "biller", "appealDenials", ITEMS_TOO, appeals=appeals)


async def answer_appeals(big: Big) -> Call:
    found = await denied(big, DenialStatus.APPEALED, PAGE_MAX)
    answers = [{"denialId": each, "acceptedAmount": "0.01", "justification": "x" * 500} for each in found]
    return _call(big, "payer_agent", "answerAppeals", ITEMS_TOO, answers=answers)


async def issue_invoices(big: Big) -> Call:
    world = await new_world(big.gateway)
    claims = await copied_claims(big.gateway, (await world.approved_claim())["id"], PAGE_MAX)
    found = [(await world.create_invoice([each]))["invoice"]["id"] for each in claims]
    return replace(_call(big, "finance", "issueInvoices", FIELDS, invoiceIds=found), world=world)


async def post_remittances(big: Big) -> Call:
    world = await new_world(big.gateway)
    claims = await copied_claims(big.gateway, (await world.approved_claim())["id"], LINES_EACH * STATEMENTS_MAX)
    parts = [claims[number::STATEMENTS_MAX] for number in range(STATEMENTS_MAX)]
    found = [await big_remittance(replace(big, world=world), each) for each in parts]
    call = _call(big, "finance", "postRemittances", FIELDS, remittanceIds=found)
    return replace(call, world=world)


def _call(big: Big, role: str, name: str, fields: str, **values: Any) -> Call:
    (many,) = (len(each) for each in values.values() if isinstance(each, list))
    return big.change(role, name, fields, '"object":', many, idempotencyKey=key(), **values)
