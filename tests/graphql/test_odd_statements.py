"""Statements that are odd, as payers send them: each is taken as what it says, or refused with what to do."""

import pytest

from app.domain.errors import BillingError
from app.tiss import read_appeal_answer
from tests.factories import World, today
from tests.graphql.test_remittances import books, done, post
from tests.graphql.test_statement_documents import guide, taken
from tests.payer_documents import Item, Paid, analysis, message, payment
from tests.tiss.appeal_answers import Answer, document


async def test_a_statement_of_nothing_but_zeros_denies_and_pays_nothing(world: World) -> None:
    denied, silent = [await world.submitted_claim() for _ in range(2)]
    nothing = Item(paid="0.00", denials=(("1705", "100.00"),))
    zeros = Item(billed="0.00", paid="0.00")
    alone = await taken(world, message(world.payer, analysis(world, "Z-1", guide(world, silent, zeros))))
    assert done(await post(world, alone))[:3] == ("IMPORTED", 0, 1)
    whole = await taken(world, message(world.payer, analysis(world, "Z-2", guide(world, denied, nothing))))
    assert done(await post(world, whole)) == ("POSTED", 1, 0, [])
    assert [(await world.claim(each["id"]))["status"] for each in (denied, silent)] == ["DENIED", "SUBMITTED"]
    paying = payment(world, "Z-3", today().isoformat(), net="0.00", paid=Paid("0.00", "100.00"))
    payload = await taken(world, message(world.payer, paying))
    assert [(each["protocolNumber"], each["paidAmount"]) for each in payload["lines"]] == [("99", "0.00")]
    assert done(await post(world, payload))[3] == []
    assert await books(world) == ["200.00", "0.00", "100.00", "0.00", "100.00", "0.00"]


@pytest.mark.parametrize(("issued", "findings"), [("9999-12-31", []), ("0001-01-01", ["dataEmissao"])])
async def test_a_denial_of_a_statement_with_an_impossible_day_can_be_appealed(
    world: World, issued: str, findings: list[str]
) -> None:
    """Counted from such a day, the last one would be no day at all, or long past."""
    claim = await world.submitted_claim()
    item = Item(paid="80.00", denials=(("1705", "20.00"),))
    xml = message(world.payer, analysis(world, "OD-1", guide(world, claim, item), issued=issued))
    remittance = await taken(world, xml)
    assert [each["detail"] for each in remittance["findings"]] == findings
    assert done(await post(world, remittance))[:3] == ("POSTED", 1, 0)
    query = "query($id: ID!) { claim(id: $id) { items { denials { id appealDeadline } } } }"
    (denial,) = (await world.call("biller", query, id=claim["id"]))["claim"]["items"][0]["denials"]
    assert today().isoformat() < denial["appealDeadline"] < "2100"


async def test_a_deduction_or_a_day_that_cannot_be_read_is_noticed(world: World) -> None:
    """Without totals nothing else would show that a debit is lost."""
    xml = message(world.payer, payment(world, "OD-2", "2026-13-45", net="0.00", debits=(("1", "01", "cinco"),)))
    remittance = await taken(world, xml.replace(">4.03.00<", ">3.05.00<"))
    found = [(each["kind"], each["detail"]) for each in remittance["findings"]]
    assert ("INVALID_VALUE", "dataPagamento") in found
    assert ("TOTALS_DIFFER", "valorDbCr cannot be read") in found
    assert (remittance["status"], remittance["paidOn"]) == ("REVIEW", None)


def test_an_answer_that_cannot_be_read_names_its_guide() -> None:
    with pytest.raises(BillingError) as refused:
        read_appeal_answer.read(
            document("123456", 1, [Answer("G7", "1801", "1.00", 1), Answer("G8", "1801", "-1.00", 1)])
        )
    assert refused.value.message == "guide G8: invalid amount in valorAcatado"
