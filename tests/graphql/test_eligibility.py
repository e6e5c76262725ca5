"""Eligibility through the API: the answer, where it came from, and the history that it leaves."""

import asyncio
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, update

from app.db import identity
from app.db.reference_tables import coverages, eligibility_checks, payers
from app.domain.calendar import BRASILIA, business_day
from tests.factories import World, add_card, key, new_world, refusals, today
from tests.gateway import Gateway

DAY = timedelta(days=1)
FIELDS = "id outcome source serviceDate askedPayerAt answeredAt expiresAt reasons { code description }"


async def _check(world: World, **changes: Any) -> Any:
    payload = await world.check_eligibility(**changes)
    assert payload["errors"] == []
    return payload["eligibility"]


async def _history(world: World, filter_: dict[str, Any] | None = None, **arguments: Any) -> Any:
    query = (
        "query($filter: EligibilityFilterInput, $first: Int! = 20, $after: String) "
        "{ eligibilityHistory(filter: $filter, first: $first, after: $after) "
        f"{{ totalCount pageInfo {{ hasNextPage endCursor }} nodes {{ {FIELDS} cardNumber patient {{ id }} }} }} }}"
    )
    return (await world.call("front_desk", query, filter=filter_, **arguments))["eligibilityHistory"]


async def _change_coverage(world: World, **values: Any) -> None:
    change = update(coverages).where(coverages.c.card_number == world.card).values(**values)
    await world.gateway.database.transact(lambda connection: connection.execute(change))


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


class TestOutcome:
    async def test_a_covered_card_is_eligible_today(self, world: World) -> None:
        found = await _check(world)
        assert (found["outcome"], found["source"], found["reasons"]) == ("ELIGIBLE", "PAYER", [])
        assert (found["serviceDate"], found["askedPayerAt"]) == (today().isoformat(), found["answeredAt"])
        query = (
            "{ eligibilityHistory { nodes { id plan cardValidUntil cardNumber payer { ansCode } patient { id } } } }"
        )
        kept = (await world.call("front_desk", query))["eligibilityHistory"]["nodes"]
        assert kept == [
            {
                "id": found["id"],
                "plan": "Plano Teste",
                "cardValidUntil": (today() + timedelta(days=365)).isoformat(),
                "cardNumber": world.card,
                "payer": {"ansCode": world.payer},
                "patient": {"id": world.patient},
            }
        ]

    @pytest.mark.parametrize(
        ("terms", "codes"),
        [
            ({"ends_on": -1}, ["1006"]),
            ({"ends_on": 0}, []),
            ({"suspended_from": 0}, ["1016"]),
            ({"suspended_from": -9, "suspended_until": 0}, ["1016"]),
            ({"suspended_from": -9, "suspended_until": -1}, []),
            ({"suspended_from": 1}, []),
            ({"card_valid_until": -1}, ["1017"]),
            ({"card_valid_until": 0}, []),
            ({"waiting_until": 0}, ["3171"]),
            ({"waiting_until": -1}, []),
            ({"starts_on": 1}, ["3287"]),
            ({"starts_on": 0}, []),
            ({"ends_on": -1, "suspended_from": -5, "card_valid_until": -1}, ["1006", "1016", "1017"]),
        ],
        ids=str,
    )
    async def test_the_coverage_of_the_service_date_decides(
        self, world: World, terms: dict[str, int], codes: list[str]
    ) -> None:
        card = await add_card(world, **{name: today() + days * DAY for name, days in terms.items()})
        found = await _check(world, cardNumber=card)
        assert found["outcome"] == ("NOT_ELIGIBLE" if codes else "ELIGIBLE")
        assert [reason["code"] for reason in found["reasons"]] == codes

    async def test_an_unknown_card_is_not_eligible(self, world: World) -> None:
        await world.hold_membership()
        found = await _check(world, cardNumber="NOBODY")
        assert (found["outcome"], [one["code"] for one in found["reasons"]]) == ("NOT_ELIGIBLE", ["1001"])
        kept = (await _history(world))["nodes"][0]
        assert kept["reasons"] == [{"code": "1001", "description": "NÚMERO DA CARTEIRA INVÁLIDO"}]
        assert (kept["patient"], kept["cardNumber"]) == (None, "NOBODY")

    async def test_another_service_date_is_another_question(self, world: World) -> None:
        card = await add_card(world, ends_on=today())
        assert (await _check(world, cardNumber=card))["outcome"] == "ELIGIBLE"
        found = await _check(world, cardNumber=card, serviceDate=(today() + DAY).isoformat())
        assert (found["outcome"], found["source"]) == ("NOT_ELIGIBLE", "PAYER")

    async def test_a_silent_payer_is_not_a_no_and_is_asked_again(self, gateway: Gateway) -> None:
        world = await new_world(gateway, is_answering=False)
        for card in (world.card, world.card, "NOBODY"):
            found = await _check(world, cardNumber=card)
            assert (found["outcome"], found["source"], found["reasons"]) == ("UNDETERMINED", "PAYER", [])
            assert found["expiresAt"] is None
        speaks = update(payers).where(payers.c.ans_code == world.payer).values(is_answering=True)
        await gateway.database.transact(lambda connection: connection.execute(speaks))
        found = await _check(world)
        assert (found["outcome"], found["source"]) == ("ELIGIBLE", "PAYER")
        assert (await _history(world))["totalCount"] == 4

    @pytest.mark.parametrize(
        ("change", "refusal"),
        [
            ({"cardNumber": ""}, ("INVALID_CARD", "cardNumber", "1001")),
            ({"cardNumber": "1" * 21}, ("INVALID_CARD", "cardNumber", "1001")),
            ({"payer": "999999"}, ("NOT_FOUND", "payerAnsCode", "5027")),
            ({"provider": "1111111"}, ("NOT_FOUND", "providerCnes", None)),
            ({"serviceDate": "2026-02-30"}, ("INVALID_DATE", "serviceDate", None)),
            ({"procedure": {"codeSystem": "22", "code": "99999999"}}, ("UNKNOWN_CODE", "procedure.code", "1801")),
        ],
        ids=["no card", "long card", "payer", "provider", "date", "procedure"],
    )
    async def test_a_refused_question_leaves_no_history(
        self, world: World, change: dict[str, Any], refusal: tuple[str, str, str | None]
    ) -> None:
        payload = await world.check_eligibility(**change)
        assert (payload["eligibility"], refusals(payload)) == (None, [refusal])
        assert (await _history(world))["totalCount"] == 0


