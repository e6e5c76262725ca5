"""The same refusal in many objects costs one error and one pattern."""

import orjson
import pytest
from graphql import ExecutionResult, GraphQLError

from app.transport.answers import Answer
from app.transport.repeated_errors import Path, compact

FIELDS = ("cardNumber", "patient", "claimedAmount", "approvedAmount", "deniedAmount")
NODES = 100


class Refusal(Exception):
    """As the application refuses a field."""

    code = "FORBIDDEN"
    message = "this needs the permission patients:read"
    extensions = {"code": code, "permission": "patients:read"}  # noqa: RUF012 - never changed


def _refused(paths: list[Path]) -> list[GraphQLError]:
    return [GraphQLError("x", path=list(path), original_error=Refusal()) for path in paths]


def test_five_fields_refused_in_a_hundred_objects_are_five_errors() -> None:
    nodes = [{"id": f"clm_{number:026d}", **dict.fromkeys(FIELDS)} for number in range(NODES)]
    paths: list[Path] = [("claims", "nodes", number, name) for number in range(NODES) for name in FIELDS]
    answer = Answer.of(ExecutionResult({"claims": {"nodes": nodes}}, _refused(paths)), "req-1")
    assert answer.errors == [
        {
            "message": "this needs the permission patients:read",
            "path": ["claims", "nodes", 0, name],
            "extensions": {"code": "FORBIDDEN", "permission": "patients:read", "count": 100},
        }
        for name in FIELDS
    ]
    body = orjson.loads(answer.body)
    assert body["extensions"] == {"redacted": [f"claims.nodes[0-99].{name}" for name in FIELDS]}
    sizes = {name: len(orjson.dumps(body[name])) for name in body}
    assert sizes == {"errors": 857, "data": 13622, "extensions": 180}


def test_an_error_that_is_alone_has_no_count() -> None:
    answer = Answer.of(ExecutionResult({"claim": None}, _refused([("claim",)])), "req-1")
    (error,) = answer.errors
    assert error["extensions"] == {"code": "FORBIDDEN", "permission": "patients:read"}


def test_an_outage_of_many_objects_is_one_error_and_nothing_is_redacted() -> None:
    class Down(Exception):
        code, message = "UNAVAILABLE", "try again"
        extensions = {"code": "UNAVAILABLE", "retryable": True}  # noqa: RUF012 - never changed

    errors = [GraphQLError("x", path=["nodes", number], original_error=Down()) for number in (0, 1, 7)]
    answer = Answer.of(ExecutionResult({"nodes": [None] * 8}, errors), "req-1")
    assert orjson.loads(answer.body) == {
        "errors": [
            {
                "message": "try again",
                "path": ["nodes", 0],
                "extensions": {"code": "UNAVAILABLE", "retryable": True, "count": 3},
            }
        ],
        "data": {"nodes": [None] * 8},
    }


CASES: list[tuple[list[Path], list[str]]] = [
    ([("claim",)], ["claim"]),
    ([("claims", "nodes", 3, "cpf")], ["claims.nodes[3].cpf"]),
    ([("nodes", number) for number in (0, 1, 2, 4, 9, 8)], ["nodes[0-2,4,8-9]"]),
    ([("a", x, "b", y, "c") for x in range(3) for y in range(2)], ["a[0-2].b[0-1].c"]),
    ([("a", 0, "b", 0), ("a", 0, "b", 1), ("a", 1, "b", 0), ("a", 2, "b", 0)], ["a[0].b[0-1]", "a[1-2].b[0]"]),
    ([("a", 0, 1), ("a", 0, 2), ("b",)], ["a[0][1-2]", "b"]),
    ([("a", 0), ("a", 0)], ["a[0]"]),
    ([], []),
]


@pytest.mark.parametrize(("paths", "patterns"), CASES)
def test_patterns_cover_exactly_the_paths(paths: list[Path], patterns: list[str]) -> None:
    assert compact(paths) == patterns
