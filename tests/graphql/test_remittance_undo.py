"""A wrong import, a wrong match, and a line that no claim belongs to: each is taken back, and the books stay exact."""

import asyncio
from typing import Any

import pytest

from tests.factories import World, flat, key, new_world, refusals
from tests.gateway import Gateway
from tests.graphql.test_remittances import LINE, books, done, line, post, take, taken

CANCELLED = "remittance { id status cancelledBy cancelReason lines { nodes { status problem claim { id } } } }"
UNDONE = f"line {{ {LINE} claim {{ id }} dismissedBy dismissalReason remittance {{ status }} }}"
UNKNOWN = {"payerClaimNumber": "OP-1", "paidAmount": "100.00"}
MISSING_LINE = "rml_00000000000000000000000000"


async def _cancel(world: World, remittance: Any, **changes: Any) -> Any:
    values = {"remittanceId": remittance["id"], "reason": "arquivo errado", "idempotencyKey": key(), **changes}
    return await world.mutate("finance", "cancelRemittance", CANCELLED, **values)


async def _match(world: World, line_id: str, claim: Any) -> Any:
    return await world.mutate("finance", "matchRemittanceLine", UNDONE, id=line_id, claimId=claim["id"])


async def _unmatch(world: World, line_id: str, **changes: Any) -> Any:
    return await world.mutate("finance", "unmatchRemittanceLine", UNDONE, remittanceLineId=line_id, **changes)


async def _dismiss(world: World, line_id: str, **changes: Any) -> Any:
    values = {"remittanceLineId": line_id, "reason": "pago fora do sistema", **changes}
    return await world.mutate("finance", "dismissRemittanceLine", UNDONE, **values)


async def _waiting(world: World) -> list[str]:
    """The ids of the unmatched lines."""
    query = "{ unmatchedRemittanceLines { totalCount nodes { id } } }"
    found = (await world.call("finance", query))["unmatchedRemittanceLines"]
    assert found["totalCount"] == len(found["nodes"])
    return [each["id"] for each in found["nodes"]]


async def _status(world: World, remittance: Any) -> tuple[str, list[str]]:
    """The status of the remittance and of its lines."""
    query = "query($id: ID!) { remittance(id: $id) { status lines(first: 100) { nodes { status } } } }"
    found = flat((await world.call("finance", query, id=remittance["id"]))["remittance"])
    return found["status"], [each["status"] for each in found["lines"]]


def _messages(payload: Any) -> list[tuple[str, str, str | None]]:
    return [(each["code"], each["message"], *each["field"]) for each in payload["errors"]]


