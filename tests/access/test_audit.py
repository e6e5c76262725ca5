"""The access log: every look and every change is there, with whose data it was and why."""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import select

from app.access_log.notes import OperationNotes
from app.db.access_log_tables import access_log_entries, access_log_persons
from app.domain.access_log import PurposeOfUse
from app.domain.actor import Actor, Door
from app.domain.data_scope import EVERYTHING
from tests.access.world import nurse_of, open_emergency
from tests.factories import World, new_world
from tests.faults.waiting import until_true
from tests.gateway import Gateway, embedded_settings, heard, running_gateway
from tests.graphql import test_remittances as remittances
from tests.inputs import shaped

MINE = """{ myAccessLog(first: 100) { totalCount nodes {
  door kind purpose operation decision roles dataClasses } } }"""
HEALTH = "query($id: ID!) { claim(id: $id) { id clinicalIndication items { code totalAmount } } }"


@dataclass(frozen=True)
class Logged:
    """An entry and its person rows by pseudonym."""

    entry: Any
    persons: Mapping[str, Any]


async def entries_of(gateway: Gateway, request_id: str) -> list[Logged]:
    """What the log holds of one request, once it is written."""
    entries, persons = access_log_entries, access_log_persons
    of_request = entries.c.request_id == request_id
    for _ in range(60):
        async with gateway.database.reading() as connection:
            query = select(entries).where(of_request).order_by(entries.c.writer_sequence)
            found = list((await connection.execute(query)).all())
            rows = select(persons).join(entries, entries.c.id == persons.c.entry_id).where(of_request)
            seen = list((await connection.execute(rows)).all())
        if found:
            return [Logged(entry, {row.person: row for row in seen if row.entry_id == entry.id}) for entry in found]
        await asyncio.sleep(0.05)
    raise AssertionError(f"nothing of {request_id}")


async def _looked(world: World, role: str, query: str, **variables: Any) -> tuple[dict[str, Any], list[Any]]:
    answer = await world.gateway.gql(query, variables, token=world.token(role))
    return answer.body, await entries_of(world.gateway, answer.headers["x-request-id"])


def pseudonym_of(world: World) -> str:
    return world.gateway.parts.access_log.key.pseudonym(world.patient)


async def test_a_look_at_a_claim_names_who_whose_what_why_and_the_door(world: World) -> None:
    claim = (await world.submitted_claim(clinicalIndication="tosse"))["id"]
    _, (logged,) = await _looked(world, "reviewer", HEALTH, id=claim)
    entry = logged.entry
    assert (entry.kind, entry.actor, entry.roles, entry.purpose) == ("READ", "dev-reviewer", "reviewer", "HPAYMT")
    assert (entry.operation, entry.decision, entry.detail, entry.door) == ("claim", "ALLOWED", None, "GRAPHQL")
    assert (entry.data_classes, entry.persons) == ("FINANCIAL,HEALTH", 1)
    (row,) = logged.persons.values()
    assert (row.person, row.data_classes) == (pseudonym_of(world), "FINANCIAL,HEALTH")
    assert (row.at, row.emergency_access_id, row.object_ids) == (entry.at, None, None)
    assert world.patient not in str(logged)


async def test_a_refusal_is_recorded_with_the_permission_that_was_missing(world: World) -> None:
    claim = (await world.submitted_claim())["id"]
    query = "query($id: ID!) { claim(id: $id) { items { code } } }"
    body, (logged,) = await _looked(world, "finance", query, id=claim)
    assert body["extensions"]["redacted"] == ["claim.items"]
    entry = logged.entry
    assert (entry.decision, entry.data_classes, entry.detail) == ("REFUSED", "HEALTH", "claims:read_items")
    assert (entry.persons, logged.persons) == (0, {})


async def test_an_operation_that_shows_and_is_refused_ends_in_an_entry_for_each(world: World) -> None:
    claim = (await world.submitted_claim())["id"]
    query = "query($id: ID!) { claim(id: $id) { claimedAmount items { code } } }"
    _, (shown, refused) = await _looked(world, "finance", query, id=claim)
    assert [(each.entry.decision, each.entry.data_classes) for each in (shown, refused)] == [
        ("ALLOWED", "FINANCIAL"),
        ("REFUSED", "HEALTH"),
    ]
    assert list(shown.persons) == [pseudonym_of(world)]
    assert refused.entry.writer_sequence == shown.entry.writer_sequence + 1


