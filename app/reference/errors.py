"""docs/errors.md: every error code, what it means, whether a retry helps, what to do, and every message in both
languages."""

from typing import Final

from app.domain.errors import ErrorCode
from app.language.messages import AREAS, catalogue, codes
from app.reference.markdown import table
from app.schema.root import schema
from app.values.frozen import frozen

NO: Final = "no"
YES: Final = "yes"
CHANGED: Final = "after a change"


@frozen
class Refusal:
    """Why a request is not answered; `status` is its HTTP status, `-` if it never comes as one."""

    status: str
    meaning: str
    retry: str
    action: str


REQUEST_ERRORS: Final = {
    "BAD_REQUEST": Refusal(
        "400, 409",
        "The request is not valid HTTP, or its body is not valid JSON, is not a GraphQL request, or has too many "
        "values in its variables. 409: it does not fit the state of a reserved stream.",
        CHANGED,
        "Fix the request; the message names the member.",
    ),
    "BAD_USER_INPUT": Refusal(
        "200, 400",
        "A variable or argument is refused: it does not have the type that the schema names, or its value is not "
        "allowed. `extensions.reason` has one of the codes of the next table, `extensions.field` the argument's path "
        "as a list.",
        CHANGED,
        "Fix the argument at `field`; the message never repeats its value.",
    ),
    "CLIENT_DISCONNECTED": Refusal(
        "-",
        "The client closed the connection before its answer was ready. Nobody receives this: it is for the metrics.",
        YES,
        "Wait longer, or ask for less. Retry a mutation only with its idempotency key.",
    ),
    "FORBIDDEN": Refusal(
        "200, 403",
        "The caller lacks the permission in `extensions.permission`. For a nullable field the field is null and the "
        "rest is answered. A field that is refused in many objects has one error, with the first path and their number "
        "in `extensions.count`; the response's `extensions.redacted` lists all paths as patterns, such as "
        "`claims.nodes[0-41,43].patient.cpf`.",
        NO,
        "Leave the field out, or ask for a role with the permission: see [access.md](access.md).",
    ),
    "GRAPHQL_PARSE_FAILED": Refusal("400", "The document has a syntax error.", CHANGED, "Fix the document."),
    "GRAPHQL_VALIDATION_FAILED": Refusal(
        "400", "The document does not fit the schema.", CHANGED, "Fix the document; regenerate the client's types."
    ),
    "HEADERS_TOO_LARGE": Refusal(
        "414, 431",
        "The request line, headers, trailers and chunk extensions have more than 64 KiB, or there are more than 200 "
        "headers; for a WebSocket 128 of at most 8 KiB each.",
        CHANGED,
        "Send fewer and shorter headers.",
    ),
    "INTERNAL": Refusal(
        "200, 500",
        "The gateway failed unexpectedly. The cause is in the log under `extensions.requestId`.",
        "once",
        "Report the request id. Retry a mutation only with its idempotency key.",
    ),
    "LAGGED": Refusal(
        "-",
        "The subscription was ended because the client read too slowly.",
        YES,
        "Subscribe again with `after` set to `extensions.cursor`.",
    ),
    "LENGTH_REQUIRED": Refusal(
        "411",
        "A document was sent without `content-length`.",
        CHANGED,
        "Send the length: curl's `--data-binary @` does.",
    ),
    "METHOD_NOT_ALLOWED": Refusal(
        "405",
        "The HTTP method is not GET or POST, a GET request contains a mutation, or one of several processes "
        "(`--workers`) was asked to reserve a stream.",
        CHANGED,
        "Use POST; use distinct connections instead of a single one.",
    ),
    "NOT_ACCEPTABLE": Refusal(
        "406", "The `Accept` header allows none of the media types that are served.", CHANGED, "Accept JSON."
    ),
    "NOT_FOUND": Refusal(
        "404",
        "There is nothing at this path, or GraphiQL is off here (`BILLING_EXPLORER_ORIGINS`). The token of a reserved "
        "stream is unknown, another caller's, or that of another process.",
        NO,
        "Send a GraphQL request to `/graphql`; reserve a stream by PUT.",
    ),
    "OPERATION_NOT_SUPPORTED": Refusal(
        "400, 406",
        "A subscription in a batch, or over HTTP without `Accept: text/event-stream` (or `multipart/mixed; "
        "subscriptionSpec=1.0`).",
        CHANGED,
        "Send subscriptions over a WebSocket or as an event stream.",
    ),
    "OPERATION_RESOLUTION_FAILURE": Refusal(
        "400",
        "`operationName` names no operation of the document, or is missing although there are several.",
        CHANGED,
        "Fix `operationName`.",
    ),
    "PAYLOAD_TOO_LARGE": Refusal("413", "The body is larger than the limit.", CHANGED, "Send less in one request."),
    "PERSISTED_QUERY_NOT_FOUND": Refusal(
        "400",
        "No document is known under this hash.",
        CHANGED,
        "Send the hash with the text once; with trusted documents, add the document to the manifest.",
    ),
    "PERSISTED_QUERY_NOT_SUPPORTED": Refusal(
        "400", "Automatic persisted queries are turned off.", CHANGED, "Send the text of the document."
    ),
    "QUERY_NOT_IN_SAFELIST": Refusal(
        "400", "Only trusted documents run here.", CHANGED, "Send the `documentId` of a document of the manifest."
    ),
    "RATE_LIMITED": Refusal(
        "429",
        "The caller sent too many requests, or has too many operations, sockets or subscriptions open.",
        YES,
        "Wait `extensions.retryAfterSeconds` (also in `retry-after`).",
    ),
    "REQUEST_TIMEOUT": Refusal(
        "408", "The headers or the body did not arrive in time.", YES, "Send it again on a new connection."
    ),
    "TIMEOUT": Refusal(
        "504",
        "The operation was cancelled at the deadline (`BILLING_OPERATION_DEADLINE_SECONDS`).",
        YES,
        "Ask for less. Retry a mutation with its idempotency key: it may have been committed.",
    ),
    "TOO_COMPLEX": Refusal(
        "400",
        "The document exceeds a limit: `extensions` has `limit`, `found` and `max`.",
        CHANGED,
        "Split the request, or ask for fewer fields or shorter lists.",
    ),
    "UNAUTHENTICATED": Refusal(
        "200, 401",
        "The token is missing, not accepted, or expired. Without one only `{ __typename }` is answered, and nothing is "
        "said of the schema.",
        "with a new token",
        "Get a token; `billing whoami --token-file -` says why one is not accepted.",
    ),
    "UNAVAILABLE": Refusal(
        "200, 503",
        "The database did not answer in time, the gateway is stopping, or it has too many connections.",
        YES,
        "Retry with the same idempotency key; subscribe again with the last cursor.",
    ),
    "UNSUPPORTED_MEDIA_TYPE": Refusal(
        "415",
        "The body is not uncompressed `application/json` in UTF-8; of `POST /documents`, not uncompressed XML or zip.",
        CHANGED,
        "Set the content type.",
    ),
}

