"""POST /documents stores what is sent, once and whole; everything else is refused with what to do."""

import asyncio
import hashlib
import os
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, update

from app.db.access_log_tables import access_log_entries, access_log_persons
from app.db.document_tables import document_chunks, document_uploads, documents
from app.domain.actor import Door
from app.services import documents as service
from app.services.documents import CHUNK_BYTES, Upload
from tests.factories import World, new_world
from tests.gateway import Gateway, running_gateway, server_settings
from tests.services import Services

XML = b"<?xml version='1.0' encoding='ISO-8859-1'?>\n<lote>um</lote>"
FIELDS = "id digest size kind createdBy provider { cnes } payer { ansCode }"


def _headers(token: str | None, media: str = "application/xml") -> dict[str, str]:
    authorization = {} if token is None else {"authorization": f"Bearer {token}"}
    return {"content-type": media, **authorization}


async def _post(gateway: Gateway, content: bytes, token: str | None, media: str = "application/xml") -> httpx.Response:
    return await gateway.client.post("/documents", content=content, headers=_headers(token, media))


def _refusal(answer: httpx.Response) -> tuple[int, str, str]:
    (error,) = answer.json()["errors"]
    return answer.status_code, error["extensions"]["code"], error["message"]


async def _stored(gateway: Gateway, document_id: str) -> bytes:
    return b"".join([part async for part in service.content(gateway.database, document_id)])


async def _counts(gateway: Gateway) -> list[int]:
    """Documents, chunks and uploads that have not ended."""
    async with gateway.database.reading() as connection:
        return [
            (await connection.execute(select(func.count()).select_from(table))).scalar_one()
            for table in (documents, document_chunks, document_uploads)
        ]


async def test_a_document_is_stored_as_it_was_sent(server_world: World) -> None:
    gateway = server_world.gateway
    answer = await _post(gateway, XML, server_world.token("biller"))
    digest = hashlib.sha256(XML).hexdigest()
    found = answer.json()
    assert (answer.status_code, found) == (201, {"id": found["id"], "digest": digest, "size": 59, "kind": "XML"})
    assert found["id"].startswith("doc_")
    assert await _stored(gateway, found["id"]) == XML
    shown = await server_world.call("biller", f"query($id: ID!) {{ document(id: $id) {{ {FIELDS} }} }}", id=found["id"])
    assert shown["document"] == {
        **found,
        "createdBy": "dev-biller",
        "provider": {"cnes": server_world.provider},
        "payer": None,
    }


async def test_a_large_document_is_stored_in_chunks(server_world: World) -> None:
    noise = os.urandom(3 * CHUNK_BYTES + 17)
    gateway = server_world.gateway
    answer = await _post(gateway, noise, server_world.token("finance"), "application/octet-stream")
    found = answer.json()
    assert (answer.status_code, found["size"], found["kind"]) == (201, len(noise), "UNKNOWN")
    assert found["digest"] == hashlib.sha256(noise).hexdigest()
    assert await _stored(gateway, found["id"]) == noise
    async with gateway.database.reading() as connection:
        query = select(func.length(document_chunks.c.content)).where(document_chunks.c.document_id == found["id"])
        sizes = (await connection.execute(query)).scalars().all()
    assert (len(sizes), max(sizes) < 2 * CHUNK_BYTES) == (3, True)


async def test_the_same_bytes_of_one_caller_are_one_document(server_world: World) -> None:
    gateway, content = server_world.gateway, os.urandom(1_000)
    biller, finance = server_world.token("biller"), server_world.token("finance")
    first = (await _post(gateway, content, biller)).json()
    before = await _counts(gateway)
    again = await _post(gateway, content, biller, "text/xml")
    assert (again.status_code, again.json()) == (201, first)
    assert await _counts(gateway) == before
    assert await _stored(gateway, first["id"]) == content
    other = (await _post(gateway, content, finance)).json()
    assert (other["digest"], other["id"] != first["id"]) == (first["digest"], True)


async def test_the_same_bytes_for_two_providers_are_two_documents(server_world: World) -> None:
    gateway, content = server_world.gateway, os.urandom(1_000)
    worlds = (server_world, await new_world(gateway))
    tokens = [gateway.token("biller", sub="anna", providers=[each.provider]) for each in worlds]
    found = [(await _post(gateway, content, token)).json()["id"] for token in (*tokens, *tokens)]
    assert (found[:2], len(set(found))) == (found[2:], 2)
    for world, document_id in zip(worlds, found, strict=False):
        query = "query($id: ID!) { document(id: $id) { provider { cnes } } }"
        assert (await world.call("biller", query, id=document_id))["document"] == {"provider": {"cnes": world.provider}}


