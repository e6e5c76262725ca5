"""Statements net of tax, with a discount, and with takebacks: what is paid, withheld and taken back, to the cent."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from tests.factories import CONSULTATION, World, key, today
from tests.graphql.test_deductions import BOOKS, TAXES

POSTED = """postedLines putBackLines settlements { amount withheldAmount discountAmount netAmount reverses { id } reason
  deductions { kind amount } } remittance { status netAmount threeWayMatch { status postedAmount announcedAmount } }"""
IRRF = {"direction": "DEBIT", "type": "01", "description": "IRRF", "amount": "1.50"}
PCC = {"direction": "DEBIT", "type": "09", "description": "RETENCAO PCC", "amount": "4.65"}
DISCOUNT = {"direction": "DEBIT", "type": "07", "description": "DESCONTO", "amount": "1.00"}


class Payer:
    """A payer that sends statements."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def claim(self, amount: str = "100.00") -> str:
        """The number of a submitted claim."""
        found = await self.world.submitted_claim(items=[{**CONSULTATION, "unitPrice": amount}])
        return str(found["providerClaimNumber"])

    async def statement(self, *lines: dict[str, Any], **values: Any) -> Any:
        """Import and post a statement of these lines; what posting answers."""
        given = {
            "payer": self.world.payer,
            "provider": self.world.provider,
            "statementNumber": key()[:20],
            "paidOn": today().isoformat(),
            "lines": list(lines),
            "idempotencyKey": key(),
            **values,
        }
        taken = await self.world.mutate("finance", "importRemittance", "remittance { id }", **given)
        assert taken["errors"] == []
        values = {"id": taken["remittance"]["id"], "idempotencyKey": key()}
        return await self.world.mutate("finance", "postRemittance", POSTED, **values)

    async def books(self) -> dict[str, str]:
        """The parts that are not zero."""
        found = (await self.world.call("finance", BOOKS, payer=self.world.payer))["reconciliation"]
        assert found.pop("unexplainedAmount") == "0.00"
        return {name.removesuffix("Amount"): value for name, value in found.items() if value != "0.00"}

    async def taxes(self) -> list[tuple[str, str]]:
        """Withheld taxes by kind."""
        found = (await self.world.call("finance", TAXES, payer=self.world.payer))["withheldTaxes"]
        return [(each["tax"], each["amount"]) for each in found["nodes"]]


@pytest.fixture
def payer(world: World) -> Payer:
    return Payer(world)


def paid(number: str, amount: str) -> dict[str, Any]:
    """A line that pays a whole claim."""
    return {"providerClaimNumber": number, "paidAmount": amount}


def taken_back(number: str, amount: str, again: str = "0.00") -> dict[str, Any]:
    """A line that takes back what was paid of a claim."""
    return {"providerClaimNumber": number, "paidAmount": again, "takenBackAmount": amount}


async def test_a_statement_net_of_tax_pays_its_claims_in_full(payer: Payer) -> None:
    posted = await payer.statement(paid(await payer.claim(), "100.00"), adjustments=[IRRF, PCC])
    (row,) = posted["settlements"]
    assert (row["amount"], row["withheldAmount"], row["netAmount"]) == ("100.00", "6.15", "93.85")
    assert row["deductions"] == [{"kind": "IRRF", "amount": "1.50"}, {"kind": "PCC", "amount": "4.65"}]
    assert posted["remittance"]["netAmount"] == "93.85"
    assert posted["remittance"]["threeWayMatch"] == {
        "status": "ANNOUNCED",
        "postedAmount": "93.85",
        "announcedAmount": "93.85",
    }
    assert await payer.books() == {"billed": "100.00", "paid": "93.85", "withheld": "6.15"}
    assert await payer.taxes() == [("IRRF", "1.50"), ("PCC", "4.65")]


