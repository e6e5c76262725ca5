"""The history of a claim: one entry per step of it and of its denials, enough to build the row again."""

from datetime import timedelta
from typing import Any

import pytest

from app.db.clock import process_time as now
from app.domain import claims
from app.domain import denials as denial_rules
from app.domain.claims import ClaimAction, ClaimStatus
from app.domain.denials import DenialAction, DenialStatus
from tests.factories import CLAIM_FIELDS, CONSULTATION, World, flat, key, new_world, refusals
from tests.gateway import Gateway

CLAIM = f"claim {{ {CLAIM_FIELDS} }}"
AMOUNTS = "claimedAmount processedAmount approvedAmount deniedAmount"
OF_CLAIM, OF_DENIAL = ("action",), ("denial", "denialAction", "denialStatus", "amount")
KINDS = "... on ClaimStep { action } ... on DenialStep { denial { id } denialAction denialStatus amount }"
STEP = f"id {KINDS} status version payerClaimNumber reason actor at {AMOUNTS}"
DENIALS = "items { denials { id status amount appeal { appealedAmount answeredAmount } } }"
WHOLE = f"{CLAIM_FIELDS} createdAt {DENIALS} history(first: 100) {{ nodes {{ {STEP} }} }}"
TWO_DENIALS = {
    "sequence": 1,
    "approvedAmount": "49.99",
    "denials": [{"code": "1801", "amount": "40.00"}, {"code": "1802", "amount": "10.01"}],
}
BEFORE_REVIEW = [
    ("CREATE", "DRAFT", 1, "dev-biller", None),
    ("SUBMIT", "SUBMITTED", 2, "dev-biller", None),
]
IN_REVIEW = [*BEFORE_REVIEW, ("START_REVIEW", "UNDER_REVIEW", 3, "dev-reviewer", None)]


async def _read(world: World, claim_id: str) -> Any:
    query = f"query($id: ID!) {{ claim(id: $id) {{ {WHOLE} }} }}"
    found = flat((await world.call("reviewer", query, id=claim_id))["claim"])
    # What the other kind of step has is null.
    steps = [{**dict.fromkeys((*OF_CLAIM, *OF_DENIAL)), **step} for step in found["history"]]
    return {**found, "history": [{**step, "denialId": (step["denial"] or {}).get("id")} for step in steps]}


async def _ask(world: World, claim_id: str, reason: str = "falta o laudo", **values: Any) -> Any:
    return await world.mutate("reviewer", "requestInformation", CLAIM, id=claim_id, reason=reason, **values)


async def _review(world: World, claim_id: str, role: str = "reviewer", **values: Any) -> Any:
    return await world.mutate(role, "startReview", CLAIM, id=claim_id, **values)


async def _resume(world: World, claim_id: str, role: str = "reviewer", **values: Any) -> Any:
    return await world.mutate(role, "resumeReview", CLAIM, claimId=claim_id, **values)


async def _cancel(world: World, claim_id: str, **values: Any) -> Any:
    return await world.mutate("biller", "cancelClaim", CLAIM, id=claim_id, **values)


async def _partial_claim(world: World) -> tuple[str, list[str]]:
    """A claim of 100.00 with two denials, 40.00 and 10.01: its id and theirs."""
    claim_id = (await world.claim_in_review())["id"]
    assert (await world.adjudicate(claim_id, [TWO_DENIALS], payerClaimNumber="OP7"))["errors"] == []
    return claim_id, [each["id"] for each in (await _read(world, claim_id))["items"][0]["denials"]]


async def _act_on(world: World, name: str, denial_id: str, **values: Any) -> None:
    """Accept, appeal or answer a denial."""
    values = {"idempotencyKey": key(), **values}
    if name == "answerAppeal":
        values["acceptedAmount"] = values.pop("accepted")
        payload = await world.mutate("payer_agent", name, "denial { id }", id=denial_id, **values)
    else:
        payload = await world.mutate("biller", name, "denial { id }", id=denial_id, **values)
    assert payload["errors"] == []


def _steps(claim: Any) -> list[tuple[Any, ...]]:
    """Action, state, version, actor and reason of the claim's own steps."""
    names = ("action", "status", "version", "actor", "reason")
    return [tuple(step[name] for name in names) for step in claim["history"] if step["action"] is not None]


