"""Payers' statements as events: each is posted once, and only those of a source that is bound to the payer."""

from typing import Any

import pytest

from tests.events.inbox_post import KEPT, Post, confirmed, done, everything, handled, kept, results, statement, until
from tests.events.test_parking import metrics
from tests.factories import World, flat, key, new_world, today
from tests.graphql.test_remittances import books, line, money

WATCH = "subscription { settlementRecorded { settlement { amount statementNumber } } }"


@pytest.mark.parametrize("mode", ["structured", "binary"])
async def test_a_statement_is_taken_in_and_posted_and_the_payment_is_told_once(
    server_world: World, post: Post, mode: str
) -> None:
    world, gateway = server_world, server_world.gateway
    claim = await world.submitted_claim()
    event = statement(world, line(claim, "100.00"), statementNumber="E-1", method="PIX", bankReference="TED 7")
    before, cents = await results(gateway), (await metrics(gateway))["billing_settled_cents_total"]
    headers = [(f"ce_{name}", value.encode()) for name, value in event.items() if isinstance(value, str)]
    async with gateway.subscribed(WATCH, world.token("finance")) as stream:
        if mode == "structured":
            await post.send(event, headers=[("content-type", b"application/cloudevents+json")])
        else:
            await post.send(event["data"], headers=[("content-type", b"application/json"), *headers])
        assert (await stream.next())["settlementRecorded"]["settlement"] == {
            "amount": "100.00",
            "statementNumber": "E-1",
        }
        assert await stream.is_silent(0.2)
    await done(before, gateway, posted=1)
    assert (await metrics(gateway))["billing_settled_cents_total"] - cents == 10_000
    remittance = (await kept(world))[0]
    assert {name: value for name, value in remittance.items() if name != "id"} == {
        "source": "EVENT",
        "status": "POSTED",
        "statementNumber": "E-1",
        "paidOn": today().isoformat(),
        "method": "PIX",
        "bankReference": "TED 7",
        "paidAmount": "100.00",
        "deniedAmount": "0.00",
        "lines": [{"status": "POSTED", "problem": None}],
    }
    paid = await money(world, claim)
    assert (paid["status"], paid["paidAmount"], paid["invoice"]["status"]) == ("APPROVED", "100.00", "SETTLED")
    invoice = await world.invoice(paid["invoice"]["id"])
    assert [(row["amount"], row["status"]) for row in invoice["settlements"]] == [("100.00", "CONFIRMED")]
    assert await world.events(remittance["id"]) == ["RemittanceImported", "RemittancePosted"]
    assert (await world.events(invoice["id"])).count("SettlementConfirmed") == 1


async def test_an_event_says_all_that_a_document_says_and_stops_where_it_contradicts_the_claim(
    server_world: World, post: Post
) -> None:
    world, gateway = server_world, server_world.gateway
    claim = await world.submitted_claim()
    said = {
        "billedAmount": "100.00",
        "processedAmount": "90.00",
        "patientAmount": "5.00",
        "quantity": "1",
        "performedOn": "2026-01-02",
        "cardNumber": world.card,
        "protocolNumber": "P-7",
        "codeSystem": "22",
        "description": "CONSULTA",
    }
    tax = {"direction": "DEBIT", "amount": "1.50", "adjustmentType": "01", "description": "IRRF"}
    whole = {"kind": "PAYMENT", "issuedOn": "2026-01-10", "netAmount": "98.50", "adjustments": [tax]}
    event = statement(world, {**line(claim, "100.00"), **said}, statementNumber="E-9", **whole)
    before = await results(gateway)
    await post.send(event)
    await done(before, gateway, posted=1)
    query = """{ remittances { nodes { status kind issuedOn netAmount adjustments { direction type description amount }
      lines { nodes { status billedAmount processedAmount patientAmount quantity performedOn protocolNumber codeSystem
      description findings { kind } } } } } }"""
    assert flat(await world.call("finance", query)) == {
        "remittances": [
            {
                "status": "REVIEW",
                **{name: value for name, value in whole.items() if name != "adjustments"},
                "adjustments": [{"direction": "DEBIT", "type": "01", "description": "IRRF", "amount": "1.50"}],
                "lines": [
                    {
                        "status": "MATCHED",
                        **{name: value for name, value in said.items() if name != "cardNumber"},
                        "findings": [{"kind": "DAY_DIFFERS"}],
                    }
                ],
            }
        ]
    }
    assert (await world.claim(claim["id"]))["status"] == "SUBMITTED"
    # The same under another number is recognized by its content.
    renamed = statement(world, {**line(claim, "100.00"), **said}, statementNumber="E-10", **whole)
    before = await results(gateway)
    await post.send(renamed)
    await done(before, gateway, repeated=1)