async def test_taxes_follow_their_claims_and_are_complete_with_the_last_one(payer: Payer) -> None:
    early, late = await payer.claim("33.33"), f"L{key()[:10]}"
    posted = await payer.statement(paid(early, "33.33"), paid(late, "66.67"), adjustments=[IRRF, PCC, DISCOUNT])
    # A third of each, rounded down: 0.49 of 1.50, 1.54 of 4.65, 0.33 of 1.00.
    (row,) = posted["settlements"]
    assert (row["withheldAmount"], row["discountAmount"], row["netAmount"]) == ("2.03", "0.33", "30.97")
    assert await payer.taxes() == [("IRRF", "0.49"), ("PCC", "1.54")]
    found = await payer.world.submitted_claim(
        items=[{**CONSULTATION, "unitPrice": "66.67"}], providerClaimNumber="LATE1"
    )
    query = "query($payer: AnsCode!) { unmatchedRemittanceLines(filter: { payerAnsCode: [$payer] }) { nodes { id } } }"
    nodes = (await payer.world.call("finance", query, payer=payer.world.payer))["unmatchedRemittanceLines"]["nodes"]
    values = {"id": nodes[0]["id"], "claimId": found["id"]}
    line = "line { remittance { id } }"
    matched = await payer.world.mutate("finance", "matchRemittanceLine", line, **values)
    rest = {"id": matched["line"]["remittance"]["id"], "idempotencyKey": key()}
    again = await payer.world.mutate("finance", "postRemittance", POSTED, **rest)
    assert [each["netAmount"] for each in again["settlements"]] == ["61.88"]
    assert again["remittance"]["threeWayMatch"]["postedAmount"] == "92.85"
    assert await payer.books() == {"billed": "100.00", "paid": "92.85", "withheld": "6.15", "lost": "1.00"}


async def test_a_takeback_reverses_the_payment_under_the_number_of_its_statement(payer: Payer) -> None:
    number, other = await payer.claim(), await payer.claim("40.00")
    await payer.statement(paid(number, "100.00"), adjustments=[IRRF])
    posted = await payer.statement(taken_back(number, "60.00"), paid(other, "40.00"))
    assert (posted["postedLines"], posted["putBackLines"]) == (2, 0)
    reversal, payment = posted["settlements"]
    assert (reversal["amount"], reversal["withheldAmount"], reversal["reverses"] is None) == ("60.00", "0.00", False)
    assert (payment["amount"], payment["reverses"]) == ("40.00", None)
    assert posted["remittance"]["threeWayMatch"]["postedAmount"] == "-20.00"
    assert await payer.books() == {
        "billed": "140.00",
        "paid": "78.50",
        "withheld": "1.50",
        "awaiting": "60.00",
        "underpaid": "60.00",
    }


async def test_what_is_taken_back_and_paid_again_by_one_statement_is_both(payer: Payer) -> None:
    number = await payer.claim()
    await payer.statement(paid(number, "100.00"))
    posted = await payer.statement(taken_back(number, "100.00"), paid(number, "70.00"))
    assert [each["amount"] for each in posted["settlements"]] == ["100.00", "70.00"]
    assert await payer.books() == {"billed": "100.00", "paid": "70.00", "awaiting": "30.00", "underpaid": "30.00"}


async def test_more_than_was_paid_cannot_be_taken_back(payer: Payer) -> None:
    number = await payer.claim()
    await payer.statement(paid(number, "100.00"))
    posted = await payer.statement(taken_back(number, "100.01"))
    assert (posted["postedLines"], posted["putBackLines"], posted["settlements"]) == (0, 1, [])
    query = (
        "query($payer: AnsCode!) { unmatchedRemittanceLines(filter: { payerAnsCode: [$payer] }) { nodes { problem } } }"
    )
    nodes = (await payer.world.call("finance", query, payer=payer.world.payer))["unmatchedRemittanceLines"]["nodes"]
    assert nodes == [{"problem": "TAKES_TOO_MUCH"}]
    assert await payer.books() == {"billed": "100.00", "paid": "100.00"}


async def test_a_payment_that_joins_its_analysis_brings_its_taxes(payer: Payer) -> None:
    number = await payer.claim()
    same: dict[str, Any] = {"statementNumber": key()[:20]}
    await payer.statement(paid(number, "100.00"), **same, adjustments=[IRRF], paidOn=None)
    assert await payer.books() == {"billed": "100.00", "awaiting": "100.00"}
    # The second statement repeats what the first one has said, and adds to it: nothing is withheld twice.
    posted = await payer.statement(paid(number, "100.00"), **same, adjustments=[IRRF, PCC])
    assert [(each["amount"], each["netAmount"]) for each in posted["settlements"]] == [("100.00", "93.85")]
    assert posted["remittance"]["netAmount"] == "93.85"
    assert await payer.books() == {"billed": "100.00", "paid": "93.85", "withheld": "6.15"}


