"""Denials by procedure and practitioner, with the denied share of what was processed and the share won back."""

from typing import Any

from tests.factories import BLOOD_COUNT, CONSULTATION, DOCTOR, World, key, new_world

QUERY = """query($by: [DenialDimension!]!, $payer: AnsCode, $first: Int! = 100, $after: String) {
  denialBreakdown(groupBy: $by, payerAnsCode: $payer, first: $first, after: $after) { totalCount
    pageInfo { endCursor } nodes {
      code procedure { codeSystem code } practitioner { council number state } denialCount amount processedAmount
      denialRate recoveredShare
  } }
}"""
OTHER = {**DOCTOR, "number": "777"}


async def _decided(world: World, doctor: Any, *denied: tuple[str, str]) -> list[str]:
    """A claim of 100.00 and 37.00; `denied` are the codes and amounts by item. The ids of the denials."""
    claim = await world.claim_in_review(items=[CONSULTATION, BLOOD_COUNT], practitioner=doctor)
    decisions: list[dict[str, Any]] = [
        {"sequence": 1, "approvedAmount": f"{100 - float(denied[0][1]):.2f}"},
        {"sequence": 2, "approvedAmount": f"{37 - float(denied[1][1]):.2f}"},
    ]
    for decision, (code, amount) in zip(decisions, denied, strict=True):
        if code:
            decision["denials"] = [{"code": code, "amount": amount}]
    assert (await world.adjudicate(claim["id"], decisions))["errors"] == []
    query = "query($id: ID!) { claim(id: $id) { items { denials { id } } } }"
    items = (await world.call("biller", query, id=claim["id"]))["claim"]["items"]
    return [each["id"] for item in items for each in item["denials"]]


async def _groups(world: World, *by: str, **values: Any) -> Any:
    return (await world.call("biller", QUERY, by=list(by), payer=world.payer, **values))["denialBreakdown"]


async def test_rates_and_recovered_shares_are_exact(world: World) -> None:
    first, _ = await _decided(world, DOCTOR, ("1801", "40.00"), ("1705", "37.00"))
    await _decided(world, OTHER, ("1801", "10.00"), ("", "0"))
    await _decided(world, OTHER, ("", "0"), ("", "0"))
    values = {"denialId": first, "justification": "devida", "idempotencyKey": key()}
    assert (await world.mutate("biller", "appealDenial", "denial { id }", **values))["errors"] == []
    await world.answer_appeals("id", (first, "25.00"))
    plain = {"code": None, "practitioner": None, "procedure": None}
    consultation, count = ({"codeSystem": "22", "code": each["code"]} for each in (CONSULTATION, BLOOD_COUNT))
    by_procedure = await _groups(world, "PROCEDURE")
    assert by_procedure["nodes"] == [
        # 50.00 of 300.00 were denied, of which 25.00 came back.
        {**plain, "procedure": consultation, "denialCount": 2, "amount": "50.00", "processedAmount": "300.00"}
        | {"denialRate": "0.1667", "recoveredShare": "0.5000"},
        {**plain, "procedure": count, "denialCount": 1, "amount": "37.00", "processedAmount": "111.00"}
        | {"denialRate": "0.3333", "recoveredShare": "0.0000"},
    ]
    doctors = [{"council": "06", "number": each["number"], "state": "35"} for each in (DOCTOR, OTHER)]
    by_doctor = await _groups(world, "PRACTITIONER", "CODE")
    assert [
        (each["practitioner"], each["code"], each["amount"], each["processedAmount"], each["denialRate"])
        for each in by_doctor["nodes"]
    ] == [
        (doctors[0], "1705", "37.00", "137.00", "0.2701"),
        (doctors[0], "1801", "40.00", "137.00", "0.2920"),
        (doctors[1], "1801", "10.00", "274.00", "0.0365"),
    ]
    (code,) = [each for each in (await _groups(world, "CODE"))["nodes"] if each["code"] == "1801"]
    assert (code["amount"], code["processedAmount"], code["recoveredShare"]) == ("50.00", "411.00", "0.5000")


async def test_pages_have_the_same_groups_and_others_see_nothing(world: World) -> None:
    await _decided(world, DOCTOR, ("1801", "40.00"), ("1705", "37.00"))
    whole = await _groups(world, "PROCEDURE", "CODE")
    page = await _groups(world, "PROCEDURE", "CODE", first=1)
    rest = await _groups(world, "PROCEDURE", "CODE", first=1, after=page["pageInfo"]["endCursor"])
    assert (whole["totalCount"], page["nodes"] + rest["nodes"]) == (2, whole["nodes"])
    other = await new_world(world.gateway)
    found = await other.call("biller", QUERY, by=["PROCEDURE"], payer=world.payer)
    assert found["denialBreakdown"] == {"totalCount": 0, "pageInfo": {"endCursor": None}, "nodes": []}


async def test_a_code_of_a_payers_own_table_may_have_a_blank(world: World) -> None:
    package = {"codeSystem": "98", "code": "PAC 1/2 A", "description": "Pacote", "quantity": "1", "unitPrice": "80.00"}
    claim = await world.claim_in_review(items=[CONSULTATION, package])
    denied = [{"code": "1801", "amount": "20.00"}]
    decisions = [
        {"sequence": 1, "approvedAmount": "100.00"},
        {"sequence": 2, "approvedAmount": "60.00", "denials": denied},
    ]
    assert (await world.adjudicate(claim["id"], decisions))["errors"] == []
    for by in (["PROCEDURE"], ["CODE", "PROCEDURE", "PRACTITIONER"]):
        (found,) = (await _groups(world, *by))["nodes"]
        assert found["procedure"] == {"codeSystem": "98", "code": "PAC 1/2 A"}
        assert (found["amount"], found["processedAmount"], found["denialRate"]) == ("20.00", "80.00", "0.2500")
