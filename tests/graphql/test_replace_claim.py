"""replaceClaim: a corrected claim in the place of a decided one, and what the old one may no longer do."""

import asyncio
from typing import Any

import orjson
import pytest
from sqlalchemy import select

from app.db.tables import outbox
from tests.factories import BLOOD_COUNT, CLAIM_FIELDS, CONSULTATION, World, flat, key, new_world, refusals, today
from tests.gateway import Gateway

CLAIM = f"claim {{ {CLAIM_FIELDS} }}"
LINKS = "replaces { id } replacedBy { id }"
ITEMS = "items { sequence code quantity unitPrice totalAmount performedOn denials { id status } }"
WHOLE = f"{CLAIM_FIELDS} {LINKS} {ITEMS} clinicalIndication diagnosisCodes authorization {{ number }} cardNumber"
DENIED = {"DENIED": "100.00", "PARTIALLY_APPROVED": "40.00", "APPROVED": "0.00"}
CONFLICT = [("CONFLICT", "claimId", None)]
DENIAL_CONFLICT = [("CONFLICT", "denialId", None)]


async def _read(world: World, claim_id: str) -> Any:
    steps = "history(first: 100) { nodes { __typename ... on ClaimStep { action } version } }"
    query = f"query($id: ID!) {{ claim(id: $id) {{ {WHOLE} {steps} }} }}"
    return flat((await world.call("reviewer", query, id=claim_id))["claim"])


async def _decided(world: World, status: str = "PARTIALLY_APPROVED", **changes: Any) -> str:
    """A claim of 100.00 with this decision and the payer's number OP7."""
    claim_id = str((await world.claim_in_review(**changes))["id"])
    denials = [] if status == "APPROVED" else [{"code": "1801", "amount": DENIED[status]}]
    approved = {"DENIED": "0.00", "PARTIALLY_APPROVED": "60.00", "APPROVED": "100.00"}[status]
    decision = {"sequence": 1, "approvedAmount": approved, "denials": denials}
    payload = await world.adjudicate(claim_id, [decision], payerClaimNumber="OP7")
    assert payload["claim"]["status"] == status
    return claim_id


async def _replace(world: World, claim_id: str, **changes: Any) -> Any:
    number = f"R{key()[:15]}"
    values = {"id": claim_id, "providerClaimNumber": number, "idempotencyKey": key(), **changes}
    return await world.mutate("biller", "replaceClaim", f"claim {{ {CLAIM_FIELDS} {LINKS} }}", **values)


async def _replaced(world: World, status: str = "PARTIALLY_APPROVED", **changes: Any) -> tuple[str, str]:
    """A decided claim and the one that replaces it."""
    claim_id = await _decided(world, status)
    payload = await _replace(world, claim_id, **changes)
    assert payload["errors"] == []
    return claim_id, payload["claim"]["id"]


async def _cancel(world: World, claim_id: str) -> None:
    assert (await world.mutate("biller", "cancelClaim", CLAIM, id=claim_id))["errors"] == []


async def _denial(world: World, claim_id: str) -> str:
    return str((await _read(world, claim_id))["items"][0]["denials"][0]["id"])


async def _appeal(world: World, denial_id: str) -> Any:
    values = {"id": denial_id, "justification": "conforme contrato", "idempotencyKey": key()}
    return await world.mutate("biller", "appealDenial", "denial { status }", **values)


async def _accept(world: World, denial_id: str) -> Any:
    return await world.mutate("biller", "acceptDenial", "denial { status }", id=denial_id, idempotencyKey=key())


async def _blocked(world: World, claim_id: str) -> set[str]:
    """What the biller cannot do to the claim or its denials now."""
    query = (
        "query($id: ID!) { claim(id: $id) { availableActions { action blockedBy { code message } } items { denials { "
    )
    query += "availableActions { action blockedBy { code message } } } } } }"
    claim = (await world.call("biller", query, id=claim_id))["claim"]
    denials = [denial["availableActions"] for item in claim["items"] for denial in item["denials"]]
    found = [each for actions in (claim["availableActions"], *denials) for each in actions]
    return {each["action"] for each in found if each["blockedBy"] is not None}


