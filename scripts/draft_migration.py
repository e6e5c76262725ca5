"""Drafts a migration: upgrades an empty SQLite database and writes how the tables of the code differ from it."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from alembic import command
from sqlalchemy import create_engine

from app.db.migrate import config


def main(message: str) -> None:
    """Write a revision file under app/db/migrations/versions; read it before committing."""
    if not message:
        sys.exit('say what changes: make migration m="..."')
    with TemporaryDirectory() as directory, create_engine(f"sqlite:///{Path(directory) / 'head.db'}").begin() as found:
        settings = config()
        settings.attributes["connection"] = found
        command.upgrade(settings, "head")
        command.revision(settings, message, autogenerate=True)


if __name__ == "__main__":
    main(" ".join(sys.argv[1:]))