def _denial_steps(claim: Any) -> list[tuple[Any, ...]]:
    """Denial, step, state, amount and actor of the steps of the denials."""
    names = ("denialId", "denialAction", "denialStatus", "amount", "actor")
    return [tuple(step[name] for name in names) for step in claim["history"] if step["denialId"] is not None]


def _replayed(history: Any) -> dict[str, Any]:
    """The claim and its denials, folded from the history by the tables of transitions alone."""
    status, version = ClaimStatus.DRAFT, 0
    denials: dict[str, dict[str, Any]] = {}
    for step in history:
        if step["denialId"] is None:
            action = ClaimAction(step["action"])
            assert (action is ClaimAction.CREATE) is (version == 0)
            status = ClaimStatus.DRAFT if version == 0 else claims.TRANSITIONS[status, action]
            version += 1
        else:
            _fold_denial(denials, step)
        assert (step["status"], step["version"]) == (status, version)
    return {"status": status, "version": version, "denials": denials}


def _fold_denial(denials: dict[str, dict[str, Any]], step: Any) -> None:
    action, known = DenialAction(step["denialAction"]), denials.get(step["denialId"])
    if action is DenialAction.DENY:
        assert known is None
        known = {"status": DenialStatus.OPEN, "amount": step["amount"], "appeal": None}
    else:
        assert known is not None
        known = {**known, "status": denial_rules.TRANSITIONS[known["status"], action]}
    if action is DenialAction.APPEAL:
        known["appeal"] = {"appealedAmount": step["amount"], "answeredAmount": None}
    elif known["appeal"] is not None:
        known["appeal"] = {**known["appeal"], "answeredAmount": step["amount"]}
    assert step["denialStatus"] == known["status"]
    denials[step["denialId"]] = known


def _check_replay(claim: Any) -> None:
    """The history alone gives the row: state, version, amounts, number, denials, and the times of its steps."""
    rows = {each.pop("id"): each for item in claim["items"] for each in item["denials"]}
    history = claim["history"]
    found = _replayed(history)
    assert found == {"status": claim["status"], "version": claim["version"], "denials": rows}
    for name in ("claimedAmount", "processedAmount", "approvedAmount", "deniedAmount", "payerClaimNumber"):
        assert history[-1][name] == claim[name]
    times = {step["action"]: step["at"] for step in history if step["action"]}
    decided = [times[name] for name in ("APPROVE", "APPROVE_PARTIALLY", "DENY") if name in times]
    assert (times["CREATE"], times.get("SUBMIT")) == (claim["createdAt"], claim["submittedAt"])
    assert decided == [claim["decidedAt"]][: len(decided)]
    assert [step["id"] for step in history] == sorted({step["id"] for step in history})
    assert [step["at"] for step in history] == sorted(step["at"] for step in history)


async def test_every_step_stands_in_the_history_with_the_claim_after_it(world: World) -> None:
    claim_id = (await world.create_claim(items=[{**CONSULTATION, "unitPrice": "90.00"}]))["claim"]["id"]
    await world.mutate("biller", "updateDraftClaim", CLAIM, id=claim_id, items=[CONSULTATION])
    await world.mutate("biller", "submitClaims", "results { id }", claimIds=[claim_id])
    await _review(world, claim_id, "payer_agent")
    assert (await world.adjudicate(claim_id, [TWO_DENIALS], payerClaimNumber="OP7"))["errors"] == []
    found = await _read(world, claim_id)
    assert _steps(found) == [
        ("CREATE", "DRAFT", 1, "dev-biller", None),
        ("UPDATE", "DRAFT", 2, "dev-biller", None),
        ("SUBMIT", "SUBMITTED", 3, "dev-biller", None),
        ("START_REVIEW", "UNDER_REVIEW", 4, "dev-payer_agent", None),
        ("APPROVE_PARTIALLY", "PARTIALLY_APPROVED", 5, "dev-reviewer", None),
    ]
    names = ("claimedAmount", "processedAmount", "approvedAmount", "deniedAmount", "payerClaimNumber", "amount")
    undecided = ("100.00", None, None, None, None)
    decided = ("100.00", "100.00", "49.99", "50.01", "OP7")
    assert [tuple(step[name] for name in names) for step in found["history"]] == [
        ("90.00", None, None, None, None, None),
        *[(*undecided, None)] * 3,
        (*decided, None),
        (*decided, "40.00"),
        (*decided, "10.01"),
    ]
    _check_replay(found)


