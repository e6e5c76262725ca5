"""The life of a claim through the API."""

from datetime import timedelta
from typing import Any, ClassVar

import pytest
from sqlalchemy import update

from app.db.reference_tables import coverages
from tests.factories import BLOOD_COUNT, CLAIM_FIELDS, CONSULTATION, World, key, new_world, refusals, today
from tests.gateway import Gateway

CLAIM = f"claim {{ {CLAIM_FIELDS} }}"
RESULTS = f"results {{ id object {{ {CLAIM_FIELDS} }} errors {{ code field tissCode }} }}"
DETAILS = (
    "clinicalIndication diagnosisCodes authorization { number issuedOn validUntil } cardNumber "
    "practitioner { name council number state cbo } version claimedAmount serviceDate providerClaimNumber "
    "items { sequence code performedOn totalAmount }"
)
UNKNOWN = "clm_00000000000000000000000000"


async def _details(world: World, claim_id: str) -> Any:
    query = f"query($id: ID!) {{ claim(id: $id) {{ {DETAILS} }} }}"
    return (await world.call("reviewer", query, id=claim_id))["claim"]


async def _cancel(world: World, claim_id: str, **values: Any) -> Any:
    return await world.mutate("biller", "cancelClaim", CLAIM, id=claim_id, **values)


async def _review(world: World, claim_id: str, **values: Any) -> Any:
    return await world.mutate("reviewer", "startReview", CLAIM, id=claim_id, **values)


async def _update(world: World, claim_id: str, **values: Any) -> Any:
    return await world.mutate("biller", "updateDraftClaim", CLAIM, id=claim_id, **values)


async def _submit(world: World, claim_ids: list[str], **values: Any) -> Any:
    return await world.mutate("biller", "submitClaims", RESULTS, claimIds=claim_ids, **values)


async def _claim_in(world: World, status: str) -> str:
    """The id of a claim of one item of 100.00 in this state."""
    if status == "DRAFT":
        return str((await world.create_claim())["claim"]["id"])
    if status == "SUBMITTED":
        return str((await world.submitted_claim())["id"])
    if status == "CANCELLED":
        claim_id = await _claim_in(world, "DRAFT")
        await _cancel(world, claim_id)
        return claim_id
    claim_id = (await world.claim_in_review())["id"]
    denied = {"APPROVED": "0", "PARTIALLY_APPROVED": "40", "DENIED": "100"}.get(status)
    if denied is not None:
        denials = [{"code": "1801", "amount": denied}] if denied != "0" else []
        decision = {"sequence": 1, "approvedAmount": str(100 - int(denied)), "denials": denials}
        assert (await world.adjudicate(claim_id, [decision]))["claim"]["status"] == status
    return str(claim_id)


async def test_a_claim_is_created_as_a_draft_with_exact_totals(world: World) -> None:
    payload = await world.create_claim(items=[CONSULTATION, {**BLOOD_COUNT, "factor": "0.75"}])
    assert payload["errors"] == []
    claim = payload["claim"]
    assert (claim["status"], claim["claimedAmount"], claim["version"]) == ("DRAFT", "127.75", 1)
    kept = await world.claim(claim["id"])
    assert [(item["sequence"], item["totalAmount"]) for item in kept["items"]] == [(1, "100.00"), (2, "27.75")]
    assert await world.events(claim["id"]) == ["ClaimCreated"]


async def test_a_claim_can_be_created_and_submitted_at_once(world: World) -> None:
    claim = await world.submitted_claim()
    assert (claim["status"], claim["submittedAt"] is not None, claim["decidedAt"]) == ("SUBMITTED", True, None)
    kept = await world.claim(claim["id"])
    assert {name: kept[name] for name in claim} == claim
    assert await world.events(claim["id"]) == ["ClaimCreated", "ClaimSubmitted"]


async def test_a_refused_claim_leaves_no_row(world: World) -> None:
    payload = await world.create_claim(submit=True, claimedAmount="99.99")
    assert (payload["claim"], refusals(payload)) == (None, [("TOTAL_MISMATCH", "claim.claimedAmount", "5042")])
    assert (await world.call("biller", "{ claims { totalCount } }"))["claims"]["totalCount"] == 0


