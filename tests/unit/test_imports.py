"""What `billing serve` imports: modules that only some commands, or the embedded mode, need are left alone."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
HEAVY = (
    "alembic",
    "mako",
    "fakeredis",
    "markdown_it",
    "sqlalchemy.dialects.sqlite",
    "app.demo",
    "app.schema.federation",
    "app.commands.tiss",
    "app.commands.data",
    "app.runtime.whoami",
)
SERVE = f"""
import sys
import app.cli, app.web.server
app.cli.command_line(["serve"])
print(sorted(name for name in {HEAVY!r} if name in sys.modules))
"""
HELP = """
import app.cli
print(len(app.cli.command_line(["--help"]).registered_commands) == len(app.cli.COMMANDS))
"""


def _printed(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True, timeout=60
    )
    return done.stdout.strip()


def test_serving_imports_nothing_that_only_other_commands_need() -> None:
    assert _printed(SERVE) == "[]"


def test_the_help_has_every_command() -> None:
    assert _printed(HELP) == "True"
