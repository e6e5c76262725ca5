"""When the time to appeal ends, by the contract and the state of the provider."""

from typing import Any

from app.domain.business_days import after_business_days
from tests.factories import World, key, party_admin, refusals, today

TERMS = {"submissionWindowDays": 180, "appealDeadlineDays": 15, "paymentTermDays": 30}
CONTRACT = "contract { appealClock appealDaysKind appealDeadlineDays version }"


async def _save(world: World, **changes: Any) -> Any:
    values = {"providerCnes": world.provider, "payerAnsCode": world.payer, **TERMS, **changes}
    return await party_admin(world, "saveContract", CONTRACT, **values)


async def _deadline(world: World) -> str:
    """The last day to appeal a denial that a person records today."""
    claim_id = (await world.claim_in_review())["id"]
    denied = [{"sequence": 1, "approvedAmount": "60.00", "denials": [{"code": "1801", "amount": "40.00"}]}]
    assert (await world.adjudicate(claim_id, denied))["errors"] == []
    query = "query($id: ID!) { claim(id: $id) { items { denials { appealDeadline } } } }"
    found = (await world.call("biller", query, id=claim_id))["claim"]
    return str(found["items"][0]["denials"][0]["appealDeadline"])


async def test_business_days_are_those_of_the_providers_state(world: World) -> None:
    saved = await _save(world, appealDaysKind="BUSINESS", appealDeadlineDays=260)
    assert saved["contract"] == {
        "appealClock": "ISSUE",
        "appealDaysKind": "BUSINESS",
        "appealDeadlineDays": 260,
        "version": 1,
    }
    in_brazil = await _deadline(world)
    changed = await party_admin(
        world, "updateProvider", "provider { state }", providerCnes=world.provider, state="27", idempotencyKey=key()
    )
    assert changed["provider"] == {"state": "27"}
    in_alagoas = await _deadline(world)
    days = [after_business_days(today(), 260, state).isoformat() for state in (None, "27")]
    assert [in_brazil, in_alagoas] == days
    # A year has two to four more holidays there.
    assert days[0] < days[1]


async def test_a_change_of_other_terms_leaves_the_clock(world: World) -> None:
    await _save(world, appealClock="RECEIPT", appealDaysKind="BUSINESS")
    saved = await _save(world, appealDeadlineDays=20)
    assert saved["contract"] == {
        "appealClock": "RECEIPT",
        "appealDaysKind": "BUSINESS",
        "appealDeadlineDays": 20,
        "version": 2,
    }


async def test_a_state_is_one_of_table_59(world: World) -> None:
    values = {"providerCnes": world.provider, "idempotencyKey": key()}
    refused = await party_admin(world, "updateProvider", "provider { state }", state="99", **values)
    assert (refusals(refused), refused["provider"]) == ([("UNKNOWN_CODE", "state", None)], None)
