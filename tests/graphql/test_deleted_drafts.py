"""A draft that was never submitted is deleted with all that is its own; its number is free again."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import func, select

from app.db.tables import claim_history, claim_items, claims
from tests.factories import BLOOD_COUNT, CONSULTATION, World, key, new_world, refusals
from tests.gateway import Gateway
from tests.graphql.test_remittances import LINE, line, post, taken

DELETED = "deletedClaimId providerClaimNumber"


async def _draft(world: World, **changes: Any) -> Any:
    payload = await world.create_claim(items=[CONSULTATION, BLOOD_COUNT], **changes)
    assert payload["errors"] == []
    return payload["claim"]


async def _delete(world: World, claim: Any, **changes: Any) -> Any:
    return await world.mutate("biller", "deleteDraftClaim", DELETED, claimId=claim["id"], **changes)


async def _rows(world: World, claim: Any) -> tuple[int, int, int]:
    """How many rows of the claim, its items and its history there are."""
    columns = (claims.c.id, claim_items.c.claim_id, claim_history.c.claim_id)
    async with world.gateway.database.reading() as connection:
        found = [
            (await connection.execute(select(func.count()).where(column == claim["id"]))).scalar_one()
            for column in columns
        ]
    return (int(found[0]), int(found[1]), int(found[2]))


async def _lines(world: World, remittance: Any) -> list[tuple[str, str | None, Any]]:
    query = f"query($id: ID!) {{ remittance(id: $id) {{ lines(first: 100) {{ nodes {{ {LINE} claim {{ id }} }} }} }} }}"
    found = (await world.call("finance", query, id=remittance["id"]))["remittance"]["lines"]["nodes"]
    return [(each["status"], each["problem"], each["claim"]) for each in found]


async def test_a_draft_is_deleted_with_its_items_and_its_number_is_used_again(world: World) -> None:
    draft = await _draft(world)
    assert await _rows(world, draft) == (1, 2, 1)
    deleted = await _delete(world, draft, version=1)
    assert (deleted["errors"], deleted["deletedClaimId"]) == ([], draft["id"])
    assert deleted["providerClaimNumber"] == draft["providerClaimNumber"]
    assert (await world.claim(draft["id"]), await _rows(world, draft)) == (None, (0, 0, 0))
    again = await world.submitted_claim(providerClaimNumber=draft["providerClaimNumber"])
    assert again["id"] != draft["id"]
    assert await world.events(draft["id"]) == ["ClaimCreated", "ClaimDeleted"]


async def test_a_replacing_draft_frees_what_it_replaces(world: World) -> None:
    original = await world.approved_claim()
    values = {"id": original["id"], "providerClaimNumber": f"R{key()[:12]}", "idempotencyKey": key()}
    draft = (await world.mutate("biller", "replaceClaim", "claim { id }", **values))["claim"]
    assert refusals(await world.create_invoice([original["id"]]))[0][0] == "CONFLICT"
    assert (await _delete(world, draft))["errors"] == []
    assert (await world.create_invoice([original["id"]]))["errors"] == []


@pytest.mark.parametrize("state", ["SUBMITTED", "CANCELLED", "APPROVED"])
async def test_only_a_draft_is_deleted(world: World, state: str) -> None:
    if state == "APPROVED":
        claim = await world.approved_claim()
    else:
        claim = await (_draft(world) if state == "CANCELLED" else world.submitted_claim())
    if state == "CANCELLED":
        await world.mutate("biller", "cancelClaim", "claim { id }", id=claim["id"])
    before = await _rows(world, claim)
    refused = await _delete(world, claim)
    assert [(each["code"], each["message"], *each["field"]) for each in refused["errors"]] == [
        ("CONFLICT", f"cannot delete a claim that is {state}", "claimId")
    ]
    assert (refused["deletedClaimId"], await _rows(world, claim)) == (None, before)


async def test_stale_versions_and_others_delete_nothing(gateway: Gateway, world: World) -> None:
    draft = await _draft(world)
    assert refusals(await _delete(world, draft, version=2)) == [("STALE_VERSION", "version", None)]
    assert refusals(await _delete(await new_world(gateway), draft)) == [("NOT_FOUND", "claimId", None)]
    assert await _rows(world, draft) == (1, 2, 1)


async def test_a_key_deletes_once_and_the_creation_is_not_repeated(world: World) -> None:
    creating, deleting = world.claim_input(), key()
    create = "claim { id }"
    draft = (await world.mutate("biller", "createClaim", create, **creating))["claim"]
    first, second = [await _delete(world, draft, idempotencyKey=deleting) for _ in range(2)]
    assert (first["errors"], first["replayed"], second["replayed"]) == ([], False, True)
    assert (second["deletedClaimId"], second["providerClaimNumber"]) == (draft["id"], creating["providerClaimNumber"])
    again = await world.mutate("biller", "createClaim", create, **creating)
    assert refusals(again) == [("NOT_FOUND", "idempotencyKey", None)]
    assert await _rows(world, draft) == (0, 0, 0)


async def test_lines_that_it_matched_wait_for_a_person(world: World) -> None:
    draft = await _draft(world)
    matched = await taken(world, line(draft, "100.00"))
    put_back = await taken(world, line(draft, "100.00"))
    assert (await post(world, put_back))["putBackLines"] == 1
    assert await _lines(world, put_back) == [("UNMATCHED", "NOT_PAYABLE", {"id": draft["id"]})]
    assert (await _delete(world, draft))["errors"] == []
    for remittance in (matched, put_back):
        assert await _lines(world, remittance) == [("UNMATCHED", "UNKNOWN_CLAIM", None)]


async def test_matching_and_deleting_at_once_leave_no_line_without_its_claim(world: World) -> None:
    for _ in range(4):
        draft = await _draft(world)
        remittance = await taken(world, {"payerClaimNumber": "OP-1", "paidAmount": "100.00"})
        values = {"id": remittance["lines"][0]["id"], "claimId": draft["id"]}
        match = world.mutate("finance", "matchRemittanceLine", "line { id }", **values)
        matched, deleted = await asyncio.gather(match, _delete(world, draft))
        (found,) = await _lines(world, remittance)
        if deleted["errors"]:
            assert (refusals(deleted)[0][0], found) == ("CONFLICT", ("MATCHED", None, {"id": draft["id"]}))
        else:
            assert (found[0], found[2], await world.claim(draft["id"])) == ("UNMATCHED", None, None)
        assert refusals(matched) in ([], [("NOT_FOUND", "claimId", None)])


async def test_submitting_and_deleting_at_once_leave_one_winner(world: World) -> None:
    for _ in range(4):
        draft = await _draft(world)
        fields = "results { object { status } errors { code } }"
        submit = world.mutate("biller", "submitClaims", fields, claimIds=[draft["id"]])
        submitted, deleted = await asyncio.gather(submit, _delete(world, draft))
        (result,) = submitted["results"]
        codes = [error["code"] for error in (*result["errors"], *deleted["errors"])]
        assert codes in (["NOT_FOUND"], ["CONFLICT"])
        assert await _rows(world, draft) == ((1, 2, 2) if result["object"] else (0, 0, 0))
