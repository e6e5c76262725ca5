"""Errors and their codes: an expected failure keeps its message; any other is masked and logged."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from graphql import FieldNode, GraphQLError

from app.language.messages import in_language
from app.transport.messages import without_values
from app.transport.repeated_errors import RepeatedError, shape_of

PARSE_FAILED: Final = "GRAPHQL_PARSE_FAILED"
VALIDATION_FAILED: Final = "GRAPHQL_VALIDATION_FAILED"
BAD_USER_INPUT: Final = "BAD_USER_INPUT"
BAD_REQUEST: Final = "BAD_REQUEST"
RESOLUTION_FAILURE: Final = "OPERATION_RESOLUTION_FAILURE"
TOO_COMPLEX: Final = "TOO_COMPLEX"
NOT_SUPPORTED: Final = "OPERATION_NOT_SUPPORTED"
UNAUTHENTICATED: Final = "UNAUTHENTICATED"
FORBIDDEN: Final = "FORBIDDEN"
RATE_LIMITED: Final = "RATE_LIMITED"
UNAVAILABLE: Final = "UNAVAILABLE"
TIMEOUT: Final = "TIMEOUT"
INTERNAL: Final = "INTERNAL"
DISCONNECTED: Final = "CLIENT_DISCONNECTED"
"""Nobody reads this answer: it is for the log and the metrics."""
MASKED_MESSAGE: Final = "internal error"

logger = logging.getLogger("billing.graphql")

_STATUS: Final = {UNAUTHENTICATED: 401, FORBIDDEN: 403, RATE_LIMITED: 429, UNAVAILABLE: 503}


class Refused(Exception):
    """A request that is not executed. `status` is its HTTP status; `errors` may hold several reasons."""

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
        """The error's `extensions`."""
        return _extensions(self.code)

    def formatted(self) -> list[dict[str, Any]]:
        """The response's `errors`."""
        if not self.errors:
            return [{"message": in_language(self.message), "extensions": self.extensions}]
        return [_error_object(error, without_values(error.message), self.extensions) for error in self.errors]


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


class TimedOut(Refused):
    """Execution was cut off at the deadline: no data, and 200 in the legacy media type as for anything executed."""

    def __init__(self, message: str) -> None:
        super().__init__(TIMEOUT, message, status=504)

    @property
    def legacy_status(self) -> int:
        return 200


class ApplicationRefusal(Refused):
    """An error of the application that happened outside of resolvers, with the application's own extensions."""

    def __init__(self, code: str, message: str, extensions: Mapping[str, object], status: int) -> None:
        wait = extensions.get("retryAfterSeconds")
        super().__init__(code, message, status=status, headers={} if wait is None else {"retry-after": str(wait)})
        self._extensions = {**extensions, "code": code}

    @property
    def extensions(self) -> dict[str, object]:
        return self._extensions


def as_refusal(error: Exception, request_id: str | None) -> Refused:
    """An exception from outside of resolvers as a refusal: expected ones by their code, others masked with 500."""
    if isinstance(error, Refused):
        return error
    if is_expected(error):
        extensions = _expected_extensions(error)
        code = str(extensions["code"])
        return ApplicationRefusal(code, _message(error), extensions, _STATUS.get(code, 400))
    logger.error("%s in request %s", MASKED_MESSAGE, request_id, exc_info=error)
    return ApplicationRefusal(INTERNAL, MASKED_MESSAGE, _masked_extensions(request_id), 500)


def format_errors(errors: Sequence[GraphQLError], request_id: str | None) -> list[RepeatedError]:
    """Execution errors as the client may see them, those of one field together; each kind of unexpected failure is
    logged once, with its traceback, which is forgotten then."""
    logged: set[tuple[object, ...]] = set()
    found: dict[tuple[object, ...], RepeatedError] = {}
    for error in errors:
        message, extensions = _explain(error, request_id, logged)
        path = error.path or []
        kind = (shape_of(path), message, str(extensions)) if path else (id(error),)
        if kind not in found:
            found[kind] = RepeatedError(_error_object(error, message, extensions))
        found[kind].paths.append(path)
    without_traceback(*errors)
    return list(found.values())


