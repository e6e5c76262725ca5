"""The transport's WebSockets behind a real server: what they answer, and when and how they close."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from app.transport.websocket import SocketLimits
from tests.graphql.http_audits.requests import ENDLESS, NUMBERS, stream
from tests.graphql.http_audits.toy import Toy, until
from tests.logs import SERVER, own_records


@pytest.fixture
def toy() -> Toy:
    return Toy(socket_limits=SocketLimits(init_seconds=0.3, send_seconds=0.3))


@pytest.fixture
def address(toy: Toy) -> Iterator[str]:
    with toy.served() as address:
        yield address


@asynccontextmanager
async def opened(address: str, *protocols: str, **headers: str) -> AsyncIterator[ClientConnection]:
    names = [Subprotocol(name) for name in protocols or ("graphql-transport-ws",)]
    async with connect(
        f"ws://{address}/graphql", subprotocols=names, additional_headers=headers, compression=None
    ) as client:
        yield client


@asynccontextmanager
async def begun(address: str) -> AsyncIterator[ClientConnection]:
    async with opened(address) as client:
        await say(client, {"type": "connection_init", "payload": {"authorization": "Bearer good"}})
        assert await heard(client) == {"type": "connection_ack"}
        yield client


async def say(client: ClientConnection, message: object) -> None:
    await client.send(json.dumps(message))


async def subscribe(client: ClientConnection, id: str, query: str) -> None:
    await say(client, {"id": id, "type": "subscribe", "payload": {"query": query}})


async def heard(client: ClientConnection) -> Any:
    return json.loads(await asyncio.wait_for(client.recv(), 3))


async def all_heard(client: ClientConnection) -> None:
    while True:
        await heard(client)


async def closing(client: ClientConnection) -> tuple[int, str]:
    """The close code and reason, after whatever else was said."""
    with pytest.raises(ConnectionClosed) as closed:
        await all_heard(client)
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code, closed.value.rcvd.reason


class TestSockets:
    async def test_answer_queries_and_subscriptions(self, address: str) -> None:
        async with begun(address) as client:
            await subscribe(client, "q", "{ hello broken }")
            answer = await heard(client)
            assert (answer["id"], answer["type"]) == ("q", "next")
            assert answer["payload"]["data"] == {"hello": "world", "broken": None}
            assert answer["payload"]["errors"][0]["message"] == "internal error"
            assert await heard(client) == {"id": "q", "type": "complete"}
            await subscribe(client, "s", NUMBERS)
            assert [await heard(client) for _ in range(3)] == [
                {"id": "s", "type": "next", "payload": {"data": {"numbers": 1}}},
                {"id": "s", "type": "next", "payload": {"data": {"numbers": 2}}},
                {"id": "s", "type": "complete"},
            ]

    async def test_give_every_operation_and_every_event_its_own_context(self, address: str) -> None:
        async with begun(address) as client:
            await subscribe(client, "1", "{ number }")
            await subscribe(client, "2", "{ number }")
            await subscribe(client, "3", "subscription { ticks { context } }")
            said = [await heard(client) for _ in range(7)]
        data = [one["payload"]["data"] for one in said if one["type"] == "next"]
        numbers = [one.get("number") or one["ticks"]["context"] for one in data]
        assert len(set(numbers)) == len(numbers) == 4

    async def test_refuse_bad_documents_with_an_error(self, address: str, toy: Toy) -> None:
        async with begun(address) as client:
            await subscribe(client, "1", "{ helo }")
            invalid = await heard(client)
        assert (invalid["type"], invalid["payload"][0]["extensions"]) == (
            "error",
            {"code": "GRAPHQL_VALIDATION_FAILED"},
        )
        assert toy.journal == []

    async def test_answer_mutations(self, address: str, toy: Toy) -> None:
        async with begun(address) as client:
            await subscribe(client, "m", "mutation { write }")
            assert [await heard(client), await heard(client)] == [
                {"id": "m", "type": "next", "payload": {"data": {"write": "done"}}},
                {"id": "m", "type": "complete"},
            ]
        assert toy.journal == ["mutation begun", "mutation done"]
        assert [(report.type, report.outcome) for report in toy.reports] == [("mutation", "ok")]

    @pytest.mark.parametrize("leaves", ["by complete", "by closing", "without a word"])
    async def test_finish_a_mutation_whose_client_leaves(self, address: str, toy: Toy, leaves: str) -> None:
        async with begun(address) as client:
            await subscribe(client, "m", "mutation { write(seconds: 0.4) }")
            await until(toy.journal, "mutation begun")
            if leaves == "by complete":
                await say(client, {"id": "m", "type": "complete"})
                await subscribe(client, "m", "{ hello }")
                said = [await heard(client), await heard(client)]
                assert [one["type"] for one in said] == ["next", "complete"]
                assert said[0]["payload"] == {"data": {"hello": "world"}}
            elif leaves == "without a word":
                client.transport.abort()
        await until(toy.journal, "mutation begun", "mutation done")

    async def test_are_answered_to_the_end_before_the_token_expires_them(self, address: str, toy: Toy) -> None:
        async with opened(address) as client:
            await say(client, {"type": "connection_init", "payload": {"authorization": "Bearer short"}})
            assert await heard(client) == {"type": "connection_ack"}
            await subscribe(client, "m", "mutation { write(seconds: 0.6) }")
            answer = await heard(client)
            assert answer == {"id": "m", "type": "next", "payload": {"data": {"write": "done"}}}
            assert await closing(client) == (4403, "Forbidden: the token has expired")

    async def test_run_at_most_ten_operations(self, address: str) -> None:
        async with begun(address) as client:
            for id in range(11):
                await subscribe(client, str(id), "{ slow(seconds: 1) }")
            refused = await heard(client)
        assert (refused["id"], refused["payload"][0]["extensions"]) == ("10", {"code": "RATE_LIMITED"})

    async def test_complete_ends_a_subscription_and_frees_its_id(self, address: str, toy: Toy) -> None:
        async with begun(address) as client:
            await subscribe(client, "s", ENDLESS)
            await heard(client)
            await say(client, {"id": "s", "type": "complete"})
            await until(toy.journal, "closed")
            await subscribe(client, "s", "{ hello }")
            while (answer := await heard(client))["payload"]["data"] != {"hello": "world"}:
                assert "numbers" in answer["payload"]["data"]

    async def test_go_on_at_once_and_send_nothing_more_when_a_cancellation_was_lost(
        self, address: str, toy: Toy
    ) -> None:
        async with begun(address) as client:
            await subscribe(client, "s", "subscription { stubborn }")
            await until(toy.journal, "begun")
            await say(client, {"id": "s", "type": "complete"})
            await until(toy.journal, "begun", "lost")
            await subscribe(client, "s", "{ hello }")
            assert [await heard(client), await heard(client)] == [
                {"id": "s", "type": "next", "payload": {"data": {"hello": "world"}}},
                {"id": "s", "type": "complete"},
            ]
            await until(toy.journal, "begun", "lost", "closed")

    @pytest.mark.parametrize("over", ["socket", "events"])
    async def test_end_with_the_token_though_a_cancellation_was_lost(self, address: str, toy: Toy, over: str) -> None:
        query = "subscription { stubborn }"
        if over == "events":
            await stream(address, query, authorization="Bearer short")
        else:
            async with opened(address) as client:
                await say(client, {"type": "connection_init", "payload": {"authorization": "Bearer short"}})
                await subscribe(client, "s", query)
                assert await closing(client) == (4403, "Forbidden: the token has expired")
        await until(toy.journal, "begun", "lost", "closed")

    async def test_close_their_sources_when_the_client_goes(self, address: str, toy: Toy) -> None:
        async with begun(address) as client:
            await subscribe(client, "s", ENDLESS)
            await heard(client)
        await until(toy.journal, "closed")

    async def test_leave_a_client_that_does_not_read(self, address: str, toy: Toy) -> None:
        async with begun(address) as client:
            await subscribe(client, "s", "subscription { flood }")
            client.transport.pause_reading()
            await until(toy.journal, "closed")
            client.transport.abort()

    async def test_answer_pings(self, address: str) -> None:
        async with opened(address) as client:
            await say(client, {"type": "ping", "payload": {"any": 1}})
            assert await heard(client) == {"type": "pong"}

    async def test_take_the_token_from_the_upgrade_too(self, address: str) -> None:
        async with opened(address, authorization="Bearer good") as client:
            await say(client, {"type": "connection_init"})
            assert await heard(client) == {"type": "connection_ack"}


SUBSCRIBE = {"type": "subscribe", "id": "1", "payload": {"query": ENDLESS}}


class TestClosing:
    @pytest.mark.parametrize(
        "frame",
        [
            "[]",
            "1",
            "null",
            "not json",
            "[" * 5000,
            b"{}",
            '{"type": 1}',
            '{"type": "next"}',
            '{"type": "ping", "payload": []}',
            '{"type": "subscribe", "id": {}, "payload": {"query": "{ hello }"}}',
            '{"type": "subscribe", "id": "1", "payload": null}',
            '{"type": "subscribe", "id": "1", "payload": {"query": 1}}',
            '{"type": "complete"}',
            '{"type": "ping", "payload": {"a": "%s"}}' % ("x" * 140_000),
        ],
        ids=lambda frame: str(frame[:70]),
    )
    async def test_a_malformed_frame_closes_4400_without_a_traceback(
        self, address: str, frame: str | bytes, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with begun(address) as client:
            await client.send(frame)
            code, reason = await closing(client)
        assert (code, bool(reason)) == (4400, True)
        assert own_records(caplog, logging.WARNING, SERVER) == []

    @pytest.mark.parametrize(
        ("payload", "code", "reason"),
        [
            (None, 4403, "Forbidden: send an authorization in connection_init"),
            ({"authorization": 1}, 4403, "Forbidden: send an authorization in connection_init"),
            ({"authorization": "Bearer bad"}, 4403, "Forbidden: the token is not known"),
            ({"authorization": "Bearer short"}, 4403, "Forbidden: the token has expired"),
            ({"authorization": "Bearer broken"}, 4500, "internal error"),
        ],
    )
    async def test_a_token_that_does_not_serve_closes(
        self, address: str, payload: object, code: int, reason: str
    ) -> None:
        async with opened(address) as client:
            await say(client, {"type": "connection_init", "payload": payload})
            assert await closing(client) == (code, reason)

    async def test_a_refused_header_closes_4403(self, address: str) -> None:
        async with opened(address, authorization="Bearer bad") as client:
            assert await closing(client) == (4403, "Forbidden: the token is not known")

    async def test_silence_closes_4408(self, address: str) -> None:
        async with opened(address) as client:
            assert await closing(client) == (4408, "Connection initialisation timeout")

    async def test_a_subscription_before_the_acknowledgement_closes_4401(self, address: str) -> None:
        async with opened(address) as client:
            await say(client, SUBSCRIBE)
            assert await closing(client) == (4401, "Unauthorized")

    async def test_a_second_subscription_of_one_id_closes_4409(self, address: str, toy: Toy) -> None:
        async with begun(address) as client:
            await say(client, SUBSCRIBE)
            await heard(client)
            await say(client, SUBSCRIBE)
            assert await closing(client) == (4409, "Subscriber for 1 already exists")
        await until(toy.journal, "closed")

    async def test_a_second_init_closes_4429(self, address: str) -> None:
        async with begun(address) as client:
            await say(client, {"type": "connection_init"})
            assert await closing(client) == (4429, "Too many initialisation requests")

    async def test_the_legacy_protocol_closes_4406(self, address: str) -> None:
        async with connect(f"ws://{address}/graphql") as client:
            assert await closing(client) == (4406, "use the subprotocol graphql-transport-ws")
