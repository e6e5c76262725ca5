"""What the claims of waiting lines expect of them: by how much a line differs, and what it could be about."""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import claims as claims_db
from app.db import denials as denials_db
from app.db import invoice_lines as lines_db
from app.db import line_history as line_history_db
from app.db import remittances as remittances_db
from app.db.claims import ClaimRecord, ItemRecord
from app.db.denials import DenialRecord
from app.db.invoice_lines import LineRecord
from app.db.line_history import LineStepRecord
from app.db.remittances import RemittanceLineRecord
from app.domain.actions import LineFacts
from app.domain.data_scope import DataScope
from app.domain.denials import RECOVERABLE
from app.domain.invoices import InvoiceLineKind
from app.domain.later_decisions import denied_anew
from app.domain.line_work import PLAIN, UNDOABLE, DeniedPart, Expectation
from app.domain.money import Cents
from app.domain.paid_lines import BilledItem, PaidLine, names
from app.domain.remittances import RemittanceLineStatus, is_decided, lines_about
from app.services import denials_of_lines
from app.services.later_decisions import decided_items
from app.values.frozen import frozen

CANCELLED = RemittanceLineStatus.CANCELLED
OPEN_LINES = frozenset({RemittanceLineStatus.MATCHED, RemittanceLineStatus.UNMATCHED})


@frozen
class ClaimBooks:
    """A claim with its items, its denials, and its lines on invoices that are not cancelled."""

    claim: ClaimRecord
    items: Sequence[ItemRecord]
    denials: Sequence[DenialRecord]
    billed: Sequence[LineRecord]

    @property
    def due(self) -> Cents:
        """What of the approved and won amounts is not paid yet."""
        is_billed = any(line.kind is InvoiceLineKind.CLAIM for line in self.billed)
        unbilled = 0 if is_billed else self.claim.approved_cents or 0
        return Cents(unbilled + sum(line.due_cents for line in self.billed))

    def recoverable(self, line: PaidLine) -> tuple[DeniedPart, ...]:
        """The denied amounts that may still be paid without an appeal: of the line's item, if it names one of these."""
        sequences = {item.id: item.sequence for item in self.items}
        found = [
            DeniedPart(each.id, Cents(each.amount_cents), sequences.get(each.item_id))
            for each in self.denials
            if each.status in RECOVERABLE
        ]
        named = {item.sequence for item in self.billed_items if not line.is_whole_claim and names(line, item)}
        return tuple(each for each in found if each.item_sequence in named) or tuple(found)

    @property
    def billed_items(self) -> list[BilledItem]:
        """The items in the form that the rules use."""
        return [each.billed for each in self.items]


async def books_of(connection: AsyncConnection, scope: DataScope, claim_ids: Iterable[str]) -> dict[str, ClaimBooks]:
    """Claim id -> its books, within the scope."""
    ids = sorted(set(claim_ids))
    if not ids:
        return {}
    items: dict[str, list[ItemRecord]] = {}
    for item in await claims_db.items_of_claims(connection, scope, ids):
        items.setdefault(item.claim_id, []).append(item)
    denials: dict[str, list[DenialRecord]] = {}
    for denial in await denials_db.of_claims(connection, scope, ids):
        denials.setdefault(denial.claim_id, []).append(denial)
    billed: dict[str, list[LineRecord]] = {}
    for line in await lines_db.of_claims(connection, scope, ids):
        billed.setdefault(line.claim_id or "", []).append(line)
    return {
        claim.id: ClaimBooks(claim, items.get(claim.id, ()), denials.get(claim.id, ()), billed.get(claim.id, ()))
        for claim in await claims_db.by_ids(connection, scope, ids)
    }


def expectation(line: RemittanceLineRecord, books: ClaimBooks, beside: Iterable[RemittanceLineRecord]) -> Expectation:
    """What the line, and those beside it that are about the same item, say of this claim, and what is expected.

    `beside` are the lines of the statement; only those that are not posted, and matched to the claim, count.
    """
    of_claim = [each for each in beside if each.claim_id == books.claim.id and each.status in OPEN_LINES]
    others = [each.paid_line for each in of_claim if each.id != line.id]
    if is_decided(books.claim.status):
        known = [line.paid_line, *others]
        paid = sum(each.paid for each in known)
        anew = denied_anew(decided_items(books.items, books.denials), known)
        # What is taken back is compared with nothing: a claim that is not paid in full is not paid by it.
        return Expectation(
            Cents(paid + anew),
            Cents(0) if paid < 0 else books.due,
            is_decided=True,
            recoverable=books.recoverable(line.paid_line),
            denied_anew=anew,
        )
    said, expected = lines_about(books.billed_items, line.paid_line, others)
    return Expectation(said, expected)


async def differences(
    connection: AsyncConnection, scope: DataScope, lines: Sequence[RemittanceLineRecord]
) -> Mapping[str, Expectation]:
    """Line id -> its expectation, for the lines that are matched to a claim."""
    matched = [line for line in lines if line.claim_id is not None]
    books = await books_of(connection, scope, [line.claim_id for line in matched if line.claim_id])
    beside: dict[tuple[str, str | None], list[RemittanceLineRecord]] = {}
    for each in await remittances_db.lines_of_claims(connection, scope, sorted(books)) if books else ():
        beside.setdefault((each.remittance_id, each.claim_id), []).append(each)
    return {
        line.id: expectation(line, books[line.claim_id], beside.get((line.remittance_id, line.claim_id), ()))
        for line in matched
        if line.claim_id in books
    }


async def line_facts(
    connection: AsyncConnection, scope: DataScope, lines: Sequence[RemittanceLineRecord]
) -> dict[str, LineFacts]:
    """Line id -> what determines the operations on it; only lines that wait need their claims for that."""
    waiting = [line for line in lines if line.status is RemittanceLineStatus.UNMATCHED]
    expected = await differences(connection, scope, waiting) if waiting else {}
    is_open = {line.id: line.status is not RemittanceLineStatus.POSTED or line.is_without_claim for line in lines}
    denied = await denials_of_lines.of_lines(connection, scope, [line for line in lines if not is_open[line.id]])
    undoable = [line.id for line in lines if is_open[line.id] and line.status is not CANCELLED]
    steps: dict[str, list[LineStepRecord]] = {}
    for step in await line_history_db.of_lines(connection, scope, undoable) if undoable else ():
        steps.setdefault(step.line_id, []).append(step)
    return {
        line.id: LineFacts(
            line.status,
            Cents(line.paid_cents),
            line.resolution or PLAIN,
            expected.get(line.id),
            has_step=line.id in denied or last_step(steps.get(line.id, ())) is not None,
        )
        for line in lines
    }


def last_step(steps: Sequence[LineStepRecord]) -> LineStepRecord | None:
    """The last step that can be taken back and is not; the steps are in their order."""
    undone = {step.undoes_id for step in steps}
    return next((step for step in reversed(steps) if step.action in UNDOABLE and step.id not in undone), None)