async def test_the_same_bytes_at_the_same_moment_are_one_document(server_world: World) -> None:
    content, token = os.urandom(1_000), server_world.token("biller")
    answers = await asyncio.gather(*[_post(server_world.gateway, content, token) for _ in range(2)])
    assert [each.status_code for each in answers] == [201, 201]
    assert len({each.json()["id"] for each in answers}) == 1


async def test_a_document_is_shown_to_its_uploader_and_its_provider_alone(server_world: World) -> None:
    gateway = server_world.gateway
    another = await new_world(gateway)
    token = gateway.keys.sign(audience="billing-gateway", role="biller", sub="anna", providers=["*"])
    document_id = (await _post(gateway, os.urandom(100), token)).json()["id"]
    own = (await _post(gateway, os.urandom(100), server_world.token("biller"))).json()["id"]

    async def shown(identifier: str, token: str) -> Any:
        answer = await gateway.gql("query($id: ID!) { document(id: $id) { id } }", {"id": identifier}, token=token)
        return answer.data["document"]

    assert await shown(document_id, token) == {"id": document_id}
    finance, stranger = server_world.token("finance"), another.token("finance")
    # Nobody has read it yet, so nobody knows whose it is.
    assert await shown(document_id, finance) is None
    assert await shown(own, finance) == {"id": own}
    assert await shown(own, stranger) is None
    async with gateway.database.engine.begin() as connection:
        parties = {"provider_cnes": server_world.provider, "payer_ans": server_world.payer}
        await connection.execute(update(documents).where(documents.c.id == document_id).values(**parties))
    assert await shown(document_id, finance) == {"id": document_id}
    assert await shown(document_id, stranger) is None


async def test_a_document_costs_as_many_statements_as_it_has_relations(server_world: World) -> None:
    document_id = (await _post(server_world.gateway, os.urandom(100), server_world.token("biller"))).json()["id"]
    query = f"query($id: ID!) {{ document(id: $id) {{ {FIELDS} }} }}"
    with server_world.gateway.counting() as statements:
        await server_world.call("biller", query, id=document_id)
    assert len(statements) == 2


async def test_an_upload_is_in_the_access_log(server_world: World) -> None:
    gateway = server_world.gateway
    answer = await _post(gateway, os.urandom(100), server_world.token("biller"))
    entries, persons = access_log_entries.c, access_log_persons.c
    query = select(entries.door, entries.kind, entries.actor, entries.operation, persons.object_ids)
    query = query.join(access_log_persons, persons.entry_id == entries.id)
    async with gateway.database.reading() as connection:
        rows = await connection.execute(query.where(entries.request_id == answer.headers["x-request-id"]))
        found = [tuple(each) for each in rows]
    assert found == [(Door.REST, "WRITE", "dev-biller", "uploadDocument", answer.json()["id"])]


@pytest.mark.parametrize(
    ("role", "claims", "refusal"),
    [
        (None, {}, (401, "UNAUTHENTICATED", "send an Authorization header with a bearer token")),
        ("reviewer", {}, (403, "FORBIDDEN", "this needs the permission documents:upload")),
        ("patient", {"patient": "pat_1"}, (403, "FORBIDDEN", "this needs the permission documents:upload")),
        ("biller", {"providers": []}, (403, "FORBIDDEN", "use a token that names providers or a payer")),
    ],
)
async def test_who_may_not_upload(
    server_gateway: Gateway, role: str | None, claims: dict[str, Any], refusal: tuple[int, str, str]
) -> None:
    before = await _counts(server_gateway)
    token = None if role is None else server_gateway.token(role, **claims)
    assert _refusal(await _post(server_gateway, XML, token)) == refusal
    assert await _counts(server_gateway) == before


async def test_a_forged_token_is_refused_before_the_body_is_read(server_gateway: Gateway) -> None:
    answer = await _post(server_gateway, XML, "forged")
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (401, "UNAUTHENTICATED")


