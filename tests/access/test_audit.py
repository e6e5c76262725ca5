"""The access log: every look and every change is there, in a chain that shows what was changed or taken out."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from app.access_log import chain as audit
from app.db import access_log as audit_db
from app.db.access_log_tables import audit_head, audit_log
from app.db.engine import Database
from app.domain.access_log import Seal
from app.runtime.build import seal_of
from app.runtime.settings import Settings
from tests.access.world import open_emergency
from tests.commands import billing
from tests.factories import World, new_world
from tests.faults.processes import environment_of
from tests.gateway import Gateway, embedded_settings, running_gateway
from tests.graphql import test_remittances as remittances

MINE = """{ myAccessLog(first: 100) { totalCount nodes {
  kind purpose operation decision roles dataClasses } } }"""
HEALTH = "query($id: ID!) { claim(id: $id) { id clinicalIndication items { code total } } }"


async def _entries(gateway: Gateway, request_id: str) -> list[Any]:
    """What the log holds of one request, once it is written and sealed."""
    for _ in range(60):
        async with gateway.database.reading() as connection:
            query = select(audit_log).where(audit_log.c.request_id == request_id).order_by(audit_log.c.position)
            rows = list((await connection.execute(query)).all())
        if rows and all(row.position is not None for row in rows):
            return rows
        await asyncio.sleep(0.05)
    raise AssertionError(f"nothing of {request_id}")


async def _looked(world: World, role: str, query: str, **variables: Any) -> tuple[dict[str, Any], list[Any]]:
    answer = await world.gateway.gql(query, variables, token=world.token(role))
    return answer.body, await _entries(world.gateway, answer.headers["x-request-id"])


async def test_a_look_at_a_claim_names_who_whose_what_and_why(world: World) -> None:
    claim = (await world.submitted_claim(clinicalIndication="tosse"))["id"]
    _, (entry,) = await _looked(world, "reviewer", HEALTH, id=claim)
    assert (entry.kind, entry.actor, entry.roles, entry.purpose) == ("READ", "dev-reviewer", "reviewer", "HPAYMT")
    assert (entry.operation, entry.decision, entry.detail) == ("claim", "ALLOWED", None)
    assert entry.data_classes == "FINANCIAL,HEALTH"
    assert entry.person == world.gateway.parts.access_log.seal.person(world.patient)
    assert world.patient not in str(entry)


async def test_a_refusal_is_recorded_with_the_permission_that_was_missing(world: World) -> None:
    claim = (await world.submitted_claim())["id"]
    body, (entry,) = await _looked(world, "finance", "query($id: ID!) { claim(id: $id) { items { code } } }", id=claim)
    assert body["extensions"]["redacted"] == [["claim", "items"]]
    assert (entry.decision, entry.data_classes, entry.detail) == ("REFUSED", "HEALTH", "claims:read_items")
    assert entry.person is None


async def test_a_list_is_recorded_once_for_each_person(world: World) -> None:
    for _ in range(3):
        await world.submitted_claim()
    _, entries = await _looked(world, "reviewer", "{ claims { nodes { claimedAmount items { code } } } }")
    assert [(entry.operation, entry.data_classes) for entry in entries] == [("claims", "FINANCIAL,HEALTH")]


async def test_a_change_is_recorded_in_its_own_transaction(world: World) -> None:
    values = {"input": world.claim_input()}
    query = "mutation($input: CreateClaimInput!) { createClaim(input: $input) { claim { id } replayed } }"
    for is_replay in (False, True):
        body, (entry,) = await _looked(world, "biller", query, **values)
        claim = body["data"]["createClaim"]["claim"]["id"]
        assert (entry.kind, entry.operation, entry.object_id) == ("WRITE", "createClaim", claim)
        assert (entry.person is not None, entry.detail) == (True, "replayed" if is_replay else None)
        assert entry.writer_sequence is None


async def test_a_posted_statement_is_recorded_for_each_claim_and_payment_of_it(world: World) -> None:
    claims = [await world.submitted_claim() for _ in range(2)]
    lines = [remittances.line(claim, "100.00") for claim in claims]
    statement = await remittances.taken(world, *lines)
    query = """mutation($id: ID!) {
      postRemittance(input: {id: $id, idempotencyKey: "posted"}) { settlements { id invoice { id } } postedLines } }"""
    body, entries = await _looked(world, "finance", query, id=statement["id"])
    done = body["data"]["postRemittance"]
    assert done["postedLines"] == 2
    paid = {settlement["id"] for settlement in done["settlements"]}
    paid |= {settlement["invoice"]["id"] for settlement in done["settlements"]}
    found = {entry.object_id: entry.person is not None for entry in entries if entry.kind == "WRITE"}
    assert found == {claim["id"]: True for claim in claims} | dict.fromkeys({statement["id"], *paid}, False)


async def test_a_refused_change_leaves_no_entry(world: World) -> None:
    answer = await world.gateway.gql(
        "mutation($input: CancelClaimInput!) { cancelClaim(input: $input) { errors { code } } }",
        {"input": {"id": "clm_0"}},
        token=world.token("biller"),
    )
    assert answer.data["cancelClaim"]["errors"] == [{"code": "NOT_FOUND"}]
    await world.submitted_claim()
    async with world.gateway.database.reading() as connection:
        query = select(audit_log.c.id).where(audit_log.c.request_id == answer.headers["x-request-id"])
        assert (await connection.execute(query)).all() == []


async def test_a_patient_sees_who_looked_and_nobody_else_does(world: World) -> None:
    claim = (await world.submitted_claim(clinicalIndication="tosse"))["id"]
    await _looked(world, "reviewer", HEALTH, id=claim)
    found = (await world.call("patient", MINE))["myAccessLog"]
    assert [(entry["kind"], entry["operation"], entry["roles"]) for entry in found["nodes"]] == [
        ("READ", "claim", ["reviewer"]),
        ("READ", "createClaim", ["biller"]),  # the answer told the amounts
        ("WRITE", "createClaim", ["biller"]),
    ]
    assert found["nodes"][0]["dataClasses"] == ["FINANCIAL", "HEALTH"]
    assert found["totalCount"] == 3
    other = await new_world(world.gateway)
    assert (await other.call("patient", MINE))["myAccessLog"] == {"totalCount": 0, "nodes": []}


async def test_each_subscriber_of_a_shared_answer_is_recorded(server_world: World) -> None:
    world, gateway = server_world, server_world.gateway
    invoice = (await world.issued_invoice("10.00"))["id"]
    watch = "subscription { settlements { settlement { amount invoice { totalAmount } } } }"
    tokens = [gateway.token("finance", providers=[world.provider], sub=f"watcher-{number}") for number in range(3)]
    async with (
        gateway.subscribed(watch, tokens[0]) as one,
        gateway.subscribed(watch, tokens[1]) as two,
        gateway.subscribed(watch, tokens[2]) as three,
    ):
        await world.settle(invoice, "4.00")
        for stream in (one, two, three):
            await stream.next()
    await asyncio.sleep(1.2)
    async with gateway.database.reading() as connection:
        query = select(audit_log.c.actor).where(audit_log.c.actor.like("watcher-%"), audit_log.c.data_classes != "")
        assert sorted(row.actor for row in (await connection.execute(query)).all()) == [
            "watcher-0", "watcher-1", "watcher-2",
        ]  # fmt: skip


class TestEmergency:
    async def test_it_opens_health_data_of_one_patient_and_is_recorded_as_such(self, world: World) -> None:
        claim = (await world.submitted_claim(clinicalIndication="tosse", diagnosisCodes=["J18"]))["id"]
        token = world.gateway.token("front_desk", providers=[world.provider], sub="dev-nurse")
        query = "query($id: ID!) { claim(id: $id) { clinicalIndication diagnosisCodes items { code total } } }"
        before = await world.gateway.gql(query, {"id": claim}, token=token)
        assert set(before.codes) == {"FORBIDDEN"}
        access = await open_emergency(world)
        answer = await world.gateway.gql(query, {"id": claim}, token=token)
        assert answer.body["data"]["claim"] == {
            "clinicalIndication": "tosse", "diagnosisCodes": ["J18"], "items": [{"code": "10101012", "total": None}],
        }  # fmt: skip
        # Amounts are no health data.
        assert answer.body["extensions"]["redacted"] == [["claim", "items", 0, "total"]]
        entries = await _entries(world.gateway, answer.headers["x-request-id"])
        allowed = [entry for entry in entries if entry.decision == "ALLOWED"]
        assert [(entry.purpose, entry.detail, entry.data_classes) for entry in allowed] == [("BTG", access, "HEALTH")]

    async def test_it_serves_its_caller_and_patient_only(self, world: World) -> None:
        other = await new_world(world.gateway)
        claim = (await world.submitted_claim(clinicalIndication="tosse"))["id"]
        foreign = (await other.submitted_claim(clinicalIndication="febre"))["id"]
        await open_emergency(world)
        colleague = world.gateway.token("front_desk", providers=[world.provider], sub="dev-other-nurse")
        both = world.gateway.token("front_desk", providers=[world.provider, other.provider], sub="dev-nurse")
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
            token = gateway.token("front_desk", providers=[world.provider], sub="dev-nurse")
            query = "query($id: ID!) { claim(id: $id) { clinicalIndication } }"
            clock[0] += timedelta(minutes=14, seconds=59)
            assert "errors" not in (await gateway.gql(query, {"id": claim}, token=token)).body
            clock[0] += timedelta(seconds=2)
            assert (await gateway.gql(query, {"id": claim}, token=token)).codes == ["FORBIDDEN"]

    @pytest.mark.parametrize(
        ("values", "refusal"),
        [
            ({"reason": "   urgente     "}, ("INVALID_INPUT", "reason")),
            ({"minutes": 0}, ("INVALID_INPUT", "minutes")),
            ({"minutes": 61}, ("INVALID_INPUT", "minutes")),
            ({"patient": "pat_00000000000000000000000000"}, ("NOT_FOUND", "patient")),
        ],
    )
    async def test_it_needs_a_reason_a_short_time_and_a_patient_in_scope(
        self, world: World, values: dict[str, Any], refusal: tuple[str, str]
    ) -> None:
        await world.submitted_claim()
        given = {"patient": world.patient, "reason": "Paciente inconsciente na emergencia", **values}
        payload = await world.mutate("front_desk", "openEmergencyAccess", "access { id }", **given)
        assert [(error["code"], error["field"]) for error in payload["errors"]] == [refusal]
        assert payload["access"] is None

    async def test_whoever_looks_into_them_sees_who_and_why(self, world: World) -> None:
        await world.submitted_claim()
        access = await open_emergency(world)
        query = "{ emergencyAccesses(first: 1) { nodes { id actor patientId reason } } }"
        found = (await world.call("admin", query))["emergencyAccesses"]["nodes"]
        assert found == [
            {
                "id": access,
                "actor": "dev-nurse",
                "patientId": world.patient,
                "reason": "Paciente inconsciente na emergencia",
            }
        ]


@pytest.fixture(scope="module")
async def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a gateway that has stopped in an orderly way, with five entries."""
    directory = tmp_path_factory.mktemp("kept")
    async with running_gateway(embedded_settings(directory)) as gateway:
        world = await new_world(gateway)
        claim = (await world.submitted_claim())["id"]
        await _looked(world, "reviewer", HEALTH, id=claim)
    return directory


