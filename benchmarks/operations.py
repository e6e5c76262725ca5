"""What is asked: the same documents of every GraphQL server, and the matching paths of the REST services."""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

from benchmarks.data import CODES, PATIENTS, PROVIDERS, card_of, payer_of

CLAIM: Final = (
    "id type status serviceDate providerClaimNumber claimedAmount approvedAmount deniedAmount createdAt "
    "items { sequence code description quantity unitPrice totalAmount } invoice { id number status dueAmount }"
)
_PARTIES: Final = "patient { id name } payer { ansCode name }"
_DENIED: Final = "items { sequence code denials { id code status amount } }"
_EVERYTHING: Final = CLAIM.replace("unitPrice totalAmount", "unitPrice totalAmount denials { id code status amount }")
_OLDEST: Final = "orderBy: { field: CREATED_AT, direction: ASC }"
_LARGE_ITEMS: Final = 100


@dataclass(frozen=True)
class Place:
    """Where pages start and which claims are asked for: `moment` and `claim_id` are of the last row of a page."""

    claim_ids: tuple[str, ...]
    gateway_cursor: str
    moment: str
    claim_id: str
    service_date: str


@dataclass(frozen=True)
class Operation:
    """A kind of request: its document, and what makes the variables of the next request."""

    name: str
    title: str
    document: str
    variables: Callable[[str], dict[str, Any]]
    rest: Callable[[dict[str, Any]], tuple[str, str, Any]] | None = None
    is_write: bool = False

    def body(self, cursor: str) -> bytes:
        """The next GraphQL request; `cursor` is where a page starts."""
        return json.dumps({"query": self.document, "variables": self.variables(cursor)}).encode()


def operations(place: Place) -> list[Operation]:
    """Every kind of request, by what the first of them are called in the tables: Q1 to Q4, then the further ones."""
    ids, numbers, run = count(), count(), uuid.uuid4().hex[:8]

    def one(_cursor: str) -> dict[str, Any]:
        return {"id": place.claim_ids[next(ids) % len(place.claim_ids)]}

    def create(_cursor: str) -> dict[str, Any]:
        return {"input": _claim_input(place, run, next(numbers), len(CODES))}

    def large(_cursor: str) -> dict[str, Any]:
        return {"input": _claim_input(place, run, next(numbers), _LARGE_ITEMS)}

    return [
        Operation("Q1", "claim with items and invoice", _point(), one, _get_claim),
        Operation("Q2", "50 claims after a cursor", _page(50, CLAIM), _after, _get_claims),
        Operation("Q3", "createClaim with 3 items", _create(), create, _post_claim, is_write=True),
        Operation("Q4", "{ __typename }", "{ __typename }", _nothing, _get_floor),
        Operation(
            "details", "20 claims: patient, payer, denials", _page(20, f"id status {_PARTIES} {_DENIED}"), _after
        ),
        Operation("invoices", "20 invoices with lines", _invoices(), _nothing),
        Operation("settlements", "50 settlements", _settlements(), _nothing),
        Operation("everything", "100 claims with everything", _page(100, f"{_EVERYTHING} {_PARTIES}"), _after),
        Operation("large create", f"createClaim with {_LARGE_ITEMS} items", _create(), large, is_write=True),
    ]


def _point() -> str:
    return f"query Claim($id: ID!) {{ claim(id: $id) {{ {CLAIM} }} }}"


def _page(first: int, fields: str) -> str:
    arguments = f"first: {first}, after: $after, {_OLDEST}"
    return f"query Claims($after: String) {{ claims({arguments}) {{ nodes {{ {fields} }} }} }}"


def _invoices() -> str:
    lines = "lines(first: 10) { nodes { id kind amount settledAmount } }"
    fields = f"id number status billingMonth totalAmount settledAmount dueAmount {lines}"
    return f"query Invoices {{ invoices(first: 20, {_OLDEST}) {{ nodes {{ {fields} }} }} }}"


def _settlements() -> str:
    fields = "id status amount paidOn method invoice { id number status }"
    return f"query Settlements {{ settlements(first: 50, {_OLDEST}) {{ nodes {{ {fields} }} }} }}"


def _create() -> str:
    answer = "claim { id status claimedAmount } errors { code message } replayed"
    return f"mutation Create($input: CreateClaimInput!) {{ createClaim(input: $input) {{ {answer} }} }}"


def _claim_input(place: Place, run: str, turn: int, items: int) -> dict[str, Any]:
    # Every patient in turn: thousands of drafts of one patient would slow down whoever reads that patient.
    number, patient = f"{run}{turn:08d}", turn % PATIENTS
    claim = {
        "type": "SP_SADT",
        "providerCnes": PROVIDERS[0],
        "payerAnsCode": payer_of(patient),
        "cardNumber": card_of(patient),
        "providerClaimNumber": number,
        "serviceDate": place.service_date,
        "items": [_item(*CODES[each % len(CODES)]) for each in range(items)],
    }
    return {"claim": claim, "idempotencyKey": f"bench-{number}"}


def _item(system: str, code: str, cents: int) -> dict[str, str]:
    return {"codeSystem": system, "code": code, "quantity": "1", "unitPrice": f"{cents // 100}.{cents % 100:02d}"}


def _nothing(_cursor: str) -> dict[str, Any]:
    return {}


def _after(cursor: str) -> dict[str, Any]:
    return {"after": cursor}


def _get_claim(variables: dict[str, Any]) -> tuple[str, str, Any]:
    return "GET", f"/claims/{variables['id']}", None


def _get_claims(variables: dict[str, Any]) -> tuple[str, str, Any]:
    return "GET", f"/claims?first=50&after={variables['after']}", None


def _post_claim(variables: dict[str, Any]) -> tuple[str, str, Any]:
    return "POST", "/claims", variables["input"]["claim"]


def _get_floor(_variables: dict[str, Any]) -> tuple[str, str, Any]:
    return "GET", "/floor", None