async def _trace(world: World, *claim_ids: str) -> Any:
    """What a refused call must leave alone: the claims, their events, and how many claims there are."""
    count = (await world.call("biller", "{ claims { totalCount } }"))["claims"]["totalCount"]
    return count, [(await _read(world, each), await world.events(each)) for each in claim_ids]


async def _replaces_in_events(world: World, claim_id: str) -> dict[str, Any]:
    """`replaces` of every event of the claim, by the event's name."""
    query = select(outbox.c.name, outbox.c.data).where(outbox.c.aggregate_id == claim_id).order_by(outbox.c.id)
    async with world.gateway.database.reading() as connection:
        return {name: orjson.loads(data)["replaces"] for name, data in (await connection.execute(query)).all()}


class TestWhatItMakes:
    @pytest.mark.parametrize("status", ["DENIED", "PARTIALLY_APPROVED", "APPROVED"])
    async def test_a_new_draft_keeps_the_payers_number_and_knows_the_old_claim(self, world: World, status: str) -> None:
        claim_id = await _decided(world, status)
        before, events = await _read(world, claim_id), await world.events(claim_id)
        payload = await _replace(world, claim_id, providerClaimNumber=f"N{before['providerClaimNumber']}")
        assert (payload["errors"], payload["replayed"]) == ([], False)
        new = payload["claim"]
        assert new == {
            **{name: before[name] for name in ("type", "serviceDate", "claimedAmount")},
            **dict.fromkeys(("processedAmount", "approvedAmount", "deniedAmount", "submittedAt", "decidedAt")),
            "id": new["id"],
            "status": "DRAFT",
            "version": 1,
            "providerClaimNumber": f"N{before['providerClaimNumber']}",
            "payerClaimNumber": "OP7",
            "replaces": {"id": claim_id},
            "replacedBy": None,
        }
        assert await _read(world, claim_id) == {**before, "replacedBy": {"id": new["id"]}}
        assert await world.events(claim_id) == events
        assert (await _read(world, new["id"]))["history"] == [
            {"__typename": "ClaimStep", "action": "CREATE", "version": 1}
        ]
        assert await world.events(new["id"]) == ["ClaimCreated"]

    async def test_what_is_left_out_stays_and_what_is_given_changes(self, world: World) -> None:
        old: dict[str, Any] = {
            "clinicalIndication": "dor",
            "diagnosisCodes": ["J45"],
            "authorization": {"number": "S1", "issuedOn": today().isoformat()},
        }
        claim_id = await _decided(world, **old)
        before = await _read(world, claim_id)
        same = await _read(world, (await _replace(world, claim_id))["claim"]["id"])
        kept = ("type", "cardNumber", "serviceDate", "clinicalIndication", "diagnosisCodes", "authorization")
        assert {name: same[name] for name in kept} == {name: before[name] for name in kept}
        assert same["items"] == [{**item, "denials": []} for item in before["items"]]
        await _cancel(world, same["id"])
        changes = {"items": [CONSULTATION, BLOOD_COUNT], "clinicalIndication": None, "diagnosisCodes": ["K21"]}
        other = await _read(world, (await _replace(world, claim_id, **changes))["claim"]["id"])
        assert [(item["code"], item["totalAmount"]) for item in other["items"]] == [
            ("10101012", "100.00"),
            ("40304361", "37.00"),
        ]
        assert (other["clinicalIndication"], other["diagnosisCodes"]) == (None, ["K21"])
        assert (other["claimedAmount"], other["authorization"]) == ("137.00", {"number": "S1"})

    async def test_it_lives_like_any_claim_and_is_billed_in_place_of_the_old_one(self, world: World) -> None:
        claim_id, new_id = await _replaced(world, submit=True)
        await world.mutate("reviewer", "startReview", CLAIM, id=new_id)
        assert (await world.adjudicate(new_id, [{"sequence": 1, "approvedAmount": "100.00"}]))["errors"] == []
        assert refusals(await world.create_invoice([new_id, claim_id])) == [("CONFLICT", "claimIds.1", None)]
        assert (await world.create_invoice([new_id]))["invoice"]["totalAmount"] == "100.00"
        found = await _read(world, new_id)
        assert (found["status"], found["payerClaimNumber"], found["replaces"]) == ("APPROVED", "OP7", {"id": claim_id})

    async def test_its_events_carry_the_claim_that_it_replaces(self, world: World) -> None:
        claim_id, new_id = await _replaced(world)
        await world.mutate("biller", "updateDraftClaim", CLAIM, id=new_id, items=[BLOOD_COUNT])
        await world.mutate("biller", "submitClaims", "results { id }", claimIds=[new_id])
        await world.mutate("reviewer", "startReview", CLAIM, id=new_id)
        await _cancel(world, new_id)
        names = ("ClaimCreated", "ClaimUpdated", "ClaimSubmitted", "ClaimReviewStarted", "ClaimCancelled")
        assert await _replaces_in_events(world, new_id) == dict.fromkeys(names, claim_id)
        assert set((await _replaces_in_events(world, claim_id)).values()) == {None}

    async def test_a_corrected_claim_may_be_corrected_again(self, world: World) -> None:
        first, second = await _replaced(world, submit=True)
        await world.mutate("reviewer", "startReview", CLAIM, id=second)
        denials = [{"code": "1801", "amount": "100.00"}]
        await world.adjudicate(second, [{"sequence": 1, "approvedAmount": "0", "denials": denials}])
        third = (await _replace(world, second))["claim"]["id"]
        found = [await _read(world, each) for each in (first, second, third)]
        assert [(each["replaces"], each["replacedBy"]) for each in found] == [
            (None, {"id": second}),
            ({"id": first}, {"id": third}),
            ({"id": second}, None),
        ]
        assert found[2]["payerClaimNumber"] == "OP7"
        assert refusals(await _replace(world, first)) == CONFLICT


