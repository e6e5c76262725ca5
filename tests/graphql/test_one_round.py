"""A form with several faults is refused with all of them: unreadable values, wrong forms, unknown codes, days, and what
the payer's document lacks."""

from datetime import timedelta
from typing import Any

from tests.factories import CONSULTATION, World, key, today
from tests.graphql.test_claim_batches import sent_batch, sent_claim
from tests.inputs import dotted

LONG_AGO = (today() - timedelta(days=400)).isoformat()


def _found(payload: Any) -> list[tuple[str, str | None]]:
    return sorted((each["code"], dotted(each["field"])) for each in payload["errors"])


async def test_faults_of_every_kind_come_together(server_world: World) -> None:
    world = server_world
    payload = await world.create_claim(
        submit=True,
        serviceDate=LONG_AGO,
        items=[
            CONSULTATION | {"code": "99999999"},
            CONSULTATION | {"quantity": "none"},
            CONSULTATION | {"code": "abc def"},
        ],
        practitioner={"council": "77", "number": "1", "state": "35", "cbo": "225125", "name": "Ana"},
        diagnosisCodes=["not a code"],
        encounter={},
        claimedAmount="1.00",
    )
    assert payload["claim"] is None
    assert _found(payload) == [
        ("INVALID_DATE", "claim.serviceDate"),
        ("INVALID_INPUT", "claim.diagnosisCodes.0"),
        ("INVALID_INPUT", "claim.encounter.accident"),
        ("INVALID_INPUT", "claim.encounter.priority"),
        ("INVALID_INPUT", "claim.encounter.setting"),
        ("INVALID_INPUT", "claim.encounter.type"),
        ("INVALID_QUANTITY", "claim.items.1.quantity"),
        ("UNKNOWN_CODE", "claim.items.0.code"),
        ("UNKNOWN_CODE", "claim.items.2.code"),
        ("UNKNOWN_CODE", "claim.practitioner.council"),
    ]


async def test_nothing_is_said_of_what_cannot_be_read(world: World) -> None:
    payload = await world.create_claim(
        provider="x",
        payer="y",
        serviceDate="yesterday",
        items=[CONSULTATION | {"unitPrice": "1,50"}],
        claimedAmount="99.00",
        cardNumber="",
    )
    assert _found(payload) == [
        ("INVALID_AMOUNT", "claim.items.0.unitPrice"),
        ("INVALID_CARD", "claim.cardNumber"),
        ("INVALID_DATE", "claim.serviceDate"),
        ("INVALID_IDENTIFIER", "claim.payerAnsCode"),
        ("INVALID_IDENTIFIER", "claim.providerCnes"),
    ]


async def test_a_draft_with_faults_is_as_it_was(world: World) -> None:
    claim = (await world.create_claim())["claim"]
    values = {"id": claim["id"], "version": 7, "serviceDate": "x", "cardNumber": "", "items": []}
    payload = await world.mutate("biller", "updateDraftClaim", "claim { id }", **values)
    assert _found(payload) == [
        ("INVALID_CARD", "claim.cardNumber"),
        ("INVALID_DATE", "claim.serviceDate"),
        ("INVALID_INPUT", "claim.items"),
        ("STALE_VERSION", "version"),
    ]
    assert (await world.claim(claim["id"]))["version"] == 1


async def test_a_correction_says_at_once_that_it_needs_a_number_and_what_else_is_wrong(world: World) -> None:
    claim = await world.approved_claim()
    values = {
        "id": claim["id"],
        "version": 9,
        "providerClaimNumber": None,
        "serviceDate": LONG_AGO,
        "items": [CONSULTATION | {"code": "99999999"}, CONSULTATION | {"quantity": "none"}],
        "idempotencyKey": key(),
    }
    payload = await world.mutate("biller", "replaceClaim", "claim { id }", **values)
    assert _found(payload) == [
        ("INVALID_DATE", "claim.serviceDate"),
        ("INVALID_INPUT", "claim.providerClaimNumber"),
        ("INVALID_QUANTITY", "claim.items.1.quantity"),
        ("STALE_VERSION", "version"),
        ("UNKNOWN_CODE", "claim.items.0.code"),
    ]


async def test_that_an_object_has_changed_hides_nothing_of_the_form(world: World) -> None:
    claim = await world.claim_in_review()
    denials = [{"code": "none", "amount": "40.00"}]
    decided = await world.adjudicate(
        claim["id"], [{"sequence": 1, "approvedAmount": "60.00", "denials": denials}], version=9
    )
    assert _found(decided) == [("STALE_VERSION", "version"), ("UNKNOWN_CODE", "items.0.denials.0.code")]
    invoice = await world.draft_invoice()
    values = {"id": invoice["id"], "dueDate": LONG_AGO, "version": 9}
    issued = await world.mutate("finance", "issueInvoice", "invoice { id }", **values)
    assert _found(issued) == [("INVALID_DATE", "dueDate"), ("STALE_VERSION", "version")]
    batch = await sent_batch(world, await sent_claim(world))
    protocol = {"number": "PR-77", "date": "2999-01-01"}
    values = {"batchId": batch, "content": {"protocol": protocol}, "version": 9}
    received = await world.mutate("biller", "recordProtocol", "batch { id }", **values)
    assert _found(received) == [("INVALID_DATE", "content.protocol.date"), ("STALE_VERSION", "version")]


async def test_that_a_card_has_changed_hides_none_of_its_days(world: World) -> None:
    person = {"providerCnes": world.provider, "name": "Rita", "idempotencyKey": key()}
    patient = (await world.mutate("front_desk", "registerPatient", "patient { id }", **person))["patient"]["id"]
    card = {"patientId": patient, "cardNumber": key()[:20], "plan": "A", "startsOn": LONG_AGO, "payer": world.payer}
    found = await world.mutate("front_desk", "registerCoverage", "coverage { id }", **card, idempotencyKey=key())
    named = {"coverageId": found["coverage"]["id"], "version": 9}
    dates = {"endsOn": "2020-01-01", "suspendedFrom": None, "suspendedUntil": "2020-01-01"}
    values = {"plan": "a" * 81, "startsOn": None, "dates": dates}
    payload = await world.mutate("front_desk", "updateCoverage", "coverage { id }", **named, **values)
    assert _found(payload) == [
        ("INVALID_DATE", "dates.endsOn"),
        ("INVALID_DATE", "dates.suspendedFrom"),
        ("INVALID_INPUT", "plan"),
        ("STALE_VERSION", "version"),
    ]
    payload = await world.mutate("front_desk", "endCoverage", "coverage { id }", **named, endsOn="2020-01-01")
    assert _found(payload) == [("INVALID_DATE", "endsOn"), ("STALE_VERSION", "version")]
