"""Two patients become one: everything of one follows the other, both ids lead to it, and nothing is left behind."""

import asyncio
import itertools
from typing import Any

import orjson
import pytest
from sqlalchemy import select, text, update

from app.db import merged_patients
from app.db.reference_tables import eligibility_checks, patients
from app.db.tables import claims, outbox
from app.domain.identifiers import check_digits_of_cpf
from tests.factories import World, key, new_world, refusals

_bases = itertools.count(600_000_000)


def _cpf() -> str:
    base = str(next(_bases))
    return base + check_digits_of_cpf(base)


async def _patient(world: World, **changes: Any) -> str:
    values = {"provider": world.provider, "name": "Joana Prado", "idempotencyKey": key(), **changes}
    found: str = (await world.mutate("front_desk", "registerPatient", "patient { id }", **values))["patient"]["id"]
    return found


async def _card(world: World, patient: str) -> str:
    card = key()[:20]
    values = {"patientId": patient, "payer": world.payer, "cardNumber": card, "plan": "Plano", "startsOn": "2020-01-01"}
    made = await world.mutate("front_desk", "registerCoverage", "coverage { id }", **values, idempotencyKey=key())
    assert made["errors"] == []
    return card


async def _merge(world: World, stays: str, merged: str, **changes: Any) -> Any:
    values = {"patientId": stays, "mergedPatientId": merged, "idempotencyKey": key(), **changes}
    return await world.mutate("front_desk", "mergePatients", "patient { id version cpf }", **values)


async def _of_patient(world: World, patient: str, role: str = "front_desk") -> Any:
    query = """query($id: ID!) { node(id: $id) { id ... on Patient { name coverages { totalCount }
      claims { nodes { id } } eligibilityChecks { totalCount } } }
      claims(filter: { patientId: $id }) { nodes { id } }
      eligibilityHistory(filter: { patientId: $id }) { totalCount } }"""
    return await world.call(role, query, id=patient)


async def test_everything_of_one_patient_follows_the_other_and_both_ids_lead_to_it(server_world: World) -> None:
    world, cpf = server_world, _cpf()
    stays, merged = await _patient(world), await _patient(world, cpf=cpf, birthDate="1990-05-17")
    cards = [await _card(world, stays), await _card(world, merged)]
    sent = [(await world.submitted_claim(cardNumber=card))["id"] for card in cards]
    assert (await world.check_eligibility(cardNumber=cards[1]))["errors"] == []
    done = await _merge(world, stays, merged, version=1)
    assert (done["patient"], done["errors"]) == ({"id": stays, "version": 2, "cpf": cpf}, [])
    expected = {
        "node": {
            "id": stays,
            "name": "Joana Prado",
            "coverages": {"totalCount": 2},
            "claims": {"nodes": [{"id": sent[1]}, {"id": sent[0]}]},
            "eligibilityChecks": {"totalCount": 1},
        },
        "claims": {"nodes": [{"id": sent[1]}, {"id": sent[0]}]},
        "eligibilityHistory": {"totalCount": 1},
    }
    assert await _of_patient(world, stays) == expected
    assert await _of_patient(world, merged) == expected
    query = "query($id: ID!) { patient(id: $id) { id } }"
    assert (await world.call("front_desk", query, id=merged))["patient"] == {"id": stays}
    later = (await world.submitted_claim(cardNumber=cards[1]))["id"]
    assert (await _of_patient(world, merged))["claims"]["nodes"][0] == {"id": later}
    async with world.gateway.database.reading() as connection:
        rows = select(outbox.c.name, outbox.c.data).where(outbox.c.aggregate_id == merged).order_by(outbox.c.id.desc())
        (name, data), *_ = (await connection.execute(rows)).all()
        of_claim = select(outbox.c.patient_id).where(outbox.c.aggregate_id == sent[1]).distinct()
        assert list((await connection.execute(of_claim)).scalars()) == [stays]
    assert (name, orjson.loads(data)) == (
        "PatientMerged",
        {
            "provider": None,
            "payer": None,
            "patientId": merged,
            "mergedInto": stays,
            "isActive": False,
            "version": 2,
        },
    )
    query = "query($id: ID!) { node(id: $id) { ... on Patient { history { nodes { action otherPatient { id } } } } } }"
    steps = (await world.call("front_desk", query, id=stays))["node"]["history"]["nodes"]
    assert [each["action"] for each in steps] == ["REGISTER", "MERGE"]


async def test_a_patient_reads_both_halves_of_the_own_log_by_either_id(server_world: World) -> None:
    world = server_world
    stays, merged = await _patient(world), await _patient(world)
    await _merge(world, stays, merged)
    query = '{ myAccessLog(first: 100) { nodes { id operation kind } totalCount } node(id: "%s") { id } }'
    for own in (stays, merged):
        token = world.gateway.token("patient", patient=own)
        found = (await world.gateway.gql(query % own, token=token)).data
        entries = found["myAccessLog"]["nodes"]
        written = sorted(each["operation"] for each in entries if each["kind"] == "WRITE")
        assert written == ["mergePatients", "registerPatient", "registerPatient"]
        assert len({each["id"] for each in entries}) == len(entries) == found["myAccessLog"]["totalCount"]
        assert found["node"] == {"id": stays}


