"""The faults of the earlier REST service, each shown gone."""

import asyncio
import contextlib
import json
import logging
import pathlib
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import structlog
from sqlalchemy import select

from app.db.reference_tables import patients
from app.db.tables import outbox
from app.telemetry.logs import configure_logs
from tests.factories import CONSULTATION, World, add_card, key, new_world, refusals, today
from tests.gateway import Gateway
from tests.inputs import shaped


async def _published(gateway: Gateway, aggregate_id: str) -> list[tuple[str, int | None]]:
    """The event names of an aggregate with the positions of those that have left the outbox."""
    async with gateway.database.reading() as connection:
        query = select(outbox.c.name, outbox.c.position, outbox.c.published_at).order_by(outbox.c.id)
        rows = (await connection.execute(query.where(outbox.c.aggregate_id == aggregate_id))).all()
    return [(name, position if published_at else None) for name, position, published_at in rows]


async def test_money_is_exact_and_never_a_float(world: World) -> None:
    items = [{**CONSULTATION, "unitPrice": price} for price in ("0.10", "0.20", "1234567.89")]
    claim = (await world.create_claim(items=items))["claim"]
    assert claim["claimedAmount"] == "1234568.19"
    thirds = [{**CONSULTATION, "unitPrice": "1.15", "quantity": "0.3", "factor": "0.10"}]
    assert (await world.create_claim(items=thirds))["claim"]["claimedAmount"] == "0.03"
    refused = await world.create_claim(items=[{**CONSULTATION, "unitPrice": 100.1}])
    assert refusals(refused) == [("INVALID_AMOUNT", "claim.items.0.unitPrice", None)]
    invoice = await world.issued_invoice("0.30")
    for _ in range(3):
        last = await world.settle(invoice["id"], "0.10")
    assert (last["invoice"]["status"], last["invoice"]["dueAmount"]) == ("SETTLED", "0.00")


async def test_no_status_can_be_written(gateway: Gateway, world: World) -> None:
    claim = (await world.create_claim())["claim"]
    token = world.token("biller")
    headers = {"authorization": f"Bearer {token}"}
    path, body = f"/claims/{claim['id']}", {"status": "APPROVED"}
    assert (await gateway.client.patch(path, json=body, headers=headers)).status_code == 422
    query = "mutation($input: UpdateDraftClaimInput!) { updateDraftClaim(input: $input) { claim { id } } }"
    answer = await gateway.gql(query, {"input": {"claimId": claim["id"], "claim": {"status": "APPROVED"}}}, token=token)
    assert answer.body.get("data") is None
    assert 'unknown field "status"' in answer.body["errors"][0]["message"].replace("'", '"')
    assert (await world.claim(claim["id"]))["status"] == "DRAFT"
    assert await world.events(claim["id"]) == ["ClaimCreated"]
    asked = "{ __schema { types { kind name inputFields { name } } } }"
    types = (await world.call("biller", asked))["__schema"]["types"]
    inputs = [one for one in types if one["kind"] == "INPUT_OBJECT" and not one["name"].endswith("FilterInput")]
    assert len(inputs) > 10
    assert [one["name"] for one in inputs if "status" in {field["name"] for field in one["inputFields"]}] == []


async def test_a_cancelled_invoice_cannot_be_settled(world: World) -> None:
    invoice = await world.issued_invoice()
    await world.mutate("biller", "cancelInvoice", "invoice { id }", id=invoice["id"])
    before, events = await world.invoice(invoice["id"]), await world.events(invoice["id"])
    assert refusals(await world.settle(invoice["id"], "1.00")) == [("CONFLICT", "invoiceId", None)]
    assert (await world.invoice(invoice["id"]), await world.events(invoice["id"])) == (before, events)
    assert (before["status"], before["settledAmount"], before["settlements"]) == ("CANCELLED", "0.00", [])