async def test_a_list_is_one_entry_with_a_row_for_each_person(world: World) -> None:
    for _ in range(3):
        await world.submitted_claim()
    _, (logged,) = await _looked(world, "reviewer", "{ claims { nodes { claimedAmount items { code } } } }")
    assert (logged.entry.operation, logged.entry.data_classes) == ("claims", "FINANCIAL,HEALTH")
    assert {person: row.data_classes for person, row in logged.persons.items()} == {
        pseudonym_of(world): "FINANCIAL,HEALTH"
    }


async def test_a_change_is_recorded_in_its_own_transaction(world: World) -> None:
    values = {"input": shaped("createClaim", world.claim_input())}
    query = "mutation($input: CreateClaimInput!) { createClaim(input: $input) { claim { id } replayed } }"
    for is_replay in (False, True):
        body, (logged,) = await _looked(world, "biller", query, **values)
        claim, entry = body["data"]["createClaim"]["claim"]["id"], logged.entry
        assert (entry.kind, entry.operation, entry.door) == ("WRITE", "createClaim", "GRAPHQL")
        assert {person: row.object_ids for person, row in logged.persons.items()} == {pseudonym_of(world): claim}
        assert (entry.detail, entry.writer_sequence) == ("replayed" if is_replay else None, None)


async def test_a_posted_statement_is_recorded_with_each_claim_and_payment_of_it(world: World) -> None:
    claims = [await world.submitted_claim() for _ in range(2)]
    lines = [remittances.line(claim, "100.00") for claim in claims]
    statement = await remittances.taken(world, *lines)
    query = """mutation($id: ID!) {
      postRemittance(input: {remittanceId: $id, idempotencyKey: "posted"}) {
        settlements { id invoice { id } } postedLines } }"""
    body, entries = await _looked(world, "finance", query, id=statement["id"])
    done = body["data"]["postRemittance"]
    assert done["postedLines"] == 2
    paid = {settlement["id"] for settlement in done["settlements"]}
    paid |= {settlement["invoice"]["id"] for settlement in done["settlements"]}
    (written,) = [each for each in entries if each.entry.kind == "WRITE"]
    found = {person: set(row.object_ids.split(",")) for person, row in written.persons.items()}
    # The payments and the statement belong to no patient.
    assert found == {pseudonym_of(world): {claim["id"] for claim in claims}, "": {statement["id"], *paid}}
    assert written.entry.persons == 2


async def test_a_page_of_fifty_claims_costs_the_writer_two_statements(server_world: World) -> None:
    world, gateway = server_world, server_world.gateway
    for _ in range(50):
        await world.submitted_claim()
    with heard(gateway.database) as everything:
        query = "{ claims(first: 50) { nodes { claimedAmount patient { name } items { code totalAmount } } } }"
        body, (logged,) = await _looked(world, "reviewer", query)
    found = [(statement, parameters) for statement, parameters in everything if "access_log" in statement]
    assert len(body["data"]["claims"]["nodes"]) == 50
    # The claims were shown themselves, so nobody has to look up whose they are.
    assert [statement for statement, _ in found if "FROM claims" in statement] == []
    written = [statement.split(" (")[0] for statement, rows in found if logged.entry.id in str(rows)]
    assert written[:2] == ["INSERT INTO access_log_entries", "INSERT INTO access_log_persons"]
    assert [statement for statement in written if "INSERT" in statement and "seal" not in statement] == written[:2]


async def test_a_refused_change_leaves_no_entry(world: World) -> None:
    answer = await world.gateway.gql(
        "mutation($input: CancelClaimInput!) { cancelClaim(input: $input) { errors { code } } }",
        {"input": {"claimId": "clm_0"}},
        token=world.token("biller"),
    )
    assert answer.data["cancelClaim"]["errors"] == [{"code": "NOT_FOUND"}]
    await world.submitted_claim()
    async with world.gateway.database.reading() as connection:
        of_request = access_log_entries.c.request_id == answer.headers["x-request-id"]
        query = select(access_log_entries.c.id).where(of_request)
        assert (await connection.execute(query)).all() == []


