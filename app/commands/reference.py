"""The commands that write what the code says of itself: the generated pages of docs/, and the whole as HTML."""

from collections import Counter
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from app.commands import console


class Page(StrEnum):
    """A page of docs/ that is written from the code."""

    ERRORS = "errors"
    EVENTS = "events"
    METRICS = "metrics"
    CONFIGURATION = "configuration"


def reference(page: Annotated[Page, typer.Argument(help="Which page.")]) -> None:
    """Print the reference of error codes, events, metrics or settings, as Markdown."""
    print(document(page), end="")


def document(page: Page) -> str:
    """The text of docs/<page>.md."""
    from app.reference import errors, events, metrics, settings

    documents = {
        Page.ERRORS: errors.document,
        Page.EVENTS: events.document,
        Page.METRICS: metrics.document,
        Page.CONFIGURATION: settings.document,
    }
    return documents[page]()


def reference_site(directory: Annotated[Path, typer.Argument(help="Where to write it.")]) -> None:
    """Write the reference that the gateway serves at /reference/ as files, with the terms that `load-tuss` loads."""
    from app.reference import site
    from app.services.tuss_load import published_terms

    files = site.files(Counter(row["code_system"] for row in published_terms()))
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (directory / name).write_bytes(content)
    console.note(f"{len(files)} files in {directory}")