async def test_settling_twice_counts_once(world: World) -> None:
    invoice, used = await world.issued_invoice("100.00"), key()
    for _ in range(2):
        payload = await world.settle(invoice["id"], "100.00", idempotencyKey=used)
        assert payload["invoice"]["settledAmount"] == "100.00"
    assert refusals(await world.settle(invoice["id"], "100.00")) == [("CONFLICT", "invoiceId", None)]
    kept = await world.invoice(invoice["id"])
    assert (kept["settledAmount"], len(kept["settlements"])) == ("100.00", 1)
    assert (await world.events(invoice["id"])).count("InvoiceSettled") == 1


async def test_an_event_stands_in_the_outbox_with_its_change_and_leaves_later(gateway: Gateway, world: World) -> None:
    claim = await world.submitted_claim()
    assert [name for name, _ in await _published(gateway, claim["id"])] == ["ClaimCreated", "ClaimSubmitted"]
    refused = await world.create_claim(providerClaimNumber=claim["providerClaimNumber"])
    assert refusals(refused) == [("DUPLICATE_CLAIM", "claim.providerClaimNumber", "1308")]
    async with asyncio.timeout(10):
        while None in [position for _, position in await _published(gateway, claim["id"])]:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    positions = [position for _, position in await _published(gateway, claim["id"]) if position]
    assert (len(positions), positions) == (2, sorted(positions))


async def test_eligibility_is_not_always_true(gateway: Gateway, world: World) -> None:
    await world.hold_membership()
    silent = await new_world(gateway, is_answering=False)
    ended = await add_card(world, ends_on=today() - timedelta(days=1))
    answers = [
        await world.check_eligibility(),
        await world.check_eligibility(cardNumber="NOBODY"),
        await world.check_eligibility(cardNumber=ended),
        await silent.check_eligibility(),
    ]
    found = [one["eligibility"]["outcome"] for one in answers]
    assert found == ["ELIGIBLE", "NOT_ELIGIBLE", "NOT_ELIGIBLE", "UNDETERMINED"]


async def test_a_cache_hit_leaves_history_and_the_true_date(world: World) -> None:
    asked = (await world.check_eligibility())["eligibility"]
    hit = (await world.check_eligibility())["eligibility"]
    assert (hit["source"], hit["askedPayerAt"]) == ("CACHE", asked["askedPayerAt"])
    query = "{ eligibilityHistory { nodes { id source askedPayerAt } } }"
    rows = (await world.call("front_desk", query))["eligibilityHistory"]["nodes"]
    assert rows == [
        {"id": hit["id"], "source": "CACHE", "askedPayerAt": asked["askedPayerAt"]},
        {"id": asked["id"], "source": "PAYER", "askedPayerAt": asked["askedPayerAt"]},
    ]


async def test_a_longer_list_costs_no_more_statements(gateway: Gateway, world: World) -> None:
    query = (
        "query($first: Int!) { claims(first: $first) { nodes { id payer { name } provider { name } patient { name } "
        "items { denials { code } term { term } } "
        "invoice { lines(first: 100) { nodes { amount } } settlements { nodes { amount } } } } } }"
    )
    for _ in range(6):
        invoice = await world.issued_invoice()
        await world.settle(invoice["id"], "1.00")
    counts = []
    for first in (1, 6):
        await world.call("biller", query, first=first)  # warms the cache of terms
        with gateway.counting() as statements:
            found = await world.call("biller", query, first=first)
        assert len(found["claims"]["nodes"]) == first
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 12


async def test_pages_have_an_order_and_do_not_shift(world: World) -> None:
    made = [(await world.create_claim())["claim"]["id"] for _ in range(5)]
    query = "query($after: String, $order: ClaimOrder!) { claims(first: 2, after: $after, orderBy: $order) "
    query += "{ pageInfo { hasNextPage endCursor } nodes { id } } }"
    for by, direction in (
        ("CREATED_AT", "ASC"),
        ("CREATED_AT", "DESC"),
        ("SERVICE_DATE", "ASC"),
        ("CLAIMED_AMOUNT", "DESC"),
    ):
        order = {"field": by, "direction": direction}
        is_newest_first = order == {"field": "CREATED_AT", "direction": "DESC"}
        expected = set(made)
        seen: list[str] = []
        after, more = None, True
        while more:
            page = (await world.call("biller", query, after=after, order=order))["claims"]
            seen += [node["id"] for node in page["nodes"]]
            after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
            if is_newest_first and len(seen) == 2:
                made.append((await world.create_claim())["claim"]["id"])  # in front of the cursor
        assert len(seen) == len(set(seen))
        assert set(seen) == expected
        if by == "CREATED_AT":
            assert seen == sorted(seen, reverse=is_newest_first)


