"""Claims, statement and bank agree on a payment, also when lines are dismissed and credits go back to the payer."""

from datetime import timedelta
from typing import Any

import pytest

from tests.factories import key, today
from tests.graphql.test_statement_money import DISCOUNT, IRRF, PCC, Payer, paid, taken_back

THREE_WAY = """query($id: ID!) { remittance(id: $id) { threeWayMatch {
  status postedAmount announcedAmount differenceAmount dismissedAmount dismissals { reason amount } } } }"""
MONTHS = """query($payer: AnsCode!) { withheldTaxes(payerAnsCode: $payer) { nodes { month amount } } }"""
OF_PAYER = "query($payer: [AnsCode!]) { remittances(filter: { payerAnsCode: $payer }) { nodes { id } } }"
ENTRIES = "query($provider: [Cnes!]) { bankEntries(filter: { providerCnes: $provider }) { nodes { id } } }"
LINES = "query($id: ID!) { remittance(id: $id) { lines { nodes { id } } } }"
STRANGE = {"payerClaimNumber": "NENHUMA", "paidAmount": "50.00"}


class Statement:
    """A statement of 150.00 net of 1.50 of IRRF, of which 50.00 are for a claim that nobody knows."""

    def __init__(self, payer: Payer) -> None:
        self.payer, self.world = payer, payer.world
        self.id, self.line = "", ""

    async def take(self, **values: Any) -> "Statement":
        """Import it, and the bank's entry of its payment."""
        lines = [STRANGE, paid(await self.payer.claim(), "100.00")]
        day = (today() - timedelta(days=1)).isoformat()
        given = {
            "payer": self.world.payer,
            "provider": self.world.provider,
            "statementNumber": key()[:20],
            "paidOn": day,
            "adjustments": [IRRF],
            "lines": lines,
            **values,
        }
        fields = "remittance { id netAmount lines { nodes { id } } }"
        taken = (await self._done("importRemittance", fields, **given))["remittance"]
        self.id, self.line = taken["id"], taken["lines"][0]["id"]
        entry = {"bookedOn": day, "amount": taken["netAmount"], "direction": "CREDIT"}
        values = {"providerCnes": self.world.provider, "content": {"entries": [entry]}}
        await self._done("importBankFile", "file { matchedEntryCount }", **values)
        return self

    async def _done(self, name: str, fields: str, **values: Any) -> Any:
        payload = await self.world.mutate("finance", name, fields, **values, idempotencyKey=key())
        assert payload["errors"] == [], payload
        return payload

    async def post(self) -> list[tuple[str, str]]:
        """Amounts of the settlements, and what of them is withheld."""
        posted = await self._done("postRemittance", "settlements { amount withheldAmount }", id=self.id)
        return [(each["amount"], each["withheldAmount"]) for each in posted["settlements"]]

    async def dismiss(self) -> None:
        """Dismiss the line that has no claim."""
        await self._done("dismissRemittanceLine", "line { status }", remittanceLineId=self.line, reason="de outro")

    async def undo(self) -> None:
        """Take the last step of that line back."""
        await self._done("undoRemittanceLine", "line { status }", remittanceLineId=self.line, reason="engano")

    async def keep(self) -> str:
        """The id of the credit that the line is, once it is posted."""
        resolution: dict[str, Any] = {"acceptOverpayment": {}}
        line = "line { status }"
        await self._done("resolveRemittanceLine", line, remittanceLineId=self.line, resolution=resolution)
        await self.post()
        query = "query($p: [AnsCode!]) { unappliedCredits(filter: { payerAnsCode: $p }) { nodes { id } } }"
        (credit,) = (await self.world.call("finance", query, p=[self.world.payer]))["unappliedCredits"]["nodes"]
        return str(credit["id"])

    async def shown(self) -> tuple[str, ...]:
        """Status, amounts of books and statement, what is missing, and what of that is dismissed."""
        found = (await self.world.call("finance", THREE_WAY, id=self.id))["remittance"]["threeWayMatch"]
        assert [each["reason"] for each in found["dismissals"]] == ["de outro"] * (found["dismissedAmount"] != "0.00")
        assert [each["amount"] for each in found["dismissals"]] == ["50.00"] * (found["dismissedAmount"] != "0.00")
        names = ("postedAmount", "announcedAmount", "differenceAmount", "dismissedAmount")
        return found["status"], *(found[name] for name in names)