async def test_taxes_are_shared_out_rightly_after_a_correction_of_the_day(payer: Payer) -> None:
    early = await payer.claim("40.00")
    posted = await payer.statement(paid(early, "40.00"), paid("SPATER1", "60.00"), adjustments=[IRRF])
    query = "query { remittances { nodes { id } } }"
    (found,) = (await payer.world.call("finance", query))["remittances"]["nodes"]
    day = (today() - timedelta(days=1)).isoformat()
    values = {"remittanceId": found["id"], "paidOn": day, "reason": "dia errado", "idempotencyKey": key()}
    corrected = await payer.world.mutate("finance", "correctPaymentDate", "remittance { id }", **values)
    assert (posted["errors"], corrected["errors"]) == ([], [])
    await payer.world.submitted_claim(
        items=[{**CONSULTATION, "unitPrice": "60.00"}], providerClaimNumber="SPATER1", serviceDate=day
    )
    async with asyncio.timeout(20):
        while (await payer.books()).get("withheld") != "1.50":
            again = {"id": found["id"], "idempotencyKey": key()}
            await payer.world.mutate("finance", "postRemittance", "postedLines", **again)
            await asyncio.sleep(0.1)
    assert await payer.books() == {"billed": "100.00", "paid": "98.50", "withheld": "1.50"}


async def test_an_analysis_that_takes_back_is_not_recalculated(payer: Payer) -> None:
    world = payer.world
    days = {"submissionWindowDays": 90, "appealDeadlineDays": 30, "paymentTermDays": 30}
    contract = {"provider": world.provider, "payer": world.payer, **days, "recalculationCode": "1705"}
    saved = await world.mutate("admin", "saveContract", "contract { recalculationCode }", **contract)
    assert saved["errors"] == []
    number = await payer.claim()
    back = {**taken_back(number, "20.00"), "itemSequence": 1}
    posted = await payer.statement(back, {**paid(number, "60.00"), "itemSequence": 1}, paidOn=None)
    assert (posted["errors"], posted["postedLines"], posted["putBackLines"]) == ([], 0, 2)
    assert await payer.books() == {"billed": "100.00", "awaiting": "100.00"}


async def _credit(payer: Payer) -> Any:
    """The only credit of the payer."""
    query = "query($p: [AnsCode!]) { unappliedCredits(filter: { payerAnsCode: $p }) { nodes { id leftAmount } } }"
    (found,) = (await payer.world.call("finance", query, p=[payer.world.payer]))["unappliedCredits"]["nodes"]
    return found


async def test_what_a_credit_settles_has_its_share_of_the_taxes_of_its_statement(payer: Payer) -> None:
    world = payer.world
    stray = {"payerClaimNumber": "NENHUMA", "paidAmount": "60.00"}
    posted = await payer.statement(paid(await payer.claim("40.00"), "40.00"), stray, adjustments=[IRRF, PCC])
    assert [each["withheldAmount"] for each in posted["settlements"]] == ["2.46"]
    query = "query($p: [AnsCode!]) { unmatchedRemittanceLines(filter: { payerAnsCode: $p }) { nodes { id } } }"
    (row,) = (await world.call("finance", query, p=[world.payer]))["unmatchedRemittanceLines"]["nodes"]
    accept = {"remittanceLineId": row["id"], "resolution": {"acceptOverpayment": {}}, "idempotencyKey": key()}
    step = await world.mutate("finance", "resolveRemittanceLine", "line { remittance { id } }", **accept)
    rest = {"id": step["line"]["remittance"]["id"], "idempotencyKey": key()}
    assert (await world.mutate("finance", "postRemittance", POSTED, **rest))["errors"] == []
    invoice, credit = await world.issued_invoice("80.00"), await _credit(payer)
    fields = "use { id settlement { amount withheldAmount deductions { kind amount } } }"
    for amount, taxes in (("20.00", ["0.30", "0.93"]), ("40.00", ["0.60", "1.86"])):
        values = {"creditId": credit["id"], "invoiceId": invoice["id"], "amount": amount, "idempotencyKey": key()}
        used = await world.mutate("finance", "applyCredit", fields, **values)
        assert [each["amount"] for each in used["use"]["settlement"]["deductions"]] == taxes
    assert await payer.taxes() == [("IRRF", "1.50"), ("PCC", "4.65")]
    back = {"creditUseId": used["use"]["id"], "reason": "conta errada", "idempotencyKey": key()}
    assert (await world.mutate("finance", "reverseCreditUse", "use { id }", **back))["errors"] == []
    assert await payer.taxes() == [("IRRF", "0.90"), ("PCC", "2.79")]
    again = {"creditId": credit["id"], "invoiceId": invoice["id"], "idempotencyKey": key()}
    assert (await world.mutate("finance", "applyCredit", "use { id }", **again))["errors"] == []
    assert await payer.taxes() == [("IRRF", "1.50"), ("PCC", "4.65")]
    assert await payer.books() == {
        "billed": "120.00",
        "paid": "93.85",
        "withheld": "6.15",
        "awaiting": "20.00",
        "underpaid": "20.00",
    }


