"""Tabela 38 of the TISS standard: the codes for denials and refusals."""

from functools import lru_cache

from app.domain.errors import ErrorCode, Failure


@lru_cache(maxsize=1024)
def description(code: str) -> str | None:
    """The official text of a code, or None if the table does not have it (source: the `tiss` package)."""
    # It takes a while to import, and most processes of the gateway meet no denial for long.
    import tiss  # noqa: PLC0415 - see above

    found = tiss.glosa(code) if code == code.strip() != "" else None
    return None if found is None else str(found["descricao"])


def code_failure(code: str, field: str) -> Failure | None:
    """Why this is not the code of a denial; None if the table has it."""
    if description(code) is not None:
        return None
    return Failure(ErrorCode.UNKNOWN_CODE, "unknown denial code: use a code of Tabela 38", field)