class TestWhenItIsRefused:
    @pytest.mark.parametrize("status", ["DRAFT", "SUBMITTED", "UNDER_REVIEW", "PENDING_INFORMATION", "CANCELLED"])
    async def test_for_a_claim_without_a_decision(self, world: World, status: str) -> None:
        claim = (await world.create_claim())["claim"] if status == "DRAFT" else await world.submitted_claim()
        if status in ("UNDER_REVIEW", "PENDING_INFORMATION"):
            await world.mutate("reviewer", "startReview", CLAIM, id=claim["id"])
        if status == "PENDING_INFORMATION":
            await world.mutate("reviewer", "requestInformation", CLAIM, id=claim["id"], reason="falta o laudo")
        if status == "CANCELLED":
            await _cancel(world, claim["id"])
        before = await _trace(world, claim["id"])
        payload = await _replace(world, claim["id"])
        assert (payload["claim"], refusals(payload), before[1][0][0]["status"]) == (None, CONFLICT, status)
        assert "REPLACE" in await _blocked(world, claim["id"])
        assert await _trace(world, claim["id"]) == before

    async def test_for_a_claim_on_an_invoice_until_that_is_cancelled(self, world: World) -> None:
        claim_id = await _decided(world)
        invoice = (await world.create_invoice([claim_id]))["invoice"]
        before = await _trace(world, claim_id)
        assert refusals(await _replace(world, claim_id)) == CONFLICT
        assert "REPLACE" in await _blocked(world, claim_id)
        assert await _trace(world, claim_id) == before
        await world.mutate("biller", "cancelInvoice", "invoice { id }", id=invoice["id"])
        assert (await _replace(world, claim_id))["errors"] == []

    async def test_for_a_claim_that_is_replaced_already(self, world: World) -> None:
        claim_id, new_id = await _replaced(world)
        before = await _trace(world, claim_id, new_id)
        assert refusals(await _replace(world, claim_id)) == CONFLICT
        assert await _trace(world, claim_id, new_id) == before

    @pytest.mark.parametrize("accepted", [None, "0", "15.00", "40.00"])
    async def test_for_a_claim_with_an_appeal_answered_or_not(self, world: World, accepted: str | None) -> None:
        claim_id = await _decided(world)
        denial_id = await _denial(world, claim_id)
        assert (await _appeal(world, denial_id))["errors"] == []
        if accepted is not None:
            values = {"id": denial_id, "acceptedAmount": accepted, "idempotencyKey": key()}
            assert (await world.mutate("payer_agent", "answerAppeal", "denial { id }", **values))["errors"] == []
        before = await _trace(world, claim_id)
        assert refusals(await _replace(world, claim_id)) == CONFLICT
        assert "REPLACE" in await _blocked(world, claim_id)
        assert await _trace(world, claim_id) == before

    async def test_not_for_a_claim_whose_denials_are_accepted(self, world: World) -> None:
        claim_id = await _decided(world)
        assert (await _accept(world, await _denial(world, claim_id)))["errors"] == []
        assert "REPLACE" not in await _blocked(world, claim_id)
        assert (await _replace(world, claim_id))["errors"] == []

    async def test_for_a_number_that_the_payer_has_from_the_provider_already(self, world: World) -> None:
        claim_id, other = await _decided(world), (await world.submitted_claim())["providerClaimNumber"]
        before = await _trace(world, claim_id)
        for number in (before[1][0][0]["providerClaimNumber"], other):
            payload = await _replace(world, claim_id, providerClaimNumber=number)
            assert refusals(payload) == [("DUPLICATE_CLAIM", "claim.providerClaimNumber", "1308")]
        assert await _trace(world, claim_id) == before

    async def test_for_a_correction_that_is_wrong_itself(self, world: World) -> None:
        await world.hold_membership()
        claim_id = await _decided(world)
        before = await _trace(world, claim_id)
        payload = await _replace(world, claim_id, items=[{**CONSULTATION, "code": "99999999"}], cardNumber="NOBODY")
        assert {code for code, _, _ in refusals(payload)} == {"UNKNOWN_CODE", "INVALID_CARD"}
        assert await _trace(world, claim_id) == before

    async def test_for_strangers_and_other_roles(self, gateway: Gateway, world: World) -> None:
        other = await new_world(gateway)
        claim_id = await _decided(world)
        before = await _trace(world, claim_id)
        assert refusals(await _replace(other, claim_id)) == [("NOT_FOUND", "claimId", None)]
        query = f'mutation {{ replaceClaim(input: {{ claimId: "{claim_id}", claim: {{ providerClaimNumber: "X1" }}, '
        query += f'idempotencyKey: "{key()}" }}) {{ replayed }} }}'
        for role in ("reviewer", "payer_agent", "finance", "patient"):
            assert (await gateway.gql(query, token=world.token(role))).codes == ["FORBIDDEN"]
        assert await _trace(world, claim_id) == before