async def test_taxes_of_a_line_that_was_split_are_those_of_its_parts(payer: Payer) -> None:
    world = payer.world
    claim = await world.submitted_claim(items=[CONSULTATION, CONSULTATION])
    said = {"providerClaimNumber": claim["providerClaimNumber"], "paidAmount": "150.00"}
    whole = {**said, "denials": [{"code": "1705", "amount": "50.00"}]}
    assert (await payer.statement(whole, adjustments=[IRRF]))["putBackLines"] == 1
    query = """query($p: [AnsCode!]) { unmatchedRemittanceLines(filter: { payerAnsCode: $p }) { nodes {
      id remittance { id } } } }"""
    (row,) = (await world.call("finance", query, p=[world.payer]))["unmatchedRemittanceLines"]["nodes"]
    denied = {"paidAmount": "50.00", "itemSequence": 2, "denials": [{"code": "1705", "amount": "50.00"}]}
    parts = [{"paidAmount": "100.00", "itemSequence": 1}, denied]
    values = {"remittanceLineId": row["id"], "parts": parts, "idempotencyKey": key()}
    assert (await world.mutate("finance", "splitRemittanceLine", "line { status }", **values))["errors"] == []
    posted = await world.mutate("finance", "postRemittance", POSTED, id=row["remittance"]["id"], idempotencyKey=key())
    assert [(each["amount"], each["withheldAmount"]) for each in posted["settlements"]] == [("150.00", "1.50")]
    assert await payer.books() == {"billed": "200.00", "paid": "148.50", "withheld": "1.50", "inDispute": "50.00"}


async def test_a_takeback_beside_the_answer_to_an_appeal_keeps_its_amount(payer: Payer) -> None:
    world = payer.world
    claim = await world.claim_in_review(items=[CONSULTATION])
    denied = [{"sequence": 1, "approvedAmount": "60.00", "denials": [{"code": "1801", "amount": "40.00"}]}]
    assert (await world.adjudicate(claim["id"], denied))["errors"] == []
    number = str(claim["providerClaimNumber"])
    await payer.statement(paid(number, "60.00"))
    query = "query($id: ID!) { claim(id: $id) { items { denials { id } } } }"
    (item,) = (await world.call("biller", query, id=claim["id"]))["claim"]["items"]
    appeal = {"id": item["denials"][0]["id"], "amount": "30.00", "justification": "devida", "idempotencyKey": key()}
    assert (await world.mutate("biller", "appealDenial", "denial { status }", **appeal))["errors"] == []
    posted = await payer.statement(taken_back(number, "60.00"), paid(number, "90.00"))
    assert (posted["postedLines"], posted["putBackLines"]) == (2, 0)
    assert sorted(each["amount"] for each in posted["settlements"]) == ["30.00", "60.00", "60.00"]
    assert await payer.books() == {"billed": "100.00", "paid": "90.00", "lost": "10.00"}
