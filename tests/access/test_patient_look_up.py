"""Looking patients up by card or CPF: recorded, within the data scope, and no way to guess either."""

from typing import Any

import pytest
from sqlalchemy import select

from app.auth import roles
from app.db.access_log_tables import access_log_entries
from app.db.reference_tables import coverages, patients
from app.domain import ids
from app.domain.access_log import AccessDecision
from tests.access.test_cards import BUDGET, limited
from tests.access.test_fields import ALL
from tests.factories import World, add_card, key, new_world
from tests.gateway import Gateway

__all__ = ["limited"]

LOOK_UP = """query($card: String, $payer: AnsCode, $cpf: Cpf) {
  patients(cardNumber: $card, payerAnsCode: $payer, cpf: $cpf) { totalCount nodes { id name cpf birthDate } } }"""
NOBODY = {"totalCount": 0, "nodes": []}


@pytest.fixture
def everything(monkeypatch: pytest.MonkeyPatch) -> str:
    """A role with every permission."""
    monkeypatch.setitem(roles.ROLES, "everything", ALL)
    return "everything"


async def _ask(world: World, role: str = "biller", **variables: Any) -> Any:
    return (await world.call(role, LOOK_UP, **variables))["patients"]


async def _person(world: World) -> Any:
    async with world.gateway.database.reading() as connection:
        query = select(patients).where(patients.c.id == world.patient)
        return (await connection.execute(query)).mappings().one()


async def test_a_card_finds_its_patient_once_the_provider_knows_the_patient(world: World) -> None:
    person = await _person(world)
    assert await _ask(world, card=world.card) == NOBODY
    await world.create_claim()
    named = {"id": world.patient, "name": person["name"]}
    found = await _ask(world, "front_desk", card=world.card, payer=world.payer)
    # A draft makes the patient known, but not treated.
    assert found == {"totalCount": 1, "nodes": [{**named, "cpf": None, "birthDate": None}]}
    assert await _ask(world, card=world.card, payer="999999") == NOBODY
    await world.submitted_claim()
    seen = {**named, "cpf": person["cpf"], "birthDate": "1980-01-01"}
    assert await _ask(world, "front_desk", card=world.card) == {"totalCount": 1, "nodes": [seen]}
    assert await _ask(world, "payer_agent", card=world.card) == {"totalCount": 1, "nodes": [seen]}


async def test_a_cpf_finds_only_patients_whose_cpf_may_be_seen(world: World) -> None:
    cpf = (await _person(world))["cpf"]
    await world.create_claim()
    assert await _ask(world, "front_desk", cpf=cpf) == NOBODY
    await world.submitted_claim()
    assert [each["id"] for each in (await _ask(world, "front_desk", cpf=cpf))["nodes"]] == [world.patient]
    assert (await _ask(world, "front_desk", cpf=cpf, card="99990000")) == NOBODY
    answer = await world.gateway.gql(LOOK_UP, {"cpf": cpf}, token=world.token("biller"))
    assert (answer.body["data"], answer.codes) == ({"patients": None}, ["FORBIDDEN"])


async def test_a_day_of_birth_and_words_of_the_name_find_those_whom_the_provider_treats(world: World) -> None:
    query = """query($born: Date!, $search: String, $active: Boolean) {
      patients(birthDate: $born, search: $search, isActive: $active) { totalCount nodes { id } } }"""
    born = "1931-12-07"

    async def ask(**variables: Any) -> list[str]:
        found = (await world.call("front_desk", query, born=born, **variables))["patients"]
        assert found["totalCount"] == len(found["nodes"])
        return [each["id"] for each in found["nodes"]]

    made = []
    for name in ("Conceição da Luz", "Rosa da Luz"):
        values = {"provider": world.provider, "name": name, "birthDate": born, "idempotencyKey": key()}
        made.append((await world.mutate("front_desk", "registerPatient", "patient { id }", **values))["patient"]["id"])
    assert await ask() == made
    assert await ask(search="LUZ conceicao") == made[:1]
    assert await ask(search="lima") == []
    await world.mutate("front_desk", "deactivatePatient", "patient { id }", patientId=made[0])
    assert (await ask(active=True), await ask(active=False)) == (made[1:], made[:1])
    other = await new_world(world.gateway)
    found = await other.call("front_desk", query, born=born)
    assert found["patients"] == {"totalCount": 0, "nodes": []}