class TestTheReplacedClaim:
    async def test_can_neither_be_invoiced_nor_appealed_nor_accepted(self, world: World) -> None:
        claim_id, new_id = await _replaced(world)
        denial_id, before = await _denial(world, claim_id), await _trace(world, claim_id, new_id)
        assert refusals(await world.create_invoice([claim_id])) == [("CONFLICT", "claimIds.0", None)]
        assert refusals(await _appeal(world, denial_id)) == DENIAL_CONFLICT
        assert refusals(await _accept(world, denial_id)) == DENIAL_CONFLICT
        assert {"INVOICE", "REPLACE", "APPEAL", "ACCEPT"} <= await _blocked(world, claim_id)
        assert await _trace(world, claim_id, new_id) == before
        assert (await world.call("biller", "{ invoices { totalCount } }"))["invoices"]["totalCount"] == 0

    async def test_has_no_denials_that_are_about_to_be_lost(self, world: World) -> None:
        query = "{ denials { sums { aboutToBeLostAmount } } }"
        claim_id = await _decided(world)
        assert await world.call("biller", query) == {"denials": {"sums": {"aboutToBeLostAmount": "40.00"}}}
        new_id = (await _replace(world, claim_id))["claim"]["id"]
        assert await world.call("biller", query) == {"denials": {"sums": {"aboutToBeLostAmount": "0.00"}}}
        await _cancel(world, new_id)
        assert await world.call("biller", query) == {"denials": {"sums": {"aboutToBeLostAmount": "40.00"}}}

    @pytest.mark.parametrize("submit", [False, True])
    async def test_is_free_again_when_the_new_one_is_cancelled(self, world: World, *, submit: bool) -> None:
        claim_id, new_id = await _replaced(world, submit=submit)
        await _cancel(world, new_id)
        assert (await _read(world, claim_id))["replacedBy"] is None
        cancelled = await _read(world, new_id)
        assert (cancelled["status"], cancelled["replaces"]) == ("CANCELLED", {"id": claim_id})
        assert {"INVOICE", "REPLACE", "APPEAL", "ACCEPT"}.isdisjoint(await _blocked(world, claim_id))
        assert (await world.create_invoice([claim_id]))["invoice"]["totalAmount"] == "60.00"
        assert (await _appeal(world, await _denial(world, claim_id)))["denial"] == {"status": "APPEALED"}

    async def test_can_be_replaced_again_when_the_new_one_is_cancelled(self, world: World) -> None:
        claim_id, new_id = await _replaced(world, "DENIED")
        await _cancel(world, new_id)
        again = (await _replace(world, claim_id))["claim"]
        assert (again["replaces"], again["payerClaimNumber"]) == ({"id": claim_id}, "OP7")
        assert (await _read(world, claim_id))["replacedBy"] == {"id": again["id"]}


