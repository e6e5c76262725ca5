"""docs/events.md: every event, when it is emitted, and its fields."""

from typing import Any, Final

from app.events.bank_contracts import BankEntryEventData, BankFileEventData
from app.events.contracts import CONTRACTS, INBOUND
from app.events.payloads import (
    AdjustmentEventData,
    AppealBatchEventData,
    BatchEventData,
    ClaimEventData,
    CoverageEventData,
    CreditEventData,
    DenialEventData,
    ImportEventData,
    InvoiceEventData,
    PartyEventData,
    PatientEventData,
    PractitionerEventData,
    RemittanceEventData,
    RemittanceLineEventData,
    SettlementEventData,
    WaitingLinesEventData,
)
from app.events.schemas import INBOUND_NAME, inbound_schema, json_schema
from app.reference.markdown import table

FIELDS: Final = {
    "claimId": "The claim.",
    "providerClaimNumber": "The provider's number of the claim (numeroGuiaPrestador).",
    "payerClaimNumber": "The payer's number of the claim (numeroGuiaOperadora).",
    "previousStatus": "The status before the change; null if there was none, missing in events of older releases.",
    "status": "The state after the change; consumers must accept new values.",
    "replaces": "The claim that this one corrects.",
    "denialId": "The denial.",
    "appealDeadline": "The last day to appeal.",
    "appealInstance": "Instance of the present or next appeal, 1 or 2.",
    "invoiceId": "The invoice.",
    "claimedAmount": "What the provider bills.",
    "approvedAmount": "What the payer approved; null before the decision.",
    "deniedAmount": "What the payer denied; null before the decision of a claim.",
    "amount": "The amount of the denial or of the payment.",
    "appealedAmount": "What the appeal, or all appeals of a batch, ask for; null without an appeal.",
    "answeredAmount": "What the payer pays after the appeal; null before its answer.",
    "totalAmount": "The sum of the lines, or of the claims of a batch.",
    "settledAmount": "What is settled of it.",
    "dueAmount": "What is still due.",
    "paidAmount": "What the statement pays.",
    "number": "The invoice's number, counted for each provider.",
    "batchId": "The batch.",
    "appealBatchId": "The batch of appeals.",
    "denialCount": "How many appeals it has.",
    "contestedProtocol": "The payer's protocol of the claims whose denials are appealed (numeroProtocolo).",
    "batchNumber": "Its number (numeroLote), counted for each provider and payer.",
    "claimType": "The type of its claims.",
    "guideCount": "How many claims it has.",
    "protocolNumber": "The payer's number of the reception (numeroProtocolo); null before.",
    "settlementId": "The row of the ledger.",
    "reverses": "The payment that a reversal takes back.",
    "remittanceId": "The statement.",
    "bankFileId": "The file, or the entries that were typed together.",
    "bankEntryId": "The entry.",
    "source": "What kind of file it is.",
    "entries": "How many entries it has.",
    "newEntries": "How many of them no earlier file had.",
    "matchedEntries": "How many of these are payments that statements announce.",
    "direction": "Whether money came in or went out.",
    "withheldAmount": "Of the amount, the taxes that the payer withheld.",
    "discountAmount": "Of the amount, the financial discount.",
    "netAmount": "What reached the bank, or went back.",
    "remittanceLineId": "The line of the statement.",
    "remittanceAdjustmentId": "The debit or credit beside the claims.",
    "action": "What was done to it.",
    "problem": "Why it waits; null if it does not.",
    "creditId": "The unapplied credit.",
    "usedAmount": "What of the amount is used.",
    "waitingLines": "How many lines began to wait by this change.",
    "statementNumber": "The payer's number of the statement.",
    "paidOn": "The day of the payment; without it the statement decides claims and pays nothing.",
    "method": "How it was paid.",
    "bankReference": "The bank's reference.",
    "lines": "What the statement says of each item or claim.",
    "itemSequence": "The item by its place in the claim; without item fields the line is about the whole claim.",
    "itemCode": "The item by its code.",
    "denials": "What was denied of it.",
    "billedAmount": "What the provider billed for it (valorInformado).",
    "processedAmount": "What the payer calculated for it (valorProcessado).",
    "quantity": "How many the payer counts.",
    "performedOn": "The day of the item; another one than the claim's stops the statement in review.",
    "cardNumber": "The patient's card; another one than the claim's stops the statement in review.",
    "codeSystem": "The table of the item's code.",
    "description": "The payer's text.",
    "kind": "ANALYSIS or PAYMENT.",
    "issuedOn": "The day on which the payer wrote it.",
    "adjustments": "Debits, credits and taxes beside the claims.",
    "adjustmentType": "The payer's code of it (tipoDebitoCredito), such as 01 for IRRF.",
    "importJobId": "The import job.",
    "documentId": "The document.",
    "patientId": "The patient.",
    "mergedInto": "The patient that stayed, if this one was merged; its claims and cards belong to that one.",
    "coverageId": "The coverage.",
    "practitionerId": "The practitioner.",
    "isActive": "Whether new claims may name it.",
    "code": "The reason, a code of Tabela 38.",
}
"""What the fields mean; the contracts add their format."""
PARTS_OF_STATEMENTS: Final = {
    "lines": "StatementLineData",
    "denials": "StatementDenialData",
    "adjustments": "StatementAdjustmentData",
}
"""The lists inside of a payer's event, and the definitions of what is in them."""
KINDS: Final = {
    ClaimEventData: "Claims",
    DenialEventData: "Denials",
    InvoiceEventData: "Invoices",
    SettlementEventData: "Settlements",
    AppealBatchEventData: "Batches of appeals (lotes de recurso de glosa)",
    BatchEventData: "Batches",
    RemittanceEventData: "Statements",
    WaitingLinesEventData: "Lines that wait",
    RemittanceLineEventData: "Steps with lines of statements",
    AdjustmentEventData: "Debits and credits of statements",
    CreditEventData: "Unapplied credits",
    BankFileEventData: "Bank files",
    BankEntryEventData: "Bank entries",
    ImportEventData: "Imports of documents",
    PartyEventData: "Payers and providers",
    PatientEventData: "Patients",
    CoverageEventData: "Coverages",
    PractitionerEventData: "Practitioners",
}
_INTRO = """# Events

Generated by `billing reference events`. The gateway publishes these to `BILLING_EVENTS_TOPIC` as CloudEvents 1.0 in
structured JSON; the JSON Schemas and the AsyncAPI document are in [events](../events). Events carry ids, statuses and
amounts, and no personal data. The message key is the aggregate: events of one claim or invoice stay in order. An event
may be delivered again with the same `id` and `position`; none is left out. Fields are added, never renamed or removed.

**Consumers** store, for each `subject`, the position of the last event that they have handled, and drop every event
whose `position` is not above it. Repetitions may come after later events of their subject, for example after a
publishing process was stopped for a while: only by this rule is an older state never taken for the newest one. Within
a subject, new events come in the order of their positions; between subjects they may not.

## Envelope

"""
_ENVELOPE = {
    "specversion": "Always `1.0`.",
    "id": "The event; the same however often it is delivered.",
    "source": "Always `/billing-gateway`.",
    "type": "The versioned type, see below.",
    "subject": "The aggregate: a claim, a batch, an invoice, a statement, an import job, or a party such as a payer.",
    "time": "When the change was made, in UTC.",
    "datacontenttype": "Always `application/json`.",
    "eventname": "The short name, see below.",
    "position": "The place in the event log, without gaps.",
    "data": "The fields below.",
}


