"""A request costs a fixed number of SQL statements, whatever the number of rows."""

from datetime import timedelta

from tests.factories import BLOOD_COUNT, CONSULTATION, World, flat, key, today

LIST = """
query Claims($first: Int!) {
  claims(first: $first, orderBy: { field: CREATED_AT, direction: ASC }) {
    nodes {
      id status claimedAmount
      payer { name } provider { name } patient { name cpf }
      items { code totalAmount denials { code amount } term { term } }
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


async def test_a_list_of_twelve_costs_as_many_statements_as_a_list_of_three(world: World) -> None:
    await _filled(world, 12)
    # Terms come from the cache once they were read: the first request fills it.
    await world.call("biller", LIST, first=1)
    counts = {}
    for first in (3, 12):
        with world.gateway.counting() as statements:
            nodes = flat(await world.call("biller", LIST, first=first))["claims"]
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
    # the key taken (and looked at, where the database does not say whether it is new), the invoice locked, its lines;
    # then the ledger row, which line it pays (two tables), the invoice, its history, the stored answer (the outbox is
    # not counted)
    reads = ["SELECT"] * (3 if world.gateway.is_embedded else 2)
    writes = ["INSERT", "INSERT", "UPDATE", "UPDATE", "INSERT", "UPDATE"]
    assert verbs == ["INSERT", *reads, *writes]


LIFE = """
query Claims($first: Int!) {
  claims(first: $first, orderBy: { field: CREATED_AT, direction: ASC }) {
    nodes {
      paidAmount warnings { tissCode } replaces { id } replacedBy { id }
      createdBy updatedAt
      history(first: 100) {
        nodes { status actor ... on ClaimStep { action } ... on DenialStep { denialAction amount } }
      }
      availableActions { action blockedBy { code message } }
    }
  }
}
"""


async def test_the_life_of_twelve_claims_costs_as_many_statements_as_that_of_three(world: World) -> None:
    await _filled(world, 12)
    counts = {}
    for first in (3, 12):
        with world.gateway.counting() as statements:
            nodes = flat(await world.call("biller", LIFE, first=first))["claims"]
        assert [[step.get("action") or step["denialAction"] for step in node["history"]] for node in nodes] == [
            ["CREATE", "SUBMIT", "START_REVIEW", "APPROVE_PARTIALLY", "DENY"]
        ] * first
        counts[first] = len(statements)
    # page, lines, replacements, history, who created them and when they changed, denials
    assert counts == {3: 6, 12: 6}


SUBMIT = """
mutation($input: SubmitClaimsInput!) {
  submitClaims(input: $input) { results { object { status warnings { field tissCode } } } errors { code } }
}
"""


async def test_a_batch_looks_for_services_billed_before_in_one_statement(world: World) -> None:
    billed = await world.submitted_claim(items=[BLOOD_COUNT])
    assert billed["status"] == "SUBMITTED"
    days = [str(today() - timedelta(days=number)) for number in range(10)]
    counts = {}
    for size in (2, 10):
        drafts = [(await world.create_claim(serviceDate=day))["claim"]["id"] for day in days[: size - 1]]
        drafts.append((await world.create_claim(items=[BLOOD_COUNT]))["claim"]["id"])
        with world.gateway.counting() as statements:
            answer = await world.call("biller", SUBMIT, input={"claimIds": drafts})
        results = answer["submitClaims"]["results"]
        assert [each["object"]["status"] for each in results] == ["SUBMITTED"] * size
        duplicate = [{"field": ["items", "0"], "tissCode": "3209"}]
        # The first batch bills the consultation of today; in the second one its first draft bills it again.
        warned = [duplicate if size == 10 and place == 0 else [] for place in range(size - 1)]
        assert [each["object"]["warnings"] for each in results] == [*warned, duplicate]
        reads = [text for text in statements if text.startswith("SELECT") and "claim_items" in text]
        counts[size] = (len(reads), len(statements))
    # the items of all drafts, and what is billed of these elsewhere; with them the locks, the guides that they came as
    # and the history; for each draft what it refers to, and its row
    assert counts == {size: (2, 5 + 2 * size) for size in (2, 10)}


async def test_drafts_of_a_batch_are_duplicates_of_those_before_them(world: World) -> None:
    drafts = [(await world.create_claim())["claim"]["id"] for _ in range(3)]
    results = (await world.call("biller", SUBMIT, input={"claimIds": drafts}))["submitClaims"]["results"]
    duplicate = [{"field": ["items", "0"], "tissCode": "3209"}]
    assert [each["object"]["warnings"] for each in results] == [[], duplicate, duplicate]
