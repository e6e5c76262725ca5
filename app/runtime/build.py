"""Builds single objects from the settings, for the serving process and for commands that need only some of them."""

import secrets
from ssl import SSLContext
from typing import Any

import structlog
from pydantic import SecretStr

from app.access_log.writer import AccessLogWriter
from app.auth.keys import DEVELOPMENT_ISSUER, DevelopmentKeys, RemoteKeys
from app.auth.principal import TokenClaimNames
from app.auth.tokens import ClientCertificates, Verifier
from app.db.clock import DatabaseClock
from app.db.engine import Database
from app.domain.access_log_entries import AccessLogKey
from app.domain.actor import Actor, Door, operator
from app.runtime.certificates import callers_of
from app.runtime.settings import Settings, SettingsError
from app.runtime.tls import client_context, identity_provider_context
from app.services import retention
from app.services.retention import Rule
from app.telemetry.metrics import Metrics
from app.unit_of_work.run import Changes

_log = structlog.get_logger("billing")


def development_keys(settings: Settings) -> DevelopmentKeys:
    """The key pair of the development mode, stored in var_dir; production has none."""
    return DevelopmentKeys(settings.var_dir)


def database_of(settings: Settings, tls: SSLContext | None = None) -> Database:
    """The database, by default with TLS as the settings say; nothing is connected yet.

    SettingsError if a TLS file or var_dir cannot be used.
    """
    if settings.database.startswith("sqlite"):
        _make_var_dir(settings)
    return Database(
        settings.database,
        pool_size=settings.database_pool_size,
        timeout_seconds=settings.database_timeout_seconds,
        idle_seconds=settings.database_idle_seconds,
        tls=tls or client_context(settings, "database"),
    )


def _make_var_dir(settings: Settings) -> None:
    try:
        settings.var_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"BILLING_VAR_DIR: cannot create {settings.var_dir}: {error.strerror}") from None


def verifier_of(settings: Settings, certificates: ClientCertificates | None = None) -> Verifier:
    """The verifier of tokens and client certificates; without an issuer, of tokens signed with the development key.

    `certificates` are by default those of the settings. SettingsError if one of their files cannot be used.
    """
    options: dict[str, Any] = {
        "certificates": certificates or callers_of(settings),
        "binds_payers": settings.payer_tokens_bound,
    }
    if settings.oidc_issuer:
        keys = RemoteKeys(
            settings.oidc_issuer,
            jwks_url=settings.jwks_url,
            tls=identity_provider_context(settings),
            on_answer=_log_provider_state,
        )
        names = _claim_names(settings)
        return Verifier(keys, issuer=settings.oidc_issuer, audience=settings.oidc_audience, names=names, **options)
    # The settings refuse to load without an issuer outside development.
    return Verifier(development_keys(settings), issuer=DEVELOPMENT_ISSUER, audience=settings.oidc_audience, **options)


def _claim_names(settings: Settings) -> TokenClaimNames:
    return TokenClaimNames(
        roles=settings.oidc_roles_claim,
        providers=settings.oidc_providers_claim,
        payer=settings.oidc_payer_claim,
        patient=settings.oidc_patient_claim,
        scopes=settings.oidc_scopes_claim,
    )


def _log_provider_state(reason: str | None) -> None:
    if reason is None:
        _log.info("identity_provider_back")
    else:
        _log.warning("identity_provider_down", reason=reason, effect="the known keys stay valid")


def secret_of(settings: Settings, name: str) -> str:
    """The secret setting of this name; in development it is generated on first use and stored in var_dir."""
    given: SecretStr | None = getattr(settings, name)
    if given is not None:
        return given.get_secret_value()
    path = settings.var_dir / name.replace("_", "-")
    if not path.exists():
        _make_var_dir(settings)
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(32))
    return path.read_text()


def retention_rules(settings: Settings) -> tuple[Rule, ...]:
    """What is deleted by its age."""
    return retention.rules(
        idempotency_days=settings.idempotency_retention_days,
        eligibility_days=settings.eligibility_retention_days,
        dead_statement_days=settings.dead_statement_retention_days,
        unused_document_days=settings.unused_document_retention_days,
    )


def access_log_key_of(settings: Settings) -> AccessLogKey:
    """The secret side of the access log."""
    return AccessLogKey(secret_of(settings, "audit_secret"))


def changes_of(settings: Settings, database: Database) -> Changes:
    """The door for changes of a command: entries of the access log are written with each change, and sealed by the
    gateways."""
    metrics = Metrics()
    clock = DatabaseClock()
    access_log = AccessLogWriter(database, access_log_key_of(settings), now=clock.now, metrics=metrics)
    return Changes(database, access_log, clock=clock, counters=metrics)


def console_actor(command: str) -> Actor:
    """Whoever runs a command on the operator's console."""
    return operator(command, Door.CLI, request_id=f"cli-{secrets.token_hex(8)}")
