"""availableActions tells the truth: what is open can be done, what is blocked is refused with the same words."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from app.auth.roles import ROLES
from tests.factories import CONSULTATION, World, key, today
from tests.graphql.test_claim_batches import open_batch, sent_batch, sent_claim
from tests.inputs import input_type, shaped

Build = Callable[[World], Awaitable[dict[str, str]]]
Input = Callable[[World, dict[str, str]], dict[str, Any]]


@dataclass(frozen=True)
class Operation:
    """How an action is done: the mutation, its input for an object, and the roles that may do it."""

    mutation: str
    roles: frozenset[str]
    values: Input

    async def messages(self, world: World, role: str, ids: dict[str, str]) -> list[str]:
        """Why the mutation is refused; nothing when it is done."""
        results = " results { errors { message } }" if self.mutation == "submitClaims" else ""
        selection = f"{self.mutation}(input: $input) {{ errors {{ message }}{results} }}"
        variables = {"input": shaped(self.mutation, self.values(world, ids))}
        query = f"mutation($input: {input_type(self.mutation)}!) {{ {selection} }}"
        answer = await world.gateway.gql(query, variables, token=world.token(role))
        if "errors" in answer.body:
            assert (answer.body["data"], answer.codes) == ({self.mutation: None}, ["FORBIDDEN"])
            return [error["message"] for error in answer.body["errors"]]
        payload = answer.data[self.mutation]
        refused = [*payload["errors"], *(each for one in payload.get("results", []) for each in one["errors"])]
        return [error["message"] for error in refused]


def _replacement(_world: World, ids: dict[str, str]) -> dict[str, Any]:
    return {"id": ids["id"], "providerClaimNumber": f"R{key()[:12]}", "idempotencyKey": key()}


def _decision(_world: World, ids: dict[str, str]) -> dict[str, Any]:
    return {"id": ids["id"], "items": [{"sequence": 1, "approvedAmount": "100.00"}], "idempotencyKey": key()}


def _bill(world: World, ids: dict[str, str]) -> dict[str, Any]:
    parties = {"provider": world.provider, "payer": world.payer}
    return {**parties, "billingMonth": "2026-11", "claimIds": [ids["id"]], "idempotencyKey": key()}


def _adjustment(_world: World, ids: dict[str, str]) -> dict[str, Any]:
    return {"id": ids["id"], "kind": "CREDIT", "amount": "1.00", "reason": "acerto", "idempotencyKey": key()}


def _payment(_world: World, ids: dict[str, str]) -> dict[str, Any]:
    return {"id": ids["id"], "paidOn": today().isoformat(), "idempotencyKey": key()}


def _reversal(_world: World, ids: dict[str, str]) -> dict[str, Any]:
    return {"id": ids["settlement"], "reason": "estorno", "idempotencyKey": key()}


def _only(_world: World, ids: dict[str, str]) -> dict[str, Any]:
    return {"id": ids["id"]}


BILLER, PAYER, FINANCE = frozenset({"biller"}), frozenset({"reviewer", "payer_agent"}), frozenset({"finance"})
CLAIM_OPERATIONS = {
    "UPDATE_DRAFT": Operation("updateDraftClaim", BILLER, lambda _, ids: {"id": ids["id"], "clinicalIndication": "x"}),
    "SUBMIT": Operation("submitClaims", BILLER, lambda _, ids: {"claimIds": [ids["id"]]}),
    "START_REVIEW": Operation("startReview", PAYER, _only),
    "REQUEST_INFORMATION": Operation("requestInformation", PAYER, lambda _, ids: {"id": ids["id"], "reason": "laudo"}),
    "RESUME_REVIEW": Operation("resumeReview", PAYER, lambda _, ids: {"claimId": ids["id"]}),
    "ADJUDICATE": Operation("adjudicateClaim", PAYER, _decision),
    "WITHDRAW": Operation("withdrawClaim", BILLER, _only),
    "CANCEL": Operation("cancelClaim", BILLER, _only),
    "DELETE_DRAFT": Operation("deleteDraftClaim", BILLER, lambda _, ids: {"claimId": ids["id"]}),
    "REPLACE": Operation("replaceClaim", BILLER, _replacement),
    "INVOICE": Operation("createInvoice", BILLER, _bill),
}
INVOICE_OPERATIONS = {
    "ADJUST": Operation("adjustInvoice", FINANCE, _adjustment),
    "ISSUE": Operation("issueInvoice", FINANCE, _only),
    "CANCEL": Operation("cancelInvoice", FINANCE | BILLER, _only),
    "SETTLE": Operation("settleInvoice", FINANCE, _payment),
    "REVERSE_SETTLEMENT": Operation("reverseSettlement", FINANCE, _reversal),
}


async def _done(world: World, role: str, name: str, **values: Any) -> Any:
    fields = {"replaceClaim": "claim { id }", "cancelClaim": "claim { id }", "requestInformation": "claim { id }"}
    default = "denial { id }" if name == "appealDenial" else "invoice { id }"
    payload = await world.mutate(role, name, fields.get(name, default), **values)
    assert payload["errors"] == []
    return payload


async def _draft(world: World) -> dict[str, str]:
    return {"id": (await world.create_claim())["claim"]["id"]}


async def _submitted(world: World) -> dict[str, str]:
    return {"id": (await world.submitted_claim())["id"]}


async def _in_open_batch(world: World) -> dict[str, str]:
    return {"id": (found := await sent_claim(world)), "batch": await open_batch(world, found)}


async def _in_sent_batch(world: World) -> dict[str, str]:
    return {"id": (found := await sent_claim(world)), "batch": await sent_batch(world, found)}


async def _reviewed(world: World) -> dict[str, str]:
    return {"id": (await world.claim_in_review())["id"]}


async def _pending(world: World) -> dict[str, str]:
    ids = await _reviewed(world)
    await _done(world, "reviewer", "requestInformation", reason="laudo", **ids)
    return ids


async def _cancelled(world: World) -> dict[str, str]:
    ids = await _draft(world)
    await _done(world, "biller", "cancelClaim", **ids)
    return ids


async def _approved(world: World) -> dict[str, str]:
    return {"id": (await world.approved_claim())["id"]}


async def _decided(world: World, approved: str, denied: str) -> dict[str, str]:
    ids = {"id": (await world.claim_in_review(items=[CONSULTATION]))["id"]}
    decision = {"sequence": 1, "approvedAmount": approved, "denials": [{"code": "1801", "amount": denied}]}
    assert (await world.adjudicate(ids["id"], [decision]))["errors"] == []
    return ids


async def _partial(world: World) -> dict[str, str]:
    return await _decided(world, "60.00", "40.00")


async def _denied(world: World) -> dict[str, str]:
    return await _decided(world, "0.00", "100.00")


async def _appealed(world: World) -> dict[str, str]:
    ids = await _partial(world)
    query = "query($id: ID!) { claim(id: $id) { items { denials { id } } } }"
    found = (await world.call("biller", query, **ids))["claim"]["items"][0]["denials"][0]["id"]
    await _done(world, "biller", "appealDenial", id=found, justification="x", idempotencyKey=key())
    return ids


async def _replaced(world: World) -> dict[str, str]:
    ids = await _approved(world)
    payload = await _done(world, "biller", "replaceClaim", **_replacement(world, ids))
    return {**ids, "replacement": payload["claim"]["id"]}


async def _replacement_cancelled(world: World) -> dict[str, str]:
    ids = await _replaced(world)
    await _done(world, "biller", "cancelClaim", id=ids["replacement"])
    return ids


async def _billed(world: World) -> dict[str, str]:
    ids = await _approved(world)
    return {**ids, "invoice": (await world.create_invoice([ids["id"]]))["invoice"]["id"]}


async def _released(world: World) -> dict[str, str]:
    ids = await _billed(world)
    await _done(world, "biller", "cancelInvoice", id=ids["invoice"])
    return ids


async def _draft_invoice(world: World) -> dict[str, str]:
    return {"id": (await world.draft_invoice())["id"]}


async def _issued_invoice(world: World) -> dict[str, str]:
    return {"id": (await world.issued_invoice())["id"]}


async def _paid_invoice(world: World, amount: str | None) -> dict[str, str]:
    ids = await _issued_invoice(world)
    return {**ids, "settlement": (await world.settle(ids["id"], amount))["settlement"]["id"]}


async def _partly_settled_invoice(world: World) -> dict[str, str]:
    return await _paid_invoice(world, "30.00")


async def _settled_invoice(world: World) -> dict[str, str]:
    return await _paid_invoice(world, None)


async def _reversed_invoice(world: World) -> dict[str, str]:
    ids = await _settled_invoice(world)
    await world.reverse(ids["settlement"])
    return {"id": ids["id"]}


async def _cancelled_invoice(world: World) -> dict[str, str]:
    ids = await _issued_invoice(world)
    await _done(world, "finance", "cancelInvoice", **ids)
    return ids


CLAIM_STATES: dict[str, tuple[Build, set[str]]] = {
    "draft": (_draft, {"UPDATE_DRAFT", "SUBMIT", "CANCEL", "DELETE_DRAFT"}),
    "submitted": (_submitted, {"START_REVIEW", "WITHDRAW", "CANCEL"}),
    "in an open batch": (_in_open_batch, {"START_REVIEW"}),
    "in a sent batch": (_in_sent_batch, {"START_REVIEW", "CANCEL"}),
    "under review": (_reviewed, {"REQUEST_INFORMATION", "ADJUDICATE", "CANCEL"}),
    "pending information": (_pending, {"RESUME_REVIEW"}),
    "cancelled": (_cancelled, set()),
    "approved": (_approved, {"REPLACE", "INVOICE"}),
    "partially approved": (_partial, {"REPLACE", "INVOICE"}),
    "denied": (_denied, {"REPLACE"}),
    "appealed": (_appealed, {"INVOICE"}),
    "replaced": (_replaced, set()),
    "replacement cancelled": (_replacement_cancelled, {"REPLACE", "INVOICE"}),
    "billed": (_billed, set()),
    "released by a cancelled invoice": (_released, {"REPLACE", "INVOICE"}),
}
INVOICE_STATES: dict[str, tuple[Build, set[str]]] = {
    "draft": (_draft_invoice, {"ADJUST", "ISSUE", "CANCEL"}),
    "issued": (_issued_invoice, {"ADJUST", "CANCEL", "SETTLE"}),
    "partly settled": (_partly_settled_invoice, {"ADJUST", "SETTLE", "REVERSE_SETTLEMENT"}),
    "settled": (_settled_invoice, {"REVERSE_SETTLEMENT"}),
    "settled and reversed": (_reversed_invoice, {"ADJUST", "CANCEL", "SETTLE"}),
    "cancelled": (_cancelled_invoice, set()),
}


ROWS = {
    "claim": ("biller", "claim(id: $id) { status version history(first: 100) { nodes { version } } }"),
    "invoice": ("biller", "invoice(id: $id) { status version history(first: 100) { nodes { version } } }"),
    "remittance": ("finance", "remittance(id: $id) { status updatedAt lines { nodes { status } } }"),
    "node": ("finance", "node(id: $id) { ... on RemittanceLine { status remittance { updatedAt } } }"),
}
"""What shows that nothing has changed, and to whom. `node` is a line."""


async def _actions(world: World, kind: str, object_id: str, role: str) -> dict[str, str | None] | None:
    """What blocks each action, for this role; None when the role may not see the object at all."""
    actions = "availableActions { action blockedBy { code message } }"
    shown = f"... on RemittanceLine {{ {actions} }}" if kind == "node" else actions
    query = f"query($id: ID!) {{ {kind}(id: $id) {{ {shown} }} }}"
    answer = await world.gateway.gql(query, {"id": object_id}, token=world.token(role))
    if "errors" in answer.body:
        assert (answer.body["data"], answer.codes) == ({kind: None}, ["FORBIDDEN"])
        return None
    found = answer.data[kind]["availableActions"]
    for each in found:
        block = each["blockedBy"]
        assert block is None or block["code"] == _code(block["message"])
    return {each["action"]: each["blockedBy"] and each["blockedBy"]["message"] for each in found}


def _code(message: str) -> str:
    """The kind of the reason that the sentence gives."""
    if message.startswith("this needs the permission"):
        return "PERMISSION"
    return "MISSING_DATA" if message == "match the line to a claim first" else "STATE"


async def _row(world: World, kind: str, object_id: str) -> Any:
    role, shown = ROWS[kind]
    found = (await world.call(role, f"query($id: ID!) {{ {shown} }}", id=object_id))[kind]
    return found, await world.events(object_id)


async def check(world: World, kind: str, operations: dict[str, Operation], build: Build, expected: set[str]) -> None:
    """Every blocked action of every role is refused on one object; every open one is done on an object of its own."""
    ids = await build(world)
    before = await _row(world, kind, ids["id"])
    possible: list[tuple[str, str]] = []
    for role in ROLES:
        actions = await _actions(world, kind, ids["id"], role)
        if actions is None:
            continue
        assert list(actions) == list(operations)
        may = {name for name, operation in operations.items() if role in operation.roles}
        assert (role, {name for name, block in actions.items() if block is None}) == (role, expected & may)
        possible += [(role, name) for name in sorted(expected & may)]
        await _refuse_blocked(world, role, operations, actions, ids)
    assert await _row(world, kind, ids["id"]) == before
    for role, name in possible:
        assert (role, name, await operations[name].messages(world, role, await build(world))) == (role, name, [])


async def _refuse_blocked(
    world: World, role: str, operations: dict[str, Operation], actions: dict[str, str | None], ids: dict[str, str]
) -> None:
    """The mutation says what the action said; without a settlement there is nothing that could be reversed."""
    for name, block in actions.items():
        operation = operations[name]
        is_askable = operation.mutation != "reverseSettlement" or "settlement" in ids or role not in operation.roles
        if block is not None and is_askable:
            known = {"settlement": "stl_00000000000000000000000000", **ids}
            assert (role, name, await operation.messages(world, role, known)) == (role, name, [block])


@pytest.mark.parametrize("state", CLAIM_STATES)
async def test_the_actions_of_a_claim_are_what_its_mutations_do(world: World, state: str) -> None:
    await check(world, "claim", CLAIM_OPERATIONS, *CLAIM_STATES[state])


@pytest.mark.parametrize("state", INVOICE_STATES)
async def test_the_actions_of_an_invoice_are_what_its_mutations_do(world: World, state: str) -> None:
    await check(world, "invoice", INVOICE_OPERATIONS, *INVOICE_STATES[state])


@pytest.mark.parametrize("role", ["biller", "reviewer", "finance", "front_desk"])
async def test_a_missing_permission_is_named_before_the_state(world: World, role: str) -> None:
    claim = await _actions(world, "claim", (await _cancelled(world))["id"], role)
    invoice = await _actions(world, "invoice", (await _cancelled_invoice(world))["id"], role)
    assert claim is not None
    assert invoice is not None
    words = {
        True: "cannot start the review of a claim that is CANCELLED",
        False: "this needs the permission claims:review",
    }
    assert claim["START_REVIEW"] == words[role == "reviewer"]
    words = {True: "cannot issue an invoice that is CANCELLED", False: "this needs the permission invoices:issue"}
    assert invoice["ISSUE"] == words[role == "finance"]
