"""The largest answers are made in turns: no step of them holds the event loop for long, and others are served."""

import asyncio
import time
from typing import Any

import pytest
from graphql import get_introspection_query
from sqlalchemy import insert, select

from app.db.tables import claim_items, claims, denials, invoice_lines
from app.domain import ids
from app.domain.actions import ClaimOperation
from app.resolvers.paging import PAGE_MAX
from app.services.invoices import CLAIMS_MAX
from tests.factories import CONSULTATION, World, new_world
from tests.figures import Figures, assert_within
from tests.gateway import Gateway
from tests.loop_time import measured

LONGEST_MILLISECONDS = 25
ITEMS = 20
THROUGH_LINES = "{ claims(first: 100) { nodes { invoice { lines(first: 100) { nodes { claim { id } } } } } } }"
WITH_ITEMS = """{ claims(first: 100) { nodes {
  id status claimedAmount approvedAmount deniedAmount patient { name cpf }
  items { id sequence code description quantity totalAmount denials { id code amount status } }
} } }"""
LARGEST = {
    "claims with items and denials": (
        WITH_ITEMS,
        PAGE_MAX * ITEMS,
        '"sequence":',
    ),
    "what may be done with each claim": (
        "{ claims(first: 100) { nodes { history { nodes { at } } availableActions { action blockedBy { code } } } } }",
        PAGE_MAX * len(ClaimOperation),
        '"blockedBy":',
    ),
    "the claims of each claim's invoice": (THROUGH_LINES, PAGE_MAX * PAGE_MAX, '"claim":'),
}
INNER = "lines(first: 100) { nodes { claim { items { id } } } }"
for _ in range(2):
    INNER = f"lines(first: 100) {{ nodes {{ claim {{ invoice {{ {INNER} }} }} }} }}"
NESTED = f"query($i: ID!) {{ invoice(id: $i) {{ {INNER} }} }}"
SMALL = "{ claims(first: 1) { nodes { id } } }"


async def _filled(gateway: Gateway) -> tuple[World, str]:
    """A world whose invoice has as many claims as fit, each with items of which each has a denial; the invoice's id."""
    world = await new_world(gateway)
    claim = await world.claim_in_review(items=[CONSULTATION] * ITEMS)
    denial = [{"code": "1705", "amount": "40.00"}]
    decisions = [{"sequence": n + 1, "approvedAmount": "60.00", "denials": denial} for n in range(ITEMS)]
    assert (await world.adjudicate(claim["id"], decisions))["errors"] == []
    invoice = (await world.create_invoice([claim["id"]]))["invoice"]
    for _ in range(CLAIMS_MAX - 1):
        await _copy(gateway, claim["id"])
    return world, str(invoice["id"])


async def _copy(gateway: Gateway, claim_id: str) -> None:
    """The same claim once more, with its items and denials, on the same invoice."""
    own, items = ids.new_id(ids.CLAIM), {}

    async def work(connection: Any) -> None:
        async def rows(table: Any, column: Any) -> list[dict[str, Any]]:
            return [dict(row._mapping) for row in await connection.execute(select(table).where(column == claim_id))]

        for row in await rows(claims, claims.c.id):
            number = own.removeprefix("clm_")[-20:]
            await connection.execute(insert(claims).values({**row, "id": own, "provider_claim_number": number}))
        for row in await rows(claim_items, claim_items.c.claim_id):
            items[row["id"]] = ids.new_id(ids.ITEM)
            await connection.execute(insert(claim_items).values({**row, "id": items[row["id"]], "claim_id": own}))
        for row in await rows(denials, denials.c.claim_id):
            new = {"id": ids.new_id(ids.DENIAL), "claim_id": own, "item_id": items[row["item_id"]]}
            await connection.execute(insert(denials).values({**row, **new}))
        for row in await rows(invoice_lines, invoice_lines.c.claim_id):
            line = {"id": ids.new_id(ids.LINE), "claim_id": own, "billed_claim_id": own}
            await connection.execute(insert(invoice_lines).values({**row, **line}))

    await gateway.database.transact(work)


@pytest.fixture(scope="module")
async def filled(server_gateway: Gateway) -> tuple[World, str]:
    return await _filled(server_gateway)


@pytest.mark.parametrize("name", LARGEST)
async def test_a_large_answer_leaves_the_loop_to_others(filled: tuple[World, str], name: str, figures: Figures) -> None:
    world, _ = filled
    query, count, text = LARGEST[name]
    token = world.token("reviewer")
    await world.gateway.gql(query.replace("100", "1", 1), token=token)
    began = time.thread_time()
    with measured() as found:
        answer = await world.gateway.client.post(
            "/graphql", json={"query": query}, headers={"authorization": f"Bearer {token}"}
        )
    assert answer.text.count(text) == count
    assert "errors" not in answer.text[:100]
    figures(
        longest_milliseconds=found.longest_milliseconds,
        processor_milliseconds=1000 * (time.thread_time() - began),
        bytes=len(answer.content),
    )
    assert_within(LONGEST_MILLISECONDS, found=found.longest_milliseconds)


async def test_what_goes_back_and_forth_between_lists_is_refused_by_its_cost(
    filled: tuple[World, str], figures: Figures
) -> None:
    world, invoice = filled
    with measured() as found:
        answer = await world.gateway.gql(NESTED, {"i": invoice}, token=world.token("reviewer"))
    (error,) = answer.body["errors"]
    assert (error["extensions"]["code"], error["extensions"]["limit"]) == ("TOO_COMPLEX", "cost")
    assert error["extensions"]["found"] > PAGE_MAX**3
    figures(longest_milliseconds=found.longest_milliseconds, characters=len(NESTED))
    assert_within(LONGEST_MILLISECONDS, found=found.longest_milliseconds)


async def test_an_introspection_is_made_in_a_thread_once(server_gateway: Gateway, figures: Figures) -> None:
    query, token = get_introspection_query(descriptions=True), server_gateway.token("reviewer")
    times, bodies = [], []
    for _ in range(2):
        began = time.perf_counter()
        with measured() as found:
            answer = await server_gateway.client.post(
                "/graphql", json={"query": query}, headers={"authorization": f"Bearer {token}"}
            )
        times.append(1000 * (time.perf_counter() - began))
        bodies.append(answer.content)
        assert_within(LONGEST_MILLISECONDS, found=found.longest_milliseconds)
    assert bodies[0] == bodies[1]
    assert answer.json()["data"]["__schema"]["queryType"]["name"] == "Query"
    figures(first_milliseconds=times[0], again_milliseconds=times[1])
    assert times[1] < times[0]


async def test_a_small_request_is_answered_while_a_large_answer_is_made(
    filled: tuple[World, str], figures: Figures
) -> None:
    world, _ = filled
    token = world.token("reviewer")
    await world.gateway.gql(SMALL, token=token)
    large = asyncio.create_task(world.gateway.gql(THROUGH_LINES, token=token))
    began, times = time.perf_counter(), []
    while not large.done():
        sent = time.perf_counter()
        await world.gateway.gql(SMALL, token=token)
        times.append(time.perf_counter() - sent)
    whole = time.perf_counter() - began
    assert len((await large).data["claims"]["nodes"]) == PAGE_MAX
    figures(
        small_requests_meanwhile=len(times),
        slowest_small_milliseconds=1000 * max(times),
        large_milliseconds=1000 * whole,
    )
    # Without turns, one that came in the meantime would be answered after the large one: two at most.
    assert len(times) > 2
