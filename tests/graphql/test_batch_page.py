"""docs/batches.md, "Sending claims to the payer": its operations, done in their order."""

import re
from pathlib import Path
from typing import Any

from tests.factories import World, today
from tests.graphql.test_claim_batches import sent_claim

PAGE = (Path(__file__).parents[2] / "docs" / "batches.md").read_text()
OPERATIONS = {
    re.split(r"[ ({]", text, maxsplit=2)[1]: text
    for block in re.findall(r"```graphql\n(.*?)```", PAGE, re.DOTALL)
    for text in re.split(r"\n\n(?=query|mutation)", block)
}


async def test_the_operations_of_the_page_do_what_it_says(world: World) -> None:
    claims = [await sent_claim(world) for _ in range(4)]
    done = []

    async def run(name: str, **variables: Any) -> Any:
        text = OPERATIONS[name].replace('123456"', f'{world.payer}"').replace('1234567"', f'{world.provider}"')
        (found,) = (await world.call("biller", text, **variables)).values()
        assert found.get("errors", []) == []
        done.append(name)
        return found

    (batch,) = (await run("CreateBatches", month=f"{today():%Y-%m}"))["batches"]
    assert (batch["number"], batch["guideCount"]) == (1, 4)
    left = await run("RemoveFromBatch", batch=batch["id"], claim=claims[0])
    assert left["batch"]["guideCount"] == 3
    assert (await run("SendBatch", batch=batch["id"]))["batch"]["status"] == "SENT"
    document = await run("BatchDocument", batch=batch["id"])
    assert document["fileName"] == f"{world.payer}_{world.provider}_000000000001.xml"
    received = (await run("RecordProtocol", batch=batch["id"], refused=claims[1], today=today().isoformat()))["batch"]
    assert (received["status"], received["guideCount"]) == ("RECEIVED", 2)
    waiting = await run("WaitingBatches")
    assert [each["status"] for each in waiting["nodes"]] == ["RECEIVED"]
    withdrawn = await run("WithdrawClaim", claim=claims[0])
    assert withdrawn["claim"]["status"] == "DRAFT"
    values = {"claimIds": [await sent_claim(world)], "idempotencyKey": "another"}
    other = (await world.mutate("biller", "createBatch", "batch { id }", **values))["batch"]["id"]
    await run("SendBatch", batch=other)
    rejected = await run("RejectBatch", batch=other)
    assert rejected["batch"] == {"status": "REJECTED", "reason": "Lote em duplicidade"}
    assert set(done) == set(OPERATIONS)
