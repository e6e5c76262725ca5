"""Patients, cards and practitioners are registered by a provider's staff, corrected and deactivated."""

import asyncio
import itertools
from typing import Any

import orjson
import pytest
from sqlalchemy import select

from app.auth import roles
from app.db.tables import outbox
from app.domain.identifiers import check_digits_of_cpf
from tests.factories import World, key, new_world, refusals

PATIENT = "patient { id name cpf birthDate version isActive }"
COVERAGE = "coverage { id cardNumber plan startsOn endsOn cardValidUntil version payer { ansCode } patient { id } }"
PRACTITIONER = "practitioner { id name council number state cbo version isActive provider { cnes } }"
DOCTOR = {"name": "Dra. Ana Lima", "council": "06", "state": "35", "cbo": "225125"}
_bases = itertools.count(700_000_000)


def _cpf() -> str:
    base = str(next(_bases))
    return base + check_digits_of_cpf(base)


async def _register(world: World, **changes: Any) -> Any:
    values = {"provider": world.provider, "name": "Joana Registrada", "idempotencyKey": key(), **changes}
    return await world.mutate("front_desk", "registerPatient", PATIENT, **values)


async def _card(world: World, patient: str, card: str, **changes: Any) -> Any:
    values = {"patientId": patient, "payer": world.payer, "cardNumber": card, "plan": "Plano Ouro"}
    values |= {"startsOn": "2020-01-01", "idempotencyKey": key(), **changes}
    return await world.mutate("front_desk", "registerCoverage", COVERAGE, **values)


async def _practitioner(world: World, registration: str, **changes: Any) -> Any:
    values = {"provider": world.provider, "number": registration, "idempotencyKey": key(), **DOCTOR, **changes}
    return await world.mutate("biller", "registerPractitioner", PRACTITIONER, **values)


async def _event_data(world: World, party: str) -> list[Any]:
    async with world.gateway.database.reading() as connection:
        rows = select(outbox.c.name, outbox.c.data).where(outbox.c.aggregate_id == party).order_by(outbox.c.id)
        return [(name, orjson.loads(data)) for name, data in (await connection.execute(rows)).all()]


async def test_a_patient_is_registered_gets_a_card_and_a_claim(server_world: World) -> None:
    world, cpf = server_world, _cpf()
    made = await _register(world, cpf=cpf, birthDate="1990-05-17")
    patient = made["patient"]
    expected = {"name": "Joana Registrada", "cpf": cpf, "birthDate": "1990-05-17", "version": 1, "isActive": True}
    assert (patient, made["errors"]) == ({"id": patient["id"], **expected}, [])
    card = key()[:20]
    coverage = (await _card(world, patient["id"], card, dates={"cardValidUntil": "2099-12-31"}))["coverage"]
    assert coverage == {
        "id": coverage["id"],
        "cardNumber": card,
        "plan": "Plano Ouro",
        "startsOn": "2020-01-01",
        "endsOn": None,
        "cardValidUntil": "2099-12-31",
        "version": 1,
        "payer": {"ansCode": world.payer},
        "patient": {"id": patient["id"]},
    }
    claim = (await world.create_claim(cardNumber=card, submit=True))["claim"]
    query = "query($id: ID!) { claim(id: $id) { patient { id coverages { totalCount nodes { cardNumber } } } } }"
    found = (await world.call("front_desk", query, id=claim["id"]))["claim"]["patient"]
    assert found == {"id": patient["id"], "coverages": {"totalCount": 1, "nodes": [{"cardNumber": card}]}}
    state = {"provider": None, "patientId": patient["id"], "mergedInto": None, "isActive": True, "version": 1}
    assert await _event_data(world, patient["id"]) == [("PatientRegistered", {**state, "payer": None})]
    ids = {"coverageId": coverage["id"], "patientId": patient["id"]}
    data = {"provider": None, "payer": world.payer, **ids, "isActive": True, "version": 1}
    assert await _event_data(world, coverage["id"]) == [("CoverageRegistered", data)]


async def test_only_the_provider_that_registered_a_patient_sees_the_patient(server_world: World) -> None:
    world, other = server_world, await new_world(server_world.gateway)
    patient = (await _register(world, cpf=_cpf()))["patient"]["id"]
    query = "query($id: ID!) { node(id: $id) { id } }"
    assert (await world.call("front_desk", query, id=patient))["node"] == {"id": patient}
    assert (await other.call("front_desk", query, id=patient))["node"] is None


