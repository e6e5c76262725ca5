"""Every event that the gateway records is what its JSON Schema says."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import jsonschema
from sqlalchemy import or_, select

from app.db.outbox import OUTBOX, OutboxRecord
from app.db.tables import outbox
from app.events import schemas
from app.events.cloud_events import cloud_event
from app.events.contracts import CONTRACTS
from tests import bank_files
from tests.example_lotes import lote
from tests.factories import CONSULTATION, World, key, new_world, party_admin, today
from tests.graphql import (
    test_appeal_attachments,
    test_appeal_batches,
    test_appeal_receptions,
    test_payments_of_analyses,
)
from tests.graphql.test_imports import import_document
from tests.graphql.test_line_resolutions import kept_credits, resolved
from tests.graphql.test_remittances import post, take, taken
from tests.payer_documents import Guide, analysis, message

DENIED = {"sequence": 1, "approvedAmount": "60.00", "denials": [{"code": "1705", "amount": "40.00"}]}


async def _denied(world: World) -> tuple[str, str]:
    """A claim with a denial of 40.00."""
    claim = await world.claim_in_review(items=[CONSULTATION])
    await world.adjudicate(claim["id"], [DENIED])
    query = "query($id: ID!) { claim(id: $id) { items { denials { id } } } }"
    found = (await world.call("reviewer", query, id=claim["id"]))["claim"]
    return claim["id"], found["items"][0]["denials"][0]["id"]


async def _live(world: World) -> None:
    """Something of everything that makes events."""
    draft = (await world.create_claim())["claim"]
    await world.mutate("biller", "updateDraftClaim", "claim { id }", id=draft["id"], clinicalIndication="dor")
    await world.mutate("biller", "cancelClaim", "claim { id }", id=draft["id"])
    deleted = (await world.create_claim())["claim"]["id"]
    await world.mutate("biller", "deleteDraftClaim", "deletedClaimId", claimId=deleted)
    asked = await world.claim_in_review()
    await world.mutate("reviewer", "requestInformation", "claim { id }", id=asked["id"], reason="laudo")
    refused = await world.claim_in_review(items=[CONSULTATION])
    await world.adjudicate(
        refused["id"], [DENIED | {"approvedAmount": "0.00", "denials": [{"code": "1705", "amount": "100.00"}]}]
    )
    fought, appealed = await _denied(world)
    _, accepted = await _denied(world)
    for reason in ("erro", "laudo"):
        values = {"id": appealed, "justification": reason, "idempotencyKey": key()}
        await world.mutate("biller", "appealDenial", "denial { id }", **values)
        if reason == "erro":
            await world.mutate("biller", "withdrawAppeal", "denial { id }", denialId=appealed, idempotencyKey=key())
    values = {"id": appealed, "acceptedAmount": "10.00", "idempotencyKey": key()}
    await world.mutate("payer_agent", "answerAppeal", "denial { id }", **values)
    await world.mutate("biller", "acceptDenial", "denial { id }", id=accepted, idempotencyKey=key())
    await import_document(world, lote(world, ["EVENTO1"]))
    await world.gateway.expire_denials(_later(world))
    await _pay(world, fought)
    await _batches(world)
    await _queue(world)


async def _queue(world: World) -> None:
    """A denial that the payer pays by itself, and money without a claim of which a use is reversed."""
    claim = await world.submitted_claim()
    line = {"providerClaimNumber": claim["providerClaimNumber"], "paidAmount": "0.00"}
    await post(world, await taken(world, {**line, "denials": [{"code": "1801", "amount": "100.00"}]}))
    paid = await taken(world, {**line, "paidAmount": "100.00"})
    await post(world, paid)
    await resolved(world, paid["lines"][0], recoverDenial={})
    debit = {"direction": "DEBIT", "type": "08", "amount": "1.00"}
    strange = await taken(world, {"providerClaimNumber": "NENHUMA3", "paidAmount": "3.00"}, adjustments=[debit])
    query = "{ remittanceAdjustments { nodes { id } } }"
    (waits,) = (await world.call("finance", query))["remittanceAdjustments"]["nodes"]
    said = {"remittanceAdjustmentId": waits["id"], "explanation": {"accept": {"reason": "taxa"}}}
    await world.mutate("finance", "explainAdjustment", "adjustment { id }", **said, idempotencyKey=key())
    await resolved(world, strange["lines"][0], acceptOverpayment={})
    for remittance in (paid, strange):
        await post(world, remittance)
    (credit,) = await kept_credits(world)
    refund = {"creditId": credit["id"], "reason": "devolvido", "idempotencyKey": key()}
    use = (await world.mutate("finance", "refundCredit", "use { id }", **refund))["use"]["id"]
    back = {"creditUseId": use, "reason": "engano", "idempotencyKey": key()}
    await world.mutate("finance", "reverseCreditUse", "use { id }", **back)


async def _batches(world: World) -> None:
    """One that is received without a claim and processed, one that is rejected, one that is cancelled."""
    doctor = {"name": "Ana Lima", "council": "06", "number": "12345", "state": "35", "cbo": "225125"}
    claims = [(await world.submitted_claim(practitioner=doctor))["id"] for _ in range(3)]

    async def change(name: str, **values: Any) -> Any:
        done = await world.mutate("biller", name, "batch { id }", **values)
        assert done["errors"] == []
        return done["batch"]["id"]

    for chosen, name in ((claims, "recordProtocol"), (claims[:1], "rejectBatch"), (claims[:1], "cancelBatch")):
        batch = await change("createBatch", claimIds=chosen, idempotencyKey=key())
        if name == "cancelBatch":
            await change(name, batchId=batch)
            continue
        if name == "recordProtocol":
            await change("removeFromBatch", batchId=batch, claimId=claims[0])
        await change("sendBatch", batchId=batch)
        if name == "rejectBatch":
            await change(name, batchId=batch, reason="duplicado")
            continue
        refused = [{"claimId": claims[1], "code": "1705"}]
        protocol = {"number": "1", "date": today().isoformat(), "refusedClaims": refused}
        await change(name, batchId=batch, content={"protocol": protocol})
        await world.mutate("biller", "cancelClaim", "claim { id }", id=claims[2])
    await world.mutate("biller", "withdrawClaim", "claim { id }", claimId=claims[0])


def _later(world: World) -> datetime:
    return world.gateway.parts.now() + timedelta(days=60)


async def _pay(world: World, claim_id: str) -> None:
    invoice = (await world.create_invoice([claim_id]))["invoice"]
    adjustment = {"kind": "CREDIT", "amount": "1.00", "reason": "acerto", "idempotencyKey": key()}
    await world.mutate("finance", "adjustInvoice", "invoice { id }", id=invoice["id"], **adjustment)
    await world.mutate("finance", "issueInvoice", "invoice { id }", id=invoice["id"])
    await world.settle(invoice["id"], "1.00")
    settlement = (await world.settle(invoice["id"]))["settlement"]
    await world.reverse(settlement["id"])
    cancelled = await world.draft_invoice()
    await world.mutate("finance", "cancelInvoice", "invoice { id }", id=cancelled["id"])
    await _statements(world)


async def _statements(world: World) -> None:
    """One that is cancelled; one that is posted, whose other line is dismissed and then matched after all."""
    claim = await world.submitted_claim()
    unknown = {"providerClaimNumber": "NENHUMA1", "paidAmount": "5.00"}
    line = {"providerClaimNumber": claim["providerClaimNumber"], "paidAmount": "100.00"}
    wrong, right = await taken(world, unknown), await taken(world, line, unknown)
    cancel = {"remittanceId": wrong["id"], "reason": "erro", "idempotencyKey": key()}
    await world.mutate("finance", "cancelRemittance", "remittance { id }", **cancel)
    await post(world, right)
    xml = message(world.payer, analysis(world, "R1", Guide("NENHUMA2", world.card)), digest="0" * 32)
    doubtful = (await take(world, None, xml=xml))["remittance"]
    values = {"remittanceId": doubtful["id"], "reason": "conferido", "idempotencyKey": key()}
    await world.mutate("finance", "releaseRemittance", "remittance { id }", **values)
    waiting = {"remittanceLineId": right["lines"][1]["id"]}
    await world.mutate("finance", "dismissRemittanceLine", "line { id }", **waiting, reason="fora do sistema")
    await world.mutate("finance", "matchRemittanceLine", "line { id }", **waiting, claimId=claim["id"])


async def _bank(world: World) -> list[str]:
    """The ids of a file and of its entries: one that a statement's payment is and is not any more, one dismissed."""
    await taken(world, {"providerClaimNumber": "NENHUMA2", "paidAmount": "6.00"})
    content = {"text": bank_files.ofx((today(), "6.00", "TED"), (today(), "1.00", "JUROS"))}
    values = {"providerCnes": world.provider, "content": content, "idempotencyKey": key()}
    file = (await world.mutate("finance", "importBankFile", "file { id }", **values))["file"]["id"]
    query = "query { bankEntries { nodes { id amount } } }"
    nodes = (await world.call("finance", query))["bankEntries"]["nodes"]
    paid, interest = (next(each["id"] for each in nodes if each["amount"] == amount) for amount in ("6.00", "1.00"))
    undone = {"bankEntryId": paid, "idempotencyKey": key()}
    await world.mutate("finance", "unmatchBankEntry", "entries { id }", **undone)
    dismissed = {"bankEntryId": interest, "reason": "juros", "idempotencyKey": key()}
    await world.mutate("finance", "dismissBankEntry", "entries { id }", **dismissed)
    return [file, paid, interest]