async def test_merges_that_cannot_be_are_refused_and_change_nothing(server_world: World) -> None:
    world, other = server_world, await new_world(server_world.gateway)
    one, two = await _patient(world, cpf=_cpf()), await _patient(world, cpf=_cpf())
    card = await _card(world, two)
    assert refusals(await _merge(world, one, two)) == [("CONFLICT", "mergedPatientId", None)]
    assert refusals(await _merge(world, one, one)) == [("INVALID_INPUT", "mergedPatientId", None)]
    foreign = await _patient(other)
    assert refusals(await _merge(world, one, foreign)) == [("NOT_FOUND", "mergedPatientId", None)]
    assert refusals(await _merge(other, foreign, one)) == [("NOT_FOUND", "mergedPatientId", None)]
    assert refusals(await _merge(world, one, two, version=9)) == [("STALE_VERSION", "version", None)]
    found = await world.call(
        "front_desk",
        "query($p: AnsCode!, $c: String!) { coverageOfCard(payerAnsCode: $p, cardNumber: $c) { patient { id } } }",
        p=world.payer,
        c=card,
    )
    assert found["coverageOfCard"]["patient"] == {"id": two}


async def test_a_merged_patient_is_changed_only_under_the_one_that_stayed(server_world: World) -> None:
    world = server_world
    stays, middle, last = [await _patient(world) for _ in range(3)]
    assert (await _merge(world, middle, last))["errors"] == []
    assert refusals(await _merge(world, stays, last)) == [("CONFLICT", "mergedPatientId", None)]
    assert (await _merge(world, stays, middle))["errors"] == []
    assert (await _of_patient(world, last))["node"]["id"] == stays
    changed = await world.mutate("front_desk", "updatePatient", "patient { id }", patientId=last, name="Outro")
    assert refusals(changed) == [("CONFLICT", "patientId", None)]


async def test_a_patient_of_another_provider_too_is_merged_only_by_both(server_world: World) -> None:
    world, other = server_world, await new_world(server_world.gateway)
    one, two = await _patient(world), await _patient(world)
    token = world.gateway.token("front_desk", providers=["*"])
    query = "mutation($i: CheckEligibilityInput!) { checkEligibility(input: $i) { errors { code } } }"
    asked = {"providerCnes": other.provider, "payerAnsCode": world.payer, "cardNumber": await _card(world, two)}
    await world.gateway.gql(query, {"i": asked}, token=token)
    assert refusals(await _merge(world, one, two)) == [("CONFLICT", "mergedPatientId", None)]
    query = "mutation($i: MergePatientsInput!) { mergePatients(input: $i) { patient { id } errors { code } } }"
    given = {"patientId": one, "mergedPatientId": two, "idempotencyKey": key()}
    done = await world.gateway.gql(query, {"i": given}, token=token)
    assert done.data["mergePatients"] == {"patient": {"id": one}, "errors": []}


@pytest.mark.parametrize("round_", range(3))
async def test_no_claim_that_is_created_meanwhile_stays_with_the_merged_patient(
    server_world: World, round_: int
) -> None:
    world = server_world
    stays, merged = await _patient(world), await _patient(world, name=f"Joana {round_}")
    card = await _card(world, merged)
    (done, *created) = await asyncio.gather(
        _merge(world, stays, merged),
        *[world.create_claim(cardNumber=card, submit=True) for _ in range(8)],
        *[world.check_eligibility(cardNumber=card) for _ in range(4)],
    )
    assert [each["errors"] for each in (done, *created)] == [[]] * 13
    async with world.gateway.database.reading() as connection:
        for table in (claims, eligibility_checks):
            left = select(table.c.id).where(table.c.patient_id == merged)
            assert (await connection.execute(left)).all() == []
    assert len((await _of_patient(world, merged))["claims"]["nodes"]) == 8


WAITING = text("SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'")


@pytest.mark.parametrize("answers_before", [0, 1])
async def test_a_claim_that_was_checked_before_a_merge_is_stored_for_whoever_stayed(
    server_world: World, answers_before: int
) -> None:
    """The merge is done by hand, and committed only when the claim has been checked and waits for it, and so does a
    question about the card, which may have an answer already."""
    world = server_world
    stays, merged = await _patient(world), await _patient(world)
    card = await _card(world, merged)
    for _ in range(answers_before):
        await world.check_eligibility(cardNumber=card)
    async with world.gateway.database.engine.begin() as connection:
        await merged_patients.move_coverages(connection, merged, stays)
        leads = update(patients).where(patients.c.id == merged)
        await connection.execute(leads.values(merged_into_id=stays))
        creating = asyncio.create_task(world.create_claim(cardNumber=card))
        checking = asyncio.create_task(world.check_eligibility(cardNumber=card))
        async with asyncio.timeout(4), world.gateway.database.engine.connect() as other:
            while (await other.execute(WAITING)).scalar_one() < 2:  # noqa: ASYNC110 - nothing tells us of a wait
                await asyncio.sleep(0.2)  # the server reads its own list of waits at most every 0.1 s
    created, checked = await creating, await checking
    assert (created["errors"], checked["errors"]) == ([], [])
    async with world.gateway.database.reading() as connection:
        for table, identifier in ((claims, created["claim"]["id"]), (eligibility_checks, checked["eligibility"]["id"])):
            owner = select(table.c.patient_id).where(table.c.id == identifier)
            assert (await connection.execute(owner)).scalar_one() == stays
