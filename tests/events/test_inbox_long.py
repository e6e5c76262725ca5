"""A statement of thousands of lines from Kafka is posted by a job, and blocks no statement behind it."""

import os
from typing import Final

from tests.events.inbox_post import Post, done, kept, results, statement, until
from tests.factories import World
from tests.figures import Figures
from tests.graphql.test_remittances import books, line, money
from tests.hostile.big_data import copied_claims

LINES: Final = int(os.environ.get("BILLING_TEST_STATEMENT_LINES", "150"))
"""2,000 at most, as the contract says."""


async def test_a_long_statement_blocks_none_behind_it(server_world: World, post: Post, figures: Figures) -> None:
    world = server_world
    last = await world.submitted_claim()
    claims = await copied_claims(world.gateway, last["id"], LINES)
    lines = [line({"providerClaimNumber": each[-20:]}, "70.00", ("1705", "30.00")) for each in claims]
    before = await results(world.gateway)
    await post.send(statement(world, *lines, statementNumber="LONG"))
    await post.send(statement(world, line(last, "100.00"), statementNumber="SHORT"))
    await done(before, world.gateway, posted=2)
    # It was answered before the long one was posted.
    assert (await money(world, last))["paidAmount"] == "100.00"
    status = {each["statementNumber"]: each["status"] for each in await kept(world)}
    assert status == {"SHORT": "POSTED", "LONG": "POSTING"}

    async def is_posted() -> bool:
        return all(each["status"] == "POSTED" for each in await kept(world))

    await until(is_posted, seconds=300)
    paid, denied = LINES * 70 + 100, LINES * 30
    assert await books(world) == [f"{each}.00" for each in (paid + denied, paid, denied, 0, 0, 0)]
    figures(lines=LINES)
