"""Secrets stay where they are: in no representation, message, log or process list."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from typer.main import get_command

from app import cli
from app.runtime.settings import Settings
from tests.commands import billing
from tests.faults.processes import GatewayProcess
from tests.gateway import embedded_settings
from tests.prepared import prepare

WORD = "hunter2-hunter2-hunter2"
NOWHERE = "127.0.0.1:9"


def test_settings_show_no_secret_and_no_address_that_may_hold_one(tmp_path: Path) -> None:
    settings = Settings(
        var_dir=tmp_path,
        database_url=f"mysql+aiomysql://billing:{WORD}@{NOWHERE}/billing",
        redis_url=f"redis://:{WORD}@{NOWHERE}/0",
        cache_secret=SecretStr(WORD),
        audit_secret=SecretStr(WORD),
        client_id="billing",
        client_secret=SecretStr(WORD),
        oidc_issuer="https://id.example",
    )
    assert WORD not in f"{settings!r} {settings} {settings.model_dump_json(include={'client_secret', 'audit_secret'})}"


COMMANDS: list[tuple[list[str], dict[str, str], int]] = [
    (["migrate"], {"DATABASE_URL": f"mysql+aiomysql://billing:{WORD}@{NOWHERE}/billing"}, 3),
    (["migrate"], {"DATABASE_URL": f"postgres://billing:{WORD}@{NOWHERE}/billing"}, 2),
    (["redeliver"], {"EVENTS_URL": f"kafka://billing:{WORD}@{NOWHERE}"}, 2),
    (["migrate"], {"REDIS_URL": f"http://:{WORD}@{NOWHERE}/0"}, 2),
]


@pytest.mark.parametrize(("arguments", "variables", "code"), COMMANDS)
def test_no_failure_of_a_command_tells_a_secret(
    tmp_path: Path, arguments: list[str], variables: dict[str, str], code: int
) -> None:
    environment = {"BILLING_VAR_DIR": str(tmp_path), **{f"BILLING_{name}": text for name, text in variables.items()}}
    done = billing(*arguments, **environment)
    assert (done.returncode, WORD in done.stdout + done.stderr) == (code, False), done.stderr
    assert "Traceback" not in done.stderr


def test_no_command_takes_a_secret_where_the_process_list_shows_it() -> None:
    group: Any = get_command(cli.command_line())
    names = {parameter.name for command in group.commands.values() for parameter in command.params}
    assert len(names) > 10
    assert not {name for name in names if any(word in name for word in ("secret", "password", "credential"))}
    assert {name for name in names if "token" in name} == {"show_tokens", "token_file"}


async def test_a_serving_process_shows_no_secret_in_its_command_its_log_and_its_metrics(tmp_path: Path) -> None:
    settings = embedded_settings(tmp_path).model_copy(
        update={
            "redis_url": f"redis://:{WORD}@{NOWHERE}/0",
            "audit_secret": SecretStr(WORD),
            "cache_secret": SecretStr(WORD),
            "log_level": "debug",
        }
    )
    await prepare(settings)
    process = GatewayProcess(settings, is_forked=False)  # a fork has no command line of its own

    try:
        await process.start()
        command = await asyncio.to_thread(Path(f"/proc/{process.pid}/cmdline").read_text)
        assert WORD not in command + process.log.read_text()
    finally:
        process.kill()
