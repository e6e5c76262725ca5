"""The transport over a toy schema, in process: documents, errors, negotiation, malformed requests."""

import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from strawberry.extensions import SchemaExtension

from app.transport.answers import OperationReport
from app.transport.documents import Documents
from app.transport.errors import RequestError
from app.transport.limits import Limits
from app.transport.negotiation import preference
from tests.graphql.http_audits.toy import Context, Toy, make_schema
from tests.logs import own_records

RESPONSE = "application/graphql-response+json"
URQL = f"{RESPONSE}, application/graphql+json, application/json, text/event-stream, multipart/mixed"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


async def ask(toy: Toy, query: str, variables: object = None, **headers: str) -> httpx.Response:
    return await send(toy, json.dumps({"query": query, "variables": variables}).encode(), **headers)


async def send(toy: Toy, body: bytes, **headers: str) -> httpx.Response:
    named = {"accept": RESPONSE, "content-type": "application/json"}
    named.update({name.replace("_", "-"): value for name, value in headers.items()})
    async with client(toy) as http:
        return await http.post("/graphql", content=body, headers=named)


async def get(toy: Toy, *, params: dict[str, str] | None = None, **headers: str) -> httpx.Response:
    async with client(toy) as http:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await http.get("/graphql", params=params, headers=named)


def client(toy: Toy) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(toy.app), base_url="http://gateway")


def first_error(response: httpx.Response) -> dict[str, Any]:
    body = response.json()
    assert "data" not in body
    error: dict[str, Any] = body["errors"][0]
    return error


class TestDocuments:
    def test_a_valid_document_is_parsed_and_validated_once(self) -> None:
        documents = Documents(make_schema())
        assert documents.get("{ hello }") is documents.get("{ hello }")
        assert documents.get("{ hello }") is not documents.get("{hello}")

    def test_the_least_recently_used_document_is_forgotten(self) -> None:
        documents = Documents(make_schema(), weight_max=2 * 510)
        one, two = documents.get("{ hello }"), documents.get("{ number }")
        assert documents.get("{ hello }") is one
        documents.get("{hello}")
        assert documents.get("{ hello }") is one
        assert documents.get("{ number }") is not two

    def test_a_limit_refuses_a_document_before_validation(self) -> None:
        documents = Documents(make_schema(), limits=Limits(depth=1))
        with pytest.raises(RequestError, match="depth from 2 to at most 1") as caught:
            documents.get("{ unknown { further } }")
        assert caught.value.code == "TOO_COMPLEX"

    def test_a_document_has_at_most_1000_tokens(self) -> None:
        with pytest.raises(RequestError, match="more than 1000 tokens"):
            Documents(make_schema()).get("{" + "hello " * 1000 + "}")


