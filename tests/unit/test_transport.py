"""The transport over a toy schema, in process: documents, errors and operations."""

import json
import logging

import pytest
from strawberry.extensions import SchemaExtension

from app.transport.answers import OperationReport
from app.transport.documents import Documents
from app.transport.errors import RequestError
from app.transport.limits import Limits
from tests.graphql.http_audits.requests import RESPONSE, ask, first_error, send
from tests.graphql.http_audits.toy import Toy, make_schema
from tests.logs import own_records


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
                        "tissDescription": "VALOR APRESENTADO A MAIOR",
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
