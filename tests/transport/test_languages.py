"""Messages in the language of the `Accept-Language` header: of payloads, requests, streams, and repeated calls."""

import asyncio
import contextlib
import json
from typing import Any

import httpx

from tests.factories import World, key
from tests.faults.clients import opened
from tests.inputs import input_type, shaped

FIELDS = "errors { code message field tissCode tissDescription }"
UNKNOWN = "01jaaaaaaaaaaaaaaaaaaaaaaa"


async def _create(world: World, accepted: dict[str, str], **changes: Any) -> Any:
    query = f"mutation($input: {input_type('createClaim')}!) {{ createClaim(input: $input) {{ {FIELDS} }} }}"
    values = shaped("createClaim", world.claim_input(**changes))
    return await world.gateway.gql(query, {"input": values}, token=world.token("biller"), **accepted)


def _headers(answer: Any) -> tuple[str | None, str]:
    return answer.headers.get("content-language"), answer.headers["vary"]


class TestPayloads:
    async def test_messages_follow_the_header_and_codes_do_not(self, world: World) -> None:
        number = world.claim_input()["providerClaimNumber"]
        await world.create_claim(providerClaimNumber=number)
        texts = {}
        for accepted in ("pt-BR,pt;q=0.9,en;q=0.8", "en-US"):
            answer = await _create(world, {"accept-language": accepted}, providerClaimNumber=number)
            (error,) = answer.data["createClaim"]["errors"]
            texts[accepted[:2]] = error.pop("message")
            assert error == {
                "code": "DUPLICATE_CLAIM",
                "field": ["claim", "providerClaimNumber"],
                "tissCode": "1308",
                "tissDescription": "GUIA JÁ APRESENTADA",
            }
        assert texts == {
            "pt": "este número de guia já foi usado com esta operadora: use outro número",
            "en": "the claim number was already used with this payer: use another number",
        }

    async def test_an_answer_says_its_language_if_it_depends_on_one(self, world: World) -> None:
        accepted = {"accept-language": "pt"}
        refused = await _create(world, accepted, cardNumber="")
        english = await _create(world, {}, cardNumber="")
        good = await _create(world, accepted)
        assert _headers(refused) == ("pt-BR", "Origin, Accept-Language")
        assert _headers(english) == ("en", "Origin, Accept-Language")
        assert (good.data, _headers(good)) == ({"createClaim": {"errors": []}}, (None, "Origin"))

    async def test_what_blocks_an_action_is_said_in_the_language(self, world: World) -> None:
        claim = (await world.submitted_claim())["id"]
        query = "query($id: ID!) { claim(id: $id) { availableActions { action blockedBy { code message } } } }"
        for role, code, text in (
            ("biller", "STATE", "não é possível excluir: a situação da guia é enviada"),
            ("reviewer", "PERMISSION", "isto exige a permissão claims:create"),
        ):
            token = world.token(role)
            answer = await world.gateway.gql(query, {"id": claim}, token=token, **{"accept-language": "pt"})
            blocks = {each["action"]: each["blockedBy"] for each in answer.data["claim"]["availableActions"]}
            assert blocks["DELETE_DRAFT"] == {"code": code, "message": text}

    async def test_a_repeated_call_is_in_the_language_of_the_repetition(self, server_world: World) -> None:
        world = server_world
        query = (
            f"mutation($input: {input_type('submitClaims')}!) {{ submitClaims(input: $input) "
            "{ replayed results { errors { message } } } }"
        )
        values = {"input": {"claimIds": [UNKNOWN], "idempotencyKey": key()}}
        found = []
        for accepted in ("pt", "en", "pt"):
            answer = await world.gateway.gql(
                query, values, token=world.token("biller"), **{"accept-language": accepted}
            )
            payload = answer.data["submitClaims"]
            found.append((payload["replayed"], payload["results"][0]["errors"][0]["message"]))
        portuguese, english = "não há guia com esta identificação ao seu alcance", "the claim was not found"
        assert found == [(False, portuguese), (True, english), (True, portuguese)]


class TestRequests:
    async def test_refusals_of_requests_and_of_arguments(self, world: World) -> None:
        gateway, token = world.gateway, world.token("biller")
        portuguese: dict[str, Any] = {"accept-language": "pt"}
        query = "query($first: Int) { claims(first: $first) { nodes { id } } }"
        answers = [
            await gateway.gql("{ me { subject } }", **portuguese),
            await gateway.gql(query, {"first": 0}, token=token, **portuguese),
            await gateway.gql(query, {"first": "x"}, token=token, **portuguese),
            await gateway.gql("{ me { subject", token=token, **portuguese),
        ]
        assert [each.body["errors"][0]["message"] for each in answers] == [
            "envie um cabeçalho Authorization com um token bearer",
            "first deve ser de 1 a 100",
            "Variable '$first' has invalid value: Int cannot represent non-integer value.",
            "Syntax Error: Expected Name, found <EOF>.",
        ]

    async def test_an_event_stream_varies_before_its_first_message(self, world: World) -> None:
        headers = {
            "authorization": f"Bearer {world.token('reviewer')}",
            "accept": "text/event-stream",
            "accept-language": "pt",
        }
        body = {"query": "subscription { claimStatusChanged { cursor } }"}
        async with (
            httpx.AsyncClient(base_url=world.gateway.url) as client,
            client.stream("POST", "/graphql", json=body, headers=headers) as answer,
        ):
            assert _headers(answer) == ("pt-BR", "Origin, Accept-Language")


WATCH = """subscription { claimStatusChanged {
  claim { availableActions { action blockedBy { message } } } } }"""


async def _message(socket: Any) -> str | None:
    """What the next event says of starting the review; None for the first message, which has no claim."""
    async with asyncio.timeout(10):
        claim = json.loads(await socket.recv())["payload"]["data"]["claimStatusChanged"]["claim"]
    if claim is None:
        return None
    return str(
        next(each for each in claim["availableActions"] if each["action"] == "START_REVIEW")["blockedBy"]["message"]
    )


async def test_subscribers_share_an_answer_only_in_one_language(world: World) -> None:
    async with contextlib.AsyncExitStack() as stack:
        sockets = []
        for accepted in ("pt", "en", "pt-BR"):
            headers = {"accept-language": accepted}
            socket = await stack.enter_async_context(
                opened(world.gateway.url, world.token("biller"), additional_headers=headers)
            )
            await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": WATCH}}))
            assert await _message(socket) is None
            sockets.append(socket)
        await world.create_claim()
        heard = [await _message(socket) for socket in sockets]
    portuguese = "isto exige a permissão claims:review"
    assert heard == [portuguese, "this needs the permission claims:review", portuguese]
