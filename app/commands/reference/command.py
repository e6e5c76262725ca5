"""The command that prints the generated reference pages of docs/."""

from enum import StrEnum
from typing import Annotated

import typer


class Page(StrEnum):
    """A page of docs/ that is written from the code."""

    ERRORS = "errors"
    EVENTS = "events"
    METRICS = "metrics"


def reference(page: Annotated[Page, typer.Argument(help="Which page.")]) -> None:
    """Print the reference of error codes, events or metrics, as Markdown."""
    print(document(page), end="")


def document(page: Page) -> str:
    """The text of docs/<page>.md."""
    from app.commands.reference import errors, events, metrics

    return {Page.ERRORS: errors.document, Page.EVENTS: events.document, Page.METRICS: metrics.document}[page]()
