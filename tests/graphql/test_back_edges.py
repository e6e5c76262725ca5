"""From an object back to those that refer to it: settlements and statements, patients, won appeals, invoices."""

from typing import Any

from tests.factories import World, flat, key, new_world
from tests.gateway import Gateway
from tests.graphql.test_remittances import line, post, taken
from tests.inputs import shaped


async def _read(world: World, role: str, query: str, **variables: Any) -> Any:
    return flat(await world.call(role, query, **variables))


async def test_a_settlement_and_its_statement_lead_to_each_other(world: World) -> None:
    claim = await world.approved_claim()
    invoice = await world.issued_invoice("50.00")
    remittance = await taken(world, line(claim, "100.00"), statementNumber="DEM-7")
    (posted,) = (await post(world, remittance))["settlements"]
    typed = (await world.settle(invoice["id"], "10.00", statementNumber="DEM-7"))["settlement"]
    other = (await world.settle(invoice["id"], "10.00", statementNumber="DEM-8"))["settlement"]
    bare = (await world.settle(invoice["id"], "10.00"))["settlement"]
    reversal = (await world.reverse(posted["id"], "1.00"))["settlement"]
    query = "query($id: ID!) { remittance(id: $id) { settlements { totalCount nodes { id } } } }"
    found = (await _read(world, "finance", query, id=remittance["id"]))["remittance"]["settlements"]
    assert found == {"totalCount": 3, "nodes": [{"id": each["id"]} for each in (posted, typed, reversal)]}
    rows = (await _read(world, "finance", "{ settlements { nodes { id remittance { id } } } }"))["settlements"]
    own = {"id": remittance["id"]}
    assert {row["id"]: row["remittance"] for row in rows} == {
        **dict.fromkeys([posted["id"], typed["id"], reversal["id"]], own),
        **dict.fromkeys([other["id"], bare["id"]], None),
    }


async def test_the_same_number_of_another_payer_is_another_statement(gateway: Gateway) -> None:
    world, other = await new_world(gateway), await new_world(gateway)
    remittance = await taken(other, line(await other.approved_claim(), "100.00"), statementNumber="DEM-9")
    invoice = await world.issued_invoice("50.00")
    await world.settle(invoice["id"], "10.00", statementNumber="DEM-9")
    token = gateway.token("finance", providers=["*"])
    listed = f'{{ settlements(filter: {{ invoiceId: "{invoice["id"]}" }}) {{ nodes {{ remittance {{ id }} }} }} }}'
    assert flat((await gateway.gql(listed, token=token)).data)["settlements"] == [{"remittance": None}]
    query = "query($id: ID!) { remittance(id: $id) { settlements { totalCount } } }"
    found = (await gateway.gql(query, {"id": remittance["id"]}, token=token)).data["remittance"]
    assert found == {"settlements": {"totalCount": 0}}


async def test_a_cancelled_statement_leaves_its_settlements_to_the_next_import(world: World) -> None:
    claim = await world.approved_claim()
    wrong = await taken(world, line(claim, "90.00"), statementNumber="DEM-7")
    values = {"remittanceId": wrong["id"], "reason": "arquivo errado", "idempotencyKey": key()}
    assert (await world.mutate("finance", "cancelRemittance", "remittance { id }", **values))["errors"] == []
    right = await taken(world, line(claim, "100.00"), statementNumber="DEM-7")
    (posted,) = (await post(world, right))["settlements"]
    (row,) = (await _read(world, "finance", "{ settlements { nodes { id remittance { id } } } }"))["settlements"]
    assert row == {"id": posted["id"], "remittance": {"id": right["id"]}}
    query = "query($id: ID!) { remittance(id: $id) { settlements { totalCount } } }"
    counts = [(await _read(world, "finance", query, id=each["id"]))["remittance"] for each in (wrong, right)]
    assert counts == [{"settlements": {"totalCount": 0}}, {"settlements": {"totalCount": 1}}]


async def test_a_payment_has_its_reversals_and_what_is_left_of_it(world: World) -> None:
    invoice = await world.issued_invoice("100.00")
    paid = (await world.settle(invoice["id"], "60.00"))["settlement"]["id"]
    query = """query($id: ID!) { node(id: $id) { ... on Settlement {
      amount reversibleAmount
      reversals { totalCount nodes { id amount reversibleAmount reversals { totalCount } } } } } }"""
    untouched = (await _read(world, "finance", query, id=paid))["node"]
    assert untouched == {
        "amount": "60.00",
        "reversibleAmount": "60.00",
        "reversals": {"totalCount": 0, "nodes": []},
    }
    ids = [(await world.reverse(paid, amount))["settlement"]["id"] for amount in ("5.00", "15.00")]
    found = (await _read(world, "finance", query, id=paid))["node"]
    nothing = {"reversibleAmount": "0.00", "reversals": {"totalCount": 0}}
    reversals = [{"id": each, "amount": amount, **nothing} for each, amount in zip(ids, ("5.00", "15.00"), strict=True)]
    assert found == {
        "amount": "60.00",
        "reversibleAmount": "40.00",
        "reversals": {"totalCount": 2, "nodes": reversals},
    }


