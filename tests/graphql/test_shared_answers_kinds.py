"""One execution of an event for every kind of subscriber, counted in statements and compared in bytes."""

import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.factories import World
from tests.faults.clients import opened
from tests.faults.waiting import until
from tests.streams import Listener, listening, told_all

WATCH = """subscription W($filter: SettlementRecordedFilterInput, $after: String, $more: Boolean = true) {
  settlementRecorded(filter: $filter, after: $after) {
    cursor settlement { id amount bankReference invoice { id status @include(if: $more) } } } }"""
CLAIMS = "subscription { claimStatusChanged { claim { id claimedAmount clinicalIndication } } }"
EQUALS = 20


class Stage:
    """Listeners that come one after the other, and what a settlement costs until all of them have heard of it."""

    def __init__(self, world: World, invoice: str, stack: contextlib.AsyncExitStack) -> None:
        self.world, self.invoice, self._stack = world, invoice, stack
        self.listeners: list[Listener] = []

    async def add(self, token: str, query: str = WATCH, over: str = "socket", **variables: Any) -> None:
        """One more listener."""
        stream = listening(self.world.gateway, token, query, over=over, **variables)
        self.listeners.append(await self._stack.enter_async_context(stream))

    async def settle(self) -> tuple[int, list[Any]]:
        """How many statements it takes, and what each listener is told."""
        with self.world.gateway.counting() as found:
            settled = await self.world.settle(self.invoice, "1.00", bankReference="B1")
            told = [await listener.payload() for listener in self.listeners]
            await told_all(self.world.gateway)
        assert settled["errors"] == []
        assert [await listener.is_silent(0) for listener in self.listeners] == [True] * len(self.listeners)
        return len(found), told


@contextlib.asynccontextmanager
async def _staged(world: World) -> AsyncIterator[Stage]:
    """A stage with an issued invoice that was settled once: connections and caches are warm."""
    async with contextlib.AsyncExitStack() as stack:
        stage = Stage(world, (await world.issued_invoice("100.00"))["id"], stack)
        await stage.settle()
        yield stage


def _row(payload: Any) -> Any:
    return payload["data"]["settlementRecorded"]["settlement"]


async def test_a_kind_of_subscriber_is_read_for_once_and_no_other_pays_for_it(world: World) -> None:
    """Filters, cursors, tokens, subjects, transports and providers make no kind; selections, variables, roles and the
    data scope of a payer do."""
    gateway, finance = world.gateway, world.token("finance")
    colleague = gateway.token("finance", providers=[world.provider], sub="somebody-else")
    wider, everybodys = gateway.token("finance", providers=[world.provider, "7654321"]), gateway.token("finance")
    async with _staged(world) as stage:
        nobody, _ = await stage.settle()
        await stage.add(finance)
        one, _ = await stage.settle()
        assert one > nobody
        here = await gateway.stream_cursor(gateway.parts.hub.last_position or 0)
        equal: list[dict[str, Any]] = [
            {},
            {"filter": {"payerAnsCode": world.payer}},
            {"filter": {"invoiceId": stage.invoice, "providerCnes": world.provider}},
            {"after": here},
            {"after": here, "filter": {"payerAnsCode": world.payer}},
        ]
        for number in range(EQUALS - 1):
            token = (finance, colleague, wider, everybodys)[number % 4]
            await stage.add(token, over="events" if number % 4 == 3 else "socket", **equal[number % len(equal)])
        many, told = await stage.settle()
        assert many == one
        assert told == [told[0]] * EQUALS
        kinds: list[dict[str, Any]] = [
            {"token": finance, "query": WATCH.replace("cursor", "place: cursor")},
            {"token": finance, "more": False},
            {"token": world.token("biller")},
            {"token": gateway.token("finance", providers=[world.provider], payer=world.payer)},
            {"token": world.token("payer_agent")},
        ]
        for count, kind in enumerate(kinds, start=1):
            await stage.add(**kind)
            statements, _ = await stage.settle()
            assert statements == nobody + (1 + count) * (one - nobody), kind


async def test_every_kind_gets_its_own_right_answer_whoever_came_first(world: World) -> None:
    gateway, finance = world.gateway, world.token("finance")
    other = "subscription { settlementRecorded { settlement { invoice { dueAmount } bankReference } } }"
    kinds: dict[str, dict[str, Any]] = {
        "whole": {"token": finance},
        "other selection": {"token": finance, "query": other},
        "without": {"token": finance, "more": False},
        "no bank": {"token": world.token("biller")},
        "other scope": {"token": gateway.token("finance")},
        "payer": {"token": world.token("payer_agent")},
    }
    refused = [(["settlementRecorded", "settlement", "bankReference"], "FORBIDDEN")]
    for names in (list(kinds), list(reversed(kinds))):
        async with _staged(world) as stage:
            for name in names:
                await stage.add(**kinds[name])
            _, payloads = await stage.settle()
        told = dict(zip(names, payloads, strict=True))
        row = {"id": _row(told["whole"])["id"], "amount": "1.00", "bankReference": "B1"}
        whole = {**row, "invoice": {"id": stage.invoice, "status": "PARTIALLY_SETTLED"}}
        expected = {
            "whole": whole,
            "other selection": {"invoice": {"dueAmount": "98.00"}, "bankReference": "B1"},
            "without": {**row, "invoice": {"id": stage.invoice}},
            "no bank": {**whole, "bankReference": None},
            "other scope": whole,
            "payer": whole,
        }
        assert {name: _row(payload) for name, payload in told.items()} == expected
        errors = {
            name: [(error["path"], error["extensions"]["code"]) for error in payload.get("errors", [])]
            for name, payload in told.items()
        }
        assert errors == {name: refused if name == "no bank" else [] for name in kinds}