class TestUpdateDraftClaim:
    FULL: ClassVar[dict[str, Any]] = {
        "clinicalIndication": "dor",
        "diagnosisCodes": ["A09", "J18.9"],
        "authorization": {"number": "S1", "issuedOn": "2026-01-02", "validUntil": "2099-12-31"},
        "practitioner": {"name": "Dra. Ana", "council": "06", "number": "123", "state": "35", "cbo": "225125"},
    }

    async def test_what_is_left_out_stays(self, world: World) -> None:
        claim = (await world.create_claim(items=[CONSULTATION, BLOOD_COUNT], **self.FULL))["claim"]
        before = await _details(world, claim["id"])
        assert {name: before[name] for name in self.FULL} == self.FULL
        payload = await _update(world, claim["id"], clinicalIndication="febre", version=1)
        assert (payload["errors"], payload["claim"]["status"]) == ([], "DRAFT")
        after = await _details(world, claim["id"])
        assert after == {**before, "clinicalIndication": "febre", "version": 2}
        assert await world.events(claim["id"]) == ["ClaimCreated", "ClaimUpdated"]

    async def test_null_clears(self, world: World) -> None:
        claim = (await world.create_claim(**self.FULL))["claim"]
        before = await _details(world, claim["id"])
        assert (await _update(world, claim["id"], **dict.fromkeys(self.FULL)))["errors"] == []
        nobody = dict.fromkeys(("name", "council", "number", "state", "cbo"))
        cleared: dict[str, Any] = {
            "clinicalIndication": None,
            "diagnosisCodes": [],
            "authorization": None,
            "practitioner": nobody,
        }
        assert await _details(world, claim["id"]) == {**before, **cleared, "version": 2}

    async def test_items_are_replaced_and_numbered_anew(self, world: World) -> None:
        claim = (await world.create_claim(items=[CONSULTATION, BLOOD_COUNT]))["claim"]
        payload = await _update(world, claim["id"], items=[{**BLOOD_COUNT, "quantity": "3"}])
        assert payload["claim"]["claimedAmount"] == "55.50"
        items = (await _details(world, claim["id"]))["items"]
        assert [(item["sequence"], item["code"], item["totalAmount"]) for item in items] == [(1, "40304361", "55.50")]

    async def test_items_follow_a_changed_service_date(self, world: World) -> None:
        day, own = (today() - timedelta(days=3)).isoformat(), (today() - timedelta(days=1)).isoformat()
        claim = (await world.create_claim(items=[CONSULTATION, {**BLOOD_COUNT, "performedOn": own}]))["claim"]
        await _update(world, claim["id"], serviceDate=day)
        found = await _details(world, claim["id"])
        assert (found["serviceDate"], [item["performedOn"] for item in found["items"]]) == (day, [day, own])

    @pytest.mark.parametrize(
        ("change", "refusal"),
        [
            ({"items": []}, ("INVALID_INPUT", "claim.items", None)),
            ({"items": [{**CONSULTATION, "quantity": "0"}]}, ("INVALID_QUANTITY", "claim.items.0.quantity", "1806")),
            ({"cardNumber": ""}, ("INVALID_CARD", "claim.cardNumber", "1001")),
            ({"serviceDate": "2999-01-01"}, ("INVALID_DATE", "claim.serviceDate", "3223")),
            ({"clinicalIndication": "febre", "version": 7}, ("STALE_VERSION", "version", None)),
        ],
        ids=["no items", "no quantity", "no card", "future", "stale version"],
    )
    async def test_a_refused_change_leaves_the_draft_alone(
        self, world: World, change: dict[str, Any], refusal: tuple[str, str, str]
    ) -> None:
        claim = (await world.create_claim(**self.FULL))["claim"]
        before = await _details(world, claim["id"])
        payload = await _update(world, claim["id"], **change)
        assert payload["claim"] is None
        assert refusal in refusals(payload)
        assert await _details(world, claim["id"]) == before
        assert await world.events(claim["id"]) == ["ClaimCreated"]

    async def test_a_number_that_another_claim_has_is_a_duplicate(self, world: World) -> None:
        first = (await world.create_claim())["claim"]
        second = (await world.create_claim())["claim"]
        payload = await _update(world, second["id"], providerClaimNumber=first["providerClaimNumber"])
        assert refusals(payload) == [("DUPLICATE_CLAIM", "claim.providerClaimNumber", "1308")]
        assert (await world.claim(second["id"]))["providerClaimNumber"] == second["providerClaimNumber"]
        assert (await _update(world, second["id"], providerClaimNumber=second["providerClaimNumber"]))["errors"] == []


