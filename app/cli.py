"""The console script `billing`: everything an operator does at the command line."""

import gc
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final

# What is imported remains: to look through it for garbage took a quarter of the imports.
gc.disable()

import typer

from app.access_log.archive_files import ArchiveError
from app.commands import console
from app.db.clock import ClocksDiffer
from app.db.engine import DatabaseUnavailable
from app.db.identity import NoIdentity
from app.db.migrate import MigrationFailed, MigrationRuns, MissingTables, RetiredDatabase
from app.domain.errors import BillingError
from app.runtime.settings import SettingsError
from app.transport.trusted import ManifestError

# In the order of `billing --help`.
COMMANDS: Final = {
    "serve": "serving",
    "migrate": "serving",
    "renew-identity": "serving",
    "token": "identity",
    "whoami": "identity",
    "schema": "schema",
    "trusted-documents": "schema",
    "access-matrix": "schema",
    "event-contracts": "schema",
    "reference": "reference",
    "reference-site": "reference",
    "parked": "events",
    "release": "events",
    "republish": "events",
    "dead-statements": "statements",
    "redeliver": "statements",
    "audit-verify": "access_log",
    "purge": "access_log",
    "load-tuss": "data",
    "load-payers": "data",
    "seed-demo": "data",
    "import-parties": "parties",
    "import-tiss": "tiss_import",
    "export-tiss": "tiss",
}
"""The module of each command, in `app/commands`; only that of the given one is imported."""
# Or the collector would make up for it at once.
gc.freeze()
gc.enable()


def command_line(arguments: Sequence[str] = ()) -> typer.Typer:
    """The command that the arguments name; without one, all of them."""
    found = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
    # With one command registered, that one would be the program itself.
    found.callback(help=__doc__)(lambda: None)
    chosen = [name for name in arguments[:1] if name in COMMANDS]
    for name in chosen or COMMANDS:
        module = import_module(f"app.commands.{COMMANDS[name]}")
        found.command(name=name)(getattr(module, name.replace("-", "_")))
    return found


def main() -> None:
    """Run the command line; failures that an operator can fix are one line each, without a traceback."""
    try:
        command_line(sys.argv[1:])()
    except SettingsError as error:
        _note_lines("billing: wrong settings", error)
        sys.exit(console.EXIT_BAD_SETTINGS)
    except ManifestError as error:
        _note_lines("billing: wrong trusted documents", error)
        sys.exit(console.EXIT_BAD_SETTINGS)
    except (
        BillingError,
        ClocksDiffer,
        MigrationFailed,
        MigrationRuns,
        MissingTables,
        NoIdentity,
        RetiredDatabase,
        ArchiveError,
    ) as error:
        console.note(f"billing: {error}")
        sys.exit(console.EXIT_BAD_INPUT)
    except DatabaseUnavailable as error:
        cause = error.__cause__
        reason = getattr(cause, "orig", None) or type(cause).__name__
        console.note(f"billing: the database is not available: {reason}".splitlines()[0])
        sys.exit(console.EXIT_UNAVAILABLE)
    except OSError as error:
        if error.filename is None:
            raise
        console.note(f"billing: cannot use {error.filename}: {error.strerror}")
        sys.exit(console.EXIT_BAD_INPUT)


def _note_lines(title: str, error: Exception) -> None:
    for line in [title, *str(error).splitlines()]:
        console.note(line)


if __name__ == "__main__":
    main()
