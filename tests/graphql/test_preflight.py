"""What the payer would deny, told before a claim is sent: every finding with its code, its place and its cents."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from app.db.reference_tables import metadata
from tests.factories import (
    BLOOD_COUNT,
    CONSULTATION,
    DOCTOR,
    ENCOUNTER,
    World,
    add_card,
    key,
    new_world,
    refusals,
    today,
)
from tests.gateway import Gateway
from tests.preflights import (
    FINDING,
    OF_CLAIM,
    OF_INPUT,
    claim_values,
    findings,
    findings_on,
    preflight,
    preflight_of,
    save_contract,
    stored_warnings,
)

PRICE = {"codeSystem": "22", "code": "10101012", "unitPrice": "100.00", "validFrom": "2020-01-01"}
YESTERDAY, TOMORROW = today() - timedelta(days=1), today() + timedelta(days=1)
OTHER = {**CONSULTATION, "code": "40301630", "unitPrice": "5.00"}
OVER = {**CONSULTATION, "code": "40323560"}
"""A code whose validity ended on 2025-04-30."""


async def _rows(world: World) -> dict[str, int]:
    """How many rows every table has, the access log apart."""
    async with world.gateway.database.reading() as connection:
        return {
            table.name: (await connection.execute(select(func.count()).select_from(table))).scalar_one()
            for table in metadata.sorted_tables
            if not table.name.startswith("access_log_")
        }


def _item(**changes: Any) -> dict[str, Any]:
    return {**CONSULTATION, **changes}


class TestPrices:
    @pytest.mark.parametrize(
        ("item", "risk"),
        [
            ({"unitPrice": "100.00"}, None),
            ({"unitPrice": "100.01"}, "0.01"),
            ({"unitPrice": "110.00", "quantity": "3", "factor": "1.20"}, "36.00"),
            ({"unitPrice": "100.01", "factor": "0.50"}, "0.01"),
            ({"unitPrice": "100.01", "factor": "0.40"}, "0.00"),
            ({"unitPrice": "250.00", "codeSystem": "00"}, None),
            ({"unitPrice": "250.00", "code": "40304361"}, None),
        ],
    )
    async def test_a_price_above_the_contract_risks_the_difference(
        self, world: World, item: dict[str, Any], risk: str | None
    ) -> None:
        await save_contract(world, PRICE)
        found = await findings_on(world, items=[OTHER, _item(**item)])
        expected = ("WARNING", "INVALID_AMOUNT", "items.1.unitPrice", "1705", risk)
        assert found == ([expected] if risk else [])

    async def test_counts_only_on_the_days_of_the_price(self, world: World) -> None:
        first, last = today() - timedelta(days=20), today() - timedelta(days=10)
        await save_contract(world, {**PRICE, "unitPrice": "80.00", "validFrom": str(first), "validTo": str(last)})
        days = {first: True, last: True, first - timedelta(days=1): False, last + timedelta(days=1): False}
        for day, is_found in days.items():
            by_claim = await findings_on(world, serviceDate=str(day))
            by_item = await findings_on(world, items=[_item(performedOn=str(day))])
            assert by_claim == by_item
            assert [each[3:] for each in by_claim] == ([("1705", "20.00")] if is_found else [])

    async def test_a_quantity_above_the_maximum_risks_what_is_too_much(self, world: World) -> None:
        await save_contract(world, {**PRICE, "quantityMax": "2"})
        assert await findings_on(world, items=[_item(quantity="2")]) == []
        assert await findings_on(world, items=[_item(quantity="4")]) == [
            ("WARNING", "INVALID_QUANTITY", "items.0.quantity", "3210", "200.00")
        ]

    async def test_a_missing_authorization_risks_the_item(self, world: World) -> None:
        await save_contract(world, {**PRICE, "needsAuthorization": True})
        items = [BLOOD_COUNT, CONSULTATION]
        assert await findings_on(world, items=items) == [("WARNING", "INVALID_INPUT", "items.1.code", "1818", "100.00")]
        assert await findings_on(world, items=items, authorization={"number": "S1", "issuedOn": str(today())}) == []

    async def test_another_contract_says_nothing(self, gateway: Gateway, world: World) -> None:
        await save_contract(await new_world(gateway), {**PRICE, "unitPrice": "1.00"})
        assert await preflight(world) == {"passes": True, "atRiskAmount": "0.00", "findings": []}


class TestAuthorization:
    async def test_given_after_the_service_warns(self, world: World) -> None:
        given = {"number": "S1", "issuedOn": str(YESTERDAY)}
        found = await findings_on(world, serviceDate=str(YESTERDAY - timedelta(days=1)), authorization=given)
        assert found == [("WARNING", "INVALID_DATE", "authorization.issuedOn", "1814", "100.00")]
        assert await findings_on(world, serviceDate=str(YESTERDAY), authorization=given) == []

    async def test_expired_before_the_service_is_an_error(self, world: World) -> None:
        place = "authorization.validUntil"
        given = {"number": "S1", "issuedOn": str(YESTERDAY)}
        found = await findings_on(world, authorization={**given, "validUntil": str(YESTERDAY)})
        assert found == [("ERROR", "AUTHORIZATION_EXPIRED", place, "1414", "100.00")]
        assert await findings_on(world, authorization={**given, "validUntil": str(today())}) == []


class TestDuplicates:
    async def test_a_claim_number_that_is_taken_is_an_error(self, world: World) -> None:
        claim = (await world.create_claim())["claim"]
        found = await findings_on(world, providerClaimNumber=claim["providerClaimNumber"])
        assert found == [("ERROR", "DUPLICATE_CLAIM", "providerClaimNumber", "1308", "100.00")]
        assert findings(await preflight_of(world, claim["id"])) == []

    @pytest.mark.parametrize(
        ("change", "is_found"),
        [
            ({}, True),
            ({"type": "CONSULTATION"}, True),
            ({"items": [BLOOD_COUNT]}, False),
            ({"serviceDate": str(YESTERDAY)}, False),
            ({"serviceDate": str(YESTERDAY), "items": [_item(performedOn=str(today()))]}, True),
        ],
    )
    async def test_the_same_service_on_a_claim_that_was_sent_warns(
        self, world: World, change: dict[str, Any], is_found: bool
    ) -> None:
        await world.submitted_claim(**change)
        found = await findings_on(world, items=[_item(code="40301630"), CONSULTATION])
        expected = ("WARNING", "DUPLICATE_CLAIM", "items.1", "3209", "100.00")
        assert found == ([expected] if is_found else [])

    async def test_neither_drafts_nor_cancelled_claims_nor_the_claim_itself_count(self, world: World) -> None:
        await world.create_claim()
        sent = (await world.submitted_claim())["id"]
        assert findings(await preflight_of(world, sent)) == []
        assert [each[3] for each in await findings_on(world)] == ["3209"]
        assert (await world.mutate("biller", "cancelClaim", "claim { id }", id=sent))["errors"] == []
        assert await findings_on(world) == []

    async def test_another_patient_payer_or_provider_does_not_count(self, gateway: Gateway, world: World) -> None:
        other = await new_world(gateway)
        await world.submitted_claim(cardNumber=await add_card(world))
        await other.submitted_claim()
        assert await findings_on(world) == []

    async def test_a_newborn_on_the_mothers_card_is_another_patient(self, world: World) -> None:
        mother, newborn = {"items": [CONSULTATION]}, {"encounter": {**ENCOUNTER, "newborn": True}}
        duplicate = [("WARNING", "DUPLICATE_CLAIM", "items.0", "3209", "100.00")]
        await world.submitted_claim(**mother)
        assert (await findings_on(world, **mother), await findings_on(world, **newborn)) == (duplicate, [])
        drafts = [(await world.create_claim(**newborn))["claim"]["id"] for _ in range(2)]
        await world.mutate("biller", "submitClaims", "results { id }", claimIds=drafts)
        assert [await stored_warnings(world, draft) for draft in drafts] == [[], duplicate]
        assert await findings_on(world, **newborn) == duplicate

    async def test_a_text_that_looks_like_a_newborn_is_none(self, world: World) -> None:
        requester = {**DOCTOR, "name": '"newborn":true'}
        await world.submitted_claim(encounter={**ENCOUNTER, "requester": requester})
        assert [each[3] for each in await findings_on(world)] == ["3209"]

    async def test_the_second_of_two_on_one_claim_warns(self, world: World) -> None:
        items = [CONSULTATION, BLOOD_COUNT, _item(unitPrice="7.00"), _item(performedOn=str(YESTERDAY))]
        found = await findings_on(world, items=items)
        assert found == [("WARNING", "DUPLICATE_CLAIM", "items.2", "3209", "7.00")]

    async def test_a_correction_is_no_duplicate_of_any_claim_that_it_corrects(self, world: World) -> None:
        claim_id = (await world.claim_in_review())["id"]
        denial = {"sequence": 1, "approvedAmount": "0", "denials": [{"code": "1801", "amount": "100.00"}]}
        for number in ("first", "second"):
            assert (await world.adjudicate(claim_id, [denial]))["errors"] == []
            values = {"id": claim_id, "providerClaimNumber": f"{number}-{key()[:12]}", "submit": True}
            payload = await world.mutate(
                "biller", "replaceClaim", f"claim {{ id warnings {{ {FINDING} }} }}", **values, idempotencyKey=key()
            )
            assert (number, payload["claim"]["warnings"]) == (number, [])
            claim_id = payload["claim"]["id"]
            await world.mutate("reviewer", "startReview", "claim { id }", id=claim_id)


class TestCodesAndDates:
    @pytest.mark.parametrize(
        ("changes", "found"),
        [
            ({"items": [BLOOD_COUNT, _item(code="99999999")]}, ("UNKNOWN_CODE", "items.1.code", "1801", "100.00")),
            ({"items": [BLOOD_COUNT, OVER]}, ("UNKNOWN_CODE", "items.1.code", "1801", "100.00")),
            ({"items": [_item(codeSystem="77")]}, ("UNKNOWN_CODE", "items.0.codeSystem", "3150", "100.00")),
            ({"items": [_item(quantity="0")]}, ("INVALID_QUANTITY", "items.0.quantity", "1806", "0.00")),
            ({"serviceDate": str(TOMORROW)}, ("INVALID_DATE", "serviceDate", "3223", "100.00")),
            (
                {"items": [BLOOD_COUNT, _item(performedOn=str(TOMORROW))]},
                ("INVALID_DATE", "items.1.performedOn", "3223", "100.00"),
            ),
            ({"claimedAmount": "99.99"}, ("TOTAL_MISMATCH", "claimedAmount", "5042", "100.00")),
        ],
    )
    async def test_what_cannot_be_sent_is_an_error(
        self, world: World, changes: dict[str, Any], found: tuple[str, str, str, str]
    ) -> None:
        report = await preflight(world, **changes)
        assert (report["passes"], findings(report)) == (False, [("ERROR", *found)])
        assert report["atRiskAmount"] == found[3]
        assert all(each["message"] and each["tissDescription"] for each in report["findings"])

    async def test_the_submission_window_closes_to_the_day(self, world: World) -> None:
        assert await findings_on(world, serviceDate=str(today() - timedelta(days=180))) == []
        late = await findings_on(world, serviceDate=str(today() - timedelta(days=181)))
        assert late == [("ERROR", "INVALID_DATE", "serviceDate", "3214", "100.00")]
        await save_contract(world, window=5)
        assert [each[3] for each in await findings_on(world, serviceDate=str(today() - timedelta(days=6)))] == ["3214"]


class TestSeveralAtOnce:
    async def test_errors_stand_first_and_an_item_is_lost_once(self, world: World) -> None:
        await save_contract(world, {**PRICE, "unitPrice": "90.00", "needsAuthorization": True})
        await world.submitted_claim()
        report = await preflight(world, items=[CONSULTATION, _item(code="99999999", unitPrice="7.00"), BLOOD_COUNT])
        assert [(each[0], *each[2:]) for each in findings(report)] == [
            ("ERROR", "items.1.code", "1801", "7.00"),
            ("WARNING", "items.0.unitPrice", "1705", "10.00"),
            ("WARNING", "items.0.code", "1818", "100.00"),
            ("WARNING", "items.0", "3209", "100.00"),
        ]
        assert (report["passes"], report["atRiskAmount"]) == (False, "107.00")

    async def test_a_finding_on_the_whole_claim_takes_in_all_items(self, world: World) -> None:
        await save_contract(world, {**PRICE, "unitPrice": "90.00"})
        card = await add_card(world, waiting_until=today(), suspended_from=today())
        report = await preflight(world, cardNumber=card, items=[CONSULTATION, BLOOD_COUNT])
        assert [each[3:] for each in findings(report)] == [("1016", "137.00"), ("3171", "137.00"), ("1705", "10.00")]
        assert report["atRiskAmount"] == "137.00"

    async def test_a_cent_that_is_too_dear_and_too_many_counts_once(self, world: World) -> None:
        # 3 x 110.00 claimed, 2 x 100.00 agreed: 130.00 can be lost, not 30.00 + 110.00.
        await save_contract(world, {**PRICE, "quantityMax": "2"})
        report = await preflight(world, items=[_item(unitPrice="110.00", quantity="3")])
        assert [each[3:] for each in findings(report)] == [("1705", "30.00"), ("3210", "110.00")]
        assert report["atRiskAmount"] == "130.00"


class TestSending:
    async def test_preflight_changes_nothing(self, world: World) -> None:
        claim_id = (await world.create_claim())["claim"]["id"]
        before = await _rows(world)
        await preflight(world)
        await preflight_of(world, claim_id)
        await preflight(world, cardNumber="NOBODY", items=[_item(code="99999999")])
        assert await _rows(world) == before
        assert await world.events(claim_id) == ["ClaimCreated"]

    async def test_errors_keep_a_draft_from_being_sent(self, world: World) -> None:
        draft = (await world.create_claim(serviceDate=str(today() - timedelta(days=10))))["claim"]
        await save_contract(world, window=9)
        fields = "results { object { id } errors { code field tissCode } }"
        payload = await world.mutate("biller", "submitClaims", fields, claimIds=[draft["id"]])
        (result,) = payload["results"]
        assert (result["object"], refusals(result)) == (None, [("INVALID_DATE", "serviceDate", "3214")])
        assert (await world.claim(draft["id"]))["status"] == "DRAFT"
        assert await world.events(draft["id"]) == ["ClaimCreated"]
        assert (await preflight_of(world, draft["id"]))["passes"] is False

    async def test_errors_keep_a_claim_from_being_created_and_sent(self, world: World) -> None:
        await world.hold_membership()
        before = await _rows(world)
        payload = await world.create_claim(submit=True, cardNumber="NOBODY", items=[OVER])
        assert payload["claim"] is None
        assert sorted(refusals(payload)) == [
            ("INVALID_CARD", "claim.cardNumber", "1001"),
            ("UNKNOWN_CODE", "claim.items.0.code", "1801"),
        ]
        assert await _rows(world) == before

    async def test_warnings_are_kept_as_they_were_when_the_claim_was_sent(self, world: World) -> None:
        await save_contract(world, {**PRICE, "unitPrice": "80.00"})
        at_once = await world.submitted_claim()
        draft = (await world.create_claim(serviceDate=str(YESTERDAY)))["claim"]
        warning = ("WARNING", "INVALID_AMOUNT", "items.0.unitPrice", "1705", "20.00")
        assert (await stored_warnings(world, at_once["id"]), await stored_warnings(world, draft["id"])) == (
            [warning],
            [],
        )
        await world.mutate("biller", "submitClaims", "results { id }", claimIds=[draft["id"]])
        await save_contract(world)
        assert (await stored_warnings(world, at_once["id"]), await stored_warnings(world, draft["id"])) == (
            [warning],
            [warning],
        )
        query = f"query($id: ID!) {{ claim(id: $id) {{ warnings {{ {FINDING} }} }} }}"
        answer = await world.gateway.gql(query, {"id": draft["id"]}, token=world.token("billing_reader"))
        assert (answer.codes, answer.body["data"]["claim"]["warnings"]) == (["FORBIDDEN"], None)


class TestRefused:
    @pytest.mark.parametrize(
        ("change", "code", "place"),
        [
            ({"items": [_item(unitPrice="1,00")]}, "INVALID_AMOUNT", "claim.items.0.unitPrice"),
            ({"items": [CONSULTATION, _item(quantity="-1")]}, "INVALID_QUANTITY", "claim.items.1.quantity"),
            ({"items": [_item(factor="10.00")]}, "INVALID_QUANTITY", "claim.items.0.factor"),
            ({"serviceDate": "23/11/2026"}, "INVALID_DATE", "claim.serviceDate"),
            ({"authorization": {"number": "1", "issuedOn": "x"}}, "INVALID_DATE", "claim.authorization.issuedOn"),
        ],
    )
    async def test_values_that_are_none_are_named(
        self, world: World, change: dict[str, Any], code: str, place: str
    ) -> None:
        answer = await world.gateway.gql(
            OF_INPUT, {"claim": claim_values(world, **change)}, token=world.token("biller")
        )
        assert (answer.body["data"], answer.reasons) == ({"claimPreflight": None}, [("BAD_USER_INPUT", code, place)])

    async def test_an_unknown_claim_is_named_in_the_same_way(self, world: World) -> None:
        values = {"id": "clm_00000000000000000000000000"}
        answer = await world.gateway.gql(OF_CLAIM, values, token=world.token("biller"))
        (error,) = answer.body["errors"]
        assert error["extensions"] == {"code": "NOT_FOUND", "field": ["claimId"]}

    @pytest.mark.parametrize("given", [{}, {"claimId": None}, {"claim": {}, "claimId": "x"}])
    async def test_either_a_claim_or_an_id_is_given(self, world: World, given: dict[str, Any]) -> None:
        query = "query($input: ClaimPreflightInput!) { claimPreflight(input: $input) { passes } }"
        values = {**given, "claim": claim_values(world)} if "claim" in given else given
        answer = await world.gateway.gql(query, {"input": values}, token=world.token("biller"))
        assert (answer.codes, "data" in answer.body) == (["BAD_USER_INPUT"], False)
        message = "OneOf Input Object 'ClaimPreflightInput' must specify exactly one key."
        if given == {"claimId": None}:
            message = "Value for member field 'claimId' must be non-null"
        assert answer.body["errors"][0]["message"] == message

    async def test_a_stored_claim_is_one_of_the_callers_own(self, gateway: Gateway, world: World) -> None:
        claim_id, other = (await world.create_claim())["claim"]["id"], await new_world(gateway)
        foreign = await gateway.gql(OF_CLAIM, {"id": claim_id}, token=other.token("biller"))
        assert (foreign.codes, foreign.body["errors"][0]["extensions"]["field"]) == (["NOT_FOUND"], ["claimId"])
        found = await findings_on(other, provider=world.provider)
        assert [each[:4] for each in found] == [("ERROR", "NOT_FOUND", "providerCnes", "1202")]

    @pytest.mark.parametrize(
        "role", ["billing_reader", "reviewer", "finance", "front_desk", "payer_agent", "patient", "admin"]
    )
    async def test_roles_that_create_no_claims_are_forbidden(self, world: World, role: str) -> None:
        answer = await world.gateway.gql(OF_INPUT, {"claim": claim_values(world)}, token=world.token(role))
        assert (answer.body["data"], answer.codes) == ({"claimPreflight": None}, ["FORBIDDEN"])
