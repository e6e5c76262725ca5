"""All settings, read once from BILLING_* variables; an invalid one prevents the start, with one line that says why."""

import os
import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from app.values.addresses import hosts_of

TOPIC_PATTERN = r"^[A-Za-z0-9._-]{1,200}$"
SOURCE_PATTERN = r"[^=\s,{}]*\{payer\}[^=\s,{}]*|[^=\s,{}]+=[0-9]{6}"
CLAIM_PATTERN = r"^[^,\s]{1,200}$"
CLAIMS_PATTERN = r"^[^,\s]{1,200}(, ?[^,\s]{1,200}){0,9}$"
SECRET_LENGTH_MIN = 32
LAME_DUCK_SECONDS = 5.0
LOOPBACK = ("127.0.0.1", "::1", "localhost")
DATABASE_DRIVERS = ("sqlite+aiosqlite", "mysql+aiomysql", "mysql+asyncmy")


Network = IPv4Network | IPv6Network


class SettingsError(Exception):
    """One or more settings are missing or invalid; the text has one line for each."""


class Settings(BaseSettings):
    """The configuration of one process; the field `x` is read from the variable BILLING_X."""

    model_config = SettingsConfigDict(env_prefix="BILLING_", frozen=True, extra="ignore", hide_input_in_errors=True)

    env: Literal["development", "production"] = "development"
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    var_dir: Path = Path("var")
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    # Addresses may contain passwords, so they are not shown either.
    database_url: str = Field(default="", repr=False)
    database_pool_size: int = Field(default=10, ge=1, le=200)
    database_timeout_seconds: float = Field(default=8.0, gt=0, le=60)
    # Longer than the relay's 20 s for a batch, during which its session is idle.
    database_idle_seconds: int = Field(default=30, ge=1, le=3_600)

    redis_url: str = Field(default="memory://", repr=False)
    cache_secret: SecretStr | None = None
    audit_secret: SecretStr | None = None

    events_url: str = Field(default="memory://", repr=False)
    events_topic: str = Field(default="billing.events", pattern=TOPIC_PATTERN)
    earlier_events_topic: str = Field(default="", pattern=f"^$|{TOPIC_PATTERN}")
    event_retention_days: int = Field(default=30, ge=1, le=3650)
    remittances_topic: str = Field(default="billing.remittances", pattern=TOPIC_PATTERN)
    statement_sources: str = "/payer/{payer}"

    oidc_issuer: str | None = None
    oidc_audience: str = Field(default="billing-gateway", min_length=1)
    jwks_url: str | None = None
    oidc_ca_file: Path | None = None
    oidc_roles_claim: str = Field(default="roles", pattern=CLAIMS_PATTERN)
    oidc_providers_claim: str = Field(default="providers", pattern=CLAIMS_PATTERN)
    oidc_payer_claim: str = Field(default="payer", pattern=CLAIM_PATTERN)
    oidc_patient_claim: str = Field(default="patient", pattern=CLAIM_PATTERN)
    oidc_scopes_claim: str = Field(default="scope", pattern=CLAIM_PATTERN)
    client_id: str | None = None
    client_secret: SecretStr | None = None

    idempotency_retention_days: int = Field(default=30, ge=1, le=3_650)
    eligibility_retention_days: int = Field(default=1_826, ge=1, le=36_500)
    dead_statement_retention_days: int = Field(default=90, ge=1, le=3_650)
    unused_document_retention_days: int = Field(default=30, ge=1, le=3_650)
    access_log_retention_days: int = Field(default=7_305, ge=1, le=36_500)
    document_bytes_max: int = Field(default=64 * 1024 * 1024, ge=1_024, le=1024 * 1024 * 1024)
    tiss_processes: int = Field(default=1, ge=1, le=16)
    demo_payer_seconds: float = Field(default=0.0, ge=0, le=3_600)
    sweep_interval_seconds: float = Field(default=300.0, ge=1, le=86_400)
    depth_max: int = Field(default=15, ge=3, le=100)
    aliases_max: int = Field(default=100, ge=0, le=2_000)
    cost_max: int = Field(default=5_000_000, ge=100, le=1_000_000_000)
    fields_max: int = Field(default=100_000, ge=100, le=10_000_000)
    plans_at_once: bool = False
    batch_max: int = Field(default=0, ge=0, le=10)
    tls_certificate_file: Path | None = None
    tls_key_file: Path | None = None
    tls_client_ca_file: Path | None = None
    tls_client_crl_file: Path | None = None
    tls_client_certificates: Literal["none", "optional", "required"] = "none"
    client_certificates_file: Path | None = None
    payer_tokens_bound: bool = False
    header_timeout_seconds: float = Field(default=10.0, gt=0, le=120)
    body_timeout_seconds: float = Field(default=10.0, gt=0, le=120)
    send_timeout_seconds: float = Field(default=10.0, gt=0, le=120)
    # Longer than the 60 s after which common load balancers drop an idle connection: it is theirs to close.
    keep_alive_seconds: int = Field(default=75, ge=1, le=3_600)
    connections_max: int = Field(default=2_000, ge=1, le=100_000)
    connections_per_address: int | None = Field(default=None, ge=1, le=100_000)
    trusted_proxies: str = ""
    admin_host: str = "127.0.0.1"
    admin_port: int | None = Field(default=None, ge=0, le=65535)
    health_seconds: float = Field(default=1.0, ge=0, le=60)
    allowed_origins: str = ""
    explorer_origins: str = ""

    database_ca_file: Path | None = None
    database_certificate_file: Path | None = None
    database_key_file: Path | None = None
    redis_ca_file: Path | None = None
    redis_certificate_file: Path | None = None
    redis_key_file: Path | None = None
    kafka_ca_file: Path | None = None
    kafka_certificate_file: Path | None = None
    kafka_key_file: Path | None = None

    rate_per_second: float = Field(default=50.0, ge=0, le=100_000)
    persons_unlogged_max: int = Field(default=20, ge=0, le=1_000)
    unknown_cards_per_hour: int = Field(default=30, ge=0, le=100_000)
    emergency_accesses_per_day: int = Field(default=3, ge=1, le=1_000)
    rate_burst: int = Field(default=200, ge=1, le=1_000_000)
    refused_tokens_per_second: float = Field(default=5.0, ge=0, le=100_000)
    refused_tokens_burst: int = Field(default=100, ge=1, le=1_000_000)
    streams_per_subject: int = Field(default=50, ge=1, le=100_000)
    trusted_documents: Path | None = None
    trusted_documents_only: bool = False
    automatic_persisted_queries: bool = True
    rest: bool = False
    federation: bool = False
    operation_deadline_seconds: float = Field(default=15.0, gt=0, le=120)
    lame_duck_seconds: float | None = Field(default=None, ge=0, le=120)
    drain_seconds: float = Field(default=2.0, ge=0, le=60)
    shutdown_timeout_seconds: int = Field(default=5, ge=1, le=60)
    registered_operations: str = ""

    @property
    def is_development(self) -> bool:
        """Whether development keys, GraphiQL and generated secrets are allowed."""
        return self.env == "development"

    @property
    def database(self) -> str:
        """The address of the database, by default a SQLite file in var_dir."""
        return self.database_url or f"sqlite+aiosqlite:///{self.var_dir / 'billing.db'}"

    @property
    def connections_of_one_address(self) -> int:
        """How many connections one address may have; by default a quarter, so that others find a place."""
        return self.connections_per_address or max(self.connections_max // 4, 1)

    @property
    def trusted_networks(self) -> tuple[Network, ...]:
        """The proxies whose X-Forwarded-For and -Proto are believed."""
        return tuple(ip_network(each) for each in self.trusted_proxies.replace(",", " ").split())

    @property
    def accepting_seconds(self) -> float:
        """How long requests are accepted after SIGTERM, until load balancers have noticed; 0 in development."""
        default = 0.0 if self.is_development else LAME_DUCK_SECONDS
        return default if self.lame_duck_seconds is None else self.lame_duck_seconds

    @field_validator("trusted_proxies")
    @classmethod
    def _proxies_are_addresses(cls, value: str) -> str:
        try:
            for each in value.replace(",", " ").split():
                ip_network(each)
        except ValueError:
            raise ValueError("needs addresses or networks, separated by commas: 10.0.0.7, 10.1.0.0/16") from None
        return value

    @field_validator("database_url")
    @classmethod
    def _driver_is_known(cls, value: str) -> str:
        if value and value.partition("://")[0] not in DATABASE_DRIVERS:
            raise ValueError(f"must begin with one of {', '.join(DATABASE_DRIVERS)}")
        if value.startswith("mysql"):
            _check_database(value)
        return value

    @field_validator("redis_url")
    @classmethod
    def _cache_is_known(cls, value: str) -> str:
        _one_of_schemes(value, "memory", "redis", "rediss", "unix")
        _check_hosts(hosts_of(value))
        return value

    @field_validator("events_url")
    @classmethod
    def _transport_is_known(cls, value: str) -> str:
        if "@" in value:
            raise ValueError("must not contain a user or password: authenticate with BILLING_KAFKA_CERTIFICATE_FILE")
        _one_of_schemes(value, "memory", "kafka")
        brokers = hosts_of(value)
        if value.startswith("kafka:") and not all(brokers.split(",")):
            raise ValueError("needs the address of a broker: kafka://host:9092[,host:9092]")
        _check_hosts(brokers)
        return value

    @field_validator("statement_sources")
    @classmethod
    def _sources_are_bound(cls, value: str) -> str:
        if not all(re.fullmatch(SOURCE_PATTERN, each) for each in value.replace(",", " ").split()):
            raise ValueError("needs sources such as /payer/{payer} or //bank.example=123456, separated by commas")
        return value

    @field_validator("jwks_url", "oidc_issuer")
    @classmethod
    def _is_web_address(cls, value: str | None) -> str | None:
        return value if value is None else _one_of_schemes(value, "https", "http")

    @field_validator("allowed_origins", "explorer_origins")
    @classmethod
    def _origins_are_exact(cls, value: str) -> str:
        for origin in value.replace(",", " ").split():
            parts = urlsplit(origin)
            is_exact = (
                parts.scheme in {"http", "https"} and parts.netloc and origin == f"{parts.scheme}://{parts.netloc}"
            )
            if not is_exact or "*" in origin:
                raise ValueError("needs exact origins such as https://billing.example, without wildcards or paths")
        return value

    @model_validator(mode="after")
    def _tls_pairs_are_whole(self) -> Self:
        for prefix in ("tls", "database", "redis", "kafka"):
            certificate, key = f"{prefix}_certificate_file", f"{prefix}_key_file"
            if (getattr(self, certificate) is None) != (getattr(self, key) is None):
                names = f"BILLING_{certificate.upper()} and BILLING_{key.upper()}"
                raise ValueError(f"{names} must be set together")
        return self

    @model_validator(mode="after")
    def _tls_is_complete(self) -> Self:
        """A file without the one that turns TLS on would have no effect, and everything would be sent in plain."""
        for server in ("database", "redis", "kafka"):
            if getattr(self, f"{server}_ca_file") is None and getattr(self, f"{server}_key_file") is not None:
                prefix = f"BILLING_{server.upper()}"
                raise ValueError(f"{prefix}_CERTIFICATE_FILE and {prefix}_KEY_FILE also need {prefix}_CA_FILE")
        if self.redis_ca_file is not None and not self.redis_url.startswith("rediss:"):
            raise ValueError("BILLING_REDIS_CA_FILE also needs rediss:// in BILLING_REDIS_URL")
        return self

    @model_validator(mode="after")
    def _clients_can_be_verified(self) -> Self:
        if self.tls_client_certificates != "none" and None in (self.tls_certificate_file, self.tls_client_ca_file):
            needed = "BILLING_TLS_CERTIFICATE_FILE and BILLING_TLS_CLIENT_CA_FILE"
            raise ValueError(f"BILLING_TLS_CLIENT_CERTIFICATES also needs {needed}")
        if self.tls_client_crl_file is not None and self.tls_client_ca_file is None:
            raise ValueError("BILLING_TLS_CLIENT_CRL_FILE also needs BILLING_TLS_CLIENT_CA_FILE")
        return self

    @model_validator(mode="after")
    def _others_find_a_place(self) -> Self:
        if self.connections_per_address is not None and self.connections_per_address >= self.connections_max > 1:
            raise ValueError("BILLING_CONNECTIONS_PER_ADDRESS must be below BILLING_CONNECTIONS_MAX")
        return self

    @model_validator(mode="after")
    def _trusted_documents_are_given(self) -> Self:
        if self.trusted_documents_only and self.trusted_documents is None:
            raise ValueError("BILLING_TRUSTED_DOCUMENTS_ONLY also needs BILLING_TRUSTED_DOCUMENTS")
        return self

    @model_validator(mode="after")
    def _keys_can_be_found(self) -> Self:
        if self.jwks_url and not self.oidc_issuer:
            raise ValueError("BILLING_JWKS_URL also needs BILLING_OIDC_ISSUER")
        issuer = urlsplit(self.oidc_issuer or "https:")
        if issuer.scheme == "http" and issuer.hostname not in LOOPBACK and not self.jwks_url:
            raise ValueError("BILLING_OIDC_ISSUER must begin with https://, or BILLING_JWKS_URL must be set")
        if bool(self.client_id) != bool(self.client_secret):
            raise ValueError("BILLING_CLIENT_ID and BILLING_CLIENT_SECRET must be set together")
        return self

    @model_validator(mode="after")
    def _production_is_complete(self) -> Self:
        if self.is_development:
            return self
        needed = ("database_url", "redis_url", "events_url", "cache_secret", "audit_secret", "oidc_issuer")
        # A default address would be a cache or a topic that nobody else sees: memory:// must be written out.
        missing = [name for name in needed if name not in self.model_fields_set or not getattr(self, name)]
        if missing:
            names = ", ".join(f"BILLING_{name.upper()}" for name in missing)
            raise ValueError(f"BILLING_ENV=production also needs {names}")
        if self.database_url.startswith("sqlite"):
            raise ValueError("BILLING_DATABASE_URL must be a MySQL address when BILLING_ENV is production")
        if self.demo_payer_seconds:
            raise ValueError("BILLING_DEMO_PAYER_SECONDS must be 0 when BILLING_ENV is production")
        self._check_secrets()
        return self

    def _check_secrets(self) -> None:
        secrets = [each.get_secret_value() for each in (self.cache_secret, self.audit_secret) if each is not None]
        if min(len(secret) for secret in secrets) < SECRET_LENGTH_MIN:
            names = "BILLING_CACHE_SECRET and BILLING_AUDIT_SECRET"
            raise ValueError(f"{names} need {SECRET_LENGTH_MIN} characters or more when BILLING_ENV is production")
        if len(set(secrets)) < len(secrets):
            raise ValueError("BILLING_CACHE_SECRET and BILLING_AUDIT_SECRET must differ when BILLING_ENV is production")


def _one_of_schemes(value: str, *schemes: str) -> str:
    if value.partition(":")[0].lower() not in schemes:
        raise ValueError(f"must begin with one of {', '.join(scheme + '://' for scheme in schemes)}")
    return value


def _check_database(value: str) -> None:
    """ValueError, without the value, if it is no address with a host and a database."""
    try:
        url = make_url(value)
    except (ArgumentError, ValueError):
        url = None
    if url is None or not url.host or not url.database:
        raise ValueError("needs the form mysql+asyncmy://user:password@host[:port]/database") from None


def _check_hosts(hosts: str) -> None:
    """ValueError, without the value, if one of host[:port][,host[:port]] has a port that is not a number."""
    for host in hosts.rpartition("@")[2].split(","):
        try:
            urlsplit(f"//{host}").port  # noqa: B018 - it raises for a port that is not a number
        except ValueError:
            raise ValueError("needs a number from 0 to 65535 as the port") from None


def load() -> Settings:
    """The settings of this process; SettingsError with one line per invalid variable, which never shows its value."""
    try:
        found = Settings()
    except ValidationError as error:
        raise SettingsError("\n".join(_line(one["loc"], one["msg"]) for one in error.errors())) from None
    unknown = _unknown_variables()
    if unknown and not found.is_development:
        raise SettingsError("\n".join(f"{name}: unknown variable, see docs/configuration.md" for name in unknown))
    return found


def _unknown_variables() -> list[str]:
    """Variables with our prefix that no setting has: most likely misspelt."""
    known = {f"BILLING_{name.upper()}" for name in Settings.model_fields}
    return sorted(name for name in os.environ if name.startswith("BILLING_") and name not in known)


def _line(location: tuple[int | str, ...], message: str) -> str:
    text = message.removeprefix("Value error, ")
    return f"BILLING_{str(location[0]).upper()}: {text}" if location else text
