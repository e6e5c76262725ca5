"""Queries on remittances (payers' statements) and their lines."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Select, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.adjustments import AdjustmentRecord
from app.db.children import Children
from app.db.counting import row_count
from app.db.engine import run, scalar
from app.db.filters import OPEN_RANGE, Bounds, Condition, equal, one_of, within
from app.db.pages import Chosen, Values
from app.db.paging import Keyset
from app.db.records import columns, insert_records, update_columns, update_record
from app.db.remittance_tables import remittance_adjustments, remittance_lines, remittances
from app.db.scoping import parties_of, remittances_in
from app.db.settlements import OF_STATEMENT
from app.db.statements import query, query_one, query_pairs, query_total
from app.db.sums import total
from app.db.tables import settlements
from app.domain import ids
from app.domain.claims import DeniedAmount
from app.domain.data_scope import DataScope
from app.domain.line_work import PLAIN, LineResolution
from app.domain.money import Cents
from app.domain.paid_lines import PaidLine
from app.domain.remittances import (
    RemittanceLineProblem,
    RemittanceLineStatus,
    RemittanceSource,
    RemittanceStatus,
)
from app.domain.settlements import PaymentMethod
from app.domain.statement import StatementFinding, StatementKind
from app.values.frozen import frozen

LINES_AT_ONCE: Final = 5_000


@frozen
class RemittanceRecord:
    id: str
    payer_ans: str
    provider_cnes: str
    statement_number: str
    source: RemittanceSource
    status: RemittanceStatus
    paid_on: date | None
    method: PaymentMethod
    bank_reference: str | None
    paid_cents: int
    denied_cents: int
    content_hash: str
    created_by: str
    created_at: datetime
    posted_at: datetime | None
    cancelled_id: str
    cancelled_at: datetime | None
    cancelled_by: str | None
    cancel_reason: str | None
    changed_at: datetime | None
    kind: StatementKind | None
    issued_on: date | None
    net_cents: int | None
    document_hash: str | None
    findings: tuple[StatementFinding, ...] | None
    released_at: datetime | None
    released_by: str | None
    release_reason: str | None

    @property
    def announced_cents(self) -> int:
        """What the payer says it transfers, in cents; typed statements without a net amount transfer what they pay."""
        return self.paid_cents if self.net_cents is None else self.net_cents

    @property
    def updated_at(self) -> datetime:
        """The time of the last change of it or of one of its lines."""
        known = (self.created_at, self.posted_at, self.cancelled_at, self.changed_at)
        return max(time for time in known if time is not None)


@frozen
class RemittanceLineRecord:
    id: str
    remittance_id: str
    sequence: int
    provider_claim_number: str | None
    payer_claim_number: str | None
    item_sequence: int | None
    item_code: str | None
    paid_cents: int
    denials: tuple[DeniedAmount, ...]
    patient_cents: int
    status: RemittanceLineStatus
    problem: RemittanceLineProblem | None
    claim_id: str | None
    matched_by: str | None
    posted_at: datetime | None
    dismissed_at: datetime | None
    dismissed_by: str | None
    dismissal_reason: str | None
    billed_cents: int | None
    processed_cents: int | None
    quantity: int | None
    performed_on: date | None
    card_number: str | None
    protocol_number: str | None
    authorization_number: str | None
    code_system: str | None
    description: str | None
    findings: tuple[StatementFinding, ...] | None
    waiting_since: datetime | None
    assigned_to: str | None
    set_aside_until: date | None
    reason_code: str | None
    resolution: LineResolution | None
    split_from_id: str | None

    @property
    def paid_line(self) -> PaidLine:
        """The line in the form that the rules use, as a person has said that it is to be read."""
        read = self.resolution or PLAIN
        paid = Cents(self.paid_cents - read.unapplied)
        denials = self.denials + read.denials
        patient, day = Cents(self.patient_cents), self.performed_on
        return PaidLine(self.item_sequence, self.item_code, paid, denials, patient, day, read.item_sequence)

    @property
    def waits_since(self) -> datetime | None:
        """Since when it waits for a person; None unless it does. Lines of the earlier release have no such time."""
        if self.status is not RemittanceLineStatus.UNMATCHED:
            return None
        return self.waiting_since or ids.time_of(self.id)

    @property
    def is_without_claim(self) -> bool:
        """Whether it has no claim, and all that it pays is an unapplied credit, or all that it takes back a debit."""
        return self.claim_id is None and self.resolution is not None and self.resolution.unapplied == self.paid_cents

    @property
    def denied_cents(self) -> int:
        """The sum of its denials."""
        return sum(denial.amount for denial in self.denials)


@frozen
class RemittanceFilter:
    """A remittance matches when every given part does."""

    ids: tuple[str, ...] | None = None
    payers: tuple[str, ...] | None = None
    providers: tuple[str, ...] | None = None
    status: tuple[RemittanceStatus, ...] | None = None
    sources: tuple[RemittanceSource, ...] | None = None
    statement_number: str | None = None
    paid_on: Bounds[date] = OPEN_RANGE
    created_at: Bounds[datetime] = OPEN_RANGE


REMITTANCE = columns(remittances, RemittanceRecord)
LINE = columns(remittance_lines, RemittanceLineRecord)


def _visible(scope: DataScope) -> Select[Any]:
    return select(*REMITTANCE).where(remittances_in(scope))


@query(RemittanceRecord)
def by_ids(scope: DataScope, ids: Sequence[str]) -> Select[Any]:
    """The remittances with these ids within the scope."""
    return _visible(scope).where(remittances.c.id.in_(ids))


@query_pairs(RemittanceRecord)
def of_settlements(scope: DataScope, ids: Sequence[str]) -> Select[Any]:
    """Settlement id -> the remittance whose number it has; settlements without one are left out."""
    pairs = select(settlements.c.id, *REMITTANCE).join(settlements, OF_STATEMENT)
    return pairs.where(settlements.c.id.in_(ids), remittances_in(scope))


@query_one(RemittanceRecord)
def lock(scope: DataScope, remittance_id: str) -> Select[Any]:
    """The remittance, locked until the transaction ends."""
    return _visible(scope).where(remittances.c.id == remittance_id).with_for_update()


@query_one(RemittanceRecord)
def by_number(payer: str, provider: str, number: str) -> Select[Any]:
    """The remittance that already has this statement number and is not cancelled."""
    table = remittances.c
    return select(*REMITTANCE).where(
        table.payer_ans == payer,
        table.provider_cnes == provider,
        table.statement_number == number,
        table.cancelled_id == "",
    )


@query_one(RemittanceRecord)
def by_document(payer: str, provider: str, document_hash: str) -> Select[Any]:
    """The remittance of a document with this content that is not cancelled."""
    table = remittances.c
    return select(*REMITTANCE).where(
        table.payer_ans == payer,
        table.provider_cnes == provider,
        table.document_hash == document_hash,
        table.cancelled_id == "",
    )


@query_one(RemittanceRecord)
def paid_analysis(payer: str, provider: str, content_hash: str, issued_on: date) -> Select[Any]:
    """The first analysis of that day with these decisions that a payment has joined and that is not cancelled."""
    table = remittances.c
    found = select(*REMITTANCE).where(
        table.payer_ans == payer,
        table.provider_cnes == provider,
        table.cancelled_id == "",
        table.content_hash == content_hash,
        table.issued_on == issued_on,
        table.paid_on.is_not(None),
    )
    return found.order_by(table.id).limit(1)


@query(RemittanceRecord)
def page(scope: DataScope, where: RemittanceFilter, keyset: Keyset) -> Select[Any]:
    """One page of the remittances within the scope."""
    return chosen(scope, where).page(REMITTANCE, keyset)


@query_total(row_count)
def count(scope: DataScope, where: RemittanceFilter) -> Select[Any]:
    """How many remittances within the scope match the filter."""
    return chosen(scope, where).count()


async def stated_cents(connection: AsyncConnection, remittance_id: str) -> Cents:
    """What the lines of an imported remittance pay together, without those that take something back, as the payer
    stated them: it never changes. Reads all of them."""
    table = remittance_lines.c
    stated = (table.remittance_id == remittance_id, table.paid_cents > 0, table.split_from_id.is_(None))
    return Cents(int(await scalar(connection, select(total(table.paid_cents)).where(*stated))))


async def dismissed_cents(connection: AsyncConnection, remittance_id: str) -> Cents:
    """What of it is dismissed, also as parts of lines; found by an index."""
    table = remittance_lines.c
    of_status = (table.remittance_id == remittance_id, table.status == RemittanceLineStatus.DISMISSED)
    return Cents(int(await scalar(connection, select(total(table.paid_cents)).where(*of_status, table.paid_cents > 0))))


async def insert_remittance(
    connection: AsyncConnection,
    remittance: RemittanceRecord,
    adjustments: Sequence[AdjustmentRecord],
) -> None:
    """A new remittance with its adjustments."""
    await insert_records(connection, remittances, [remittance])
    await insert_records(connection, remittance_adjustments, adjustments)


async def insert_lines(connection: AsyncConnection, lines: Sequence[RemittanceLineRecord]) -> None:
    """Lines of a remittance that the caller has locked, or has inserted in this transaction."""
    await insert_records(connection, remittance_lines, lines)


async def last_sequence(connection: AsyncConnection, remittance_id: str) -> int:
    """The highest number of a line of a remittance that the caller has locked."""
    query = select(func.max(remittance_lines.c.sequence)).where(remittance_lines.c.remittance_id == remittance_id)
    return (await connection.execute(query)).scalar_one() or 0


async def slices(connection: AsyncConnection, remittance_id: str) -> list[tuple[int, int]]:
    """The first and the last number of slices of all lines, each of which a statement changes in time."""
    starts = range(1, await last_sequence(connection, remittance_id) + 1, LINES_AT_ONCE)
    return [(start, start + LINES_AT_ONCE - 1) for start in starts]


async def update_remittance(connection: AsyncConnection, remittance: RemittanceRecord) -> None:
    """Write the whole row of a remittance that the caller has locked."""
    await update_record(connection, remittances, remittance)


async def update_lines(connection: AsyncConnection, lines: Sequence[RemittanceLineRecord]) -> None:
    """Write the match and the status of lines; the caller has locked their remittance."""
    match = ("status", "problem", "findings", "claim_id", "matched_by", "posted_at")
    work = ("waiting_since", "assigned_to", "set_aside_until", "resolution")
    names = (*match, "dismissed_at", "dismissed_by", "dismissal_reason", *work)
    await update_columns(connection, remittance_lines, lines, *names)


def visible_lines(scope: DataScope) -> Select[Any]:
    """The lines of remittances within the scope."""
    query = select(*LINE).join(remittances, remittances.c.id == remittance_lines.c.remittance_id)
    return query.where(remittances_in(scope))


LINES_OF: Final = Children(visible_lines, remittance_lines.c.remittance_id, RemittanceLineRecord)


@query(RemittanceLineRecord)
def lines_of(scope: DataScope, ids: Sequence[str]) -> Select[Any]:
    """The lines of these remittances, in statement order."""
    table = remittance_lines.c
    return visible_lines(scope).where(table.remittance_id.in_(ids)).order_by(table.remittance_id, table.sequence)


@query(RemittanceRecord)
def lock_of_claim(claim_id: str) -> Select[Any]:
    """The remittances with a line of this claim, locked in id order, without a data scope: they are its payer's."""
    lines = select(remittance_lines.c.remittance_id).where(remittance_lines.c.claim_id == claim_id)
    query = select(*REMITTANCE).where(remittances.c.id.in_(lines)).order_by(remittances.c.id)
    return query.with_for_update()


