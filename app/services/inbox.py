"""A payer's statement that comes as an event: checked, kept, matched and carried out, once per event."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
from pydantic import TypeAdapter, ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.claims import DeniedAmount
from app.domain.data_scope import DataScope
from app.domain.errors import ErrorCode, refuse
from app.domain.money import Cents, parse_money
from app.domain.remittances import RemittanceSource
from app.domain.settlements import PaymentMethod
from app.domain.statement import LineData, RemittanceData
from app.events.contracts import INBOUND
from app.events.payloads import StatementData, StatementLineData
from app.services import posting, remittances
from app.unit_of_work import idempotency
from app.unit_of_work.idempotency import Written

SUBJECT: Final = "inbox"
OPERATION: Final = "receiveRemittance"
_DATA: Final = TypeAdapter(StatementData)


@dataclass(frozen=True, slots=True)
class Received:
    """The statement as it was kept, how much of it was paid out, and whether it said anything new."""

    remittance_id: str
    settled_cents: int
    is_new: bool


_RECEIVED: Final = TypeAdapter(Received)


def read(event: Mapping[str, Any]) -> RemittanceData:
    """The statement that the event tells; INVALID_INPUT with the place for anything else."""
    if event.get("type") != INBOUND.ce_type:
        raise refuse(ErrorCode.INVALID_INPUT, f"only {INBOUND.ce_type} is taken in", "type")
    try:
        # As JSON and strictly: a number is no date, and a text no number.
        data = _DATA.validate_json(orjson.dumps(event.get("data")), strict=True)
    except ValidationError as error:
        first = error.errors(include_input=False, include_context=False)[0]
        place = ".".join(("data", *(str(step) for step in first["loc"])))
        raise refuse(ErrorCode.INVALID_INPUT, first["msg"], place) from None
    return RemittanceData(
        payer=data["payer"],
        provider=data["provider"],
        statement_number=data["statementNumber"],
        paid_on=data.get("paidOn"),
        method=data.get("method", PaymentMethod.BANK_TRANSFER),
        bank_reference=data.get("bankReference"),
        lines=tuple(_line(line) for line in data["lines"]),
    )


def _line(line: StatementLineData) -> LineData:
    return LineData(
        provider_claim_number=line.get("providerClaimNumber"),
        payer_claim_number=line.get("payerClaimNumber"),
        item_sequence=line.get("itemSequence"),
        item_code=line.get("itemCode"),
        paid=_cents(line["paidAmount"]),
        denials=tuple(DeniedAmount(each["code"], _cents(each["amount"])) for each in line.get("denials") or ()),
    )


def _cents(text: str) -> Cents:
    return parse_money(text)


async def receive(
    connection: AsyncConnection, *, source: str, event_id: str, data: RemittanceData, now: datetime
) -> Written[Received]:
    """Take the statement in and carry it out; the same event again changes nothing."""

    async def work(inner: AsyncConnection) -> Received:
        # The payer's event opens the payer's own claims and no others.
        scope = DataScope(payer=data.payer)
        taken = await remittances.take(
            inner, scope=scope, data=data, source=RemittanceSource.EVENT, subject=SUBJECT, now=now
        )
        remittance_id = taken.remittance.id
        posted = await posting.post(inner, scope=scope, remittance_id=remittance_id, subject=SUBJECT, now=now)
        paid = sum(each.amount_cents for each in posted.settlements)
        return Received(remittance_id, paid, is_new=posted.is_changed or not taken.is_known)

    return await idempotency.once(
        connection,
        subject=f"{SUBJECT} {source}",
        operation=OPERATION,
        key=event_id,
        request=data,
        answer=_RECEIVED,
        work=work,
        now=now,
    )