async def _managed(world: World) -> list[str]:
    """The ids of parties that have been through everything."""
    found = []
    for kind, number in (("Payer", f"6{world.payer[1:]}"), ("Provider", f"6{world.provider[1:]}")):
        named = {"payerAnsCode": number} if kind == "Payer" else {"providerCnes": number}
        more = {} if kind == "Payer" else {"taxId": "11222333000181"}
        values = {**named, **more, "name": "Novo", "idempotencyKey": key()}
        made = await party_admin(world, f"register{kind}", f"{kind.lower()} {{ id }}", **values)
        found.append(made[kind.lower()]["id"])
        for verb, changes in (("update", {"name": "Outro"}), ("deactivate", {}), ("reactivate", {})):
            await party_admin(world, f"{verb}{kind}", f"{kind.lower()} {{ id }}", **named, **changes)
    doctor = {"council": "06", "number": key()[:15], "state": "35", "cbo": "225125"}
    for kind, more in (("Patient", {}), ("Practitioner", doctor)):
        made = await _registered(world, kind, provider=world.provider, name="Joana", **more)
        found.append(made)
        for verb, changes in (("update", {"name": "Outra"}), ("deactivate", {}), ("reactivate", {})):
            values = {f"{kind.lower()}Id": made, **changes}
            await world.mutate("front_desk", f"{verb}{kind}", f"{kind.lower()} {{ id }}", **values)
    return [*found, *await _covered(world, found[2])]


