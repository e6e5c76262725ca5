"""A price ends on a day, and a contract is closed: new claims are held to it, and what exists goes on."""

from datetime import timedelta
from typing import Any

from tests.factories import CONSULTATION, World, flat, key, new_world, refusals, today
from tests.gateway import Gateway
from tests.inputs import shaped

TERMS = {"submissionWindowDays": 90, "appealDeadlineDays": 15, "paymentTermDays": 45}
PRICE = {"codeSystem": "22", "code": "10101012", "unitPrice": "90.00", "validFrom": "2026-01-01"}
CONTRACT = "contract { id version updatedBy endsOn }"


def _day(days: int) -> str:
    return (today() + timedelta(days=days)).isoformat()


async def _admin(
    world: World, name: str, providers: list[str] | None = None, sub: str = "dev-admin", **values: Any
) -> Any:
    """The payload of a mutation by an administrator."""
    kind = name[0].upper() + name[1:]
    query = f"mutation($input: {kind}Input!) {{ {name}(input: $input) {{ {CONTRACT} replayed "
    query += "errors { code message field tissCode } } }"
    token = world.gateway.token("admin", providers=providers or ["*"], sub=sub)
    return (await world.gateway.gql(query, {"input": values}, token=token)).data[name]


async def _contract(world: World, *prices: dict[str, Any]) -> str:
    """The id of a contract with these prices."""
    parties = {"providerCnes": world.provider, "payerAnsCode": world.payer}
    values: dict[str, Any] = {**parties, **TERMS, "prices": list(prices)}
    found = await _admin(world, "saveContract", **shaped("saveContract", values))
    assert found["errors"] == []
    return str(found["contract"]["id"])


async def _end(world: World, contract: str, day: str, **changes: Any) -> Any:
    values = {"contractId": contract, "codeSystem": "22", "code": "10101012", "validTo": day, **changes}
    return await _admin(world, "endContractPrice", **values)


async def _close(world: World, contract: str, day: str, **changes: Any) -> Any:
    return await _admin(world, "closeContract", contractId=contract, endsOn=day, **changes)


async def _prices(world: World) -> list[tuple[str, str, str | None]]:
    query = "{ contracts { nodes { prices { nodes { unitPrice validFrom validTo } } } } }"
    (found,) = flat(await world.call("biller", query))["contracts"]
    return [(each["unitPrice"], each["validFrom"], each["validTo"]) for each in found["prices"]]


async def _findings(world: World, day: str) -> list[tuple[str, str, str | None]]:
    """Severity, code and path of what preflight finds in a claim of this day."""
    query = "query($i: ClaimPreflightInput!) { claimPreflight(input: $i) { findings { severity code field } } }"
    claim = shaped("createClaim", world.claim_input(serviceDate=day))["claim"]
    found = (await world.call("biller", query, i={"claim": claim}))["claimPreflight"]["findings"]
    return [(each["severity"], each["code"], ".".join(each["field"])) for each in found]


class TestEndContractPrice:
    async def test_a_price_ends_on_the_day_and_its_other_periods_stay(self, world: World) -> None:
        dear = PRICE | {"unitPrice": "95.00", "validFrom": "2026-07-01"}
        contract = await _contract(world, PRICE | {"validTo": "2026-06-30"}, dear, PRICE | {"code": "40304361"})
        done = await _end(world, contract, "2026-05-31", version=1)
        assert (done["errors"], done["contract"]["version"], done["contract"]["updatedBy"]) == ([], 2, "dev-admin")
        assert await _prices(world) == [
            ("90.00", "2026-01-01", "2026-05-31"),
            ("95.00", "2026-07-01", None),
            ("90.00", "2026-01-01", None),
        ]
        assert (await _end(world, contract, "2026-07-01"))["errors"] == []
        assert (await _prices(world))[1] == ("95.00", "2026-07-01", "2026-07-01")

    async def test_services_after_the_day_have_no_price_to_compare(self, world: World) -> None:
        contract = await _contract(world, PRICE | {"validFrom": _day(-60)})
        dear = [("WARNING", "INVALID_AMOUNT", "items.0.unitPrice")]
        assert await _findings(world, _day(0)) == dear
        assert (await _end(world, contract, _day(-5)))["errors"] == []
        assert await _findings(world, _day(-5)) == dear
        assert await _findings(world, _day(0)) == []

    async def test_what_does_not_fit_is_refused(self, gateway: Gateway, world: World) -> None:
        contract = await _contract(world, PRICE | {"validTo": "2026-06-30"})
        before = await _prices(world)
        conflict = ("CONFLICT", "validTo", None)
        assert refusals(await _end(world, contract, "2026-06-30")) == [conflict]
        for day in ("2025-12-31", "2026-07-01"):
            assert refusals(await _end(world, contract, day)) == [("INVALID_DATE", "validTo", None)]
        assert refusals(await _end(world, contract, "31/05/2026")) == [("INVALID_DATE", "validTo", None)]
        assert refusals(await _end(world, contract, "2026-05-31", code="40304361")) == [("NOT_FOUND", "code", None)]
        assert refusals(await _end(world, contract, "2026-05-31", version=2)) == [("STALE_VERSION", "version", None)]
        stranger = [(await new_world(gateway)).provider]
        found = await _end(world, contract, "2026-05-31", providers=stranger)
        assert refusals(found) == [("NOT_FOUND", "contractId", None)]
        assert await _prices(world) == before

    async def test_a_key_ends_once(self, world: World) -> None:
        contract, once = await _contract(world, PRICE), key()
        first, second = [await _end(world, contract, "2026-05-31", idempotencyKey=once) for _ in range(2)]
        assert (first["replayed"], second["replayed"]) == (False, True)
        assert second["contract"] == first["contract"]


