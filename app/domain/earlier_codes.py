"""Codes of versions of TISS whose schema is not here: a table of ours has lost them, and they are kept all the same."""

import re
from collections.abc import Iterator
from typing import Any, Final

from app.domain.claim_form import ClaimForm, shape_failures
from app.domain.errors import ErrorCode, Failure

_LENGTHS: Final = {"council": 2, "state": 2}
"""Of codes that have columns of their own; the others have at most six characters in any table."""
_LENGTH: Final = 6
_CAPITAL: Final = re.compile("[A-Z]")


def fields_with_earlier_codes(form: ClaimForm) -> frozenset[str]:
    """The paths of fields whose code no table has, although it looks like one: `encounter.type`."""
    return frozenset(_fields(form))


def _fields(form: ClaimForm) -> Iterator[str]:
    for failure in shape_failures(form):
        if _is_of_table(failure) and failure.field is not None:
            code = _value(form, failure.field)
            if (
                code.isascii()
                and code.isalnum()
                and len(code) <= _LENGTHS.get(failure.field.rpartition(".")[2], _LENGTH)
            ):
                yield failure.field


def _is_of_table(failure: Failure) -> bool:
    """Whether the code of a field is unknown; codes of services have a code of Tabela 38 for it."""
    return failure.code is ErrorCode.UNKNOWN_CODE and failure.tiss_code is None


def _value(form: ClaimForm, path: str) -> str:
    found: Any = form
    for part in path.split("."):
        name = _CAPITAL.sub(lambda capital: f"_{capital[0].lower()}", part)
        found = found[int(part)] if part.isdigit() else getattr(found, name)
    return str(found)