def _explain(
    error: GraphQLError, request_id: str | None, logged: set[tuple[object, ...]]
) -> tuple[str, dict[str, object]]:
    """The message and extensions for the client."""
    cause = _cause(error)
    if is_expected(cause):
        return _message(cause), _expected_extensions(cause)
    if isinstance(cause, GraphQLError):
        if "code" in (cause.extensions or {}):
            return cause.message, dict(cause.extensions or {})
        if _is_about_arguments(cause):
            return without_values(cause.message), _extensions(BAD_USER_INPUT)
    _log_once(error, cause, request_id, logged)
    return MASKED_MESSAGE, _masked_extensions(request_id)


def _cause(error: GraphQLError) -> Exception:
    cause: Exception = error
    while isinstance(cause, GraphQLError) and isinstance(cause.original_error, Exception):
        cause = cause.original_error
    return cause


def without_traceback(*errors: BaseException | None) -> None:
    """Forget where the errors and their causes were raised, once that was said: the frames have what was executed,
    which keeps the errors, so that all of it would stay until a garbage collection."""
    left, seen = list(errors), set()
    while left:
        error = left.pop()
        if error is None or id(error) in seen:
            continue
        seen.add(id(error))
        error.__traceback__ = None
        left += [error.__cause__, error.__context__, getattr(error, "original_error", None)]


def is_expected(error: Exception) -> bool:
    """Whether the error brings a code and extensions, as the application's own errors do."""
    code, extensions = getattr(error, "code", None), getattr(error, "extensions", None)
    return isinstance(code, str) and isinstance(extensions, dict) and not isinstance(error, GraphQLError)


def _expected_extensions(error: Exception) -> dict[str, object]:
    """Those of the error. The code in them is the one for clients; the error's own code may be finer."""
    code: str = error.code  # type: ignore[attr-defined] # is_expected has seen both
    extensions: Mapping[str, object] = error.extensions  # type: ignore[attr-defined] # likewise
    return {"code": code, **extensions}


def _extensions(code: str) -> dict[str, object]:
    """Those of an error of the transport; a wrong value has a reason too, as the application's refusals have."""
    return {"code": code, "reason": "INVALID_INPUT"} if code == BAD_USER_INPUT else {"code": code}


def _is_about_arguments(error: GraphQLError) -> bool:
    """Whether the client's arguments are wrong: the engine names their nodes then. For a wrong value that a resolver
    returned, which is our fault and is masked, it names the field."""
    return bool(error.nodes) and not any(isinstance(node, FieldNode) for node in error.nodes or ())


def is_request_error(errors: Iterable[GraphQLError]) -> bool:
    """Whether nothing was executed: such errors (usually of variables) have no path and no other exception as cause."""
    return all(error.path is None and isinstance(_cause(error), GraphQLError) for error in errors)


def _message(error: Exception) -> str:
    message = getattr(error, "message", None)
    return message if isinstance(message, str) else str(error)


def _masked_extensions(request_id: str | None) -> dict[str, object]:
    return {"code": INTERNAL, **({"requestId": request_id} if request_id else {})}


def _error_object(error: GraphQLError, message: str, extensions: dict[str, object]) -> dict[str, Any]:
    """The error as the specification shapes it: message, locations, path, extensions."""
    found: dict[str, Any] = {"message": in_language(message)}
    if error.locations:
        found["locations"] = [{"line": location.line, "column": location.column} for location in error.locations]
    if error.path is not None:
        found["path"] = error.path
    return {**found, "extensions": extensions}


def _log_once(error: GraphQLError, cause: Exception, request_id: str | None, logged: set[tuple[object, ...]]) -> None:
    """Indices of lists do not count: a list of 100 broken items is one log entry."""
    names = tuple(step for step in error.path or () if isinstance(step, str))
    if (type(cause), names) not in logged:
        logged.add((type(cause), names))
        logger.error("%s at %s in request %s", MASKED_MESSAGE, ".".join(names), request_id, exc_info=cause)
