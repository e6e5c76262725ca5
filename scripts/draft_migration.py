"""Drafts a migration: upgrades an empty SQLite database and writes how the tables of the code differ from it."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from app.db.migrate import SCRIPTS, config

HOOKS: Final = {"lint": "check --fix --quiet REVISION_SCRIPT_FILENAME", "format": "format REVISION_SCRIPT_FILENAME"}
"""What ruff does with the draft."""


def main(message: str, scripts: Path = SCRIPTS) -> None:
    """Write a revision file under `versions` of the migrations' folder; read it before committing."""
    if not message:
        sys.exit('say what changes: make migration m="..."')
    with TemporaryDirectory() as directory, create_engine(f"sqlite:///{Path(directory) / 'head.db'}").begin() as found:
        number = len(list((scripts / "versions").glob("*.py"))) + 1
        settings = _settings(number, scripts)
        settings.attributes["connection"] = found
        command.upgrade(settings, "head")
        command.revision(settings, message, autogenerate=True, rev_id=f"b{number:03d}")


def _settings(number: int, scripts: Path) -> Config:
    """Names the file like the others, and lets ruff format it."""
    found = config()
    found.set_main_option("script_location", str(scripts))
    found.set_main_option("file_template", f"{number:04d}_%%(slug)s")
    found.set_section_option("post_write_hooks", "hooks", ", ".join(HOOKS))
    for hook, options in HOOKS.items():
        found.set_section_option("post_write_hooks", f"{hook}.type", "module")
        found.set_section_option("post_write_hooks", f"{hook}.module", "ruff")
        found.set_section_option("post_write_hooks", f"{hook}.options", options)
    return found


if __name__ == "__main__":
    main(" ".join(sys.argv[1:]))
