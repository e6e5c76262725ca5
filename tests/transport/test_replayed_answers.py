"""However the answers to appeals come again - whole, in parts, renumbered, in another encoding, typed, or many times at
once, by a document or a statement - each is in effect once, and the ledger does not move."""

import asyncio
import random
from typing import Any

from tests.factories import World
from tests.graphql.test_answers_by_payment import _pay, _state
from tests.graphql.test_appeal_answers import _number, _record
from tests.graphql.test_appeal_batches import change, sent
from tests.tiss.appeal_answers import Answer, document, reception

REPLAYS = 12
ENCODINGS = ("ISO-8859-1", "UTF-8", "UTF-16")


def _replay(world: World, answers: list[Answer], denials: dict[str, str], chance: random.Random) -> dict[str, Any]:
    """Some of the answers, as another document or typed."""
    chosen = chance.sample(answers, chance.randint(1, len(answers)))
    if chance.random() < 1 / 4:
        typed = [{"denialId": denials[each.code], "acceptedAmount": each.accepted} for each in chosen]
        return {"answers": typed}
    # By our number, or by one of the payer's and the protocol of the appeals or of the claims.
    number, protocol = chance.choice([(1, "987654"), (70_001, "555"), (70_002, "987654"), (1, "555")])
    encoding, prefix = chance.choice(ENCODINGS), chance.choice(["ans", "t", "ns2"])
    raw = document(world.payer, number, chosen, encoding, prefix, protocol=protocol)
    return {"xml": raw.decode(encoding)}


async def test_replayed_answers_move_nothing(world: World) -> None:
    """One appeal is won by a document, the other one by a statement that pays it; then all of it comes again."""
    chance = random.Random(11)
    batch, (first, second) = await sent(world)
    received = {"xml": reception(world.payer, 1, "555").decode("iso-8859-1")}
    assert (await change(world, "recordAppealProtocol", batch["id"], **received))["errors"] == []
    claim = await _number(world, batch)
    answers = [Answer(claim, "1801", "15.50", 1), Answer(claim, "1705", "37.00", 2, "37.00")]
    denials = {"1801": first, "1705": second}
    await _pay(world, claim, [{"item": {"sequence": 1}, "paidAmount": "60.00"}], "DEM1")
    one = document(world.payer, 1, answers[:1]).decode("iso-8859-1")
    payloads = await asyncio.gather(*[_record(world, {"xml": one}) for _ in range(3)])
    assert sorted(each["appliedCount"] for each in payloads) == [0, 0, 1]
    paid = await _pay(world, claim, [{"item": {"sequence": 2}, "paidAmount": "37.00"}], "DEM2")
    assert paid["postedLines"] == 1
    before = await _state(world, batch)
    assert before[:2] == ("ANSWERED", [("PARTIALLY_OVERTURNED", "15.50"), ("OVERTURNED", "37.00")])
    assert before[2]["unexplainedAmount"] == "0.00"
    version = await _version(world, batch)
    for _ in range(REPLAYS):
        payload = await _record(world, _replay(world, answers, denials, chance))
        assert (payload["errors"], payload["appliedCount"]) == ([], 0)
        assert [each["errors"] for each in payload["results"]] == [[] for _ in payload["results"]]
    replays = [_replay(world, answers, denials, chance) for _ in range(4)]
    payloads = await asyncio.gather(*[_record(world, each) for each in replays])
    assert [each["appliedCount"] for each in payloads] == [0] * 4
    assert await _state(world, batch) == before
    assert await _version(world, batch) == version
    assert await _answers(world, batch) == 2


async def _version(world: World, batch: Any) -> int:
    query = "query($id: ID!) { appealBatch(id: $id) { version } }"
    return int((await world.call("biller", query, id=batch["id"]))["appealBatch"]["version"])


async def _answers(world: World, batch: Any) -> int:
    """How many answers were recorded."""
    query = "query($id: ID!) { appealBatch(id: $id) { denials { nodes { claim { id } } } } }"
    found = (await world.call("biller", query, id=batch["id"]))["appealBatch"]["denials"]["nodes"]
    return (await world.events(found[0]["claim"]["id"])).count("AppealAnswered")