async def test_a_bad_line_of_an_event_waits_and_refuses_no_other(server_world: World, post: Post) -> None:
    world, gateway = server_world, server_world.gateway
    claims = [await world.submitted_claim() for _ in range(3)]
    nothing, unknown = line(claims[0], "100.00", ("1705", "0.00")), line(claims[1], "60.00", ("0000", "40.00"))
    before = await results(gateway)
    await post.send(statement(world, nothing, unknown, line(claims[2], "100.00"), statementNumber="E-11"))
    await done(before, gateway, posted=1)
    query = "{ remittances { nodes { lines { nodes { status problem findings { kind detail } } } } } }"
    (remittance,) = flat(await world.call("finance", query))["remittances"]
    assert remittance["lines"] == [
        {
            "status": "UNMATCHED",
            "problem": "DOUBTFUL",
            "findings": [{"kind": "INVALID_VALUE", "detail": "valorGlosa"}],
        },
        {"status": "POSTED", "problem": None, "findings": [{"kind": "UNKNOWN_CODE", "detail": "0000"}]},
        {"status": "POSTED", "problem": None, "findings": []},
    ]
    assert [(await money(world, claim))["paidAmount"] for claim in claims] == ["0.00", "60.00", "100.00"]
    assert (await books(world))[5] == "0.00"


async def test_the_same_event_again_changes_nothing(server_world: World, post: Post) -> None:
    world, gateway = server_world, server_world.gateway
    claim = await world.submitted_claim()
    event = statement(world, line(claim, "60.00", ("1705", "40.00")))
    before = await results(gateway)
    await post.send(event)
    await done(before, gateway, posted=1)
    stored = await everything(world, claim)
    assert (stored[0]["paidAmount"], stored[2], stored[3]) == (
        "60.00",
        ["100.00", "60.00", "40.00", "0.00", "0.00", "0.00"],
        1,
    )
    for partition in (0, 5):
        await post.send(event, partition=partition)
    await done(before, gateway, posted=1, repeated=2)
    assert await everything(world, claim) == stored


async def test_the_same_statement_under_another_id_changes_nothing(server_world: World, post: Post) -> None:
    world, gateway = server_world, server_world.gateway
    claim = await world.submitted_claim()
    event = statement(world, line(claim, "60.00", ("1705", "40.00")))
    before = await results(gateway)
    await post.send(event)
    await done(before, gateway, posted=1)
    stored = await everything(world, claim)
    await post.send({**event, "id": key()})
    await until(lambda: handled(before, gateway, 2))
    assert (await results(gateway))["dead"] == before["dead"]
    assert await everything(world, claim) == stored


async def test_an_id_counts_within_its_source(server_world: World, post: Post) -> None:
    world, gateway = server_world, server_world.gateway
    claims = [await world.submitted_claim() for _ in range(2)]
    events = [statement(world, line(claim, "100.00")) for claim in claims]
    before = await results(gateway)
    await post.send({**events[0], "id": "1", "source": f"/payer/{world.payer}"})
    await post.send({**events[1], "id": "1", "source": f"/payer/{world.payer}/other"})
    await done(before, gateway, posted=2)
    assert [(await money(world, claim))["paidAmount"] for claim in claims] == ["100.00", "100.00"]


async def test_a_payers_event_opens_no_claim_of_another_payer(server_world: World, post: Post) -> None:
    world, other = server_world, await new_world(server_world.gateway)
    theirs = await other.submitted_claim(provider=other.provider)
    before = await results(world.gateway)
    await post.send(statement(other, line(theirs, "100.00"), payer=world.payer, provider=other.provider))
    await done(before, world.gateway, posted=1)
    query = f"{{ remittances {{ nodes {{ {KEPT} lines {{ nodes {{ status problem }} }} }} }} }}"
    stored = flat(await other.call("finance", query))
    assert [(one["status"], one["lines"]) for one in stored["remittances"]] == [
        ("IMPORTED", [{"status": "UNMATCHED", "problem": "UNKNOWN_CLAIM"}])
    ]
    assert (await money(other, theirs))["status"] == "SUBMITTED"
    assert (await confirmed(world), await confirmed(other)) == (0, 0)


async def test_a_source_that_is_not_bound_to_the_payer_uses_up_no_id(server_world: World, post: Post) -> None:
    world, other = server_world, await new_world(server_world.gateway)
    claim, theirs = await world.submitted_claim(), await other.submitted_claim()
    event = statement(world, line(claim, "100.00"))
    foreign: dict[str, Any] = {**statement(other, line(theirs, "100.00")), "id": event["id"], "source": event["source"]}
    before = await results(world.gateway)
    for refused in (foreign, {**event, "source": "/somebody"}):
        await post.send(refused)
    await post.send(event)
    reasons = [dict((await post.dead_letter()).headers)["dead-reason"] for _ in range(2)]
    assert reasons == ["source: is not bound to the payer: see BILLING_STATEMENT_SOURCES"] * 2
    await done(before, world.gateway, posted=1, dead=2)
    assert (await money(world, claim))["paidAmount"] == "100.00"
    assert ((await money(other, theirs))["status"], await confirmed(other)) == ("SUBMITTED", 0)