async def test_each_card_of_a_number_is_found(world: World) -> None:
    other = await new_world(world.gateway)
    async with world.gateway.database.engine.begin() as connection:
        copied = (await connection.execute(select(coverages).where(coverages.c.card_number == other.card))).mappings()
        row = {**copied.one(), "id": ids.new_id(ids.COVERAGE), "payer_ans": world.payer}
        await connection.execute(coverages.insert(), [row])
    await world.create_claim(cardNumber=other.card)
    assert [each["id"] for each in (await _ask(world, card=other.card))["nodes"]] == [other.patient]
    assert (await _ask(world, card=other.card, payer=other.payer))["totalCount"] == 1


@pytest.mark.parametrize("kind", ["provider", "payer", "patient"])
async def test_others_find_nobody(gateway: Gateway, world: World, everything: str, kind: str) -> None:
    await world.submitted_claim()
    other = await new_world(gateway)
    cpf = (await _person(world))["cpf"]
    scope: dict[str, dict[str, Any]] = {
        "provider": {"providers": [other.provider]},
        "payer": {"providers": ["*"], "payer": other.payer},
        "patient": {"patient": other.patient},
    }
    for variables in ({"card": world.card}, {"cpf": cpf}, {"card": world.card, "cpf": cpf}):
        answer = await gateway.gql(LOOK_UP, variables, token=gateway.token(everything, **scope[kind]))
        assert answer.data["patients"] == NOBODY


@pytest.mark.parametrize(
    ("variables", "reason", "place"),
    [
        ({}, "INVALID_INPUT", "cardNumber"),
        ({"payer": "123456"}, "INVALID_INPUT", "cardNumber"),
        ({"card": ""}, "INVALID_CARD", "cardNumber"),
        ({"card": "1" * 21}, "INVALID_CARD", "cardNumber"),
        ({"cpf": "11111111111"}, "INVALID_IDENTIFIER", "cpf"),
        ({"cpf": "52998224724"}, "INVALID_IDENTIFIER", "cpf"),
        ({"cpf": "529.982.247-25"}, "INVALID_IDENTIFIER", "cpf"),
    ],
)
async def test_what_is_no_number_is_refused(world: World, variables: dict[str, str], reason: str, place: str) -> None:
    answer = await world.gateway.gql(LOOK_UP, variables, token=world.token("front_desk"))
    assert answer.reasons == [("BAD_USER_INPUT", reason, place)]


async def test_guesses_end_with_the_budget_for_hits_too(limited: Gateway) -> None:
    world = await new_world(limited)
    await world.submitted_claim()
    stranger = await new_world(limited)
    cpf = (await _person(stranger))["cpf"]
    guesses = [{"card": f"8888{number:04}"} for number in range(BUDGET - 2)]
    # A card that exists elsewhere and a CPF count as well: otherwise the budget would tell that they exist.
    guesses += [{"card": stranger.card}, {"cpf": cpf}]
    token = limited.token("front_desk", providers=[world.provider], sub="guesser-patients")
    assert (await limited.gql(LOOK_UP, {"card": world.card}, token=token)).data["patients"]["totalCount"] == 1
    for variables in guesses:
        assert (await limited.gql(LOOK_UP, variables, token=token)).data["patients"] == NOBODY
    for variables in ({"card": world.card}, {"card": "88889999"}):
        assert (await limited.gql(LOOK_UP, variables, token=token)).codes == ["RATE_LIMITED"]


async def test_hits_are_logged_with_their_person_and_misses_without(world: World) -> None:
    await world.submitted_claim()
    actor = f"looker-{world.provider}"
    token = world.gateway.token("front_desk", providers=[world.provider], sub=actor)
    unknown = await add_card(world)
    for card in (world.card, unknown):
        counted = "query($card: String) { patients(cardNumber: $card) { totalCount } }"
        assert (await world.gateway.gql(counted, {"card": card}, token=token)).codes == []
    await world.gateway.parts.access_log.flush()
    table = access_log_entries.c
    columns = (table.operation, table.decision, table.detail, table.data_classes, table.persons)
    query = select(*columns).where(table.actor == actor).order_by(table.id)
    async with world.gateway.database.reading() as connection:
        found = [tuple(row) for row in (await connection.execute(query)).all()]
    assert found == [
        ("patients", AccessDecision.ALLOWED, None, "PERSONAL", 1),
        ("patients", AccessDecision.REFUSED, "unknown card", "PERSONAL", 0),
    ]