@pytest.fixture
def payer(world: Any) -> Payer:
    return Payer(world)


@pytest.mark.parametrize("is_late", [True, False])
async def test_what_is_dismissed_explains_the_difference_and_has_its_share_of_the_taxes(
    payer: Payer, is_late: bool
) -> None:
    statement = await Statement(payer).take()
    if is_late:
        assert await statement.post() == [("100.00", "1.00")]
        assert await payer.taxes() == [("IRRF", "1.00")]
        assert await statement.shown() == ("UNPOSTED", "99.00", "148.50", "49.50", "0.00")
        await statement.dismiss()
    else:
        await statement.dismiss()
        assert await statement.post() == [("100.00", "1.00")]
    assert await payer.taxes() == [("IRRF", "1.50")]
    assert await payer.books() == {"billed": "100.00", "paid": "99.00", "withheld": "1.00"}
    assert await statement.shown() == ("EXPLAINED", "99.00", "148.50", "49.50", "49.50")
    await statement.undo()
    assert await payer.taxes() == [("IRRF", "1.00")]
    assert await statement.shown() == ("UNPOSTED", "99.00", "148.50", "49.50", "0.00")


async def test_a_credit_that_goes_back_has_come_with_its_share_of_the_taxes(payer: Payer) -> None:
    statement = await Statement(payer).take()
    assert await statement.post() == [("100.00", "1.00")]
    credit = await statement.keep()
    complete = ("COMPLETE", "148.50", "148.50", "0.00", "0.00")
    assert await statement.shown() == complete
    values = {"creditId": credit, "amount": "20.00", "reason": "devolvido"}
    first = await statement._done("refundCredit", "use { id }", **values)
    assert await payer.taxes() == [("IRRF", "1.20")]
    assert await statement.shown() == complete
    await statement._done("refundCredit", "use { id }", creditId=credit, reason="devolvido")
    assert await payer.taxes() == [("IRRF", "1.50")]
    assert await statement.shown() == complete
    assert await payer.books() == {"billed": "100.00", "paid": "99.00", "withheld": "1.00"}
    await statement._done("reverseCreditUse", "use { id }", creditUseId=first["use"]["id"], reason="engano")
    assert await payer.taxes() == [("IRRF", "1.30")]
    assert await statement.shown() == complete
    invoice = await payer.world.issued_invoice("80.00")
    used = await statement._done(
        "applyCredit", "use { settlement { withheldAmount } }", creditId=credit, invoiceId=invoice["id"]
    )
    assert used["use"]["settlement"]["withheldAmount"] == "0.20"
    assert await payer.taxes() == [("IRRF", "1.50")]
    assert await statement.shown() == complete


async def test_debits_and_credits_beside_the_claims_count_once_they_are_explained(payer: Payer) -> None:
    beside = [{"direction": "DEBIT", "type": "08", "amount": "8.00"}, {"direction": "CREDIT", "amount": "5.00"}]
    statement = await Statement(payer).take(adjustments=[IRRF, *beside])
    await statement.keep()
    assert await statement.shown() == ("UNPOSTED", "148.50", "145.50", "-3.00", "0.00")
    query = "query($id: ID!) { remittance(id: $id) { adjustments { id status } } }"
    rows = (await payer.world.call("finance", query, id=statement.id))["remittance"]["adjustments"]
    debit, credit = (each["id"] for each in rows if each["status"] == "OPEN")
    for adjustment, how in ((debit, "accept"), (credit, "keep")):
        said = {"remittanceAdjustmentId": adjustment, "explanation": {how: {"reason": "conforme aviso"}}}
        await statement._done("explainAdjustment", "adjustment { id }", **said)
    assert await statement.shown() == ("COMPLETE", "145.50", "145.50", "0.00", "0.00")


