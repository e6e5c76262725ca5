"""A request costs a fixed number of SQL statements, whatever the number of rows."""

from typing import Any

from tests.factories import CONSULTATION, World, flat, key, today
from tests.graphql.test_back_edges import won_appeal
from tests.graphql.test_remittances import line, post, taken

LIST = """
query Claims($first: Int!) {
  claims(first: $first, orderBy: OLDEST_FIRST) {
    nodes {
      id status claimedAmount
      payer { name } provider { name } patient { name cpf }
      items { code total denials { code amount } term { term } }
      invoice { number status settlements(first: 100) { nodes { amount reverses { id } } } }
    }
  }
}
"""


async def _filled(world: World, count: int) -> None:
    """Claims with a denial each, billed and partly paid."""
    ids = []
    for _ in range(count):
        claim = await world.claim_in_review(items=[CONSULTATION])
        decision = {"sequence": 1, "approvedAmount": "60.00", "denials": [{"code": "1705", "amount": "40.00"}]}
        await world.adjudicate(claim["id"], [decision])
        ids.append(claim["id"])
    invoice = (await world.create_invoice(ids))["invoice"]
    await world.mutate("finance", "issueInvoice", "invoice { id }", id=invoice["id"])
    await world.settle(invoice["id"], "1.00")


async def test_a_list_of_fifty_costs_as_many_statements_as_a_list_of_five(world: World) -> None:
    await _filled(world, 50)
    # Terms come from the cache once they were read: the first request fills it.
    await world.call("biller", LIST, first=1)
    counts = {}
    for first in (5, 50):
        with world.gateway.counting() as statements:
            nodes = flat(await world.call("biller", LIST, first=first))["claims"]
        assert len(nodes) == first
        assert [node["items"][0]["denials"][0]["amount"] for node in nodes] == ["40.00"] * first
        assert [node["invoice"]["settlements"][0]["amount"] for node in nodes] == ["1.00"] * first
        counts[first] = len(statements)
    # page, payers, providers, patients, items, denials, invoices, settlements
    assert counts == {5: 8, 50: 8}


async def test_no_statement_asks_for_every_column(world: World) -> None:
    await _filled(world, 2)
    with world.gateway.counting() as statements:
        await world.call("biller", LIST, first=2)
        await world.create_claim()
    assert [text for text in statements if "*" in text.replace("count(*)", "")] == []


async def test_a_count_is_made_only_when_it_is_asked_for(world: World) -> None:
    with world.gateway.counting() as without:
        await world.call("biller", "{ claims(first: 1) { nodes { id } } }")
    with world.gateway.counting() as with_count:
        await world.call("biller", "{ claims(first: 1) { nodes { id } totalCount } }")
    assert (len(without), len(with_count)) == (1, 2)


async def test_a_settlement_costs_a_fixed_number_of_statements(world: World) -> None:
    invoice = await world.issued_invoice("100.00")
    with world.gateway.counting() as statements:
        payload = await world.settle(invoice["id"], "40.00", idempotencyKey=key(), paidOn=today().isoformat())
    assert payload["errors"] == []
    verbs = [text.split()[0] for text in statements if text.split()[0] not in ("BEGIN", "SAVEPOINT", "RELEASE")]
    # the key taken and looked at, the invoice locked, its lines; then the ledger row, which line it pays (two tables),
    # the invoice, its history, the stored answer (the outbox is not counted)
    writes = ["INSERT", "INSERT", "UPDATE", "UPDATE", "INSERT", "UPDATE"]
    assert verbs == ["INSERT", "SELECT", "SELECT", "SELECT", *writes]


LIFE = """
query Claims($first: Int!) {
  claims(first: $first, orderBy: OLDEST_FIRST) {
    nodes {
      paidAmount warnings { tissCode } replaces { id } replacedBy { id }
      history(first: 100) { nodes { action denialAction status amount actor } }
      availableActions { action blockedBy }
    }
  }
}
"""


async def test_the_life_of_fifty_claims_costs_as_many_statements_as_that_of_five(world: World) -> None:
    await _filled(world, 50)
    counts = {}
    for first in (5, 50):
        with world.gateway.counting() as statements:
            nodes = flat(await world.call("biller", LIFE, first=first))["claims"]
        assert [[step["action"] or step["denialAction"] for step in node["history"]] for node in nodes] == [
            ["CREATE", "SUBMIT", "START_REVIEW", "APPROVE_PARTIALLY", "DENY"]
        ] * first
        counts[first] = len(statements)
    # page, lines, replacements, history, denials
    assert counts == {5: 5, 50: 5}


NESTED = """
query Invoices($first: Int!) {
  invoices(first: $first, orderBy: OLDEST_FIRST) {
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
