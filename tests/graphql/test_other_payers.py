"""What another payer was sent, and what a factor makes of a risk."""

from dataclasses import replace

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.reference_tables import coverages
from app.domain import ids
from tests.factories import World, new_world, today
from tests.gateway import Gateway
from tests.graphql.test_preflight import PRICE, _item
from tests.preflights import findings_on, save_contract


async def test_a_quantity_above_the_maximum_risks_it_at_the_items_own_factor(world: World) -> None:
    await save_contract(world, {**PRICE, "quantityMax": "2"})
    assert await findings_on(world, items=[_item(quantity="3", factor="0.50")]) == [
        ("WARNING", "INVALID_QUANTITY", "items.0.quantity", "3210", "50.00")
    ]


async def _with_another_payer(gateway: Gateway, world: World) -> World:
    """The same provider and patient, covered by another payer as well."""
    other = replace(await new_world(gateway), provider=world.provider, patient=world.patient)
    card = replace(other, card="X" + other.card)
    values = {"id": ids.new_id(ids.COVERAGE), "patient_id": world.patient, "payer_ans": other.payer}
    terms = {"plan_name": "Outro", "card_number": card.card, "starts_on": today().replace(year=2015)}

    async def work(connection: AsyncConnection) -> None:
        await connection.execute(insert(coverages).values(**values, **terms))

    await gateway.database.transact(work)
    return card


async def test_what_another_payer_was_sent_is_no_duplicate(gateway: Gateway, world: World) -> None:
    other = await _with_another_payer(gateway, world)
    await other.submitted_claim()
    assert await findings_on(world) == []
    await world.submitted_claim()
    assert [each[3] for each in await findings_on(world)] == ["3209"]


async def test_a_claim_number_is_taken_with_its_own_payer_only(gateway: Gateway, world: World) -> None:
    other = await _with_another_payer(gateway, world)
    assert (await other.create_claim(providerClaimNumber="SAME-1"))["errors"] == []
    assert await findings_on(world, providerClaimNumber="SAME-1") == []
    assert (await world.create_claim(providerClaimNumber="SAME-1"))["errors"] == []
