"""Documents by their hash: from a manifest, or registered by clients; and a gateway on which nothing else runs."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from app.transport.trusted import digest_of
from tests.gateway import Gateway, embedded_settings, running_gateway

TRUSTED = "query Mine { me { subject } }"
OTHER = "{ me { roles } }"
HASH = digest_of(TRUSTED)


async def posted(gateway: Gateway, body: dict[str, Any]) -> tuple[int, Any]:
    """The status of the answer, and its data or the code of its error."""
    headers = {"authorization": f"Bearer {gateway.token('biller')}"}
    answer = await gateway.client.post("/graphql", json=body, headers=headers)
    found = answer.json()
    return answer.status_code, found["data"] if "errors" not in found else found["errors"][0]["extensions"]["code"]


def _apollo(digest: str, **more: Any) -> dict[str, Any]:
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": digest}}, **more}


async def test_a_client_registers_a_document_and_then_sends_its_hash_alone(gateway: Gateway) -> None:
    text = f"query Q {{ me {{ subject }} }} # {os.urandom(4).hex()}"
    digest = digest_of(text)
    assert await posted(gateway, _apollo(digest)) == (200, "PERSISTED_QUERY_NOT_FOUND")
    assert await posted(gateway, _apollo(digest, query=text)) == (200, {"me": {"subject": "dev-biller"}})
    assert await posted(gateway, _apollo(digest)) == (200, {"me": {"subject": "dev-biller"}})
    assert await posted(gateway, {"documentId": f"sha256:{digest}"}) == (200, {"me": {"subject": "dev-biller"}})
    headers = {"authorization": f"Bearer {gateway.token('biller')}"}
    parameters = {"extensions": json.dumps(_apollo(digest)["extensions"])}
    answer = await gateway.client.get("/graphql", params=parameters, headers=headers)
    assert answer.json()["data"] == {"me": {"subject": "dev-biller"}}


async def test_nobody_registers_a_document_without_a_token(gateway: Gateway) -> None:
    text = f"query Q {{ __typename }} # {os.urandom(4).hex()}"
    answer = await gateway.client.post("/graphql", json=_apollo(digest_of(text), query=text))
    assert answer.json()["data"] == {"__typename": "Query"}
    assert await posted(gateway, _apollo(digest_of(text))) == (200, "PERSISTED_QUERY_NOT_FOUND")


async def test_a_flood_of_documents_without_a_token_pushes_no_document_out(embedded_gateway: Gateway) -> None:
    text = f"query Q {{ me {{ subject }} }} # {os.urandom(4).hex()}"
    assert (await posted(embedded_gateway, _apollo(digest_of(text), query=text)))[0] == 200
    before = await _registered(embedded_gateway)
    assert f"apq:{digest_of(text)}" in before
    for number in range(100):
        flood = f"query Q {{ __typename }} # {number}"
        answer = await embedded_gateway.client.post("/graphql", json=_apollo(digest_of(flood), query=flood))
        assert answer.json()["data"] == {"__typename": "Query"}
    assert await _registered(embedded_gateway) == before
    assert await posted(embedded_gateway, _apollo(digest_of(text))) == (200, {"me": {"subject": "dev-biller"}})


async def _registered(gateway: Gateway) -> set[str]:
    return {key.decode() async for key in gateway.parts.cache._redis.scan_iter("apq:*")}


async def test_the_refusal_of_an_unknown_hash_is_what_clients_wait_for(gateway: Gateway) -> None:
    answer = await gateway.gql("")  # no query at all is no question of hashes
    assert (answer.status, answer.codes) == (400, ["BAD_REQUEST"])
    found = (await gateway.client.post("/graphql", json=_apollo("0" * 64))).json()
    assert found["errors"][0]["message"] == "PersistedQueryNotFound"


@pytest.mark.parametrize("text", ["{ me { nothing } }", "{ me {", "{ " + "me { subject } " * 30 + "}"])
async def test_a_document_that_is_refused_is_not_registered(gateway: Gateway, text: str) -> None:
    assert (await posted(gateway, _apollo(digest_of(text), query=text)))[0] == 200
    assert await posted(gateway, _apollo(digest_of(text))) == (200, "PERSISTED_QUERY_NOT_FOUND")


@pytest.mark.parametrize(
    "body",
    [
        _apollo(HASH, query=OTHER),
        _apollo("zz"),
        _apollo(HASH[:-1]),
        {"extensions": {"persistedQuery": {"version": 2, "sha256Hash": HASH}}},
        {"extensions": {"persistedQuery": {"version": 1}}},
        {"extensions": {"persistedQuery": [1]}},
        {"extensions": {"persistedQuery": None}},
        {"documentId": 5},
        {"documentId": ""},
        {"documentId": [HASH]},
    ],
)
async def test_a_wrong_hash_is_refused(gateway: Gateway, body: dict[str, Any]) -> None:
    assert await posted(gateway, body) == (400, "BAD_REQUEST")


async def test_what_another_hand_wrote_into_redis_does_not_run(server_gateway: Gateway) -> None:
    cache = server_gateway.parts.cache
    await cache.put(cache.document_key("1" * 64), OTHER.encode(), lifetime_seconds=60)
    assert await posted(server_gateway, _apollo("1" * 64)) == (200, "PERSISTED_QUERY_NOT_FOUND")


@pytest.fixture(scope="module", params=["plain", "apollo"])
async def strict(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A gateway on which nothing but one document runs."""
    found: Any = {f"sha256:{HASH}": TRUSTED}
    if request.param == "apollo":
        operation = {"id": HASH, "name": "Mine", "type": "query", "body": TRUSTED}
        found = {"format": "apollo-persisted-query-manifest", "version": 1, "operations": [operation]}
    directory = tmp_path_factory.mktemp("trusted")
    path = directory / "trusted.json"
    path.write_text(json.dumps(found))
    settings = embedded_settings(directory, trusted_documents=path, trusted_documents_only=True)
    async with running_gateway(settings) as gateway:
        yield gateway


