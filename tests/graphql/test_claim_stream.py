"""Claims that come to stand in another state, as they do so."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection

from app.db import outbox as outbox_db
from tests.factories import World, key, new_world
from tests.faults.clients import opened
from tests.faults.waiting import all_published, until_true
from tests.gateway import Gateway

WATCH = """subscription WatchClaims($filter: ClaimStatusChangedFilterInput, $after: String) {
  claimStatusChanged(filter: $filter, after: $after) { cursor status claim { id status claimedAmount } } }"""
DECIDED = [{"sequence": 1, "approvedAmount": "60.00", "denials": [{"code": "1705", "amount": "40.00"}]}]


class Watch:
    """A subscription under way."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self.cursors: list[str] = []

    async def next(self) -> Any:
        """The payload of the next event."""
        async with asyncio.timeout(10):
            message = json.loads(await self._socket.recv())
        assert message["type"] == "next", message
        return message["payload"]

    async def statuses(self, count: int) -> list[tuple[str, str]]:
        """Claim and state of the next events."""
        found = []
        for _ in range(count):
            event = (await self.next())["data"]["claimStatusChanged"]
            self.cursors.append(event["cursor"])
            found.append((event["claim"]["id"], event["status"]))
        return found

    async def is_silent(self) -> bool:
        """Whether nothing comes for a while."""
        try:
            async with asyncio.timeout(0.6):
                await self._socket.recv()
        except TimeoutError:
            return True
        return False


async def _quiet(gateway: Gateway) -> None:
    """Wait until the hub has told all that happened: what is told later is news to every subscriber."""

    async def has_told_all() -> bool:
        async with gateway.database.reading() as connection:
            return gateway.parts.hub.last_position == (await outbox_db.log_range(connection)).last

    await all_published(gateway.database)
    await until_true(has_told_all)


@contextlib.asynccontextmanager
async def _watching(
    gateway: Gateway, token: str, after: str | None = None, query: str = WATCH, **wanted: Any
) -> AsyncIterator[Watch]:
    await _quiet(gateway)
    async with opened(gateway.url, token) as socket:
        before = gateway.parts.hub.subscribers
        payload = {"query": query, "variables": {"filter": wanted or None, "after": after}}
        await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
        async with asyncio.timeout(10):
            while gateway.parts.hub.subscribers <= before:  # noqa: ASYNC110 - no signal to wait for
                await asyncio.sleep(0.01)
        watch = Watch(socket)
        first = (await watch.next())["data"]["claimStatusChanged"]
        assert [value for name, value in first.items() if name != "cursor"] == [None] * (len(first) - 1)
        yield watch


async def _live(world: World) -> str:
    """A claim from its draft to a decision in parts, with a question in between."""
    claim = (await world.create_claim())["claim"]
    await world.mutate("biller", "updateDraftClaim", "claim { id }", id=claim["id"], clinicalIndication="dor")
    submit = {"claimIds": [claim["id"]], "idempotencyKey": key()}
    await world.mutate("biller", "submitClaims", "results { object { id } }", **submit)
    await world.mutate("reviewer", "startReview", "claim { id }", id=claim["id"])
    await world.mutate("reviewer", "requestInformation", "claim { id }", id=claim["id"], reason="laudo")
    await world.mutate("reviewer", "resumeReview", "claim { id }", claimId=claim["id"])
    await world.adjudicate(claim["id"], DECIDED)
    identifier: str = claim["id"]
    return identifier


LIFE = ["DRAFT", "SUBMITTED", "UNDER_REVIEW", "PENDING_INFORMATION", "UNDER_REVIEW", "PARTIALLY_APPROVED"]


async def test_every_state_of_a_claim_is_told_once_and_in_order(world: World) -> None:
    async with _watching(world.gateway, world.token("biller")) as watch:
        claim = await _live(world)
        assert await watch.statuses(len(LIFE)) == [(claim, status) for status in LIFE]
        assert await watch.is_silent()
    async with _watching(world.gateway, world.token("biller"), after=watch.cursors[2]) as again:
        assert await again.statuses(3) == [(claim, status) for status in LIFE[3:]]
        later = (await world.create_claim())["claim"]["id"]
        assert await again.statuses(1) == [(later, "DRAFT")]
        assert await again.is_silent()


@pytest.mark.parametrize("part", ["claimId", "providerCnes", "payerAnsCode", "status"])
async def test_a_filter_lets_nothing_else_through(world: World, part: str) -> None:
    gateway, other = world.gateway, await new_world(world.gateway)
    own = await world.submitted_claim()
    values = {
        "claimId": own["id"],
        "providerCnes": world.provider,
        "payerAnsCode": world.payer,
        "status": ["UNDER_REVIEW"],
    }
    async with _watching(gateway, gateway.token("reviewer"), **{part: values[part]}) as watch:
        stranger = await other.submitted_claim()
        await world.mutate("reviewer", "startReview", "claim { id }", id=own["id"])
        assert (await watch.statuses(1))[-1] == (own["id"], "UNDER_REVIEW")
        await other.mutate("biller", "cancelClaim", "claim { id }", id=stranger["id"])
        assert await watch.is_silent()


@pytest.mark.parametrize("role", ["biller", "payer_agent", "patient"])
async def test_nobody_hears_of_claims_beyond_the_own_scope_live_or_replayed(world: World, role: str) -> None:
    gateway, other = world.gateway, await new_world(world.gateway)
    before = await world.submitted_claim()
    async with _watching(gateway, world.token(role)) as watch:
        await other.submitted_claim()
        own = await world.submitted_claim()
        heard = await watch.statuses(2)
        assert heard == [(own["id"], "DRAFT"), (own["id"], "SUBMITTED")]
        assert await watch.is_silent()
    async with _watching(gateway, world.token(role), after=await gateway.stream_cursor(0)) as again:
        later = await world.submitted_claim()
        told = await again.statuses(6)
        assert await again.is_silent()
    claims = [before["id"], own["id"], later["id"]]
    assert told == [(claim, status) for claim in claims for status in ("DRAFT", "SUBMITTED")]


async def test_fields_without_permission_are_null_as_in_queries(world: World) -> None:
    async with _watching(world.gateway, world.token("front_desk")) as watch:
        await world.submitted_claim()
        payload = await watch.next()
    assert payload["data"]["claimStatusChanged"]["claim"]["claimedAmount"] is None
    codes = [(error["path"], error["extensions"]["code"]) for error in payload["errors"]]
    assert codes == [(["claimStatusChanged", "claim", "claimedAmount"], "FORBIDDEN")]


async def test_a_role_that_reads_no_claims_is_refused(world: World) -> None:
    async with opened(world.gateway.url, world.gateway.token("admin")) as socket:
        payload = {"query": "subscription { claimStatusChanged { cursor } }"}
        await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
        async with asyncio.timeout(10):
            message = json.loads(await socket.recv())
    assert (message["type"], message["payload"][0]["extensions"]["code"]) == ("error", "FORBIDDEN")
