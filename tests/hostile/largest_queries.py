"""The largest call of every query."""

from typing import Any

from sqlalchemy import func

from app.db.reference_tables import eligibility_checks
from app.db.remittance_tables import remittance_lines, remittances
from app.db.tables import settlements
from app.domain import ids
from app.domain.claim_form import ITEMS_MAX
from app.domain.remittances import RemittanceLineProblem, RemittanceLineStatus
from app.resolvers.paging import LINES_PAGE_MAX, PAGE_MAX
from tests.factories import BLOOD_COUNT, key
from tests.hostile.big_data import copy_rows
from tests.hostile.largest_data import (
    CLAIM,
    INVOICE,
    INVOICE_LINES,
    REMITTANCE,
    STATEMENTS,
    Big,
    Call,
    copied_row,
    largest_contract,
)
from tests.inputs import shaped

SETTLEMENTS = "settlements(first: 100) { nodes { id amount } }"


async def me(big: Big) -> Call:
    return big.read("{ me { subject roles permissions providerCnes } }", '"subject"', 1)


async def stream_cursor(big: Big) -> Call:
    return big.read("{ streamCursor }", '"streamCursor"', 1)


async def node(big: Big) -> Call:
    query = f"query($id: ID!) {{ node(id: $id) {{ ... on Claim {{ {CLAIM} }} }} }}"
    return big.read(query, '"sequence":', ITEMS_MAX, id=big.wide)


async def nodes(big: Big) -> Call:
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { ... on Claim { id items { id sequence code totalAmount } } } }"
    found = await big.submitted(PAGE_MAX)
    return big.read(query, '"sequence":', PAGE_MAX * ITEMS_MAX, ids=found)


async def claim(big: Big) -> Call:
    query = f"query($id: ID!) {{ claim(id: $id) {{ {CLAIM} patient {{ name cpf }} paidAmount }} }}"
    return big.read(query, '"sequence":', ITEMS_MAX, id=big.wide)


async def claim_preflight(big: Big) -> Call:
    flat = big.world.claim_input(items=[{**BLOOD_COUNT, "code": f"{n:08d}"} for n in range(ITEMS_MAX)])
    values = shaped("createClaim", flat)["claim"]
    query = (
        "query($input: ClaimPreflightInput!) { claimPreflight(input: $input) "
        "{ passes atRiskAmount findings { code message field } } }"
    )
    return big.read(query, '"field":', ITEMS_MAX, role="biller", input={"claim": values})


async def claims_page(big: Big) -> Call:
    where = 'filter: { claimedAmount: { from: "100.00" } }'
    query = f"{{ claims(first: 100, {where}) {{ nodes {{ id items {{ id sequence code totalAmount }} }} }} }}"
    return big.read(query, '"sequence":', PAGE_MAX * ITEMS_MAX)


async def denials_page(big: Big) -> Call:
    query = "{ denials(first: 100) { nodes { id code amount item { id } claim { id items { id sequence } } } } }"
    return big.read(query, '"sequence":', PAGE_MAX * ITEMS_MAX)


async def invoice(big: Big) -> Call:
    query = f"query($id: ID!) {{ invoice(id: $id) {{ {INVOICE} {SETTLEMENTS} }} }}"
    return big.read(query, '"kind":', INVOICE_LINES, role="finance", id=big.invoice)


async def invoices_page(big: Big) -> Call:
    query = "{ invoices(first: 100) { nodes { id lines(first: 1000) { nodes { id amount claim { id } } } } } }"
    return big.read(query, '"claim":', INVOICE_LINES)


async def settlements_page(big: Big) -> Call:
    paid = (await big.world.settle(big.invoice, "1.00"))["settlement"]["id"]
    await copied_row(big, settlements, paid, ids.SETTLEMENT, PAGE_MAX)
    query = "{ settlements(first: 100) { nodes { id amount invoice { lines(first: 1000) { nodes { id } } } } } }"
    return big.read(query, '"invoice":', PAGE_MAX, role="finance")