class TestSubmitClaims:
    async def test_each_claim_of_a_batch_succeeds_or_is_refused_for_itself(self, world: World) -> None:
        good, sent, late = [await _claim_in(world, status) for status in ("DRAFT", "SUBMITTED", "DRAFT")]
        payload = await _submit(world, [good, UNKNOWN, sent, late])
        assert payload["errors"] == []
        assert [one["id"] for one in payload["results"]] == [good, UNKNOWN, sent, late]
        statuses = [one["object"] and one["object"]["status"] for one in payload["results"]]
        assert statuses == ["SUBMITTED", None, None, "SUBMITTED"]
        assert [refusals(one) for one in payload["results"]] == [
            [],
            [("NOT_FOUND", "claimIds.1", None)],
            [("CONFLICT", "claimIds.2", None)],
            [],
        ]
        assert (await world.claim(good))["status"] == "SUBMITTED"
        for claim_id in (good, sent, late):
            assert await world.events(claim_id) == ["ClaimCreated", "ClaimSubmitted"]

    async def test_what_has_run_out_since_the_draft_is_refused(self, world: World) -> None:
        claim_id = await _claim_in(world, "DRAFT")
        ended = update(coverages).where(coverages.c.card_number == world.card)
        expiry = ended.values(card_valid_until=today() - timedelta(days=1))
        await world.gateway.database.transact(lambda connection: connection.execute(expiry))
        payload = await _submit(world, [claim_id])
        assert refusals(payload["results"][0]) == [("INVALID_CARD", "cardNumber", "1017")]
        assert (await world.claim(claim_id))["status"] == "DRAFT"
        assert await world.events(claim_id) == ["ClaimCreated"]

    async def test_claims_of_several_types_are_no_batch(self, world: World) -> None:
        found = [(await world.create_claim(type=kind))["claim"]["id"] for kind in ("SP_SADT", "CONSULTATION")]
        payload = await _submit(world, found)
        assert (payload["results"], refusals(payload)) == ([], [("BATCH_TOO_LARGE", "claimIds", "5015")])
        for claim_id in found:
            assert (await world.claim(claim_id))["status"] == "DRAFT"
            assert await world.events(claim_id) == ["ClaimCreated"]

    @pytest.mark.parametrize(
        ("others", "refusal"),
        [(100, ("BATCH_TOO_LARGE", "claimIds", "5015")), (-1, ("INVALID_INPUT", "claimIds", None))],
        ids=["101 claims", "the same claim twice"],
    )
    async def test_a_wrong_batch_submits_nothing(
        self, world: World, others: int, refusal: tuple[str, str, str | None]
    ) -> None:
        claim_id = await _claim_in(world, "DRAFT")
        more = [f"clm_{number:026d}" for number in range(others)] if others > 0 else [claim_id]
        payload = await _submit(world, [claim_id, *more])
        assert (payload["results"], refusals(payload)) == ([], [refusal])
        assert (await world.claim(claim_id))["version"] == 1
        assert await world.events(claim_id) == ["ClaimCreated"]

    async def test_a_hundred_claims_are_a_batch_and_none_is_not(self, world: World) -> None:
        claim_id = await _claim_in(world, "DRAFT")
        payload = await _submit(world, [*(f"clm_{number:026d}" for number in range(99)), claim_id])
        assert [bool(one["object"]) for one in payload["results"]] == [False] * 99 + [True]
        assert refusals(await _submit(world, [])) == [("INVALID_INPUT", "claimIds", None)]


@pytest.mark.parametrize("status", ["DRAFT", "SUBMITTED", "UNDER_REVIEW"])
async def test_a_claim_that_is_not_decided_can_be_cancelled(world: World, status: str) -> None:
    claim_id = await _claim_in(world, status)
    version = (await world.claim(claim_id))["version"]
    payload = await _cancel(world, claim_id, version=version)
    assert (payload["errors"], payload["claim"]["status"]) == ([], "CANCELLED")
    kept = await world.claim(claim_id)
    assert (kept["status"], kept["version"]) == ("CANCELLED", version + 1)
    assert (await world.events(claim_id))[-1] == "ClaimCancelled"