class TestCloseContract:
    async def test_claims_after_the_day_are_refused_and_those_before_are_not(self, world: World) -> None:
        contract = await _contract(world)
        draft = (await world.create_claim(serviceDate=_day(-2)))["claim"]
        late = (await world.create_claim(serviceDate=_day(0)))["claim"]
        done = await _close(world, contract, _day(-2), version=1)
        assert (done["errors"], done["contract"]) == (
            [],
            {"id": contract, "version": 2, "updatedBy": "dev-admin", "endsOn": _day(-2)},
        )
        refusal = ("INVALID_DATE", "serviceDate", "3279")
        late_claim = await world.create_claim(serviceDate=_day(-1), submit=True)
        assert refusals(late_claim) == [("INVALID_DATE", "claim.serviceDate", "3279")]
        assert await _findings(world, _day(-1)) == [("ERROR", "INVALID_DATE", "serviceDate")]
        assert (await world.create_claim(serviceDate=_day(-2), submit=True))["errors"] == []
        fields = "results { object { status } errors { code field tissCode } }"
        sent = await world.mutate("biller", "submitClaims", fields, claimIds=[draft["id"], late["id"]])
        assert [each["object"] for each in sent["results"]] == [{"status": "SUBMITTED"}, None]
        assert refusals(sent["results"][1]) == [refusal]

    async def test_what_exists_goes_on_under_its_terms(self, world: World) -> None:
        contract = await _contract(world)
        reviewed = await world.claim_in_review(items=[CONSULTATION])
        assert (await _close(world, contract, _day(-30)))["errors"] == []
        decision = {"sequence": 1, "approvedAmount": "60.00", "denials": [{"code": "1801", "amount": "40.00"}]}
        assert (await world.adjudicate(reviewed["id"], [decision]))["errors"] == []
        query = "query($id: ID!) { claim(id: $id) { items { denials { id appealDeadline } } } }"
        found = (await world.call("biller", query, id=reviewed["id"]))["claim"]["items"][0]["denials"][0]
        assert found["appealDeadline"] == _day(15)
        values = {"id": found["id"], "justification": "conforme contrato", "idempotencyKey": key()}
        assert (await world.mutate("biller", "appealDenial", "denial { id }", **values))["errors"] == []
        invoice = (await world.create_invoice([reviewed["id"]]))["invoice"]
        issued = await world.mutate("finance", "issueInvoice", "invoice { dueDate }", id=invoice["id"])
        assert issued["invoice"]["dueDate"] == _day(45)

    async def test_the_day_can_be_changed_and_new_terms_do_not_open_it(self, world: World) -> None:
        contract = await _contract(world)
        await _close(world, contract, _day(-10))
        await _contract(world, PRICE)
        assert refusals(await world.create_claim()) == [("INVALID_DATE", "claim.serviceDate", "3279")]
        assert (await _close(world, contract, _day(0)))["contract"]["endsOn"] == _day(0)
        assert (await world.create_claim())["errors"] == []

    async def test_others_and_stale_versions_are_refused(self, gateway: Gateway, world: World) -> None:
        contract, once = await _contract(world), key()
        assert refusals(await _close(world, contract, _day(0), version=3)) == [("STALE_VERSION", "version", None)]
        assert refusals(await _close(world, contract, "soon")) == [("INVALID_DATE", "endsOn", None)]
        stranger = [(await new_world(gateway)).provider]
        assert refusals(await _close(world, contract, _day(0), providers=stranger)) == [
            ("NOT_FOUND", "contractId", None)
        ]
        first, second = [await _close(world, contract, _day(0), idempotencyKey=once) for _ in range(2)]
        assert (first["replayed"], second["replayed"], second["contract"]) == (False, True, first["contract"])
        assert first["contract"]["version"] == 2

    async def test_both_say_who_changed_the_contract_and_when(self, world: World) -> None:
        contract = await _contract(world, PRICE)
        query = "query($ids: [ID!]) { contracts(filter: { ids: $ids }) { nodes { updatedBy updatedAt createdAt } } }"

        async def read() -> Any:
            (found,) = (await world.call("biller", query, ids=[contract]))["contracts"]["nodes"]
            return found

        first = await read()
        assert (await _end(world, contract, _day(30), sub="bia"))["errors"] == []
        second = await read()
        assert (await _close(world, contract, _day(60), sub="caio"))["errors"] == []
        third = await read()
        assert [each["updatedBy"] for each in (first, second, third)] == ["dev-admin", "bia", "caio"]
        assert first["updatedAt"] < second["updatedAt"] < third["updatedAt"]
        assert {each["createdAt"] for each in (first, second, third)} == {first["createdAt"]}
