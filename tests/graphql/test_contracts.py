"""Contracts through the API: who keeps them, what is refused, and which terms follow from them."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, insert

from app.db.reference_tables import contracts
from tests.factories import CONSULTATION, World, flat, key, new_world, refusals, today
from tests.gateway import Gateway
from tests.inputs import shaped

CONTRACT = (
    "id submissionWindowDays appealDeadlineDays paymentTermDays version updatedBy payer { ansCode } provider { cnes } "
    "prices(first: 100) { nodes { codeSystem code validFrom validTo quantityMax needsAuthorization } }"
)
SAVE = (
    f"mutation($input: SaveContractInput!) {{ saveContract(input: $input) {{ contract {{ {CONTRACT} }} "
    "errors { code field tissCode } replayed } }"
)
TERMS = {"submissionWindowDays": 60, "appealDeadlineDays": 15, "paymentTermDays": 45}
PRICE = {"codeSystem": "22", "code": "10101012", "unitPrice": "90.00", "validFrom": "2026-01-01"}


def _input(world: World, **changes: Any) -> dict[str, Any]:
    return shaped("saveContract", {"provider": world.provider, "payer": world.payer, **TERMS, **changes})


async def _save(world: World, **changes: Any) -> Any:
    """The payload of saveContract by an administrator."""
    answer = await world.gateway.gql(SAVE, {"input": _input(world, **changes)}, token=world.gateway.token("admin"))
    return flat(answer.data["saveContract"])


async def _contract(world: World, **changes: Any) -> Any:
    payload = await _save(world, **changes)
    assert payload["errors"] == []
    return payload["contract"]


async def _contracts(world: World, role: str = "biller", fields: str = CONTRACT) -> Any:
    return flat(await world.call(role, f"{{ contracts {{ nodes {{ {fields} }} }} }}"))["contracts"]


async def _prices(world: World) -> list[tuple[str, str, str]]:
    """Code, price and first day of every price, as the biller reads them."""
    (found,) = await _contracts(world, fields="prices(first: 100) { nodes { code unitPrice validFrom } }")
    return [(each["code"], each["unitPrice"], each["validFrom"]) for each in found["prices"]]


async def _price_count(world: World) -> int:
    (found,) = await _contracts(world, fields="prices { totalCount }")
    return int(found["prices"]["totalCount"])


async def _deadline(world: World) -> str:
    """The last day to appeal a denial that is made now."""
    claim_id = (await world.claim_in_review())["id"]
    denial = {"sequence": 1, "approvedAmount": "0", "denials": [{"code": "1801", "amount": "100.00"}]}
    assert (await world.adjudicate(claim_id, [denial]))["errors"] == []
    return await _deadline_of(world, claim_id)


async def _deadline_of(world: World, claim_id: str) -> str:
    query = "query($id: ID!) { claim(id: $id) { items { denials { appealDeadline } } } }"
    found = (await world.call("biller", query, id=claim_id))["claim"]
    return str(found["items"][0]["denials"][0]["appealDeadline"])


def _in_days(days: int) -> str:
    return (today() + timedelta(days=days)).isoformat()


class TestSaveContract:
    async def test_keeps_the_terms_and_the_price_list(self, world: World) -> None:
        limited = {**PRICE, "code": "40304361", "quantityMax": "2.5", "needsAuthorization": True}
        payload = await _save(world, version=0, prices=[limited, PRICE | {"validTo": "2026-12-31"}])
        assert (payload["errors"], payload["replayed"]) == ([], False)
        found = payload["contract"]
        plain = {"quantityMax": None, "needsAuthorization": False, "validFrom": "2026-01-01"}
        assert found == {
            "id": found["id"],
            **TERMS,
            "version": 1,
            "updatedBy": "dev-admin",
            "payer": {"ansCode": world.payer},
            "provider": {"cnes": world.provider},
            "prices": [
                {**plain, "codeSystem": "22", "code": "10101012", "validTo": "2026-12-31"},
                {**plain, "codeSystem": "22", "code": "40304361", "validTo": None}
                | {"quantityMax": "2.5", "needsAuthorization": True},
            ],
        }
        assert await _contracts(world) == [found]

    async def test_a_change_keeps_the_contract_and_counts_its_version(self, world: World) -> None:
        first = await _contract(world)
        second = await _contract(world, version=1, paymentTermDays=0)
        third = await _contract(world, submissionWindowDays=3650)
        assert {each["id"] for each in (second, third)} == {first["id"]}
        assert [each["version"] for each in (first, second, third)] == [1, 2, 3]
        assert [each["paymentTermDays"] for each in (first, second, third)] == [45, 0, 45]
        assert await _contracts(world) == [third]

    async def test_a_price_list_is_replaced_whole_and_stays_when_it_is_left_out(self, world: World) -> None:
        periods: list[tuple[str, str, str | None]] = [
            ("80.00", "2026-07-01", None),
            ("70.00", "2026-01-01", "2026-06-30"),
        ]
        dated = [{**PRICE, "unitPrice": price, "validFrom": first, "validTo": last} for price, first, last in periods]
        await _contract(world, prices=[PRICE])
        await _contract(world)
        assert await _prices(world) == [("10101012", "90.00", "2026-01-01")]
        await _contract(world, prices=dated)
        assert await _prices(world) == [("10101012", "70.00", "2026-01-01"), ("10101012", "80.00", "2026-07-01")]
        await _contract(world, prices=[])
        assert await _prices(world) == []

    async def test_what_it_says_of_documents_and_cards_stays_unless_it_is_given(self, world: World) -> None:
        details = "providerCode holdsMembership tissVersion"
        names = details.split()

        async def saved(**changes: Any) -> list[Any]:
            await _contract(world, **changes)
            (found,) = await _contracts(world, fields=details)
            return [found[name] for name in names]

        assert await saved() == [None, False, "V4_03_00"]
        given = {"providerCode": "CRED-0042", "holdsMembership": True, "tissVersion": "V4_02_00"}
        assert await saved(**given) == ["CRED-0042", True, "V4_02_00"]
        assert await saved(holdsMembership=None, tissVersion=None) == ["CRED-0042", True, "V4_02_00"]
        assert await saved(providerCode=None, holdsMembership=False) == [None, False, "V4_02_00"]

    async def test_a_code_of_the_provider_is_1_to_14_ascii_characters(self, world: World) -> None:
        for code in ("", "123456789012345", "Clínica"):
            assert refusals(await _save(world, providerCode=code)) == [("INVALID_INPUT", "providerCode", None)]
        assert await _contracts(world) == []

    async def test_a_contract_of_the_earlier_release_holds_the_cards(self, world: World) -> None:
        """It writes rows without the new columns."""
        kept = await _contract(world)
        async with world.gateway.database.engine.begin() as connection:
            await connection.execute(delete(contracts).where(contracts.c.id == kept["id"]))
            old = {"id": kept["id"], "provider_cnes": world.provider, "payer_ans": world.payer, "version": 1}
            days = {"submission_window_days": 60, "appeal_deadline_days": 15, "payment_term_days": 45}
            by = {"updated_by": "earlier", "updated_at": datetime(2026, 1, 1, tzinfo=UTC)}
            await connection.execute(insert(contracts).values(**old, **days, **by))
        (found,) = await _contracts(world, fields="providerCode holdsMembership tissVersion")
        assert found == {"providerCode": None, "holdsMembership": True, "tissVersion": "V4_03_00"}

    async def test_a_stale_version_changes_nothing(self, world: World) -> None:
        stale = [("STALE_VERSION", "version", None)]
        assert refusals(await _save(world, version=1)) == stale
        assert await _contracts(world) == []
        kept = await _contract(world, prices=[PRICE])
        for version in (0, 2):
            assert refusals(await _save(world, version=version, paymentTermDays=1, prices=[])) == stale
        assert await _contracts(world) == [kept]

    async def test_of_concurrent_first_contracts_one_is_kept(self, world: World) -> None:
        terms = [10, 20, 30, 40]
        found = await asyncio.gather(*[_save(world, version=0, paymentTermDays=days, prices=[PRICE]) for days in terms])
        (kept,) = [each["contract"] for each in found if each["contract"] is not None]
        refused = {refusals(each)[0][0] for each in found if each["contract"] is None}
        assert refused <= {"STALE_VERSION", "CONFLICT"}
        assert (await _contracts(world), kept["version"]) == ([kept], 1)

    async def test_the_same_key_saves_once(self, world: World) -> None:
        once = key()
        first = await _save(world, idempotencyKey=once)
        again = await _save(world, idempotencyKey=once)
        assert (first["replayed"], again["replayed"]) == (False, True)
        assert again["contract"] == first["contract"]
        reused = await _save(world, idempotencyKey=once, paymentTermDays=1)
        assert refusals(reused)[0][0] == "IDEMPOTENCY_KEY_REUSED"
        assert await _contracts(world) == [first["contract"]]

    @pytest.mark.parametrize("least", [1, 3650])
    async def test_terms_may_be_short_and_long(self, world: World, least: int) -> None:
        names = ("submissionWindowDays", "appealDeadlineDays", "paymentTermDays")
        found = await _contract(world, **dict.fromkeys(names, least))
        assert [found[name] for name in names] == [least] * 3

    @pytest.mark.parametrize(
        ("terms", "places"),
        [
            ({"submissionWindowDays": 0}, ["submissionWindowDays"]),
            ({"appealDeadlineDays": 0}, ["appealDeadlineDays"]),
            ({"paymentTermDays": -1}, ["paymentTermDays"]),
            (
                {"submissionWindowDays": 3651, "appealDeadlineDays": 3651, "paymentTermDays": 3651},
                ["submissionWindowDays", "appealDeadlineDays", "paymentTermDays"],
            ),
        ],
    )
    async def test_terms_out_of_range_are_refused(self, world: World, terms: dict[str, int], places: list[str]) -> None:
        assert refusals(await _save(world, **terms)) == [("INVALID_INPUT", place, None) for place in places]
        assert await _contracts(world) == []

    @pytest.mark.parametrize(
        ("prices", "refusal"),
        [
            ([{"unitPrice": "0.00"}], ("INVALID_AMOUNT", "prices.replace.0.unitPrice", "5040")),
            ([{"unitPrice": "9,00"}], ("INVALID_AMOUNT", "prices.replace.0.unitPrice", None)),
            ([{"quantityMax": "-1"}], ("INVALID_QUANTITY", "prices.replace.0.quantityMax", "1806")),
            ([{"validFrom": "01/01/2026"}], ("INVALID_DATE", "prices.replace.0.validFrom", None)),
            ([{"validTo": "2025-12-31"}], ("INVALID_DATE", "prices.replace.0.validTo", None)),
            ([{}, {}], ("INVALID_INPUT", "prices.replace.1.validFrom", None)),
            (
                [{"validTo": "2026-06-30"}, {"code": "40304361"}, {"validFrom": "2026-06-30"}],
                ("INVALID_INPUT", "prices.replace.2.validFrom", None),
            ),
            ([{"codeSystem": "77"}], ("UNKNOWN_CODE", "prices.replace.0.codeSystem", "3150")),
            ([{"code": ""}], ("UNKNOWN_CODE", "prices.replace.0.code", "1801")),
            ([{"code": "10101012345"}], ("UNKNOWN_CODE", "prices.replace.0.code", "1801")),
            ([{}, {"code": "1010101é"}], ("UNKNOWN_CODE", "prices.replace.1.code", "1801")),
        ],
    )
    async def test_a_bad_price_list_is_refused_at_its_place(
        self, world: World, prices: list[dict[str, Any]], refusal: tuple[str, str, str | None]
    ) -> None:
        kept = await _contract(world, prices=[PRICE])
        assert refusals(await _save(world, prices=[PRICE | each for each in prices])) == [refusal]
        assert await _contracts(world) == [kept]

    async def test_a_largest_quantity_of_zero_is_refused(self, world: World) -> None:
        payload = await _save(world, prices=[PRICE | {"quantityMax": "0"}])
        assert [each[:2] for each in refusals(payload)] == [("INVALID_QUANTITY", "prices.replace.0.quantityMax")]
        assert await _contracts(world) == []

    async def test_a_long_price_list_comes_in_several_calls(self, world: World) -> None:
        prices = [PRICE | {"code": str(10_000_000 + number)} for number in range(1_001)]
        assert refusals(await _save(world, prices=prices)) == [("INVALID_INPUT", "prices.replace", None)]
        await _contract(world, prices=prices[:1_000])
        assert await _price_count(world) == 1_000
        assert refusals(await _save(world, addPrices=prices)) == [("INVALID_INPUT", "prices.add", None)]
        again = await _save(world, addPrices=[prices[1_000], prices[7]])
        assert refusals(again) == [("INVALID_INPUT", "prices.add.1.validFrom", None)]
        assert await _price_count(world) == 1_000
        assert refusals(await _save(world, addPrices=[prices[1_000]])) == []
        assert await _price_count(world) == 1_001

    async def test_parties_must_be_known(self, world: World) -> None:
        assert refusals(await _save(world, payer="999999")) == [("NOT_FOUND", "payerAnsCode", "5027")]
        assert refusals(await _save(world, provider="9999999")) == [("NOT_FOUND", "providerCnes", "1202")]
        assert await _contracts(world) == []


class TestWhoMay:
    @pytest.mark.parametrize(
        "role", ["biller", "billing_reader", "reviewer", "finance", "front_desk", "payer_agent", "patient"]
    )
    async def test_only_administrators_write(self, world: World, role: str) -> None:
        answer = await world.gateway.gql(SAVE, {"input": _input(world)}, token=world.token(role))
        assert (answer.body["data"], answer.codes) == ({"saveContract": None}, ["FORBIDDEN"])
        assert await _contracts(world) == []

    async def test_an_administrator_of_one_provider_writes_no_other_contract(
        self, gateway: Gateway, world: World
    ) -> None:
        other = await new_world(gateway)
        answer = await gateway.gql(SAVE, {"input": _input(other)}, token=world.token("admin"))
        assert refusals(answer.data["saveContract"]) == [("NOT_FOUND", "providerCnes", "1202")]
        assert await _contracts(other) == []
        own = await gateway.gql(SAVE, {"input": _input(world, payer=other.payer)}, token=world.token("admin"))
        assert own.data["saveContract"]["contract"]["provider"] == {"cnes": world.provider}

    async def test_both_parties_read_their_own(self, gateway: Gateway, world: World) -> None:
        other = await new_world(gateway)
        kept = await _contract(world)
        between = await _contract(other, payer=world.payer)
        for role in ("biller", "reviewer", "finance", "admin"):
            assert await _contracts(world, role) == [kept]
        assert await _contracts(world, "payer_agent") == [kept, between]
        assert await _contracts(other) == [between]
        assert await _contracts(other, "payer_agent") == []

    @pytest.mark.parametrize("role", ["billing_reader", "front_desk", "patient"])
    async def test_others_read_none(self, world: World, role: str) -> None:
        await _contract(world)
        answer = await world.gateway.gql("{ contracts { nodes { id } } }", token=world.token(role))
        assert (answer.body["data"], answer.codes) == ({"contracts": None}, ["FORBIDDEN"])


class TestTerms:
    @pytest.mark.parametrize("window", [10, 400])
    async def test_the_submission_window_comes_from_the_contract(self, world: World, window: int) -> None:
        await _contract(world, submissionWindowDays=window)
        late = await world.create_claim(submit=True, serviceDate=_in_days(-window - 1))
        assert (late["claim"], refusals(late)) == (None, [("INVALID_DATE", "claim.serviceDate", "3214")])
        assert (await world.create_claim(submit=True, serviceDate=_in_days(-window)))["errors"] == []

    async def test_without_a_contract_the_payers_window_holds(self, gateway: Gateway) -> None:
        world = await new_world(gateway, submission_window_days=20)
        late = await world.create_claim(serviceDate=_in_days(-21))
        assert (late["claim"], refusals(late)) == (None, [("INVALID_DATE", "claim.serviceDate", "3214")])
        assert (await world.create_claim(serviceDate=_in_days(-20)))["errors"] == []

    @pytest.mark.parametrize("days", [0, 45])
    async def test_the_due_date_comes_from_the_contract(self, world: World, days: int) -> None:
        draft = await world.draft_invoice()
        await _contract(world, paymentTermDays=days)
        issued = await world.mutate("finance", "issueInvoice", "invoice { dueDate }", id=draft["id"])
        assert issued["invoice"] == {"dueDate": _in_days(days)}

    async def test_without_a_contract_the_payers_payment_term_holds(self, gateway: Gateway) -> None:
        world, other = await new_world(gateway, payment_term_days=17), await new_world(gateway)
        await _contract(world, payer=other.payer)
        assert (await world.issued_invoice())["dueDate"] == _in_days(17)

    async def test_the_appeal_deadline_comes_from_the_contract_of_the_day(self, gateway: Gateway) -> None:
        world = await new_world(gateway, appeal_deadline_days=12)
        assert await _deadline(world) == _in_days(12)
        await _contract(world, appealDeadlineDays=5)
        assert await _deadline(world) == _in_days(5)

    async def test_a_new_contract_leaves_deadlines_that_run_as_they_are(self, world: World) -> None:
        item = {**CONSULTATION, "unitPrice": "50.00"}
        claim_id = (await world.claim_in_review(items=[item]))["id"]
        denial = {"sequence": 1, "approvedAmount": "0", "denials": [{"code": "1801", "amount": "50.00"}]}
        await world.adjudicate(claim_id, [denial])
        await _contract(world, appealDeadlineDays=1)
        assert await _deadline_of(world, claim_id) == _in_days(30)


async def test_each_filter_holds_exactly_its_contracts(server_world: World) -> None:
    world, other = server_world, await new_world(server_world.gateway)
    own = await _contract(world)
    second = (await _save(world, payer=other.payer))["contract"]
    both = [own["id"], second["id"]]
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({}, both),
        ({"payerAnsCode": [world.payer]}, both[:1]),
        ({"payerAnsCode": [world.payer, other.payer]}, both),
        ({"payerAnsCode": ["999999"]}, []),
        ({"providerCnes": [world.provider]}, both),
        ({"providerCnes": [other.provider]}, []),
        ({"ids": both[1:]}, both[1:]),
        ({"ids": both, "payerAnsCode": [world.payer]}, both[:1]),
    ]
    query = "query($filter: ContractFilterInput) { contracts(filter: $filter) { totalCount nodes { id } } }"
    for where, expected in cases:
        found = (await world.call("biller", query, filter=where))["contracts"]
        assert ([each["id"] for each in found["nodes"]], found["totalCount"]) == (expected, len(expected)), where