class TestVerify:
    """On a gateway of its own: these tests do to the log what must never be done to it."""

    @pytest.fixture
    async def kept(self, original: Path, tmp_path: Path) -> AsyncIterator[tuple[Database, Seal, Settings]]:
        """A copy of them to spoil."""
        shutil.copytree(original, tmp_path / "kept")
        settings = embedded_settings(tmp_path / "kept")
        database = Database(settings.database)
        yield database, seal_of(settings), settings
        await database.dispose()

    async def test_a_whole_log_is_found_whole(self, kept: tuple[Database, Seal, Settings]) -> None:
        database, seal, _ = kept
        report = await audit.check(database, seal=seal)
        assert (report.entries, report.problems, report.breaks) == (5, [], [])
        assert (await audit.check(database, seal=seal, expected=report.head)).problems == []

    @pytest.mark.parametrize(
        ("column", "value"), [("actor", "somebody"), ("data_classes", ""), ("person", None), ("hash", "0" * 64)]
    )
    async def test_a_changed_entry_is_named(
        self, kept: tuple[Database, Seal, Settings], column: str, value: Any
    ) -> None:
        database, seal, _ = kept
        changed = update(audit_log).where(audit_log.c.position == 3).values({column: value})
        await database.transact(lambda connection: connection.execute(changed))
        problems = (await audit.check(database, seal=seal)).problems
        assert re.fullmatch(r"entry 3 \(aud_\w{26}\) was changed", problems[0])

    async def test_a_missing_entry_is_named(self, kept: tuple[Database, Seal, Settings]) -> None:
        database, seal, _ = kept
        await database.transact(
            lambda connection: connection.execute(delete(audit_log).where(audit_log.c.position == 2))
        )
        assert "entries 2 to 2 are missing" in (await audit.check(database, seal=seal)).problems

    async def test_a_cut_off_end_is_noticed_by_the_head_or_by_a_noted_place(
        self, kept: tuple[Database, Seal, Settings]
    ) -> None:
        database, seal, _ = kept
        noted = (await audit.check(database, seal=seal)).head
        await database.transact(
            lambda connection: connection.execute(delete(audit_log).where(audit_log.c.position == 5))
        )
        assert (await audit.check(database, seal=seal)).problems == ["entries 5 to 5 are missing"]
        async with database.reading() as connection:
            last = (await audit_db.sealed_after(connection, 3, 1))[0]
        back = update(audit_head).values(position=last.position, hash=last.hash)
        await database.transact(lambda connection: connection.execute(back))
        assert (await audit.check(database, seal=seal)).problems == []
        problems = (await audit.check(database, seal=seal, expected=noted)).problems
        assert problems == ["entry 5 is not the one that was noted"]

    async def test_nobody_without_the_secret_can_forge_an_entry(self, kept: tuple[Database, Seal, Settings]) -> None:
        database, seal, _ = kept
        async with database.reading() as connection:
            first, second = await audit_db.sealed_after(connection, 0, 2)
        forged = replace(second.entry, actor="somebody")
        digest = Seal("a guess").hash(first.hash, 2, forged)
        changed = update(audit_log).where(audit_log.c.position == 2).values(actor="somebody", hash=digest)
        await database.transact(lambda connection: connection.execute(changed))
        assert len((await audit.check(database, seal=seal)).problems) == 2  # the entry, and the one behind it

    async def test_a_process_that_ended_without_a_word_shows(self, kept: tuple[Database, Seal, Settings]) -> None:
        database, seal, settings = kept
        async with running_gateway(settings):
            for _ in range(60):
                report = await audit.check(database, seal=seal)
                if report.entries == 6:
                    break
                await asyncio.sleep(0.05)
        assert report.problems == []
        (line,) = report.breaks
        assert line.endswith("or up to a second later without writing its last reads")

    async def test_the_command_line_tells_what_it_found(self, kept: tuple[Database, Seal, Settings]) -> None:
        database, seal, settings = kept
        head = (await audit.check(database, seal=seal)).head
        assert _verify(settings) == (0, f"5 entries, the last one is {head.position}:{head.hash}")
        assert _verify(settings, "--expect", f"{head.position}:{head.hash}")[0] == 0
        assert _verify(settings, "--expect", f"3:{head.hash}")[0] == 1
        assert _verify(settings, "--expect", "nonsense")[0] == 1
        changed = update(audit_log).where(audit_log.c.position == 2).values(actor="somebody")
        await database.transact(lambda connection: connection.execute(changed))
        assert _verify(settings)[0] == 1


def _verify(settings: Any, *options: str) -> tuple[int, str]:
    done = billing("audit-verify", *options, **environment_of(settings))
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout.strip()