async def test_the_steps_of_denials_stand_in_the_history_and_leave_the_version(world: World) -> None:
    claim_id, (first, second) = await _partial_claim(world)
    await _act_on(world, "appealDenial", first, justification="segredo", amount="30.00")
    await _act_on(world, "acceptDenial", second)
    await _act_on(world, "answerAppeal", first, accepted="12.34")
    found = await _read(world, claim_id)
    assert _denial_steps(found) == [
        (first, "DENY", "OPEN", "40.00", "dev-reviewer"),
        (second, "DENY", "OPEN", "10.01", "dev-reviewer"),
        (first, "APPEAL", "APPEALED", "30.00", "dev-biller"),
        (second, "ACCEPT", "ACCEPTED", "10.01", "dev-biller"),
        (first, "OVERTURN_PARTIALLY", "PARTIALLY_OVERTURNED", "12.34", "dev-payer_agent"),
    ]
    assert {step["version"] for step in found["history"] if step["denialId"]} == {4}
    assert "segredo" not in str(found)
    _check_replay(found)


async def test_the_sweep_signs_as_deadline(world: World) -> None:
    claim_id, (first, second) = await _partial_claim(world)
    await _act_on(world, "acceptDenial", second)
    await world.gateway.expire_denials(now() + timedelta(days=31))
    found = await _read(world, claim_id)
    assert _denial_steps(found)[-1] == (first, "EXPIRE", "EXPIRED", "40.00", "deadline")
    _check_replay(found)


class TestRequestInformation:
    async def test_halts_the_review_until_it_is_taken_up_again(self, world: World) -> None:
        claim_id = (await world.claim_in_review())["id"]
        payload = await _ask(world, claim_id, version=3)
        assert (payload["errors"], payload["claim"]["status"]) == ([], "PENDING_INFORMATION")
        decision = [{"sequence": 1, "approvedAmount": "100.00"}]
        assert refusals(await world.adjudicate(claim_id, decision)) == [("CONFLICT", "claimId", None)]
        assert refusals(await _cancel(world, claim_id)) == [("CONFLICT", "claimId", None)]
        assert (await _read(world, claim_id))["version"] == 4
        refused = await _review(world, claim_id)
        message = "cannot start the review of a claim that is PENDING_INFORMATION"
        assert [(each["code"], each["message"]) for each in refused["errors"]] == [("CONFLICT", message)]
        assert (await _resume(world, claim_id, note="segue o laudo"))["claim"]["status"] == "UNDER_REVIEW"
        assert (await world.adjudicate(claim_id, decision))["claim"]["status"] == "APPROVED"
        found = await _read(world, claim_id)
        assert _steps(found) == [
            *IN_REVIEW,
            ("REQUEST_INFORMATION", "PENDING_INFORMATION", 4, "dev-reviewer", "falta o laudo"),
            ("RESUME_REVIEW", "UNDER_REVIEW", 5, "dev-reviewer", "segue o laudo"),
            ("APPROVE", "APPROVED", 6, "dev-reviewer", None),
        ]
        assert await world.events(claim_id) == [
            "ClaimCreated",
            "ClaimSubmitted",
            "ClaimReviewStarted",
            "ClaimInformationRequested",
            "ClaimReviewStarted",
            "ClaimApproved",
        ]
        _check_replay(found)

    async def test_may_be_asked_again_with_a_reason_each(self, world: World) -> None:
        claim_id = (await world.claim_in_review())["id"]
        for reason in ("falta o laudo", "falta a senha"):
            assert (await _ask(world, claim_id, reason))["errors"] == []
            assert (await _resume(world, claim_id))["errors"] == []
        reasons = [step["reason"] for step in (await _read(world, claim_id))["history"]]
        assert reasons == [None, None, None, "falta o laudo", None, "falta a senha", None]

    @pytest.mark.parametrize(
        ("change", "refusal"),
        [
            ({"reason": ""}, ("INVALID_INPUT", "reason", None)),
            ({"reason": "x" * 501}, ("INVALID_INPUT", "reason", None)),
            ({"reason": "a\u0007b"}, ("INVALID_INPUT", "reason", None)),
            ({"version": 2}, ("STALE_VERSION", "version", None)),
        ],
        ids=["empty", "too long", "control character", "stale"],
    )
    async def test_malformed_input_asks_nothing(
        self, world: World, change: dict[str, Any], refusal: tuple[str, str, None]
    ) -> None:
        claim_id = (await world.claim_in_review())["id"]
        before, events = await _read(world, claim_id), await world.events(claim_id)
        assert refusals(await _ask(world, claim_id, **change)) == [refusal]
        assert (await _read(world, claim_id), await world.events(claim_id)) == (before, events)

    async def test_only_a_claim_under_review_can_be_asked_about(self, world: World) -> None:
        draft = (await world.create_claim())["claim"]
        for claim in (draft, await world.submitted_claim(), await world.approved_claim()):
            before, events = await _read(world, claim["id"]), await world.events(claim["id"])
            assert refusals(await _ask(world, claim["id"])) == [("CONFLICT", "claimId", None)]
            assert (await _read(world, claim["id"]), await world.events(claim["id"])) == (before, events)

    async def test_a_key_asks_once(self, world: World) -> None:
        claim_id, same = (await world.claim_in_review())["id"], key()
        first, second = [await _ask(world, claim_id, idempotencyKey=same) for _ in range(2)]
        assert second == {**first, "replayed": True}
        other = await _ask(world, claim_id, "falta a senha", idempotencyKey=same)
        assert refusals(other) == [("IDEMPOTENCY_KEY_REUSED", "idempotencyKey", None)]
        assert [step["action"] for step in (await _read(world, claim_id))["history"]].count("REQUEST_INFORMATION") == 1


