"""Every way into every type: from each field that gives objects, with the query that leads there in a rich world."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLObjectType, get_named_type, is_leaf_type

from app.schema.access_matrix import object_types
from app.schema.node import NODE_TYPES
from app.schema.root import schema
from tests.access.world import Rich

CORE = schema._schema
SHEET = 'spreadsheet: {payerAnsCode: "<ans code>", providerCnes: "<cnes>"'
# How root fields are asked for; names in <> are ids of the rich world.
ARGUMENTS = {
    "appealBatch": 'id: "<appeal_batch>"',
    "appealBatchDocument": 'id: "<appeal_batch>"',
    "appealBatches": "",
    "appealDraft": 'denialId: "<denial>"',
    "appealTemplates": "",
    "batch": 'id: "<batch>"',
    "batchDocument": 'id: "<batch>"',
    "batches": "",
    "billingBreakdown": "groupBy: [PAYER, PROVIDER]",
    "claim": 'id: "<claim>"',
    "claims": 'filter: {providerClaimNumber: "<number>"}',
    "claimPreflight": 'input: {claimId: "<draft>"}',
    "contract": 'id: "<contract>"',
    "bankEntries": 'filter: {payerAnsCode: ["<ans code>"]}',
    "coverage": 'id: "<coverage>"',
    "coverageOfCard": 'payerAnsCode: "<ans code>", cardNumber: "<card>"',
    "denialBreakdown": "groupBy: [CODE, PAYER, PROVIDER, PROCEDURE, PRACTITIONER]",
    "document": 'id: "<document>"',
    "importJob": 'id: "<importJob>"',
    "denials": "filter: {status: [PARTIALLY_OVERTURNED]}",
    "invoice": 'id: "<invoice>"',
    "invoices": "",
    "patient": 'id: "<patient>"',
    "patients": 'cardNumber: "<card>"',
    "payer": 'ansCode: "<ans code>"',
    "payers": 'search: "<ans code>"',
    "practitioners": "",
    "registeredPractitioners": "",
    "provider": 'cnes: "<cnes>"',
    "providers": "",
    "remittance": 'id: "<remittance>"',
    "spreadsheetPreview": f'{SHEET}, documentId: "<sheet>"}}',
    "statementMappings": "",
    "tussTerm": 'codeSystem: "22", code: "10101012"',
    "tussTerms": 'search: "10101012"',
}
# Fields that are empty on the object that leads to all others: the query of one where they are not.
ELSEWHERE = {
    ("Claim", "replaces"): 'claim(id: "<correction>")',
    ("Claim", "replacedBy"): 'claim(id: "<replaced>")',
    ("BatchHistoryEntry", "claim"): 'node(id: "<batch_step>") { ... on BatchHistoryEntry',
    ("Claim", "warnings"): 'claim(id: "<claim>")',
    ("Settlement", "reverses"): 'node(id: "<reversal>") { ... on Settlement',
    ("PartyHistoryEntry", "otherPatient"): 'node(id: "<merge_step>") { ... on PartyHistoryEntry',
    ("AppealDraft", "wonAppeals"): 'appealDraft(denialId: "<sent_denial>")',
    ("Denial", "attachments"): 'denials(filter: {ids: ["<sent_denial>"]}) { nodes',
    ("Denial", "earlierAppeals"): 'denials(filter: {ids: ["<upheld_denial>"]}) { nodes',
    ("CreditUse", "reverses"): 'node(id: "<credit_release>") { ... on CreditUse',
    ("RemittanceAdjustment", "history"): 'remittance(id: "<credit_remittance>") { adjustments',
    ("RemittanceAdjustment", "line"): 'node(id: "<line_debit>") { ... on RemittanceAdjustment',
    ("RemittanceAdjustmentHistoryEntry", "claim"): (
        'node(id: "<adjustment_step>") { ... on RemittanceAdjustmentHistoryEntry'
    ),
    ("RemittanceAdjustmentHistoryEntry", "undoes"): (
        'node(id: "<adjustment_undo>") { ... on RemittanceAdjustmentHistoryEntry'
    ),
    ("RemittanceAdjustmentHistoryEntry", "settlement"): (
        'node(id: "<adjustment_link>") { ... on RemittanceAdjustmentHistoryEntry'
    ),
    ("RemittanceAdjustmentHistoryEntry", "credit"): (
        'node(id: "<adjustment_keep>") { ... on RemittanceAdjustmentHistoryEntry'
    ),
    ("UnappliedCredit", "adjustment"): 'node(id: "<kept_credit>") { ... on UnappliedCredit',
    ("RemittanceLineHistoryEntry", "duplicateOf"): ('node(id: "<duplicate_step>") { ... on RemittanceLineHistoryEntry'),
    ("Remittance", "findings"): 'remittance(id: "<doubtful_remittance>")',
    ("Remittance", "adjustments"): 'remittance(id: "<paid_remittance>")',
    ("ThreeWayMatch", "dismissals"): 'remittance(id: "<put_back_remittance>") { threeWayMatch',
    ("Remittance", "bankEntries"): 'remittance(id: "<paid_remittance>")',
    ("SpreadsheetPreview", "mapping"): f'spreadsheetPreview({SHEET}, documentId: "<mapped_sheet>"}})',
    ("AvailableRemittanceAction", "blockedBy"): 'remittance(id: "<cancelled_remittance>") { availableActions',
    ("RemittanceLine", "claim"): 'node(id: "<matched_line>") { ... on RemittanceLine',
    ("RemittanceLine", "differenceAmount"): 'node(id: "<put_back_line>") { ... on RemittanceLine',
    ("RemittanceLine", "candidates"): 'node(id: "<put_back_line>") { ... on RemittanceLine',
    ("RemittanceLine", "denials"): 'node(id: "<matched_line>") { ... on RemittanceLine',
}
IDS = {"Claim": "claim", "ClaimItem": "item", "Denial": "denial", "Invoice": "invoice", "Settlement": "settlement"}
IDS |= {
    "BankEntry": "bank_entry",
    "BankFile": "bank_file",
    "Batch": "batch",
    "AppealBatch": "appeal_batch",
    "AppealTemplate": "appeal_template",
    "StatementMapping": "statement_mapping",
    "AppealBatchHistoryEntry": "appeal_batch_step",
    "BatchHistoryEntry": "batch_step",
    "Remittance": "remittance",
    "RemittanceLine": "matched_line",
    "RemittanceLineHistoryEntry": "line_step",
    "RemittanceAdjustment": "adjustment",
    "RemittanceAdjustmentHistoryEntry": "adjustment_step",
    "UnappliedCredit": "credit",
    "CreditUse": "credit_use",
    "InvoiceLine": "line",
    "ClaimStep": "step",
    "DenialStep": "denial_step",
    "InvoiceHistoryEntry": "invoice_step",
    "Contract": "contract",
    "ContractPrice": "price",
    "EmergencyAccess": "emergency",
    "AccessLogEntry": "access",
    "Payer": "payer",
    "Provider": "provider",
    "TussTerm": "term",
    "Eligibility": "eligibility",
    "Patient": "patient",
    "PartyHistoryEntry": "party_step",
    "Coverage": "coverage",
    "RegisteredPractitioner": "practitioner",
    "Document": "document",
    "ImportJob": "importJob",
}
# Who a caller is and may do differs from role to role by its nature.
PERSONAL_TO_THE_CALLER = {("Me", "*"), ("AvailableClaimAction", "blockedBy"), ("AvailableDenialAction", "blockedBy")}
PERSONAL_TO_THE_CALLER |= {("AvailableBatchAction", "blockedBy"), ("AvailableInvoiceAction", "blockedBy")}
PERSONAL_TO_THE_CALLER |= {("AvailableRemittanceAction", "blockedBy"), ("AvailableBankEntryAction", "blockedBy")}
PERSONAL_TO_THE_CALLER |= {("AvailableSettlementAction", "blockedBy")}
PERSONAL_TO_THE_CALLER |= {("AvailableRemittanceAdjustmentAction", "blockedBy")}
PERSONAL_TO_THE_CALLER |= {("AvailableRemittanceLineAction", "blockedBy"), ("ActionBlock", "*")}


@dataclass(frozen=True)
class Step:
    """A field on the way, of the type that has it."""

    type_name: str
    field: str


@dataclass(frozen=True)
class Entry:
    """A way into a type: the fields it goes through, and the query with a place for a selection."""

    type_name: str
    steps: tuple[Step, ...]
    opening: str
    reader: str | None = None

    def query(self, selection: str, rich: Rich) -> str:
        """The query, for the objects of this world."""
        text = self.opening
        for name, value in {**rich.names, **rich.shared}.items():
            text = text.replace(f"<{name}>", value)
        return f"{{ {text} {{ {selection} }} {'}' * text.count('{ ')} }}"

    def __str__(self) -> str:
        return ".".join(step.field for step in self.steps) + f"->{self.type_name}"


def objects_of(type_name: str) -> dict[str, str]:
    """Field -> type name of the objects it gives."""
    kind = CORE.get_type(type_name)
    assert isinstance(kind, GraphQLObjectType)
    named = {name: get_named_type(field.type) for name, field in kind.fields.items()}
    return {name: target.name for name, target in named.items() if isinstance(target, GraphQLObjectType)}


def selection_of(type_name: str) -> dict[str, str]:
    """Field -> how to ask for it: itself, or with the type's name where it gives objects."""
    kind = CORE.get_type(type_name)
    assert isinstance(kind, GraphQLObjectType)
    return {
        name: name if is_leaf_type(get_named_type(field.type)) else f"{name} {{ __typename }}"
        for name, field in kind.fields.items()
    }


