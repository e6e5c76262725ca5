"""importBatch: what becomes of each guide, of a single batch at once, of several in a zip by a job."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from app.db.access_log_tables import access_log_entries, access_log_persons
from app.db.document_tables import documents
from app.db.import_tables import import_jobs
from app.db.tables import claims
from app.domain.access_log import AccessKind
from app.domain.actor import Door
from app.domain.imports import ImportJobStatus
from app.services import batch_import
from app.unit_of_work.unit import UnitOfWork
from tests.example_lotes import VALID, hashed, lote, zipped
from tests.factories import World, add_card, key, new_world
from tests.gateway import Gateway, running_gateway, server_settings
from tests.services import Services

RESULTS = "position number file outcome claim { id status providerClaimNumber } errors { code message tissCode } "
RESULTS += "warnings { code }"
JOB = "id status totalCount takenCount takenWithWarningsCount unchangedCount refusedCount createdBy "
JOB += "provider { cnes } payer { ansCode } document { id } errors { code message tissCode }"
IMPORT = f"""mutation($input: ImportBatchInput!) {{ importBatch(input: $input) {{
    job {{ {JOB} }} results {{ {RESULTS} }} errors {{ code message tissCode field }} replayed }} }}"""
READ = f"""query($id: ID!, $filter: ImportResultFilterInput) {{ importJob(id: $id) {{ {JOB}
    results(first: 100, filter: $filter) {{ totalCount nodes {{ {RESULTS} }} }} }} }}"""


HASH = "the hash is not that of the content"


async def upload(gateway: Gateway, content: bytes, token: str) -> str:
    """The id of the stored document."""
    headers = {"authorization": f"Bearer {token}", "content-type": "application/octet-stream"}
    answer = await gateway.client.post("/documents", content=content, headers=headers)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def import_document(
    world: World, content: bytes, *, with_key: str | None = None, token: str | None = None
) -> Any:
    """The payload of importBatch."""
    token = token or world.token("biller")
    values = {"documentId": await upload(world.gateway, content, token), "idempotencyKey": with_key or key()}
    return (await world.gateway.gql(IMPORT, {"input": values}, token=token)).data["importBatch"]


async def ended(world: World, job_id: str, **variables: Any) -> Any:
    """The job once it has ended."""
    async with asyncio.timeout(30):
        while True:
            found = (await world.call("biller", READ, id=job_id, **variables))["importJob"]
            if found["status"] not in {"QUEUED", "RUNNING"}:
                return found
            await asyncio.sleep(0.05)


def _short(results: list[dict[str, Any]]) -> list[tuple[str, str, str | None]]:
    """Number, outcome and the first code of each."""
    return [
        (each["number"], each["outcome"], each["errors"][0]["tissCode"] if each["errors"] else None) for each in results
    ]


async def numbers(world: World) -> list[str]:
    """The numbers of the provider's claims."""
    async with world.gateway.database.reading() as connection:
        query = select(claims.c.provider_claim_number).where(claims.c.provider_cnes == world.provider)
        return list((await connection.execute(query.order_by(claims.c.provider_claim_number))).scalars())


async def test_a_batch_is_imported_at_once(server_world: World) -> None:
    world = server_world
    found = await import_document(world, lote(world, ["A1", "A2"]))
    assert found["errors"] == []
    assert _short(found["results"]) == [("A1", "TAKEN", None), ("A2", "TAKEN", None)]
    assert [each["claim"]["providerClaimNumber"] for each in found["results"]] == ["A1", "A2"]
    assert [each["claim"]["status"] for each in found["results"]] == ["SUBMITTED"] * 2
    job = found["job"]
    assert (job["status"], job["totalCount"], job["takenCount"], job["refusedCount"]) == ("DONE", 2, 2, 0)
    assert (job["provider"]["cnes"], job["payer"]["ansCode"]) == (world.provider, world.payer)
    assert await world.events(job["id"]) == ["ImportStarted", "ImportProgressed", "ImportFinished"]
    assert await world.events(found["results"][0]["claim"]["id"]) == ["ClaimCreated", "ClaimSubmitted"]