class TestCancelRemittance:
    async def test_a_wrong_import_is_taken_back_and_its_number_imported_again(self, world: World) -> None:
        claim = await world.submitted_claim()
        before = await books(world)
        wrong = await taken(world, line(claim, "90.00"), UNKNOWN, statementNumber="D-1")
        cancelled = await _cancel(world, wrong)
        nothing = {"status": "CANCELLED", "problem": None, "claim": None}
        assert (cancelled["errors"], cancelled["remittance"]) == (
            [],
            {
                "id": wrong["id"],
                "status": "CANCELLED",
                "cancelledBy": "dev-finance",
                "cancelReason": "arquivo errado",
                "lines": [nothing, nothing],
            },
        )
        assert (await _waiting(world), await books(world)) == ([], before)
        assert await world.events(wrong["id"]) == [
            *("RemittanceImported", "RemittanceLinesWaiting", "RemittanceCancelled")
        ]
        right = await taken(world, line(claim, "100.00"), statementNumber="D-1")
        assert right["id"] != wrong["id"]
        assert done(await post(world, right)) == ("POSTED", 1, 0, ["100.00"])
        assert (await take(world, [line(claim, "100.00")], statementNumber="D-1"))["alreadyImported"] is True
        assert (await _status(world, wrong))[0] == "CANCELLED"

    async def test_a_number_can_be_cancelled_any_number_of_times(self, world: World) -> None:
        for _ in range(3):
            remittance = await taken(world, UNKNOWN, statementNumber="D-1")
            assert (await _cancel(world, remittance))["errors"] == []
        query = "query($n: String) { remittances(filter: { statementNumber: $n }) { nodes { status } } }"
        found = (await world.call("finance", query, n="D-1"))["remittances"]["nodes"]
        assert found == [{"status": "CANCELLED"}] * 3

    async def test_what_is_posted_is_not_cancelled(self, world: World) -> None:
        remittance = await taken(world, line(await world.submitted_claim(), "100.00"), UNKNOWN)
        assert done(await post(world, remittance)) == ("PARTIALLY_POSTED", 1, 0, ["100.00"])
        before = await books(world), await _status(world, remittance)
        refused = await _cancel(world, remittance)
        message = "lines of the remittance are posted: reverse their settlements instead"
        assert _messages(refused) == [("CONFLICT", message, "remittanceId")]
        assert (await books(world), await _status(world, remittance)) == before
        assert await world.events(remittance["id"]) == [
            *("RemittanceImported", "RemittanceLinesWaiting", "RemittancePosted")
        ]

    async def test_nothing_is_done_with_a_cancelled_remittance(self, world: World) -> None:
        claim = await world.submitted_claim()
        remittance = await taken(world, line(claim, "100.00"), UNKNOWN)
        matched, unmatched = (each["id"] for each in remittance["lines"])
        await _cancel(world, remittance)
        assert _messages(await _cancel(world, remittance)) == [
            ("CONFLICT", "the remittance is cancelled already", "remittanceId")
        ]
        assert _messages(await post(world, remittance)) == [
            ("CONFLICT", "cannot post a remittance that is CANCELLED", "remittanceId")
        ]
        refused = [await _match(world, unmatched, claim), await _unmatch(world, matched)]
        refused.append(await _dismiss(world, unmatched))
        assert [_messages(each) for each in refused] == [
            [("CONFLICT", f"cannot {verb} a line that is CANCELLED", "remittanceLineId")]
            for verb in ("match", "unmatch", "dismiss")
        ]
        assert await _status(world, remittance) == ("CANCELLED", ["CANCELLED"] * 2)
        assert await world.events(claim["id"]) == ["ClaimCreated", "ClaimSubmitted"]

    @pytest.mark.parametrize("reason", ["", "  ", "x" * 501, "a\nb"])
    async def test_it_needs_a_reason(self, world: World, reason: str) -> None:
        remittance = await taken(world, UNKNOWN)
        assert refusals(await _cancel(world, remittance, reason=reason)) == [("INVALID_INPUT", "reason", None)]
        assert await _status(world, remittance) == ("IMPORTED", ["UNMATCHED"])

    async def test_a_key_cancels_once_and_others_see_nothing(self, gateway: Gateway, world: World) -> None:
        remittance, used = await taken(world, UNKNOWN), key()
        stranger = await new_world(gateway)
        assert refusals(await _cancel(stranger, remittance)) == [("NOT_FOUND", "remittanceId", None)]
        assert await _status(world, remittance) == ("IMPORTED", ["UNMATCHED"])
        first, second = [await _cancel(world, remittance, idempotencyKey=used) for _ in range(2)]
        assert (first["replayed"], second["replayed"], second["remittance"]) == (False, True, first["remittance"])
        assert await world.events(remittance["id"]) == [
            *("RemittanceImported", "RemittanceLinesWaiting", "RemittanceCancelled")
        ]

    async def test_posting_and_cancelling_at_once_leaves_one_winner(self, world: World) -> None:
        for _ in range(4):
            remittance = await taken(world, line(await world.submitted_claim(), "100.00"))
            posted, cancelled = await asyncio.gather(post(world, remittance), _cancel(world, remittance))
            assert sorted(len(each["errors"]) for each in (posted, cancelled)) == [0, 1]
            status = "CANCELLED" if posted["errors"] else "POSTED"
            assert await _status(world, remittance) == (status, [status])
        assert (await books(world))[-1] == "0.00"

    async def test_imports_of_one_number_at_once_are_one_remittance(self, world: World) -> None:
        await _cancel(world, await taken(world, UNKNOWN, statementNumber="D-1"))
        payloads = await asyncio.gather(*(take(world, [UNKNOWN], statementNumber="D-1") for _ in range(6)))
        stored = {each["remittance"]["id"] for each in payloads if not each["errors"]}
        refused = [refusals(each) for each in payloads if each["errors"]]
        assert len(stored) == 1
        assert refused == [[("CONFLICT", "statementNumber", None)]] * len(refused)


