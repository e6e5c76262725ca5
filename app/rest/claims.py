"""The endpoints of claims."""

from hashlib import sha256
from typing import Final

from app.rest.endpoint import Endpoint, Form, Operation, Values
from app.rest.kinds import DATE, TEXT, Decimal, Flag, Group, Invalid, ListOf, Member, OneOf, Text, Whole
from app.rest.pages import PAGE

STATUSES: Final = (
    *("DRAFT", "SUBMITTED", "UNDER_REVIEW", "PENDING_INFORMATION"),
    *("APPROVED", "PARTIALLY_APPROVED", "DENIED", "CANCELLED"),
)
TYPES: Final = ("CONSULTATION", "SP_SADT", "ADMISSION_SUMMARY", "INDIVIDUAL_FEES", "DENTAL_TREATMENT")
CLAIM: Final = (
    "id status type version claim_number: providerClaimNumber payer_claim_number: payerClaimNumber "
    "provider_id: provider { value: cnes } payer_id: payer { value: ansCode } service_date: serviceDate "
    "amount: claimedAmount approved_amount: approvedAmount denied_amount: deniedAmount "
    "created_at: createdAt submitted_at: submittedAt decided_at: decidedAt"
)
DETAILS: Final = (
    "patient_id: cardNumber patient { id name cpf } diagnosis_codes: diagnosisCodes "
    "clinical_indication: clinicalIndication items { sequence code_system: codeSystem procedure_code: code description "
    "quantity unit_price: unitPrice amount: totalAmount approved_amount: approvedAmount denied_amount: deniedAmount "
    "denials { id code amount status } }"
)
MONEY: Final = Decimal("150.00")
_PRACTITIONER: Final = Group(
    tuple(
        Member(name, name, TEXT, description)
        for name, description in (
            ("name", "Name"),
            ("council", "Council, a code of TISS table 26"),
            ("number", "Number in the council"),
            ("state", "State of the council, a code of TISS table 59"),
            ("cbo", "Occupation, a code of TISS table 24"),
        )
    )
)
_ENCOUNTER: Final = Group(
    (
        Member("priority", "priority", TEXT, "Elective or urgent, a code of TISS table 23"),
        Member("type", "type", TEXT, "Kind of encounter, a code of TISS table 50"),
        Member("accident", "accident", TEXT, "Whether it followed an accident, a code of TISS table 36"),
        Member("setting", "setting", TEXT, "Setting, a code of TISS table 76"),
        Member("visit_type", "visitType", TEXT, "Kind of visit, a code of TISS table 52"),
    )
)
_ITEM: Final = Group(
    (
        Member("procedure_code", "code", TEXT, "TUSS code", is_required=True),
        Member("unit_price", "unitPrice", MONEY, "Price of one unit", is_required=True),
        Member("quantity", "quantity", Decimal("1"), "Quantity", default="1"),
        Member("code_system", "codeSystem", TEXT, "TUSS table", default="22"),
        Member("amount", "totalAmount", MONEY, "Total, checked against price and quantity"),
        Member("performed_on", "performedOn", DATE, "Day of execution; by default the service date"),
    )
)
PROVIDER: Final = Text({"examples": ["1234567"]})
PAYER: Final = Text({"examples": ["123456"]})


def _new_claim(values: Values, key: str) -> Values:
    """One code with one amount is a claim of one item; a claim without a number gets one made of the key, so that the
    same request again is the same claim."""
    codes, items = values.pop("procedure_codes", None), values.get("items")
    if (codes is None) == (items is None):
        raise Invalid("items", "send either items, or procedure_codes with one code and its amount")
    if codes is not None:
        values["items"] = [_only_item(codes, values)]
    return {"claim_number": sha256(key.encode()).hexdigest()[:20], **values}


def _only_item(codes: list[str], values: Values) -> Values:
    if len(codes) != 1:
        raise Invalid("procedure_codes", "send items with a price each: one amount cannot be split among codes")
    if "amount" not in values:
        raise Invalid("amount", "this member is missing")
    return {"code": codes[0], "unitPrice": values["amount"], "quantity": "1", "codeSystem": "22"}


CREATE: Final = Form(
    Operation(
        "mutation CreateClaim($input: CreateClaimInput!) { createClaim(input: $input) { "
        f"claim {{ {CLAIM} }} errors {{ code message field tissCode tissDescription }} replayed }} }}",
        result="claim",
        key="required",
        is_mutation=True,
    ),
    (
        Member("patient_id", "claim.cardNumber", TEXT, "Card number of the patient (carteira)", is_required=True),
        Member("provider_id", "claim.providerCnes", PROVIDER, "Provider, by CNES", is_required=True),
        Member("payer_id", "claim.payerAnsCode", PAYER, "Payer, by registro ANS", is_required=True),
        Member("service_date", "claim.serviceDate", DATE, "Service date", is_required=True),
        Member("procedure_codes", "", ListOf(TEXT, 200), "One TUSS code of table 22, with `amount`; else send `items`"),
        Member("amount", "claim.claimedAmount", MONEY, "Claimed amount, checked against the items"),
        Member("items", "claim.items", ListOf(_ITEM, 200), "What was done"),
        Member("type", "claim.type", OneOf(TYPES), "Type of guide", default="SP_SADT"),
        Member("claim_number", "claim.providerClaimNumber", TEXT, "The provider's number, up to 20 characters"),
        Member("diagnosis_codes", "claim.diagnosisCodes", ListOf(TEXT, 4), "CID codes"),
        Member("clinical_indication", "claim.clinicalIndication", TEXT, "Reason for the service"),
        Member("practitioner", "claim.practitioner", _PRACTITIONER, "Who did it; needed to submit"),
        Member("encounter", "claim.encounter", _ENCOUNTER, "The encounter; needed to submit an SP/SADT guide"),
        Member("submit", "submit", Flag(), "false leaves a draft", default=True),
    ),
    complete=_new_claim,
)


