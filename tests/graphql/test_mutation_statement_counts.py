"""How many SQL statements the busiest mutations cost on a server: a number more is a slower gateway."""

from typing import Any

from tests.factories import BLOOD_COUNT, CONSULTATION, World, key, today
from tests.graphql.test_remittances import line, taken

ITEMS = [CONSULTATION, {**CONSULTATION, "unitPrice": "7.00"}, BLOOD_COUNT]
LINES = "query($id: ID!) { invoice(id: $id) { lines(first: 10) { nodes { settledAmount } } } }"
# Those of the outbox and of the access log, which `counting` leaves out because the relay has the same: an INSERT of
# events and two of the entry with its persons. The COMMIT is no statement here.
WRITTEN_WITH_EACH_CHANGE = 3


class Counts(dict[str, int]):
    """Mutation -> statements."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    async def of(self, role: str, name: str, fields: str = "", **values: Any) -> Any:
        """Run a mutation that must be done, and count its statements; its payload."""
        with self._world.gateway.counting() as statements:
            payload = await self._world.mutate(role, name, fields, **values)
        assert payload["errors"] == []
        self[name] = len(statements) + WRITTEN_WITH_EACH_CHANGE
        return payload


async def _life(world: World) -> Counts:
    """A claim with three items from the draft to a payment that is reversed, and one that a statement pays."""
    counts = Counts(world)
    created = await counts.of("biller", "createClaim", "claim { id }", **world.claim_input(items=ITEMS))
    claim = created["claim"]["id"]
    await counts.of("biller", "updateDraftClaim", id=claim, items=ITEMS[:2], idempotencyKey=key())
    await counts.of("biller", "submitClaims", claimIds=[claim])
    await counts.of("reviewer", "startReview", id=claim)
    decided = [{"sequence": number, "approvedAmount": each["unitPrice"]} for number, each in enumerate(ITEMS[:2], 1)]
    await counts.of("reviewer", "adjudicateClaim", id=claim, items=decided, idempotencyKey=key())
    billed = {"provider": world.provider, "payer": world.payer, "billingMonth": today().strftime("%Y-%m")}
    invoiced = await counts.of(
        "biller", "createInvoice", "invoice { id }", claimIds=[claim], idempotencyKey=key(), **billed
    )
    invoice = invoiced["invoice"]["id"]
    await counts.of("finance", "issueInvoice", id=invoice)
    paid = {"id": invoice, "paidOn": today().isoformat(), "amount": "10.00", "idempotencyKey": key()}
    settled = await counts.of("finance", "settleInvoice", "settlement { id }", **paid)
    reversal = {"id": settled["settlement"]["id"], "reason": "estorno", "idempotencyKey": key()}
    await counts.of("finance", "reverseSettlement", **reversal)
    doctor = {"name": "Ana Lima", "council": "06", "number": "12345", "state": "35", "cbo": "225125"}
    claims = [(await world.submitted_claim(practitioner=doctor))["id"] for _ in range(3)]
    batch = await counts.of("biller", "createBatch", "batch { id }", claimIds=claims, idempotencyKey=key())
    sent = {"batchId": batch["batch"]["id"]}
    await counts.of("biller", "removeFromBatch", claimId=claims[0], **sent)
    await counts.of("biller", "sendBatch", **sent)
    await counts.of(
        "biller", "recordProtocol", **sent, content={"protocol": {"number": "1", "date": today().isoformat()}}
    )
    await counts.of("biller", "withdrawClaim", claimId=claims[0])
    appealed = await _appealed(world)
    parties = {"provider": world.provider, "payer": world.payer}
    created = await counts.of(
        "biller", "createAppealBatches", "batches { id }", denialIds=[appealed], contestedProtocol="1",
        idempotencyKey=key(), **parties,
    )  # fmt: skip
    await counts.of("biller", "sendAppealBatch", appealBatchId=created["batches"][0]["id"])
    remittance = await taken(world, line(await world.approved_claim(), "100.00"), statementNumber=key()[:20])
    await counts.of("finance", "postRemittance", id=remittance["id"], idempotencyKey=key())
    return counts


async def _appealed(world: World) -> str:
    """A denial with an appeal that is not answered."""
    claim = (await world.claim_in_review())["id"]
    denied = [{"sequence": 1, "approvedAmount": "60.00", "denials": [{"code": "1801", "amount": "40.00"}]}]
    assert (await world.adjudicate(claim, denied))["errors"] == []
    query = "query($id: ID!) { claim(id: $id) { items { denials { id } } } }"
    found = await world.call("biller", query, id=claim)
    denial = str(found["claim"]["items"][0]["denials"][0]["id"])
    values = {"id": denial, "justification": "devida", "idempotencyKey": key()}
    assert (await world.mutate("biller", "appealDenial", "denial { id }", **values))["errors"] == []
    return denial


async def test_the_busiest_mutations_cost_few_statements(server_world: World) -> None:
    # The first life reads terms, which are remembered.
    await _life(server_world)
    assert dict(await _life(server_world)) == {
        "createClaim": 9,
        "updateDraftClaim": 12,
        "submitClaims": 10,
        "startReview": 6,
        "adjudicateClaim": 15,
        "createInvoice": 14,
        "issueInvoice": 8,
        "settleInvoice": 12,
        "reverseSettlement": 17,
        "createBatch": 13,
        "removeFromBatch": 10,
        "sendBatch": 14,
        "recordProtocol": 13,
        "withdrawClaim": 9,
        "createAppealBatches": 18,
        "sendAppealBatch": 18,
        "postRemittance": 38,
    }


async def test_many_items_are_written_by_few_statements(server_world: World) -> None:
    amounts = [f"{number}.00" for number in range(10, 62)]
    claim = await server_world.claim_in_review(items=[{**CONSULTATION, "unitPrice": each} for each in amounts])
    decided = [
        {"sequence": number, "approvedAmount": f"{number}.00", "denials": [{"code": "1801", "amount": "9.00"}]}
        for number in range(1, len(amounts) + 1)
    ]
    counts = Counts(server_world)
    await counts.of("reviewer", "adjudicateClaim", id=claim["id"], items=decided, idempotencyKey=key())
    items = (await server_world.claim(claim["id"]))["items"]
    assert [each["approvedAmount"] for each in items] == [each["approvedAmount"] for each in decided]
    assert [each["processedAmount"] for each in items] == amounts
    # Fifty rows are one statement, here of items and of denials.
    assert dict(counts) == {"adjudicateClaim": 19}


async def test_a_payment_of_many_claims_costs_as_many_statements_as_of_one(server_world: World) -> None:
    counts = Counts(server_world)
    for amounts in (["100.00"], ["10.00", "20.00", "30.00"]):
        claims = [(await server_world.approved_claim(each))["id"] for each in amounts]
        invoice = (await server_world.create_invoice(claims))["invoice"]
        assert (await server_world.mutate("finance", "issueInvoice", "", id=invoice["id"]))["errors"] == []
        paid = {"id": invoice["id"], "paidOn": today().isoformat(), "amount": None, "idempotencyKey": key()}
        await counts.of("finance", "settleInvoice", **paid)
        lines = (await server_world.call("finance", LINES, id=invoice["id"]))["invoice"]["lines"]["nodes"]
        assert sorted(each["settledAmount"] for each in lines) == amounts
        assert dict(counts) == {"settleInvoice": 12}
