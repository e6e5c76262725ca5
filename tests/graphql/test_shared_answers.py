"""Equal subscribers share one execution of an event; unequal ones never see what is not theirs."""

import asyncio
import contextlib
import json
from typing import Any

from websockets.asyncio.client import ClientConnection

from tests.factories import World
from tests.faults.clients import opened
from tests.gateway import Gateway

EQUALS = 20
WATCH = """subscription W($filter: SettlementRecordedFilterInput, $withStatus: Boolean = true) {
  settlementRecorded(filter: $filter) {
    cursor settlement { id amount invoice { id status @include(if: $withStatus) } } } }"""


async def _subscribed(stack: contextlib.AsyncExitStack, gateway: Gateway, token: str, **variables: Any) -> Any:
    """A socket whose subscription has begun."""
    socket = await stack.enter_async_context(opened(gateway.url, token))
    await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": WATCH, "variables": variables}}))
    await _next(socket)
    return socket


async def _next(socket: ClientConnection) -> str:
    async with asyncio.timeout(10):
        return str(await socket.recv())


async def _statements(world: World, invoice: str, sockets: list[ClientConnection]) -> tuple[int, list[str]]:
    """How many statements one settlement costs until all have heard of it, and what they heard."""
    with world.gateway.counting() as found:
        await world.settle(invoice, "1.00")
        heard = [await _next(socket) for socket in sockets]
        await asyncio.sleep(0.1)
    return len(found), heard


async def test_many_equal_subscribers_cost_as_much_as_one(world: World) -> None:
    gateway, token = world.gateway, world.token("finance")
    invoice = (await world.issued_invoice("100.00"))["id"]
    async with contextlib.AsyncExitStack() as stack:
        one = [await _subscribed(stack, gateway, token)]
        await world.settle(invoice, "1.00")
        await _next(one[0])
        alone, _ = await _statements(world, invoice, one)
        filters: list[dict[str, Any]] = [
            {},
            {"filter": {"payerAnsCode": world.payer}},
            {"filter": {"invoiceId": invoice}},
        ]
        others = [await _subscribed(stack, gateway, token, **filters[number % 3]) for number in range(EQUALS)]
        together, heard = await _statements(world, invoice, [*one, *others])
    assert together == alone
    assert len(set(heard)) == 1


async def test_each_kind_of_subscriber_sees_its_own(world: World) -> None:
    gateway = world.gateway
    invoice = (await world.issued_invoice("100.00"))["id"]
    tokens = {
        "finance": gateway.token("finance", providers=[world.provider]),
        "payer": world.token("payer_agent"),
        "everybody's": gateway.token("finance"),
    }
    async with contextlib.AsyncExitStack() as stack:
        sockets = {name: await _subscribed(stack, gateway, token) for name, token in tokens.items()}
        bare = await _subscribed(stack, gateway, tokens["finance"], withStatus=False)
        await world.settle(invoice, "40.00")
        told = {name: json.loads(await _next(socket))["payload"] for name, socket in sockets.items()}
        without = json.loads(await _next(bare))["payload"]["data"]["settlementRecorded"]["settlement"]
    rows = {name: payload["data"]["settlementRecorded"]["settlement"] for name, payload in told.items()}
    assert rows["finance"] == rows["everybody's"]
    assert rows["finance"]["invoice"] == {"id": invoice, "status": "PARTIALLY_SETTLED"}
    assert without["invoice"] == {"id": invoice}
    assert (rows["payer"]["amount"], rows["payer"]["invoice"]["id"]) == ("40.00", invoice)


async def test_permissions_are_never_shared_whoever_came_first(world: World) -> None:
    """The same query by a role that sees no amounts, beside one that does, in both orders."""
    gateway = world.gateway
    query = "subscription { claimStatusChanged { cursor claim { id claimedAmount } } }"
    for roles in (("biller", "front_desk"), ("front_desk", "biller")):
        async with contextlib.AsyncExitStack() as stack:
            streams = {
                role: await stack.enter_async_context(gateway.subscribed(query, world.token(role))) for role in roles
            }
            claim = await world.create_claim()
            wanted, found = claim["claim"]["id"], {}
            for role, stream in streams.items():
                while role not in found:
                    async with asyncio.timeout(10):
                        payload = json.loads(await stream.socket.recv())["payload"]
                    if payload["data"]["claimStatusChanged"]["claim"]["id"] == wanted:
                        found[role] = payload
        amounts = {role: each["data"]["claimStatusChanged"]["claim"]["claimedAmount"] for role, each in found.items()}
        assert amounts == {"biller": "100.00", "front_desk": None}
        assert [error["extensions"]["code"] for error in found["front_desk"]["errors"]] == ["FORBIDDEN"]
        assert "errors" not in found["biller"]


async def test_a_subscriber_who_leaves_takes_nothing_from_the_others(world: World) -> None:
    gateway, token = world.gateway, world.token("finance")
    invoice = (await world.issued_invoice("100.00"))["id"]
    async with contextlib.AsyncExitStack() as stack:
        leaving = [await _subscribed(stack, gateway, token) for _ in range(5)]
        staying = [await _subscribed(stack, gateway, token) for _ in range(5)]
        for number in range(5):
            settled = (await world.settle(invoice, "1.00"))["settlement"]["id"]
            leaving[number].transport.abort()
            heard = [json.loads(await _next(socket))["payload"]["data"]["settlementRecorded"] for socket in staying]
            assert [each["settlement"]["id"] for each in heard] == [settled] * 5
