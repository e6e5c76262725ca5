"""What goes out: encoded answers; an expected failure keeps its words, every other one is masked and logged."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self

import orjson
from graphql import ExecutionResult, FieldNode, GraphQLError

PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
BAD_USER_INPUT = "BAD_USER_INPUT"
BAD_REQUEST = "BAD_REQUEST"
RESOLUTION_FAILURE = "OPERATION_RESOLUTION_FAILURE"
TOO_COMPLEX = "TOO_COMPLEX"
NOT_SUPPORTED = "OPERATION_NOT_SUPPORTED"
UNAUTHENTICATED = "UNAUTHENTICATED"
FORBIDDEN = "FORBIDDEN"
RATE_LIMITED = "RATE_LIMITED"
UNAVAILABLE = "UNAVAILABLE"
TIMEOUT = "TIMEOUT"
INTERNAL = "INTERNAL"
MASKED_MESSAGE = "internal error"

logger = logging.getLogger("billing.graphql")

Outcome = Literal["ok", "error", "rejected"]
_STATUS = {UNAUTHENTICATED: 401, FORBIDDEN: 403, RATE_LIMITED: 429, UNAVAILABLE: 503}


class Refused(Exception):
    """A request that is not run. `status` is its HTTP status in both media types; `errors` may hold several reasons."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int = 400,
        headers: Mapping[str, str] | None = None,
        errors: Iterable[GraphQLError] = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.headers = dict(headers or {})
        self.errors = tuple(errors)

    @property
    def legacy_status(self) -> int:
        """The status under the media type application/json."""
        return self.status

    @property
    def extensions(self) -> dict[str, object]:
        """What stands in the error beside its message."""
        return {"code": self.code}

    def formatted(self) -> list[dict[str, Any]]:
        """The response's `errors`."""
        if not self.errors:
            return [{"message": self.message, "extensions": self.extensions}]
        return [_kept(error, error.message, {"code": self.code}) for error in self.errors]


class RequestError(Refused):
    """A well-formed request whose GraphQL is refused before execution: 400, and 200 in the legacy media type."""

    @property
    def legacy_status(self) -> int:
        """The legacy media type answers 200 to everything that is GraphQL at all."""
        return 200


class Unauthenticated(Refused):
    """No token where one is needed, or one that is not accepted: 401 over HTTP, close code 4403 on a socket."""

    def __init__(self, message: str = "authentication required") -> None:
        super().__init__(UNAUTHENTICATED, message, status=401, headers={"www-authenticate": "Bearer"})


class Restarting(Refused):
    """The server stops in an orderly way; another one, or the next, goes on behind the client's last cursor."""

    def __init__(self) -> None:
        super().__init__(UNAVAILABLE, "the server restarts, subscribe again behind the last cursor", status=503)

    @property
    def extensions(self) -> dict[str, object]:
        return {"code": self.code, "retryable": True}


class TimedOut(Refused):
    """Ran, but not to its end: no data, and 200 in the legacy media type as for anything executed."""

    def __init__(self, message: str) -> None:
        super().__init__(TIMEOUT, message, status=504)

    @property
    def legacy_status(self) -> int:
        return 200


def refusal(error: Exception, request_id: str | None) -> Refused:
    """An exception from outside the resolvers as a refusal: expected ones by their code, others masked with 500."""
    if isinstance(error, Refused):
        return error
    if _is_expected(error):
        code: str = error.code  # type: ignore[attr-defined]
        extensions: Mapping[str, object] = error.extensions  # type: ignore[attr-defined]
        return _Outside(code, _message(error), extensions, _STATUS.get(code, 400))
    logger.error("%s in request %s", MASKED_MESSAGE, request_id, exc_info=error)
    return _Outside(INTERNAL, MASKED_MESSAGE, _masked_extensions(request_id), 500)


class _Outside(Refused):
    """A refusal with more in its extensions than the code."""

    def __init__(self, code: str, message: str, extensions: Mapping[str, object], status: int) -> None:
        wait = extensions.get("retryAfterSeconds")
        super().__init__(code, message, status=status, headers={} if wait is None else {"retry-after": str(wait)})
        self._extensions = {**extensions, "code": code}

    @property
    def extensions(self) -> dict[str, object]:
        return self._extensions


def formatted(errors: Iterable[GraphQLError], request_id: str | None) -> list[dict[str, Any]]:
    """Execution errors as the client may see them; each kind of unexpected failure is logged once, with traceback."""
    logged: set[tuple[object, ...]] = set()
    return [_formatted(error, request_id, logged) for error in errors]


