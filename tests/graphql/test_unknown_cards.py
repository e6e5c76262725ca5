"""Cards that the gateway does not know: refused where it holds the payer's membership, else a warning, and the claim
creates the person from the little that it says."""

import asyncio
from typing import Any

from sqlalchemy import func, select

from app.db.reference_tables import coverages, metadata, patients
from app.services.batch_import import GuideOutcome
from tests.factories import CONSULTATION, World, key, new_world, refusals
from tests.lotes import Line, guide, lote, take
from tests.preflights import findings_on, preflight, save_contract, stored_warnings

UNKNOWN = ("WARNING", "INVALID_CARD", "cardNumber", "1001", "100.00")
PERSON = "query($id: ID!) { claim(id: $id) { patient { id name cpf birthDate isActive } } }"
CARD = """query($payer: AnsCode!, $card: String!) { coverageOfCard(payerAnsCode: $payer, cardNumber: $card) {
  plan startsOn endsOn cardValidUntil patient { id } } }"""


async def _person(world: World, claim_id: str, role: str = "biller") -> Any:
    return (await world.call(role, PERSON, id=claim_id))["claim"]["patient"]


async def _people(world: World, card: str) -> list[str]:
    """The patients of the coverages of this card."""
    async with world.gateway.database.reading() as connection:
        query = select(coverages.c.patient_id).where(coverages.c.payer_ans == world.payer)
        return list((await connection.execute(query.where(coverages.c.card_number == card))).scalars())


async def _nameless(world: World) -> int:
    """How many patients have no name."""
    async with world.gateway.database.reading() as connection:
        query = select(func.count()).select_from(patients).where(patients.c.name == "")
        return int((await connection.execute(query)).scalar_one())


async def _rows(world: World) -> dict[str, int]:
    async with world.gateway.database.reading() as connection:
        return {
            table.name: (await connection.execute(select(func.count()).select_from(table))).scalar_one()
            for table in metadata.sorted_tables
            if not table.name.startswith("access_log_")
        }


async def _colleague(world: World) -> World:
    """Another provider with the same payer."""
    other = await new_world(world.gateway)
    return World(world.gateway, world.payer, other.provider, world.patient, world.card)


