"""The command that imports master data from files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from app.commands import console
from app.domain.party_rows import PartyRowOutcome
from app.services import party_files, party_import, party_worksheets
from app.services.party_import import RowResult


def import_parties(
    file: Annotated[Path, typer.Argument(help="A .csv or .xlsx file; the first line has the names of the columns.")],
    only_refused: Annotated[bool, typer.Option(help="Report only the rows that were refused.")] = False,
) -> None:
    """Import payers, providers, patients, cards and practitioners, and report the result of each row.

    A hundred rows are committed together; after an interruption, import the file again: what is known stays as it is.
    """
    if not file.is_file():
        console.fail(f"cannot read {file}: no such file")

    def report(results: Sequence[RowResult]) -> None:
        for each in results:
            if not only_refused or each.outcome is PartyRowOutcome.REFUSED:
                _show(each)

    is_worksheet = file.suffix.lower() == party_worksheets.SUFFIX
    rows = party_worksheets.rows_of(file) if is_worksheet else party_files.rows_of(file)
    counts = console.with_changes(
        "import-parties",
        lambda changes, actor: party_import.import_rows(changes, actor, rows, on_results=report),
    )
    console.say(", ".join(f"{number} {outcome.value.lower()}" for outcome, number in counts.items()))
    if counts[PartyRowOutcome.REFUSED]:
        raise typer.Exit(console.EXIT_BAD_INPUT)


def _show(result: RowResult) -> None:
    kind = "row" if result.kind is None else result.kind.value.lower()
    console.say(f"line {result.line}: {kind} {result.outcome.value.lower()} {result.party_id or ''}".rstrip())
    for failure in result.failures:
        place = f" at {failure.field}" if failure.field else ""
        console.say(f"  {failure.code.value}{place}: {failure.message}")
