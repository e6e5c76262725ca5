"""Tables in Markdown."""

from collections.abc import Iterable, Sequence


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table with its header; a vertical bar in a cell is escaped."""
    return "".join(f"|{''.join(map(_cell, line))}\n" for line in (heads, ["---"] * len(heads), *rows))


def _cell(text: str) -> str:
    return f" {text.replace('|', chr(92) + '|')} |" if text else " |"