class TestAtOnce:
    async def test_one_of_several_replacements_is_made(self, world: World) -> None:
        claim_id = await _decided(world)
        found = await asyncio.gather(*[_replace(world, claim_id) for _ in range(4)])
        assert sorted(str(refusals(each)) for each in found) == sorted(["[]", *[str(CONFLICT)] * 3])
        assert (await _trace(world))[0] == 2

    async def test_a_claim_is_replaced_or_invoiced_but_not_both(self, world: World) -> None:
        claim_id = await _decided(world)
        found = await asyncio.gather(_replace(world, claim_id), world.create_invoice([claim_id]))
        assert sorted(len(each["errors"]) for each in found) == [0, 1]

    async def test_a_claim_is_replaced_or_appealed_but_not_both(self, world: World) -> None:
        claim_id = await _decided(world)
        denial_id = await _denial(world, claim_id)
        found = await asyncio.gather(_appeal(world, denial_id), _replace(world, claim_id))
        assert sorted(len(each["errors"]) for each in found) == [0, 1]


async def test_a_key_replaces_once_and_refuses_another_input(world: World) -> None:
    claim_id, same, number = await _decided(world), key(), f"R{key()[:15]}"
    values = {"providerClaimNumber": number, "idempotencyKey": same, "submit": True}
    first, second = [await _replace(world, claim_id, **values) for _ in range(2)]
    assert (first["errors"], second) == ([], {**first, "replayed": True})
    for change in ({"submit": False}, {"serviceDate": today().isoformat()}, {"clinicalIndication": "dor"}):
        other = await _replace(world, claim_id, **{**values, **change})
        assert refusals(other) == [("IDEMPOTENCY_KEY_REUSED", "idempotencyKey", None)]
    assert await world.events(first["claim"]["id"]) == ["ClaimCreated", "ClaimSubmitted"]
    assert (await _trace(world))[0] == 2
