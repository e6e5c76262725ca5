"""Events of the queue: steps of lines of statements, and unapplied credits."""

from datetime import datetime

from app.db.adjustments import AdjustmentRecord
from app.db.remittances import RemittanceLineRecord, RemittanceRecord
from app.db.unapplied_credits import CreditRecord
from app.domain.adjustments import AdjustmentStatus, AdjustmentStep
from app.domain.line_work import LineStep
from app.domain.money import format_money
from app.domain.remittances import RemittanceLineStatus
from app.events.contracts import Event
from app.events.payloads import AdjustmentEventData, CreditEventData, RemittanceLineEventData


def line_event(
    remittance: RemittanceRecord,
    line: RemittanceLineRecord,
    step: LineStep,
    *,
    previous: RemittanceLineStatus,
    at: datetime,
) -> Event:
    """A line after a step, whose status was `previous` before; its aggregate is the remittance."""
    data: RemittanceLineEventData = {
        "remittanceId": remittance.id,
        "remittanceLineId": line.id,
        "provider": remittance.provider_cnes,
        "payer": remittance.payer_ans,
        "action": step.value,
        "previousStatus": previous.value,
        "status": line.status.value,
        "problem": None if line.problem is None else line.problem.value,
    }
    name = "RemittanceLineChanged"
    return Event(name, remittance.id, remittance.provider_cnes, remittance.payer_ans, data, at)


def adjustment_event(
    remittance: RemittanceRecord,
    adjustment: AdjustmentRecord,
    step: AdjustmentStep,
    *,
    previous: AdjustmentStatus,
    at: datetime,
) -> Event:
    """A debit or credit of a statement after a step, whose status was `previous` before."""
    data: AdjustmentEventData = {
        "remittanceAdjustmentId": adjustment.id,
        "remittanceId": remittance.id,
        "provider": remittance.provider_cnes,
        "payer": remittance.payer_ans,
        "action": step.value,
        "previousStatus": previous.value,
        "status": adjustment.status.value,
        "amount": format_money(adjustment.amount_cents),
        "version": adjustment.version,
    }
    name = "RemittanceAdjustmentChanged"
    return Event(name, remittance.id, remittance.provider_cnes, remittance.payer_ans, data, at)


def credit_event(name: str, credit: CreditRecord, *, at: datetime) -> Event:
    """An event of an unapplied credit after a change; `name` is a key of CONTRACTS."""
    data: CreditEventData = {
        "creditId": credit.id,
        "remittanceId": credit.remittance_id,
        "provider": credit.provider_cnes,
        "payer": credit.payer_ans,
        "amount": format_money(credit.amount_cents),
        "usedAmount": format_money(credit.used_cents),
        "version": credit.version,
    }
    return Event(name, credit.id, credit.provider_cnes, credit.payer_ans, data, at)
