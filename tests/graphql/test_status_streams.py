"""The streams of denials, invoices and waiting lines: values, previous status, filters, scopes, refusals, resuming."""

import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.factories import World, key, new_world
from tests.graphql.test_remittances import line, post, taken
from tests.streams import TRANSPORTS, Told, asked, listening, no_listener, told_all

NOBODY = {"providerClaimNumber": "NENHUMA1", "paidAmount": "5.00"}
CHANGE = "cursor occurredAt previousStatus"


@dataclass(frozen=True)
class Kind:
    """A stream: who reads it, and a life that makes events in it."""

    role: str
    fields: str
    id_filter: str
    live: Callable[[World], Awaitable[tuple[str, list[dict[str, Any]]]]]
    """Makes the events: the value for the filter by id, and every message apart from its cursor and time."""


async def _denials(world: World) -> tuple[str, list[dict[str, Any]]]:
    claim = (await world.claim_in_review())["id"]
    denied = [{"code": code, "amount": amount} for code, amount in (("1705", "10.00"), ("1801", "30.00"))]
    decided = await world.adjudicate(claim, [{"sequence": 1, "approvedAmount": "60.00", "denials": denied}])
    assert decided["errors"] == []
    query = "query($id: ID!) { claim(id: $id) { items { denials { id } } } }"
    (item,) = (await world.call("reviewer", query, id=claim))["claim"]["items"]
    accepted, appealed = (each["id"] for each in item["denials"])
    await world.mutate("biller", "acceptDenial", "denial { id }", id=accepted, idempotencyKey=key())
    values = {"id": appealed, "justification": "conforme contrato", "idempotencyKey": key()}
    await world.mutate("biller", "appealDenial", "denial { id }", **values)
    values = {"id": appealed, "acceptedAmount": "20.00", "idempotencyKey": key()}
    await world.mutate("payer_agent", "answerAppeal", "denial { id }", **values)
    steps = [
        (accepted, "OPEN", "ACCEPTED"),
        (appealed, "OPEN", "APPEALED"),
        (appealed, "APPEALED", "PARTIALLY_OVERTURNED"),
    ]
    return claim, [
        {"previousStatus": before, "status": after, "denial": {"id": denial}} for denial, before, after in steps
    ]


async def _invoices(world: World) -> tuple[str, list[dict[str, Any]]]:
    invoice = (await world.draft_invoice("100.00"))["id"]
    await world.mutate("finance", "issueInvoice", "invoice { id }", id=invoice)
    for amount in ("10.00", "20.00"):
        await world.settle(invoice, amount)
    last = await world.settle(invoice, "70.00")
    await world.reverse(last["settlement"]["id"])
    debit = {"id": invoice, "kind": "DEBIT", "amount": "70.00", "reason": "Taxa", "idempotencyKey": key()}
    await world.mutate("finance", "adjustInvoice", "invoice { id }", **debit)
    statuses = [None, "DRAFT", "ISSUED", "PARTIALLY_SETTLED", "SETTLED", "PARTIALLY_SETTLED", "SETTLED"]
    return invoice, [
        {"previousStatus": before, "status": after, "invoice": {"id": invoice}}
        for before, after in itertools.pairwise(statuses)
    ]


async def _waiting(world: World) -> tuple[str, list[dict[str, Any]]]:
    claim = await world.submitted_claim()
    lines = [NOBODY, line(claim, "99.99"), {**NOBODY, "providerClaimNumber": "NENHUMA2"}]
    remittance = await taken(world, *lines)
    await post(world, remittance)
    seen = {"id": remittance["id"], "status": "IMPORTED"}
    return remittance["id"], [
        {"previousStatus": before, "waitingLines": count, "remittance": seen}
        for before, count in ((None, 2), ("MATCHED", 1))
    ]


STREAMS = {
    "denialStatusChanged": Kind("biller", f"{CHANGE} status denial {{ id }}", "claimId", _denials),
    "invoiceStatusChanged": Kind("biller", f"{CHANGE} status invoice {{ id }}", "invoiceId", _invoices),
    "remittanceLineWaiting": Kind(
        "finance",
        f"{CHANGE} waitingLines remittance {{ id status }}",
        "remittanceId",
        _waiting,
    ),
}


def _watch(name: str, fields: str | None = None) -> str:
    filter_type = f"{name[0].upper()}{name[1:]}FilterInput"
    variables = f"$filter: {filter_type}, $after: String"
    found = fields or STREAMS[name].fields
    return f"subscription Watch({variables}) {{ {name}(filter: $filter, after: $after) {{ {found} }} }}"


def _facts(event: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name not in ("cursor", "occurredAt")}


