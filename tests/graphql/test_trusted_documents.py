"""Documents by their hash: from a manifest, or registered by clients; and a gateway on which nothing else runs."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from app.transport.trusted import ManifestError, digest_of, load_trusted
from tests.commands import billing
from tests.gateway import Gateway, embedded_settings, running_gateway

TRUSTED = "query Mine { me { subject } }"
OTHER = "{ me { roles } }"
HASH = digest_of(TRUSTED)
# graphql-js prints so what Apollo Client makes of the operation: `__typename` in every selection but the root's.
SENT_BY_APOLLO = """query Claims {
  claims {
    nodes {
      ...Row
      __typename
    }
    __typename
  }
}

fragment Row on Claim {
  id
  ...Money
  __typename
}

fragment Money on Claim {
  status
  __typename
}"""


async def _post(gateway: Gateway, body: dict[str, Any]) -> tuple[int, Any]:
    headers = {"authorization": f"Bearer {gateway.token('biller')}"}
    answer = await gateway.client.post("/graphql", json=body, headers=headers)
    found = answer.json()
    return answer.status_code, found["data"] if "errors" not in found else found["errors"][0]["extensions"]["code"]


def _apollo(digest: str, **more: Any) -> dict[str, Any]:
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": digest}}, **more}


async def test_a_client_registers_a_document_and_then_sends_its_hash_alone(gateway: Gateway) -> None:
    text = f"query Q {{ me {{ subject }} }} # {os.urandom(4).hex()}"
    digest = digest_of(text)
    assert await _post(gateway, _apollo(digest)) == (200, "PERSISTED_QUERY_NOT_FOUND")
    assert await _post(gateway, _apollo(digest, query=text)) == (200, {"me": {"subject": "dev-biller"}})
    assert await _post(gateway, _apollo(digest)) == (200, {"me": {"subject": "dev-biller"}})
    assert await _post(gateway, {"documentId": f"sha256:{digest}"}) == (200, {"me": {"subject": "dev-biller"}})
    headers = {"authorization": f"Bearer {gateway.token('biller')}"}
    parameters = {"extensions": json.dumps(_apollo(digest)["extensions"])}
    answer = await gateway.client.get("/graphql", params=parameters, headers=headers)
    assert answer.json()["data"] == {"me": {"subject": "dev-biller"}}


async def test_nobody_registers_a_document_without_a_token(gateway: Gateway) -> None:
    text = f"query Q {{ __typename }} # {os.urandom(4).hex()}"
    answer = await gateway.client.post("/graphql", json=_apollo(digest_of(text), query=text))
    assert answer.json()["data"] == {"__typename": "Query"}
    assert await _post(gateway, _apollo(digest_of(text))) == (200, "PERSISTED_QUERY_NOT_FOUND")


async def test_a_flood_of_documents_without_a_token_pushes_no_document_out(embedded_gateway: Gateway) -> None:
    text = f"query Q {{ me {{ subject }} }} # {os.urandom(4).hex()}"
    assert (await _post(embedded_gateway, _apollo(digest_of(text), query=text)))[0] == 200
    before = await _registered(embedded_gateway)
    assert f"apq:{digest_of(text)}" in before
    for number in range(100):
        flood = f"query Q {{ __typename }} # {number}"
        answer = await embedded_gateway.client.post("/graphql", json=_apollo(digest_of(flood), query=flood))
        assert answer.json()["data"] == {"__typename": "Query"}
    assert await _registered(embedded_gateway) == before
    assert await _post(embedded_gateway, _apollo(digest_of(text))) == (200, {"me": {"subject": "dev-biller"}})


async def _registered(gateway: Gateway) -> set[str]:
    return {key.decode() async for key in gateway.parts.cache._redis.scan_iter("apq:*")}


async def test_the_refusal_of_an_unknown_hash_is_what_clients_wait_for(gateway: Gateway) -> None:
    answer = await gateway.gql("")  # no query at all is no question of hashes
    assert (answer.status, answer.codes) == (400, ["BAD_REQUEST"])
    found = (await gateway.client.post("/graphql", json=_apollo("0" * 64))).json()
    assert found["errors"][0]["message"] == "PersistedQueryNotFound"


@pytest.mark.parametrize("text", ["{ me { nothing } }", "{ me {", "{ " + "me { subject } " * 30 + "}"])
async def test_a_document_that_is_refused_is_not_registered(gateway: Gateway, text: str) -> None:
    assert (await _post(gateway, _apollo(digest_of(text), query=text)))[0] == 200
    assert await _post(gateway, _apollo(digest_of(text))) == (200, "PERSISTED_QUERY_NOT_FOUND")


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
    assert await _post(gateway, body) == (400, "BAD_REQUEST")


async def test_what_another_hand_wrote_into_redis_does_not_run(server_gateway: Gateway) -> None:
    cache = server_gateway.parts.cache
    await cache.put(cache.document_key("1" * 64), OTHER.encode(), lifetime_seconds=60)
    assert await _post(server_gateway, _apollo("1" * 64)) == (200, "PERSISTED_QUERY_NOT_FOUND")


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
    assert await _post(strict, {"documentId": HASH}) == (200, mine)
    assert await _post(strict, _apollo(HASH)) == (200, mine)
    assert await _post(strict, {"query": TRUSTED}) == (200, mine)
    assert await _post(strict, {"query": OTHER}) == (200, "QUERY_NOT_IN_SAFELIST")
    assert await _post(strict, {"query": "{ __schema { types { name } } }"}) == (200, "QUERY_NOT_IN_SAFELIST")
    assert await _post(strict, _apollo(digest_of(OTHER), query=OTHER)) == (200, "PERSISTED_QUERY_NOT_FOUND")
    assert await _post(strict, {"documentId": digest_of(OTHER)}) == (200, "PERSISTED_QUERY_NOT_FOUND")
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
        assert await _post(gateway, {"documentId": digest}) == (200, mine)
        assert await _post(gateway, _apollo(digest)) == (200, mine)
        other = hashlib.sha1(OTHER.encode(), usedforsecurity=False).hexdigest()
        assert await _post(gateway, _apollo(other, query=OTHER)) == (200, "PERSISTED_QUERY_NOT_FOUND")
        assert await _post(gateway, _apollo(other)) == (200, "PERSISTED_QUERY_NOT_FOUND")


async def test_the_command_line_makes_the_manifest_and_names_what_cannot_be_trusted(tmp_path: Path) -> None:
    sources = tmp_path / "client"
    sources.mkdir()
    (sources / "fragments.graphql").write_text(
        "fragment Row on Claim { id ...Money } fragment Money on Claim { status }"
    )
    (sources / "claims.graphql").write_text("query Claims { claims { nodes { ...Row } } }")
    output = tmp_path / "trusted.json"
    made = billing("trusted-documents", str(sources), "--output", str(output))
    assert (made.returncode, made.stderr.startswith("1 operations")) == (0, True), made.stderr
    written, sent = json.loads(output.read_text())["operations"]
    for operation in (written, sent):
        named = (operation["name"], operation["type"], operation["id"])
        assert named == ("Claims", "query", digest_of(operation["body"]))
    assert "__typename" not in written["body"]
    assert sent["body"] == SENT_BY_APOLLO
    async with running_gateway(
        embedded_settings(tmp_path, trusted_documents=output, trusted_documents_only=True)
    ) as gateway:
        assert await _post(gateway, {"documentId": written["id"]}) == (200, {"claims": {"nodes": []}})
        claims = {"nodes": [], "__typename": "ClaimConnection"}
        assert await _post(gateway, {"documentId": sent["id"]}) == (200, {"claims": claims})
        assert await _post(gateway, {"query": SENT_BY_APOLLO}) == (200, {"claims": claims})
    (sources / "bad.graphql").write_text("query Bad { claims { nothing } }")
    (sources / "worse.graphql").write_text("query {")
    refused = billing("trusted-documents", str(sources), "--output", str(output))
    assert refused.returncode == 2
    assert [line.rpartition("/")[2].partition(":")[0] for line in refused.stderr.splitlines()[1:]] == [
        "worse.graphql", "bad.graphql",
    ]  # fmt: skip


def _manifest(tmp_path: Path, text: str | None) -> Path:
    path = tmp_path / "trusted.json"
    if text is not None:
        path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "cannot read"),
        ("{", "is not valid JSON"),
        ("[]", "is not a manifest"),
        ('{"a": 1}', "is not a manifest"),
        (json.dumps({"0" * 64: TRUSTED}), "has the hash"),
    ],
)
def test_a_manifest_that_cannot_be_used_is_told_in_one_line(tmp_path: Path, text: str | None, reason: str) -> None:
    with pytest.raises(ManifestError, match=reason) as refused:
        load_trusted(_manifest(tmp_path, text))
    assert "\n" not in str(refused.value)


def test_a_trusted_document_that_does_not_fit_the_schema_stops_the_start(tmp_path: Path) -> None:
    path = _manifest(tmp_path, json.dumps({digest_of("{ nothing }"): "{ nothing }"}))
    variables = {"BILLING_VAR_DIR": str(tmp_path), "BILLING_TRUSTED_DOCUMENTS": str(path)}
    assert billing("migrate", **variables).returncode == 0
    done = billing("serve", **variables)
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, "billing: wrong trusted documents")
    assert "Traceback" not in done.stderr