async def test_a_cpf_is_one_patient_and_only_who_may_see_it_learns_the_id(server_world: World) -> None:
    world, other, cpf = server_world, await new_world(server_world.gateway), _cpf()
    patient = (await _register(world, cpf=cpf))["patient"]["id"]
    query = """mutation($input: RegisterPatientInput!) { registerPatient(input: $input) {
      errors { code field ... on DuplicatePartyError { existing { id } } } } }"""
    for each, existing in ((world, {"id": patient}), (other, None)):
        values = {"providerCnes": each.provider, "name": "Joana", "cpf": cpf, "idempotencyKey": key()}
        found = (await each.call("front_desk", query, input=values))["registerPatient"]["errors"]
        assert found == [{"code": "DUPLICATE_PARTY", "field": ["cpf"], "existing": existing}]


async def test_of_callers_who_register_a_cpf_at_once_one_does(server_world: World) -> None:
    cpf = _cpf()
    found = await asyncio.gather(*[_register(server_world, cpf=cpf) for _ in range(4)])
    assert sorted(code for each in found for code, _, _ in refusals(each)) == ["DUPLICATE_PARTY"] * 3


async def test_who_registers_patients_and_may_not_read_them_does_not_see_them(
    server_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = server_world
    query = "mutation($i: %s!) { done: %s(input: $i) { patient { id } errors { code } } }"
    patient = (await _register(world))["patient"]["id"]
    new = {"providerCnes": world.provider, "name": "Joana", "idempotencyKey": key()}
    own, other = {"patientId": patient}, (await _register(world))["patient"]["id"]
    given = {"registerPatient": new, "updatePatient": own, "deactivatePatient": own, "reactivatePatient": own}
    given["mergePatients"] = {**own, "mergedPatientId": other, "idempotencyKey": key()}
    for name, values in given.items():
        monkeypatch.setitem(roles.ROLES, f"clerk-{name}", frozenset({"patients:register", "patients:merge"}))
        token = world.token(f"clerk-{name}")
        text = query % (f"{name[0].upper()}{name[1:]}Input", name)
        found = await world.gateway.gql(text, {"i": values}, token=token)
        assert (found.body["data"]["done"], found.codes) == ({"patient": None, "errors": []}, ["FORBIDDEN"])


async def test_a_persons_data_is_corrected_and_the_history_says_what(server_world: World) -> None:
    world, first, second = server_world, _cpf(), _cpf()
    patient = (await _register(world, cpf=first))["patient"]["id"]
    values = {"patientId": patient, "name": "Joana Corrigida", "cpf": second, "version": 1}
    changed = await world.mutate("front_desk", "updatePatient", PATIENT, **values)
    assert (changed["patient"]["name"], changed["patient"]["cpf"], changed["patient"]["version"]) == (
        *("Joana Corrigida", second),
        2,
    )
    assert refusals(await world.mutate("front_desk", "updatePatient", PATIENT, **values)) == [
        ("STALE_VERSION", "version", None)
    ]
    cleared = await world.mutate("front_desk", "updatePatient", PATIENT, patientId=patient, cpf=None)
    assert (cleared["patient"]["cpf"], cleared["patient"]["name"]) == (None, "Joana Corrigida")
    assert (await _register(world, cpf=first))["errors"] == []
    assert (await _register(world, cpf=second))["errors"] == []
    taken = await world.mutate("front_desk", "updatePatient", PATIENT, patientId=patient, cpf=first)
    assert refusals(taken) == [("DUPLICATE_PARTY", "cpf", None)]
    query = """query($id: ID!) { node(id: $id) { ... on Patient { name history { nodes {
      action version changedFields actor } } } } }"""
    node = (await world.call("front_desk", query, id=patient))["node"]
    actor = "dev-front_desk"
    assert (node["name"], node["history"]["nodes"]) == (
        "Joana Corrigida",
        [
            {"action": "REGISTER", "version": 1, "changedFields": [], "actor": actor},
            {"action": "UPDATE", "version": 2, "changedFields": ["name", "cpf"], "actor": actor},
            {"action": "UPDATE", "version": 3, "changedFields": ["cpf"], "actor": actor},
        ],
    )


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({"name": "  "}, [("INVALID_INPUT", "name", None)]),
        ({"name": "x" * 71}, [("INVALID_INPUT", "name", None)]),
        ({"cpf": "52998224724"}, [("INVALID_IDENTIFIER", "cpf", None)]),
        ({"birthDate": "2999-01-01"}, [("INVALID_DATE", "birthDate", None)]),
        ({"provider": "9999999"}, [("NOT_FOUND", "providerCnes", "1202")]),
    ],
)
async def test_wrong_data_of_a_patient_is_refused(
    server_world: World, changes: dict[str, str], refused: list[Any]
) -> None:
    assert refusals(await _register(server_world, **changes)) == refused