async def test_the_operations_of_the_rest_endpoints_are_trusted_too(strict: Gateway) -> None:
    headers = {"authorization": f"Bearer {strict.token('biller')}"}
    answer = await strict.client.get("/claims/", headers=headers)
    assert (answer.status_code, answer.json()) == (200, {"items": [], "next": None})


async def test_nothing_but_trusted_documents_runs_where_only_those_may(strict: Gateway) -> None:
    mine = {"me": {"subject": "dev-biller"}}
    assert await posted(strict, {"documentId": HASH}) == (200, mine)
    assert await posted(strict, _apollo(HASH)) == (200, mine)
    assert await posted(strict, {"query": TRUSTED}) == (200, mine)
    assert await posted(strict, {"query": OTHER}) == (200, "QUERY_NOT_IN_SAFELIST")
    assert await posted(strict, {"query": "{ __schema { types { name } } }"}) == (200, "QUERY_NOT_IN_SAFELIST")
    assert await posted(strict, _apollo(digest_of(OTHER), query=OTHER)) == (200, "PERSISTED_QUERY_NOT_FOUND")
    assert await posted(strict, {"documentId": digest_of(OTHER)}) == (200, "PERSISTED_QUERY_NOT_FOUND")
    address = strict.url.replace("http://", "ws://") + "/graphql"
    async with connect(address, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket:
        token = strict.token("biller")
        await socket.send(json.dumps({"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}}))
        await socket.recv()
        for payload, kind in (({"documentId": HASH}, "next"), ({"query": OTHER}, "error")):
            await socket.send(json.dumps({"id": kind, "type": "subscribe", "payload": payload}))
            found = json.loads(await socket.recv())
            while found["type"] == "complete":
                found = json.loads(await socket.recv())
            assert (found["id"], found["type"]) == (kind, kind)


async def test_the_manifest_of_a_code_generator_names_documents_by_their_sha_1(tmp_path: Path) -> None:
    digest = hashlib.sha1(TRUSTED.encode(), usedforsecurity=False).hexdigest()
    path = tmp_path / "persisted-documents.json"
    path.write_text(json.dumps({digest: TRUSTED}))
    mine = {"me": {"subject": "dev-biller"}}
    async with running_gateway(embedded_settings(tmp_path, trusted_documents=path)) as gateway:
        assert await posted(gateway, {"documentId": digest}) == (200, mine)
        assert await posted(gateway, _apollo(digest)) == (200, mine)
        other = hashlib.sha1(OTHER.encode(), usedforsecurity=False).hexdigest()
        assert await posted(gateway, _apollo(other, query=OTHER)) == (200, "PERSISTED_QUERY_NOT_FOUND")
        assert await posted(gateway, _apollo(other)) == (200, "PERSISTED_QUERY_NOT_FOUND")
