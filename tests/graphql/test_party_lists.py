"""What a form offers to choose from: payers, providers, practitioners and contracts, each within the data scope."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import update

from app.db.reference_tables import providers
from tests.factories import World, key, new_world
from tests.gateway import Gateway

PAGE = "query($s: String, $n: Int! = 20, $after: String) {{ {0}(search: $s, first: $n, after: $after) {{ {1} }} }}"
PAYERS = PAGE.format("payers", "totalCount nodes { ansCode name } pageInfo { endCursor hasNextPage }")
PROVIDERS = PAGE.format("providers", "totalCount nodes { cnes name } pageInfo { endCursor hasNextPage }")
PRACTITIONERS = PAGE.format(
    "practitioners", "totalCount nodes { name council number state cbo } pageInfo { endCursor hasNextPage }"
)
ANA = {"name": "Ana Lúcia Prado", "council": "06", "number": "12345", "state": "35", "cbo": "225125"}
BIA = {"name": "Beatriz Prado", "council": "06", "number": "67890", "state": "35", "cbo": "225120"}


async def _ask(world: World, query: str, role: str = "biller", **variables: Any) -> Any:
    (found,) = (await world.call(role, query, **variables)).values()
    return found


async def _renamed(world: World, name: str) -> None:
    async with world.gateway.database.engine.begin() as connection:
        await connection.execute(update(providers).where(providers.c.cnes == world.provider).values(name=name))


class TestPayers:
    async def test_everybody_finds_payers_by_name_and_by_code(self, world: World) -> None:
        named = {"ansCode": world.payer, "name": f"Payer {int(world.payer) - 200_000:03d}"}
        for search in (world.payer, named["name"].upper(), f"payer {world.payer}"):
            for role in ("biller", "patient", "admin"):
                assert named in (await _ask(world, PAYERS, role, s=search))["nodes"]
        assert await _ask(world, PAYERS, s=f"{world.payer} nobody") == {
            "totalCount": 0, "nodes": [], "pageInfo": {"endCursor": None, "hasNextPage": False},
        }  # fmt: skip

    async def test_one_payer_by_its_code(self, world: World) -> None:
        query = "query($code: AnsCode!) { payer(ansCode: $code) { ansCode paymentTermDays } }"
        assert await _ask(world, query, code=world.payer) == {"ansCode": world.payer, "paymentTermDays": 30}
        assert await _ask(world, query, code="999999") is None
        refused = await world.gateway.gql(query, {"code": "12"}, token=world.token("biller"))
        assert refused.reasons == [("BAD_USER_INPUT", "INVALID_IDENTIFIER", "ansCode")]

    async def test_pages_have_no_gap_and_no_repeat(self, world: World) -> None:
        for _ in range(4):
            await new_world(world.gateway)
        found, after = [], None
        while True:
            page = await _ask(world, PAYERS, n=100, after=after)
            found += [(each["name"], each["ansCode"]) for each in page["nodes"]]
            if not page["pageInfo"]["hasNextPage"]:
                break
            after = page["pageInfo"]["endCursor"]
        assert found == sorted(set(found))
        assert len(found) == page["totalCount"]


class TestProviders:
    async def test_accents_and_case_do_not_matter(self, world: World) -> None:
        await _renamed(world, "Clínica São José 24h")
        for search in ("sao JOSE", "SÃO", "clinica 24", world.provider[:4], None):
            found = await _ask(world, PROVIDERS, s=search)
            assert (found["totalCount"], [each["cnes"] for each in found["nodes"]]) == (1, [world.provider])
        assert (await _ask(world, PROVIDERS, s="josefa"))["totalCount"] == 0

    @pytest.mark.parametrize("search", ["%", "a_", "x" * 101, "a", "ab cd ef gh ij kl mn"])
    async def test_a_search_has_up_to_six_words_and_no_wildcards(self, world: World, search: str) -> None:
        answer = await world.gateway.gql(PROVIDERS, {"s": search}, token=world.token("biller"))
        if search == "a_":
            assert answer.data["providers"]["totalCount"] == 0
        else:
            assert answer.reasons == [("BAD_USER_INPUT", "INVALID_INPUT", "search")]

    async def test_a_provider_finds_itself_and_no_other(self, world: World) -> None:
        other = await new_world(world.gateway)
        query = "query($cnes: Cnes!) { provider(cnes: $cnes) { cnes name taxId } }"
        found = {"cnes": world.provider, "name": "Clinic", "taxId": "11222333000181"}
        assert await _ask(world, query, cnes=world.provider) == found
        assert await _ask(world, query, cnes=other.provider) is None

    async def test_a_payer_finds_those_that_bill_to_it_or_have_a_contract(self, world: World) -> None:
        billing, agreed, neither = [await new_world(world.gateway) for _ in range(3)]
        payer = replace(billing, payer=world.payer, card=world.card, patient=world.patient)
        await payer.submitted_claim()
        terms = {"submissionWindowDays": 90, "appealDeadlineDays": 30, "paymentTermDays": 30}
        saved = {"payer": world.payer, "provider": agreed.provider, **terms, "idempotencyKey": key()}
        await agreed.mutate("admin", "saveContract", "contract { id }", **saved)
        found = await _ask(world, PROVIDERS, "payer_agent")
        assert [each["cnes"] for each in found["nodes"]] == sorted([billing.provider, agreed.provider])
        assert neither.provider not in str(found)

    async def test_a_patient_finds_those_that_billed_their_claims(self, world: World) -> None:
        assert (await _ask(world, PROVIDERS, "patient"))["totalCount"] == 0
        await world.submitted_claim()
        assert [each["cnes"] for each in (await _ask(world, PROVIDERS, "patient"))["nodes"]] == [world.provider]

    async def test_a_page_and_its_count_are_two_statements(self, world: World) -> None:
        with world.gateway.counting() as statements:
            await _ask(world, PROVIDERS)
        assert len(statements) == 2


class TestPractitioners:
    async def test_each_of_the_scopes_claims_once(self, world: World) -> None:
        other = await new_world(world.gateway)
        for doctor in (BIA, ANA, ANA, {"council": "06"}):
            await world.create_claim(practitioner=doctor)
        await world.create_claim(practitioner=None)
        await other.create_claim(practitioner={**ANA, "number": "999"})
        assert await _ask(world, PRACTITIONERS) | {"pageInfo": None} == {
            "totalCount": 2, "nodes": [ANA, BIA], "pageInfo": None,
        }  # fmt: skip
        assert (await _ask(other, PRACTITIONERS))["nodes"] == [{**ANA, "number": "999"}]

    async def test_by_words_of_the_name_and_digits_of_the_number(self, world: World) -> None:
        for doctor in (ANA, BIA):
            await world.create_claim(practitioner=doctor)
        for search, expected in (("lucia", [ANA]), ("PRADO", [ANA, BIA]), ("678", [BIA]), ("prado 123", [ANA])):
            assert (await _ask(world, PRACTITIONERS, s=search))["nodes"] == expected

    async def test_pages_of_one(self, world: World) -> None:
        namesakes = [{**ANA, "number": number} for number in ("1", "2")]
        for doctor in (*namesakes, {"number": "77", "council": "06"}):
            await world.create_claim(practitioner=doctor)
        found, after = [], None
        for _ in range(3):
            page = await _ask(world, PRACTITIONERS, n=1, after=after)
            found += page["nodes"]
            after = page["pageInfo"]["endCursor"]
        nameless = {"name": None, "council": "06", "number": "77", "state": None, "cbo": None}
        assert (found, page["pageInfo"]["hasNextPage"]) == ([nameless, *namesakes], False)

    async def test_one_whom_several_providers_name_is_there_once(self, world: World) -> None:
        other, namesake = await new_world(world.gateway), {**ANA, "number": "999"}
        for each, doctor in ((world, ANA), (world, BIA), (other, ANA), (other, namesake)):
            await each.create_claim(practitioner=doctor)
        names = "{ practitioners { totalCount nodes { name } } }"
        both = world.gateway.token("biller", providers=[world.provider, other.provider])
        found = (await world.gateway.gql(names, token=both)).data["practitioners"]
        # Those of one name stay two, whatever else is asked for.
        assert found == {"totalCount": 3, "nodes": [{"name": each["name"]} for each in (ANA, namesake, BIA)]}
        assert (await _ask(other, PRACTITIONERS, "payer_agent"))["nodes"] == [ANA, namesake]

    @pytest.mark.parametrize("role", ["billing_reader", "admin"])
    async def test_others_are_refused(self, world: World, role: str) -> None:
        answer = await world.gateway.gql(PRACTITIONERS, token=world.token(role))
        assert (answer.body["data"], answer.codes) == ({"practitioners": None}, ["FORBIDDEN"])


async def test_a_contract_by_id_is_found_by_its_parties_only(gateway: Gateway, world: World) -> None:
    other = await new_world(gateway)
    terms = {"submissionWindowDays": 90, "appealDeadlineDays": 31, "paymentTermDays": 30}
    saved = {"payer": world.payer, "provider": world.provider, **terms, "idempotencyKey": key()}
    contract = (await world.mutate("admin", "saveContract", "contract { id }", **saved))["contract"]["id"]
    query = "query($id: ID!) { contract(id: $id) { appealDeadlineDays payer { ansCode } provider { cnes } } }"
    parties = {"payer": {"ansCode": world.payer}, "provider": {"cnes": world.provider}}
    for role in ("biller", "payer_agent"):
        assert await _ask(world, query, role, id=contract) == {"appealDeadlineDays": 31, **parties}
        assert await _ask(other, query, role, id=contract) is None