class TestWithoutTheMembership:
    async def test_preflight_warns_and_creates_nothing(self, world: World) -> None:
        before = await _rows(world)
        report = await preflight(world, cardNumber="UNREGISTERED-1")
        assert (report["passes"], report["atRiskAmount"]) == (True, "100.00")
        assert await findings_on(world, cardNumber="UNREGISTERED-1") == [UNKNOWN]
        assert await _rows(world) == before

    async def test_a_claim_creates_a_person_of_whom_only_the_card_is_known(self, world: World) -> None:
        claim = await world.submitted_claim(cardNumber="UNREGISTERED-1")
        person = await _person(world, claim["id"])
        assert person == {"id": person["id"], "name": None, "cpf": None, "birthDate": None, "isActive": True}
        assert await _people(world, "UNREGISTERED-1") == [person["id"]]
        found = (await world.call("biller", CARD, payer=world.payer, card="UNREGISTERED-1"))["coverageOfCard"]
        nothing = dict.fromkeys(("plan", "startsOn", "endsOn", "cardValidUntil"))
        assert found == {**nothing, "patient": {"id": person["id"]}}
        assert await stored_warnings(world, claim["id"]) == [UNKNOWN]
        assert await world.events(person["id"]) == ["PatientRegistered"]
        assert await _person(world, claim["id"], "payer_agent") == person

    async def test_the_next_claim_is_of_the_same_person_and_warns_no_more(self, world: World) -> None:
        first = await world.submitted_claim(cardNumber="UNREGISTERED-1")
        second = await world.submitted_claim(cardNumber="UNREGISTERED-1", items=[{**CONSULTATION, "code": "40301630"}])
        assert await _person(world, first["id"]) == await _person(world, second["id"])
        assert await stored_warnings(world, second["id"]) == []
        third = await findings_on(world, cardNumber="UNREGISTERED-1")
        assert [each[3] for each in third] == ["3209"]

    async def test_a_draft_warns_when_it_is_sent(self, world: World) -> None:
        draft = (await world.create_claim(cardNumber="UNREGISTERED-1"))["claim"]
        await world.mutate("biller", "submitClaims", "results { id }", claimIds=[draft["id"]])
        assert await stored_warnings(world, draft["id"]) == [UNKNOWN]

    async def test_a_draft_may_be_changed_to_such_a_card(self, world: World) -> None:
        draft = (await world.create_claim())["claim"]
        values = {"id": draft["id"], "cardNumber": "UNREGISTERED-1", "idempotencyKey": key()}
        assert (await world.mutate("biller", "updateDraftClaim", "claim { id }", **values))["errors"] == []
        assert await _people(world, "UNREGISTERED-1") == [(await _person(world, draft["id"]))["id"]]

    async def test_claims_at_the_same_time_create_one_person(self, world: World) -> None:
        before = await _nameless(world)
        found = await asyncio.gather(*[world.create_claim(cardNumber="UNREGISTERED-1") for _ in range(8)])
        assert [each["errors"] for each in found] == [[]] * 8
        people = {(await _person(world, each["claim"]["id"]))["id"] for each in found}
        assert ([*people], await _nameless(world)) == (await _people(world, "UNREGISTERED-1"), before + 1)

    async def test_a_refused_claim_creates_nobody(self, world: World) -> None:
        before = await _rows(world)
        refused = await world.create_claim(cardNumber="UNREGISTERED-1", items=[{**CONSULTATION, "code": "99999999"}])
        assert refusals(refused) == [("UNKNOWN_CODE", "claim.items.0.code", "1801")]
        assert await _rows(world) == before

    async def test_eligibility_is_undetermined_before_and_after(self, world: World) -> None:
        for _ in range(2):
            found = (await world.check_eligibility(cardNumber="UNREGISTERED-1"))["eligibility"]
            assert (found["outcome"], found["reasons"]) == ("UNDETERMINED", [])
            await world.submitted_claim(cardNumber="UNREGISTERED-1")

    async def test_a_guide_is_imported(self, world: World) -> None:
        xml = lote(world, guide(world, "C1", Line(), total="100.00", card="UNREGISTERED-1"))
        (result,) = (await take(world, xml)).results
        assert (result.outcome, result.failures) == (GuideOutcome.IMPORTED, ())
        assert await stored_warnings(world, result.claim_id or "") == [UNKNOWN]
        assert await _people(world, "UNREGISTERED-1") == [(await _person(world, result.claim_id or ""))["id"]]

    async def test_a_contract_that_does_not_hold_the_membership_is_as_none(self, world: World) -> None:
        await save_contract(world)
        assert await findings_on(world, cardNumber="UNREGISTERED-1") == [UNKNOWN]

    async def test_a_registered_coverage_is_known(self, world: World) -> None:
        claim = await world.submitted_claim(cardNumber="UNREGISTERED-1")
        async with world.gateway.database.reading() as connection:
            query = select(coverages.c.id).where(coverages.c.patient_id == (await _person(world, claim["id"]))["id"])
            card_id = (await connection.execute(query)).scalar_one()
        values = {"coverageId": card_id, "startsOn": "2020-01-01", "plan": "Essencial"}
        changed = await world.mutate("biller", "updateCoverage", "coverage { plan startsOn }", **values)
        assert changed["errors"] == []
        assert changed["coverage"] == {"plan": "Essencial", "startsOn": "2020-01-01"}
        found = (await world.check_eligibility(cardNumber="UNREGISTERED-1"))["eligibility"]
        assert found["outcome"] == "ELIGIBLE"


class TestWithTheMembership:
    async def test_an_unknown_card_is_refused_and_creates_nobody(self, world: World) -> None:
        await world.hold_membership()
        before = await _rows(world)
        assert await findings_on(world, cardNumber="UNREGISTERED-1") == [("ERROR", *UNKNOWN[1:])]
        refused = await world.create_claim(cardNumber="UNREGISTERED-1")
        assert refusals(refused) == [("INVALID_CARD", "claim.cardNumber", "1001")]
        assert await _rows(world) == before

    async def test_what_only_a_guide_of_another_provider_named_is_unknown(self, world: World) -> None:
        other = await _colleague(world)
        await other.submitted_claim(cardNumber="UNREGISTERED-1")
        await world.hold_membership()
        assert refusals(await world.create_claim(cardNumber="UNREGISTERED-1")) == [
            ("INVALID_CARD", "claim.cardNumber", "1001")
        ]
        found = (await world.check_eligibility(cardNumber="UNREGISTERED-1"))["eligibility"]
        assert (found["outcome"], [each["code"] for each in found["reasons"]]) == ("NOT_ELIGIBLE", ["1001"])

    async def test_a_draft_may_not_be_changed_to_such_a_card(self, world: World) -> None:
        await world.hold_membership()
        draft = (await world.create_claim())["claim"]
        values = {"id": draft["id"], "cardNumber": "UNREGISTERED-1", "idempotencyKey": key()}
        refused = await world.mutate("biller", "updateDraftClaim", "claim { id }", **values)
        assert refusals(refused) == [("INVALID_CARD", "claim.cardNumber", "1001")]
        assert (await _person(world, draft["id"]))["id"] == world.patient
        assert await world.events(draft["id"]) == ["ClaimCreated"]
