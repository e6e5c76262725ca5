"""Settlements as they happen, over WebSocket and over server-sent events."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.cursors import position_of
from tests.factories import World, key, new_world, today
from tests.gateway import Gateway
from tests.streams import no_listener

FIELDS = "cursor settlement { id amount position reverses { id } invoice { id status dueAmount } }"
WATCH = f"subscription {{ settlementRecorded {{ {FIELDS} }} }}"


def _told(data: dict[str, Any]) -> tuple[str, str, str, str]:
    row = data["settlementRecorded"]["settlement"]
    return row["id"], row["amount"], row["invoice"]["status"], row["invoice"]["dueAmount"]


@contextlib.asynccontextmanager
async def _socket(gateway: Gateway, authorization: str | None) -> AsyncIterator[ClientConnection]:
    """A connection that has said `connection_init`, whatever the answer is."""
    address = gateway.url.replace("http://", "ws://") + "/graphql"
    async with connect(address, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket:
        payload = {} if authorization is None else {"authorization": authorization}
        await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
        yield socket


async def _heard(socket: ClientConnection) -> Any:
    async with asyncio.timeout(10):
        return json.loads(await socket.recv())


async def _answer(socket: ClientConnection, query: str) -> Any:
    """What the gateway says to an operation after the acknowledgement."""
    assert (await _heard(socket))["type"] == "connection_ack"
    await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": query}}))
    return await _heard(socket)


async def test_every_settlement_and_reversal_arrives_once_and_in_order(gateway: Gateway, world: World) -> None:
    invoice = await world.issued_invoice("100.00")
    async with gateway.subscribed(WATCH, world.token("finance")) as stream:
        heard, expected = [], []
        settled: dict[str, Any] = {}
        for amount, status, due in (
            ("40.00", "PARTIALLY_SETTLED", "60.00"),
            ("60.00", "SETTLED", "0.00"),
        ):
            settled = (await world.settle(invoice["id"], amount))["settlement"]
            heard.append(await stream.next())
            expected.append((settled["id"], amount, status, due))
        undone = (await world.reverse(settled["id"], "10.50"))["settlement"]
        heard.append(await stream.next())
        expected.append((undone["id"], "10.50", "PARTIALLY_SETTLED", "10.50"))
        assert await stream.is_silent()
    assert [_told(one) for one in heard] == expected
    assert heard[2]["settlementRecorded"]["settlement"]["reverses"] == {"id": settled["id"]}
    places = [position_of(one["settlementRecorded"]["cursor"]) for one in heard]
    assert places == sorted(set(places))
    assert [str(place) for place in places] == [one["settlementRecorded"]["settlement"]["position"] for one in heard]


async def test_a_burst_is_delivered_whole_and_in_ledger_order(gateway: Gateway, world: World) -> None:
    invoice = await world.issued_invoice("100.00")
    async with gateway.subscribed(WATCH, world.token("finance")) as stream:
        await asyncio.gather(*[world.settle(invoice["id"], "5.00") for _ in range(8)])
        heard = [await stream.next() for _ in range(8)]
        assert await stream.is_silent(0.3)
    ledger = [row["id"] for row in (await world.invoice(invoice["id"]))["settlements"]]
    assert sorted(_told(one)[0] for one in heard) == sorted(ledger)
    places = [position_of(one["settlementRecorded"]["cursor"]) for one in heard]
    assert places == sorted(set(places))


async def test_a_refused_or_repeated_settlement_is_not_told(gateway: Gateway, world: World) -> None:
    invoice, used = await world.issued_invoice("100.00"), key()
    async with gateway.subscribed(WATCH, world.token("finance")) as stream:
        await world.settle(invoice["id"], "100.01")
        first = await world.settle(invoice["id"], "10.00", idempotencyKey=used)
        await world.settle(invoice["id"], "10.00", idempotencyKey=used)
        last = await world.settle(invoice["id"], "20.00")
        heard = [await stream.next(), await stream.next()]
    assert [_told(one)[0] for one in heard] == [first["settlement"]["id"], last["settlement"]["id"]]


@pytest.mark.parametrize("role", ["finance", "payer_agent"])
async def test_nobody_hears_of_another_provider_or_payer(gateway: Gateway, world: World, role: str) -> None:
    other = await new_world(gateway)
    mine, theirs = await world.issued_invoice(), await other.issued_invoice()
    async with (
        gateway.subscribed(WATCH, world.token(role)) as own,
        gateway.subscribed(WATCH, other.token(role)) as foreign,
    ):
        first = await world.settle(mine["id"], "1.00")
        second = await other.settle(theirs["id"], "2.00")
        assert _told(await own.next())[0] == first["settlement"]["id"]
        assert _told(await foreign.next())[0] == second["settlement"]["id"]
        assert await own.is_silent(0.3)


async def test_the_filter_cannot_widen_what_the_token_opens(gateway: Gateway, world: World) -> None:
    other = await new_world(gateway)
    mine, theirs = await world.issued_invoice(), await other.issued_invoice()
    wanted = f'subscription {{ settlementRecorded(filter: {{providerCnes: "{other.provider}"}}) {{ {FIELDS} }} }}'
    async with (
        gateway.subscribed(wanted, world.token("finance")) as narrow,
        gateway.subscribed(WATCH, gateway.token("finance")) as wide,
    ):
        for one, invoice in ((other, theirs), (world, mine)):
            row = (await one.settle(invoice["id"], "1.00"))["settlement"]
            while _told(await wide.next())[0] != row["id"]:
                pass
        assert await narrow.is_silent(0.3)


@pytest.mark.parametrize("argument", ["payerAnsCode", "providerCnes"])
async def test_a_filter_narrows_the_stream(gateway: Gateway, world: World, argument: str) -> None:
    other = await new_world(gateway)
    mine, theirs = await world.issued_invoice(), await other.issued_invoice()
    value = world.payer if argument == "payerAnsCode" else world.provider
    query = f'subscription {{ settlementRecorded(filter: {{{argument}: "{value}"}}) {{ {FIELDS} }} }}'
    async with gateway.subscribed(query, gateway.token("finance")) as stream:
        await other.settle(theirs["id"], "1.00")
        first = await world.settle(mine["id"], "2.00")
        await other.settle(theirs["id"], "3.00")
        second = await world.settle(mine["id"], "4.00")
        heard = [await stream.next(), await stream.next()]
    assert [_told(one)[0] for one in heard] == [first["settlement"]["id"], second["settlement"]["id"]]


@pytest.mark.parametrize("authorization", [None, "Bearer nonsense", "Basic abc"])
async def test_no_token_or_a_bad_one_closes_the_socket(gateway: Gateway, authorization: str | None) -> None:
    async with _socket(gateway, authorization) as socket:
        with pytest.raises(ConnectionClosed) as closed:
            await _heard(socket)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4403


@pytest.mark.parametrize("role", ["reviewer", "front_desk", "billing_reader", "admin", "superadmin"])
async def test_a_role_without_settlements_hears_only_the_refusal(gateway: Gateway, world: World, role: str) -> None:
    before = await no_listener(gateway)
    async with _socket(gateway, f"Bearer {world.token(role)}") as socket:
        answer = await _answer(socket, WATCH)
    errors = answer["payload"] if answer["type"] == "error" else answer["payload"]["errors"]
    assert [error["extensions"]["code"] for error in errors] == ["FORBIDDEN"]
    assert gateway.parts.hub.subscribers == before


SETTLE = """mutation SettleInvoice($input: SettleInvoiceInput!) { settleInvoice(input: $input) {
  settlement { amount } replayed errors { code } } }"""


async def _mutate(socket: ClientConnection, query: str, input: dict[str, Any]) -> Any:
    """The data of a mutation over an acknowledged socket."""
    payload = {"query": query, "variables": {"input": input}}
    await socket.send(json.dumps({"id": "m", "type": "subscribe", "payload": payload}))
    answer, end = await _heard(socket), await _heard(socket)
    assert (answer["type"], end) == ("next", {"id": "m", "type": "complete"})
    assert "errors" not in answer["payload"]
    return answer["payload"]["data"]


async def test_a_mutation_over_a_socket_with_a_key_has_its_effect_once(gateway: Gateway, world: World) -> None:
    invoice = await world.issued_invoice("100.00")
    input = {"invoiceId": invoice["id"], "amount": "40.00", "paidOn": str(today()), "idempotencyKey": key()}
    async with _socket(gateway, f"Bearer {world.token('finance')}") as socket:
        assert (await _heard(socket))["type"] == "connection_ack"
        answers = [(await _mutate(socket, SETTLE, input))["settleInvoice"] for _ in range(2)]
        overdone = await _mutate(socket, SETTLE, {**input, "amount": "60.01", "idempotencyKey": key()})
    done = {"settlement": {"amount": "40.00"}, "errors": []}
    assert answers == [{**done, "replayed": False}, {**done, "replayed": True}]
    assert overdone["settleInvoice"]["errors"] == [{"code": "OVER_SETTLEMENT"}]
    assert (await world.invoice(invoice["id"]))["dueAmount"] == "60.00"


async def test_a_mutation_over_a_socket_without_a_key_changes_nothing(gateway: Gateway, world: World) -> None:
    claim = (await world.create_claim())["claim"]["id"]
    query = """mutation CancelClaim($input: CancelClaimInput!) { cancelClaim(input: $input) {
      claim { status } errors { code message field } } }"""
    async with _socket(gateway, f"Bearer {world.token('biller')}") as socket:
        assert (await _heard(socket))["type"] == "connection_ack"
        refused = (await _mutate(socket, query, {"claimId": claim}))["cancelClaim"]
        before = await world.events(claim)
        done = (await _mutate(socket, query, {"claimId": claim, "idempotencyKey": key()}))["cancelClaim"]
    message = "send an idempotencyKey with a mutation over a WebSocket or a shared stream"
    error = {"code": "IDEMPOTENCY_KEY_REQUIRED", "message": message, "field": ["idempotencyKey"]}
    assert refused == {"claim": None, "errors": [error]}
    assert before == ["ClaimCreated"]
    assert done == {"claim": {"status": "CANCELLED"}, "errors": []}


async def test_a_mutation_over_a_socket_needs_the_same_permission(gateway: Gateway, world: World) -> None:
    invoice = await world.issued_invoice()
    values = f'invoiceId: "{invoice["id"]}", paidOn: "{today()}", idempotencyKey: "{key()}"'
    mutation = f"mutation {{ settleInvoice(input: {{ {values} }}) {{ errors {{ code }} }} }}"
    before = await world.events(invoice["id"])
    async with _socket(gateway, f"Bearer {world.token('reviewer')}") as socket:
        answer = await _answer(socket, mutation)
    assert answer["payload"]["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert await world.events(invoice["id"]) == before


async def test_server_sent_events_deliver_every_settlement_once(gateway: Gateway, world: World) -> None:
    invoice = await world.issued_invoice("100.00")
    headers = {"accept": "text/event-stream", "authorization": f"Bearer {world.token('finance')}"}
    before = await no_listener(gateway)
    heard: list[Any] = []
    async with gateway.client.stream("POST", "/graphql", json={"query": WATCH}, headers=headers) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        async with asyncio.timeout(10):
            while gateway.parts.hub.subscribers == before:  # noqa: ASYNC110 - no signal to wait for
                await asyncio.sleep(0.01)
            first = await world.settle(invoice["id"], "40.00")
            second = await world.reverse(first["settlement"]["id"])
            async for line in response.aiter_lines():
                if line.startswith("data: "):
                    heard.append(json.loads(line.removeprefix("data: "))["data"])
                if len(heard) == 3:
                    break
    assert heard[0]["settlementRecorded"]["settlement"] is None
    assert [_told(one)[:2] for one in heard[1:]] == [
        (first["settlement"]["id"], "40.00"),
        (second["settlement"]["id"], "40.00"),
    ]


async def test_a_subscription_by_plain_http_or_without_a_token_is_refused(gateway: Gateway, world: World) -> None:
    plain = await gateway.gql(WATCH, token=world.token("finance"))
    assert plain.codes == ["OPERATION_NOT_SUPPORTED"]
    for token, code in ((None, "UNAUTHENTICATED"), (world.token("reviewer"), "FORBIDDEN")):
        headers = {"accept": "text/event-stream"} | ({} if token is None else {"authorization": f"Bearer {token}"})
        answer = await gateway.client.post("/graphql", json={"query": WATCH}, headers=headers)
        assert code in answer.text
        assert "settlement {" not in answer.text


async def test_a_cursor_goes_on_where_the_last_connection_ended(gateway: Gateway, world: World) -> None:
    invoice = await world.issued_invoice("100.00")
    async with gateway.subscribed(WATCH, world.token("finance")) as stream:
        await world.settle(invoice["id"], "10.00")
        cursor = (await stream.next())["settlementRecorded"]["cursor"]
    missed = [(await world.settle(invoice["id"], amount))["settlement"]["id"] for amount in ("20.00", "30.00")]
    where = f'after: "{cursor}", filter: {{invoiceId: "{invoice["id"]}"}}'
    resumed = f"subscription {{ settlementRecorded({where}) {{ {FIELDS} }} }}"
    async with gateway.subscribed(resumed, world.token("finance")) as stream:
        live = (await world.settle(invoice["id"], "40.00"))["settlement"]["id"]
        heard = [(await stream.next())["settlementRecorded"]["settlement"]["id"] for _ in range(3)]
        assert heard == [*missed, live]
        assert await stream.is_silent()


@pytest.mark.parametrize("cursor", ["x", "é", "", "LTE", "MTIzNDU2Nzg5MDEyMzQ1Njc4OTA"])
async def test_a_cursor_that_is_none_is_refused(gateway: Gateway, world: World, cursor: str) -> None:
    async with _socket(gateway, f"Bearer {world.token('finance')}") as socket:
        message = await _answer(socket, f'subscription {{ settlementRecorded(after: "{cursor}") {{ cursor }} }}')
    assert message["type"] == "error"
    assert [error["extensions"] for error in message["payload"]] == [
        {"code": "BAD_USER_INPUT", "reason": "INVALID_INPUT", "field": ["after"]}
    ]
