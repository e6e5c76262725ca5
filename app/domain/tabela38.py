"""Tabela 38 of the TISS standard: the payers' codes for denials and refusals."""

from functools import lru_cache

import tiss


@lru_cache(maxsize=1024)
def description(code: str) -> str | None:
    """The official text of a code, or None if the table does not have it (source: the `tiss` package)."""
    found = tiss.glosa(code) if code == code.strip() != "" else None
    return None if found is None else str(found["descricao"])