class TestCache:
    async def test_a_hit_leaves_a_row_with_the_time_the_payer_was_asked(self, world: World) -> None:
        asked, hit = await _check(world), await _check(world)
        assert (asked["source"], hit["source"]) == ("PAYER", "CACHE")
        assert hit["id"] != asked["id"]
        assert (hit["askedPayerAt"], hit["expiresAt"]) == (asked["askedPayerAt"], asked["expiresAt"])
        assert _moment(hit["answeredAt"]) > _moment(asked["answeredAt"])
        rows = (await _history(world))["nodes"]
        names = ("id", "source", "outcome", "askedPayerAt", "answeredAt", "expiresAt", "serviceDate")
        assert [[row[name] for name in names] for row in rows] == [
            [one[name] for name in names] for one in (hit, asked)
        ]

    async def test_an_answer_expires_within_the_hour_and_the_day(self, world: World) -> None:
        found = await _check(world)
        asked = _moment(found["askedPayerAt"])
        midnight = datetime.combine(business_day(asked) + DAY, time(), BRASILIA)
        assert _moment(found["expiresAt"]) == min(asked + timedelta(hours=1), midnight)

    async def test_force_refresh_asks_anew_and_renews_what_is_kept(self, world: World) -> None:
        await _check(world)
        await _change_coverage(world, ends_on=today() - DAY)
        kept = await _check(world)
        asked = await _check(world, forceRefresh=True)
        after = await _check(world)
        assert [(one["outcome"], one["source"]) for one in (kept, asked, after)] == [
            ("ELIGIBLE", "CACHE"),
            ("NOT_ELIGIBLE", "PAYER"),
            ("NOT_ELIGIBLE", "CACHE"),
        ]
        assert [reason["code"] for reason in after["reasons"]] == ["1006"]
        assert after["askedPayerAt"] == asked["askedPayerAt"] > kept["askedPayerAt"]

    async def test_a_change_of_the_card_is_asked_about_at_once(self, world: World) -> None:
        await world.hold_membership()
        await world.submitted_claim()
        card = f"NEW-{world.card}"
        unknown = await _check(world, cardNumber=card)
        values = {"patientId": world.patient, "payer": world.payer, "cardNumber": card, "plan": "Ouro"}
        values |= {"startsOn": "2020-01-01", "idempotencyKey": key()}
        made = await world.mutate("front_desk", "registerCoverage", "coverage { id }", **values)
        assert made["errors"] == []
        known, again = await _check(world, cardNumber=card), await _check(world, cardNumber=card)
        ended = {"coverageId": made["coverage"]["id"], "endsOn": str(today() - DAY)}
        assert (await world.mutate("front_desk", "endCoverage", "coverage { id }", **ended))["errors"] == []
        after = await _check(world, cardNumber=card)
        assert [(one["outcome"], one["source"]) for one in (unknown, known, again, after)] == [
            ("NOT_ELIGIBLE", "PAYER"),
            ("ELIGIBLE", "PAYER"),
            ("ELIGIBLE", "CACHE"),
            ("NOT_ELIGIBLE", "PAYER"),
        ]

    async def test_other_questions_are_asked_for_themselves(self, world: World) -> None:
        await _check(world)
        procedures = [{"codeSystem": "22", "code": code} for code in ("10101012", "40304361")]
        changes: list[dict[str, Any]] = [
            {"cardNumber": await add_card(world)},
            {"serviceDate": (today() - DAY).isoformat()},
            *({"procedure": procedure} for procedure in procedures),
        ]
        assert [(await _check(world, **change))["source"] for change in changes] == ["PAYER"] * 4
        assert [(await _check(world, **change))["source"] for change in changes] == ["CACHE"] * 4

    async def test_the_same_card_number_of_another_payer_is_another_card(self, gateway: Gateway, world: World) -> None:
        other = await new_world(gateway)
        await other.hold_membership()
        await _check(world)
        found = await _check(other, cardNumber=world.card)
        assert (found["outcome"], found["source"]) == ("NOT_ELIGIBLE", "PAYER")

    async def test_equal_questions_at_once_ask_the_payer_once(self, world: World) -> None:
        found = await asyncio.gather(*[_check(world) for _ in range(10)])
        assert sorted(one["source"] for one in found) == ["CACHE"] * 9 + ["PAYER"]
        assert len({one["askedPayerAt"] for one in found}) == 1
        history = await _history(world)
        assert history["totalCount"] == 10
        assert {row["id"] for row in history["nodes"]} == {one["id"] for one in found}

    async def test_an_answer_of_the_database_before_it_was_restored_is_not_found(self, world: World) -> None:
        database = world.gateway.database
        before = await identity.of(database)
        sources = [(await _check(world))["source"] for _ in range(2)]
        renewed = await database.transact(identity.renew)
        assert (await world.gateway.client.get("/health/ready")).json()["checks"]["database"] == "up"
        sources += [(await _check(world))["source"] for _ in range(2)]
        assert sources == ["PAYER", "CACHE", "PAYER", "CACHE"]
        assert [len(renewed), renewed == before, await identity.of(database)] == [32, False, renewed]
        # Nor are the terms what processes remember of them.
        async with database.reading() as connection:
            assert (await identity.read(connection)).terms_version == renewed

    @pytest.mark.parametrize("is_forgotten", [True, False], ids=["unknown row", "other fields"])
    async def test_a_cached_answer_that_cannot_be_used_is_a_miss(self, world: World, is_forgotten: bool) -> None:
        gateway, found = world.gateway, await _check(world)
        if is_forgotten:
            change = delete(eligibility_checks).where(eligibility_checks.c.id == found["id"])
            await gateway.database.transact(lambda connection: connection.execute(change))
        else:
            key = gateway.parts.cache.eligibility_key(
                database=await identity.of(gateway.database),
                scope=f"{world.provider}.-",
                payer=world.payer,
                card=world.card,
                day=today().isoformat(),
                procedure=None,
            )
            assert await gateway.parts.cache.get(key) is not None
            await gateway.parts.cache.put(key, b'{"of":"another release"}', lifetime_seconds=60)
        assert [(await _check(world))["source"] for _ in range(2)] == ["PAYER", "CACHE"]


