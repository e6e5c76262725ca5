"""When the time to appeal ends, by the contract and the state of the provider."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.remittance_tables import remittances
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


@pytest.mark.parametrize(("clock", "days"), [("ISSUE", -20), ("RECEIPT", 0)])
async def test_a_statement_starts_the_clock_on_the_day_that_the_contract_names(
    world: World, clock: str, days: int
) -> None:
    await _save(world, appealClock=clock)
    claim = await world.submitted_claim()
    lines = [{"providerClaimNumber": claim["providerClaimNumber"], "item": {"sequence": 1}, "paidAmount": "60.00"}]
    lines[0]["denials"] = [{"code": "1801", "amount": "40.00"}]
    values = {"payerAnsCode": world.payer, "providerCnes": world.provider, "statementNumber": "DEM-1"}
    imported = await world.mutate(
        "finance", "importRemittance", "remittance { id }", lines=lines, idempotencyKey=key(), **values
    )
    remittance = imported["remittance"]["id"]
    issued = today() - timedelta(days=20)

    async def work(connection: AsyncConnection) -> None:
        statement = update(remittances).where(remittances.c.id == remittance)
        await connection.execute(statement.values(issued_on=issued))

    await world.gateway.database.transact(work)
    posted = await world.mutate(
        "finance", "postRemittance", "postedLines", remittanceId=remittance, idempotencyKey=key()
    )
    assert (posted["postedLines"], posted["errors"]) == (1, [])
    query = "query($id: ID!) { claim(id: $id) { items { denials { appealDeadline } } } }"
    found = (await world.call("biller", query, id=claim["id"]))["claim"]["items"][0]["denials"]
    assert found == [{"appealDeadline": (today() + timedelta(days=15 + days)).isoformat()}]