def _action(name: str, summary: str, status: str, *members: Member, fields: str = f"claim {{ {CLAIM} }}") -> Form:
    """A change of status as the mutation that makes it."""
    text = f"mutation {name}($input: {name}Input!) {{ {name[0].lower()}{name[1:]}(input: $input) {{ {fields} "
    text += "errors { code message field tissCode tissDescription } replayed } }"
    result = "claim" if fields.startswith("claim") else "results.0.object"
    chosen = (Member("status", "", OneOf((status,)), "The new status", is_required=True),) if status else ()
    key = "required" if name == "AdjudicateClaim" else "optional"
    operation = Operation(text, result=result, key=key, is_mutation=True)  # type: ignore[arg-type] # one of the two
    return Form(
        operation, (*chosen, *members), id_path="claimIds.0" if name == "SubmitClaims" else "claimId", summary=summary
    )


_VERSION: Final = Member("version", "version", Whole(0, 2**31 - 1), "The version that was read")
_REASON: Final = Member("reason", "reason", TEXT, "Reason, stored in the history")
_NEEDED_REASON: Final = Member("reason", "reason", TEXT, "Reason, stored in the history", is_required=True)
_DENIAL: Final = Group(
    (
        Member("code", "code", TEXT, "Reason, a code of Tabela 38", is_required=True),
        Member("amount", "amount", MONEY, "Denied amount", is_required=True),
    )
)
_DECISION: Final = Group(
    (
        Member("sequence", "sequence", Whole(1, 9_999), "Number of the item", is_required=True),
        Member("approved_amount", "approvedAmount", MONEY, "Approved amount", is_required=True),
        Member("denials", "denials", ListOf(_DENIAL, 10), "Denied amounts"),
    )
)
SUBMIT: Final = _action(
    "SubmitClaims",
    "Send a draft to the payer",
    "SUBMITTED",
    fields=f"results {{ object {{ {CLAIM} }} errors {{ code message field tissCode tissDescription }} }}",
)
REVIEW: Final = _action("StartReview", "Begin the review", "UNDER_REVIEW", _VERSION)
RESUME: Final = _action(
    "ResumeReview",
    "Go on with the review, with a note of what has come",
    "UNDER_REVIEW",
    _VERSION,
    Member("note", "note", TEXT, "What has come", is_required=True),
)
ASK: Final = _action("RequestInformation", "Ask for information", "PENDING_INFORMATION", _VERSION, _NEEDED_REASON)
CANCEL: Final = _action("CancelClaim", "Cancel the claim", "CANCELLED", _VERSION, _REASON)
WITHDRAW: Final = _action("WithdrawClaim", "Take a sent claim back", "DRAFT", _VERSION, _NEEDED_REASON)
DECIDE: Final = _action(
    "AdjudicateClaim",
    "Decide the items, from which the status follows",
    "",
    Member("items", "items", ListOf(_DECISION, 2_000), "A decision for every item", is_required=True),
    Member("payer_claim_number", "payerClaimNumber", TEXT, "The payer's number"),
    _VERSION,
)
_BY_STATUS: Final = {
    "SUBMITTED": SUBMIT,
    "UNDER_REVIEW": REVIEW,
    "PENDING_INFORMATION": ASK,
    "CANCELLED": CANCEL,
    "DRAFT": WITHDRAW,
}
_COMPUTED: Final = (
    "this status follows from the decisions: send `items` with approved_amount and denials, without status"
)


def chosen(values: Values) -> Form:
    """The action of a change; Invalid for a status that no action reaches."""
    status = values.get("status")
    if status is None:
        if "items" not in values:
            raise Invalid("status", f"send a status of {', '.join(_BY_STATUS)}, or `items` to decide the claim")
        return DECIDE
    if status in STATUSES and status not in _BY_STATUS:
        raise Invalid("status", _COMPUTED)
    if not isinstance(status, str) or status not in _BY_STATUS:
        raise Invalid("status", f"send one of {', '.join(_BY_STATUS)}")
    return RESUME if status == "UNDER_REVIEW" and "note" in values else _BY_STATUS[status]


ENDPOINTS: Final = (
    Endpoint(
        "POST", "/claims/", "Create a claim, and send it to the payer", (CREATE,), "Claim", 201, location="/claims/"
    ),
    Endpoint(
        "GET",
        "/claims/{id}",
        "A claim with its items",
        (Form(Operation(f"query Claim($id: ID!) {{ claim(id: $id) {{ {CLAIM} {DETAILS} }} }}"), id_path="id"),),
        "ClaimDetails",
    ),
    Endpoint(
        "GET",
        "/claims/",
        "Claims, newest first",
        (
            Form(
                Operation(
                    "query Claims($filter: ClaimFilterInput, $first: Int!, $after: String) { claims(filter: $filter, "
                    f"first: $first, after: $after) {{ nodes {{ {CLAIM} }} pageInfo {{ hasNextPage endCursor }} }} }}"
                ),
                (
                    Member("patient", "filter.patientId", TEXT, "Id of the patient (`patient.id` of a claim)"),
                    Member("status", "filter.status.0", OneOf(STATUSES), "Status"),
                    *PAGE,
                ),
            ),
        ),
        "Claims",
        is_list=True,
    ),
    Endpoint(
        "PATCH",
        "/claims/{id}",
        "Change the status by the action that leads to it",
        (SUBMIT, REVIEW, RESUME, ASK, CANCEL, WITHDRAW, DECIDE),
        "Claim",
        choose=chosen,
    ),
)
