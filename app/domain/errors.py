"""Refusals: a code, a message, the field of the input and the Tabela 38 number where one exists."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from app.domain.described import DescribedEnum
from app.values.frozen import frozen


class ErrorCode(DescribedEnum):
    """Every expected reason for a refusal; values may be added, but are never renamed."""

    INVALID_INPUT = "INVALID_INPUT", "A value has the wrong form, length or characters."
    INVALID_AMOUNT = "INVALID_AMOUNT", "An amount is malformed, zero, negative, too large or does not add up."
    INVALID_QUANTITY = "INVALID_QUANTITY", "A quantity or factor is not above zero."
    INVALID_DATE = "INVALID_DATE", "A date is malformed, in the future, or outside the payer's window."
    INVALID_IDENTIFIER = "INVALID_IDENTIFIER", "A CNES, registro ANS, CPF or CNPJ is invalid."
    INVALID_CARD = "INVALID_CARD", "The card (carteira) is unknown, malformed or expired."
    UNKNOWN_CODE = "UNKNOWN_CODE", "A code is unknown, or was not valid on the day."
    TOTAL_MISMATCH = "TOTAL_MISMATCH", "The items do not add up to the claimed total."
    AUTHORIZATION_EXPIRED = "AUTHORIZATION_EXPIRED", "The authorization (senha) expired before the service date."
    DUPLICATE_CLAIM = "DUPLICATE_CLAIM", "The provider already used this claim number with the payer."
    BATCH_TOO_LARGE = "BATCH_TOO_LARGE", "More than 100 claims in a batch, or claims of several types."
    APPEAL_EXISTS = "APPEAL_EXISTS", "The denial was appealed before; only one appeal is possible."
    APPEAL_TOO_LATE = "APPEAL_TOO_LATE", "The last day to appeal has passed."
    OVER_SETTLEMENT = "OVER_SETTLEMENT", "The amount exceeds what is due, or what can still be reversed."
    DUPLICATE_PARTY = "DUPLICATE_PARTY", "A payer, provider, patient, card or practitioner has this number already."
    DEACTIVATED = "DEACTIVATED", "A payer, provider, patient or practitioner is deactivated: no new claims."
    CONFLICT = "CONFLICT", "The object's current status does not allow the action."
    STALE_VERSION = "STALE_VERSION", "The object has changed since the given version."
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED", "The idempotency key was used with another input."
    IDEMPOTENCY_KEY_REQUIRED = "IDEMPOTENCY_KEY_REQUIRED", "A mutation over a WebSocket needs an idempotency key."
    EMERGENCY_LIMIT = "EMERGENCY_LIMIT", "The caller has opened as many emergency accesses as 24 hours allow."
    CURSOR_EXPIRED = (
        "CURSOR_EXPIRED",
        "Events after the cursor of a stream have been deleted, or the database was restored.",
    )
    NOT_FOUND = "NOT_FOUND", "There is no such object in the caller's data scope."


BAD_USER_INPUT: Final = "BAD_USER_INPUT"
"""The code that GraphQL clients know for a wrong argument; the refusal's own code is the `reason` beside it."""
_ABOUT_STORED_DATA: Final = frozenset(
    {
        ErrorCode.CONFLICT,
        ErrorCode.STALE_VERSION,
        ErrorCode.CURSOR_EXPIRED,
        ErrorCode.NOT_FOUND,
        ErrorCode.EMERGENCY_LIMIT,
    }
)

UNKNOWN_CARD: Final = "unknown card: check the card number and the payer"


def path_of(field: str | None) -> list[str] | None:
    """A dotted path as the list that clients see."""
    return None if field is None else field.split(".")


@frozen
class Failure:
    """One reason for a refusal; `field` is a dotted path in the input, such as `items.0.quantity`.

    The message never contains a value of the input: it may be a person's, and messages are logged by clients.
    """

    code: ErrorCode
    message: str
    field: str | None = None
    tiss_code: str | None = None

    @property
    def is_unknown_card(self) -> bool:
        """Whether it says that a well-formed card does not exist."""
        return self.message == UNKNOWN_CARD

    def under(self, prefix: str) -> "Failure":
        """The same failure with its path as seen from an enclosing input."""
        return replace(self, field=f"{prefix}.{self.field}" if self.field else prefix)


