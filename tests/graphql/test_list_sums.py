"""Sums over whole lists, whatever the page shows."""

from typing import Any

import pytest

from tests.factories import CONSULTATION, World, key, new_world
from tests.gateway import Gateway

SUMS = {
    "claims": "claimedAmount approvedAmount deniedAmount patientAmount paidAmount",
    "denials": "amount inDisputeAmount wonAmount lostAmount aboutToBeLostAmount",
    "invoices": "totalAmount settledAmount dueAmount",
    "settlements": "paidAmount reversedAmount netAmount",
}
TYPES = {name: f"{name[0].upper()}{name[1:-1]}FilterInput" for name in SUMS}


async def _sums(world: World, name: str, role: str = "biller", **filter: Any) -> list[str]:
    """The sums in the order of SUMS, of a list of which the page shows one object."""
    query = f"query($f: {TYPES[name]}) {{ {name}(first: 1, filter: $f) {{ sums {{ {SUMS[name]} }} }} }}"
    found = (await world.call(role, query, f=filter))[name]["sums"]
    return [found[each] for each in SUMS[name].split()]


async def _denied(world: World, total: str, approved: str, denied: str) -> tuple[str, str]:
    claim = (await world.claim_in_review(items=[{**CONSULTATION, "unitPrice": total}]))["id"]
    denials = [{"code": "1705", "amount": denied}]
    await world.adjudicate(claim, [{"sequence": 1, "approvedAmount": approved, "denials": denials}])
    query = "query($id: ID!) { claim(id: $id) { items { denials { id } } } }"
    return claim, (await world.call("biller", query, id=claim))["claim"]["items"][0]["denials"][0]["id"]


async def _books(world: World) -> dict[str, str]:
    """A partly denied claim and an approved one on one invoice, of which a payment was reversed in part; a denied claim
    that is replaced, one whose denial is accepted, and a draft."""
    claim, denial = await _denied(world, "100.00", "60.00", "40.00")
    _, accepted = await _denied(world, "50.00", "30.00", "20.00")
    await world.mutate("biller", "acceptDenial", "denial { id }", denialId=accepted, idempotencyKey=key())
    replaced, _ = await _denied(world, "7.00", "0.00", "7.00")
    values = {"id": replaced, "providerClaimNumber": f"R{key()[:12]}", "idempotencyKey": key()}
    await world.mutate("biller", "replaceClaim", "claim { id }", **values)
    approved = (await world.approved_claim("80.00"))["id"]
    invoice = (await world.create_invoice([claim, approved]))["invoice"]["id"]
    await world.mutate("finance", "issueInvoice", "invoice { id }", id=invoice)
    payment = (await world.settle(invoice, "90.00"))["settlement"]["id"]
    await world.reverse(payment, "15.00")
    return {"claim": claim, "denial": denial, "invoice": invoice, "payment": payment}


async def test_every_list_adds_up_all_that_its_filter_matches(world: World) -> None:
    ids = await _books(world)
    # The draft that replaces the denied claim is a claim of 7.00 too.
    assert await _sums(world, "claims") == ["244.00", "170.00", "67.00", "0.00", "75.00"]
    assert await _sums(world, "claims", ids=[ids["claim"]]) == ["100.00", "60.00", "40.00", "0.00", "60.00"]
    assert await _sums(world, "claims", status=["DRAFT"]) == ["7.00", "0.00", "0.00", "0.00", "0.00"]
    assert await _sums(world, "denials") == ["67.00", "47.00", "0.00", "20.00", "40.00"]
    assert await _sums(world, "denials", ids=[ids["denial"]]) == ["40.00", "40.00", "0.00", "0.00", "40.00"]
    assert await _sums(world, "invoices") == ["140.00", "75.00", "65.00"]
    assert await _sums(world, "settlements") == ["90.00", "15.00", "75.00"]
    assert await _sums(world, "settlements", ids=[ids["payment"]]) == ["90.00", "0.00", "90.00"]
    for name in SUMS:
        assert set(await _sums(world, name, ids=[])) == {"0.00"}


