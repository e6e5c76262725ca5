"""A var directory as the commands leave it: tables, terms, and the demo with twenty claims, made once in a run."""

import os
import shutil
from pathlib import Path
from typing import Final

from tests.commands import billing
from tests.prepared import FOLDER
from tests.servers.kafka_files import publish

CLAIMS: Final = 20
_COMMANDS = (("migrate",), ("load-tuss",), ("seed-demo", "--claims", str(CLAIMS), "--small"))


def copy_seeded(directory: Path) -> None:
    """Copy it into an empty directory; the first test of the run that asks makes it, in 3 s of processor time."""
    made = Path(os.environ[FOLDER]) / "seeded" / "var"
    made.parent.mkdir(exist_ok=True)
    publish(made, _make)
    shutil.copytree(made, directory, dirs_exist_ok=True)


def _make(directory: Path) -> None:
    for arguments in _COMMANDS:
        done = billing(*arguments, BILLING_VAR_DIR=str(directory))
        assert done.returncode == 0, done.stderr
