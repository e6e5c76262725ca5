"""The codes of errors of a request, `errors[].extensions.code`, as an enum of the schema for clients to generate."""

from app.domain.described import DescribedEnum
from app.schema.base.described import described


class RequestErrorCode(DescribedEnum):
    BAD_REQUEST = "BAD_REQUEST", "The request is not valid HTTP, JSON or GraphQL over HTTP."
    BAD_USER_INPUT = "BAD_USER_INPUT", "A variable or argument is refused; `extensions.reason` has an ErrorCode."
    CLIENT_DISCONNECTED = "CLIENT_DISCONNECTED", "The client closed the connection; nobody receives this."
    FORBIDDEN = "FORBIDDEN", "The caller lacks the permission in `extensions.permission`."
    GRAPHQL_PARSE_FAILED = "GRAPHQL_PARSE_FAILED", "The document has a syntax error."
    GRAPHQL_VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED", "The document does not fit the schema."
    HEADERS_TOO_LARGE = "HEADERS_TOO_LARGE", "The headers of the request are too large or too many."
    INTERNAL = "INTERNAL", "The gateway failed unexpectedly; the log has the cause under `extensions.requestId`."
    LAGGED = "LAGGED", "The client read a subscription too slowly; `extensions.cursor` is where to go on."
    LENGTH_REQUIRED = "LENGTH_REQUIRED", "A document comes without its length."
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED", "The HTTP method is not GET or POST, or a GET contains a mutation."
    NOT_ACCEPTABLE = "NOT_ACCEPTABLE", "The `Accept` header allows none of the media types that are served."
    NOT_FOUND = "NOT_FOUND", "There is nothing at this path."
    OPERATION_NOT_SUPPORTED = "OPERATION_NOT_SUPPORTED", "A subscription over a transport that cannot stream."
    OPERATION_RESOLUTION_FAILURE = "OPERATION_RESOLUTION_FAILURE", "`operationName` names no operation."
    PAYLOAD_TOO_LARGE = "PAYLOAD_TOO_LARGE", "The body is larger than the limit."
    PERSISTED_QUERY_NOT_FOUND = "PERSISTED_QUERY_NOT_FOUND", "No document is known under this hash."
    PERSISTED_QUERY_NOT_SUPPORTED = "PERSISTED_QUERY_NOT_SUPPORTED", "Automatic persisted queries are turned off."
    QUERY_NOT_IN_SAFELIST = "QUERY_NOT_IN_SAFELIST", "Only trusted documents run here."
    RATE_LIMITED = (
        "RATE_LIMITED",
        "Too many requests or subscriptions; wait `extensions.retryAfterSeconds`.",
    )
    REQUEST_TIMEOUT = "REQUEST_TIMEOUT", "The headers or the body did not arrive in time."
    TIMEOUT = "TIMEOUT", "The operation was cancelled at the deadline."
    TOO_COMPLEX = "TOO_COMPLEX", "The document exceeds the limit in `extensions.limit`."
    UNAUTHENTICATED = "UNAUTHENTICATED", "The token is missing, not accepted, or expired."
    UNAVAILABLE = "UNAVAILABLE", "The database did not answer in time, or the gateway is stopping; retry."
    UNSUPPORTED_MEDIA_TYPE = (
        "UNSUPPORTED_MEDIA_TYPE",
        "The body is not `application/json` in UTF-8; of a document, not XML or zip.",
    )


described(RequestErrorCode, "Code of an error in `errors` of a response; new values may be added.")
