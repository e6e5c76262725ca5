"""A form with several faults is refused with all of them: unreadable values, wrong forms, unknown codes, days, and what
the payer's document lacks."""

from datetime import timedelta
from typing import Any

from tests.factories import CONSULTATION, World, today
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
    assert _found(payload) == [("INVALID_DATE", "claim.serviceDate"), ("STALE_VERSION", "version")]
    payload = await world.mutate("biller", "updateDraftClaim", "claim { id }", **{**values, "version": 1})
    assert _found(payload) == [
        ("INVALID_CARD", "claim.cardNumber"),
        ("INVALID_DATE", "claim.serviceDate"),
        ("INVALID_INPUT", "claim.items"),
    ]
    assert (await world.claim(claim["id"]))["version"] == 1