@pytest.mark.parametrize("name", STREAMS)
async def test_every_change_comes_once_in_order_and_after_any_cursor(world: World, name: str) -> None:
    gateway, kind = world.gateway, STREAMS[name]
    token, query = world.token(kind.role), _watch(name)
    await told_all(gateway)
    async with listening(gateway, token, query) as socket, listening(gateway, token, query, over="events") as events:
        _, expected = await kind.live(world)
        heard = await socket.events(len(expected), name)
        other = await events.events(len(expected), name)
        assert [await socket.is_silent(), await events.is_silent()] == [True, True]
    first = socket.start.payload["data"][name]
    assert first == {**dict.fromkeys(heard[0]), "cursor": first["cursor"]}
    assert [_facts(event) for event in heard] == expected
    assert other == heard
    for number, event in enumerate(heard):
        async with listening(gateway, token, query, after=event["cursor"]) as rest:
            assert await rest.events(len(expected) - number - 1, name) == heard[number + 1 :]
            assert await rest.is_silent(0.1)


@pytest.mark.parametrize("name", STREAMS)
async def test_filters_and_scopes_let_nothing_else_through_live_and_replayed(world: World, name: str) -> None:
    gateway, kind, other = world.gateway, STREAMS[name], await new_world(world.gateway)
    await told_all(gateway)
    start = await gateway.stream_cursor(gateway.parts.hub.last_position or 0)
    fields = _watch(name, "cursor previousStatus")
    everybody = gateway.token(kind.role, providers=["*"])
    parties = {"payerAnsCode": [world.payer, "999999"], "providerCnes": [world.provider]}
    async with (
        listening(gateway, everybody, fields, filter=parties) as of_parties,
        listening(gateway, world.token(kind.role), fields) as in_scope,
        listening(gateway, world.token(kind.role), fields, filter={"payerAnsCode": other.payer}) as of_others,
    ):
        await kind.live(other)
        identifier, expected = await kind.live(world)
        wanted = [event["previousStatus"] for event in expected]
        for listener in (of_parties, in_scope):
            heard = await listener.events(len(expected), name)
            assert [event["previousStatus"] for event in heard] == wanted
            assert await listener.is_silent(0.1)
        assert await of_others.is_silent()
    by_id = {kind.id_filter: identifier}
    for token, where, count in (
        (everybody, by_id, len(expected)),
        (everybody, {**parties, **by_id}, len(expected)),
        (world.token(kind.role), {}, len(expected)),
        (other.token(kind.role), by_id, 0),
        (everybody, {**by_id, "providerCnes": other.provider}, 0),
        (everybody, {**by_id, "payerAnsCode": []}, 0),
    ):
        async with listening(gateway, token, fields, after=start, filter=where) as replayed:
            assert [event["previousStatus"] for event in await replayed.events(count, name)] == wanted[:count]
            assert await replayed.is_silent(0.1)


@pytest.mark.parametrize(
    ("name", "status", "expected"),
    [
        ("denialStatusChanged", ["APPEALED", "UPHELD"], [("OPEN", "APPEALED")]),
        ("invoiceStatusChanged", "SETTLED", [("PARTIALLY_SETTLED", "SETTLED")] * 2),
    ],
)
async def test_a_filter_by_status_is_for_the_status_after_the_change(
    world: World, name: str, status: Any, expected: list[tuple[str, str]]
) -> None:
    kind = STREAMS[name]
    await told_all(world.gateway)
    watch = _watch(name, "previousStatus status")
    async with listening(world.gateway, world.token(kind.role), watch, filter={"status": status}) as listener:
        await kind.live(world)
        heard = await listener.events(len(expected), name)
        assert [(event["previousStatus"], event["status"]) for event in heard] == expected
        assert await listener.is_silent()


async def test_a_patient_hears_of_their_own_denials_live_and_replayed(world: World) -> None:
    gateway, other = world.gateway, await new_world(world.gateway)
    await told_all(gateway)
    start = await gateway.stream_cursor(gateway.parts.hub.last_position or 0)
    token, query = world.token("patient"), _watch("denialStatusChanged")
    async with listening(gateway, token, query) as listener:
        await _denials(other)
        _, expected = await _denials(world)
        assert [_facts(event) for event in await listener.events(3, "denialStatusChanged")] == expected
        assert await listener.is_silent(0.1)
    async with listening(gateway, token, query, after=start) as listener:
        assert [_facts(event) for event in await listener.events(3, "denialStatusChanged")] == expected
        assert await listener.is_silent(0.1)


@pytest.mark.parametrize(
    ("name", "role"),
    [
        *(("denialStatusChanged", role) for role in ("billing_reader", "finance", "front_desk", "admin")),
        *(("invoiceStatusChanged", role) for role in ("patient", "admin")),
        *(("remittanceLineWaiting", role) for role in ("biller", "reviewer", "patient", "admin")),
    ],
)
async def test_a_role_without_the_permission_hears_the_refusal_only(world: World, name: str, role: str) -> None:
    gateway = world.gateway
    before = await no_listener(gateway)
    for over in TRANSPORTS:
        async with asked(
            gateway, world.token(role), {"query": f"subscription {{ {name} {{ cursor }} }}"}, over
        ) as told:
            end = await told.next()
        errors = end.payload if over == "socket" else end.payload["errors"]
        assert [(error["extensions"]["code"], error["path"]) for error in errors] == [("FORBIDDEN", [name])]
    assert gateway.parts.hub.subscribers == before


