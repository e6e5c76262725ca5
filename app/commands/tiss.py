"""Commands that write TISS documents."""

from pathlib import Path
from typing import Annotated

import typer

from app.commands import console
from app.services.batch_export import EXPORT


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
