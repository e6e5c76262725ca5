"""What a statement takes back of earlier payments: reversals of these, the newest first."""

from collections.abc import Sequence

from app.db import invoice_lines as lines_db
from app.db import invoices as invoices_db
from app.db import settlements as settlements_db
from app.db.invoice_lines import LineRecord
from app.db.remittances import RemittanceRecord
from app.db.settlements import SettlementRecord
from app.domain.money import Cents
from app.domain.settlements import taken_back_by
from app.services import settlements
from app.services.settlements import Origin
from app.unit_of_work.unit import UnitOfWork


async def take_back(
    unit: UnitOfWork, remittance: RemittanceRecord, lines: Sequence[LineRecord], amount: Cents
) -> list[SettlementRecord]:
    """Reverse so much of what was paid to a claim's lines, the last line and its newest payment first.

    The invoices are locked, and at least so much is paid. The reversals have the number of the statement that takes
    back: its payments less these are what it transfers.
    """
    rest, found = amount, []
    for line in reversed(lines):
        for settlement_id, left in (await lines_db.payments_of_line(unit.connection, line.id)).items():
            part = Cents(min(rest, left))
            if part:
                found.append(await _reverse(unit, remittance, settlement_id, {line.id: part}))
                rest = Cents(rest - part)
    if rest:
        raise AssertionError(rest)
    return found


async def _reverse(
    unit: UnitOfWork, remittance: RemittanceRecord, settlement_id: str, parts: dict[str, Cents]
) -> SettlementRecord:
    original = await settlements_db.one(unit.connection, unit.scope, settlement_id)
    invoice = await invoices_db.lock(unit.connection, unit.scope, original.invoice_id) if original else None
    if original is None or invoice is None:
        raise AssertionError(settlement_id)
    origin = Origin(remittance.statement_number, remittance.paid_on or unit.today, remittance.bank_reference)
    reason = taken_back_by(remittance.statement_number)
    amount = Cents(sum(parts.values()))
    done = await settlements.reverse_locked(unit, invoice, original, amount, reason=reason, parts=parts, origin=origin)
    return done.settlement