class TestErrors:
    async def test_an_expected_failure_keeps_its_words_and_code(self) -> None:
        response = await ask(Toy(), "{ refused hello }")
        assert response.status_code == 200
        assert response.json() == {
            "errors": [
                {
                    "message": "must be positive",
                    "locations": [{"line": 1, "column": 3}],
                    "path": ["refused"],
                    "extensions": {
                        "code": "BAD_USER_INPUT",
                        "reason": "INVALID_AMOUNT",
                        "field": ["items", "0", "amount"],
                        "tissCode": "1705",
                    },
                }
            ],
            "data": {"refused": None, "hello": "world"},
        }

    @pytest.mark.parametrize("field", ["broken", "unanswerable", "misshapen"])
    async def test_an_unexpected_failure_is_masked_and_logged_once(
        self, field: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        response = await ask(Toy(), f"{{ {field} }}")
        error = response.json()["errors"][0]
        assert (error["message"], error["extensions"]) == ("internal error", {"code": "INTERNAL", "requestId": "req-1"})
        assert "secret" not in response.text
        (record,) = own_records(caplog, logging.ERROR)
        assert (record.name, record.exc_info is not None) == ("billing.graphql", True)
        assert record.getMessage() == f"internal error at {field} in request req-1"

    @pytest.mark.parametrize(
        ("query", "code", "message"),
        [
            ("{", "GRAPHQL_PARSE_FAILED", "Syntax Error: Expected Name, found <EOF>."),
            ("{ helo }", "GRAPHQL_VALIDATION_FAILED", "Cannot query field 'helo' on type 'Query'."),
            ("query($v: Int!) { echo(value: $v) }", "BAD_USER_INPUT", None),
            ("query A { hello } query B { hello }", "OPERATION_RESOLUTION_FAILURE", None),
            ("{" * 5000, "GRAPHQL_PARSE_FAILED", None),
            ("subscription { numbers(to: 1) }", "OPERATION_NOT_SUPPORTED", None),
        ],
    )
    async def test_what_is_refused_before_execution_has_a_code(
        self, query: str, code: str, message: str | None
    ) -> None:
        toy = Toy()
        response = await ask(toy, query)
        error = first_error(response)
        assert response.status_code == (406 if code == "OPERATION_NOT_SUPPORTED" else 400)
        reason = {"reason": "INVALID_INPUT"} if code == "BAD_USER_INPUT" else {}
        assert error["extensions"] == {"code": code, **reason}
        assert message in {None, error["message"]}
        assert [(report.outcome, report.code) for report in toy.reports] == [("refused", code)]

    async def test_an_argument_found_wrong_while_executing_is_the_clients_fault(self) -> None:
        response = await ask(Toy(), "query($v: Int = 1) { echo(value: $v) }", {"v": None})
        (error,) = response.json()["errors"]
        assert (error["path"], error["extensions"]) == (["echo"], {"code": "BAD_USER_INPUT", "reason": "INVALID_INPUT"})
        assert "non-null type 'Int!'" in error["message"]

    async def test_the_legacy_media_type_answers_200_to_graphql_errors(self) -> None:
        response = await ask(Toy(), "{ helo }", accept="application/json")
        assert (response.status_code, response.headers["content-type"]) == (200, "application/json; charset=utf-8")
        assert first_error(response)["extensions"] == {"code": "GRAPHQL_VALIDATION_FAILED"}

    async def test_a_refused_token_is_401_in_every_media_type(self) -> None:
        for accept in (RESPONSE, "application/json"):
            response = await ask(Toy(), "{ hello }", authorization="Bearer bad", accept=accept)
            assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")
            assert first_error(response) == {
                "message": "the token is not known",
                "extensions": {"code": "UNAUTHENTICATED"},
            }

    async def test_a_failure_of_the_context_is_masked(self) -> None:
        response = await ask(Toy(), "{ hello }", authorization="Bearer broken")
        assert response.status_code == 500
        assert first_error(response) == {"message": "internal error", "extensions": {"code": "INTERNAL"}}


class TestOperations:
    async def test_every_operation_has_its_own_context_and_report(self) -> None:
        toy = Toy(batch_max=2)
        response = await send(
            toy, json.dumps([{"query": "query A { number }"}, {"query": "{ number broken }"}]).encode()
        )
        one, two = response.json()
        assert one["data"]["number"] < two["data"]["number"]
        assert [(report.name, report.type, report.outcome, report.code) for report in toy.reports] == [
            ("A", "query", "ok", None),
            (None, "query", "internal", "INTERNAL"),
        ]
        assert all(isinstance(report, OperationReport) and report.seconds > 0 for report in toy.reports)

    async def test_batches_are_refused_unless_configured_and_have_a_size(self) -> None:
        body = json.dumps([{"query": "{ hello }"}] * 3).encode()
        for toy in (Toy(), Toy(batch_max=2)):
            assert (await send(toy, body)).status_code == 400
        with pytest.raises(ValueError, match="must be 0 to 10"):
            Toy(batch_max=11)

    async def test_the_deadline_ends_queries_and_mutations(self) -> None:
        toy = Toy(deadline_seconds=0.05)
        for query in ("{ slow(seconds: 3) }", "mutation { write(seconds: 3) }"):
            response = await ask(toy, query)
            assert (response.status_code, first_error(response)["extensions"]) == (504, {"code": "TIMEOUT"})
        assert toy.journal == ["query begun", "query cancelled", "mutation begun", "mutation cancelled"]

    async def test_a_batch_has_one_deadline_and_what_has_not_begun_by_then_never_begins(self) -> None:
        toy = Toy(deadline_seconds=0.1, batch_max=4)
        slow = ["{ slow(seconds: 0) }", "{ slow(seconds: 3) }", "mutation { write }", "{ broken"]
        response = await send(toy, json.dumps([{"query": query} for query in slow]).encode())
        done, cut_off, not_begun, malformed = response.json()
        timeout = {"message": "not finished within 0.1 s, ask for less", "extensions": {"code": "TIMEOUT"}}
        assert (response.status_code, done["data"]) == (200, {"slow": "done"})
        assert (cut_off, not_begun) == ({"errors": [timeout]}, {"errors": [timeout]})
        assert malformed["errors"][0]["extensions"]["code"] == "GRAPHQL_PARSE_FAILED"
        assert toy.journal == ["query begun", "query done", "query begun", "query cancelled"]
        assert [(report.type, report.code) for report in toy.reports] == [
            *[("query", None), ("query", "TIMEOUT"), ("mutation", "TIMEOUT"), (None, "GRAPHQL_PARSE_FAILED")],
        ]

    def test_a_schema_with_extensions_is_refused_at_the_start(self) -> None:
        with pytest.raises(ValueError, match="does not run them"):
            Toy(SchemaExtension)


class Anonymous(Context):
    """A caller without a token, where the schema is not open to everybody."""

    may_introspect = False


def toy_for(kind: type[Context], **members: Any) -> Toy:
    """A toy whose every request has a context of this kind."""

    async def context(_connection: HTTPConnection) -> Context:
        return kind([], **members)

    return Toy(context=context)


class TestAdmission:
    async def test_a_caller_without_the_permission_reads_no_schema_and_an_anonymous_one_sends_no_long_document(
        self,
    ) -> None:
        schema = await ask(toy_for(Anonymous, is_authenticated=True), "{ __schema { queryType { name } } }")
        assert (schema.status_code, first_error(schema)["extensions"]) == (
            403,
            {"code": "FORBIDDEN", "permission": "schema:introspect"},
        )
        toy = toy_for(Anonymous)
        long = await ask(toy, "{ __typename }" + " " * 986)
        assert (long.status_code, first_error(long)["extensions"]) == (401, {"code": "UNAUTHENTICATED"})
        assert (await ask(toy, "{ __typename }" + " " * 985)).json() == {"data": {"__typename": "Query"}}

    @pytest.mark.parametrize(
        "query",
        [
            *(
                "{ hello }",
                "{ unknown }",
                "{ __schema { types { name } } }",
                "mutation { slow }",
                "{ __typename hello }",
            ),
            *("{ ... { __typename } }", "{ ...F } fragment F on Query { __typename }", "{ __typename @unknown }"),
            *("query($x: Unknown) { __typename }", "query @unknown { __typename }", "{ __typename(x: 1) }"),
            *("subscription { numbers(to: 1) }", "type A { b: Int }", "{ __typename } extend type Query { a: Int }"),
        ],
    )
    async def test_an_anonymous_caller_hears_nothing_of_the_schema(self, query: str) -> None:
        toy = toy_for(Anonymous)
        answers = [await ask(toy, query), await ask(toy, query, accept="application/json")]
        for answer in answers:
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
            assert answer.json() == {
                "errors": [
                    {
                        "message": "send an Authorization header with a bearer token",
                        "extensions": {"code": "UNAUTHENTICATED"},
                    }
                ]
            }

    async def test_an_anonymous_caller_hears_whether_the_gateway_answers_and_of_the_syntax(self) -> None:
        toy = toy_for(Anonymous)
        assert (await ask(toy, "query A { a: __typename b: __typename }")).json() == {
            "data": {"a": "Query", "b": "Query"}
        }
        assert first_error(await ask(toy, "{ hello"))["extensions"] == {"code": "GRAPHQL_PARSE_FAILED"}

    async def test_a_document_that_others_have_sent_is_not_open_either(self) -> None:
        known: list[bool] = [True, False]

        async def context(_connection: HTTPConnection) -> Context:
            return Context([], is_authenticated=known.pop(0))

        toy = Toy(context=context)
        assert (await ask(toy, "{ hello }")).status_code == 200
        assert (await ask(toy, "{ hello }")).status_code == 401

    @pytest.mark.parametrize("missing", ["is_authenticated", "may_introspect", "admit"])
    async def test_a_context_that_does_not_say_what_its_caller_may_do_refuses_everything(self, missing: str) -> None:
        class Incomplete(Context):
            def __getattribute__(self, name: str) -> Any:
                if name == missing:
                    raise AttributeError(name)
                return super().__getattribute__(name)

        response = await ask(toy_for(Incomplete), "{ __schema { queryType { name } } }")
        assert response.status_code == 500
        assert first_error(response)["extensions"] == {"code": "INTERNAL", "requestId": "req-1"}


class TestMalformedRequests:
    @pytest.mark.parametrize(
        ("body", "status"),
        [
            (b"1", 400),
            (b"null", 400),
            (b"[]", 400),
            (b'"x"', 400),
            (b"", 400),
            (b'{"query": "\xff"}', 400),
            (b"[" * 100_000, 400),
            (b"[" * 200_000, 413),
            (b'{"query": "{ hello }", "variables": {"a": %b}}' % (b"9" * 5000), 400),
            (b'{"query": "{ hello }", "variables": []}', 400),
            (b'{"query": "{ hello }", "extensions": 1}', 400),
            (b'{"query": "{ hello }", "operationName": 1}', 400),
            (b'{"query": "{ hello\\u0000 }"}', 400),
            (b'{"query": ""}', 400),
            (b"{}", 400),
        ],
        ids=lambda value: str(value[:40]) if isinstance(value, bytes) else None,
    )
    async def test_get_an_error_with_code_and_one_line_of_log(
        self, body: bytes, status: int, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, "billing.graphql")
        response = await send(Toy(), body, accept="application/json")
        assert response.status_code == status
        code = {400: "BAD_REQUEST", 413: "PAYLOAD_TOO_LARGE"}[status]
        assert first_error(response)["extensions"] == {"code": code}
        assert [
            record.getMessage().split(" in ")[0] for record in caplog.records if record.name == "billing.graphql"
        ] == [f"refused {code}"]

    @pytest.mark.parametrize(
        "content_type",
        ["text/plain", "multipart/form-data; boundary=x", "application/json; charset=utf-16", "application/graphql"],
    )
    async def test_only_json_in_utf8_is_read(self, content_type: str) -> None:
        response = await send(Toy(), b'{"query": "{ hello }"}', content_type=content_type)
        assert (response.status_code, first_error(response)["extensions"]) == (415, {"code": "UNSUPPORTED_MEDIA_TYPE"})

    async def test_a_compressed_body_is_not_read(self) -> None:
        response = await send(Toy(), b'{"query": "{ hello }"}', content_encoding="gzip")
        assert (response.status_code, first_error(response)["extensions"]) == (415, {"code": "UNSUPPORTED_MEDIA_TYPE"})

    async def test_a_chunked_body_over_the_limit_is_refused(self) -> None:
        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(3):
                yield b" " * 60_000

        async with client(Toy()) as http:
            response = await http.post("/graphql", content=chunks(), headers={"content-type": "application/json"})
        assert response.status_code == 413


class TestGet:
    async def test_runs_queries_with_variables(self) -> None:
        params = {"query": "query($v: Int!) { echo(value: $v) }", "variables": '{"v": 7}', "operationName": ""}
        assert (await get(Toy(), params=params)).json() == {"data": {"echo": 7}}

    async def test_never_runs_mutations(self) -> None:
        toy = Toy()
        response = await get(toy, params={"query": "mutation { write }"}, accept="text/event-stream, application/json")
        assert (response.status_code, response.headers["allow"]) == (405, "POST")
        assert toy.journal == []

    @pytest.mark.parametrize("mode", ["navigate", "no-cors"])
    async def test_refuses_what_a_form_or_image_can_send(self, mode: str) -> None:
        params = {"query": "{ hello }"}
        refused = await get(Toy(), params=params, accept="*/*", sec_fetch_mode=mode)
        assert (refused.status_code, first_error(refused)["extensions"]) == (400, {"code": "BAD_REQUEST"})
        allowed = await get(Toy(), params=params, accept="*/*", sec_fetch_mode=mode, x_graphql_csrf="1")
        assert allowed.json() == {"data": {"hello": "world"}}

    async def test_shows_the_explorer_to_who_prefers_a_page(self) -> None:
        def explorer(request: Request) -> Response:
            return Response(f"<html>{request.url.path}", 203)

        toy = Toy(explorer_page=explorer)
        page = await get(toy, accept=BROWSER, sec_fetch_mode="navigate")
        assert (page.status_code, page.text) == (203, "<html>/graphql")
        assert (await get(toy, params={"query": "{ hello }"}, accept="*/*")).json() == {"data": {"hello": "world"}}

    async def test_has_no_page_where_none_is_configured(self) -> None:
        response = await get(Toy(), accept=BROWSER, sec_fetch_mode="navigate")
        assert (response.status_code, first_error(response)["extensions"]) == (404, {"code": "NOT_FOUND"})


class TestNegotiation:
    @pytest.mark.parametrize(
        ("accept", "expected"),
        [
            (None, ("application/json", RESPONSE)),
            ("*/*", ("application/json", RESPONSE)),
            (URQL, (RESPONSE, "application/json", "text/event-stream")),
            ("application/json;q=0.5, application/*", (RESPONSE, "application/json")),
            ("text/event-stream, */*;q=0", ("text/event-stream",)),
            (BROWSER, ("text/html", "application/json", RESPONSE)),
            ("application/json;q=0, application/graphql-response+json;q=x", ()),
            ("image/png", ()),
        ],
    )
    def test_weights_then_the_headers_order_decide(self, accept: str | None, expected: tuple[str, ...]) -> None:
        assert preference(accept) == expected

    async def test_urqls_queries_are_answered_with_json(self) -> None:
        response = await ask(Toy(), "{ hello }", accept=URQL)
        assert response.headers["content-type"] == f"{RESPONSE}; charset=utf-8"

    @pytest.mark.parametrize("query", ["{", "{ unknown }", "query A { hello } query B { hello }", "{ hello }"])
    @pytest.mark.parametrize("accept", ["text/html;q=0.5", "image/png", "application/json;q=0"])
    async def test_a_bad_document_that_accepts_nothing_is_406_too(self, query: str, accept: str) -> None:
        response = await ask(Toy(), query, accept=accept)
        assert (response.status_code, first_error(response)["extensions"]) == (406, {"code": "NOT_ACCEPTABLE"})
        assert response.headers["content-type"] == "application/json; charset=utf-8"

    async def test_nothing_acceptable_is_406(self) -> None:
        response = await ask(Toy(), "{ hello }", accept="image/png")
        assert (response.status_code, first_error(response)["extensions"]) == (406, {"code": "NOT_ACCEPTABLE"})

    async def test_other_methods_are_405(self) -> None:
        async with client(Toy()) as http:
            response = await http.put("/graphql")
        assert (response.status_code, response.headers["allow"]) == (405, "GET, POST")
