"""What a screen needs is one or two operations: a form, a long invoice, a statement, a queue, and a dashboard."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from tests.factories import BLOOD_COUNT, CONSULTATION, World, key, new_world, today
from tests.hostile.largest_data import Big, big_draft
from tests.inputs import shaped

FORM = """query Form($card: String!, $payer: AnsCode!, $named: String!, $provider: String!) {
  me { providerCnes }
  payers(search: $named) { nodes { ansCode name submissionWindowDays } }
  providers(search: $provider) { nodes { cnes name } }
  patients(cardNumber: $card, payerAnsCode: $payer) { nodes { id name } }
  practitioners { nodes { name council number state cbo } }
  councils: tussTerms(codeSystem: "26", first: 100) { totalCount nodes { code term } }
  states: tussTerms(codeSystem: "59", first: 100) { totalCount nodes { code term } }
  occupations: tussTerms(codeSystem: "24", search: "cardiologista") { nodes { code term } }
  priorities: tussTerms(codeSystem: "23", first: 100) { nodes { code term } }
  settings: tussTerms(codeSystem: "76", first: 100) { totalCount }
  procedures: tussTerms(codeSystem: "22", search: "consulta consultorio") { nodes { code term } }
}"""
PREFLIGHT = """query Check($claim: ClaimInput!) {
  claimPreflight(input: { claim: $claim }) { passes atRiskAmount findings { severity code } }
}"""
DOCTOR = {"name": "Ana Lima", "council": "06", "number": "12345", "state": "35", "cbo": "225120"}


async def test_a_form_for_a_claim(world: World) -> None:
    earlier = await world.create_claim(practitioner=DOCTOR)
    assert earlier["errors"] == []
    found = await world.call(
        "biller", FORM, named=f"payer {world.payer}", card=world.card, payer=world.payer, provider=world.provider
    )
    (payer,) = found["payers"]["nodes"]
    assert (payer["ansCode"], payer["submissionWindowDays"]) == (world.payer, 180)
    assert found["me"]["providerCnes"] == [world.provider]
    assert found["providers"]["nodes"] == [{"cnes": world.provider, "name": "Clinic"}]
    assert [each["id"] for each in found["patients"]["nodes"]] == [world.patient]
    assert found["practitioners"]["nodes"] == [DOCTOR]
    counts = [found[each]["totalCount"] for each in ("councils", "states", "settings")]
    assert counts == [15, 28, 5]
    assert {"code": "06", "term": "Conselho Regional de Medicina (CRM)"} in found["councils"]["nodes"]
    assert found["occupations"]["nodes"][0] == {"code": "225120", "term": "Médico cardiologista"}
    assert [each["code"] for each in found["priorities"]["nodes"]] == ["1", "2"]
    chosen = next(each["code"] for each in found["procedures"]["nodes"])
    assert chosen == CONSULTATION["code"]

    claim = shaped("createClaim", world.claim_input(practitioner=DOCTOR, items=[{**CONSULTATION, "code": chosen}]))
    checked = await world.call("biller", PREFLIGHT, claim=claim["claim"])
    assert checked["claimPreflight"] == {"passes": True, "atRiskAmount": "0.00", "findings": []}


INVOICE = """query Invoice($id: ID!) {
  invoice(id: $id) {
    number status billingMonth totalAmount dueAmount payer { name } provider { name }
    lines(first: 1000) { ...Page }
    claims: lines(first: 1, filter: { kind: [CLAIM] }) { totalCount }
    recoveries: lines(first: 1, filter: { kind: [RECOVERY] }) { totalCount }
    settlements { totalCount sums { netAmount } }
    availableActions { action blockedBy { code } }
  }
}
"""
LINE_PAGE = """fragment Page on InvoiceLineConnection {
  totalCount pageInfo { endCursor hasNextPage }
  nodes { id kind amount claim { providerClaimNumber patient { name } } }
}"""


async def test_an_invoice_of_six_hundred_lines(server_world: World) -> None:
    invoice = await big_draft(Big(server_world, "", "", "", [], "", ""))
    found = (await server_world.call("finance", INVOICE + LINE_PAGE, id=invoice))["invoice"]
    shown = found["lines"]
    assert (found["number"], found["status"], found["billingMonth"]) == (1, "DRAFT", f"{today():%Y-%m}")
    counts = [found[each]["totalCount"] for each in ("lines", "claims", "recoveries")]
    assert (counts, found["settlements"]) == ([600, 100, 500], {"totalCount": 0, "sums": {"netAmount": "0.00"}})
    assert {"action": "ISSUE", "blockedBy": None} in found["availableActions"]

    assert {each["amount"] for each in shown["nodes"]} == {"1.00"}
    ids = {each["id"] for each in shown["nodes"]}
    assert (len(ids), len(shown["nodes"]), shown["pageInfo"]["hasNextPage"]) == (600, 600, False)


QUEUE = """query Queue {
  unmatchedRemittanceLines(first: 50) {
    totalCount
    nodes {
      id problem providerClaimNumber payerClaimNumber paidAmount deniedAmount
      remittance { id statementNumber paidOn payer { name ansCode } provider { cnes } }
    }
  }
}"""
CANDIDATE = "totalCount nodes { id status claimedAmount approvedAmount serviceDate patient { name } }"


def _candidates(lines: list[Any]) -> str:
    """One query for the claims that the lines may mean: those with the payer's number."""
    asked = [
        f'line{place}: claims(filter: {{payerAnsCode: ["{line["remittance"]["payer"]["ansCode"]}"], '
        f'payerClaimNumber: "{line["payerClaimNumber"]}"}}) {{ {CANDIDATE} }}'
        for place, line in enumerate(lines)
    ]
    return f"query Candidates {{ {' '.join(asked)} }}"