async def test_a_deactivated_patient_gets_no_new_claims(server_world: World) -> None:
    world, card = server_world, key()[:20]
    patient = (await _register(world))["patient"]["id"]
    await _card(world, patient, card)
    sent = await world.claim_in_review(cardNumber=card)
    found = await world.mutate("front_desk", "deactivatePatient", PATIENT, patientId=patient, version=1)
    assert (found["patient"]["isActive"], found["patient"]["version"]) == (False, 2)
    assert refusals(await world.create_claim(cardNumber=card)) == [("DEACTIVATED", "claim.cardNumber", None)]
    assert refusals(await _card(world, patient, key()[:20])) == [("DEACTIVATED", "patientId", None)]
    assert (await world.adjudicate(sent["id"], [{"sequence": 1, "approvedAmount": "100.00"}]))["errors"] == []
    await world.mutate("front_desk", "reactivatePatient", PATIENT, patientId=patient)
    assert (await world.create_claim(cardNumber=card))["errors"] == []


async def test_a_patient_of_other_providers_is_not_deactivated_by_one_of_them(server_world: World) -> None:
    """The world's patient is known to the other provider by a claim."""
    world, other = server_world, await new_world(server_world.gateway)
    await world.submitted_claim()
    token = world.gateway.token("biller", providers=[world.provider, other.provider])
    query = "mutation($i: CreateClaimInput!) { createClaim(input: $i) { errors { code } } }"
    claim = world.claim_input(provider=other.provider)
    given = {
        "claim": {
            name: claim[name]
            for name in ("type", "providerClaimNumber", "cardNumber", "serviceDate", "practitioner", "encounter")
        }
    }
    given["claim"] |= {"providerCnes": other.provider, "payerAnsCode": world.payer, "items": claim["items"]}
    done = await world.gateway.gql(query, {"i": {**given, "submit": True, "idempotencyKey": key()}}, token=token)
    assert done.data["createClaim"]["errors"] == []
    found = await world.mutate("front_desk", "deactivatePatient", PATIENT, patientId=world.patient)
    assert refusals(found) == [("CONFLICT", "patientId", None)]
    central = world.gateway.token("front_desk", providers=["*"])
    query = "mutation($i: DeactivatePatientInput!) { deactivatePatient(input: $i) { patient { isActive } } }"
    done = await world.gateway.gql(query, {"i": {"patientId": world.patient}}, token=central)
    assert done.data["deactivatePatient"]["patient"] == {"isActive": False}


async def test_a_provider_that_only_guessed_a_card_changes_nothing(server_world: World) -> None:
    world, other = server_world, await new_world(server_world.gateway)
    query = """mutation($i: CheckEligibilityInput!) { checkEligibility(input: $i) { errors { code } } }"""
    asked = {"providerCnes": other.provider, "payerAnsCode": world.payer, "cardNumber": world.card}
    assert (await other.call("front_desk", query, i=asked))["checkEligibility"]["errors"] == []
    changed = await other.mutate("front_desk", "updatePatient", PATIENT, patientId=world.patient, name="Outra")
    assert refusals(changed) == [("NOT_FOUND", "patientId", None)]
    seen = await other.call(
        "front_desk",
        "query($id: ID!) { node(id: $id) { ... on Patient { coverages { nodes { cardNumber } } } } }",
        id=world.patient,
    )
    assert seen["node"] == {"coverages": {"nodes": []}}


async def test_a_card_belongs_to_one_patient_of_a_payer(server_world: World) -> None:
    world = server_world
    patient = (await _register(world))["patient"]["id"]
    assert refusals(await _card(world, patient, world.card)) == [("DUPLICATE_PARTY", "cardNumber", None)]
    assert refusals(await _card(world, patient, "x" * 21)) == [("INVALID_CARD", "cardNumber", "1001")]
    backwards = await _card(world, patient, key()[:20], dates={"endsOn": "2019-12-31"})
    assert refusals(backwards) == [("INVALID_DATE", "dates.endsOn", None)]
    unknown = await _card(world, patient, key()[:20], payer="999999")
    assert refusals(unknown) == [("NOT_FOUND", "payerAnsCode", "5027")]


