"""What payers keep back of payments: the claims are paid in full, the taxes are withheld, a discount is lost."""

from typing import Any

import pytest

from tests.factories import World, refusals, today
from tests.gateway import Gateway

FIELDS = "id amount withheldAmount discountAmount netAmount deductions { kind amount }"
PCC = {"kind": "PCC", "amount": "4.65"}
IRRF = {"kind": "IRRF", "amount": "1.50"}
BOOKS = """query Books($payer: AnsCode!) {
  reconciliation(payerAnsCode: $payer) {
    billedAmount paidAmount withheldAmount inDisputeAmount lostAmount awaitingAmount underpaidAmount unappliedAmount
    unexplainedAmount
  }
}"""
TAXES = """query Taxes($payer: AnsCode!, $first: Int! = 20, $after: String, $period: DateRangeInput) {
  withheldTaxes(payerAnsCode: $payer, period: $period, first: $first, after: $after) {
    totalCount nodes { tax month amount payer { ansCode } } pageInfo { endCursor hasNextPage }
  }
}"""


async def _settle(world: World, invoice: str, deductions: list[dict[str, str]], **values: Any) -> Any:
    return await world.settle(invoice, fields=FIELDS, deductions=deductions, **values)


async def _books(world: World) -> dict[str, str]:
    found: dict[str, str] = (await world.call("finance", BOOKS, payer=world.payer))["reconciliation"]
    assert found.pop("unexplainedAmount") == "0.00"
    return {name.removesuffix("Amount"): value for name, value in found.items() if value != "0.00"}


async def _taxes(world: World, **variables: Any) -> list[tuple[str, str]]:
    found = (await world.call("finance", TAXES, payer=world.payer, **variables))["withheldTaxes"]
    assert {each["payer"]["ansCode"] for each in found["nodes"]} <= {world.payer}
    return [(each["tax"], each["amount"]) for each in found["nodes"]]


async def test_a_payment_net_of_tax_pays_the_claims_in_full(world: World) -> None:
    invoice = await world.issued_invoice("100.00")
    payload = await _settle(world, invoice["id"], [IRRF, PCC])
    assert payload["errors"] == []
    assert payload["settlement"] == {
        "id": payload["settlement"]["id"],
        "amount": "100.00",
        "withheldAmount": "6.15",
        "discountAmount": "0.00",
        "netAmount": "93.85",
        "deductions": [IRRF, PCC],
    }
    assert payload["invoice"]["status"] == "SETTLED"
    assert await _books(world) == {"billed": "100.00", "paid": "93.85", "withheld": "6.15"}
    assert await _taxes(world) == [("IRRF", "1.50"), ("PCC", "4.65")]
    sums = "query { settlements { sums { paidAmount netAmount withheldAmount discountAmount } } }"
    assert (await world.call("finance", sums))["settlements"]["sums"] == {
        "paidAmount": "100.00",
        "netAmount": "100.00",
        "withheldAmount": "6.15",
        "discountAmount": "0.00",
    }


async def test_a_discount_is_lost_and_no_tax(world: World) -> None:
    invoice = await world.issued_invoice("200.00")
    payload = await _settle(world, invoice["id"], [{"kind": "DISCOUNT", "amount": "2.00"}], amount="100.00")
    row = payload["settlement"]
    assert (row["withheldAmount"], row["discountAmount"], row["netAmount"]) == ("0.00", "2.00", "98.00")
    assert await _books(world) == {
        "billed": "200.00",
        "paid": "98.00",
        "lost": "2.00",
        "awaiting": "100.00",
        "underpaid": "100.00",
    }
    assert await _taxes(world) == []


async def test_a_reversal_takes_back_its_share_and_the_last_one_all(world: World) -> None:
    invoice = await world.issued_invoice("100.00")
    paid = await _settle(world, invoice["id"], [IRRF, PCC])
    part = await world.reverse(paid["settlement"]["id"], "33.33", fields=FIELDS)
    # 33.33 % of 6.15 is 2.049..., rounded down; of the two taxes in proportion.
    assert part["settlement"] == {
        "id": part["settlement"]["id"],
        "amount": "33.33",
        "withheldAmount": "2.04",
        "discountAmount": "0.00",
        "netAmount": "31.29",
        "deductions": [{"kind": "IRRF", "amount": "0.49"}, {"kind": "PCC", "amount": "1.55"}],
    }
    assert await _books(world) == {
        "billed": "100.00",
        "paid": "62.56",
        "withheld": "4.11",
        "awaiting": "33.33",
        "underpaid": "33.33",
    }
    assert await _taxes(world) == [("IRRF", "1.01"), ("PCC", "3.10")]
    rest = await world.reverse(paid["settlement"]["id"], fields=FIELDS)
    assert (rest["settlement"]["amount"], rest["settlement"]["netAmount"]) == ("66.67", "62.56")
    assert await _books(world) == {"billed": "100.00", "awaiting": "100.00"}
    assert await _taxes(world) == [("IRRF", "0.00"), ("PCC", "0.00")]


@pytest.mark.parametrize(
    ("deductions", "refusal"),
    [
        ([IRRF, IRRF], ("INVALID_INPUT", "deductions", None)),
        ([{"kind": "ISS", "amount": "0.00"}], ("INVALID_AMOUNT", "deductions.0.amount", "5040")),
        ([IRRF, {"kind": "ISS", "amount": "98.51"}], ("INVALID_AMOUNT", "deductions", None)),
    ],
)
async def test_wrong_deductions_change_nothing(
    world: World, deductions: list[dict[str, str]], refusal: tuple[str, str, str | None]
) -> None:
    invoice = await world.issued_invoice("100.00")
    assert refusals(await _settle(world, invoice["id"], deductions)) == [refusal]
    assert await _books(world) == {"billed": "100.00", "awaiting": "100.00"}


async def test_withheld_taxes_have_pages_and_a_period_of_payment(world: World) -> None:
    invoice = await world.issued_invoice("100.00")
    await _settle(world, invoice["id"], [IRRF, PCC], amount="50.00")
    first = (await world.call("finance", TAXES, payer=world.payer, first=1))["withheldTaxes"]
    assert (first["totalCount"], [each["tax"] for each in first["nodes"]]) == (2, ["IRRF"])
    assert first["nodes"][0]["month"] == f"{today():%Y-%m}"
    assert await _taxes(world, first=1, after=first["pageInfo"]["endCursor"]) == [("PCC", "4.65")]
    assert await _taxes(world, period={"from": today().isoformat()}) == [("IRRF", "1.50"), ("PCC", "4.65")]
    assert await _taxes(world, period={"to": "2026-01-01"}) == []


async def test_others_see_no_taxes(world: World, gateway: Gateway) -> None:
    invoice = await world.issued_invoice("100.00")
    await _settle(world, invoice["id"], [IRRF])
    stranger = gateway.token("finance", providers=["7654321"])
    found = (await gateway.gql(TAXES, {"payer": world.payer}, token=stranger)).data["withheldTaxes"]
    assert (found["totalCount"], found["nodes"]) == (0, [])
