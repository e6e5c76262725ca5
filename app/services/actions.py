"""Every action that callers may ask for, collected from the services that declare them."""

from enum import StrEnum
from types import ModuleType
from typing import Any, Final

from app.services import (
    adjustments,
    appeal_answers,
    appeal_attachments,
    appeal_batches,
    appeal_bulk,
    appeal_receptions,
    appeal_templates,
    bank,
    bank_matches,
    batch_answers,
    batch_export,
    batches,
    bulk,
    claims,
    contract_ends,
    contracts,
    coverages,
    denials,
    drafts,
    eligibility,
    emergency,
    imports,
    invoices,
    line_bulk,
    line_resolutions,
    party_import,
    patient_merges,
    patients,
    payers,
    payment_dates,
    posting,
    practitioners,
    providers,
    remittance_lines,
    remittances,
    reviews,
    settlements,
    sheet_imports,
    statement_mappings,
    statement_reviews,
    statements,
    unapplied_credits,
)
from app.unit_of_work.action import Action

SERVICES: Final = (
    adjustments,
    claims,
    drafts,
    reviews,
    batches,
    batch_answers,
    batch_export,
    appeal_batches,
    appeal_receptions,
    appeal_answers,
    appeal_bulk,
    appeal_templates,
    denials,
    appeal_attachments,
    invoices,
    settlements,
    remittances,
    statements,
    sheet_imports,
    statement_mappings,
    remittance_lines,
    line_resolutions,
    line_bulk,
    unapplied_credits,
    posting,
    payment_dates,
    statement_reviews,
    bank,
    bank_matches,
    contracts,
    contract_ends,
    eligibility,
    emergency,
    payers,
    providers,
    patients,
    coverages,
    practitioners,
    patient_merges,
    party_import,
    bulk,
    imports,
)


def _declared(module: ModuleType) -> list[Action[Any]]:
    found = [each for each in vars(module).values() if isinstance(each, Action)]
    return [action for action in found if action.needs is not None and action.run.__module__ == module.__name__]


ACTIONS: Final[tuple[Action[Any], ...]] = tuple(action for module in SERVICES for action in _declared(module))


def offering(operations: type[StrEnum]) -> list[Action[Any]]:
    """The actions that `availableActions` of one type offers, in the order of its operations."""
    found = {offer: action for action in ACTIONS for offer in _offers(action) if isinstance(offer, operations)}
    return [found[operation] for operation in operations]


def _offers(action: Action[Any]) -> tuple[StrEnum, ...]:
    if action.offers is None:
        return ()
    return action.offers if isinstance(action.offers, tuple) else (action.offers,)
