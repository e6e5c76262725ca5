"""Commands that read and write TISS documents."""

from pathlib import Path
from typing import Annotated

import typer

from app.commands import console
from app.db.engine import Database
from app.domain.data_scope import EVERYTHING
from app.runtime.build import now
from app.services import batch_export as tiss_export
from app.services import batch_import as tiss_import
from app.services.batch_export import Batch
from app.services.batch_import import GuideOutcome, ImportReport


def import_tiss(file: Annotated[Path, typer.Argument(help="A TISS lote, XML.")]) -> None:
    """Import the guides of a TISS batch document as submitted claims, and report the result of each."""
    try:
        xml = file.read_bytes()
    except OSError as error:
        console.fail(f"cannot read {file}: {error.strerror}")
    report = console.with_database(
        lambda database: tiss_import.take(database, scope=EVERYTHING, xml=xml, subject="import-tiss", now=now)
    )
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

    async def work(database: Database) -> Batch:
        return await database.transact(
            lambda connection: tiss_export.export(connection, scope=EVERYTHING, claim_ids=claims, now=now())
        )

    batch = console.with_database(work)
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
        console.say(f"guide {result.number}: {result.fate.value.lower()} {result.claim_id or ''}".rstrip())
        for failure in result.failures:
            place = f" at {failure.field}" if failure.field else ""
            console.say(f"  {failure.code.value}{place}: {failure.message}{_tiss(failure.tiss_code)}")
    counts = {fate: sum(result.fate is fate for result in report.results) for fate in GuideOutcome}
    console.say(", ".join(f"{number} {fate.value.lower()}" for fate, number in counts.items()))


def _tiss(code: str | None) -> str:
    return f" [TISS {code}]" if code else ""
