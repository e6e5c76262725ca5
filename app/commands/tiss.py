"""Commands that read and write TISS documents."""

from pathlib import Path
from typing import Annotated

import typer

from app.commands import console
from app.services.batch_export import EXPORT
from app.services.batch_import import GuideOutcome, ImportReport, import_batch


def import_tiss(file: Annotated[Path, typer.Argument(help="A TISS lote, XML.")]) -> None:
    """Import the guides of a TISS batch document as submitted claims, and report the result of each."""
    try:
        xml = file.read_bytes()
    except OSError as error:
        console.fail(f"cannot read {file}: {error.strerror}")
    report = console.with_changes("import-tiss", lambda changes, actor: import_batch(changes, actor, xml))
    _show(report)
    if not report.is_clean:
        raise typer.Exit(console.EXIT_BAD_INPUT)


def export_tiss(
    claims: Annotated[
        list[str], typer.Argument(help="Ids of 1 to 100 submitted claims of one type, provider and payer.")
    ],
    output: Annotated[Path | None, typer.Option(help="Where to write the document; by default its own name.")] = None,
) -> None:
    """Write submitted claims as a TISS batch document, valid and hashed."""
    batch = console.with_changes(
        "export-tiss", lambda changes, actor: changes.run(EXPORT, actor, {"claim_ids": claims})
    ).value
    target = output or Path(batch.file_name)
    try:
        target.write_bytes(batch.xml.encode("iso-8859-1"))
    except OSError as error:
        console.fail(f"cannot write {target}: {error.strerror}")
    console.note(f"batch {batch.number}: {len(batch.claim_ids)} claims, hash {batch.hash}, in {target}")


def _show(report: ImportReport) -> None:
    for failure in report.failures:
        console.say(f"document refused: {failure.message}{_tiss(failure.tiss_code)}")
    for result in report.results:
        console.say(f"guide {result.number}: {result.outcome.value.lower()} {result.claim_id or ''}".rstrip())
        for failure in result.failures:
            place = f" at {failure.field}" if failure.field else ""
            console.say(f"  {failure.code.value}{place}: {failure.message}{_tiss(failure.tiss_code)}")
    counts = {each: sum(result.outcome is each for result in report.results) for each in GuideOutcome}
    console.say(", ".join(f"{number} {outcome.value.lower()}" for outcome, number in counts.items()))


def _tiss(code: str | None) -> str:
    return f" [TISS {code}]" if code else ""
