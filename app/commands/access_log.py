"""Commands for the access log."""

from typing import Annotated

import typer

from app.access_log import chain as audit
from app.commands import console
from app.db.access_log import ChainHead
from app.domain.access_log import FIRST_HASH
from app.runtime.build import seal_of


def audit_verify(
    expect: Annotated[
        str | None, typer.Option(help="POSITION:HASH of an entry noted earlier, such as from the process log.")
    ] = None,
) -> None:
    """Check the access log: no entry changed, none missing; tell of processes that ended without their last reads."""
    expected = _place(expect)
    with console.progress("entries") as progress:
        task = progress.add_task("check", total=None)
        report = console.with_database(
            lambda database: audit.check(
                database,
                seal=seal_of(console.settings()),
                expected=expected,
                on_progress=lambda done: progress.update(task, completed=done),
            ),
            timeout_seconds=console.LONG_TIMEOUT_SECONDS,
        )
    for line in report.breaks:
        console.note(f"note: {line}")
    for line in report.problems:
        console.note(f"PROBLEM: {line}")
    console.say(f"{report.entries} entries, the last one is {report.head.position}:{report.head.hash}")
    if report.problems:
        raise typer.Exit(console.EXIT_BAD_INPUT)


def _place(text: str | None) -> ChainHead | None:
    if text is None:
        return None
    position, _, digest = text.partition(":")
    if not position.isdecimal() or len(digest) != len(FIRST_HASH):
        console.fail("--expect needs the form POSITION:HASH, as `billing audit-verify` prints it")
    return ChainHead(int(position), digest)