@query(RemittanceLineRecord)
def lines_of_claim(claim_id: str) -> Select[Any]:
    """The lines of this claim, without a data scope; the caller has locked their remittances."""
    return select(*LINE).where(remittance_lines.c.claim_id == claim_id).order_by(remittance_lines.c.id)


@query(RemittanceLineRecord)
def lines_of_claims(scope: DataScope, claim_ids: Sequence[str]) -> Select[Any]:
    """The lines that are matched to these claims."""
    return visible_lines(scope).where(remittance_lines.c.claim_id.in_(claim_ids))


@query(RemittanceLineRecord)
def parts_of(scope: DataScope, line_id: str) -> Select[Any]:
    """The lines into which a line was divided, but not those that are cancelled."""
    table = remittance_lines.c
    return visible_lines(scope).where(table.split_from_id == line_id, table.status != RemittanceLineStatus.CANCELLED)


async def line_statuses(connection: AsyncConnection, remittance_id: str) -> set[RemittanceLineStatus]:
    """The statuses that the lines of a remittance have, which the caller has locked."""
    query = select(remittance_lines.c.status).where(remittance_lines.c.remittance_id == remittance_id).distinct()
    return set((await connection.execute(query)).scalars())


async def cancel_lines(connection: AsyncConnection, remittance_id: str) -> None:
    """Cancel all lines of a remittance that the caller has locked; they no longer refer to claims."""
    changed = {"status": RemittanceLineStatus.CANCELLED, "problem": None, "claim_id": None, "matched_by": None}
    table = remittance_lines.c
    for first, last in await slices(connection, remittance_id):
        of_slice = (table.remittance_id == remittance_id, table.sequence.between(first, last))
        await run(connection, update(remittance_lines).where(*of_slice).values(**changed))


