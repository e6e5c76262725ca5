"""Numbers above the largest Int of GraphQL are no fault of the gateway."""

from collections.abc import AsyncIterator

import pytest
from graphql import GraphQLObjectType, get_named_type
from sqlalchemy import update

from app.db.tables import outbox
from app.schema.base.connections import at_most_int
from app.schema.root import schema
from tests.factories import new_world
from tests.faults.waiting import all_published
from tests.gateway import Gateway, embedded_settings, running_gateway

LARGE = 2**31 + 5
# Why each Int that clients read never exceeds 2147483647.
BOUNDED = {
    "totalCount": "counted no further",
    "version": "an INTEGER column, one more with every change",
    "currentVersion": "an INTEGER column, one more with every change",
    "sequence": "at most the items of a claim or the lines of a statement",
    "itemSequence": "at most the items of a claim",
    "documentSequence": "four digits in the schema of TISS",
    "number": "an INTEGER column, one more with every invoice of a provider",
    "submissionWindowDays": "limited by its input",
    "appealDeadlineDays": "limited by its input",
    "appealInstances": "limited by its input",
    "appealInstance": "at most the instances of a contract",
    "paymentTermDays": "limited by its input",
    "claimCount": "counted no further",
    "denialCount": "counted no further",
    "undecidedClaimCount": "counted no further",
    "postedLines": "at most the lines of a statement",
    "putBackLines": "at most the lines of a statement",
    "waitingLines": "at most the lines of a statement",
    "appealedCount": "at most a hundred",
    "decidedItemCount": "at most the items that it is learnt from",
    "deniedItemCount": "at most the items that it is learnt from",
    "appliedCount": "at most the appeals of a batch",
    "entryCount": "at most the entries of a bank file of 2 MiB",
    "newEntryCount": "at most the entries of a bank file of 2 MiB",
    "matchedEntryCount": "at most the entries of a bank file of 2 MiB",
    "waitingDays": "days since a payment",
    "guideCount": "at most the claims of a batch",
    "size": "limited by a setting",
    **dict.fromkeys(("headerRow", "rowNumber", "rowCount", "lineCount"), "at most the rows of a spreadsheet"),
    **dict.fromkeys(
        ("takenCount", "takenWithWarningsCount", "unchangedCount", "refusedCount", "position"),
        "at most the guides of a document",
    ),
    "line": "at most the rows of a mutation",
}


@pytest.fixture(scope="module")
async def own(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    """A gateway of this module's own: its event log gets a gap."""
    async with running_gateway(embedded_settings(tmp_path_factory.mktemp("large"))) as found:
        yield found


async def test_a_position_above_the_largest_int_is_text(own: Gateway) -> None:
    world = await new_world(own)
    invoice = await world.issued_invoice("10.00")
    settlement = (await world.settle(invoice["id"], "10.00"))["settlement"]["id"]
    # Before that the relay may be about to number it, and would do so again.
    await all_published(own.database)
    async with own.database.engine.begin() as connection:
        await connection.execute(update(outbox).where(outbox.c.name == "SettlementConfirmed").values(position=LARGE))
    query = "query($id: ID!) { node(id: $id) { ... on Settlement { position } } }"
    assert await world.call("finance", query, id=settlement) == {"node": {"position": "2147483653"}}


def test_a_list_is_counted_up_to_the_largest_int() -> None:
    assert [at_most_int(count) for count in (0, 2**31 - 1, LARGE)] == [0, 2**31 - 1, 2**31 - 1]


def test_every_int_that_clients_read_is_known_to_be_small() -> None:
    types = [each for each in schema._schema.type_map.values() if isinstance(each, GraphQLObjectType)]
    found = {
        name
        for each in types
        if not each.name.startswith("__")
        for name, field in each.fields.items()
        if get_named_type(field.type).name == "Int"
    }
    assert found == set(BOUNDED)
