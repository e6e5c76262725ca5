"""What all commands share: exit codes, both outputs, settings and a database."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, NoReturn, TypeVar

import typer

from app.db.engine import Database
from app.db.migrate import check_tables
from app.domain.actor import Actor
from app.domain.text import visible
from app.runtime import settings as settings_module
from app.runtime.build import changes_of, console_actor, database_of
from app.runtime.settings import Settings
from app.telemetry.logs import configure_logs
from app.unit_of_work.run import Changes

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

Result = TypeVar("Result")
EXIT_BAD_INPUT: Final = 1
EXIT_BAD_SETTINGS: Final = 2
EXIT_UNAVAILABLE: Final = 3
LONG_TIMEOUT_SECONDS: Final = 600.0


def settings() -> Settings:
    """The settings of the environment; logging is configured by them, and only this user can read what is written."""
    found = settings_module.load()
    # The embedded database, keys and documents of claims: all of them hold personal data or secrets.
    os.umask(0o077)
    configure_logs(found.log_level)
    return found


def with_database(work: Callable[[Database], Awaitable[Result]], *, timeout_seconds: float | None = None) -> Result:
    """Run `work` in an event loop with the database of the settings, and return its result.

    MissingTables or RetiredDatabase if its tables are not those of the code.
    """

    async def checked(database: Database) -> Result:
        # Before the first connection, whose session gets the limit too.
        database.timeout_seconds = timeout_seconds or database.timeout_seconds
        await check_tables(database)
        return await work(database)

    return with_any_database(checked)


def with_any_database(work: Callable[[Database], Awaitable[Result]], known: Settings | None = None) -> Result:
    """The same whatever tables the database has; the settings are read if they are not known."""

    async def run() -> Result:
        database = database_of(known or settings())
        try:
            return await work(database)
        finally:
            await database.dispose()

    return asyncio.run(run())


def with_changes(command: str, work: Callable[[Changes, Actor], Awaitable[Result]]) -> Result:
    """Run `work` with the door for changes, in the name of the command."""
    return with_database(lambda database: work(changes_of(settings(), database), console_actor(command)))


def progress(text: str) -> "Progress":
    """A progress bar on standard error."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(text), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=_console(is_error=True), transient=False)


def _console(*, is_error: bool = False) -> "Console":
    from rich.console import Console

    return Console(stderr=is_error, highlight=False, soft_wrap=True)


def show(text: str) -> None:
    """Text with rich's markup, to standard output; for texts of our own only."""
    _console().print(text)


def say(line: str) -> None:
    """One line of the result, to standard output, whatever it quotes from documents and other systems."""
    _console().print(visible(line), markup=False)


def note(line: str) -> None:
    """One line for the operator, to standard error."""
    _console(is_error=True).print(visible(line), markup=False)


def fail(message: str) -> NoReturn:
    """End the command with one line and exit code 1."""
    note(f"billing: {message}")
    raise typer.Exit(EXIT_BAD_INPUT)
