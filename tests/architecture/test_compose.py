"""What is deployed: compose file, image and alert rules are valid, safe on a laptop and in step with app/."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import promql_parser
import pytest
import yaml

from app import cli
from app.runtime import settings
from app.runtime.settings import LAME_DUCK_SECONDS
from app.web.stopping import CUT_OFF_SECONDS, LAST_SECONDS
from tests.commands import billing

ROOT = Path(__file__).parents[2]
COMPOSE_FILE = ROOT / "docker-compose.yml"

Service = dict[str, Any]

SERVICES: dict[str, Service] = yaml.safe_load(COMPOSE_FILE.read_text())["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
APPLICATION = "\n".join(path.read_text() for path in sorted((ROOT / "app").rglob("*.py")))

ONE_SHOT = {"migrate", "terms", "seed"}
GATEWAY_IMAGE = {"gateway", *ONE_SHOT}
IMAGES = {
    "mysql": r"mysql:8\.4",
    "redis": r"redis:7-alpine",
    "kafka": r"apache/kafka:4\.\d+\.\d+",
    "prometheus": r"prom/prometheus:v3\.\d+\.\d+",
}
FROM_OUTSIDE = re.compile(r"\$\{\w+:\?[^}]+\}")
VARIABLE = re.compile(r"\$\{(?P<name>\w+):(?P<kind>[-?])(?P<text>[^}]*)\}")


def environment(service: str) -> dict[str, str]:
    """The variables of a service that have a value in the file."""
    return {name: str(value) for name, value in SERVICES[service].get("environment", {}).items() if value is not None}


def filled_in(value: str) -> str:
    """The value as compose hands it on when only what must be set is set: to 32 letters."""
    return VARIABLE.sub(lambda found: "x" * 32 if found["kind"] == "?" else found["text"], value)


def instructions(keyword: str) -> list[str]:
    return re.findall(rf"^{keyword}\s+(.+)$", DOCKERFILE, re.MULTILINE)


def listeners(text: str) -> dict[str, str]:
    """`NAME://host:port,...` by name."""
    return dict(part.split("://", 1) for part in text.split(","))


def seconds(duration: str) -> float:
    return promql_parser.parse_duration(duration).total_seconds()


def is_quoted_in_app(text: str) -> bool:
    return re.search(rf"""["']{re.escape(text)}["']""", APPLICATION) is not None


# The compose file is valid


def test_the_file_follows_the_compose_specification() -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE_FILE)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_services_are_the_known_ones() -> None:
    assert SERVICES.keys() == GATEWAY_IMAGE | IMAGES.keys()


@pytest.mark.parametrize("service", IMAGES)
def test_a_foreign_image_is_pinned_to_its_version(service: str) -> None:
    assert re.fullmatch(IMAGES[service], SERVICES[service]["image"])


