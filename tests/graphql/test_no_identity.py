"""The only row that says which database it is has gone: somebody is told what to do, and clients may try again."""

import asyncio
import json

from sqlalchemy import delete

from app.db import identity
from app.db.tables import database_identity
from tests.commands import billing
from tests.factories import World
from tests.inputs import shaped
from tests.leaks import Log

REMEDY = "run billing renew-identity"
CREATE = "mutation($input: CreateClaimInput!) { createClaim(input: $input) { claim { id } } }"
TRY_AGAIN = (["UNAVAILABLE"], "the database is not available, try again")


async def _health(world: World) -> tuple[int, set[str]]:
    """Whether the gateway is ready, and what is down."""
    found = await world.gateway.client.get("/health/ready")
    return found.status_code, {name for name, state in found.json()["checks"].items() if state == "down"}


async def test_a_database_without_identity_is_one_clear_line(world: World, log: Log) -> None:
    database, before = world.gateway.database, len(log.lines)
    given = {"input": shaped("createClaim", world.claim_input())}
    async with database.engine.begin() as connection:
        await connection.execute(delete(database_identity))
    try:
        assert [await _health(world) for _ in range(2)] == [(503, {"database_identity"})] * 2
        refused = await world.gateway.gql(CREATE, given, token=world.token("biller"))
        url = world.gateway.settings.database
        loaded = await asyncio.to_thread(billing, "load-tuss", BILLING_DATABASE_URL=url)
    finally:
        await database.transact(identity.renew)
    assert (refused.codes, refused.body["errors"][0]["message"]) == TRY_AGAIN
    last_line = loaded.stderr.splitlines()[-1]
    assert (loaded.returncode, last_line) == (1, f"billing: the database has no identity: {REMEDY}")
    (line,) = [each for each in map(json.loads, log.lines[before:]) if each["level"] in {"warning", "error"}]
    assert (line["event"], line["error"], line["remedy"]) == ("database_down", "NoIdentity", REMEDY)
    assert await _health(world) == (200, set())
    assert (await world.create_claim())["errors"] == []