async def test_a_statement_is_one_message_however_many_of_its_lines_wait(world: World) -> None:
    """300 lines are more than the queue of a listener holds."""
    query = _watch("remittanceLineWaiting", "waitingLines lines(first: 2) { totalCount nodes { sequence } }")
    await told_all(world.gateway)
    async with listening(world.gateway, world.token("payer_agent"), query) as listener:
        remittance = await taken(world, *[{**NOBODY, "providerClaimNumber": f"NENHUMA{n}"} for n in range(300)])
        message = await listener.payload()
        assert await listener.is_silent()
    lines = {"totalCount": 300, "nodes": [{"sequence": 1}, {"sequence": 2}]}
    assert message == {"data": {"remittanceLineWaiting": {"waitingLines": 300, "lines": lines}}}
    assert await world.events(remittance["id"]) == ["RemittanceImported", "RemittanceLinesWaiting"]


async def test_the_lines_are_those_that_wait_now(world: World) -> None:
    fields = "previousStatus waitingLines lines { nodes { sequence problem status claim { id } } }"
    await told_all(world.gateway)
    start = await world.gateway.stream_cursor(world.gateway.parts.hub.last_position or 0)
    claim = await world.submitted_claim()
    remittance = await taken(world, NOBODY, line(claim, "99.99"), {**NOBODY, "providerClaimNumber": "NENHUMA2"})
    await post(world, remittance)
    match = {"id": remittance["lines"][2]["id"], "claimId": claim["id"]}
    await world.mutate("finance", "matchRemittanceLine", "line { id }", **match)
    query = _watch("remittanceLineWaiting", fields)
    async with listening(world.gateway, world.token("finance"), query, after=start) as listener:
        heard = await listener.events(2, "remittanceLineWaiting")
    unmatched = {"status": "UNMATCHED"}
    nodes = [
        {"sequence": 1, "problem": "UNKNOWN_CLAIM", "claim": None, **unmatched},
        {"sequence": 2, "problem": "AMOUNTS_DIFFER", "claim": {"id": claim["id"]}, **unmatched},
    ]
    assert heard == [
        {"previousStatus": before, "waitingLines": count, "lines": {"nodes": nodes}}
        for before, count in ((None, 2), ("MATCHED", 1))
    ]


async def test_a_line_that_is_unmatched_by_hand_waits_again(world: World) -> None:
    remittance = await taken(world, line(await world.submitted_claim(), "100.00"))
    query = _watch("remittanceLineWaiting", "previousStatus waitingLines remittance { id }")
    await told_all(world.gateway)
    async with listening(world.gateway, world.token("finance"), query) as listener:
        unmatch = {"remittanceLineId": remittance["lines"][0]["id"]}
        await world.mutate("finance", "unmatchRemittanceLine", "line { id }", **unmatch)
        heard = await listener.events(1, "remittanceLineWaiting")
    assert heard == [{"previousStatus": "MATCHED", "waitingLines": 1, "remittance": {"id": remittance["id"]}}]


async def test_a_deleted_claim_is_named_by_its_id(world: World) -> None:
    query = "subscription { claimStatusChanged { previousStatus status deletedClaimId claim { id } } }"
    await told_all(world.gateway)
    async with listening(world.gateway, world.token("biller"), query) as listener:
        claim = (await world.create_claim())["claim"]["id"]
        heard = await listener.events(1)
        await world.mutate("biller", "deleteDraftClaim", "deletedClaimId", claimId=claim)
        heard += await listener.events(1)
    assert heard == [
        {"previousStatus": None, "status": "DRAFT", "deletedClaimId": None, "claim": {"id": claim}},
        {"previousStatus": "DRAFT", "status": "DRAFT", "deletedClaimId": claim, "claim": None},
    ]


async def test_a_statement_without_waiting_lines_is_not_told(world: World) -> None:
    query = _watch("remittanceLineWaiting", "cursor")
    await told_all(world.gateway)
    async with listening(world.gateway, world.token("finance"), query) as listener:
        await post(world, await taken(world, line(await world.submitted_claim(), "100.00")))
        assert await listener.is_silent()


async def test_a_filter_names_at_most_a_hundred_payers(world: World) -> None:
    body = {"query": _watch("invoiceStatusChanged"), "variables": {"filter": {"payerAnsCode": ["200001"] * 101}}}
    async with asked(world.gateway, world.token("biller"), body, "socket") as told:
        end = await told.next()
    message = {"message": "send at most 100 values", "path": ["invoiceStatusChanged"]}
    extensions = {"code": "BAD_USER_INPUT", "reason": "INVALID_INPUT", "field": ["filter", "payerAnsCode"]}
    errors = [{name: value for name, value in error.items() if name != "locations"} for error in end.payload]
    assert Told(end.kind, errors) == Told("error", [{**message, "extensions": extensions}])