async def test_one_bad_guide_refuses_no_good_one(server_world: World) -> None:
    world = server_world
    await import_document(world, lote(world, ["B0"], price="90.00"))
    cards = [world.card, world.card, "NOBODY", world.card, world.card]
    content = lote(world, ["B0", "B1", "B2", "B3", "B4"], cards=cards)
    *others, unknown, late = re.split(rb"(?=<ans:guiaSP-SADT>)", content)
    unknown = unknown.replace(b"10101012", b"99999999")
    late = re.sub(rb"(<ans:dataExecucao>)[^<]*<", rb"\g<1>2099-01-01<", late)
    found = await import_document(world, hashed(b"".join([*others, unknown, late])))
    assert found["errors"] == []
    assert _short(found["results"]) == [
        ("B0", "REFUSED", "1308"),
        ("B1", "TAKEN", None),
        ("B2", "TAKEN_WITH_WARNINGS", None),
        ("B3", "TAKEN_WITH_WARNINGS", None),
        ("B4", "REFUSED", "3223"),
    ]
    assert [[each["code"] for each in result["warnings"]] for result in found["results"]] == [
        *([], [], ["INVALID_CARD"], ["UNKNOWN_CODE"], [])
    ]
    job = found["job"]
    assert [job[name] for name in ("totalCount", "takenCount", "takenWithWarningsCount", "refusedCount")] == [
        5,
        1,
        2,
        2,
    ]
    assert await numbers(world) == ["B0", "B1", "B2", "B3"]


async def test_the_second_guide_with_a_number_is_refused(server_world: World) -> None:
    world = server_world
    found = await import_document(world, lote(world, ["C1", "C1", "C2"]))
    assert _short(found["results"]) == [("C1", "TAKEN", None), ("C1", "REFUSED", "1308"), ("C2", "TAKEN", None)]
    said = "an earlier guide of this batch has the same number: give each its own"
    assert found["results"][1]["errors"] == [{"code": "DUPLICATE_CLAIM", "message": said, "tissCode": "1308"}]
    assert await numbers(world) == ["C1", "C2"]


