"""What tests call the values of a mutation, and what its input calls them."""

import uuid
from typing import Any, Final

IDS: Final = {
    "acceptDenial": "denialId",
    "adjudicateClaim": "claimId",
    "adjustInvoice": "invoiceId",
    "answerAppeal": "denialId",
    "appealDenial": "denialId",
    "cancelClaim": "claimId",
    "cancelInvoice": "invoiceId",
    "issueInvoice": "invoiceId",
    "matchRemittanceLine": "remittanceLineId",
    "postRemittance": "remittanceId",
    "replaceClaim": "claimId",
    "requestInformation": "claimId",
    "reverseSettlement": "settlementId",
    "settleInvoice": "invoiceId",
    "startReview": "claimId",
    "updateDraftClaim": "claimId",
    "withdrawClaim": "claimId",
}
"""The name of the object's id, by mutation."""
PARTIES: Final = {"payer": "payerAnsCode", "provider": "providerCnes"}
FORMS: Final = {"createClaim": "claim", "replaceClaim": "claim", "updateDraftClaim": "claim"}
"""Mutations whose input has the object in a field of its own."""
CONTENT: Final = ("lines", "xml", "documentId")
"""What a statement is imported from."""
BESIDE: Final = ("claimId", "submit", "version", "idempotencyKey")
"""What is beside the object in such an input."""


def input_type(name: str) -> str:
    """The type of the mutation's input."""
    return f"{name[0].upper()}{name[1:]}Input"


def party_names(values: dict[str, Any]) -> dict[str, Any]:
    """The values under the names that inputs and filters have for parties."""
    return {PARTIES.get(name, name): value for name, value in values.items()}


def line_input(line: dict[str, Any]) -> dict[str, Any]:
    """A line of a statement from flat values: `itemSequence` or `itemCode` name its item."""
    named = {"itemSequence": "sequence", "itemCode": "code"}
    item = {named[each]: line[each] for each in named if line.get(each) is not None}
    return {each: value for each, value in line.items() if each not in named} | ({"item": item} if item else {})


def _statement(values: dict[str, Any]) -> dict[str, Any]:
    content = {each: values[each] for each in CONTENT if values.get(each) is not None}
    if "lines" in content:
        content["lines"] = [line_input(each) for each in content["lines"]]
    return {**{each: value for each, value in values.items() if each not in CONTENT}, "content": content}


def _contract(values: dict[str, Any]) -> dict[str, Any]:
    named = {"prices": "replace", "addPrices": "add"}
    prices = {named[each]: values[each] for each in named if values.get(each) is not None}
    return {each: value for each, value in values.items() if each not in named} | ({"prices": prices} if prices else {})


SHAPES: Final = {"importRemittance": _statement, "saveContract": _contract}


def shaped(name: str, values: dict[str, Any]) -> dict[str, Any]:
    """The input of a mutation from flat values: `id` is the id of its object, `payer` and `provider` are codes."""
    named = {IDS.get(name, each) if each == "id" else each: value for each, value in party_names(values).items()}
    if name == "exportBatch":
        return {"idempotencyKey": uuid.uuid4().hex, **named}
    if name in SHAPES:
        return SHAPES[name](named)
    if name not in FORMS or FORMS[name] in named:
        return named
    beside = {each: value for each, value in named.items() if each in BESIDE}
    return {FORMS[name]: {each: value for each, value in named.items() if each not in beside}, **beside}


def dotted(path: list[str] | None) -> str | None:
    """A path in an input as one text."""
    return None if path is None else ".".join(path)