USER_ERRORS: Final = {
    ErrorCode.INVALID_INPUT: (CHANGED, "Fix the value at `field`."),
    ErrorCode.INVALID_AMOUNT: (CHANGED, "Fix the amount at `field`; the message has the limit."),
    ErrorCode.INVALID_QUANTITY: (CHANGED, "Fix the quantity or factor at `field`."),
    ErrorCode.INVALID_DATE: (
        CHANGED,
        "Fix the date at `field`; the message has the window. Days are days in Brasília.",
    ),
    ErrorCode.INVALID_IDENTIFIER: (CHANGED, "Check the digits of the number at `field`."),
    ErrorCode.INVALID_CARD: (CHANGED, "Check the card with `checkEligibility`."),
    ErrorCode.UNKNOWN_CODE: (CHANGED, "Look the code up with `tussTerms(codeSystem:, search:, validOn:)`."),
    ErrorCode.TOTAL_MISMATCH: (CHANGED, "Fix the items or the total."),
    ErrorCode.AUTHORIZATION_EXPIRED: (CHANGED, "Ask the payer for a new authorization."),
    ErrorCode.DUPLICATE_CLAIM: (CHANGED, "Use a new number, or `replaceClaim` for a correction."),
    ErrorCode.BATCH_TOO_LARGE: (CHANGED, "Send several batches, each of one claim type."),
    ErrorCode.APPEAL_EXISTS: (NO, "Wait for the answer to the appeal."),
    ErrorCode.APPEAL_TOO_LATE: (NO, "Nothing: the denied amount is lost."),
    ErrorCode.OVER_SETTLEMENT: (CHANGED, "Read `dueAmount` and pay or reverse at most what is left."),
    ErrorCode.DUPLICATE_PARTY: (CHANGED, "Use the one that exists: `existing`, if it is in your data scope."),
    ErrorCode.DEACTIVATED: (CHANGED, "Reactivate it, or name another."),
    ErrorCode.CONFLICT: (CHANGED, "Read the object again; `availableActions` says what can be done now."),
    ErrorCode.STALE_VERSION: (CHANGED, "Read the object again and repeat with its `version`."),
    ErrorCode.IDEMPOTENCY_KEY_REUSED: (CHANGED, "Use a new key for a new input."),
    ErrorCode.IDEMPOTENCY_KEY_REQUIRED: (CHANGED, "Send a new `idempotencyKey`, or use POST."),
    ErrorCode.EMERGENCY_LIMIT: (CHANGED, "Ask a colleague to open the access, or an administrator for a permission."),
    ErrorCode.CURSOR_EXPIRED: (CHANGED, "Read the list, then subscribe without `after`."),
    ErrorCode.NOT_FOUND: (NO, "Check the id; an object outside the caller's data scope looks the same."),
}
"""Whether a retry helps, and what to do; what a code means is described in the schema."""