class TestUnmatchRemittanceLine:
    async def test_a_match_by_number_is_taken_back_and_made_again(self, world: World) -> None:
        claim, other = await world.submitted_claim(), await world.submitted_claim()
        remittance = await taken(world, line(claim, "100.00"))
        line_id = remittance["lines"][0]["id"]
        found = (await _unmatch(world, line_id))["line"]
        assert (found["status"], found["problem"], found["claim"]) == ("UNMATCHED", "MATCH_REMOVED", None)
        assert await _waiting(world) == [line_id]
        assert await world.events(remittance["id"]) == [
            *("RemittanceImported", "RemittanceLineChanged", "RemittanceLinesWaiting")
        ]
        assert done(await post(world, remittance)) == ("IMPORTED", 0, 0, [])
        found = (await _match(world, line_id, other))["line"]
        assert (found["status"], found["problem"], found["claim"]) == ("MATCHED", None, {"id": other["id"]})
        assert done(await post(world, remittance)) == ("POSTED", 1, 0, ["100.00"])
        assert (await world.claim(claim["id"]))["status"] == "SUBMITTED"
        assert (await world.claim(other["id"]))["status"] == "APPROVED"

    async def test_a_match_by_hand_is_taken_back(self, world: World) -> None:
        line_id = (await taken(world, UNKNOWN))["lines"][0]["id"]
        await _match(world, line_id, await world.submitted_claim())
        found = (await _unmatch(world, line_id))["line"]
        assert (found["status"], found["problem"], found["matchedBy"]) == ("UNMATCHED", "MATCH_REMOVED", None)

    async def test_only_a_matched_line_of_the_own_scope_is_unmatched(self, gateway: Gateway, world: World) -> None:
        remittance = await taken(world, line(await world.submitted_claim(), "100.00"), UNKNOWN)
        matched, unmatched = (each["id"] for each in remittance["lines"])
        conflict = ("CONFLICT", "cannot unmatch a line that is UNMATCHED", "remittanceLineId")
        assert _messages(await _unmatch(world, unmatched)) == [conflict]
        assert refusals(await _unmatch(await new_world(gateway), matched)) == [("NOT_FOUND", "remittanceLineId", None)]
        assert refusals(await _unmatch(world, MISSING_LINE)) == [("NOT_FOUND", "remittanceLineId", None)]
        await post(world, remittance)
        assert _messages(await _unmatch(world, matched)) == [
            ("CONFLICT", "cannot unmatch a line that is POSTED", "remittanceLineId")
        ]
        assert await _status(world, remittance) == ("PARTIALLY_POSTED", ["POSTED", "UNMATCHED"])

    async def test_a_key_unmatches_once(self, world: World) -> None:
        remittance, used = await taken(world, line(await world.submitted_claim(), "100.00")), key()
        line_id = remittance["lines"][0]["id"]
        first, second = [await _unmatch(world, line_id, idempotencyKey=used) for _ in range(2)]
        assert (first["replayed"], second["replayed"], second["line"]) == (False, True, first["line"])

    async def test_posting_and_unmatching_at_once_leaves_one_winner(self, world: World) -> None:
        for _ in range(4):
            remittance = await taken(world, line(await world.submitted_claim(), "100.00"))
            posted, undone = await asyncio.gather(
                post(world, remittance), _unmatch(world, remittance["lines"][0]["id"])
            )
            assert (posted["errors"], posted["postedLines"]) == ([], len(undone["errors"]))
            assert (await books(world))[-1] == "0.00"


