"""The largest calls of the lists that forms and dashboards read."""

from typing import Any

from sqlalchemy import insert

from app.db.reference_tables import payers, providers
from app.domain.breakdown import MONTHS_MAX
from app.resolvers.paging import LINES_PAGE_MAX, PAGE_MAX
from tests.factories import today
from tests.hostile.big_data import copied_claims
from tests.hostile.largest_data import Big, Call, largest_contract

WORDS = "clinica hospital laboratorio centro de saude"
PERIOD = f'period: {{ from: "{today().year - MONTHS_MAX // 12 + 1}-01-01", to: "{today().year}-12-31" }}'
BY = "groupBy: [PAYER, PROVIDER, MONTH]"


async def _parties(big: Big) -> None:
    """A page of payers and of providers whose names have many words."""
    terms = {"submission_window_days": 180, "payment_term_days": 30, "is_answering": True}
    codes = [f"{700_000 + number}" for number in range(PAGE_MAX)]
    payer_rows = [{"ans_code": code, "name": f"Clínica {WORDS} {code}", **terms} for code in codes]
    numbers = {"tax_id": "11222333000181", "last_invoice_number": 0}
    provider_rows = [{"cnes": f"7{code}", "name": f"Clínica {WORDS} {code}", **numbers} for code in codes]

    async def work(connection: Any) -> None:
        await connection.execute(insert(payers).prefix_with("IGNORE"), payer_rows)
        await connection.execute(insert(providers).prefix_with("IGNORE"), provider_rows)

    await big.gateway.database.transact(work)


async def payers_page(big: Big) -> Call:
    await _parties(big)
    query = f'{{ payers(search: "{WORDS}", first: 100) {{ totalCount nodes {{ ansCode name paymentTermDays }} }} }}'
    return big.read(query, '"ansCode":', PAGE_MAX)


async def payer(big: Big) -> Call:
    return big.read(f'{{ payer(ansCode: "{big.world.payer}") {{ ansCode name }} }}', '"ansCode":', 1)


async def providers_page(big: Big) -> Call:
    await _parties(big)
    query = '{ providers(search: "clinic", first: 100) { totalCount nodes { cnes name taxId } } }'
    return big.read(query, '"cnes":', 1)


async def provider(big: Big) -> Call:
    return big.read(f'{{ provider(cnes: "{big.world.provider}") {{ cnes name }} }}', '"cnes":', 1)


async def practitioners_page(big: Big) -> Call:
    for number in range(PAGE_MAX):
        await copied_claims(big.gateway, big.narrow, 1, practitioner_number=f"9{number:06d}")
    query = "{ practitioners(first: 100) { totalCount nodes { name council number state cbo } } }"
    return big.read(query, '"council":', PAGE_MAX)


async def patients_page(big: Big) -> Call:
    query = f'{{ patients(cardNumber: "{big.world.card}", first: 100) {{ totalCount nodes {{ id name cpf }} }} }}'
    return big.read(query, '"cpf":', 1)


async def contract(big: Big) -> Call:
    done = await big.world.mutate("admin", "saveContract", "contract { id }", **largest_contract(big))
    assert done["errors"] == []
    query = "query($id: ID!) { contract(id: $id) { id prices(first: 1000) { nodes { code unitPrice validFrom } } } }"
    return big.read(query, '"code":', LINES_PAGE_MAX, id=done["contract"]["id"])


async def billing_breakdown(big: Big) -> Call:
    shown = "month payer { name } provider { name } reconciliation { billedAmount awaitingAmount } finalDenialRate"
    query = f"{{ billingBreakdown({BY}, {PERIOD}, first: 100) {{ totalCount nodes {{ {shown} }} }} }}"
    return big.read(query, '"month":', 1)


async def underpayments(big: Big) -> Call:
    shown = "performedOn expectedAmount underpaidAmount claim { id } item { code }"
    return big.read(f"{{ underpayments(first: 100) {{ totalCount nodes {{ {shown} }} }} }}", '"performedOn":', 0)


async def withheld_taxes(big: Big) -> Call:
    shown = "tax month amount payer { name }"
    return big.read(f"{{ withheldTaxes({PERIOD}, first: 100) {{ totalCount nodes {{ {shown} }} }} }}", '"tax":', 0)


async def denial_breakdown(big: Big) -> Call:
    shown = "code month payer { name } provider { name } amount lostAmount"
    query = f"{{ denialBreakdown(groupBy: [CODE, MONTH], {PERIOD}, first: 100) {{ totalCount nodes {{ {shown} }} }} }}"
    return big.read(query, '"code":', 1)