async def test_a_guide_at_which_the_gateway_fails_leaves_the_others(
    server_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, real = server_world, batch_import.import_guide

    async def failing(unit: UnitOfWork, **values: Any) -> Any:
        done = await real(unit, **values)
        if values["guide"].number == "Q2":
            raise RuntimeError
        return done

    monkeypatch.setattr(batch_import, "import_guide", failing)
    found = await import_document(world, lote(world, ["Q1", "Q2", "Q3"]))
    assert _short(found["results"]) == [("Q1", "TAKEN", None), ("Q2", "REFUSED", None), ("Q3", "TAKEN", None)]
    said = "the gateway failed at this guide: report the import job's id"
    assert [each["message"] for each in found["results"][1]["errors"]] == [said]
    assert await numbers(world) == ["Q1", "Q3"]
    claim_id = found["results"][0]["claim"]["id"]
    assert await world.events(claim_id) == ["ClaimCreated", "ClaimSubmitted"]


async def test_importing_again_changes_nothing(server_world: World) -> None:
    world, content, first_key = server_world, lote(server_world, ["D1", "D2"]), key()
    first = await import_document(world, content, with_key=first_key)
    again = await import_document(world, content)
    assert _short(again["results"]) == [("D1", "UNCHANGED", None), ("D2", "UNCHANGED", None)]
    assert [each["claim"]["id"] for each in again["results"]] == [each["claim"]["id"] for each in first["results"]]
    assert again["job"]["unchangedCount"] == 2
    replayed = await import_document(world, content, with_key=first_key)
    assert (replayed["replayed"], replayed["job"], replayed["results"]) == (True, first["job"], first["results"])
    assert await numbers(world) == ["D1", "D2"]


@pytest.mark.parametrize(
    ("damage", "message", "code"),
    [
        (
            lambda xml: re.sub(rb"<ans:hash>.{6}", b"<ans:hash>000000", xml),
            f"{HASH}: the document was changed after it was written, so write it again",
            "5014",
        ),
        (
            lambda xml: xml.replace(b"</ans:mensagemTISS>", b""),
            "the XML is not well-formed at line 42: send it as your system wrote it",
            "5002",
        ),
        (
            lambda xml: xml.replace(b"?>", b"?><!DOCTYPE lote [<!ENTITY a 'b'>]>", 1),
            "the XML has a document type (DOCTYPE): remove it, TISS documents have none",
            "5002",
        ),
        (
            lambda _xml: b"<?xml version='1.0' encoding='UTF-7'?><a/>",
            "the XML names an encoding that is not read here: write it in ISO-8859-1 or UTF-8",
            "5002",
        ),
        (
            lambda _xml: b"<a>" * 100 + b"</a>" * 100,
            "the XML is nested more than 40 levels deep: send a TISS document",
            "5001",
        ),
        (
            lambda _xml: b"<a b='" + b"c" * 5_000 + b"'/>",
            "the XML has huge attributes: send a TISS document",
            "5001",
        ),
        (
            lambda _xml: b"<a>" + b"c" * 70_000 + b"</a>",
            "the XML has a text of more than 65,536 characters: send a TISS document",
            "5001",
        ),
        (
            lambda _xml: b"<guiasTISS>" + b"<a/>" * 101 + b"</guiasTISS>",
            "the batch has more than 100 guides: send several batches, as a zip",
            "5015",
        ),
    ],
    ids=["hash", "cut off", "doctype", "encoding", "deep", "attribute", "text", "guides"],
)
async def test_what_cannot_be_read_is_refused_as_a_whole(
    server_world: World, damage: Any, message: str, code: str
) -> None:
    world = server_world
    found = await import_document(world, damage(lote(world, ["E1"])))
    assert (found["job"], found["results"]) == (None, [])
    assert (found["errors"][0]["message"], found["errors"][0]["tissCode"]) == (message, code)
    assert await numbers(world) == []


async def test_a_batch_without_an_epilogue_is_refused_as_a_whole(server_world: World) -> None:
    content = re.sub(rb"<ans:epilogo>.*</ans:epilogo>", b"", lote(server_world, ["E2"]), flags=re.DOTALL)
    found = await import_document(server_world, content)
    assert found["job"] is None
    assert [each["code"] for each in found["errors"]] == ["INVALID_INPUT"] * len(found["errors"])
    assert [each["message"] for each in found["errors"]] == [
        "the epilogue has no hash: send the document with epilogo and hash, as its program wrote it",
        "mensagemTISS: something is missing inside: give epilogo",
    ]


async def test_what_is_no_document_is_refused(server_world: World) -> None:
    found = await import_document(server_world, b"%PDF-1.7 ...")
    said = "the document is neither XML nor a zip: upload a TISS batch, or a zip of several"
    assert [(each["code"], each["message"], each["field"]) for each in found["errors"]] == [
        ("INVALID_INPUT", said, ["documentId"])
    ]


async def test_a_zip_is_imported_by_a_job(server_world: World) -> None:
    world = server_world
    files = {"1.xml": lote(world, ["F1", "F2"]), "2.xml": b"<lote/>", "3.xml": lote(world, ["F3"], price="90.00")}
    found = await import_document(world, zipped(files))
    assert (found["errors"], found["results"]) == ([], [])
    job = await ended(world, found["job"]["id"])
    counts = [job[name] for name in ("totalCount", "takenCount", "takenWithWarningsCount", "refusedCount")]
    assert (job["status"], job["errors"], sum(counts[1:3]), counts[3], counts[0]) == ("DONE", [], 3, 1, 4)
    nodes = job["results"]["nodes"]
    assert [(each["position"], each["file"], each["number"]) for each in nodes] == [
        (1, "1.xml", "F1"),
        (2, "1.xml", "F2"),
        (3, "2.xml", ""),
        (4, "3.xml", "F3"),
    ]
    assert nodes[2]["errors"] != []
    refused = await ended(world, job["id"], filter={"outcome": ["REFUSED"]})
    assert (refused["results"]["totalCount"], [each["position"] for each in refused["results"]["nodes"]]) == (1, [3])
    several = {"outcome": sorted({"REFUSED", *[each["outcome"] for each in nodes]}, reverse=True)}
    assert (await ended(world, job["id"], filter=several))["results"] == {"totalCount": 4, "nodes": nodes}
    assert await numbers(world) == ["F1", "F2", "F3"]


async def test_nobody_imports_for_others(server_world: World) -> None:
    world, gateway = server_world, server_world.gateway
    other = await new_world(gateway)
    await import_document(other, lote(other, ["G1"]))
    found = await import_document(world, lote(other, ["G1", "G2"]))
    assert [each["outcome"] for each in found["results"]] == ["REFUSED", "REFUSED"]
    assert {each["errors"][0]["code"] for each in found["results"]} == {"NOT_FOUND"}
    assert await numbers(other) == ["G1"]
    mine = await upload(gateway, lote(world, ["G3"]), world.token("biller"))
    reading = await gateway.gql(
        "query($id: ID!) { importJob(id: $id) { id } }", {"id": found["job"]["id"]}, token=other.token("finance")
    )
    assert reading.data["importJob"] is None
    stranger = gateway.keys.sign(audience="billing-gateway", role="biller", sub="eve", providers=[other.provider])
    values = {"input": {"documentId": mine, "idempotencyKey": key()}}
    refused = (await gateway.gql(IMPORT, values, token=stranger)).data["importBatch"]
    assert (refused["job"], refused["errors"][0]["code"]) == (None, "NOT_FOUND")
    for role in ("finance", "reviewer"):
        assert (await gateway.gql(IMPORT, values, token=world.token(role))).codes == ["FORBIDDEN"]


async def test_a_document_with_several_payers_is_of_none(server_world: World) -> None:
    world, other = server_world, await new_world(server_world.gateway)
    gateway = world.gateway
    token = gateway.keys.sign(audience="billing-gateway", role="biller", sub="both", providers=["*"])
    content = zipped({"1.xml": lote(world, ["H1"]), "2.xml": lote(other, ["H1"])})
    values = {"input": {"documentId": await upload(gateway, content, token), "idempotencyKey": key()}}
    found = (await gateway.gql(IMPORT, values, token=token)).data["importBatch"]
    async with asyncio.timeout(20):
        while True:
            job = (await gateway.gql(READ, {"id": found["job"]["id"]}, token=token)).data["importJob"]
            if job["status"] == "DONE":
                break
            await asyncio.sleep(0.05)
    assert (job["takenCount"], job["provider"], job["payer"]) == (2, None, None)
    for each in (world, other):
        assert (await each.call("finance", READ, id=job["id"]))["importJob"] is None


async def test_guides_are_imported_in_the_callers_name(server_world: World) -> None:
    world = server_world
    found = await import_document(world, lote(world, ["I1"]))
    claim = found["results"][0]["claim"]["id"]
    entries, persons = access_log_entries.c, access_log_persons.c
    query = select(entries.door, entries.actor, entries.roles, entries.operation)
    query = query.join(access_log_persons, persons.entry_id == entries.id).where(persons.object_ids == claim)
    async with world.gateway.database.reading() as connection:
        rows = (await connection.execute(query.where(entries.kind == AccessKind.WRITE))).all()
        by = select(claims.c.created_by).where(claims.c.id == claim)
        assert (await connection.execute(by)).scalar_one() == "dev-biller"
    assert [tuple(each) for each in rows] == [(Door.IMPORT, "dev-biller", "biller", "importGuidesOfJob")]


async def test_a_job_is_cancelled(server_world: World) -> None:
    world, gateway = server_world, server_world.gateway
    files = {f"{number}.xml": lote(world, [f"J{number}{n}" for n in range(20)]) for number in range(5)}
    found = await import_document(world, zipped(files))
    job_id = found["job"]["id"]
    cancel = (
        "mutation($input: CancelImportJobInput!) { cancelImportJob(input: $input) { job { status } errors { code } } }"
    )
    stranger = gateway.keys.sign(audience="billing-gateway", role="biller", sub="eve", providers=["7654321"])
    values = {"input": {"importJobId": job_id}}
    refused = (await gateway.gql(cancel, values, token=stranger)).data["cancelImportJob"]
    assert refused == {"job": None, "errors": [{"code": "NOT_FOUND"}]}
    async with asyncio.timeout(20):
        while not (await world.call("biller", READ, id=job_id))["importJob"]["results"]["totalCount"]:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    done = (await world.call("biller", cancel, **values))["cancelImportJob"]
    assert done == {"job": {"status": "CANCELLED"}, "errors": []}
    again = (await world.call("biller", cancel, **values))["cancelImportJob"]
    assert again["errors"] == [{"code": "CONFLICT"}]
    job = await ended(world, job_id)
    results = job["results"]["totalCount"]
    await asyncio.sleep(0.3)
    assert (await ended(world, job_id))["results"]["totalCount"] == results == len(await numbers(world))
    assert 0 < results < 100


async def test_progress_is_streamed(server_world: World) -> None:
    world = server_world
    query = "subscription { importJobProgressed { status job { id status document { id } } } }"
    async with world.gateway.subscribed(query, world.token("finance")) as stream:
        found = await import_document(world, lote(world, ["K1"]))
        heard = [(await stream.next())["importJobProgressed"] for _ in range(3)]
    assert [each["status"] for each in heard] == ["RUNNING", "RUNNING", "DONE"]
    assert {each["job"]["id"] for each in heard} == {found["job"]["id"]}


async def test_a_job_whose_holder_is_gone_is_taken_over(server_world: World) -> None:
    world, gateway = server_world, server_world.gateway
    found = await import_document(world, lote(world, ["L1", "L2", "L3"]))
    # As a process leaves it that was killed after the first guide, with a lease that has run out.
    async with gateway.database.engine.begin() as connection:
        table = import_jobs
        left = {"status": ImportJobStatus.RUNNING, "guide": 3, "lote": 0, "lease_holder": "gone", "ended_at": None}
        statement = update(table).where(table.c.id == found["job"]["id"])
        await connection.execute(statement.values(**left, lease_until=table.c.created_at))
    gateway.parts.jobs.imports.wake()
    job = await ended(world, found["job"]["id"])
    assert (job["status"], job["takenCount"], job["results"]["totalCount"]) == ("DONE", 3, 3)


async def test_a_document_is_known_to_be_its_providers_once_it_was_read(server_world: World) -> None:
    world, gateway = server_world, server_world.gateway
    token = gateway.keys.sign(audience="billing-gateway", role="biller", sub="anna", providers=["*"])
    document_id = await upload(gateway, lote(world, ["M1"], cards=[await add_card(world)]), token)
    values = {"input": {"documentId": document_id, "idempotencyKey": key()}}
    await gateway.gql(IMPORT, values, token=token)
    async with gateway.database.reading() as connection:
        query = select(documents.c.provider_cnes, documents.c.payer_ans).where(documents.c.id == document_id)
        assert tuple((await connection.execute(query)).one()) == (world.provider, world.payer)
    query_text = "query($id: ID!) { document(id: $id) { id } }"
    assert (await world.call("finance", query_text, id=document_id))["document"] == {"id": document_id}
    assert VALID.startswith(b"<?xml")


async def test_whoever_imports_unknown_cards_is_not_admitted_again(services: Services, tmp_path: Path) -> None:
    settings = await server_settings(tmp_path, services, unknown_cards_per_hour=2)
    async with running_gateway(settings) as gateway:
        world = await new_world(gateway)
        terms = {"submissionWindowDays": 90, "appealDeadlineDays": 30, "paymentTermDays": 30, "holdsMembership": True}
        parties = {"provider": world.provider, "payer": world.payer}
        await world.mutate("admin", "saveContract", "contract { id }", **parties, **terms)
        found = await import_document(world, lote(world, ["N1", "N2", "N3"], cards=["NONE1", "NONE2", world.card]))
        assert [each["outcome"] for each in found["results"]] == ["REFUSED", "REFUSED", "TAKEN"]
        token = world.token("biller")
        document_id = await upload(gateway, lote(world, ["N4"]), token)
        values = {"input": {"documentId": document_id, "idempotencyKey": key()}}
        refused = await gateway.gql(IMPORT, values, token=token)
        assert (refused.codes, refused.body["data"]) == (["RATE_LIMITED"], {"importBatch": None})
        assert await numbers(world) == ["N3"]