class TestHistory:
    async def test_is_listed_newest_first_and_by_pages(self, world: World) -> None:
        made = [(await _check(world, forceRefresh=number % 2 == 0))["id"] for number in range(5)]
        first = await _history(world, first=2)
        assert (first["totalCount"], first["pageInfo"]["hasNextPage"]) == (5, True)
        await _check(world)
        rest = await _history(world, first=10, after=first["pageInfo"]["endCursor"])
        assert [row["id"] for row in first["nodes"] + rest["nodes"]] == made[::-1]
        assert rest["pageInfo"]["hasNextPage"] is False

    async def test_every_filter_narrows_it(self, world: World) -> None:
        yesterday = (today() - DAY).isoformat()
        yes = await _check(world)
        early = await _check(world, serviceDate=yesterday)
        no = await _check(world, cardNumber=await add_card(world, ends_on=date(2020, 1, 1)))

        async def ids(**filter_: Any) -> list[str]:
            found = await _history(world, filter_)
            assert found["totalCount"] == len(found["nodes"])
            return [row["id"] for row in found["nodes"]]

        everything = [no["id"], early["id"], yes["id"]]
        assert await ids(payerAnsCode=[world.payer, "999999"]) == await ids() == everything
        assert await ids(providerCnes=[world.provider]) == everything
        assert await ids(outcome=["NOT_ELIGIBLE"]) == [no["id"]]
        assert await ids(outcome=["UNDETERMINED"]) == await ids(payerAnsCode=["999999"]) == []
        assert await ids(outcome=["ELIGIBLE", "NOT_ELIGIBLE"]) == everything
        assert await ids(ids=[no["id"], yes["id"]]) == [no["id"], yes["id"]]
        assert await ids(patientId=world.patient) == [early["id"], yes["id"]]
        assert await ids(serviceDate={"to": yesterday}) == [early["id"]]
        assert await ids(serviceDate={"from": today().isoformat()}) == [no["id"], yes["id"]]
        assert await ids(serviceDate={"from": today().isoformat()}, outcome=["ELIGIBLE"]) == [yes["id"]]
        assert await ids(answeredAt={"from": early["answeredAt"], "to": early["answeredAt"]}) == [early["id"]]

    async def test_shows_nothing_of_another_provider(self, gateway: Gateway, world: World) -> None:
        other = await new_world(gateway)
        await _check(world)
        assert await _history(other) == {
            "totalCount": 0,
            "pageInfo": {"hasNextPage": False, "endCursor": None},
            "nodes": [],
        }
        assert (await _history(other, {"providerCnes": [world.provider]}))["totalCount"] == 0