async def test_a_patient_sees_who_looked_and_nobody_else_does(world: World) -> None:
    claim = (await world.submitted_claim(clinicalIndication="tosse"))["id"]
    await _looked(world, "reviewer", HEALTH, id=claim)
    found = (await world.call("patient", MINE))["myAccessLog"]
    assert {entry["door"] for entry in found["nodes"]} == {"GRAPHQL"}
    assert [(entry["kind"], entry["operation"], entry["roles"]) for entry in found["nodes"]] == [
        ("READ", "claim", ["reviewer"]),
        ("READ", "createClaim", ["biller"]),  # the answer told the amounts
        ("WRITE", "createClaim", ["biller"]),
    ]
    assert found["nodes"][0]["dataClasses"] == ["FINANCIAL", "HEALTH"]
    assert found["totalCount"] == 3
    other = await new_world(world.gateway)
    assert (await other.call("patient", MINE))["myAccessLog"] == {"totalCount": 0, "nodes": []}


async def test_an_event_is_one_entry_that_names_each_subscriber_who_received_it(server_world: World) -> None:
    """Of the same roles; it is found by the subject, and by the pseudonym of the patient."""
    world, gateway = server_world, server_world.gateway
    watch = "subscription { claimStatusChanged { claim { id claimedAmount items { sequence } } } }"
    readers = [gateway.token("reviewer", providers=[world.provider], sub=f"watcher-{number}") for number in range(3)]
    tokens = [*readers, gateway.token("biller", providers=[world.provider], sub="watcher-b")]
    async with contextlib.AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(gateway.subscribed(watch, token)) for token in tokens]
        await world.create_claim()
        for stream in streams:
            await stream.next()
        await asyncio.sleep(1.2)
    entries, persons = access_log_entries, access_log_persons
    query = select(entries).join(persons, persons.c.entry_id == entries.c.id)
    query = query.where(persons.c.person == pseudonym_of(world), entries.c.operation == "claimStatusChanged")
    async with gateway.database.reading() as connection:
        rows = (await connection.execute(query.order_by(entries.c.roles))).all()
    (alone, together) = rows
    assert (alone.roles, alone.actor, alone.hearers) == ("biller", "watcher-b", None)
    assert (together.roles, together.actor, together.request_id) == ("reviewer", "", "-")
    heard_by = orjson.loads(together.hearers)
    assert list(heard_by) == ["watcher-0", "watcher-1", "watcher-2"]
    assert all(len(requests) == 1 for requests in heard_by.values())
    assert [row.data_classes for row in rows] == ["FINANCIAL,HEALTH"] * 2


async def test_who_receives_an_event_after_its_entry_was_written_is_in_another(gateway: Gateway) -> None:
    log, notes = gateway.parts.access_log, OperationNotes()
    notes.operation = "settlementRecorded"
    notes.reveal("FINANCIAL", object())
    early, late = [
        [Actor(f"{name}-{number}", Door.GRAPHQL, EVERYTHING, PurposeOfUse.HPAYMT, f"r{number}") for number in (1, 2)]
        for name in ("early", "late")
    ]
    for group in (early, late):
        for actor in group:
            log.note_heard(actor, notes)
        await log.flush()
    query = select(access_log_entries.c.hearers).where(access_log_entries.c.hearers.like('%-1":["r1"]%'))

    async def both() -> bool:
        async with gateway.database.reading() as connection:
            found.update(row.hearers for row in (await connection.execute(query)).all())
        return len(found) == 2

    found: set[str] = set()
    # The gateway writes too: what it took is not written yet when `flush` returns.
    await until_true(both)
    assert found == {'{"early-1":["r1"],"early-2":["r2"]}', '{"late-1":["r1"],"late-2":["r2"]}'}


