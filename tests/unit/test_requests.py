"""Who may ask for what, malformed requests and negotiation, over a toy schema in process."""

import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from app.transport.negotiation import PARTS, preference
from tests.graphql.http_audits.requests import RESPONSE, ask, client, first_error, get, send
from tests.graphql.http_audits.toy import Context, Toy

APOLLO = f"multipart/mixed;boundary=graphql;subscriptionSpec=1.0,{RESPONSE},application/json;q=0.9"
URQL = f"{RESPONSE}, application/graphql+json, application/json, text/event-stream, multipart/mixed"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


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
            (APOLLO, (PARTS, RESPONSE, "application/json")),
            ('multipart/mixed; subscriptionSpec="1.0"; q=0.5, application/json', ("application/json", PARTS)),
            ("multipart/mixed;deferSpec=20220824, multipart/*", ()),
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
            response = await http.patch("/graphql")
        assert (response.status_code, response.headers["allow"]) == (405, "GET, POST")
