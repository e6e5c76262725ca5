"""Days of a payment on which the payer only debits or credits something: they are no statement, and nothing is lost."""

import re

from tests.factories import World
from tests.graphql.test_remittances import post
from tests.graphql.test_statement_documents import send
from tests.payer_documents import message, payment

OF_STATEMENT = (
    "<debCredDemonstrativo><debitosCreditos><indicador>1</indicador><tipoDebitoCredito>02</tipoDebitoCredito>"
    "<descricaoDbCr>ISS</descricaoDbCr><valorDbCr>5.00</valorDbCr></debitosCreditos></debCredDemonstrativo>"
)


def _emptied(day: str) -> str:
    return re.sub("<dadosResumo>.*?</dadosResumo>", "", day)


async def test_such_a_day_is_named_by_a_finding_that_a_person_has_to_release(world: World) -> None:
    dates = ("2026-10-10", "2026-10-20", "2026-10-30")
    whole = payment(world, "PAG-20", *dates, debits=(("1", "07", "13.50"),), net="886.50")
    start, first, second, third = whole.split("<pagamentosPorData>")
    third = third.replace("</pagamentos>", f"</pagamentos>{OF_STATEMENT}")
    xml = message(world.payer, "<pagamentosPorData>".join([start, _emptied(first), second, _emptied(third)]))
    payload = await send(world, xml)
    assert (payload["errors"], payload["notices"]) == ([], [])
    (remittance,) = payload["remittances"]
    assert (remittance["statementNumber"], remittance["paidOn"], remittance["status"]) == (
        "PAG-20-2",
        "2026-10-20",
        "REVIEW",
    )
    assert [(each["level"], each["type"], each["amount"]) for each in remittance["adjustments"]] == [
        ("PAYMENT_DATE", "07", "13.50"),
        ("STATEMENT", "02", "5.00"),
    ]
    assert [each for each in remittance["findings"] if "left out" in str(each["detail"])] == [
        {
            "kind": "TOTALS_DIFFER",
            "detail": f"{day} has debits or credits and no guides: left out",
            "needsRelease": True,
        }
        for day in ("2026-10-10", "2026-10-30")
    ]
    refused = await post(world, remittance)
    assert [each["code"] for each in refused["errors"]] == ["CONFLICT"]