async def test_won_and_lost_parts_of_an_appeal(world: World) -> None:
    _, denial = await _denied(world, "100.00", "60.00", "40.00")
    appeal = {"denialId": denial, "justification": "conforme contrato", "amount": "30.00", "idempotencyKey": key()}
    await world.mutate("biller", "appealDenial", "denial { id }", **appeal)
    assert await _sums(world, "denials") == ["40.00", "30.00", "0.00", "10.00", "0.00"]
    answer = {"denialId": denial, "acceptedAmount": "12.00", "idempotencyKey": key()}
    await world.mutate("payer_agent", "answerAppeal", "denial { id }", **answer)
    assert await _sums(world, "denials") == ["40.00", "0.00", "12.00", "28.00", "0.00"]


async def test_others_sums_are_zero(gateway: Gateway, world: World) -> None:
    await _books(world)
    other = await new_world(gateway)
    parties = {"payerAnsCode": [world.payer], "providerCnes": [world.provider]}
    for name in SUMS:
        for role in ("biller", "payer_agent"):
            assert set(await _sums(other, name, role, **parties)) == {"0.00"}


@pytest.mark.parametrize("name", SUMS)
async def test_sums_are_made_by_one_statement_if_they_are_asked_for(world: World, name: str) -> None:
    counts = []
    for further in ("", f"sums {{ {SUMS[name]} }}"):
        with world.gateway.counting() as statements:
            await world.call("biller", f"{{ {name} {{ nodes {{ id }} {further} }} }}")
        counts.append(len(statements))
    assert counts == [1, 2]


@pytest.mark.parametrize("name", ["claims", "invoices"])
async def test_sums_need_the_permission_to_read_amounts(world: World, name: str) -> None:
    token = world.gateway.token("front_desk", providers=[world.provider])
    answer = await world.gateway.gql(f"{{ {name} {{ totalCount sums {{ {SUMS[name]} }} }} }}", token=token)
    assert (answer.body["data"], answer.codes) == ({name: {"totalCount": 0, "sums": None}}, ["FORBIDDEN"])


NESTED = """{ invoices(orderBy: { field: CREATED_AT, direction: ASC }) {
  nodes { settlements(first: 1) { nodes { id } sums { paidAmount reversedAmount netAmount } } } } }"""


async def test_the_lists_of_objects_have_sums_by_one_statement_for_all(world: World) -> None:
    counts = []
    for number in range(1, 4):
        invoice = (await world.issued_invoice("100.00"))["id"]
        payment = (await world.settle(invoice, f"{number * 10}.00"))["settlement"]["id"]
        await world.reverse(payment, f"{number}.00")
        with world.gateway.counting() as statements:
            found = (await world.call("finance", NESTED))["invoices"]["nodes"]
        counts.append(len(statements))
    sums = [list(each["settlements"]["sums"].values()) for each in found]
    assert sums == [["10.00", "1.00", "9.00"], ["20.00", "2.00", "18.00"], ["30.00", "3.00", "27.00"]]
    # The invoices, their settlements, and the sums.
    assert counts == [3, 3, 3]


async def test_the_sums_of_a_patients_claims_and_of_a_claims_invoices(world: World) -> None:
    ids = await _books(world)
    query = """query($id: ID!) { claim(id: $id) {
      invoices { sums { totalAmount settledAmount dueAmount } }
      patient { claims(first: 1) { sums { claimedAmount approvedAmount deniedAmount patientAmount paidAmount } } }
    } }"""
    found = (await world.call("biller", query, id=ids["claim"]))["claim"]
    assert list(found["invoices"]["sums"].values()) == ["140.00", "75.00", "65.00"]
    assert list(found["patient"]["claims"]["sums"].values()) == ["244.00", "170.00", "67.00", "0.00", "75.00"]
    query = (
        "query($id: ID!) { node(id: $id) { ... on Settlement { reversals { sums { paidAmount reversedAmount } } } } }"
    )
    reversals = (await world.call("finance", query, id=ids["payment"]))["node"]["reversals"]
    assert reversals == {"sums": {"paidAmount": "0.00", "reversedAmount": "15.00"}}


async def test_an_object_without_settlements_has_sums_of_zero(world: World) -> None:
    await world.issued_invoice("100.00")
    found = (await world.call("finance", NESTED))["invoices"]["nodes"]
    assert found == [
        {"settlements": {"nodes": [], "sums": {"paidAmount": "0.00", "reversedAmount": "0.00", "netAmount": "0.00"}}}
    ]