@query_one(RemittanceLineRecord)
def line(scope: DataScope, line_id: str) -> Select[Any]:
    """One line; the lock on its remittance protects it."""
    return visible_lines(scope).where(remittance_lines.c.id == line_id)


@query(RemittanceLineRecord)
def lines_by_ids(scope: DataScope, ids: Sequence[str]) -> Select[Any]:
    """The lines with these ids within the scope."""
    return visible_lines(scope).where(remittance_lines.c.id.in_(ids))


def conditions(where: RemittanceFilter) -> list[Condition]:
    """The conditions of the filter, on the table of remittances."""
    table = remittances.c
    matching = one_of(
        (table.id, where.ids),
        (table.payer_ans, where.payers),
        (table.provider_cnes, where.providers),
        (table.status, where.status),
        (table.source, where.sources),
    )
    return [
        *matching,
        *equal((table.statement_number, where.statement_number)),
        *within((table.paid_on, where.paid_on), (table.created_at, where.created_at)),
    ]


def chosen(scope: DataScope, where: RemittanceFilter) -> Chosen:
    """The remittances within the scope that match the filter."""
    found = [remittances_in(scope), *conditions(where)]
    return Chosen(remittances, found, _values(scope, where), newest=remittances.c.created_at)


def _values(scope: DataScope, where: RemittanceFilter) -> list[Values]:
    table = remittances.c
    parties = parties_of(scope, table.provider_cnes, where.providers, table.payer_ans, where.payers)
    return [(table.status, where.status), (table.source, where.sources), *parties]
