"""Tabela 38 of the TISS standard: the codes for denials and refusals."""

from functools import lru_cache
from typing import Final

from app.domain.errors import ErrorCode, Failure
from app.domain.schema_codes import codes_of

UNKNOWN: Final = "unknown code"


@lru_cache(maxsize=1024)
def description(code: str) -> str | None:
    """The official text of a code, UNKNOWN if only the schema has the code (it allows 322 whose texts are no longer
    published), or None if nothing has it (source: the `tiss` package)."""
    # It takes a while to import, and most processes of the gateway meet no denial for long.
    import tiss  # noqa: PLC0415 - see above

    found = tiss.glosa(code) if code == code.strip() != "" else None
    if found is not None:
        return str(found["descricao"])
    return UNKNOWN if code in codes_of("dm_tipoGlosa") else None


def official_text(code: str | None) -> str | None:
    """The official text of a code; None without a code, and for one whose text is no longer published."""
    found = None if code is None else description(code)
    return None if found == UNKNOWN else found


def code_failure(code: str, field: str) -> Failure | None:
    """Why this is not the code of a denial; None if the table has it."""
    if description(code) is not None:
        return None
    return Failure(ErrorCode.UNKNOWN_CODE, "unknown denial code: use a code of Tabela 38", field)
