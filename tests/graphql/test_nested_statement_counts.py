"""Lists and ways back of many objects cost a fixed number of SQL statements, whatever the number of objects."""

from typing import Any

import pytest
from sqlalchemy import event

from app.telemetry.logs import request_id
from tests.factories import World, flat
from tests.gateway import NO_REQUEST
from tests.graphql.test_back_edges import won_appeal
from tests.graphql.test_remittances import line, post, taken

NESTED = """
query Invoices($first: Int!) {
  invoices(first: $first, orderBy: { field: CREATED_AT, direction: ASC }) {
    nodes { lines(first: 20) { totalCount nodes { id amount } } history { totalCount nodes { action } } }
  }
}
"""


async def test_lists_of_fifty_parents_cost_as_many_statements_as_those_of_five(world: World) -> None:
    for _ in range(50):
        await world.draft_invoice("10.00")
    counts = {}
    for first in (5, 50):
        with world.gateway.counting() as statements:
            nodes = (await world.call("finance", NESTED, first=first))["invoices"]["nodes"]
        assert [node["lines"]["totalCount"] for node in nodes] == [1] * first
        assert [flat(node["history"]["nodes"]) for node in nodes] == [[{"action": "CREATE"}]] * first
        counts[first] = len(statements)
    # page, then the pages and the counts of lines and history
    assert counts == {5: 5, 50: 5}


async def test_a_count_of_each_parent_is_made_only_when_it_is_asked_for(world: World) -> None:
    await world.draft_invoice("10.00")
    await world.draft_invoice("20.00")
    with world.gateway.counting() as statements:
        await world.call("finance", "{ invoices { nodes { lines { nodes { id } } } } }")
    assert len(statements) == 2


OF_CLAIMS = """
query Claims($first: Int!) {
  claims(first: $first) {
    nodes {
      patient { claims(first: 2) { totalCount nodes { id } } eligibilityChecks { nodes { id } } }
      items { denials { invoiceLine { id } } }
      invoices { totalCount nodes { id } }
    }
  }
}
"""
OF_SETTLEMENTS = """
query Settlements($first: Int!) {
  settlements(first: $first) {
    nodes {
      reversibleAmount reversals { totalCount nodes { id } }
      remittance { settlements { totalCount nodes { id } } }
    }
  }
}
"""


async def _cost(world: World, role: str, query: str, first: int) -> tuple[int, list[Any]]:
    with world.gateway.counting() as statements:
        (found,) = flat(await world.call(role, query, first=first)).values()
    assert len(found) == first
    return len(statements), found


async def test_ways_back_from_claims_cost_a_fixed_number_of_statements(world: World) -> None:
    for _ in range(6):
        claim, _denial = await won_appeal(world)
        await world.create_invoice([claim])
    counts = {}
    for first in (2, 6):
        counts[first], nodes = await _cost(world, "reviewer", OF_CLAIMS, first)
        assert [node["patient"]["claims"]["totalCount"] for node in nodes] == [6] * first
        assert all(node["items"][0]["denials"][0]["invoiceLine"]["id"] for node in nodes)
        assert [node["invoices"]["totalCount"] for node in nodes] == [1] * first
    # page, patients, their claims and the count, eligibility checks, items, denials, lines of won appeals, invoices of
    # claims and their counts
    assert counts == {2: 10, 6: 10}


async def test_ways_back_from_settlements_cost_a_fixed_number_of_statements(world: World) -> None:
    for number in range(6):
        claim = await world.approved_claim()
        remittance = await taken(world, line(claim, "100.00"), statementNumber=f"D{number}")
        assert (await post(world, remittance))["postedLines"] == 1
    counts = {}
    for first in (2, 6):
        counts[first], nodes = await _cost(world, "finance", OF_SETTLEMENTS, first)
        assert [node["reversibleAmount"] for node in nodes] == ["100.00"] * first
        assert [node["remittance"]["settlements"]["totalCount"] for node in nodes] == [1] * first
    # page, what is reversed, reversals and their counts, remittances, their settlements and the counts
    assert counts == {2: 7, 6: 7}


OF_MONEY = """
query Money($search: String) {
  invoices {
    totalCount sums { dueAmount }
    nodes {
      inDisputeAmount lines(first: 2) { totalCount nodes { id } } history { totalCount nodes { id } }
      settlements { totalCount nodes { id } sums { netAmount } }
    }
  }
  settlements { totalCount sums { netAmount } nodes { reversibleAmount remittance { id } } }
  contracts { totalCount nodes { prices { totalCount nodes { id } } } }
  remittances { totalCount nodes { lines { totalCount nodes { id } } } }
  payers(search: $search) { totalCount nodes { name } }
  providers(search: $search) { totalCount nodes { name } }
  practitioners(search: $search) { totalCount nodes { name } }
}
"""
OF_CARE = """
query Care($card: String) {
  claims {
    totalCount sums { paidAmount }
    nodes {
      invoices { totalCount nodes { id } sums { dueAmount } } history { totalCount nodes { id } }
      patient { claims { totalCount nodes { id } sums { paidAmount } } eligibilityChecks { totalCount } }
    }
  }
  denials { totalCount sums { lostAmount } }
  eligibilityHistory { totalCount nodes { id } }
  patients(cardNumber: $card) { totalCount nodes { id } }
}
"""


@pytest.mark.parametrize("invoices", [1, 3])
@pytest.mark.parametrize(("role", "query"), [("finance", OF_MONEY), ("reviewer", OF_CARE)])
async def test_lists_that_were_read_before_are_not_built_again(
    server_world: World, role: str, query: str, invoices: int
) -> None:
    """SQLAlchemy sees no statement of theirs: they run on the driver."""
    world = server_world
    for _ in range(invoices):
        await world.draft_invoice("10.00")
    first = await world.call(role, query, search="payer 77_%/", card=world.card)
    built = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if request_id.get() != NO_REQUEST:
            built.append(statement)

    engine = world.gateway.database.reads.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    second = await world.call(role, query, search="88 p%_/ay", card=world.card)
    event.remove(engine, "before_cursor_execute", note)
    assert built == []
    assert second == first
    assert len(second["invoices" if role == "finance" else "claims"]["nodes"]) == invoices
