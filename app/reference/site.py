"""The reference as a set of files: a page for each kind of thing that clients, operators and auditors look up."""

from collections.abc import Mapping
from functools import cache
from html import escape
from pathlib import Path
from typing import Final

from app.reference import errors, events, metrics, settings, terms
from app.reference.access import classes_page, permissions_page
from app.reference.page import PAGES, document, framed
from app.reference.types import INTRODUCTIONS, Types
from app.schema.root import schema

TERMS: Final = "terms.html"
STYLE: Final = "style.css"
NAMES: Final = frozenset({*(f"{name}.html" for name in PAGES), STYLE})
"""Every file."""
_INDEX: Final = (
    "<h1>Reference</h1>\n<p>Written from the code of this version: what the schema has, who may use it, and what the "
    "gateway says and measures.</p>\n"
)


def files(counts: Mapping[str, int]) -> dict[str, bytes]:
    """The content of every file by its name; `counts` are the TUSS terms of each table."""
    return {**lasting_files(), TERMS: terms_file(counts)}


def terms_file(counts: Mapping[str, int]) -> bytes:
    """The page about the TUSS terms: the only one that is about what is stored."""
    return framed("terms", document(terms.document(counts))).encode()


@cache
def lasting_files() -> dict[str, bytes]:
    """The other files, made once: that takes about a second."""
    types = Types(schema.as_str())
    bodies = {
        "index": _index(types),
        **{name: types.page(name) for name in INTRODUCTIONS},
        "permissions": permissions_page(types),
        "data-classes": classes_page(types),
        "errors": document(errors.document()),
        "events": document(events.document()),
        "metrics": document(metrics.document()),
        "settings": document(settings.document()),
    }
    pages = {f"{name}.html": framed(name, body).encode() for name, body in bodies.items()}
    return {**pages, STYLE: (Path(__file__).parent / STYLE).read_bytes()}


def _index(types: Types) -> str:
    found = "".join(_entry(name, title, types) for name, title in PAGES.items() if name != "index")
    return f'{_INDEX}<ul class="names">{found}</ul>\n'


def _entry(name: str, title: str, types: Types) -> str:
    number = len(types.pages.get(name, ()))
    counted = f" ({number})" if number > 1 else ""
    return f'<li><a href="{name}.html">{escape(title)}</a>{counted}</li>'