async def test_what_is_not_a_document_is_refused(server_gateway: Gateway) -> None:
    token, client = server_gateway.token("biller"), server_gateway.client
    before = await _counts(server_gateway)
    accepted = "send the document uncompressed, as application/xml, text/xml, application/zip, text/csv, "
    workbook = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet, "
    images = "application/pdf, image/png, image/jpeg or application/octet-stream"
    media = (415, "UNSUPPORTED_MEDIA_TYPE", f"{accepted}{workbook}{images}")
    assert _refusal(await _post(server_gateway, XML, token, "application/json")) == media
    packed = {**_headers(token), "content-encoding": "gzip"}
    assert _refusal(await client.post("/documents", content=XML, headers=packed)) == media

    async def parts() -> Any:
        yield XML

    unknown = await client.post("/documents", content=parts(), headers=_headers(token))
    said = "send the header content-length: `curl --data-binary @FILE` does"
    assert _refusal(unknown) == (411, "LENGTH_REQUIRED", said)
    empty = (400, "BAD_REQUEST", "the document is empty: send its bytes as the body")
    assert _refusal(await _post(server_gateway, b"", token)) == empty
    get = await client.get("/documents", headers=_headers(token))
    assert (_refusal(get), get.headers["allow"]) == ((405, "METHOD_NOT_ALLOWED", "use POST"), "POST")
    assert await _counts(server_gateway) == before


async def test_limits_of_size_time_and_rate(services: Services, tmp_path: Any) -> None:
    changes = {"document_bytes_max": 2_000, "body_timeout_seconds": 0.3, "rate_per_second": 0.01, "rate_burst": 2}
    async with running_gateway(await server_settings(tmp_path, services, **changes)) as gateway:
        token = gateway.token("biller")
        large = (413, "PAYLOAD_TOO_LARGE", "send at most 2,000 bytes: split the document, or compress it as a zip")
        assert _refusal(await _post(gateway, b"<" * 2_001, token)) == large
        finance = gateway.token("finance")
        reader, writer = await asyncio.open_connection("127.0.0.1", int(gateway.url.rpartition(":")[2]))
        head = f"POST /documents HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {finance}\r\n"
        writer.write(f"{head}Content-Type: text/xml\r\nContent-Length: 100\r\n\r\n<lote>".encode())
        answer = (await reader.read()).decode()
        writer.close()
        assert answer.startswith("HTTP/1.1 408 ")
        assert "send at least 262,144 bytes every 0.3 s" in answer
        assert await _counts(gateway) == [0, 0, 0]
        assert (await _post(gateway, XML, token)).status_code == 201
        limited = await _post(gateway, XML, token)
        assert (limited.status_code, limited.json()["errors"][0]["extensions"]["code"]) == (429, "RATE_LIMITED")
        assert int(limited.headers["retry-after"]) > 1


async def test_uploads_of_one_caller_at_a_time_are_limited(server_world: World) -> None:
    gateway, token = server_world.gateway, server_world.token("biller")
    head = f"POST /documents HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: text/xml\r\n"
    opened = []
    before = await _counts(gateway)
    for number in range(2):
        reader, writer = await asyncio.open_connection("127.0.0.1", int(gateway.url.rpartition(":")[2]))
        writer.write(f"{head}Content-Length: 1000\r\n\r\n<lote>".encode())
        opened.append((reader, writer))
        await _until_uploading(gateway, before[2] + number + 1)
    refused = (429, "RATE_LIMITED", "at most 2 uploads at a time")
    assert _refusal(await _post(gateway, XML, token)) == refused
    for _, writer in opened:
        writer.close()
    # Whoever disconnects leaves nothing.
    await _until_uploading(gateway, before[2])
    assert await _counts(gateway) == before


async def _until_uploading(gateway: Gateway, count: int) -> None:
    async with asyncio.timeout(5):
        while (await _counts(gateway))[2] != count:  # noqa: ASYNC110 - the gateway gives no signal
            await asyncio.sleep(0.02)


async def test_what_a_killed_process_leaves_is_swept(server_world: World) -> None:
    gateway = server_world.gateway
    before = await _counts(gateway)
    uploads = [Upload(gateway.database) for _ in range(2)]
    for upload in uploads:
        await upload.begin()
        await upload.add(os.urandom(2 * CHUNK_BYTES))
    old = datetime.now(UTC) - timedelta(hours=2)
    async with gateway.database.engine.begin() as connection:
        table = document_uploads
        await connection.execute(update(table).where(table.c.id == uploads[0].id).values(started_at=old))
    assert await service.remove_abandoned(gateway.database) == 1
    assert await _counts(gateway) == [before[0], before[1] + 1, before[2] + 1]
    await uploads[1].abandon()
    assert await _counts(gateway) == before