def rooted(field: str) -> str:
    """A root field with its arguments."""
    arguments = ARGUMENTS.get(field, "")
    return f"{field}({arguments})" if arguments else field


def entries() -> list[Entry]:
    """Every way, each type first by the shortest one."""
    return [*_by_fields(), *_by_id()]


def _by_id() -> Iterator[Entry]:
    for prefix, reader in NODE_TYPES.items():
        for type_name in object_types(CORE, reader.type_name):
            opening = f'node(id: "<{IDS[type_name]}>") {{ ... on {type_name}'
            yield Entry(type_name, (Step("Query", "node"),), opening, reader=f"{prefix}_... ({reader.type_name})")


def _by_fields() -> Iterator[Entry]:
    shortest: dict[str, Entry] = {"Query": Entry("Query", (), "")}
    waiting = ["Query"]
    while waiting:
        parent = shortest[waiting.pop(0)]
        for field, target in objects_of(parent.type_name).items():
            entry = _behind(parent, field, target)
            yield entry
            if target not in shortest:
                shortest[target] = entry
                waiting.append(target)


def _behind(parent: Entry, field: str, target: str) -> Entry:
    if not parent.steps:
        return Entry(target, (Step("Query", field),), rooted(field))
    steps = (*parent.steps, Step(parent.type_name, field))
    elsewhere = ELSEWHERE.get((parent.type_name, field))
    if elsewhere is not None and elsewhere.startswith("node("):
        reader = next(f"{p}_... ({r.type_name})" for p, r in NODE_TYPES.items() if r.type_name == parent.type_name)
        return Entry(target, (Step("Query", "node"), Step(parent.type_name, field)), f"{elsewhere} {{ {field}", reader)
    # What stops a caller on the way to an object by its id also stops it on the way to what that leads to.
    reader_of_way = None if elsewhere else parent.reader
    return Entry(target, steps, f"{elsewhere or parent.opening} {{ {field}", reader_of_way)


def descend(data: Any, fields: list[str]) -> Any:
    """The first object behind these fields, whatever list it stands in; None if there is none."""
    if not fields or data is None:
        return data
    below = data.get(fields[0])
    for each in below if isinstance(below, list) else [below]:
        found = descend(each, fields[1:])
        if found is not None:
            return found
    return None