def test_every_volume_that_a_service_names_is_declared() -> None:
    named = {volume.partition(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    declared = yaml.safe_load(COMPOSE_FILE.read_text())["volumes"].keys()
    assert {name for name in named if not name.startswith(".")} == declared


# It is safe on a laptop


@pytest.mark.parametrize("service", SERVICES)
def test_a_port_is_published_on_loopback_only(service: str) -> None:
    assert "network_mode" not in SERVICES[service]
    for port in SERVICES[service].get("ports", []):
        assert re.fullmatch(r"127\.0\.0\.1:\d+:\d+", str(port))


@pytest.mark.parametrize("service", SERVICES)
def test_a_secret_comes_from_outside_the_file(service: str) -> None:
    for name, value in environment(service).items():
        if re.search(r"PASSWORD|SECRET|TOKEN|KEY", name):
            assert FROM_OUTSIDE.fullmatch(value), name
        for password in re.findall(r"://[^:/@\s]*:(.+)@", value):
            assert FROM_OUTSIDE.fullmatch(password), name
    for word in [*SERVICES[service].get("command", []), *SERVICES[service]["healthcheck"].get("test", [])]:
        for password in re.findall(r"pass(?:word)?[= ]+(\S+)", word):
            assert password.startswith('"$$'), word


def test_the_image_holds_no_secret() -> None:
    for line in [*instructions("ENV"), *instructions("ARG")]:
        assert not re.search(r"PASSWORD|SECRET|TOKEN", line), line


def test_the_database_password_is_one_variable() -> None:
    url = environment("gateway")["BILLING_DATABASE_URL"]
    assert environment("mysql")["MYSQL_PASSWORD"] in url
    address = urlsplit(filled_in(url))
    assert address.username == environment("mysql")["MYSQL_USER"]
    assert address.path == "/" + environment("mysql")["MYSQL_DATABASE"]
    assert address.hostname == "mysql"


@pytest.mark.parametrize("service", SERVICES)
def test_no_process_gains_privileges(service: str) -> None:
    assert "no-new-privileges:true" in SERVICES[service]["security_opt"]
    assert not SERVICES[service].get("privileged")


# It starts and stops in order


@pytest.mark.parametrize("service", sorted(SERVICES.keys() - ONE_SHOT))
def test_a_lasting_service_has_a_health_check_and_comes_back(service: str) -> None:
    assert SERVICES[service]["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}
    assert len(SERVICES[service]["healthcheck"]["test"]) > 1
    assert SERVICES[service]["restart"] == "unless-stopped"


@pytest.mark.parametrize("service", sorted(ONE_SHOT))
def test_a_one_shot_service_ends_and_stays_ended(service: str) -> None:
    assert SERVICES[service]["restart"] == "no"
    assert SERVICES[service]["healthcheck"] == {"disable": True}


def test_each_service_waits_for_what_it_needs() -> None:
    waits = {
        name: {needed: how["condition"] for needed, how in service.get("depends_on", {}).items()}
        for name, service in SERVICES.items()
        if "depends_on" in service
    }
    assert waits == {
        "migrate": {"mysql": "service_healthy"},
        "terms": {"migrate": "service_completed_successfully"},
        "seed": {"terms": "service_completed_successfully"},
        "gateway": {
            "terms": "service_completed_successfully",
            "redis": "service_healthy",
            "kafka": "service_healthy",
        },
    }


def test_only_the_demonstration_data_needs_a_profile() -> None:
    assert {name: service["profiles"] for name, service in SERVICES.items() if "profiles" in service} == {
        "seed": ["demo"]
    }


def test_the_console_script_is_what_the_module_runs() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert scripts == {"billing": f"{cli.__name__}:{cli.main.__name__}"}
    assert 'if __name__ == "__main__":\n    main()' in Path(cli.__file__).read_text()


@pytest.mark.parametrize("service", sorted(GATEWAY_IMAGE))
def test_the_command_of_a_gateway_service_exists(service: str) -> None:
    command = [str(word) for word in SERVICES[service].get("command", ["serve"])]
    helped = billing(*command, "--help")
    assert helped.returncode == 0, helped.stderr
    for option in [word for word in command if word.startswith("--")]:
        assert option in helped.stdout


def test_the_gateway_has_time_to_drain_before_it_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    read = settings_of_compose(monkeypatch)
    accepting = LAME_DUCK_SECONDS  # of production
    needed = accepting + read.drain_seconds + read.shutdown_timeout_seconds + CUT_OFF_SECONDS + LAST_SECONDS
    assert seconds(SERVICES["gateway"]["stop_grace_period"]) > needed


# The gateway gets settings that it knows


def settings_of_compose(monkeypatch: pytest.MonkeyPatch) -> settings.Settings:
    """The settings as the process in the container reads them: image first, then the compose file, nothing else."""
    for name in [name for name in os.environ if name.startswith("BILLING_")]:
        monkeypatch.delenv(name)
    for name, value in {**image_environment(), **environment("gateway")}.items():
        monkeypatch.setenv(name, filled_in(value))
    return settings.load()


def image_environment() -> dict[str, str]:
    return dict(re.findall(r"(BILLING_\w+)=(\S+)", " ".join(instructions("ENV"))))


def test_every_setting_is_handed_on_and_every_variable_is_a_setting() -> None:
    settable = {"BILLING_" + field.upper() for field in settings.Settings.model_fields}
    assert SERVICES["gateway"]["environment"].keys() == settable
    assert image_environment().keys() <= settable


def test_what_production_needs_can_be_handed_on() -> None:
    assert SERVICES["gateway"]["environment"].keys() >= {
        "BILLING_ENV",
        "BILLING_DATABASE_URL",
        "BILLING_CACHE_SECRET",
        "BILLING_AUDIT_SECRET",
        "BILLING_JWKS_URL",
        "BILLING_OIDC_ISSUER",
        "BILLING_OIDC_AUDIENCE",
    }


def test_the_settings_accept_the_values_of_the_compose_file(monkeypatch: pytest.MonkeyPatch) -> None:
    read = settings_of_compose(monkeypatch)
    assert read.is_development
    assert (read.host, read.port, read.var_dir) == ("0.0.0.0", 8000, Path("/var/lib/billing"))  # noqa: S104
    assert read.database.startswith("mysql+asyncmy://billing:" + "x" * 32 + "@mysql:3306/")
    assert (read.redis_url, read.events_url) == ("redis://redis:6379/0", "kafka://kafka:9092")
    assert read.cache_secret is not None
    assert read.cache_secret.get_secret_value() == "x" * 32
    assert read.audit_secret is not None
    assert read.audit_secret.get_secret_value() == "x" * 32


@pytest.mark.parametrize("service", sorted(ONE_SHOT))
def test_every_gateway_service_has_the_same_settings_keys_and_image(service: str) -> None:
    for key in ("environment", "volumes", "image", "build"):
        assert SERVICES[service][key] == SERVICES["gateway"][key]


def test_the_development_keys_outlive_the_container() -> None:
    targets = [volume.split(":")[1] for volume in SERVICES["gateway"]["volumes"]]
    assert environment("gateway")["BILLING_VAR_DIR"] in targets
    assert image_environment()["BILLING_VAR_DIR"] in targets


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (" ".join(SERVICES["gateway"]["healthcheck"]["test"]), "/health/ready"),
        ("".join(instructions("HEALTHCHECK")), "/health/live"),
    ],
)
def test_a_health_check_asks_a_route_of_the_gateway(text: str, path: str) -> None:
    assert re.findall(r"http://127\.0\.0\.1:[^/]+(/[\w/]+)", text) == [path]
    assert is_quoted_in_app(path)


def test_the_published_port_is_the_one_the_gateway_listens_on() -> None:
    port = environment("gateway")["BILLING_PORT"]
    assert [published.rsplit(":", 1)[1] for published in SERVICES["gateway"]["ports"]] == [port]
    admin_port = environment("gateway")["BILLING_ADMIN_PORT"]
    assert f":{admin_port}/health/ready" in " ".join(SERVICES["gateway"]["healthcheck"]["test"])
    assert image_environment()["BILLING_ADMIN_PORT"] == admin_port
    assert instructions("EXPOSE") == [f"{port} {admin_port}"]


# The servers run as the gateway expects them


def test_kafka_is_one_node_in_kraft_mode() -> None:
    kafka = environment("kafka")
    assert set(kafka["KAFKA_PROCESS_ROLES"].split(",")) == {"broker", "controller"}
    assert not [name for name in kafka if "ZOOKEEPER" in name]
    controller = listeners(kafka["KAFKA_LISTENERS"])[kafka["KAFKA_CONTROLLER_LISTENER_NAMES"]]
    assert kafka["KAFKA_CONTROLLER_QUORUM_VOTERS"] == f"{kafka['KAFKA_NODE_ID']}@{controller}"
    single = {name: value for name, value in kafka.items() if name.endswith(("REPLICATION_FACTOR", "MIN_ISR"))}
    assert set(single.values()) == {"1"}
    assert kafka["KAFKA_LOG_DIRS"] in [volume.split(":")[1] for volume in SERVICES["kafka"]["volumes"]]


def test_kafka_answers_the_network_and_this_computer_by_different_listeners() -> None:
    kafka = environment("kafka")
    bound, advertised = listeners(kafka["KAFKA_LISTENERS"]), listeners(kafka["KAFKA_ADVERTISED_LISTENERS"])
    controller = {kafka["KAFKA_CONTROLLER_LISTENER_NAMES"]}
    protocols = dict(part.split(":") for part in kafka["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(","))
    assert bound.keys() == protocols.keys() == advertised.keys() | controller
    assert {name: bound[name].split(":")[1] for name in advertised} == {
        name: address.split(":")[1] for name, address in advertised.items()
    }
    internal = advertised.pop(kafka["KAFKA_INTER_BROKER_LISTENER_NAME"])
    assert f"kafka://{internal}" == environment("gateway")["BILLING_EVENTS_URL"]
    assert [f"{address}:{address.split(':')[1]}" for address in advertised.values()] == SERVICES["kafka"]["ports"]


def test_redis_is_a_cache_that_keeps_nothing_on_disk() -> None:
    words = SERVICES["redis"]["command"][1:]
    assert dict(zip(words[::2], words[1::2], strict=True)) == {
        "--save": "",
        "--appendonly": "no",
        "--maxmemory": "128mb",
        "--maxmemory-policy": "allkeys-lru",
    }
    assert "volumes" not in SERVICES["redis"]
    assert urlsplit(environment("gateway")["BILLING_REDIS_URL"]).hostname == "redis"


def test_mysql_speaks_utf8mb4_utc_and_read_committed() -> None:
    options = dict(option.split("=") for option in SERVICES["mysql"]["command"])
    assert options["--character-set-server"] == "utf8mb4"
    assert options["--collation-server"].startswith("utf8mb4_")
    assert options["--default-time-zone"] == "+00:00"
    assert options["--transaction-isolation"] == "READ-COMMITTED"


# The image


def test_the_image_runs_the_gateway_as_a_user_without_rights() -> None:
    last_stage = DOCKERFILE.rsplit("\nFROM ", 1)[1]
    users = re.findall(r"^USER (\S+)$", last_stage, re.MULTILINE)
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", users[-1])
    assert instructions("ENTRYPOINT") == ['["billing"]']
    assert instructions("CMD") == ['["serve"]']


def test_the_image_is_built_from_pinned_parts() -> None:
    assert [line.split()[0] for line in instructions("FROM")] == [
        "node:22-slim",
        "node:22-slim",
        "python:3.14-slim",
        "python:3.14-slim",
    ]
    installs = re.findall(r"pip install ([^&\n]+)", DOCKERFILE)
    assert [line.strip() for line in installs] == ["--require-hashes -r requirements.txt", "--no-deps ."]
    assert "npm ci" in DOCKERFILE
    assert "npm install" not in DOCKERFILE


def test_the_image_finds_what_it_copies() -> None:
    let_in = {line[1:].rstrip("/") for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"}
    copied = [word for line in instructions("COPY") if "--from" not in line for word in line.split()[:-1]]
    assert copied
    for source in copied:
        assert (ROOT / source).exists(), source
        assert source.split("/")[0] in let_in, source


def test_the_builder_sees_only_what_is_let_in() -> None:
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    assert lines[0] == "*"
    assert {"**/.env", "**/.env.*", "**/*.pem", "**/*.key", "**/node_modules"} <= set(lines)


def test_the_explorer_is_built_to_where_the_image_takes_it_from() -> None:
    out = re.findall(r"outDir: '([^']+)'", (ROOT / "explorer" / "vite.config.ts").read_text())
    assert [(ROOT / "explorer" / path).resolve().relative_to(ROOT).as_posix() for path in out] == ["app/web/static"]
    assert "--from=explorer /src/app/web/static/ app/web/static/" in instructions("COPY")


def test_the_pages_of_the_rest_endpoints_are_built_to_where_the_image_takes_them_from() -> None:
    assert "new URL('../app/rest/static/', import.meta.url)" in (ROOT / "rest-pages" / "build.mjs").read_text()
    assert "--from=rest-pages /src/app/rest/static/ app/rest/static/" in instructions("COPY")


# Prometheus and its alerts