async def remittance(big: Big) -> Call:
    query = f"query($id: ID!) {{ remittance(id: $id) {{ {REMITTANCE} }} }}"
    return big.read(query, '"sequence":', LINES_PAGE_MAX, role="finance", id=big.remittance)


async def remittances_page(big: Big) -> Call:
    numbers = iter(range(PAGE_MAX))
    copies = await copied_row(
        big, remittances, big.remittance, ids.REMITTANCE, STATEMENTS, statement_number=lambda _: f"C{next(numbers)}"
    )

    async def work(connection: Any) -> None:
        for copy in copies:
            line = func.concat("rml_", copy[-20:], func.lpad(remittance_lines.c.sequence, 6, "0"))
            await copy_rows(
                connection,
                remittance_lines,
                remittance_lines.c.remittance_id == big.remittance,
                id=line,
                remittance_id=copy,
                status=RemittanceLineStatus.UNMATCHED,
                problem=RemittanceLineProblem.UNKNOWN_CLAIM,
                claim_id=None,
            )

    await big.gateway.database.transact(work, seconds=60)
    lines = "lines(first: 1000) { nodes { id sequence } }"
    query = f"query($ids: [ID!]) {{ remittances(first: 100, filter: {{ ids: $ids }}) {{ nodes {{ id {lines} }} }} }}"
    shown = [big.remittance, *copies]
    return big.read(query, '"sequence":', len(shown) * LINES_PAGE_MAX, role="finance", ids=shown)


async def unmatched_lines(big: Big) -> Call:
    unknown = [{"payerClaimNumber": f"U{number}", "paidAmount": "1.00"} for number in range(PAGE_MAX)]
    parties = {"provider": big.world.provider, "payer": big.world.payer}
    values = {**parties, "statementNumber": key()[:20], "lines": unknown, "idempotencyKey": key()}
    done = await big.world.mutate("finance", "importRemittance", "remittance { id }", **values)
    assert done["errors"] == []
    query = "{ unmatchedRemittanceLines(first: 100) { nodes { id denials { code } remittance { id status } } } }"
    return big.read(query, '"remittance":', PAGE_MAX, role="finance")


async def reconciliation(big: Big) -> Call:
    query = "{ reconciliation { billedAmount paidAmount awaitingAmount unexplainedAmount } }"
    return big.read(query, '"billedAmount":', 1)


async def billing_indicators(big: Big) -> Call:
    query = (
        "{ billingIndicators(expiringWithinDays: 3650) { processedAmount undecidedClaimCount meanDaysToPayment "
        "initialDenialRate finalDenialRate undecidedAmount aboutToBeLostAmount } }"
    )
    return big.read(query, '"processedAmount":', 1)


async def contracts(big: Big) -> Call:
    done = await big.world.mutate("admin", "saveContract", "contract { id }", **largest_contract(big))
    assert done["errors"] == []
    query = "{ contracts(first: 100) { nodes { id prices(first: 1000) { nodes { code unitPrice validFrom } } } } }"
    return big.read(query, '"code":', LINES_PAGE_MAX)


async def eligibility_history(big: Big) -> Call:
    check = (await big.world.check_eligibility())["eligibility"]["id"]
    await copied_row(big, eligibility_checks, check, ids.ELIGIBILITY, PAGE_MAX)
    query = "{ eligibilityHistory(first: 100) { nodes { id outcome patient { name cpf } reasons { code } } } }"
    return big.read(query, '"outcome":', PAGE_MAX)


async def tuss_term(big: Big) -> Call:
    return big.read('{ tussTerm(codeSystem: "22", code: "10101012") { code term } }', '"term":', 1)


async def tuss_terms(big: Big) -> Call:
    query = '{ tussTerms(search: "de com sem por em para", first: 100) { totalCount nodes { code term } } }'
    return big.read(query, '"totalCount":', 1)


async def my_access_log(big: Big) -> Call:
    query = "{ myAccessLog(first: 100) { nodes { id } } }"
    return big.read(query, '"nodes":', 1, role="patient")


async def emergency_accesses(big: Big) -> Call:
    return big.read("{ emergencyAccesses(first: 100) { nodes { id } } }", '"nodes":', 1, role="admin")