async def test_a_patient_has_claims_and_eligibility_checks_of_the_callers_scope_only(gateway: Gateway) -> None:
    world, other = await new_world(gateway), await new_world(gateway)
    first, second = (await world.create_claim())["claim"]["id"], (await world.create_claim())["claim"]["id"]
    checks = [(await world.check_eligibility())["eligibility"]["id"] for _ in range(2)]
    query = f"""{{ node(id: "{world.patient}") {{ ... on Patient {{
      claims {{ totalCount nodes {{ id patient {{ id }} }} }}
      eligibilityChecks {{ totalCount nodes {{ id }} }} }} }} }}"""
    found = (await _read(world, "biller", query))["node"]
    assert found["claims"]["totalCount"] == 2
    assert found["claims"]["nodes"] == [{"id": each, "patient": {"id": world.patient}} for each in (second, first)]
    assert found["eligibilityChecks"] == {"totalCount": 2, "nodes": [{"id": each} for each in reversed(checks)]}
    stranger = (await gateway.gql(query, token=other.token("biller"))).data
    assert stranger == {"node": None}


async def test_two_providers_of_one_patient_see_their_own_claims_of_it(gateway: Gateway) -> None:
    world, other = await new_world(gateway), await new_world(gateway)
    both = gateway.token("biller", providers=[world.provider, other.provider])
    mutation = "mutation($input: CreateClaimInput!) { createClaim(input: $input) { claim { id } errors { code } } }"
    made = {}
    for provider in (world.provider, other.provider):
        values = shaped("createClaim", world.claim_input(provider=provider))
        made[provider] = (await gateway.gql(mutation, {"input": values}, token=both)).data["createClaim"]["claim"]["id"]
    query = f'{{ node(id: "{world.patient}") {{ ... on Patient {{ claims {{ totalCount nodes {{ id }} }} }} }} }}'
    for provider, claim in made.items():
        token = gateway.token("biller", providers=[provider])
        found = (await gateway.gql(query, token=token)).data["node"]["claims"]
        assert found == {"totalCount": 1, "nodes": [{"id": claim}]}
    payer = gateway.token("payer_agent", payer=other.payer, providers=["*"])
    assert (await gateway.gql(query, token=payer)).data == {"node": None}


async def won_appeal(world: World) -> tuple[str, str]:
    """The ids of a claim and its denial of 40.00, of which an appeal won 30.00."""
    claim = await world.claim_in_review()
    decision = {"sequence": 1, "approvedAmount": "60.00", "denials": [{"code": "1705", "amount": "40.00"}]}
    await world.adjudicate(claim["id"], [decision])
    query = "query($id: ID!) { claim(id: $id) { items { denials { id } } } }"
    denial = (await world.call("reviewer", query, id=claim["id"]))["claim"]["items"][0]["denials"][0]["id"]
    appeal = {"id": denial, "justification": "Conforme contrato", "idempotencyKey": key()}
    assert (await world.mutate("biller", "appealDenial", "denial { id }", **appeal))["errors"] == []
    assert (await world.answer_appeals("id", (denial, "30.00")))["denials"] == [{"id": denial}]
    return claim["id"], denial


async def test_a_won_appeal_has_the_line_that_bills_it_and_a_claim_all_its_invoices(world: World) -> None:
    claim, denial = await won_appeal(world)
    query = """query($claim: ID!, $denial: ID!) {
      node(id: $denial) { ... on Denial { invoiceLine { kind amount } } }
      claim(id: $claim) { invoice { id } invoices { totalCount nodes { id status } } } }"""
    ids = {"claim": claim, "denial": denial}
    before = await _read(world, "biller", query, **ids)
    assert before["node"] == {"invoiceLine": None}
    assert before["claim"] == {"invoice": None, "invoices": {"totalCount": 0, "nodes": []}}
    first = (await world.create_invoice([claim]))["invoice"]["id"]
    billed = await _read(world, "biller", query, **ids)
    assert billed["node"] == {"invoiceLine": {"kind": "RECOVERY", "amount": "30.00"}}
    # The claim and its won appeal are two lines of one invoice.
    assert billed["claim"]["invoices"] == {"totalCount": 1, "nodes": [{"id": first, "status": "DRAFT"}]}
    await world.mutate("biller", "cancelInvoice", "invoice { id }", id=first)
    assert (await _read(world, "biller", query, **ids))["node"] == {"invoiceLine": None}
    second = (await world.create_invoice([claim]))["invoice"]["id"]
    again = (await _read(world, "biller", query, **ids))["claim"]
    assert again["invoice"] == {"id": second}
    assert again["invoices"]["nodes"] == [{"id": first, "status": "CANCELLED"}, {"id": second, "status": "DRAFT"}]


async def test_a_back_edge_needs_the_permission_of_the_way_that_leads_to_the_same(world: World) -> None:
    claim, denial = await won_appeal(world)
    invoice = await world.issued_invoice("50.00")
    paid = (await world.settle(invoice["id"], "10.00"))["settlement"]["id"]
    cases = [
        ("patient", denial, "Denial", "invoiceLine { id }", "invoices:read"),
        ("patient", claim, "Claim", "invoices { totalCount }", "invoices:read"),
        ("biller", paid, "Settlement", "remittance { id }", "remittances:read"),
        ("finance", world.patient, "Patient", "eligibilityChecks { totalCount }", "eligibility:read"),
    ]
    for role, identifier, type_name, field, permission in cases:
        query = f'{{ node(id: "{identifier}") {{ ... on {type_name} {{ {field} }} }} }}'
        answer = await world.gateway.gql(query, token=world.token(role))
        needed = [each["extensions"]["permission"] for each in answer.body["errors"]]
        assert (answer.codes, needed) == (["FORBIDDEN"], [permission]), (role, type_name)