@pytest.mark.parametrize("status", ["APPROVED", "PARTIALLY_APPROVED", "DENIED", "CANCELLED"])
async def test_a_claim_that_has_ended_cannot_be_moved_or_changed(world: World, status: str) -> None:
    claim_id = await _claim_in(world, status)
    before, events = await world.claim(claim_id), await world.events(claim_id)
    assert before["status"] == status
    decision = {"sequence": 1, "approvedAmount": "1.00", "denials": [{"code": "1801", "amount": "99"}]}
    tries = [
        await _cancel(world, claim_id),
        await _review(world, claim_id),
        await _update(world, claim_id, clinicalIndication="outra"),
        await world.adjudicate(claim_id, [decision]),
        (await _submit(world, [claim_id]))["results"][0],
    ]
    left = [(one.get("claim") or one.get("object"), one["errors"][0]["code"]) for one in tries]
    assert left == [(None, "CONFLICT")] * 5
    assert await world.claim(claim_id) == before
    assert await world.events(claim_id) == events


async def test_a_submitted_claim_is_taken_into_review_once(world: World) -> None:
    claim_id = await _claim_in(world, "SUBMITTED")
    first = await _review(world, claim_id)
    second = await _review(world, claim_id)
    assert (first["claim"]["status"], refusals(second)) == ("UNDER_REVIEW", [("CONFLICT", "claimId", None)])
    assert await world.events(claim_id) == ["ClaimCreated", "ClaimSubmitted", "ClaimReviewStarted"]


@pytest.mark.parametrize("status", ["DRAFT", "SUBMITTED"])
async def test_only_a_claim_under_review_is_decided(world: World, status: str) -> None:
    claim_id = await _claim_in(world, status)
    before = await world.claim(claim_id)
    payload = await world.adjudicate(claim_id, [{"sequence": 1, "approvedAmount": "100.00"}])
    assert refusals(payload) == [("CONFLICT", "claimId", None)]
    assert await world.claim(claim_id) == before


async def test_a_version_that_has_passed_is_stale_for_every_action(world: World) -> None:
    claim_id = await _claim_in(world, "UNDER_REVIEW")
    before, events = await world.claim(claim_id), await world.events(claim_id)
    decision = [{"sequence": 1, "approvedAmount": "100.00"}]
    tries = [
        await _cancel(world, claim_id, version=1),
        await _review(world, claim_id, version=2),
        await world.adjudicate(claim_id, decision, version=before["version"] - 1),
        await world.adjudicate(claim_id, decision, version=before["version"] + 1),
    ]
    assert [refusals(one) for one in tries] == [[("STALE_VERSION", "version", None)]] * 4
    assert (await world.claim(claim_id), await world.events(claim_id)) == (before, events)
    assert (await world.adjudicate(claim_id, decision, version=before["version"]))["errors"] == []


def _decision(sequence: int, approved: str, *denials: tuple[str, str]) -> dict[str, Any]:
    found = [{"code": code, "amount": amount} for code, amount in denials]
    return {"sequence": sequence, "approvedAmount": approved, "denials": found}