@frozen
class StaleVersion(Failure):
    """The object has changed: its version now."""

    current_version: int = 0


@frozen
class OverSettlement(Failure):
    """More than can be paid or reversed: how many cents can."""

    available_cents: int = 0


@frozen
class DuplicateClaim(Failure):
    """The claim that has the number already; None if it was created at the same moment."""

    claim_id: str | None = None


@frozen
class DuplicateParty(Failure):
    """The party that has the number already; None if it is outside the caller's data scope."""

    party_id: str | None = None


@frozen
class StatusConflict(Failure):
    """The object's status, which does not allow the action."""

    status: str = ""


_KINDS: Final = (Failure, StaleVersion, OverSettlement, DuplicateClaim, DuplicateParty, StatusConflict)
FAILURES: Final = {each.__name__: each for each in _KINDS}
"""Every class of failures by its name, under which a refusal is stored."""


class BillingError(Exception):
    """An expected refusal: one or more failures, nothing changed."""

    def __init__(self, *failures: Failure) -> None:
        super().__init__("; ".join(failure.message for failure in failures))
        self.failures = failures

    def __reduce__(self) -> tuple[type["BillingError"], tuple[Failure, ...]]:
        """How it is pickled: by default an exception is made again of its text alone."""
        return type(self), self.failures

    @property
    def code(self) -> str:
        """The first failure's code, for callers that show one."""
        return self.failures[0].code.value

    @property
    def message(self) -> str:
        """The messages of all failures."""
        return str(self)

    @property
    def extensions(self) -> dict[str, object]:
        """The `extensions` of a GraphQL error, for a refusal that is not part of a payload."""
        first = self.failures[0]
        is_input = first.code not in _ABOUT_STORED_DATA
        codes = {"code": BAD_USER_INPUT, "reason": first.code.value} if is_input else {"code": first.code.value}
        extra = {
            "field": path_of(first.field),
            "tissCode": first.tiss_code,
            "tissDescription": _official_text(first.tiss_code),
        }
        return {**codes, **{key: value for key, value in extra.items() if value}}


def _official_text(code: str | None) -> str | None:
    """The official text of a code of Tabela 38, which most processes never read."""
    from app.domain.tabela38 import official_text  # noqa: PLC0415 - it imports this module

    return official_text(code)


def refuse(code: ErrorCode, message: str, field: str | None = None, tiss_code: str | None = None) -> BillingError:
    """A refusal with a single failure, ready to be raised."""
    return BillingError(Failure(code, message, field, tiss_code))


def not_found(what: str, field: str = "id") -> BillingError:
    """An object that does not exist or is outside the caller's data scope: the two must look the same."""
    return refuse(ErrorCode.NOT_FOUND, f"the {what} was not found", field)


def check_version(what: str, current: int, seen: int | None) -> None:
    """STALE_VERSION unless the version that the caller has seen, if any, is the current one."""
    if seen is not None and seen != current:
        message = f"the {what} has changed: read version {current} and try again"
        raise BillingError(StaleVersion(ErrorCode.STALE_VERSION, message, "version", current_version=current))


def conflict(message: str, field: str = "id") -> BillingError:
    """A CONFLICT for another reason than the object's own status, for which there is `status_conflict`."""
    return refuse(ErrorCode.CONFLICT, message, field)


def in_conflict(message: str) -> Failure:
    """The failure of `conflict`."""
    return Failure(ErrorCode.CONFLICT, message, "id")


def status_conflict(message: str, status: str) -> StatusConflict:
    """A CONFLICT of which the object's status is the reason."""
    return StatusConflict(ErrorCode.CONFLICT, message, "id", status=status)


def wrong_status(verb: str, what: str, status: str, instead: str | None = None) -> BillingError:
    """A CONFLICT, for an action that is not in the table of the object's status; `instead` says what to do."""
    said = [f"cannot {verb} {what} that is {status}", *([] if instead is None else [instead])]
    return BillingError(status_conflict("; ".join(said), status))


def raise_any(failures: Iterable[Failure | None]) -> None:
    """Raise one BillingError with all failures; None is a check that passed. Nothing happens if all passed."""
    found = tuple(failure for failure in failures if failure is not None)
    if found:
        raise BillingError(*found)