async def test_a_coverage_is_changed_and_ends(server_world: World) -> None:
    world, card = server_world, key()[:20]
    patient = (await _register(world))["patient"]["id"]
    coverage = (await _card(world, patient, card))["coverage"]["id"]
    changed = await world.mutate(
        "front_desk", "updateCoverage", COVERAGE, coverageId=coverage, plan="Plano Prata", version=1
    )
    assert (changed["coverage"]["plan"], changed["coverage"]["version"]) == ("Plano Prata", 2)
    ended = await world.mutate("front_desk", "endCoverage", COVERAGE, coverageId=coverage, endsOn="2025-12-31")
    assert (ended["coverage"]["endsOn"], ended["coverage"]["version"]) == ("2025-12-31", 3)
    asked = await world.check_eligibility(cardNumber=card)
    assert (asked["eligibility"]["outcome"], asked["eligibility"]["reasons"]) == ("NOT_ELIGIBLE", [{"code": "1006"}])
    query = """query($payer: AnsCode!, $card: String!) { coverageOfCard(payerAnsCode: $payer, cardNumber: $card) {
      id history { nodes { action changedFields } } } }"""
    found = (await world.call("front_desk", query, payer=world.payer, card=card))["coverageOfCard"]
    assert found == {
        "id": coverage,
        "history": {
            "nodes": [
                {"action": "REGISTER", "changedFields": []},
                {"action": "UPDATE", "changedFields": ["planName"]},
                {"action": "END", "changedFields": ["endsOn"]},
            ]
        },
    }


async def test_a_practitioner_is_registered_once_and_named_in_claims(server_world: World) -> None:
    world, number = server_world, key()[:10]
    made = await _practitioner(world, number)
    practitioner = made["practitioner"]
    state = {"version": 1, "isActive": True, "provider": {"cnes": world.provider}}
    assert practitioner == {"id": practitioner["id"], "number": number, **DOCTOR, **state}
    assert refusals(await _practitioner(world, number, name="Outra")) == [("DUPLICATE_PARTY", "number", None)]
    assert (await _practitioner(world, number, state="33"))["errors"] == []
    query = """query($search: String!, $active: Boolean) { registeredPractitioners(search: $search, isActive: $active) {
      totalCount nodes { state isActive } } }"""
    found = (await world.call("biller", query, search="ana lima"))["registeredPractitioners"]
    assert (found["totalCount"], sorted(each["state"] for each in found["nodes"])) == (2, ["33", "35"])
    several = "query($of: [Cnes!]) { registeredPractitioners(providerCnes: $of) { totalCount } }"
    found = (await world.call("biller", several, of=[world.provider] * 100))["registeredPractitioners"]
    assert found["totalCount"] == 2
    answer = await world.gateway.gql(several, {"of": [world.provider] * 101}, token=world.token("biller"))
    (error,) = answer.body["errors"]
    assert (error["message"], error["extensions"]["field"]) == ("send at most 100 values", ["providerCnes"])
    named = {"practitioner": {**DOCTOR, "number": number}}
    assert (await world.create_claim(**named))["errors"] == []
    await world.mutate("biller", "deactivatePractitioner", PRACTITIONER, practitionerId=practitioner["id"], version=1)
    refused = [("DEACTIVATED", "claim.practitioner.number", None)]
    assert refusals(await world.create_claim(**named)) == refused
    elsewhere = {"practitioner": {**DOCTOR, "number": number, "state": "33"}}
    assert (await world.create_claim(**elsewhere))["errors"] == []
    inactive = (await world.call("biller", query, search="ana lima", active=False))["registeredPractitioners"]
    assert inactive == {"totalCount": 1, "nodes": [{"state": "35", "isActive": False}]}
    query = """query($registered: Boolean!) { practitioners(search: "ana lima", isRegistered: $registered) {
      totalCount nodes { name number state } } }"""
    offered = {state: {"name": DOCTOR["name"], "number": number, "state": state} for state in ("33", "35")}
    for is_registered, expected in ((True, ["33"]), (True, ["33"]), (False, ["33", "35"])):
        found = (await world.call("biller", query, registered=is_registered))["practitioners"]
        nodes = sorted(found["nodes"], key=lambda node: str(node["state"]))
        assert (found["totalCount"], nodes) == (len(expected), [offered[state] for state in expected])
    await world.mutate("biller", "reactivatePractitioner", PRACTITIONER, practitionerId=practitioner["id"])
    assert (await world.create_claim(**named))["errors"] == []


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({"council": "99"}, ("UNKNOWN_CODE", "council", None)),
        ({"state": "SP"}, ("UNKNOWN_CODE", "state", None)),
        ({"cbo": "2251"}, ("UNKNOWN_CODE", "cbo", None)),
        ({"number": "x" * 16}, ("INVALID_INPUT", "number", None)),
    ],
)
async def test_wrong_data_of_a_practitioner_is_refused(
    server_world: World, changes: dict[str, str], refused: tuple[str, str, str | None]
) -> None:
    assert refusals(await _practitioner(server_world, "1", **changes)) == [refused]


async def test_patients_see_their_own_cards(server_world: World) -> None:
    world = server_world
    query = f'{{ node(id: "{world.patient}") {{ ... on Patient {{ coverages {{ nodes {{ cardNumber }} }} }} }} }}'
    found = (await world.call("patient", query))["node"]
    assert found == {"coverages": {"nodes": [{"cardNumber": world.card}]}}
