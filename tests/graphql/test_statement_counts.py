"""A request costs a fixed number of SQL statements, whatever the number of rows."""

from tests.factories import CONSULTATION, World, key, today

LIST = """
query Claims($first: Int!) {
  claims(first: $first, orderBy: { field: CREATED_AT, direction: ASC }) {
    nodes {
      id status claimedAmount
      payer { name } provider { name } patient { name cpf }
      items { code total denials { code amount } term { term } }
      invoice { number status settlements { amount reverses { id } } }
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


async def test_a_list_of_twelve_costs_as_many_statements_as_a_list_of_three(world: World) -> None:
    await _filled(world, 12)
    # Terms come from the cache once they were read: the first request fills it.
    await world.call("biller", LIST, first=1)
    counts = {}
    for first in (3, 12):
        with world.gateway.counting() as statements:
            nodes = (await world.call("biller", LIST, first=first))["claims"]["nodes"]
        assert len(nodes) == first
        assert [node["items"][0]["denials"][0]["amount"] for node in nodes] == ["40.00"] * first
        assert [node["invoice"]["settlements"][0]["amount"] for node in nodes] == ["1.00"] * first
        counts[first] = len(statements)
    # page, payers, providers, patients, items, denials, invoices, settlements
    assert counts == {3: 8, 12: 8}


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
  claims(first: $first, orderBy: { field: CREATED_AT, direction: ASC }) {
    nodes {
      paidAmount warnings { tissCode } replaces { id } replacedBy { id }
      history { action denialAction status amount actor }
      availableActions { action blockedBy }
    }
  }
}
"""


async def test_the_life_of_twelve_claims_costs_as_many_statements_as_that_of_three(world: World) -> None:
    await _filled(world, 12)
    counts = {}
    for first in (3, 12):
        with world.gateway.counting() as statements:
            nodes = (await world.call("biller", LIFE, first=first))["claims"]["nodes"]
        assert [[step["action"] or step["denialAction"] for step in node["history"]] for node in nodes] == [
            ["CREATE", "SUBMIT", "START_REVIEW", "APPROVE_PARTIALLY", "DENY"]
        ] * first
        counts[first] = len(statements)
    # page, lines, replacements, history, denials
    assert counts == {3: 5, 12: 5}