def document() -> str:
    """The page as Markdown."""
    parts = [_INTRO, table(["member", "meaning"], ([f"`{name}`", text] for name, text in _ENVELOPE.items()))]
    parts += [_group(kind, title) for kind, title in KINDS.items()]
    return "".join([*parts, _inbound()])


def _group(kind: type, title: str) -> str:
    names = [name for name, contract in CONTRACTS.items() if contract.data is kind]
    schema = json_schema(names[0])
    events = table(
        ["event", "type", "when"], ([name, f"`{CONTRACTS[name].ce_type}`", CONTRACTS[name].when] for name in names)
    )
    return f"\n## {title}\n\n{schema['description']}\n\n{events}\n{_fields(schema['properties']['data'])}"


def _inbound() -> str:
    schema = inbound_schema()
    data = schema["properties"]["data"]
    intro = (
        f"Payers send `{INBOUND_NAME}` (`{INBOUND.ce_type}`) to `BILLING_REMITTANCES_TOPIC`. {schema['description']} "
        "`source` must be bound to the payer (`BILLING_STATEMENT_SOURCES`), by default `/payer/` and its registro ANS; "
        "a second event with the same `id` from that source is ignored."
    )
    parts = [_fields(data)]
    for name, definition in PARTS_OF_STATEMENTS.items():
        parts.append(f"Each of `{name}`:\n\n{_fields(schema['$defs'][definition])}")
    return f"\n## From payers\n\n{intro}\n\n" + "\n".join(parts)


def _fields(data: dict[str, Any]) -> str:
    required = data.get("required", ())
    rows = (
        [f"`{name}`", _type(each) + ("" if name in required else ", optional"), meaning(name, each)]
        for name, each in data["properties"].items()
    )
    return table(["field", "type", "meaning"], rows)


def meaning(name: str, schema: dict[str, Any]) -> str:
    """What a field means, and its format; empty if neither the contract nor FIELDS says it."""
    own = [each["description"] for each in _options(schema) if "description" in each]
    examples = schema.get("examples", ())
    values = [f"Today: {', '.join(examples)}."] if examples else []
    return " ".join([*([FIELDS[name]] if name in FIELDS else []), *own, *values])


def _options(schema: dict[str, Any]) -> list[dict[str, Any]]:
    return [schema, *schema.get("anyOf", ())]


def _type(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_type(each) for each in schema["anyOf"])
    if "items" in schema:
        return "list of objects"
    if "$ref" in schema:
        return "string"
    return str(schema.get("format") or schema["type"])