class TestDismissRemittanceLine:
    async def test_a_line_leaves_the_queue_with_its_reason(self, world: World) -> None:
        before = await books(world)
        remittance = await taken(world, UNKNOWN)
        line_id = remittance["lines"][0]["id"]
        found = (await _dismiss(world, line_id))["line"]
        assert (found["status"], found["problem"], found["claim"]) == ("DISMISSED", "UNKNOWN_CLAIM", None)
        assert (found["dismissedBy"], found["dismissalReason"]) == ("dev-finance", "pago fora do sistema")
        assert found["remittance"] == {"status": "POSTED"}
        assert (await _waiting(world), await books(world)) == ([], before)
        assert await world.events(remittance["id"]) == [
            *("RemittanceImported", "RemittanceLinesWaiting", "RemittanceClosed", "RemittanceLineChanged")
        ]
        assert (await post(world, remittance))["alreadyPosted"] is True
        assert (await _cancel(world, remittance))["errors"] == []

    async def test_a_dismissed_line_counts_as_done_until_it_is_matched(self, world: World) -> None:
        claim, other = await world.submitted_claim(), await world.submitted_claim()
        remittance = await taken(world, line(claim, "100.00"), UNKNOWN)
        line_id = remittance["lines"][1]["id"]
        assert (await _dismiss(world, line_id))["line"]["remittance"] == {"status": "IMPORTED"}
        assert done(await post(world, remittance)) == ("POSTED", 1, 0, ["100.00"])
        found = (await _match(world, line_id, other))["line"]
        assert (found["status"], found["problem"], found["dismissedBy"], found["dismissalReason"]) == (
            ("MATCHED", None, None, None)
        )
        assert found["remittance"] == {"status": "PARTIALLY_POSTED"}
        assert done(await post(world, remittance)) == ("POSTED", 1, 0, ["100.00"])
        assert await books(world) == ["200.00", "200.00", "0.00", "0.00", "0.00", "0.00"]
        assert await world.events(remittance["id"]) == [
            *("RemittanceImported", "RemittanceLinesWaiting", "RemittanceLineChanged", "RemittancePosted"),
            *("RemittanceReopened", "RemittanceLineChanged", "RemittancePosted"),
        ]

    async def test_only_a_waiting_line_of_the_own_scope_is_dismissed(self, gateway: Gateway, world: World) -> None:
        remittance = await taken(world, line(await world.submitted_claim(), "100.00"), UNKNOWN)
        matched, unmatched = (each["id"] for each in remittance["lines"])
        assert _messages(await _dismiss(world, matched)) == [
            ("CONFLICT", "cannot dismiss a line that is MATCHED", "remittanceLineId")
        ]
        assert refusals(await _dismiss(world, unmatched, reason=" ")) == [("INVALID_INPUT", "reason", None)]
        assert refusals(await _dismiss(await new_world(gateway), unmatched)) == [
            ("NOT_FOUND", "remittanceLineId", None)
        ]
        assert await _status(world, remittance) == ("IMPORTED", ["MATCHED", "UNMATCHED"])

    async def test_a_key_dismisses_once(self, world: World) -> None:
        line_id, used = (await taken(world, UNKNOWN))["lines"][0]["id"], key()
        first, second = [await _dismiss(world, line_id, idempotencyKey=used) for _ in range(2)]
        assert (first["replayed"], second["replayed"], second["line"]) == (False, True, first["line"])
        await _match(world, line_id, await world.submitted_claim())
        third = await _dismiss(world, line_id, idempotencyKey=used)
        assert third["replayed"] is True
        told = [
            (each["status"], each["dismissedBy"], each["dismissalReason"]) for each in (first["line"], third["line"])
        ]
        assert told == [("DISMISSED", "dev-finance", "pago fora do sistema")] * 2

    async def test_a_replayed_match_has_no_dismissal_that_came_later(self, world: World) -> None:
        remittance, claim, used = await taken(world, UNKNOWN), await world.submitted_claim(), key()
        line_id = remittance["lines"][0]["id"]
        values = {"id": line_id, "claimId": claim["id"], "idempotencyKey": used}
        first = await world.mutate("finance", "matchRemittanceLine", UNDONE, **values)
        assert (await _unmatch(world, line_id))["errors"] == []
        assert (await _dismiss(world, line_id))["errors"] == []
        again = await world.mutate("finance", "matchRemittanceLine", UNDONE, **values)
        assert (first["line"]["dismissalReason"], again["line"]["dismissalReason"], again["replayed"]) == (
            None,
            None,
            True,
        )


async def test_an_answer_of_the_import_is_what_it_was_before_the_cancellation(world: World) -> None:
    used = key()
    first = await take(world, [UNKNOWN], idempotencyKey=used, statementNumber="D-9")
    await _cancel(world, first["remittance"])
    again = await take(world, [UNKNOWN], idempotencyKey=used, statementNumber="D-9")
    names = [name for name in first["remittance"] if name != "lines"]
    assert again["replayed"] is True
    assert [again["remittance"][name] for name in names] == [first["remittance"][name] for name in names]