class TestAdjudicateClaim:
    ITEMS = (CONSULTATION, BLOOD_COUNT)

    @pytest.mark.parametrize(
        ("decisions", "status", "approved", "denied", "each"),
        [
            ([_decision(1, "100.00"), _decision(2, "37.00")], "APPROVED", "137.00", "0.00", ["0.00", "0.00"]),
            (
                [_decision(2, "0.00", ("1801", "37.00")), _decision(1, "60.10", ("1801", "25.05"), ("1001", "14.85"))],
                "PARTIALLY_APPROVED",
                "60.10",
                "76.90",
                ["39.90", "37.00"],
            ),
            (
                [_decision(1, "0.00", ("1006", "100.00")), _decision(2, "0.00", ("1801", "36.99"), ("1801", "0.01"))],
                "DENIED",
                "0.00",
                "137.00",
                ["100.00", "37.00"],
            ),
        ],
        ids=["all approved", "some denied", "all denied"],
    )
    async def test_the_outcome_follows_from_the_items(
        self, world: World, decisions: list[dict[str, Any]], status: str, approved: str, denied: str, each: list[str]
    ) -> None:
        claim_id = (await world.claim_in_review(items=list(self.ITEMS)))["id"]
        payload = await world.adjudicate(claim_id, decisions, payerClaimNumber="OP-77")
        assert payload["errors"] == []
        claim = await world.claim(claim_id)
        assert {name: claim[name] for name in payload["claim"]} == payload["claim"]
        assert (claim["status"], claim["payerClaimNumber"], claim["decidedAt"] is None) == (status, "OP-77", False)
        amounts = [claim[f"{name}Amount"] for name in ("claimed", "processed", "approved", "denied")]
        assert amounts == ["137.00", "137.00", approved, denied]
        assert [item["processedAmount"] for item in claim["items"]] == ["100.00", "37.00"]
        assert [item["deniedAmount"] for item in claim["items"]] == each
        for item, wanted in zip(claim["items"], sorted(decisions, key=lambda one: int(one["sequence"])), strict=True):
            assert item["approvedAmount"] == wanted["approvedAmount"]
            assert item["denials"] == [{**one, "status": "OPEN"} for one in wanted["denials"]]
        event = {"APPROVED": "ClaimApproved", "PARTIALLY_APPROVED": "ClaimPartiallyApproved", "DENIED": "ClaimDenied"}
        assert (await world.events(claim_id))[2:] == ["ClaimReviewStarted", event[status]]

    async def test_a_denial_says_its_reason_in_the_words_of_tabela_38(self, world: World) -> None:
        claim_id = await _claim_in(world, "PARTIALLY_APPROVED")
        query = "query($id: ID!) { claim(id: $id) { items { denials { id code description amount createdAt } } } }"
        found = (await world.call("reviewer", query, id=claim_id))["claim"]["items"][0]["denials"]
        assert [(one["code"], one["description"], one["amount"]) for one in found] == [
            ("1801", "PROCEDIMENTO INVÁLIDO", "40.00")
        ]

    @pytest.mark.parametrize(
        ("decisions", "refusal"),
        [
            ([_decision(1, "99.99"), _decision(2, "37")], ("INVALID_AMOUNT", "items.0.approvedAmount", None)),
            (
                [_decision(1, "100"), _decision(2, "37", ("1801", "0.01"))],
                ("INVALID_AMOUNT", "items.1.approvedAmount", None),
            ),
            (
                [_decision(1, "100", ("1801", "0.00")), _decision(2, "37")],
                ("INVALID_AMOUNT", "items.0.denials.0.amount", "5040"),
            ),
            (
                [_decision(1, "90", ("1801", "5"), ("0000", "5")), _decision(2, "37")],
                ("UNKNOWN_CODE", "items.0.denials.1.code", None),
            ),
            (
                [_decision(1, "90", ("1801 ", "10")), _decision(2, "37")],
                ("UNKNOWN_CODE", "items.0.denials.0.code", None),
            ),
            ([_decision(1, "100")], ("INVALID_INPUT", "items", None)),
            ([], ("INVALID_INPUT", "items", None)),
            ([_decision(1, "100"), _decision(2, "37"), _decision(1, "100")], ("INVALID_INPUT", "items", None)),
            ([_decision(1, "100"), _decision(3, "37")], ("INVALID_INPUT", "items.1.sequence", None)),
            ([_decision(1, "1e2"), _decision(2, "37")], ("INVALID_AMOUNT", "items.0.approvedAmount", None)),
        ],
        ids=[
            "too little",
            "too much",
            "denial of nothing",
            "unknown code",
            "code with a blank",
            "an item missing",
            "no items",
            "an item twice",
            "an unknown item",
            "no amount",
        ],
    )
    async def test_a_decision_that_does_not_settle_every_item_is_refused(
        self, world: World, decisions: list[dict[str, Any]], refusal: tuple[str, str, str | None]
    ) -> None:
        claim_id = (await world.claim_in_review(items=list(self.ITEMS)))["id"]
        before, events = await world.claim(claim_id), await world.events(claim_id)
        payload = await world.adjudicate(claim_id, decisions)
        assert payload["claim"] is None
        assert refusal in refusals(payload)
        assert (await world.claim(claim_id), await world.events(claim_id)) == (before, events)


async def test_a_claim_of_another_provider_is_not_found(gateway: Gateway, world: World) -> None:
    stranger = await new_world(gateway)
    claim_id = await _claim_in(world, "UNDER_REVIEW")
    before = await world.claim(claim_id)
    assert await stranger.claim(claim_id) is None
    tries = [
        await _cancel(stranger, claim_id),
        await _update(stranger, claim_id, clinicalIndication="x"),
        await stranger.adjudicate(claim_id, [_decision(1, "100")], idempotencyKey=key()),
    ]
    assert [one["errors"][0]["code"] for one in tries] == ["NOT_FOUND"] * 3
    assert await world.claim(claim_id) == before