async def _covered(world: World, patient: str) -> list[str]:
    """The ids of a coverage and of its patient, who becomes the given one."""
    merged = await _registered(world, "Patient", provider=world.provider, name="Joana")
    card = {"payer": world.payer, "cardNumber": key()[:20], "plan": "Plano", "startsOn": "2020-01-01"}
    coverage = await _registered(world, "Coverage", patientId=merged, **card)
    for name, changes in (("updateCoverage", {"plan": "Outro"}), ("endCoverage", {"endsOn": "2099-01-01"})):
        await world.mutate("front_desk", name, "coverage { id }", coverageId=coverage, **changes)
    values = {"patientId": patient, "mergedPatientId": merged, "idempotencyKey": key()}
    await world.mutate("front_desk", "mergePatients", "patient { id }", **values)
    return [coverage, merged]


async def _registered(world: World, kind: str, **values: Any) -> str:
    values["idempotencyKey"] = key()
    made = await world.mutate("front_desk", f"register{kind}", f"{kind.lower()} {{ id }}", **values)
    assert made["errors"] == []
    return str(made[kind.lower()]["id"])


async def _elsewhere(world: World) -> list[str]:
    """The payers whose batches of appeals and payments of analyses have been through everything."""
    scenarios = (
        test_appeal_batches.test_a_cancelled_or_rejected_batch_frees_its_appeals,
        test_appeal_batches.test_the_last_answer_ends_the_batch,
        test_appeal_attachments.test_files_are_attached_once_and_removed_before_the_appeal_is_sent,
        test_appeal_receptions.test_appeals_of_refused_claims_wait_for_another_batch,
        test_payments_of_analyses.test_the_payment_of_an_analysis_settles_what_it_approved,
        test_payments_of_analyses.test_a_day_of_payment_is_corrected_by_reversals,
    )
    worlds = [await new_world(world.gateway) for _ in scenarios]
    for scenario, each in zip(scenarios, worlds, strict=True):
        await scenario(each)
    return [each.payer for each in worlds]


async def test_every_kind_of_event_keeps_its_contract(world: World) -> None:
    await _live(world)
    payers = [world.payer, *await _elsewhere(world)]
    parties = [*await _managed(world), *await _bank(world)]
    async with world.gateway.database.reading() as connection:
        is_own = or_(outbox.c.payer_ans.in_(payers), outbox.c.aggregate_id.in_(parties))
        query = select(*OUTBOX).where(is_own).order_by(outbox.c.id)
        rows = [OutboxRecord(*row) for row in (await connection.execute(query)).all()]
    assert {row.name for row in rows} == set(CONTRACTS)
    for number, row in enumerate(rows, start=1):
        # The relay may not have numbered the last ones yet.
        message = cloud_event(replace(row, position=number))
        jsonschema.validate(message, schemas.json_schema(row.name), jsonschema.Draft202012Validator)
        assert set(message["data"]) == set(schemas.json_schema(row.name)["properties"]["data"]["properties"])
