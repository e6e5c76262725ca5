"""The draft of an appeal: what the gateway knows that speaks for the payment, for a person to sign."""

from typing import Any

from tests.factories import CONSULTATION, World, key, new_world, today
from tests.graphql.test_appeal_batches import sent_claim

QUERY = """query($id: ID!) { appealDraft(denialId: $id) {
  justification evidence { kind text date } wonAppeals { id }
} }"""


async def _denied(world: World, claim_id: str) -> str:
    """The id of a denial of 40.00 of the claim's first item."""
    assert (await world.mutate("reviewer", "startReview", "claim { id }", claimId=claim_id))["errors"] == []
    denial = [{"code": "1801", "amount": "40.00"}]
    decisions = [{"sequence": 1, "approvedAmount": "60.00", "denials": denial}]
    decisions.append({"sequence": 2, "approvedAmount": "37.00"})
    assert (await world.adjudicate(claim_id, decisions))["errors"] == []
    query = "query($id: ID!) { claim(id: $id) { items { denials { id } } } }"
    return str((await world.call("biller", query, id=claim_id))["claim"]["items"][0]["denials"][0]["id"])


async def _draft(world: World, denial_id: str) -> Any:
    return (await world.call("biller", QUERY, id=denial_id))["appealDraft"]


async def test_a_draft_has_the_proofs_and_fits_into_the_field(world: World) -> None:
    first_of_year = today().replace(month=1, day=1)
    price = {"codeSystem": "22", "code": CONSULTATION["code"], "unitPrice": "100.00"}
    terms = {"submissionWindowDays": 180, "appealDeadlineDays": 30, "paymentTermDays": 30}
    saved = await world.mutate(
        "admin", "saveContract", "contract { id }", provider=world.provider, payer=world.payer, **terms,
        prices=[{**price, "validFrom": first_of_year.isoformat()}],
    )  # fmt: skip
    assert saved["errors"] == []
    await world.check_eligibility(serviceDate=today().isoformat())
    won = await _denied(world, await sent_claim(world))
    values = {"denialId": won, "justification": "devida", "idempotencyKey": key()}
    assert (await world.mutate("biller", "appealDenial", "denial { id }", **values))["errors"] == []
    await world.answer_appeals("id", (won, "40.00"))
    claim_id = await sent_claim(world, "777")
    denial = await _denied(world, claim_id)
    found = await _draft(world, denial)
    day, start = f"{today():%d/%m/%Y}", f"{first_of_year:%d/%m/%Y}"
    texts = {each["kind"]: each["text"] for each in found["evidence"]}
    assert [each["kind"] for each in found["evidence"]] == [
        *("CONTRACT_PRICE", "TERM", "ELIGIBILITY", "PROTOCOL", "WON_APPEALS")
    ]
    assert texts["CONTRACT_PRICE"] == f"Preço unitário contratado de R$ 100,00, vigente desde {start}."
    assert texts["ELIGIBILITY"] == f"Elegibilidade confirmada pela operadora para {day}."
    assert texts["PROTOCOL"] == "Guia recebida pela operadora no protocolo 777."
    assert texts["WON_APPEALS"] == "A operadora já acatou recursos contra glosas 1801."
    assert found["wonAppeals"] == [{"id": won}]
    query = "query($id: ID!) { claim(id: $id) { providerClaimNumber } }"
    number = (await world.call("biller", query, id=claim_id))["claim"]["providerClaimNumber"]
    opening = f"Recurso contra a glosa 1801 de R$ 40,00 do item 1 (10101012) da guia {number}, realizado em {day}."
    assert found["justification"] == " ".join([opening, *texts.values()])
    assert len(found["justification"]) <= 500
    signed = {"denialId": denial, "justification": found["justification"], "idempotencyKey": key()}
    assert (await world.mutate("biller", "appealDenial", "denial { id }", **signed))["errors"] == []


async def test_a_draft_without_proofs_has_its_opening_and_others_get_none(world: World) -> None:
    denial = await _denied(world, await sent_claim(world, None))
    found = await _draft(world, denial)
    assert ([each["kind"] for each in found["evidence"]], found["wonAppeals"]) == (["TERM"], [])
    assert await _draft(await new_world(world.gateway), denial) is None
