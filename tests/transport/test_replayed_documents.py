"""However a payer's document comes again - whole, in parts, renamed, in another encoding or envelope, by itself or many
times at once - the ledger does not move."""

import asyncio
import random
from typing import Any

import pytest
from sqlalchemy import select

from app.db.tables import claims, invoices, settlements
from tests.factories import World, key, refusals, today
from tests.graphql.test_remittances import books, post
from tests.graphql.test_statement_documents import send
from tests.length import scaled
from tests.payer_documents import Guide, Item, analysis, message

STATEMENTS = 3
REPLAYS = 12


async def _sent(world: World) -> list[str]:
    """Statements of two claims each, one paid in full and one in part."""
    found = []
    for number in range(STATEMENTS):
        claims = [await world.submitted_claim() for _ in range(2)]
        items = (Item(), Item(paid="60.00", denials=(("1705", "40.00"),)))
        guides = [
            Guide(claim["providerClaimNumber"], world.card, (item,)) for claim, item in zip(claims, items, strict=True)
        ]
        found.append(analysis(world, f"R{number}", *guides))
    return found


async def _ledger(world: World) -> Any:
    """Every row of money of this payer, and its sums."""
    rows = []
    async with world.gateway.database.reading() as connection:
        for table in (claims, invoices, settlements):
            query = select(table).where(table.c.payer_ans == world.payer).order_by(table.c.id)
            rows.append((await connection.execute(query)).all())
    return rows, await books(world)


def _replay(world: World, statements: list[str], chance: random.Random) -> tuple[str, dict[str, str]]:
    """Some of the statements in another message, and what is typed beside it."""
    chosen = chance.sample(statements, chance.randint(1, len(statements)))
    if chance.random() < 1 / 2:
        # The number is in the statement itself, too.
        chosen = [each.replace("<numeroDemonstrativo>R", f"<numeroDemonstrativo>N{key()[:6]}") for each in chosen]
    version, encoding = chance.choice(["4.02.00", "4.03.00", "3.05.00"]), chance.choice(["ISO-8859-1", "UTF-8"])
    xml = message(world.payer, *chosen, version=version, encoding=encoding)
    if chance.random() < 1 / 2:
        xml = f"<s:Envelope xmlns:s='urn:s'><s:Body>{xml.partition('?>')[2]}</s:Body></s:Envelope>"
    typed = {"statementNumber": f"T{key()[:8]}"} if chance.random() < 1 / 2 else {}
    return xml, typed


@pytest.mark.parametrize("seed", range(scaled(full=3, short=1)))
async def test_a_replayed_document_moves_nothing(world: World, seed: int) -> None:
    chance = random.Random(seed)
    statements = await _sent(world)
    day = today().isoformat()
    payload = await send(world, message(world.payer, *statements), paidOn=day)
    assert payload["errors"] == []
    for remittance in payload["remittances"]:
        assert (await post(world, remittance))["postedLines"] == 2
    before, ids = await _ledger(world), {each["id"] for each in payload["remittances"]}
    assert before[1] == ["600.00", "480.00", "120.00", "0.00", "0.00", "0.00"]
    for _ in range(REPLAYS):
        xml, typed = _replay(world, statements, chance)
        again = await send(world, xml, paidOn=day, **typed)
        assert (again["errors"], again["alreadyImported"]) == ([], True)
        assert {each["id"] for each in again["remittances"]} <= ids
        for remittance in again["remittances"]:
            assert (await post(world, remittance))["alreadyPosted"] is True
    assert await _ledger(world) == before


async def test_one_document_many_times_at_once_is_in_effect_once(world: World) -> None:
    chance = random.Random(7)
    statements = await _sent(world)
    day = today().isoformat()
    replays = [_replay(world, statements, chance) for _ in range(REPLAYS)]
    documents = [(message(world.payer, *statements), dict[str, str]()), *replays]
    payloads = await asyncio.gather(*(send(world, xml, paidOn=day, **typed) for xml, typed in documents))
    # Whoever was too late may try again, and is told so.
    assert {code for payload in payloads for code, _, _ in refusals(payload)} <= {"CONFLICT"}
    found = {each["id"]: each for payload in payloads for each in payload["remittances"]}
    for xml, typed in documents:
        payload = await send(world, xml, paidOn=day, **typed)
        assert payload["errors"] == []
        found |= {each["id"]: each for each in payload["remittances"]}
    assert len(found) == STATEMENTS
    done = await asyncio.gather(*(post(world, each) for each in [*found.values()] * 3))
    assert sum(each["postedLines"] for each in done) == 2 * STATEMENTS
    assert await books(world) == ["600.00", "480.00", "120.00", "0.00", "0.00", "0.00"]