def _formatted(error: GraphQLError, request_id: str | None, logged: set[tuple[object, ...]]) -> dict[str, Any]:
    cause = _cause(error)
    if _is_expected(cause):
        return _kept(error, _message(cause), {**cause.extensions, "code": cause.code})  # type: ignore[attr-defined]
    if isinstance(cause, GraphQLError):
        if "code" in (cause.extensions or {}):
            return _kept(error, cause.message, dict(cause.extensions or {}))
        if _is_about_arguments(cause):
            return _kept(error, cause.message, {"code": BAD_USER_INPUT})
    _log_once(error, cause, request_id, logged)
    return _kept(error, MASKED_MESSAGE, _masked_extensions(request_id))


def _cause(error: GraphQLError) -> Exception:
    cause: Exception = error
    while isinstance(cause, GraphQLError) and isinstance(cause.original_error, Exception):
        cause = cause.original_error
    return cause


def _is_expected(error: Exception) -> bool:
    code, extensions = getattr(error, "code", None), getattr(error, "extensions", None)
    return isinstance(code, str) and isinstance(extensions, dict) and not isinstance(error, GraphQLError)


def _is_about_arguments(error: GraphQLError) -> bool:
    """Whether the engine complains of what the client wrote; of what a resolver returned it names the field instead."""
    return bool(error.nodes) and not any(isinstance(node, FieldNode) for node in error.nodes or ())


def is_request_error(errors: Iterable[GraphQLError]) -> bool:
    """Whether nothing was executed: such errors (of variables, chiefly) have no path and no other exception behind."""
    return all(error.path is None and isinstance(_cause(error), GraphQLError) for error in errors)


def _message(error: Exception) -> str:
    message = getattr(error, "message", None)
    return message if isinstance(message, str) else str(error)


def _masked_extensions(request_id: str | None) -> dict[str, object]:
    return {"code": INTERNAL, **({"requestId": request_id} if request_id else {})}


def _kept(error: GraphQLError, message: str, extensions: dict[str, object]) -> dict[str, Any]:
    shown: dict[str, Any] = {"message": message}
    if error.locations:
        shown["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
    if error.path is not None:
        shown["path"] = error.path
    return {**shown, "extensions": extensions}


def _log_once(error: GraphQLError, cause: Exception, request_id: str | None, logged: set[tuple[object, ...]]) -> None:
    names = tuple(step for step in error.path or () if isinstance(step, str))
    if (type(cause), names) not in logged:
        logged.add((type(cause), names))
        logger.error("%s at %s in request %s", MASKED_MESSAGE, ".".join(names), request_id, exc_info=cause)


def _redacted(errors: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The paths that are null because the caller may not see them, so that clients need not look through errors."""
    paths = [error["path"] for error in errors if error["extensions"]["code"] == FORBIDDEN and "path" in error]
    return {"redacted": paths} if paths else {}


@dataclass(frozen=True, slots=True)
class OperationReport:
    """One operation for the metrics; `name` is the client's text, `type` is None when nobody could tell."""

    name: str | None
    type: str | None
    outcome: Outcome
    seconds: float
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """One GraphQL response, encoded; `errors` are those in the body, `ends` that no other comes behind it."""

    body: bytes
    outcome: Outcome = "ok"
    errors: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200
    legacy_status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    ends: bool = False

    @property
    def code(self) -> str | None:
        """The first error's code."""
        return self.errors[0]["extensions"]["code"] if self.errors else None

    @classmethod
    def refused(cls, refused: Refused, outcome: Outcome = "rejected") -> Self:
        """Errors without data: nothing was executed, or nothing can be said of it."""
        found = refused.formatted()
        body = orjson.dumps({"errors": found})
        return cls(body, outcome, found, refused.status, refused.legacy_status, refused.headers)

    @classmethod
    def errors_only(cls, found: list[dict[str, Any]]) -> Self:
        """A subscription whose source refused, so that a socket sends `error` instead of `next`."""
        return cls(orjson.dumps({"errors": found}), "rejected", found, ends=True)

    @classmethod
    def ended(cls, refused: Refused) -> Self:
        """A subscription that ends before its time, and why."""
        return replace(cls.refused(refused, "error"), ends=True)

    @classmethod
    def of(cls, result: ExecutionResult, request_id: str | None, told: Mapping[str, object] | None = None) -> Self:
        """An execution's result, with what else is `told` in its extensions.

        Unexpected failures are masked and logged, also one of a value that JSON cannot hold.
        """
        if result.data is None and result.errors and is_request_error(result.errors):
            message = result.errors[0].message
            return cls.refused(RequestError(BAD_USER_INPUT, message, errors=result.errors))
        payload: dict[str, Any] = {"data": result.data}
        found = formatted(result.errors or (), request_id)
        if found:
            payload = {"errors": found, **payload}
        extensions = {**(told or {}), **(result.extensions or {}), **_redacted(found)}
        if extensions:
            payload["extensions"] = extensions
        try:
            return cls(orjson.dumps(payload), "error" if found else "ok", found)
        except TypeError as error:
            return cls.refused(refusal(error, request_id), "error")