@pytest.mark.parametrize("is_reversed", [False, True], ids=["who sees most first", "who sees least first"])
async def test_nobody_is_given_the_permissions_of_another(world: World, is_reversed: bool) -> None:
    sees: dict[str, tuple[str | None, str | None]] = {
        "reviewer": ("100.00", "dor"),
        "biller": ("100.00", None),
        "front_desk": (None, None),
    }
    roles = sorted(sees, key=list(sees).index, reverse=is_reversed)
    await told_all(world.gateway)
    async with contextlib.AsyncExitStack() as stack:
        streams = [listening(world.gateway, world.token(role), CLAIMS) for role in roles]
        listeners = [await stack.enter_async_context(stream) for stream in streams]
        claim = (await world.create_claim(clinicalIndication="dor"))["claim"]["id"]
        told = {role: await listener.payload() for role, listener in zip(roles, listeners, strict=True)}
    for role, payload in told.items():
        amount, indication = sees[role]
        seen = {"id": claim, "claimedAmount": amount, "clinicalIndication": indication}
        assert payload["data"]["claimStatusChanged"]["claim"] == seen
        refused = [field for field, value in seen.items() if value is None]
        assert [(error["path"][-1], error["extensions"]["code"]) for error in payload.get("errors", [])] == [
            (field, "FORBIDDEN") for field in refused
        ]


async def test_what_equal_subscribers_get_differs_in_nothing_but_the_id(world: World) -> None:
    gateway, token = world.gateway, world.token("finance")
    invoice = (await world.issued_invoice("100.00"))["id"]
    await told_all(gateway)
    ids = ["1", "b" * 128, "sessão", '"']
    async with contextlib.AsyncExitStack() as stack:
        sockets = []
        for number, identifier in enumerate(ids):
            sockets.append(await stack.enter_async_context(opened(gateway.url, token)))
            payload = {"query": WATCH, "variables": {"filter": {"payerAnsCode": world.payer} if number % 2 else None}}
            await sockets[-1].send(json.dumps({"id": identifier, "type": "subscribe", "payload": payload}))
            await sockets[-1].recv()
        await world.settle(invoice, "1.00")
        frames = [await socket.recv(decode=False) for socket in sockets]
    bodies = {frame.partition(b'"payload":')[2] for frame in frames}
    assert len(bodies) == 1
    assert [json.loads(frame)["id"] for frame in frames] == ids
    assert json.loads(bodies.pop().removesuffix(b"}"))["data"]["settlementRecorded"]["settlement"]["amount"] == "1.00"


async def test_one_who_leaves_in_the_middle_takes_nothing_from_the_others(world: World) -> None:
    """The first, whose execution the others share, a middle one and the last; by `complete`, and without a word."""
    gateway, token = world.gateway, world.token("finance")
    async with _staged(world) as stage:
        sockets = []
        async with contextlib.AsyncExitStack() as leaving:
            for _ in range(4):
                before = gateway.parts.hub.subscribers
                sockets.append(await leaving.enter_async_context(opened(gateway.url, token)))
                await sockets[-1].send(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": WATCH}}))
                await until(lambda: gateway.parts.hub.subscribers > before, seconds=10)  # noqa: B023 - awaited at once
                await stage.add(token)
            for number, socket in enumerate(sockets):
                left = gateway.parts.hub.subscribers
                if number % 2:
                    socket.transport.abort()
                else:
                    await socket.send(json.dumps({"id": "1", "type": "complete"}))
                _, told = await stage.settle()
                assert told == [told[0]] * 4
                assert _row(told[0])["amount"] == "1.00"
                await until(lambda: gateway.parts.hub.subscribers < left, seconds=10)  # noqa: B023 - awaited at once


async def test_a_variable_that_is_null_is_not_one_that_was_left_out(world: World) -> None:
    """Left out, `$more` is true; null is an error: neither gets the other's answer, whoever came first."""
    token = world.token("finance")
    ways: list[dict[str, Any]] = [{}, {"more": None}]
    for is_first in (True, False):
        async with _staged(world) as stage:
            for variables in ways if is_first else reversed(ways):
                await stage.add(token, **variables)
            _, (first, second) = await stage.settle()
        whole, null = (first, second) if is_first else (second, first)
        assert "errors" not in whole
        assert _row(whole)["invoice"] == {"id": stage.invoice, "status": "PARTIALLY_SETTLED"}
        assert [error["extensions"]["code"] for error in null["errors"]] == ["BAD_USER_INPUT"]
