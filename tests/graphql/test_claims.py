"""The life of a claim through the API."""

from tests.factories import BLOOD_COUNT, CONSULTATION, World


async def test_a_claim_is_created_as_a_draft_with_exact_totals(world: World) -> None:
    payload = await world.create_claim(items=[CONSULTATION, {**BLOOD_COUNT, "factor": "0.75"}])
    assert payload["errors"] == []
    claim = payload["claim"]
    assert (claim["status"], claim["claimedAmount"], claim["version"]) == ("DRAFT", "127.75", 1)
    kept = await world.claim(claim["id"])
    assert [(item["sequence"], item["total"]) for item in kept["items"]] == [(1, "100.00"), (2, "27.75")]
    assert await world.events(claim["id"]) == ["ClaimCreated"]
