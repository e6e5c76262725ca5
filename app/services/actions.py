"""Every action that callers may ask for, as its service declares it."""

from enum import StrEnum
from typing import Any, Final

from app.services import (
    batch_export,
    claims,
    contracts,
    denials,
    eligibility,
    emergency,
    invoices,
    posting,
    remittances,
    reviews,
    settlements,
)
from app.unit_of_work.action import Action

ACTIONS: Final[tuple[Action[Any], ...]] = (
    claims.CREATE,
    claims.UPDATE_DRAFT,
    claims.SUBMIT,
    claims.CANCEL,
    reviews.START,
    reviews.REQUEST_INFORMATION,
    reviews.ADJUDICATE,
    claims.REPLACE,
    batch_export.EXPORT,
    denials.ACCEPT,
    denials.APPEAL,
    denials.ANSWER_APPEAL,
    invoices.CREATE,
    invoices.ADJUST,
    invoices.ISSUE,
    invoices.CANCEL,
    settlements.SETTLE,
    settlements.REVERSE,
    remittances.IMPORT,
    remittances.MATCH,
    posting.POST,
    contracts.SAVE,
    eligibility.CHECK,
    emergency.OPEN,
)


def offering(operations: type[StrEnum]) -> list[Action[Any]]:
    """The actions that `availableActions` of one type offers, in the order of its operations."""
    found = {action.offers: action for action in ACTIONS if isinstance(action.offers, operations)}
    return [found[operation] for operation in operations]