class TestCancelReason:
    @pytest.mark.parametrize("reason", ["lançada em duplicidade", None])
    async def test_stands_in_the_history(self, world: World, reason: str | None) -> None:
        claim_id = (await world.submitted_claim())["id"]
        assert (await _cancel(world, claim_id, reason=reason))["errors"] == []
        found = await _read(world, claim_id)
        assert _steps(found) == [*BEFORE_REVIEW, ("CANCEL", "CANCELLED", 3, "dev-biller", reason)]
        _check_replay(found)

    async def test_malformed_cancels_nothing(self, world: World) -> None:
        claim_id = (await world.submitted_claim())["id"]
        for reason in ("", " ", "x" * 501):
            assert refusals(await _cancel(world, claim_id, reason=reason)) == [("INVALID_INPUT", "reason", None)]
        assert _steps(await _read(world, claim_id)) == BEFORE_REVIEW
        assert await world.events(claim_id) == ["ClaimCreated", "ClaimSubmitted"]


@pytest.mark.parametrize("accepted", ["40.00", "0", "0.01"])
@pytest.mark.parametrize("appealed", ["40.00", None])
async def test_the_history_of_an_appeal_gives_the_row(world: World, appealed: str | None, accepted: str) -> None:
    claim_id, (first, second) = await _partial_claim(world)
    await _act_on(world, "appealDenial", first, justification="x", amount=appealed)
    _check_replay(await _read(world, claim_id))
    await _act_on(world, "answerAppeal", first, accepted=accepted)
    await _act_on(world, "appealDenial", second, justification="x", amount="0.01")
    _check_replay(await _read(world, claim_id))


async def test_a_denied_and_an_approved_claim_give_their_rows(world: World) -> None:
    for approved, denials in (("0", [{"code": "1801", "amount": "100.00"}]), ("100.00", [])):
        claim_id = (await world.claim_in_review())["id"]
        await world.adjudicate(claim_id, [{"sequence": 1, "approvedAmount": approved, "denials": denials}])
        _check_replay(await _read(world, claim_id))


async def test_a_refused_step_leaves_no_trace(world: World) -> None:
    claim_id, (first, _) = await _partial_claim(world)
    before = await _read(world, claim_id)
    assert refusals(await _review(world, claim_id)) == [("CONFLICT", "claimId", None)]
    assert refusals(await world.adjudicate(claim_id, [TWO_DENIALS])) == [("CONFLICT", "claimId", None)]
    values = {"id": first, "justification": "x", "amount": "40.01", "idempotencyKey": key()}
    assert refusals(await world.mutate("biller", "appealDenial", "denial { id }", **values)) != []
    assert await _read(world, claim_id) == before


async def test_every_claim_of_a_list_has_its_own_history(world: World) -> None:
    drafted, sent = (await world.create_claim())["claim"]["id"], (await world.submitted_claim())["id"]
    query = "{ claims { nodes { id history(first: 100) { nodes { ... on ClaimStep { action } } } } } }"
    found = flat(await world.call("biller", query))["claims"]
    assert {each["id"]: [step["action"] for step in each["history"]] for each in found} == {
        drafted: ["CREATE"],
        sent: ["CREATE", "SUBMIT"],
    }


