"""Refusals: a code, a message, the field of the input and the Tabela 38 number where one exists."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class ErrorCode(StrEnum):
    """Every expected reason for a refusal; values may be added, but are never renamed."""

    INVALID_INPUT = "INVALID_INPUT"
    INVALID_AMOUNT = "INVALID_AMOUNT"
    INVALID_QUANTITY = "INVALID_QUANTITY"
    INVALID_DATE = "INVALID_DATE"
    INVALID_IDENTIFIER = "INVALID_IDENTIFIER"
    INVALID_CARD = "INVALID_CARD"
    UNKNOWN_CODE = "UNKNOWN_CODE"
    TOTAL_MISMATCH = "TOTAL_MISMATCH"
    AUTHORIZATION_EXPIRED = "AUTHORIZATION_EXPIRED"
    DUPLICATE_CLAIM = "DUPLICATE_CLAIM"
    BATCH_TOO_LARGE = "BATCH_TOO_LARGE"
    APPEAL_EXISTS = "APPEAL_EXISTS"
    APPEAL_TOO_LATE = "APPEAL_TOO_LATE"
    OVER_SETTLEMENT = "OVER_SETTLEMENT"
    CONFLICT = "CONFLICT"
    STALE_VERSION = "STALE_VERSION"
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
    CURSOR_EXPIRED = "CURSOR_EXPIRED"
    NOT_FOUND = "NOT_FOUND"


@dataclass(frozen=True, slots=True)
class Failure:
    """One reason for a refusal; `field` is a dotted path in the input, such as `items.0.quantity`."""

    code: ErrorCode
    message: str
    field: str | None = None
    tiss_code: str | None = None

    def under(self, prefix: str) -> "Failure":
        """The same failure with its path as seen from an enclosing input."""
        path = f"{prefix}.{self.field}" if self.field else prefix
        return Failure(self.code, self.message, path, self.tiss_code)


class BillingError(Exception):
    """An expected refusal: one or more failures, nothing changed."""

    def __init__(self, *failures: Failure) -> None:
        super().__init__("; ".join(failure.message for failure in failures))
        self.failures = failures

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
        extra = {"field": first.field, "tissCode": first.tiss_code}
        return {"code": first.code.value, **{key: value for key, value in extra.items() if value}}


def refuse(code: ErrorCode, message: str, field: str | None = None, tiss_code: str | None = None) -> BillingError:
    """A refusal with a single failure, ready to be raised."""
    return BillingError(Failure(code, message, field, tiss_code))


def not_found(what: str, identifier: str, field: str = "id") -> BillingError:
    """An object that does not exist or is outside the caller's data scope: the two must look the same."""
    return refuse(ErrorCode.NOT_FOUND, f"{what} {identifier[:40]} was not found", field)


def check_version(what: str, current: int, seen: int | None) -> None:
    """STALE_VERSION unless the version that the caller has seen, if any, is the current one."""
    if seen is not None and seen != current:
        message = f"the {what} has changed: read version {current} and try again"
        raise refuse(ErrorCode.STALE_VERSION, message, "version")


def conflict(message: str, field: str = "id") -> BillingError:
    """The object's current state does not allow the action."""
    return refuse(ErrorCode.CONFLICT, message, field)


def raise_any(failures: Iterable[Failure | None]) -> None:
    """Raise one BillingError with all failures; None is a check that passed. Nothing happens if all passed."""
    found = tuple(failure for failure in failures if failure is not None)
    if found:
        raise BillingError(*found)