def _root_fields() -> list[tuple[str, str]]:
    """Every field of Query, Mutation and Subscription with its kind, from the printed schema."""
    text = (pathlib.Path(__file__).parents[2] / "schema.graphql").read_text()
    text = re.sub(r'"""[\s\S]*?"""', "", text)
    # Arguments have lines of their own, since each is described.
    text = re.sub(r"\(\s+([\s\S]*?)\s+\)", lambda found: f"({', '.join(found[1].split(chr(10)))})", text)
    text = re.sub(r"(?<=, ) +|, (?= *,)", "", text)
    # So have permissions, where there are many.
    text = re.sub(r"\[\n([\s\S]*?)\n\]\)", lambda found: f"[{' '.join(found[1].split())}])", text)
    found = []
    for kind in ("Query", "Mutation", "Subscription"):
        block = re.search(rf"^type {kind} \{{\n([\s\S]*?)^\}}", text, re.MULTILINE)
        assert block is not None
        found += [(kind.lower(), line.strip()) for line in block[1].splitlines() if line.strip()]
    return found


def _document(kind: str, line: str) -> tuple[str, str]:
    """An operation on a root field, its required arguments as literals, and the field's name."""
    line = re.sub(r" @constraint\([^)]*\)", "", line)
    name, arguments = re.match(r"(\w+)(?:\((.*?)\))?: ", line).groups()  # type: ignore[union-attr]
    values = {"ID!": '"x"', "[ID!]!": '["x"]', "String!": '"22"', "AnsCode!": '"123456"', "Cnes!": '"1234567"'}
    parts = [part.split(": ") for part in (arguments or "").split(", ") if part.endswith("!")]
    variables = ", ".join(f"${one}: {kind_}" for one, kind_ in parts if kind_ not in values)
    given = ", ".join(f"{one}: {values.get(kind_, '$' + one)}" for one, kind_ in parts)
    head = f"{kind} Q({variables})" if variables else kind
    return f"{head} {{ {name}{f'({given})' if given else ''} {{ __typename }} }}", name


async def test_no_operation_answers_without_a_token(gateway: Gateway) -> None:
    fields = _root_fields()
    assert len(fields) >= 24
    protected = 0
    for kind, line in fields:
        assert "@requiresScopes" in line or "@authenticated" in line, line
        document, name = _document(kind, line)
        if "$" in document:
            # An input that is read correctly but empty is refused before anything runs, so look at the rule itself.
            assert "@requiresScopes" in line, name
            continue
        headers = {"accept": "text/event-stream"} if kind == "subscription" else {}
        answer = await gateway.client.post("/graphql", json={"query": document}, headers=headers)
        assert "UNAUTHENTICATED" in answer.text, (name, answer.text)
        protected += 1
    assert protected >= 10


async def test_no_mutation_does_anything_without_a_token(gateway: Gateway, world: World) -> None:
    query = "mutation($input: CreateClaimInput!) { createClaim(input: $input) { claim { id } } }"
    anonymous = await gateway.gql(query, {"input": shaped("createClaim", world.claim_input())})
    assert anonymous.codes == ["UNAUTHENTICATED"]
    invoice = await world.issued_invoice()
    settle = "mutation($input: SettleInvoiceInput!) { settleInvoice(input: $input) { settlement { id } } }"
    values = {"invoiceId": invoice["id"], "paidOn": today().isoformat(), "idempotencyKey": key()}
    assert (await gateway.gql(settle, {"input": values})).codes == ["UNAUTHENTICATED"]
    assert (await gateway.gql(settle, {"input": values}, token=world.token("biller"))).codes == ["FORBIDDEN"]
    assert (await world.invoice(invoice["id"]))["settlements"] == []
    assert (await world.call("biller", "{ claims { totalCount } }"))["claims"]["totalCount"] == 1


