"""Commands for the access log and for what has been stored for long enough."""

from pathlib import Path
from typing import Annotated

import typer

from app.access_log import check as access_log_check
from app.commands import console
from app.db.clock import process_time
from app.db.engine import Database
from app.domain.access_log_entries import FIRST_DIGEST, ChainHead
from app.runtime.build import access_log_key_of, retention_rules
from app.services import purge as purging
from app.services.purge import AccessLogRule


def audit_verify(
    expect: Annotated[
        str | None, typer.Option(help="POSITION:HASH of a seal noted earlier, such as from the process log.")
    ] = None,
    archive: Annotated[
        list[Path] | None, typer.Option(help="An archive made by `billing purge --archive`; may be repeated.")
    ] = None,
) -> None:
    """Check the access log: nothing changed, missing or added; report processes that ended without their last reads."""
    expected = _head(expect)
    with console.progress("entries") as progress:
        task = progress.add_task("check", total=None)
        report = console.with_database(
            lambda database: access_log_check.check(
                database,
                key=access_log_key_of(console.settings()),
                expected=expected,
                archives=archive or (),
                on_progress=lambda done: progress.update(task, completed=done),
            ),
            timeout_seconds=console.LONG_TIMEOUT_SECONDS,
        )
    for line in [*report.notes, *report.breaks]:
        console.note(f"note: {line}")
    for line in report.problems:
        console.note(f"PROBLEM: {line}")
    counted = f"{report.entries} entries in {report.seals} seals ({report.waiting} entries wait for theirs)"
    console.say(f"{counted}, the last one is {report.head.position}:{report.head.digest}")
    if report.problems:
        raise typer.Exit(console.EXIT_BAD_INPUT)


def _head(text: str | None) -> ChainHead | None:
    if text is None:
        return None
    position, _, digest = text.partition(":")
    if not position.isdecimal() or len(digest) != len(FIRST_DIGEST):
        console.fail("--expect needs the form POSITION:HASH, as `billing audit-verify` prints it")
    return ChainHead(int(position), digest)


def purge(
    dry_run: Annotated[bool, typer.Option(help="Only print what would be deleted.")] = False,
    archive: Annotated[
        Path | None, typer.Option(help="Archive old entries of the access log in this directory, then delete them.")
    ] = None,
) -> None:
    """Delete what has been stored for longer than the BILLING_*_RETENTION_DAYS settings say."""
    if archive is not None and not archive.is_dir():
        console.fail(f"--archive needs an existing directory, {archive} is none: nothing was deleted")
    settings = console.settings()
    rules = retention_rules(settings)
    access_log = AccessLogRule(access_log_key_of(settings), settings.access_log_retention_days, archive)

    async def work(database: Database) -> list[str]:
        if dry_run:
            return await purging.preview(database, rules=rules, access_log=access_log)
        return await purging.purge(database, rules=rules, access_log=access_log, now=process_time)

    for line in console.with_database(work, timeout_seconds=console.LONG_TIMEOUT_SECONDS):
        console.say(line)
