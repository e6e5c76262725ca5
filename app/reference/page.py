"""A page of the reference as HTML: its frame, and Markdown with an anchor for each heading and each row of a table."""

import re
from collections.abc import Sequence
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

PAGES: Final = {
    "index": "Overview",
    "queries": "Queries",
    "mutations": "Mutations",
    "subscriptions": "Subscriptions",
    "objects": "Objects",
    "interfaces": "Interfaces",
    "inputs": "Inputs",
    "enums": "Enums",
    "scalars": "Scalars",
    "directives": "Directives",
    "permissions": "Permissions",
    "data-classes": "Data classes",
    "terms": "TISS terms",
    "errors": "Errors",
    "events": "Events",
    "metrics": "Metrics",
    "settings": "Settings",
}
"""The file of each page without its ending, and the title, in the order in which they are listed."""
_OF_DOCUMENTS: Final = {"access.md": "permissions", "configuration.md": "settings"}
"""Pages of docs/ that have another name here; what else is linked there is not a part of the reference."""


@cache
def reader() -> "MarkdownIt":
    """Reads and writes Markdown, without HTML in it."""
    from markdown_it import MarkdownIt  # noqa: PLC0415 - 11 ms of each start, for pages that are made in a thread

    return MarkdownIt("commonmark", {"html": False}).enable("table")


def framed(name: str, body: str) -> str:
    """The whole page; `body` is HTML that begins with its heading."""
    links = "".join(_page_link(each, is_current=each == name) for each in PAGES)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(PAGES[name])} - Convênio billing gateway</title>\n"
        '<link rel="stylesheet" href="style.css">\n</head>\n<body>\n'
        f'<nav aria-label="Pages of the reference"><ul>{links}</ul></nav>\n<main>\n{body}</main>\n</body>\n</html>\n'
    )


def _page_link(name: str, *, is_current: bool) -> str:
    current = ' aria-current="page"' if is_current else ""
    return f'<li><a href="{name}.html"{current}>{escape(PAGES[name])}</a></li>'


def heading(name: str, introduction: str) -> str:
    """The heading of a page with a paragraph below it, in Markdown."""
    return f"<h1>{escape(PAGES[name])}</h1>\n{text(introduction)}\n"


def text(markdown: str) -> str:
    """Some paragraphs."""
    return str(reader().render(markdown)).strip()


def line(markdown: str) -> str:
    """Text within a paragraph."""
    return str(reader().renderInline(markdown))


def link(page: str, anchor: str, label: str | None = None) -> str:
    """A link to a place of a page; without a label it is named as the place is."""
    return f'<a href="{page}.html#{escape(anchor)}"><code>{escape(label or anchor)}</code></a>'


def contents(anchors: Sequence[str]) -> str:
    """A list of the places of a page, closed until somebody opens it."""
    found = "".join(f'<li><a href="#{escape(each)}"><code>{escape(each)}</code></a></li>' for each in anchors)
    return f'<details class="contents"><summary>{len(anchors)} on this page</summary><ul>{found}</ul></details>\n'


def document(markdown: str) -> str:
    """A page of docs/ as the body of a page here."""
    tokens = reader().parse(markdown)
    _name_places(tokens)
    _name_cells(tokens)
    for token in tokens:
        if token.children:
            token.children = _linked(token.children)
    return str(reader().renderer.render(tokens, reader().options, {}))


def _name_places(tokens: Sequence["Token"]) -> None:
    """Give an id to each heading, and to each row of a table by its first cell: below the heading, if it is not new."""
    known: set[str] = set()
    section = ""
    for place, token in enumerate(tokens):
        if token.type == "heading_open":
            section = _anchor(tokens[place + 1].content)
            name = section
        elif token.type == "tr_open" and tokens[place + 1].type == "td_open":
            name = _anchor(tokens[place + 2].content)
            name = f"{section}.{name}" if name in known else name
        else:
            continue
        if name and name not in known:
            known.add(name)
            token.attrSet("id", name)


def _anchor(content: str) -> str:
    code = re.search(r"`([^`]+)`", content)
    return re.sub(r"[^\w.:/-]+", "-", code[1] if code else content).strip("-")


def _name_cells(tokens: Sequence["Token"]) -> None:
    """Write the head of its column beside each cell, for narrow screens, where a row is a block."""
    heads: list[str] = []
    column = 0
    for place, token in enumerate(tokens):
        if token.type == "thead_open":
            heads = []
        elif token.type == "th_open":
            heads.append(tokens[place + 1].content)
        elif token.type == "tr_open":
            column = 0
        elif token.type == "td_open":
            token.attrSet("data-head", heads[column])
            column += 1


def _linked(tokens: Sequence["Token"]) -> list["Token"]:
    """Links to other pages of docs/ lead to those of the reference, or are mere text."""
    found: list[Token] = []
    is_dropped = False
    for token in tokens:
        if token.type == "link_open":
            target = _target(str(token.attrGet("href")))
            is_dropped = target is None
            token.attrSet("href", target or "")
        if not (is_dropped and token.type in {"link_open", "link_close"}):
            found.append(token)
    return found


def _target(href: str) -> str | None:
    file, _, anchor = href.partition("#")
    page = _OF_DOCUMENTS.get(file, file.removesuffix(".md").removesuffix(".html"))
    if page not in PAGES:
        return href if file.startswith("https://") else None
    return f"{page}.html#{anchor}" if anchor else f"{page}.html"
