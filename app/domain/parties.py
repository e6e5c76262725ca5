"""Master data: payers, providers, patients, coverages and practitioners, and what is refused of them."""

from collections.abc import Iterator
from typing import Final

from app.domain.described import DescribedEnum
from app.domain.errors import DuplicateParty, ErrorCode, Failure, conflict
from app.domain.identifiers import cpf_failure, is_cnpj

NAME_LENGTH_MAX: Final = 160
"""Of payers and providers."""
PERSON_LENGTH_MAX: Final = 70
"""Of patients and practitioners, as in TISS."""
PLAN_LENGTH_MAX: Final = 80
CPF_LENGTH: Final = 11


class PartyAction(DescribedEnum):
    REGISTER = "REGISTER", "Registered."
    UPDATE = "UPDATE", "Changed."
    DEACTIVATE = "DEACTIVATE", "Deactivated: new claims that name it are refused."
    REACTIVATE = "REACTIVATE", "Active again."
    END = "END", "Ended on a day."
    MERGE = "MERGE", "Two patients became one."


def tax_id_failure(text: str, field: str) -> Failure | None:
    """Why this is not the number of a taxpayer: a CPF of eleven digits, or a CNPJ of fourteen characters."""
    if len(text) == CPF_LENGTH:
        return cpf_failure(text, field)
    if is_cnpj(text):
        return None
    message = "a CNPJ has fourteen characters, of which the last two are check digits; a person has a CPF"
    return Failure(ErrorCode.INVALID_IDENTIFIER, message, field, "1206")


def deactivated(what: str, field: str) -> Failure:
    """The failure of a new claim that names a deactivated party."""
    message = f"this {what} is deactivated: reactivate it, or choose another"
    return Failure(ErrorCode.DEACTIVATED, message, field)


def duplicate(message: str, field: str, party_id: str | None = None) -> DuplicateParty:
    """The failure of a number that another party has; its id only if it is in the caller's data scope."""
    return DuplicateParty(ErrorCode.DUPLICATE_PARTY, message, field, party_id=party_id)


def check_activity(what: str, field: str, *, is_active: bool, should_be: bool) -> None:
    """CONFLICT for deactivating what is not active, or reactivating what is."""
    if is_active is not should_be:
        state = "active" if is_active else "deactivated"
        raise conflict(f"the {what} is {state} already", field)


def changed_fields(before: object, after: object, names: tuple[str, ...]) -> Iterator[str]:
    """The names of the attributes in which two records differ."""
    return (name for name in names if getattr(before, name) != getattr(after, name))
