"""A payer's statement received as an event: checked, stored, matched and posted, once per event."""

from collections.abc import Mapping
from typing import Any, Final

import orjson
from pydantic import ValidationError

from app.domain.actor import Actor, Door, operator
from app.domain.claims import DeniedAmount
from app.domain.data_scope import DataScope
from app.domain.errors import ErrorCode, refuse
from app.domain.money import Cents, parse_money, parse_quantity
from app.domain.remittances import RemittanceSource, RemittanceStatus
from app.domain.settlements import PaymentMethod
from app.domain.statement import LINES_MAX, AdjustmentLevel, Statement, StatementAdjustment, StatementLine
from app.events.contracts import INBOUND
from app.events.payloads import StatementAdjustmentData, StatementData, StatementLineData
from app.services import posting, remittances
from app.unit_of_work.action import Action, StoredAnswer
from app.unit_of_work.unit import UnitOfWork
from app.values.adapters import adapter_of
from app.values.frozen import frozen

SUBJECT: Final = "inbox"
_TOO_LONG: Final = (
    f"an event has at most {LINES_MAX:,} lines: upload the statement as a TISS document by POST /documents and import "
    "it by importRemittance"
)


@frozen
class Received:
    """The stored statement, and whether the event changed anything."""

    remittance_id: str
    is_new: bool


def read(event: Mapping[str, Any]) -> Statement:
    """The statement in the event; INVALID_INPUT with the path of the first invalid value otherwise."""
    if event.get("type") != INBOUND.ce_type:
        raise refuse(ErrorCode.INVALID_INPUT, f"only {INBOUND.ce_type} is accepted", "type")
    try:
        # As strict JSON, so that a number is not accepted as a date, or text as a number.
        data = adapter_of(StatementData).validate_json(orjson.dumps(event.get("data")), strict=True)
    except ValidationError as error:
        first = error.errors(include_input=False, include_context=False)[0]
        path = ".".join(("data", *(str(step) for step in first["loc"])))
        is_too_long = (first["type"], first["loc"]) == ("too_long", ("lines",))
        raise refuse(ErrorCode.INVALID_INPUT, _TOO_LONG if is_too_long else first["msg"], path) from None
    return Statement(
        payer=data["payer"],
        provider=data["provider"],
        statement_number=data["statementNumber"],
        paid_on=data.get("paidOn"),
        method=data.get("method", PaymentMethod.BANK_TRANSFER),
        bank_reference=data.get("bankReference"),
        lines=tuple(_line(line) for line in data["lines"]),
        kind=data.get("kind"),
        issued_on=data.get("issuedOn"),
        net=_money(data.get("netAmount")),
        adjustments=tuple(_adjustment(each) for each in data.get("adjustments") or ()),
        own_number=data["statementNumber"],
        own_paid_on=data.get("paidOn"),
    )


def _adjustment(each: StatementAdjustmentData) -> StatementAdjustment:
    texts = (each.get("adjustmentType"), each.get("description"))
    return StatementAdjustment(each["direction"], AdjustmentLevel.STATEMENT, *texts, parse_money(each["amount"]))


def _money(text: str | None) -> Cents | None:
    return None if text is None else parse_money(text)


def _line(line: StatementLineData) -> StatementLine:
    return StatementLine(
        provider_claim_number=line.get("providerClaimNumber"),
        payer_claim_number=line.get("payerClaimNumber"),
        item_sequence=line.get("itemSequence"),
        item_code=line.get("itemCode"),
        paid=parse_money(line["paidAmount"]),
        denials=tuple(DeniedAmount(each["code"], parse_money(each["amount"])) for each in line.get("denials") or ()),
        patient=_money(line.get("patientAmount")) or Cents(0),
        billed=_money(line.get("billedAmount")),
        processed=_money(line.get("processedAmount")),
        quantity=None if (quantity := line.get("quantity")) is None else parse_quantity(quantity),
        performed_on=line.get("performedOn"),
        card_number=line.get("cardNumber"),
        protocol_number=line.get("protocolNumber"),
        code_system=line.get("codeSystem"),
        description=line.get("description"),
    )


class StatementSources:
    """Which payers each CloudEvents `source` sends statements of; written as in `BILLING_STATEMENT_SOURCES`."""

    def __init__(self, text: str) -> None:
        entries = text.replace(",", " ").split()
        self._patterns = [entry for entry in entries if "=" not in entry]
        self._pairs = {entry.rpartition("=")[::2] for entry in entries if "=" in entry}

    def check(self, source: str, statement: Statement) -> None:
        """INVALID_INPUT unless the source is bound to the statement's payer.

        Before the event's id is taken: ids are those of their source, and nobody else may use them up.
        """
        payer = statement.payer
        if (source, payer) in self._pairs or any(each.replace("{payer}", payer) == source for each in self._patterns):
            return
        raise refuse(ErrorCode.INVALID_INPUT, "is not bound to the payer: see BILLING_STATEMENT_SOURCES", "source")


async def receive(unit: UnitOfWork, *, statement: Statement) -> Received:
    """Import the statement and post it; one in review, or whose analysis is still being imported, is posted by a
    person."""
    imported = await remittances.import_statement(unit, statement=statement, source=RemittanceSource.EVENT)
    if imported.remittance.status in (RemittanceStatus.REVIEW, RemittanceStatus.IMPORTING):
        return Received(imported.remittance.id, is_new=not imported.was_known)
    posted = await posting.post(unit, id=imported.remittance.id)
    return Received(imported.remittance.id, is_new=not (posted.already_posted and imported.was_known))


def actor_of(statement: Statement, *, request_id: str) -> Actor:
    """The actor for a statement, limited to its payer: a payer's event cannot change another payer's claims."""
    return operator(SUBJECT, Door.INBOX, request_id=request_id, data_scope=DataScope(payer=statement.payer))


def key_owner(source: str) -> str:
    """The owner of the idempotency keys of a source: equal event ids of two sources are different events."""
    return f"{SUBJECT} {source}"


async def _rebuild(_unit: UnitOfWork, facts: Any) -> Received:
    return Received(*facts)


RECEIVE: Final = Action(
    "receiveRemittance", receive, answer=StoredAnswer(lambda done: [done.remittance_id, done.is_new], _rebuild)
)
"""Run by the inbox only: no permission allows it."""
