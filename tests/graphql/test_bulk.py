"""Mutations on many objects: one result for each, each for itself or all or none."""

from typing import Any

import pytest

from tests.factories import CONSULTATION, World, key, new_world, refusals
from tests.inputs import dotted

ERRORS = "errors { code field }"


def _outcomes(payload: Any) -> list[Any]:
    """Of every result, its object's status, or the code and the path of its first error."""
    assert payload["errors"] == []
    return [
        each["object"]["status"] if each["object"] else (each["errors"][0]["code"], dotted(each["errors"][0]["field"]))
        for each in payload["results"]
    ]


async def _denial(world: World) -> str:
    claim = await world.claim_in_review(items=[CONSULTATION])
    decision = {"sequence": 1, "approvedAmount": "60.00", "denials": [{"code": "1705", "amount": "40.00"}]}
    assert (await world.adjudicate(claim["id"], [decision]))["errors"] == []
    found = await world.call(
        "biller", "query($id: ID!) { claim(id: $id) { items { denials { id } } } }", id=claim["id"]
    )
    denial_id: str = found["claim"]["items"][0]["denials"][0]["id"]
    return denial_id


async def _bulk(world: World, role: str, name: str, **values: Any) -> Any:
    fields = f"results {{ id object {{ id status }} {ERRORS} }}"
    return await world.mutate(role, name, fields, **values)


async def test_each_object_is_for_itself_and_results_come_in_input_order(world: World) -> None:
    drafts = [(await world.create_claim())["claim"]["id"] for _ in range(2)]
    decided = (await world.approved_claim())["id"]
    ids = [drafts[1], decided, "clm_00000000000000000000000000", drafts[0]]
    payload = await _bulk(world, "biller", "cancelClaims", claimIds=ids, reason="engano", idempotencyKey=key())
    assert [each["id"] for each in payload["results"]] == ids
    refused = [("CONFLICT", "claimIds.1"), ("NOT_FOUND", "claimIds.2")]
    assert _outcomes(payload) == ["CANCELLED", *refused, "CANCELLED"]
    assert (await world.claim(decided))["status"] == "APPROVED"


async def test_all_or_none_changes_nothing_and_says_every_reason(world: World) -> None:
    draft, decided = (await world.create_claim())["claim"]["id"], (await world.approved_claim())["id"]
    payload = await _bulk(world, "biller", "cancelClaims", claimIds=[draft, decided], atomic=True)
    assert (refusals(payload), payload["results"]) == ([("CONFLICT", "claimIds.1", None)], [])
    assert (await world.claim(draft))["status"] == "DRAFT"
    assert await world.events(draft) == ["ClaimCreated"]


@pytest.mark.parametrize("ids", [[], ["clm_1", "clm_1"], [f"clm_{number}" for number in range(101)]])
async def test_lists_that_are_empty_too_long_or_name_an_object_twice_are_refused(world: World, ids: list[str]) -> None:
    payload = await _bulk(world, "biller", "cancelClaims", claimIds=ids)
    assert (refusals(payload), payload["results"]) == ([("INVALID_INPUT", "claimIds", None)], [])


async def test_a_refused_one_leaves_no_row_no_event_and_no_step(world: World) -> None:
    """The appeal of a denial is checked for its amount after the claim was locked and read."""
    good, bad = await _denial(world), await _denial(world)
    appeals = [
        {"denialId": good, "justification": "conforme contrato", "amount": "10.00"},
        {"denialId": bad, "justification": "conforme contrato", "amount": "99.00"},
    ]
    payload = await _bulk(world, "biller", "appealDenials", appeals=appeals, idempotencyKey=key())
    assert _outcomes(payload) == ["APPEALED", ("INVALID_AMOUNT", "appeals.1.amount")]
    answers = [
        {"denialId": good, "acceptedAmount": "4.00"},
        {"denialId": bad, "acceptedAmount": "1.00", "justification": "não cabe"},
    ]
    payload = await _bulk(world, "payer_agent", "answerAppeals", answers=answers, idempotencyKey=key())
    assert _outcomes(payload) == ["PARTIALLY_OVERTURNED", ("CONFLICT", "answers.1.denialId")]


async def test_denials_are_accepted_together(world: World) -> None:
    ids = [await _denial(world) for _ in range(2)]
    payload = await _bulk(world, "biller", "acceptDenials", denialIds=ids, idempotencyKey=key())
    assert _outcomes(payload) == ["ACCEPTED", "ACCEPTED"]
    again = await _bulk(world, "biller", "acceptDenials", denialIds=ids, idempotencyKey=key())
    assert _outcomes(again) == [("CONFLICT", "denialIds.0"), ("CONFLICT", "denialIds.1")]


async def test_invoices_are_issued_together(world: World) -> None:
    ids = [(await world.draft_invoice())["id"] for _ in range(2)]
    payload = await _bulk(world, "finance", "issueInvoices", invoiceIds=ids)
    assert _outcomes(payload) == ["ISSUED", "ISSUED"]
    assert [await world.events(each) for each in ids] == [["InvoiceCreated", "InvoiceIssued"]] * 2
    again = await _bulk(world, "finance", "issueInvoices", invoiceIds=ids)
    assert _outcomes(again) == [("CONFLICT", "invoiceIds.0"), ("CONFLICT", "invoiceIds.1")]


async def test_remittances_are_posted_together(world: World) -> None:
    ids = []
    for number in range(2):
        claim = await world.approved_claim()
        line = {"providerClaimNumber": claim["providerClaimNumber"], "paidAmount": "100.00"}
        parties = {"payer": world.payer, "provider": world.provider, "idempotencyKey": key()}
        values = {"statementNumber": f"B{number}", "lines": [line], "paidOn": claim["serviceDate"]}
        payload = await world.mutate("finance", "importRemittance", "remittance { id }", **parties, **values)
        ids.append(payload["remittance"]["id"])
    payload = await _bulk(world, "finance", "postRemittances", remittanceIds=ids, idempotencyKey=key())
    assert _outcomes(payload) == ["POSTED", "POSTED"]
    books = await world.call(
        "finance", "query($p: AnsCode) { reconciliation(payerAnsCode: $p) { paidAmount } }", p=world.payer
    )
    assert books["reconciliation"]["paidAmount"] == "200.00"


async def test_a_repeated_key_answers_what_was_done_and_what_was_refused(world: World) -> None:
    draft, decided = (await world.create_claim())["claim"]["id"], (await world.approved_claim())["id"]
    values = {"claimIds": [draft, decided], "idempotencyKey": key()}
    first = await _bulk(world, "biller", "cancelClaims", **values)
    again = await _bulk(world, "biller", "cancelClaims", **values)
    assert (first["replayed"], again["replayed"]) == (False, True)
    assert again["results"] == first["results"]


async def test_what_is_outside_the_data_scope_is_not_found(world: World) -> None:
    other = await new_world(world.gateway)
    foreign = (await other.create_claim())["claim"]["id"]
    payload = await _bulk(world, "biller", "cancelClaims", claimIds=[foreign])
    assert _outcomes(payload) == [("NOT_FOUND", "claimIds.0")]
    assert (await other.claim(foreign))["status"] == "DRAFT"
