"""docs/configuration.md: every setting, its default and what it means."""

from typing import Final

from app.reference.markdown import table

ROWS: Final = (
    (
        "`BILLING_ENV`",
        "`development`",
        (
            "`production` refuses development keys, GraphiQL (unless `BILLING_EXPLORER_ORIGINS` names its address), "
            "SQLite, secrets under 32 characters or equal ones, and unknown `BILLING_*` variables, and requires those "
            "marked * (`memory://` must be written out)"
        ),
    ),
    ("`BILLING_HOST`, `BILLING_PORT`", "`127.0.0.1`, `8000`", "where to listen"),
    ("`BILLING_VAR_DIR`", "`var`", "the embedded database and the development key"),
    ("`BILLING_LOG_LEVEL`", "`info`", "`debug`, `info`, `warning`, `error`"),
    (
        "`BILLING_DATABASE_URL` *",
        "SQLite in `var`",
        "`mysql+asyncmy://user:password@host/database` (the faster driver), or `mysql+aiomysql://…`",
    ),
    (
        "`BILLING_DATABASE_POOL_SIZE`",
        "`10`",
        "connections open for reads, and as many for writes; twice as many at peaks",
    ),
    (
        "`BILLING_DATABASE_TIMEOUT_SECONDS`",
        "`8`",
        "limit of one unit of work, including the wait for a connection, and of each statement",
    ),
    (
        "`BILLING_DATABASE_IDLE_SECONDS`",
        "`30`",
        "after so long without a statement the server ends a transaction, with its locks, whose gateway is gone",
    ),
    (
        "`BILLING_REDIS_URL` *",
        "`memory://`",
        "`redis://host:6379/0`; Redis is a cache: without it, answers are slower, not wrong",
    ),
    (
        "`BILLING_CACHE_SECRET` *",
        "generated in `var`",
        (
            "the key for hashes of card numbers in cache keys, and for the signatures of cursors: a new one makes "
            "every cursor invalid"
        ),
    ),
    (
        "`BILLING_AUDIT_SECRET` *",
        "generated in `var`",
        (
            "the key for the pseudonyms and the hash chain of the access log: store it apart from the database, never "
            "change it"
        ),
    ),
    (
        "`BILLING_EVENTS_URL` *",
        "`memory://`",
        "`kafka://host:9092[,host:9092]`; `?idempotent=false` for brokers without idempotent producers",
    ),
    ("`BILLING_EVENTS_TOPIC`", "`billing.events`", "where events go, keyed by claim or invoice"),
    (
        "`BILLING_EARLIER_EVENTS_TOPIC`",
        "",
        (
            "where `ClaimSubmitted` and `InvoiceSettled` go once more, in the envelope of the earlier service "
            "([rest.md](rest.md))"
        ),
    ),
    ("`BILLING_REST`", "`false`", "serve the endpoints of the earlier REST service too ([rest.md](rest.md))"),
    (
        "`BILLING_FEDERATION`",
        "`false`",
        "be a subgraph of Apollo Federation 2: `_service` and `_entities` ([federation.md](federation.md))",
    ),
    ("`BILLING_EVENT_RETENTION_DAYS`", "`30`", "how long published events are stored, and stream cursors are valid"),
    (
        "`BILLING_IDEMPOTENCY_RETENTION_DAYS`",
        "`30`",
        "how long a repeated idempotency key gets its first answer; after that it is a new request",
    ),
    ("`BILLING_ELIGIBILITY_RETENTION_DAYS`", "`1826`", "how long eligibility answers are stored: five years"),
    (
        "`BILLING_DEAD_STATEMENT_RETENTION_DAYS`",
        "`90`",
        (
            "how long payers' statements that could not be handled are stored after `billing redeliver` or "
            "`--dismiss`; others stay until then"
        ),
    ),
    (
        "`BILLING_UNUSED_DOCUMENT_RETENTION_DAYS`",
        "`30`",
        "how long uploaded documents are stored that no import job has; imported ones stay with their claims",
    ),
    (
        "`BILLING_ACCESS_LOG_RETENTION_DAYS`",
        "`7305`",
        "when `billing purge --archive` moves entries of the access log into a file: twenty years",
    ),
    (
        "`BILLING_REMITTANCES_TOPIC`",
        "`billing.remittances`",
        "where payers' statements arrive; those that can never be processed go to the topic with `.dead` appended",
    ),
    (
        "`BILLING_STATEMENT_SOURCES`",
        "`/payer/{payer}`",
        (
            "which CloudEvents `source` may send statements of which payer: patterns with `{payer}` (registro ANS), or "
            "pairs such as `//bank.example=123456`, separated by commas; the ids of events count within their source"
        ),
    ),
    ("`BILLING_OIDC_ISSUER` *", "", "the `iss` of accepted tokens; keys are found by discovery"),
    ("`BILLING_OIDC_AUDIENCE`", "`billing-gateway`", "the `aud` of accepted tokens"),
    ("`BILLING_JWKS_URL`", "by discovery", "the identity provider's key set, if it has no discovery"),
    ("`BILLING_OIDC_ROLES_CLAIM`", "`roles`", "the claim with the roles; several, separated by commas, add up"),
    (
        "`BILLING_OIDC_PROVIDERS_CLAIM`",
        "`providers`",
        "the claim with the providers; several, separated by commas, add up",
    ),
    ("`BILLING_OIDC_PAYER_CLAIM`", "`payer`", "the claim with the payer"),
    ("`BILLING_OIDC_PATIENT_CLAIM`", "`patient`", "the claim with the patient"),
    ("`BILLING_OIDC_SCOPES_CLAIM`", "`scope`", "the claim with the scopes: text separated by spaces, or a list"),
    ("`BILLING_OIDC_CA_FILE`", "public authorities", "the authority of the identity provider's certificate (PEM)"),
    (
        "`BILLING_CLIENT_ID`, `BILLING_CLIENT_SECRET`",
        "",
        "a client of the identity provider, used by `billing whoami` only",
    ),
    (
        "`BILLING_DEMO_PAYER_SECONDS`",
        "`0`",
        (
            "how often a simulated payer decides or pays something of the demo data, 0 for never; `serve --demo` sets "
            "10, production refuses it"
        ),
    ),
    (
        "`BILLING_SWEEP_INTERVAL_SECONDS`",
        "`300`",
        "how often overdue denials expire and the ledger totals are measured",
    ),
    ("`BILLING_DOCUMENT_BYTES_MAX`", "`67108864`", "size of one document that `POST /documents` accepts; above it 413"),
    (
        "`BILLING_TISS_PROCESSES`",
        "`1`",
        "child processes that read and write TISS documents, 60 MiB each, started when they are needed",
    ),
    (
        "`BILLING_DEPTH_MAX`, `BILLING_ALIASES_MAX`, `BILLING_COST_MAX`",
        "`15`, `100`, `5000000`",
        "limits of one document; above them `TOO_COMPLEX`",
    ),
    (
        "`BILLING_PLANS_AT_ONCE`",
        "`false`",
        "whether a query is planned when it comes for the first time, instead of the second",
    ),
    ("`BILLING_FIELDS_MAX`", "`100000`", "fields that one operation may answer with; above them `TOO_COMPLEX`"),
    (
        "`BILLING_RATE_PER_SECOND`, `BILLING_RATE_BURST`",
        "`50`, `200`",
        (
            "root fields of one caller per second, and in a burst (each counts 1 or what its `@cost` says, plus 1 for "
            "each 50,000 of cost, and 1 for each 1,000 fields answered after the first 200); above them "
            "`RATE_LIMITED`, 429; 0 for no limit"
        ),
    ),
    (
        "`BILLING_REFUSED_TOKENS_PER_SECOND`, `BILLING_REFUSED_TOKENS_BURST`",
        "`5`, `100`",
        (
            "refused tokens of one address per second, and in a burst; above them its new tokens get `RATE_LIMITED`, "
            "429, and tokens that were accepted before work on; 0 for no limit"
        ),
    ),
    (
        "`BILLING_BATCH_MAX`",
        "`0`",
        (
            "operations of one request (a JSON array), at most 10; 0 refuses arrays. Each counts against the rate, and "
            "they run in order"
        ),
    ),
    (
        "`BILLING_UNKNOWN_CARDS_PER_HOUR`",
        "`30`",
        (
            "card numbers that do not exist that one caller may ask for in an hour; after them `RATE_LIMITED`; 0 for "
            "no limit"
        ),
    ),
    ("`BILLING_EMERGENCY_ACCESSES_PER_DAY`", "`3`", "emergency accesses that one caller may open in 24 hours"),
    (
        "`BILLING_PERSONS_UNLOGGED_MAX`",
        "`20`",
        "an operation that shows more persons is answered only when its entry in the access log is stored",
    ),
    (
        "`BILLING_STREAMS_PER_SUBJECT`",
        "`50`",
        "sockets of one caller in one process, and as many subscriptions over sockets and event streams together",
    ),
    (
        "`BILLING_TRUSTED_DOCUMENTS`",
        "",
        "a manifest of documents by hash, written by `billing trusted-documents DIRECTORY`",
    ),
    ("`BILLING_TRUSTED_DOCUMENTS_ONLY`", "`false`", "run no other documents"),
    ("`BILLING_AUTOMATIC_PERSISTED_QUERIES`", "`true`", "clients may register documents by hash (in Redis, for a day)"),
    ("`BILLING_TLS_CERTIFICATE_FILE`, `BILLING_TLS_KEY_FILE`", "", "serve HTTPS with these (PEM); SIGHUP reloads them"),
    ("`BILLING_TLS_CLIENT_CRL_FILE`", "", "revocation lists of these authorities (PEM), one of each"),
    (
        "`BILLING_TLS_CLIENT_CA_FILE`, `BILLING_TLS_CLIENT_CERTIFICATES`",
        "(none), `none`",
        "the authority of client certificates; `none`, `optional` or `required`",
    ),
    ("`BILLING_CLIENT_CERTIFICATES_FILE`", "", "a JSON list that maps certificates to callers"),
    (
        "`BILLING_PAYER_TOKENS_BOUND`",
        "`false`",
        (
            "refuse the tokens of whoever acts for a payer (a `payer` claim, or a permission to decide as a payer "
            "without the role `reviewer`) unless bound to a certificate (RFC 8705)"
        ),
    ),
    (
        "`BILLING_HEADER_TIMEOUT_SECONDS`, `BILLING_BODY_TIMEOUT_SECONDS`",
        "`10`",
        "limit of the head of a request, and of its body",
    ),
    ("`BILLING_SEND_TIMEOUT_SECONDS`", "`10`", "limit for a client to read its answer"),
    (
        "`BILLING_KEEP_ALIVE_SECONDS`",
        "`75`",
        "when an idle connection is closed; longer than the load balancer's own limit, or it answers 502",
    ),
    ("`BILLING_CONNECTIONS_MAX`", "`2000`", "connections of one process; further ones get 503"),
    (
        "`BILLING_CONNECTIONS_PER_ADDRESS`",
        "a quarter of these",
        (
            "connections of one address (in IPv6, of one /64 network), so that others find a place; trusted proxies "
            "may have more"
        ),
    ),
    (
        "`BILLING_TRUSTED_PROXIES`",
        "none",
        (
            "addresses and networks, separated by commas, whose `X-Forwarded-For` and `X-Forwarded-Proto` are "
            "believed; without it, all clients of a proxy are one address"
        ),
    ),
    (
        "`BILLING_ADMIN_HOST`, `BILLING_ADMIN_PORT`",
        "`127.0.0.1`, none",
        (
            "a second listener for `/health` and `/metrics` only, always in plain HTTP; `/metrics` is then served "
            "nowhere else"
        ),
    ),
    ("`BILLING_HEALTH_SECONDS`", "`1`", "how long one look at the dependencies answers all probes and scrapes"),
    (
        "`BILLING_ALLOWED_ORIGINS`",
        "",
        (
            "exact origins, separated by commas, whose pages may send requests and open sockets; in development also "
            "every port of `localhost`, `127.0.0.1` and `[::1]`"
        ),
    ),
    (
        "`BILLING_EXPLORER_ORIGINS`",
        "none",
        (
            "in production, exact origins under which browsers reach this gateway and get [the explorer](explorer.md), "
            "such as `https://billing.example`; it shows the schema to callers with `schema:introspect`"
        ),
    ),
    (
        "`BILLING_DATABASE_CA_FILE`, `BILLING_DATABASE_CERTIFICATE_FILE`, `BILLING_DATABASE_KEY_FILE`",
        "",
        "TLS to MySQL: the authority, and the gateway's own certificate and key",
    ),
    (
        "`BILLING_REDIS_CA_FILE`, `BILLING_REDIS_CERTIFICATE_FILE`, `BILLING_REDIS_KEY_FILE`",
        "",
        "the same for `rediss://`",
    ),
    ("`BILLING_KAFKA_CA_FILE`, `BILLING_KAFKA_CERTIFICATE_FILE`, `BILLING_KAFKA_KEY_FILE`", "", "the same for Kafka"),
    ("`BILLING_OPERATION_DEADLINE_SECONDS`", "`15`", "limit of one query or mutation, or of a whole batch"),
    (
        "`BILLING_LAME_DUCK_SECONDS`",
        "`5`; `0` in development",
        "after SIGTERM, how long requests are still accepted while readiness says 503, so that load balancers notice",
    ),
    (
        "`BILLING_DRAIN_SECONDS`",
        "`2`",
        "after that, the time over which open streams are closed with a request to reconnect",
    ),
    ("`BILLING_SHUTDOWN_TIMEOUT_SECONDS`", "`5`", "after that, the limit of open requests"),
    (
        "`BILLING_REGISTERED_OPERATIONS`",
        "",
        "operation names that metrics show besides those of root fields (`CreateClaim`); the rest is `other`",
    ),
)
"""Names of settings, their defaults, and their meaning, as Markdown; production needs those with an asterisk."""
_INTRO: Final = """# Configuration

Generated by `billing reference configuration`. Environment variables, read once at the start. A wrong value stops the
start with a line that names the variable.

"""
_END: Final = """
The gateway never runs without authentication.

`billing serve --workers N` serves one port with N processes, for machines with several cores: it needs MySQL, Redis and
Kafka, and `BILLING_ADMIN_PORT`, whose listener answers for all of them (ready when all are, metrics added up). Limits
of connections, streams and the pool hold for each worker: with four of them the database gets up to four times
`2 * (2 * BILLING_DATABASE_POOL_SIZE)` connections, and some for probes. A worker that dies is started
again; so is one whose event loop has not turned for 15 seconds, which is killed.
"""


def document() -> str:
    """The page as Markdown."""
    return _INTRO + table(["variable", "default", "meaning"], ROWS) + _END