CLOSE_CODES: Final = {
    1012: ("The gateway is restarting.", "Connect again, and subscribe with the last cursor."),
    1013: ("The database is down.", "Connect again later."),
    4400: ("A message is malformed or too large; the reason says which.", "Fix the client."),
    4401: ("`subscribe` was sent before `connection_ack`.", "Wait for `connection_ack`."),
    4403: ("The token is missing, not accepted or expired.", "Get a new token."),
    4406: ("The subprotocol is not `graphql-transport-ws`.", "Offer that subprotocol."),
    4408: ("No `connection_init` came in time.", "Send it first."),
    4409: ("The id of a running operation was used again.", "Use a new id for each operation."),
    4429: (
        "A second `connection_init`, or the caller's rate or number of sockets is exceeded.",
        "Connect again later.",
    ),
    4500: ("The gateway failed unexpectedly.", "Connect again, and report the time."),
}

_INTRO = """# Errors

Generated by `billing reference errors`. Programs read the code; the message is for people, in English or Portuguese by
`Accept-Language`, and may change. [All messages](#messages) are below. New codes may be added, none is renamed.

## Of a request

These are in `errors[].extensions.code` of a response. A response with data has HTTP status 200, even if some fields
failed; with the media type `application/json` so has every request that is GraphQL at all. Errors that pass by
themselves also carry `retryable: true`.

"""
_USER = """
## Of a mutation's input

These are in `errors` of the payload, as `UserError { code message field tissCode tissDescription }`. Nothing was
changed. `field` is the path in the input as a list, such as `["claim", "items", "0", "unitPrice"]`, or null; `tissCode`
is the payers' own code from Tabela 38, and `tissDescription` its official text. `UserError` is an interface.
`InputError` has nothing else; the other types have what a program needs next:

| type | code | facts |
| --- | --- | --- |
| `StaleVersionError` | `STALE_VERSION` | `currentVersion` |
| `OverSettlementError` | `OVER_SETTLEMENT` | `availableAmount` |
| `DuplicateClaimError` | `DUPLICATE_CLAIM` | `claim`, which has the number |
| `DuplicatePartyError` | `DUPLICATE_PARTY` | `existing`, if it is in the data scope |
| `StatusConflictError` | `CONFLICT`, if the status is the reason | `status` |

A query or subscription whose arguments are refused has `BAD_USER_INPUT` in `errors[].extensions.code` and one of these
codes in `extensions.reason`, with `field`, `tissCode` and `tissDescription`; only CONFLICT, STALE_VERSION,
CURSOR_EXPIRED, EMERGENCY_LIMIT and NOT_FOUND, which are about stored data, are the code itself. It is always safe to
repeat a mutation with the same idempotency key and the same input.

"""
_MESSAGES = """
## Messages

In braces are values. A status, a kind of object or a number in them is written in the same language. The messages of
the GraphQL library about the syntax of a document, its validity and the types of its variables are English only, and so
is what the server says before it has read a request's headers, and the reason of a WebSocket's close.
"""
TITLES: Final = {
    "claims": "Claims, batches, denials and appeals",
    "money": "Invoices, payments, statements, bank and contracts",
    "parties": "Payers, providers, patients and access",
    "documents": "Documents, spreadsheets and imports",
    "requests": "Requests, lists, streams and REST",
    "words": "Words in messages",
}
_CLOSE = """
## Close codes of a WebSocket

A page whose origin is not allowed gets no socket: the handshake is answered with 403, which a browser shows as 1006.
npm graphql-ws gives up at 4429 and 4500; with [resuming.mjs](clients/resuming.md) it connects again.

"""


def document() -> str:
    """The page as Markdown."""
    portuguese, meanings = codes(), _meanings()
    requests = (
        [f"`{code}`", one.status, one.meaning, portuguese["requests"][code], one.retry, one.action]
        for code, one in REQUEST_ERRORS.items()
    )
    inputs = ([f"`{code}`", meanings[code], portuguese["input"][code], *USER_ERRORS[code]] for code in ErrorCode)
    closes = ([str(code), *texts] for code, texts in CLOSE_CODES.items())
    return (
        _INTRO
        + table(["code", "HTTP", "meaning", "em português", "retry", "what to do"], requests)
        + _USER
        + table(["code", "meaning", "em português", "retry", "what to do"], inputs)
        + _CLOSE
        + table(["code", "meaning", "what to do"], closes)
        + _MESSAGES
        + "".join(map(_messages, AREAS))
    )


def _messages(area: str) -> str:
    """The messages of an area in both languages."""
    rows = ([_shown(english), _shown(portuguese)] for english, portuguese in catalogue(area).items())
    return f"\n### {TITLES[area]}\n\n{table(['English', 'português'], rows)}"


def _shown(text: str) -> str:
    """The text as it stands in a table of Markdown."""
    return text.replace("<", "&lt;").replace("|", "\\|")


def _meanings() -> dict[str, str]:
    """What the schema says of each code."""
    found = schema.get_type_by_name("ErrorCode")
    assert found is not None  # noqa: S101 - every payload of a mutation has it
    return {value.name: value.description or "" for value in found.values}  # type: ignore[union-attr]
