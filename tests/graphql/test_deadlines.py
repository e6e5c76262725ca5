"""Deadlines of denials: what they count from, and that a sweep leaves none behind."""

from datetime import timedelta

import pytest

from app.runtime import sweep
from tests.factories import World, today
from tests.graphql.test_denials import _denied, _move_deadlines, _read, _sweep


async def test_the_deadline_counts_from_the_decision_and_not_from_the_service(world: World) -> None:
    long_ago = (today() - timedelta(days=45)).isoformat()
    claim_id = (await world.claim_in_review(serviceDate=long_ago))["id"]
    decision = {"sequence": 1, "approvedAmount": "60.00", "denials": [{"code": "1801", "amount": "40.00"}]}
    assert (await world.adjudicate(claim_id, [decision]))["errors"] == []
    assert [each["appealDeadline"] for each in await _read(world, claim_id)] == [
        (today() + timedelta(days=30)).isoformat()
    ]


async def test_a_sweep_goes_on_until_nothing_is_overdue(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "BATCH_SIZE", 2)
    found = [await _denied(world, "40.00") for _ in range(5)]
    await _move_deadlines(world, today() - timedelta(days=1), [ids[0] for _, ids in found])
    assert await _sweep(world, today()) >= 5
    assert [(await _read(world, claim_id))[0]["status"] for claim_id, _ in found] == ["EXPIRED"] * 5
