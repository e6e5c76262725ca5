"""Which batches of appeals a payer's document answers, and where each of their appeals was sent."""

from collections.abc import Iterable, Sequence

from app.db import appeal_batches as appeal_batches_db
from app.db.appeal_batches import AppealBatchRecord, AppealMemberRecord
from app.domain.appeal_answers import AnswerMessage
from app.domain.errors import ErrorCode, refuse
from app.unit_of_work.unit import UnitOfWork


async def meant_by(unit: UnitOfWork, provider: str, payer: str, message: AnswerMessage) -> list[AppealBatchRecord]:
    """The batch with the document's number; payers that write numbers of their own there mean the batch with their
    protocol, or those whose claims have it. NOT_FOUND if there is none."""
    connection, scope, protocol = unit.connection, unit.scope, message.protocol
    numbers = dict.fromkeys(message.batch_numbers)
    asked = [await appeal_batches_db.by_number(connection, scope, provider, payer, number) for number in numbers]
    numbered = [each for each in asked if each is not None]
    sure = [each for each in numbered if protocol in (None, each.contested_protocol, each.protocol_number)]
    if sure:
        return sure[:1]
    found = await appeal_batches_db.by_protocol(connection, scope, provider, payer, protocol) if protocol else []
    found = [each for each in found if each.protocol_number == protocol] or found or numbered[:1]
    if not found:
        text = f"no batch of appeals has {_said(message)}: send the answer to one of this provider"
        raise refuse(ErrorCode.NOT_FOUND, text, "xml")
    if message.of_protocol is not None and len(found) > 1:
        text = f"{named(found)} have this protocol: record the answer by denial"
        raise refuse(ErrorCode.CONFLICT, text, "xml")
    return found


def _said(message: AnswerMessage) -> str:
    number = f"the number {message.batch_numbers[0]}" if message.batch_numbers else "its number"
    return number if message.protocol is None else f"{number} or the protocol {message.protocol}"


def named(batches: Sequence[AppealBatchRecord]) -> str:
    """The batches as a message names them."""
    numbers = ", ".join(str(each.number) for each in batches)
    return f"batch of appeals {numbers}" if len(batches) == 1 else f"batches of appeals {numbers}"


def places(rows: Iterable[AppealMemberRecord]) -> dict[str, list[AppealMemberRecord]]:
    """Denial id -> where its appeal waits or was answered, if that is anywhere, or else where it was sent at last."""
    by_denial: dict[str, list[AppealMemberRecord]] = {}
    for row in rows:
        by_denial.setdefault(row.denial_id, []).append(row)
    return {denial: [each for each in found if _counts(each)] or found[-1:] for denial, found in by_denial.items()}


def _counts(row: AppealMemberRecord) -> bool:
    return row.active_denial_id is not None or row.answered_cents is not None
