"""The last step, encode: an execution's result, or a refusal, becomes one encoded GraphQL response."""

from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from typing import Any, Self

import orjson
from graphql import ExecutionResult

from app.transport import errors
from app.transport.error_order import in_answer_order
from app.transport.errors import Refused, RequestError
from app.transport.messages import without_values
from app.transport.outcomes import Outcome, outcome_of
from app.transport.repeated_errors import RepeatedError, compact
from app.values.frozen import frozen


@frozen
class OperationReport:
    """One operation for the metrics; `name` is the client's text, `type` and `kind` are None for a request that was not
    read."""

    name: str | None
    type: str | None
    kind: str | None
    outcome: Outcome
    seconds: float
    code: str | None = None


@frozen
class Answer:
    """One GraphQL response: `data` and `errors`, and `body`, the whole response encoded as JSON.

    `status` is the HTTP status under application/graphql-response+json, `legacy_status` the one under application/json.
    `is_refusal`: nothing was executed. `is_last` marks an answer that ends a subscription early.
    """

    body: bytes
    is_refusal: bool = False
    data: Any = None
    errors: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200
    legacy_status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    is_last: bool = False

    @property
    def outcome(self) -> Outcome:
        """What the metrics count it as."""
        return outcome_of(self.errors) if self.errors else "ok"

    @property
    def code(self) -> str | None:
        """The first error's code."""
        return self.errors[0]["extensions"]["code"] if self.errors else None

    @classmethod
    def refused(cls, refused: Refused, *, is_refusal: bool = True) -> Self:
        """Errors without data: nothing was executed, or the result cannot be used (`is_refusal` False)."""
        found = refused.formatted()
        return cls(
            orjson.dumps({"errors": found}),
            is_refusal,
            errors=found,
            status=refused.status,
            legacy_status=refused.legacy_status,
            headers=refused.headers,
        )

    @classmethod
    def ended(cls, refused: Refused) -> Self:
        """The last answer of a subscription that ends early."""
        return replace(cls.refused(refused, is_refusal=False), is_last=True)

    @classmethod
    def not_started(cls, result: ExecutionResult, request_id: str | None) -> Self:
        """The only answer of a subscription whose source refused: errors alone, so that a socket sends `error`."""
        found = cls.of(result, request_id).errors
        return cls(orjson.dumps({"errors": found}), is_refusal=True, errors=found, is_last=True)

    @classmethod
    def of(
        cls, result: ExecutionResult, request_id: str | None, extensions: Mapping[str, object] | None = None
    ) -> Self:
        """An execution's result; `extensions` are those of the response.

        Unexpected failures are masked and logged, and so is a value that JSON cannot hold.
        """
        if result.data is None and result.errors and errors.is_request_error(result.errors):
            message = without_values(result.errors[0].message)
            return cls.refused(RequestError(errors.BAD_USER_INPUT, message, errors=result.errors))
        found: list[dict[str, Any]] = []
        if result.errors:
            repeated = errors.format_errors(in_answer_order(result.data, result.errors), request_id)
            found, extensions = [each.formatted() for each in repeated], {**(extensions or {}), **_redacted(repeated)}
        try:
            body = orjson.dumps(_payload(result, found, extensions))
        except TypeError as error:
            return cls.refused(errors.as_refusal(error, request_id), is_refusal=False)
        return cls(body, data=result.data, errors=found)


def _payload(
    result: ExecutionResult, found: list[dict[str, Any]], extensions: Mapping[str, object] | None
) -> dict[str, Any]:
    """The response's members in the order in which clients should read them: errors first."""
    payload: dict[str, Any] = {"errors": found, "data": result.data} if found else {"data": result.data}
    if extensions or result.extensions:
        payload["extensions"] = {**(extensions or {}), **(result.extensions or {})}
    return payload


def _redacted(repeated: Iterable[RepeatedError]) -> dict[str, Any]:
    """The paths that are null for want of a permission, as patterns: an error has only the first path of its field."""
    paths = [path for each in repeated if each.code == errors.FORBIDDEN for path in each.paths if path]
    return {"redacted": compact(paths)} if paths else {}