@pytest.mark.parametrize("role", ["superadmin", "billing_admin_x", "Admin", "admin ", "finance2", "*"])
async def test_a_role_is_matched_whole(gateway: Gateway, world: World, role: str) -> None:
    invoice = await world.issued_invoice()
    me = (await world.call(role, "{ me { roles permissions } }"))["me"]
    assert me == {"roles": [], "permissions": []}
    for query in ("{ claims { totalCount } }", '{ tussTerm(codeSystem: "22", code: "10101012") { term } }'):
        assert (await gateway.gql(query, token=world.token(role))).codes == ["FORBIDDEN"]
    settle = "mutation($input: SettleInvoiceInput!) { settleInvoice(input: $input) { settlement { id } } }"
    values = {"invoiceId": invoice["id"], "paidOn": today().isoformat(), "idempotencyKey": key()}
    assert (await gateway.gql(settle, {"input": values}, token=world.token(role))).codes == ["FORBIDDEN"]
    assert (await world.invoice(invoice["id"]))["status"] == "ISSUED"


@contextlib.contextmanager
def _logging_as_served() -> Iterator[None]:
    """The logs as `billing serve` writes them, at their most talkative."""
    root, structured = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    levels = {name: one.level for name, one in root.manager.loggerDict.items() if isinstance(one, logging.Logger)}
    configure_logs("DEBUG")
    try:
        yield
    finally:
        for handler in root.handlers:
            handler.flush()
        structlog.configure(**structured)
        root.handlers[:] = handlers
        root.setLevel(level)
        for name in root.manager.loggerDict:
            logging.getLogger(name).setLevel(levels.get(name, logging.NOTSET))


async def test_patient_data_is_in_no_event_log_or_metric(
    gateway: Gateway, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    async with gateway.database.reading() as connection:
        query = select(patients.c.name, patients.c.cpf).where(patients.c.id == world.patient)
        name, cpf = (await connection.execute(query)).one()
    secrets = [name, "Segredo", cpf, world.card, world.patient, "indicacao-secreta", "Z99.8", "senha-secreta"]
    with _logging_as_served():
        health = {"clinicalIndication": "indicacao-secreta", "diagnosisCodes": ["Z99.8"]}
        extra = {"authorization": {"number": "senha-secreta", "issuedOn": today().isoformat()}}
        claim = await world.claim_in_review(**health, **extra)
        await world.adjudicate(claim["id"], [{"sequence": 1, "approvedAmount": "100.00"}])
        invoice = (await world.create_invoice([claim["id"]]))["invoice"]
        await world.check_eligibility()
        await world.create_claim(**health, claimedAmount="1.00")
        named = f"query {name.split()[0]}{world.card}($id: ID!) {{ claim(id: $id) {{ patient {{ name cpf }} }} }}"
        shown = await gateway.gql(named, {"id": claim["id"]}, token=world.token("reviewer"))
        await gateway.gql(f'{{ claim(id: "{world.card}") {{ nothing }} }}', token=world.token("reviewer"))
        await gateway.client.get(f"/claims/{world.card}")
    logs = capsys.readouterr().err
    assert shown.data["claim"]["patient"] == {"name": name, "cpf": cpf}
    metrics = (await gateway.client.get("/metrics")).text
    async with gateway.database.reading() as connection:
        wanted = select(outbox.c.name, outbox.c.data).where(outbox.c.provider_cnes == world.provider)
        events = [tuple(row) for row in (await connection.execute(wanted)).all()]
    assert len(events) == 5
    assert {json.loads(data)["provider"] for _, data in events} == {world.provider}
    assert logs.count('"route":"/graphql"') == 8
    assert 'operation="other"' in metrics
    assert invoice["number"] == 1
    written = {"events": repr(events), "logs": logs, "metrics": metrics}
    found: list[Any] = [(place, secret) for place, text in written.items() for secret in secrets if secret in text]
    assert found == []
