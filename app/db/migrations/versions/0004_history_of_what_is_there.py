"""Claims, invoices and payments that were there before get their history, their deadlines and their lines."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from alembic import op

from app.db.types import UtcDateTime, ascii_text

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

APPEAL_DAYS = 30


def _table(name: str, *columns: str) -> sa.TableClause:
    return sa.table(name, *(sa.column(column) for column in columns))


def upgrade() -> None:
    _first_steps("claim", "claimed_cents", "processed_cents", "approved_cents", "denied_cents", "payer_claim_number")
    _first_steps("invoice", "total_cents", "settled_cents")
    _deadlines()
    _settled_lines()


def _first_steps(kind: str, *amounts: str) -> None:
    """One step per row that is there: it stands as it stands, by whom it was created."""
    source = _table(f"{kind}s", "id", "status", "version", "created_by", "created_at", *amounts)
    row = source.c
    identifier = sa.literal("hst_") + sa.func.substr(row.id, 5)
    values = {
        "id": identifier,
        f"{kind}_id": row.id,
        "action": sa.literal("CREATE"),
        "status": row.status,
        "version": row.version,
        "actor": row.created_by,
        "at": row.created_at,
        **{name: row[name] for name in amounts},
    }
    target = _table(f"{kind}_history", *values)
    op.execute(sa.insert(target).from_select(list(values), sa.select(*values.values())))


def _deadlines() -> None:
    glosas = sa.table("glosas", sa.column("created_at", UtcDateTime()), sa.column("appeal_deadline", sa.Date()))
    connection = op.get_bind()
    for (moment,) in connection.execute(sa.select(glosas.c.created_at).distinct()).all():
        late = glosas.update().where(glosas.c.created_at == moment)
        connection.execute(late.values(appeal_deadline=moment.date() + timedelta(days=APPEAL_DAYS)))


def _settled_lines() -> None:
    """Payments go to the lines of their invoice in order, reversals come back from the last of them."""
    connection = op.get_bind()
    lines = _table("invoice_lines", "id", "invoice_id", "amount_cents", "settled_cents")
    settlements = _table("settlements", "id", "invoice_id", "reverses_id", "amount_cents", "status")
    paid = sa.select(settlements).where(settlements.c.status == "CONFIRMED").order_by(settlements.c.id)
    held: dict[str, dict[str, int]] = {}
    for settlement in connection.execute(paid).all():
        mine = lines.c.invoice_id == settlement.invoice_id
        rows = connection.execute(sa.select(lines).where(mine).order_by(lines.c.id)).all()
        if settlement.reverses_id is None:
            rooms = [(row.id, row.amount_cents - row.settled_cents) for row in rows]
            parts = held[settlement.id] = dict(_spread(settlement.amount_cents, rooms))
        else:
            original = held[settlement.reverses_id]
            parts = dict(_spread(settlement.amount_cents, reversed(original.items())))
            held[settlement.reverses_id] = {line: cents - parts.get(line, 0) for line, cents in original.items()}
        sign = 1 if settlement.reverses_id is None else -1
        _keep(connection, lines, settlement.id, parts, sign)


def _keep(connection: Any, lines: Any, settlement: str, parts: dict[str, int], sign: int) -> None:
    allocations = sa.table(
        "allocations",
        sa.column("id", ascii_text(30)),
        *(sa.column(name) for name in ("settlement_id", "line_id", "amount_cents")),
    )
    for number, (line, cents) in enumerate(parts.items()):
        identifier = f"alc_{number:06d}{settlement[10:]}"
        connection.execute(
            allocations.insert().values(id=identifier, settlement_id=settlement, line_id=line, amount_cents=cents)
        )
        moved = lines.update().where(lines.c.id == line)
        connection.execute(moved.values(settled_cents=lines.c.settled_cents + sign * cents))


def _spread(amount: int, rooms: Iterable[tuple[str, int]]) -> Iterable[tuple[str, int]]:
    for line, room in rooms:
        part = min(amount, room)
        amount -= part
        if part:
            yield line, part


def downgrade() -> None:
    for name in ("allocations", "claim_history", "invoice_history"):
        op.execute(sa.delete(sa.table(name)))
