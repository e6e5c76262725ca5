"""How long each list of the schema may be: what `@listSize` and `@constraint` print, and what is counted and checked.

A list without a limit of its own has an assumed size: more than the longest one expected. Should one be longer, it is
answered all the same; only the budget of the whole operation ends it.
"""

from typing import Any, Final

from strawberry.types.field import StrawberryField

from app.auth.roles import PERMISSIONS, ROLES
from app.domain.access_log import DataClass
from app.domain.actions import (
    AppealBatchOperation,
    BankEntryOperation,
    BatchOperation,
    ClaimOperation,
    DenialOperation,
    InvoiceOperation,
    RemittanceAdjustmentOperation,
    RemittanceLineOperation,
    RemittanceOperation,
    SettlementOperation,
)
from app.domain.appeal_batches import DENIALS_MAX as DENIALS_OF_BATCH_MAX
from app.domain.appeal_terms import INSTANCES_MAX
from app.domain.attachments import ATTACHMENTS_MAX
from app.domain.bank import GROUP_MAX
from app.domain.claim_form import DIAGNOSES_MAX, ITEMS_MAX
from app.domain.claims import DENIALS_MAX
from app.domain.deductions import KINDS_MAX
from app.domain.denial_chance import CLAIMS_SHOWN_MAX
from app.domain.services import TEAM_COUNTED
from app.domain.sheet_columns import COLUMNS_MAX
from app.domain.statement import ADJUSTMENTS_MAX, FINDINGS_MAX, STATEMENTS_MAX
from app.domain.three_way import REASONS_MAX
from app.resolvers.paging import LINES_PAGE_MAX, PAGE_MAX, PAGE_SIZE
from app.services.appeal_drafts import WON_MAX
from app.services.batches import BATCHES_MAX
from app.services.claims import BATCH_MAX
from app.services.line_candidates import CANDIDATES_MAX
from app.services.party_import import ROWS_MAX
from app.transport.sizes import Constraint, ListSize

PAGE: Final = ListSize.page_of(PAGE_SIZE, PAGE_MAX)
LINES_PAGE: Final = ListSize.page_of(PAGE_SIZE, LINES_PAGE_MAX)
NODES: Final = ListSize.sliced_by("ids", PAGE_MAX)
ENTITIES: Final = ListSize.sliced_by("representations", PAGE_MAX)
ROLE_NAMES: Final = ListSize.at_most(len(ROLES))
PERMISSION_NAMES: Final = ListSize.at_most(len(PERMISSIONS))
DATA_CLASSES: Final = ListSize.at_most(len(DataClass))
DIAGNOSES: Final = ListSize.at_most(DIAGNOSES_MAX)
TEAM: Final = ListSize.at_most(TEAM_COUNTED)
ITEMS: Final = ListSize.at_most(ITEMS_MAX)
BANK_GROUP: Final = ListSize.at_most(GROUP_MAX)
DEDUCTIONS: Final = ListSize.at_most(KINDS_MAX)
DENIALS_OF_ITEM: Final = ListSize.at_most(DENIALS_MAX)
CLAIM_ACTIONS: Final = ListSize.at_most(len(ClaimOperation))
DENIAL_ACTIONS: Final = ListSize.at_most(len(DenialOperation))
INVOICE_ACTIONS: Final = ListSize.at_most(len(InvoiceOperation))
REMITTANCE_ACTIONS: Final = ListSize.at_most(len(RemittanceOperation))
ADJUSTMENT_ACTIONS: Final = ListSize.at_most(len(RemittanceAdjustmentOperation))
SETTLEMENT_ACTIONS: Final = ListSize.at_most(len(SettlementOperation))
BANK_ENTRY_ACTIONS: Final = ListSize.at_most(len(BankEntryOperation))
REMITTANCE_LINE_ACTIONS: Final = ListSize.at_most(len(RemittanceLineOperation))
APPEAL_ATTACHMENTS: Final = ListSize.at_most(INSTANCES_MAX * ATTACHMENTS_MAX)
EARLIER_APPEALS: Final = ListSize.at_most(INSTANCES_MAX - 1)
CANDIDATES: Final = ListSize.at_most(CANDIDATES_MAX)
DISMISSALS: Final = ListSize.at_most(REASONS_MAX)
STATEMENTS: Final = ListSize.at_most(STATEMENTS_MAX)
SHEET_COLUMNS: Final = ListSize.at_most(COLUMNS_MAX)
SHEET_TOTALS: Final = ListSize.at_most(100)
EVIDENCE: Final = ListSize.at_most(20)
WON_APPEALS: Final = ListSize.at_most(WON_MAX)
LEARNT_FROM: Final = ListSize.at_most(CLAIMS_SHOWN_MAX)
REMITTANCE_FINDINGS: Final = ListSize.at_most(FINDINGS_MAX)
REMITTANCE_ADJUSTMENTS: Final = ListSize.at_most(ADJUSTMENTS_MAX)
BATCH_ACTIONS: Final = ListSize.at_most(len(BatchOperation))
APPEAL_BATCH_ACTIONS: Final = ListSize.at_most(len(AppealBatchOperation))
BATCH: Final = ListSize.at_most(BATCH_MAX)
APPEAL_ANSWERS: Final = ListSize.at_most(DENIALS_OF_BATCH_MAX)
NEW_BATCHES: Final = ListSize.at_most(BATCHES_MAX)
PARTY_ROWS: Final = ListSize.at_most(ROWS_MAX)
ERRORS_MAX: Final = 100
"""Of more reasons for a refusal, clients see the first hundred."""
USER_ERRORS: Final = ListSize.at_most(ERRORS_MAX)
PATH: Final = ListSize.at_most(8)

# Assumed.
PROVIDERS: Final = ListSize.at_most(100)
SETTLEMENTS: Final = ListSize.at_most(100)
CORRECTED_SETTLEMENTS: Final = ListSize.at_most(200)
FINDINGS: Final = ListSize.at_most(ITEMS_MAX)
CHANGED_FIELDS: Final = ListSize.at_most(20)
COVER_REASONS: Final = ListSize.at_most(10)


def too_long(field: StrawberryField, given: Any) -> str | None:
    """What to do about a list that is longer than the input field accepts; None if it is not."""
    found = next((each for each in field.directives if isinstance(each, Constraint)), None)
    if found is None or found.checked_by_service or not isinstance(given, list) or len(given) <= found.max_items:
        return None
    return at_most(found.max_items)


def at_most(number: int) -> str:
    """What to do about a list of more values."""
    return f"send at most {number} values"


def beginning(field: StrawberryField, given: Any) -> Any:
    """A list without what is more than the input field accepts; any other value as it is."""
    found = next((each for each in field.directives if isinstance(each, Constraint)), None)
    return given[: found.max_items] if found is not None and isinstance(given, list) else given


def up_to(number: int, *, checked_by_service: bool = False) -> list[Any]:
    """The directives of an input's list that may hold so many values; a service may refuse more in its own words."""
    found = Constraint(max_items=number)
    found.checked_by_service = checked_by_service
    return [found]
