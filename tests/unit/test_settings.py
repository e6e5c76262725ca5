"""Settings: a wrong variable stops the start with a line that names it and never shows its value."""

import os
from pathlib import Path
from typing import Any

import pytest

from app.runtime.settings import Settings, SettingsError, load
from app.runtime.tls import plain_connections
from tests.commands import billing

PRODUCTION = {
    "BILLING_ENV": "production",
    "BILLING_DATABASE_URL": "mysql+aiomysql://user:hidden-word@127.0.0.1:1/billing",
    "BILLING_REDIS_URL": "redis://127.0.0.1:1/0",
    "BILLING_EVENTS_URL": "kafka://127.0.0.1:1",
    "BILLING_CACHE_SECRET": "hidden-word-of-thirty-two-letters",
    "BILLING_AUDIT_SECRET": "hidden-word-of-the-same-length-ok",
    "BILLING_OIDC_ISSUER": "https://id.example",
}


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the machine that runs the tests."""
    for name in [name for name in os.environ if name.startswith("BILLING_")]:
        monkeypatch.delenv(name)


def _load_error(monkeypatch: pytest.MonkeyPatch, values: dict[str, str]) -> str:
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as refused:
        load()
    return str(refused.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BILLING_ENV", "staging-hidden-word"),
        ("BILLING_ENV", ""),
        ("BILLING_PORT", "hidden-word"),
        ("BILLING_PORT", "65536"),
        ("BILLING_PORT", "-1"),
        ("BILLING_LOG_LEVEL", "hidden-word"),
        ("BILLING_DATABASE_URL", "postgresql://user:hidden-word@127.0.0.1/billing"),
        ("BILLING_DATABASE_URL", "mysql://user:hidden-word@127.0.0.1/billing"),
        ("BILLING_DATABASE_URL", "hidden-word"),
        ("BILLING_DATABASE_URL", "mysql+aiomysql://user:hidden-word@127.0.0.1:port/billing"),
        ("BILLING_DATABASE_URL", "mysql+aiomysql://user:hidden-word@127.0.0.1"),
        ("BILLING_DATABASE_URL", "mysql+aiomysql://"),
        ("BILLING_DATABASE_POOL_SIZE", "0"),
        ("BILLING_DATABASE_POOL_SIZE", "201"),
        ("BILLING_DATABASE_TIMEOUT_SECONDS", "0"),
        ("BILLING_DATABASE_TIMEOUT_SECONDS", "nan"),
        ("BILLING_DATABASE_TIMEOUT_SECONDS", "61"),
        ("BILLING_REDIS_URL", "http://hidden-word"),
        ("BILLING_REDIS_URL", "redis://user:hidden-word@127.0.0.1:port/0"),
        ("BILLING_REDIS_URL", ""),
        ("BILLING_EVENTS_URL", "amqp://hidden-word"),
        ("BILLING_EVENTS_URL", "kafka://"),
        ("BILLING_EVENTS_URL", "kafka://127.0.0.1:9092,"),
        ("BILLING_EVENTS_URL", "kafka://127.0.0.1:9092,127.0.0.1:hidden-word"),
        ("BILLING_EVENTS_TOPIC", "hidden word"),
        ("BILLING_EVENTS_TOPIC", ""),
        ("BILLING_JWKS_URL", "file:///hidden-word"),
        ("BILLING_OIDC_ISSUER", "hidden-word"),
        ("BILLING_OIDC_AUDIENCE", ""),
        ("BILLING_OIDC_ROLES_CLAIM", ""),
        ("BILLING_OIDC_ROLES_CLAIM", "hidden,,word"),
        ("BILLING_OIDC_PROVIDERS_CLAIM", "hidden word"),
        ("BILLING_OIDC_PAYER_CLAIM", "hidden,word"),
        ("BILLING_OIDC_PATIENT_CLAIM", "hidden,word"),
        ("BILLING_OIDC_SCOPES_CLAIM", "hidden,word"),
        ("BILLING_OPERATION_DEADLINE_SECONDS", "121"),
        ("BILLING_OPERATION_DEADLINE_SECONDS", "inf"),
        ("BILLING_SHUTDOWN_TIMEOUT_SECONDS", "0"),
        ("BILLING_SHUTDOWN_TIMEOUT_SECONDS", "1.5"),
    ],
)
def test_a_wrong_variable_is_one_line_that_names_it_and_not_its_value(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    lines = _load_error(monkeypatch, {name: value}).splitlines()
    assert [line.partition(":")[0] for line in lines] == [name]
    assert "hidden" not in lines[0]
    assert "http" not in lines[0].partition(":")[2] or "https://" in lines[0]


@pytest.mark.parametrize(
    ("values", "line"),
    [
        (
            {"BILLING_JWKS_URL": "https://id.example/hidden-word"},
            "BILLING_JWKS_URL also needs BILLING_OIDC_ISSUER",
        ),
        (
            {"BILLING_OIDC_ISSUER": "http://hidden-word.example"},
            "BILLING_OIDC_ISSUER must begin with https://, or BILLING_JWKS_URL must be set",
        ),
        ({"BILLING_CLIENT_ID": "hidden-word"}, "BILLING_CLIENT_ID and BILLING_CLIENT_SECRET must be set together"),
        ({"BILLING_CLIENT_SECRET": "hidden-word"}, "BILLING_CLIENT_ID and BILLING_CLIENT_SECRET must be set together"),
    ],
)
def test_variables_of_the_identity_provider_that_do_not_fit_are_one_line(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, str], line: str
) -> None:
    assert _load_error(monkeypatch, values) == line


@pytest.mark.parametrize(
    ("values", "line"),
    [
        (
            {"BILLING_REDIS_URL": "redis://cache.example", "BILLING_REDIS_CA_FILE": "ca.pem"},
            "BILLING_REDIS_CA_FILE also needs rediss:// in BILLING_REDIS_URL",
        ),
        *[
            (
                {f"BILLING_{server}_{name}_FILE": "gateway.pem" for name in ("CERTIFICATE", "KEY")},
                f"BILLING_{server}_CERTIFICATE_FILE and BILLING_{server}_KEY_FILE also need BILLING_{server}_CA_FILE",
            )
            for server in ("DATABASE", "REDIS", "KAFKA")
        ],
    ],
)
def test_a_file_for_tls_that_would_have_no_effect_is_refused(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, str], line: str
) -> None:
    assert _load_error(monkeypatch, values) == line


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BILLING_DATABASE_URL", "mysql+aiomysql://user:p,w@db.example/billing"),
        ("BILLING_DATABASE_URL", "mysql+asyncmy://[::1]:3306/billing?charset=utf8mb4"),
        ("BILLING_REDIS_URL", "rediss://:p,w@[::1]:6379/0"),
        ("BILLING_REDIS_URL", "unix:///run/redis.sock"),
        ("BILLING_EVENTS_URL", "kafka://one.example,[::1]:9092?idempotent=false"),
    ],
)
def test_addresses_of_servers(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    assert getattr(load(), name.removeprefix("BILLING_").lower()) == value


@pytest.mark.parametrize(
    "values",
    [
        {"BILLING_OIDC_ISSUER": "http://127.0.0.1:9000/realms/x"},
        {"BILLING_OIDC_ISSUER": "http://id.example", "BILLING_JWKS_URL": "http://id.internal/keys"},
        {"BILLING_OIDC_ROLES_CLAIM": "realm_access.roles, resource_access.billing-gateway.roles"},
    ],
)
def test_variables_of_the_identity_provider_that_fit_are_taken(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, str]
) -> None:
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    found = load().model_dump()
    assert {name: found[name.removeprefix("BILLING_").lower()] for name in values} == values


def test_several_wrong_variables_are_a_line_each(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {"BILLING_PORT": "x", "BILLING_LOG_LEVEL": "loud", "BILLING_EVENTS_URL": "amqp://h"}
    lines = _load_error(monkeypatch, wrong).splitlines()
    assert sorted(line.partition(":")[0] for line in lines) == sorted(wrong)


@pytest.mark.parametrize("missing", sorted(set(PRODUCTION) - {"BILLING_ENV"}))
def test_production_needs_each_of_its_variables(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    values = {name: value for name, value in PRODUCTION.items() if name != missing}
    assert _load_error(monkeypatch, values) == f"BILLING_ENV=production also needs {missing}"


@pytest.mark.parametrize("empty", sorted(set(PRODUCTION) - {"BILLING_ENV"}))
def test_an_empty_variable_does_not_make_production_complete(monkeypatch: pytest.MonkeyPatch, empty: str) -> None:
    found = _load_error(monkeypatch, {**PRODUCTION, empty: ""})
    assert empty in found
    assert "hidden-word" not in found


def test_production_with_everything_loads_and_hides_its_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in PRODUCTION.items():
        monkeypatch.setenv(name, value)
    found = load()
    assert (found.is_development, found.database) == (False, PRODUCTION["BILLING_DATABASE_URL"])
    assert found.cache_secret is not None
    assert found.cache_secret.get_secret_value() == PRODUCTION["BILLING_CACHE_SECRET"]
    assert "hidden-word" not in repr(found.cache_secret)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        (
            "BILLING_DATABASE_URL",
            "sqlite+aiosqlite:///billing.db",
            "BILLING_DATABASE_URL must be a MySQL address when BILLING_ENV is production",
        ),
        (
            "BILLING_CACHE_SECRET",
            "hidden-word-of-thirty-one-char.",
            "BILLING_CACHE_SECRET and BILLING_AUDIT_SECRET need 32 characters or more when BILLING_ENV is production",
        ),
        (
            "BILLING_AUDIT_SECRET",
            PRODUCTION["BILLING_CACHE_SECRET"],
            "BILLING_CACHE_SECRET and BILLING_AUDIT_SECRET must differ when BILLING_ENV is production",
        ),
        (
            "BILLING_DEMO_PAYER_SECONDS",
            "20",
            "BILLING_DEMO_PAYER_SECONDS must be 0 when BILLING_ENV is production",
        ),
        (
            "BILLING_REDIS_ULR",
            "redis://127.0.0.1:1/0",
            "BILLING_REDIS_ULR: unknown variable, see docs/configuration.md",
        ),
    ],
)
def test_production_refuses_what_only_development_may_have(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    assert _load_error(monkeypatch, {**PRODUCTION, name: value}) == said


def test_production_has_memory_only_where_it_is_written_out(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = {"BILLING_REDIS_URL": "memory://", "BILLING_EVENTS_URL": "memory://"}
    for name, value in {**PRODUCTION, **memory}.items():
        monkeypatch.setenv(name, value)
    assert (load().redis_url, load().events_url) == ("memory://", "memory://")


@pytest.mark.parametrize("prefix", ["TLS", "DATABASE", "REDIS", "KAFKA"])
@pytest.mark.parametrize("half", ["CERTIFICATE", "KEY"])
def test_half_of_a_tls_pair_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, prefix: str, half: str) -> None:
    file = tmp_path / "half.pem"
    file.touch()
    said = f"BILLING_{prefix}_CERTIFICATE_FILE and BILLING_{prefix}_KEY_FILE must be set together"
    assert _load_error(monkeypatch, {f"BILLING_{prefix}_{half}_FILE": str(file)}) == said


def test_nothing_set_is_the_embedded_development_mode(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BILLING_VAR_DIR", str(tmp_path))
    found = load()
    assert found.is_development
    assert found.database == f"sqlite+aiosqlite:///{tmp_path / 'billing.db'}"
    assert (found.redis_url, found.events_url, found.host) == ("memory://", "memory://", "127.0.0.1")


def test_production_without_keys_stops_the_command_with_one_line_and_code_two(tmp_path: Path) -> None:
    values = {**PRODUCTION, "BILLING_VAR_DIR": str(tmp_path)}
    del values["BILLING_OIDC_ISSUER"]
    done = billing("serve", **values)
    expected = "billing: wrong settings\nBILLING_ENV=production also needs BILLING_OIDC_ISSUER\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", expected)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, {}),
        (
            {"database_url": "mysql+aiomysql://u:p@127.0.0.1/b", "redis_url": "redis://localhost/0"},
            {},
        ),
        (
            {
                "database_url": "mysql+aiomysql://u:p@db.example:3306/b",
                "redis_url": "redis://cache.example:6379/0",
                "events_url": "kafka://one.example:9092,two.example:9092",
            },
            {
                "database": "BILLING_DATABASE_CA_FILE",
                "redis": "rediss:// in BILLING_REDIS_URL",
                "kafka": "BILLING_KAFKA_CA_FILE",
            },
        ),
        (
            {
                "database_url": "mysql+aiomysql://u:p@db.example:3306/b",
                "database_ca_file": Path("ca.pem"),
                "redis_url": "rediss://cache.example:6379/0",
                "events_url": "kafka://one.example:9092",
                "kafka_ca_file": Path("ca.pem"),
            },
            {},
        ),
        ({"redis_url": "unix:///run/redis.sock"}, {}),
    ],
)
def test_servers_elsewhere_without_tls_are_named_with_the_remedy(given: dict[str, Any], found: dict[str, str]) -> None:
    assert dict(plain_connections(Settings(**given))) == found