async def test_the_share_of_a_dismissed_line_follows_the_day_and_the_end_of_its_statement(payer: Payer) -> None:
    statement = await Statement(payer).take()
    await statement.dismiss()
    day = today().replace(day=1) - timedelta(days=1)
    values = {"remittanceId": statement.id, "paidOn": day.isoformat(), "reason": "dia errado"}
    await statement._done("correctPaymentDate", "remittance { id }", **values)

    async def months() -> dict[str, str]:
        found = await payer.world.call("finance", MONTHS, payer=payer.world.payer)
        return {each["month"]: each["amount"] for each in found["withheldTaxes"]["nodes"] if each["amount"] != "0.00"}

    assert await months() == {f"{day:%Y-%m}": "0.50"}
    await statement._done(
        "cancelRemittance", "remittance { status }", remittanceId=statement.id, reason="arquivo errado"
    )
    assert await months() == {}


async def test_taxes_above_all_that_a_statement_pays_are_its_own(payer: Payer) -> None:
    """10.00 gross less 12.00 of IRRF, 4.65 of PCC and 1.00 of discount: -7.65, which the bank has taken."""
    world = payer.world
    kept = [{**IRRF, "amount": "12.00"}, PCC, DISCOUNT]
    posted = await payer.statement(paid(await payer.claim("10.00"), "10.00"), adjustments=kept)
    (row,) = posted["settlements"]
    assert (row["amount"], row["withheldAmount"], row["netAmount"]) == ("10.00", "10.00", "0.00")
    found = posted["remittance"]
    assert (found["netAmount"], found["threeWayMatch"]["postedAmount"]) == ("-7.65", "-7.65")
    assert await payer.taxes() == [("IRRF", "12.00"), ("PCC", "4.65")]
    assert await payer.books() == {"billed": "10.00", "withheld": "10.00"}
    (remittance,) = (await world.call("finance", OF_PAYER, payer=[world.payer]))["remittances"]["nodes"]
    entry = {"bookedOn": today().isoformat(), "amount": "7.65", "direction": "DEBIT"}
    values = {"providerCnes": world.provider, "content": {"entries": [entry]}, "idempotencyKey": key()}
    await world.mutate("finance", "importBankFile", "file { id }", **values)
    (entry,) = (await world.call("finance", ENTRIES, provider=[world.provider]))["bankEntries"]["nodes"]
    given = {"entryIds": [entry["id"]], "remittanceIds": [remittance["id"]], "idempotencyKey": key()}
    assert (await world.mutate("finance", "matchBankEntries", "entries { id }", **given))["errors"] == []
    found = (await world.call("finance", THREE_WAY, id=remittance["id"]))["remittance"]["threeWayMatch"]
    assert (found["status"], found["differenceAmount"]) == ("COMPLETE", "0.00")
    # To post it again changes nothing.
    again = {"id": remittance["id"], "idempotencyKey": key()}
    assert (await world.mutate("finance", "postRemittance", "settlements { id }", **again))["errors"] == []
    assert await payer.taxes() == [("IRRF", "12.00"), ("PCC", "4.65")]


async def test_a_statement_that_only_takes_back_and_withholds_balances(payer: Payer) -> None:
    number = await payer.claim()
    await payer.statement(paid(number, "100.00"))
    posted = await payer.statement(taken_back(number, "30.00"), adjustments=[IRRF])
    assert posted["remittance"]["threeWayMatch"]["postedAmount"] == posted["remittance"]["netAmount"] == "-31.50"
    assert await payer.taxes() == [("IRRF", "1.50")]


async def test_the_last_cents_of_a_statement_bear_no_more_than_they_pay(payer: Payer) -> None:
    """Three kinds of 0.01 each, of lines of 1.00 and 0.01: the first line bears what the second one cannot."""
    kept = [{**each, "amount": "0.01"} for each in (IRRF, PCC, DISCOUNT)]
    lines = [{"payerClaimNumber": f"N{each}", "paidAmount": each} for each in ("1.00", "0.01")]
    statement = await Statement(payer).take(lines=lines, adjustments=kept)
    for line in (await payer.world.call("finance", LINES, id=statement.id))["remittance"]["lines"]["nodes"]:
        statement.line = line["id"]
        await statement.dismiss()
    assert await payer.taxes() == [("IRRF", "0.01"), ("PCC", "0.01")]
    found = (await payer.world.call("finance", THREE_WAY, id=statement.id))["remittance"]["threeWayMatch"]
    assert (found["status"], found["differenceAmount"]) == ("EXPLAINED", "0.98")
