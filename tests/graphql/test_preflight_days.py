"""What preflight finds about the days of a claim: the coverage, the authorization and the contract on each of them."""

from datetime import date, timedelta

import pytest

from tests.factories import BLOOD_COUNT, CONSULTATION, World, add_card, refusals, today
from tests.preflights import findings, findings_on, preflight, save_contract

YESTERDAY, TOMORROW = today() - timedelta(days=1), today() + timedelta(days=1)
OTHER = {**CONSULTATION, "code": "40301630", "unitPrice": "5.00"}


class TestCoverage:
    @pytest.mark.parametrize(
        ("terms", "code"),
        [
            ({"waiting_until": today()}, "3171"),
            ({"waiting_until": YESTERDAY}, None),
            ({"suspended_from": today()}, "1016"),
            ({"suspended_from": YESTERDAY, "suspended_until": YESTERDAY}, None),
            ({"ends_on": YESTERDAY}, "1006"),
            ({"ends_on": today()}, None),
            ({"starts_on": TOMORROW}, "3287"),
            ({"starts_on": today()}, None),
        ],
    )
    async def test_a_coverage_that_does_not_hold_warns(
        self, world: World, terms: dict[str, date], code: str | None
    ) -> None:
        report = await preflight(world, cardNumber=await add_card(world, **terms), items=[CONSULTATION, BLOOD_COUNT])
        expected = ("WARNING", "INVALID_DATE", "serviceDate", code, "137.00")
        assert findings(report) == ([expected] if code else [])
        assert (report["passes"], report["atRiskAmount"]) == (True, "137.00" if code else "0.00")

    async def test_an_unknown_and_an_expired_card_are_errors(self, world: World) -> None:
        await world.hold_membership()
        unknown = await findings_on(world, cardNumber="NOBODY")
        assert unknown == [("ERROR", "INVALID_CARD", "cardNumber", "1001", "100.00")]
        expired = await findings_on(world, cardNumber=await add_card(world, card_valid_until=YESTERDAY))
        assert expired == [("ERROR", "INVALID_CARD", "cardNumber", "1017", "100.00")]


class TestDaysOfItems:
    """Two items: one on the service date, one on a day of its own."""

    @pytest.mark.parametrize(
        ("terms", "own", "found"),
        [
            ({"card_valid_until": YESTERDAY}, 0, ("ERROR", "INVALID_CARD", "1017")),
            ({"waiting_until": YESTERDAY}, -1, ("WARNING", "INVALID_DATE", "3171")),
            ({"suspended_from": today()}, 0, ("WARNING", "INVALID_DATE", "1016")),
            ({"ends_on": YESTERDAY}, 0, ("WARNING", "INVALID_DATE", "1006")),
            ({"starts_on": YESTERDAY}, -2, ("WARNING", "INVALID_DATE", "3287")),
        ],
    )
    async def test_the_card_must_cover_each_of_them(
        self, world: World, terms: dict[str, date], own: int, found: tuple[str, str, str]
    ) -> None:
        card, day = await add_card(world, **terms), today() + timedelta(days=own)
        good = YESTERDAY if own == 0 else today() if own == -1 else YESTERDAY
        values = {"cardNumber": card, "serviceDate": str(good)}
        severity, code, tiss_code = found
        report = await preflight(world, **values, items=[CONSULTATION, {**BLOOD_COUNT, "performedOn": str(day)}])
        assert findings(report) == [(severity, code, "items.1.performedOn", tiss_code, "37.00")]
        assert (report["passes"], report["atRiskAmount"]) == (severity == "WARNING", "37.00")
        values["serviceDate"] = str(day)
        report = await preflight(world, **values, items=[CONSULTATION, {**BLOOD_COUNT, "performedOn": str(good)}])
        place = "cardNumber" if tiss_code == "1017" else "serviceDate"
        assert findings(report) == [(severity, code, place, tiss_code, "100.00")]
        assert report["atRiskAmount"] == "100.00"
        assert await findings_on(world, **values, items=[{**CONSULTATION, "performedOn": str(good)}]) == []

    async def test_the_authorization_must_hold_on_each_of_them(self, world: World) -> None:
        given = {"number": "S1", "issuedOn": str(YESTERDAY), "validUntil": str(YESTERDAY)}
        before = YESTERDAY - timedelta(days=1)
        items = [CONSULTATION, {**BLOOD_COUNT, "performedOn": str(today())}, {**OTHER, "performedOn": str(before)}]
        report = await preflight(world, serviceDate=str(YESTERDAY), authorization=given, items=items)
        assert findings(report) == [
            ("ERROR", "AUTHORIZATION_EXPIRED", "items.1.performedOn", "1414", "37.00"),
            ("WARNING", "INVALID_DATE", "items.2.performedOn", "1814", "5.00"),
        ]
        assert report["atRiskAmount"] == "42.00"

    async def test_the_submission_window_counts_from_each_of_them(self, world: World) -> None:
        await save_contract(world, window=5)
        late = str(today() - timedelta(days=6))
        items = [CONSULTATION, {**BLOOD_COUNT, "performedOn": late}]
        expected = ("ERROR", "INVALID_DATE", "items.1.performedOn", "3214", "37.00")
        assert await findings_on(world, items=items) == [expected]
        payload = await world.create_claim(items=items)
        assert (payload["claim"], refusals(payload)) == (
            None,
            [("INVALID_DATE", "claim.items.1.performedOn", "3214")],
        )
        assert await findings_on(world, serviceDate=late, items=[{**CONSULTATION, "performedOn": str(YESTERDAY)}]) == []

    async def test_the_contract_must_not_have_ended_on_any_of_them(self, world: World) -> None:
        await save_contract(world)
        query = "{ contracts { nodes { id } } }"
        (contract,) = (await world.call("biller", query))["contracts"]["nodes"]
        values = {"contractId": contract["id"], "endsOn": str(YESTERDAY)}
        assert (await world.mutate("admin", "closeContract", "contract { id }", **values))["errors"] == []
        items = [CONSULTATION, {**BLOOD_COUNT, "performedOn": str(today())}]
        assert await findings_on(world, serviceDate=str(YESTERDAY), items=items) == [
            ("ERROR", "INVALID_DATE", "items.1.performedOn", "3279", "37.00")
        ]