async def test_a_queue_of_lines_that_match_no_single_claim(world: World) -> None:
    candidates = []
    for amount in ("100.00", "40.00"):
        claim = await world.claim_in_review(items=[{**CONSULTATION, "unitPrice": amount}])
        decision = {"sequence": 1, "approvedAmount": amount}
        candidates.append((await world.adjudicate(claim["id"], [decision], payerClaimNumber="OP-9"))["claim"]["id"])
    lines = [{"payerClaimNumber": "OP-9", "paidAmount": "40.00"}, {"payerClaimNumber": "OP-8", "paidAmount": "1.00"}]
    values = {"payer": world.payer, "provider": world.provider, "statementNumber": "DEM-77", "lines": lines}
    values |= {"paidOn": today().isoformat(), "idempotencyKey": key()}
    remittance = (await world.mutate("finance", "importRemittance", "remittance { id }", **values))["remittance"]["id"]

    queue = (await world.call("finance", QUEUE))["unmatchedRemittanceLines"]
    assert queue["totalCount"] == 2
    shown = [(line["problem"], line["payerClaimNumber"], line["paidAmount"]) for line in queue["nodes"]]
    assert shown == [("AMBIGUOUS", "OP-9", "40.00"), ("UNKNOWN_CLAIM", "OP-8", "1.00")]
    statement = queue["nodes"][0]["remittance"]
    assert (statement["id"], statement["statementNumber"], statement["provider"]["cnes"]) == (
        remittance,
        "DEM-77",
        world.provider,
    )

    found = await world.call("finance", _candidates(queue["nodes"]))
    assert sorted(each["id"] for each in found["line0"]["nodes"]) == sorted(candidates)
    assert sorted(each["approvedAmount"] for each in found["line0"]["nodes"]) == ["100.00", "40.00"]
    assert found["line1"] == {"totalCount": 0, "nodes": []}


DASHBOARD = """query Dashboard($year: DateRangeInput!, $open: DenialFilterInput!, $overdue: InvoiceFilterInput!) {
  reconciliation(period: $year) { billedAmount paidAmount inDisputeAmount lostAmount awaitingAmount unexplainedAmount }
  billingIndicators(period: $year) { initialDenialRate processedAmount undecidedClaimCount }
  billingBreakdown(groupBy: [PAYER, MONTH], period: $year, first: 100) {
    totalCount
    nodes {
      payer { ansCode name } month claimCount processedAmount initialDenialRate
      reconciliation { billedAmount paidAmount inDisputeAmount lostAmount awaitingAmount unexplainedAmount }
    }
  }
  denialBreakdown(groupBy: [CODE], period: $year) { nodes { code description denialCount amount inDisputeAmount } }
  denials(filter: $open, first: 5) { sums { aboutToBeLostAmount } nodes { code amount claim { providerClaimNumber } } }
  invoices(filter: $overdue, first: 5) { totalCount sums { dueAmount } }
  settlements(first: 1) { sums { paidAmount reversedAmount netAmount } }
}"""
BOOKS = ("billedAmount", "paidAmount", "inDisputeAmount", "lostAmount", "awaitingAmount", "unexplainedAmount")


async def test_a_dashboard_by_payer_and_month(world: World) -> None:
    other = await new_world(world.gateway)
    other = replace(other, provider=world.provider)
    claim = (await world.claim_in_review(items=[CONSULTATION, BLOOD_COUNT]))["id"]
    denied = {"sequence": 1, "approvedAmount": "70.00", "denials": [{"code": "1705", "amount": "30.00"}]}
    await world.adjudicate(claim, [denied, {"sequence": 2, "approvedAmount": "37.00"}])
    invoice = (await world.create_invoice([claim]))["invoice"]["id"]
    await world.mutate("finance", "issueInvoice", "invoice { id }", id=invoice)
    payment = (await world.settle(invoice, "57.00"))["settlement"]["id"]
    await world.reverse(payment, "7.00")
    await other.submitted_claim(items=[{**CONSULTATION, "unitPrice": "12.34"}])

    year = {"from": date(today().year, 1, 1).isoformat(), "to": date(today().year, 12, 31).isoformat()}
    found = await world.call("biller", DASHBOARD, year=year, open={"status": ["OPEN"]}, overdue={"overdue": False})
    groups = found["billingBreakdown"]["nodes"]
    month = f"{today():%Y-%m}"
    assert [(each["payer"]["ansCode"], each["month"], each["claimCount"]) for each in groups] == [
        (world.payer, month, 1),
        (other.payer, month, 1),
    ]
    assert [[each["reconciliation"][name] for name in BOOKS] for each in groups] == [
        ["137.00", "50.00", "30.00", "0.00", "57.00", "0.00"],
        ["12.34", "0.00", "0.00", "0.00", "12.34", "0.00"],
    ]
    for name in BOOKS:
        added = sum(Decimal(each["reconciliation"][name]) for each in groups)
        assert str(added) == found["reconciliation"][name]
    indicators = {"initialDenialRate": "0.2190", "processedAmount": "137.00", "undecidedClaimCount": 1}
    assert found["billingIndicators"] == indicators
    assert [each["initialDenialRate"] for each in groups] == ["0.2190", None]
    high = {"code": "1705", "description": "VALOR APRESENTADO A MAIOR", "denialCount": 1}
    assert found["denialBreakdown"]["nodes"] == [{**high, "amount": "30.00", "inDisputeAmount": "30.00"}]
    assert found["denials"]["sums"] == {"aboutToBeLostAmount": "30.00"}
    assert found["invoices"] == {"totalCount": 1, "sums": {"dueAmount": "57.00"}}
    assert found["settlements"]["sums"] == {"paidAmount": "57.00", "reversedAmount": "7.00", "netAmount": "50.00"}