class TestWhoSeesIt:
    QUERY = "query($id: ID!) { claim(id: $id) { history { nodes { ... on ClaimStep { action } reason } } } }"

    @pytest.mark.parametrize("role", ["biller", "reviewer", "payer_agent", "patient"])
    async def test_those_who_see_the_items_see_the_reason(self, world: World, role: str) -> None:
        claim_id = (await world.submitted_claim())["id"]
        await _cancel(world, claim_id, reason="segredo")
        found = (await world.call(role, self.QUERY, id=claim_id))["claim"]["history"]["nodes"]
        assert [(step["action"], step["reason"]) for step in found][1:] == [("SUBMIT", None), ("CANCEL", "segredo")]

    @pytest.mark.parametrize("role", ["finance", "front_desk", "billing_reader"])
    async def test_others_see_the_steps_without_the_reason(self, world: World, role: str) -> None:
        claim_id = (await world.create_claim())["claim"]["id"]
        await _cancel(world, claim_id, reason="segredo")
        answer = await world.gateway.gql(self.QUERY, {"id": claim_id}, token=world.token(role))
        hidden = [{"action": "CREATE", "reason": None}, {"action": "CANCEL", "reason": None}]
        assert flat(answer.body["data"]) == {"claim": {"history": hidden}}
        assert (answer.codes, "segredo" in str(answer.body)) == (["FORBIDDEN"], False)
        assert answer.body["errors"][0]["extensions"]["count"] == 2

    async def test_amounts_need_their_own_permission(self, world: World) -> None:
        claim_id, _ = await _partial_claim(world)
        steps = f"history(first: 100) {{ nodes {{ {AMOUNTS} ... on DenialStep {{ amount }} }} }}"
        query = f"query($id: ID!) {{ claim(id: $id) {{ {steps} }} }}"
        answer = await world.gateway.gql(query, {"id": claim_id}, token=world.token("front_desk"))
        hidden = dict.fromkeys(AMOUNTS.split())
        of_denials = [{**hidden, "amount": None}] * 2
        assert answer.body["data"]["claim"]["history"]["nodes"] == [hidden] * 4 + of_denials
        assert set(answer.codes) == {"FORBIDDEN"}

    async def test_strangers_see_no_history_at_all(self, gateway: Gateway, world: World) -> None:
        other = await new_world(gateway)
        claim_id = (await world.submitted_claim())["id"]
        for role in ("biller", "payer_agent", "patient"):
            assert await other.call(role, self.QUERY, id=claim_id) == {"claim": None}


class TestResumeReview:
    @pytest.mark.parametrize(
        ("change", "refusal"),
        [
            ({"note": ""}, ("INVALID_INPUT", "note", None)),
            ({"note": "x" * 501}, ("INVALID_INPUT", "note", None)),
            ({"note": "a\u0007b"}, ("INVALID_INPUT", "note", None)),
            ({"version": 3}, ("STALE_VERSION", "version", None)),
        ],
    )
    async def test_what_does_not_fit_is_refused(
        self, world: World, change: dict[str, Any], refusal: tuple[str, str, str | None]
    ) -> None:
        claim_id = (await world.claim_in_review())["id"]
        await _ask(world, claim_id)
        assert refusals(await _resume(world, claim_id, **change)) == [refusal]
        assert (await _read(world, claim_id))["status"] == "PENDING_INFORMATION"

    async def test_only_a_review_that_waits_is_resumed(self, world: World) -> None:
        claim_id = (await world.submitted_claim())["id"]
        for status in ("SUBMITTED", "UNDER_REVIEW"):
            refused = await _resume(world, claim_id)
            message = f"cannot resume the review of a claim that is {status}"
            assert [(each["code"], each["message"]) for each in refused["errors"]] == [("CONFLICT", message)]
            await _review(world, claim_id)
        assert (await _read(world, claim_id))["version"] == 3

    async def test_a_key_resumes_once_and_others_find_nothing(self, gateway: Gateway, world: World) -> None:
        claim_id, used = (await world.claim_in_review())["id"], key()
        await _ask(world, claim_id)
        assert refusals(await _resume(await new_world(gateway), claim_id)) == [("NOT_FOUND", "claimId", None)]
        first, second = [await _resume(world, claim_id, "payer_agent", idempotencyKey=used) for _ in range(2)]
        assert (first["errors"], first["replayed"], second["replayed"]) == ([], False, True)
        assert second["claim"] == first["claim"]
