"""The checked-in table docs/access.md: what each role sees, as people reviewed it."""

import re
from pathlib import Path

FILE = Path(__file__).parents[2] / "docs" / "access.md"


def tables() -> dict[str, dict[str, dict[str, str]]]:
    """Title -> row -> role -> cell."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    roles: list[str] = []
    for line in FILE.read_text().splitlines():
        if line.startswith("## "):
            found[line[3:]] = {}
            roles = []
        elif line.startswith("| field |") and not roles:
            roles = _cells(line)[1:]
        elif line.startswith("| ") and "---" not in line:
            name, *cells = _cells(line)
            found[list(found)[-1]][name] = dict(zip(roles, cells, strict=True))
    return found


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("| ").split("|")]


class Oracle:
    """What the table says of a field."""

    def __init__(self) -> None:
        self.tables = tables()
        self._rows = {
            (title, re.sub(r" \(.*\)", "", name)): cells
            for title, rows in self.tables.items()
            for name, cells in rows.items()
        }

    def cell(self, type_name: str, field: str, role: str) -> str:
        """yes, masked or -."""
        return self._rows[type_name, field][role]
