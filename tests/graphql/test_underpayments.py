"""What the contract would have paid: items billed below its price are warned of, and listed when they are paid."""

from datetime import timedelta
from typing import Any

from tests.factories import BLOOD_COUNT, CONSULTATION, World, today
from tests.gateway import Gateway
from tests.graphql.test_preflight import PRICE
from tests.preflights import preflight, save_contract

LIST = """query List($payer: AnsCode!, $day: DateRangeInput) {
  underpayments(filter: { payerAnsCode: [$payer], performedOn: $day }) { totalCount nodes {
    performedOn billedUnitPrice contractUnitPrice expectedAmount approvedAmount underpaidAmount claim { id } } } }"""


async def _listed(world: World, day: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    found = (await world.call("finance", LIST, payer=world.payer, day=day))["underpayments"]
    assert found["totalCount"] == len(found["nodes"])
    listed: list[dict[str, Any]] = found["nodes"]
    return listed


async def _approved(world: World, *items: dict[str, Any], denied: str | None = None) -> str:
    """A claim with these items, all approved, or with so much of the first denied."""
    claim = await world.claim_in_review(items=list(items))
    query = "query($id: ID!) { claim(id: $id) { items { sequence totalAmount } } }"
    found = (await world.call("reviewer", query, id=claim["id"]))["claim"]["items"]
    decisions: list[dict[str, Any]] = [
        {"sequence": each["sequence"], "approvedAmount": each["totalAmount"]} for each in found
    ]
    if denied:
        rest = f"{float(decisions[0]['approvedAmount']) - float(denied):.2f}"
        decisions[0] |= {"approvedAmount": rest, "denials": [{"code": "1705", "amount": denied}]}
    assert (await world.adjudicate(claim["id"], decisions))["errors"] == []
    return str(claim["id"])


async def test_an_item_paid_below_the_price_of_its_day_is_listed_with_what_is_missing(world: World) -> None:
    yesterday = str(today() - timedelta(days=1))
    old = {**PRICE, "validTo": yesterday}
    new = {**PRICE, "unitPrice": "120.00", "validFrom": str(today()), "quantityMax": "2"}
    await save_contract(world, old, new)
    below = await _approved(world, {**CONSULTATION, "unitPrice": "95.00", "quantity": "2", "factor": "0.50"})
    await _approved(world, {**CONSULTATION, "unitPrice": "120.00"})
    await _approved(world, {**CONSULTATION, "unitPrice": "95.00", "quantity": "3"})
    await _approved(world, {**CONSULTATION, "unitPrice": "95.00"}, denied="5.00")
    await _approved(world, {**CONSULTATION, "unitPrice": "0.00"}, BLOOD_COUNT)
    await world.claim_in_review(items=[{**CONSULTATION, "unitPrice": "95.00"}])
    assert await _listed(world) == [
        {
            "performedOn": today().isoformat(),
            "billedUnitPrice": "95.00",
            "contractUnitPrice": "120.00",
            "expectedAmount": "120.00",
            "approvedAmount": "95.00",
            "underpaidAmount": "25.00",
            "claim": {"id": below},
        }
    ]
    assert await _listed(world, {"to": yesterday}) == []


async def test_the_price_is_that_of_the_day_of_the_service(world: World) -> None:
    first, day = today() - timedelta(days=9), today() - timedelta(days=5)
    await save_contract(world, {**PRICE, "unitPrice": "101.00", "validFrom": str(first), "validTo": str(day)}, {
        **PRICE, "validFrom": str(day + timedelta(days=1)),
    })  # fmt: skip
    await _approved(world, {**CONSULTATION, "performedOn": day.isoformat()}, CONSULTATION)
    assert [(each["performedOn"], each["underpaidAmount"]) for each in await _listed(world)] == [
        (day.isoformat(), "1.00")
    ]


async def test_billing_below_the_price_is_warned_of(world: World) -> None:
    await save_contract(world, PRICE)
    report = await preflight(world, items=[{**CONSULTATION, "unitPrice": "99.99"}])
    warned = [(each["field"], each["message"], each["atRiskAmount"]) for each in report["findings"]]
    message = "the contract pays 100.00: billing less loses the difference"
    assert warned == [(["items", "0", "unitPrice"], message, "0.00")]
    assert report["passes"] is True


async def test_others_see_no_underpayments(world: World, gateway: Gateway) -> None:
    await save_contract(world, {**PRICE, "unitPrice": "101.00"})
    await _approved(world, CONSULTATION)
    assert len(await _listed(world)) == 1
    stranger = gateway.token("finance", providers=["7654321"])
    found = (await gateway.gql(LIST, {"payer": world.payer}, token=stranger)).data["underpayments"]
    assert (found["totalCount"], found["nodes"]) == (0, [])
