"""The console script `billing`: everything an operator does at the command line."""

import sys

import typer

from app.access_log.archive_files import ArchiveError
from app.commands import access_log, console, data, events, identity, schema, serving, statements, tiss
from app.commands.reference.command import reference
from app.db.clock import ClocksDiffer
from app.db.engine import DatabaseUnavailable
from app.db.migrate import MigrationFailed, MigrationRuns, MissingTables, RetiredDatabase
from app.domain.errors import BillingError
from app.runtime.settings import SettingsError
from app.transport.trusted import ManifestError

# In the order of `billing --help`.
COMMANDS = (
    serving.serve,
    serving.migrate,
    serving.renew_identity,
    identity.token,
    identity.whoami,
    schema.schema,
    schema.trusted_documents,
    schema.access_matrix,
    schema.event_contracts,
    reference,
    events.parked,
    events.release,
    events.republish,
    statements.dead_statements,
    statements.redeliver,
    access_log.audit_verify,
    access_log.purge,
    data.load_tuss,
    data.seed_demo,
    tiss.import_tiss,
    tiss.export_tiss,
)
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
for _command in COMMANDS:
    app.command(name=_command.__name__.replace("_", "-"))(_command)


def main() -> None:
    """Run the command line; failures that an operator can fix are one line each, without a traceback."""
    try:
        app()
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