class TestEmergency:
    async def test_it_opens_health_data_of_one_patient_and_is_recorded_as_such(self, world: World) -> None:
        claim = (await world.submitted_claim(clinicalIndication="tosse", diagnosisCodes=["J18"]))["id"]
        token = world.gateway.token("front_desk", providers=[world.provider], sub=nurse_of(world))
        query = "query($id: ID!) { claim(id: $id) { clinicalIndication diagnosisCodes items { code totalAmount } } }"
        before = await world.gateway.gql(query, {"id": claim}, token=token)
        assert set(before.codes) == {"FORBIDDEN"}
        access = await open_emergency(world)
        answer = await world.gateway.gql(query, {"id": claim}, token=token)
        assert answer.body["data"]["claim"] == {
            "clinicalIndication": "tosse", "diagnosisCodes": ["J18"],
            "items": [{"code": "10101012", "totalAmount": None}],
        }  # fmt: skip
        # Amounts are no health data.
        assert answer.body["extensions"]["redacted"] == ["claim.items[0].totalAmount"]
        entries = await entries_of(world.gateway, answer.headers["x-request-id"])
        (allowed,) = [each for each in entries if each.entry.decision == "ALLOWED"]
        (row,) = allowed.persons.values()
        assert (row.person, row.emergency_access_id, row.data_classes) == (pseudonym_of(world), access, "HEALTH")
        latest = (await world.call("patient", MINE))["myAccessLog"]["nodes"][0]
        assert (latest["purpose"], latest["dataClasses"], latest["roles"]) == ("BTG", ["HEALTH"], ["front_desk"])

    async def test_it_serves_its_caller_and_patient_only(self, world: World) -> None:
        other = await new_world(world.gateway)
        claim = (await world.submitted_claim(clinicalIndication="tosse"))["id"]
        foreign = (await other.submitted_claim(clinicalIndication="febre"))["id"]
        await open_emergency(world)
        colleague = world.gateway.token("front_desk", providers=[world.provider], sub="dev-other-nurse")
        both = world.gateway.token("front_desk", providers=[world.provider, other.provider], sub=nurse_of(world))
        query = "query($id: ID!) { claim(id: $id) { clinicalIndication } }"
        assert (await world.gateway.gql(query, {"id": claim}, token=colleague)).codes == ["FORBIDDEN"]
        assert (await world.gateway.gql(query, {"id": claim}, token=both)).data["claim"] == {
            "clinicalIndication": "tosse"
        }
        assert (await world.gateway.gql(query, {"id": foreign}, token=both)).codes == ["FORBIDDEN"]

    async def test_it_ends_by_itself(self, tmp_path: Path) -> None:
        clock = [datetime.now(UTC)]
        async with running_gateway(embedded_settings(tmp_path), clock=lambda: clock[0]) as gateway:
            world = await new_world(gateway)
            claim = (await world.submitted_claim(clinicalIndication="tosse"))["id"]
            await open_emergency(world)
            token = gateway.token("front_desk", providers=[world.provider], sub=nurse_of(world))
            query = "query($id: ID!) { claim(id: $id) { clinicalIndication } }"
            clock[0] += timedelta(minutes=14, seconds=59)
            assert "errors" not in (await gateway.gql(query, {"id": claim}, token=token)).body
            clock[0] += timedelta(seconds=2)
            assert (await gateway.gql(query, {"id": claim}, token=token)).codes == ["FORBIDDEN"]

    @pytest.mark.parametrize(
        ("values", "refusal"),
        [
            ({"reason": "   urgente     "}, ("INVALID_INPUT", "reason")),
            ({"reason": "aaaaaaaaaaaaaaa"}, ("INVALID_INPUT", "reason")),
            ({"reason": "urgente urgente URGENTE urgente"}, ("INVALID_INPUT", "reason")),
            ({"reason": "aaa bbb ccc ddd eee"}, ("INVALID_INPUT", "reason")),
            ({"reason": "1234 5678 9012 3456 7890"}, ("INVALID_INPUT", "reason")),
            ({"reason": "-- ?? !! .. ,, ;; ::"}, ("INVALID_INPUT", "reason")),
            ({"reason": "parada cardíaca"}, ("INVALID_INPUT", "reason")),
            ({"minutes": 0}, ("INVALID_INPUT", "minutes")),
            ({"minutes": 61}, ("INVALID_INPUT", "minutes")),
            ({"patientId": "pat_00000000000000000000000000"}, ("NOT_FOUND", "patientId")),
        ],
    )
    async def test_it_needs_a_reason_a_short_time_and_a_patient_in_scope(
        self, world: World, values: dict[str, Any], refusal: tuple[str, str]
    ) -> None:
        await world.submitted_claim()
        given = {"patientId": world.patient, "reason": "Paciente inconsciente na emergencia", **values}
        payload = await world.mutate("front_desk", "openEmergencyAccess", "access { id }", **given)
        assert [(error["code"], error["field"]) for error in payload["errors"]] == [(refusal[0], [refusal[1]])]
        assert payload["access"] is None

    async def test_whoever_looks_into_them_sees_who_and_why(self, world: World) -> None:
        await world.submitted_claim()
        access = await open_emergency(world)
        query = "{ emergencyAccesses(first: 1) { nodes { id actor patient { id } reason } } }"
        found = (await world.call("admin", query))["emergencyAccesses"]["nodes"]
        assert found == [
            {
                "id": access,
                "actor": nurse_of(world),
                "patient": {"id": world.patient},
                "reason": "Paciente inconsciente na emergencia",
            }
        ]
