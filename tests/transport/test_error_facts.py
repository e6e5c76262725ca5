"""Errors that say what a program needs next: the current version, what can be paid, whose number it is, the status."""

from typing import Any

import pytest

from app.auth import roles
from app.auth.roles import ROLES
from tests.factories import World, key, today
from tests.graphql.test_remittances import line, post, taken
from tests.inputs import input_type, shaped

FACTS = (
    "errors { __typename code field ... on StaleVersionError { currentVersion } "
    "... on OverSettlementError { availableAmount } ... on DuplicateClaimError { claim { id status } } "
    "... on StatusConflictError { status } }"
)


async def _send(world: World, token: str, name: str, fields: str = FACTS, **values: Any) -> Any:
    query = f"mutation($input: {input_type(name)}!) {{ {name}(input: $input) {{ {fields} }} }}"
    return await world.gateway.gql(query, {"input": shaped(name, values)}, token=token)


async def _errors(world: World, role: str, name: str, **values: Any) -> Any:
    return (await _send(world, world.token(role), name, **values)).data[name]["errors"]


def _error(kind: str, code: str, *field: str, **facts: Any) -> list[dict[str, Any]]:
    return [{"__typename": kind, "code": code, "field": list(field), **facts}]


class TestStaleVersion:
    async def test_names_the_current_version(self, world: World) -> None:
        draft = (await world.create_claim())["claim"]["id"]
        for version in (1, 2):
            assert await _errors(world, "biller", "updateDraftClaim", id=draft, version=version) == []
        stale = _error("StaleVersionError", "STALE_VERSION", "version", currentVersion=3)
        assert await _errors(world, "biller", "updateDraftClaim", id=draft, version=1) == stale
        assert await _errors(world, "biller", "cancelClaim", id=draft, version=9) == stale
        assert await _errors(world, "biller", "cancelClaim", id=draft, version=3) == []

    async def test_of_an_invoice_and_of_a_replaced_claim(self, server_world: World) -> None:
        world = server_world
        claim, draft = await world.approved_claim(), await world.draft_invoice()
        values = {"providerClaimNumber": "R1", "idempotencyKey": key()}
        found = await _errors(world, "biller", "replaceClaim", id=claim["id"], version=1, **values)
        assert found == _error("StaleVersionError", "STALE_VERSION", "version", currentVersion=claim["version"])
        found = await _errors(world, "finance", "issueInvoice", id=draft["id"], version=7)
        assert found == _error("StaleVersionError", "STALE_VERSION", "version", currentVersion=draft["version"])


class TestOverSettlement:
    async def test_names_what_is_due_or_can_be_reversed(self, world: World) -> None:
        invoice = await world.issued_invoice("30.00")
        settled = (await world.settle(invoice["id"], "12.00"))["settlement"]
        values = {"id": invoice["id"], "paidOn": today().isoformat(), "amount": "18.01", "idempotencyKey": key()}
        over = _error("OverSettlementError", "OVER_SETTLEMENT", "amount", availableAmount="18.00")
        assert await _errors(world, "finance", "settleInvoice", **values) == over
        await world.reverse(settled["id"], "5.00")
        values = {"id": settled["id"], "reason": "estorno", "amount": "7.01", "idempotencyKey": key()}
        over = _error("OverSettlementError", "OVER_SETTLEMENT", "amount", availableAmount="7.00")
        assert await _errors(world, "finance", "reverseSettlement", **values) == over

    async def test_shows_no_amount_to_whom_may_see_none(
        self, server_world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world = server_world
        monkeypatch.setitem(roles.ROLES, "cashier", ROLES["finance"] - {"amounts:read"})
        invoice = await world.issued_invoice("30.00")
        values = {"id": invoice["id"], "paidOn": today().isoformat(), "amount": "30.01", "idempotencyKey": key()}
        answer = await _send(world, world.token("cashier"), "settleInvoice", **values)
        assert answer.body["data"]["settleInvoice"]["errors"] == _error(
            "OverSettlementError", "OVER_SETTLEMENT", "amount", availableAmount=None
        )
        (refused,) = answer.body["errors"]
        assert refused["path"] == ["settleInvoice", "errors", 0, "availableAmount"]
        assert (refused["extensions"]["code"], refused["extensions"]["permission"]) == ("FORBIDDEN", "amounts:read")


class TestDuplicateClaim:
    async def test_leads_to_the_claim_that_has_the_number(self, world: World) -> None:
        first = await world.submitted_claim()
        second = (await world.create_claim())["claim"]["id"]
        number = first["providerClaimNumber"]
        duplicate = _error(
            "DuplicateClaimError",
            "DUPLICATE_CLAIM",
            "claim",
            "providerClaimNumber",
            claim={"id": first["id"], "status": "SUBMITTED"},
        )
        values = world.claim_input(providerClaimNumber=number)
        assert await _errors(world, "biller", "createClaim", **values) == duplicate
        assert await _errors(world, "biller", "updateDraftClaim", id=second, providerClaimNumber=number) == duplicate

    async def test_needs_the_permission_to_read_claims(
        self, server_world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world = server_world
        monkeypatch.setitem(roles.ROLES, "typist", ROLES["biller"] - {"claims:read"})
        first = (await world.create_claim())["claim"]
        values = world.claim_input(providerClaimNumber=first["providerClaimNumber"])
        answer = await _send(world, world.token("typist"), "createClaim", **values)
        assert answer.body["data"]["createClaim"]["errors"][0]["claim"] is None
        assert [(error["path"], error["extensions"]["permission"]) for error in answer.body["errors"]] == [
            (["createClaim", "errors", 0, "claim"], "claims:read")
        ]


class TestStatusConflict:
    async def test_names_the_status(self, world: World) -> None:
        draft, invoice = (await world.create_claim())["claim"]["id"], await world.issued_invoice("10.00")
        found = await _errors(world, "reviewer", "startReview", id=draft)
        assert found == _error("StatusConflictError", "CONFLICT", "claimId", status="DRAFT")
        found = await _errors(world, "finance", "issueInvoice", id=invoice["id"])
        assert found == _error("StatusConflictError", "CONFLICT", "invoiceId", status="ISSUED")

    async def test_of_a_settlement_and_a_denial(self, server_world: World) -> None:
        world = server_world
        settled = (await world.settle((await world.issued_invoice("10.00"))["id"]))["settlement"]["id"]
        undone = (await world.reverse(settled))["settlement"]["id"]
        values = {"reason": "estorno", "idempotencyKey": key()}
        found = await _errors(world, "finance", "reverseSettlement", id=undone, **values)
        assert found[0]["field"] == ["settlementId"]
        claim = (await world.claim_in_review())["id"]
        denied = {"sequence": 1, "approvedAmount": "60.00", "denials": [{"code": "1705", "amount": "40.00"}]}
        await world.adjudicate(claim, [denied])
        query = "query($id: ID!) { claim(id: $id) { items { denials { id } } } }"
        items = (await world.call("biller", query, id=claim))["claim"]["items"]
        denial = items[0]["denials"][0]["id"]
        assert await _errors(world, "biller", "acceptDenial", id=denial, idempotencyKey=key()) == []
        found = await _errors(world, "biller", "acceptDenial", id=denial, idempotencyKey=key())
        assert found == _error("StatusConflictError", "CONFLICT", "denialId", status="ACCEPTED")
        values = {"denialId": denial, "acceptedAmount": "1.00", "idempotencyKey": key()}
        found = await _errors(world, "payer_agent", "answerAppeal", **values)
        assert found == _error("StatusConflictError", "CONFLICT", "denialId", status="ACCEPTED")

    async def test_of_a_claim_that_is_deleted_replaced_billed_or_exported_too_late_or_too_early(
        self, server_world: World
    ) -> None:
        world = server_world
        sent = (await world.submitted_claim())["id"]

        def conflict(*field: str, status: str) -> list[dict[str, Any]]:
            return _error("StatusConflictError", "CONFLICT", *field, status=status)

        assert await _errors(world, "biller", "deleteDraftClaim", claimId=sent) == conflict(
            "claimId", status="SUBMITTED"
        )
        values = {"providerClaimNumber": "R2", "idempotencyKey": key()}
        found = await _errors(world, "biller", "replaceClaim", id=sent, **values)
        assert found == conflict("claimId", status="SUBMITTED")
        values = {"provider": world.provider, "payer": world.payer, "billingMonth": f"{today():%Y-%m}"}
        found = await _errors(world, "biller", "createInvoice", claimIds=[sent], idempotencyKey=key(), **values)
        assert found == conflict("claimIds", "0", status="SUBMITTED")
        draft = (await world.create_claim())["claim"]["id"]
        found = await _errors(world, "biller", "exportBatch", claimIds=[draft], idempotencyKey=key())
        assert found == conflict("claimIds", "0", status="DRAFT")

    async def test_of_a_remittance(self, server_world: World) -> None:
        world = server_world
        claim = await world.submitted_claim()
        posted = await taken(world, line(claim, "100.00"))
        await post(world, posted)
        cancelled = await taken(world, {"payerClaimNumber": "OP-1", "paidAmount": "1.00"})

        async def cancel(remittance: Any) -> Any:
            values = {"remittanceId": remittance["id"], "reason": "arquivo errado", "idempotencyKey": key()}
            return await _errors(world, "finance", "cancelRemittance", **values)

        assert await cancel(cancelled) == []
        found = [await cancel(posted), await cancel(cancelled)]
        found.append(await _errors(world, "finance", "postRemittance", id=cancelled["id"], idempotencyKey=key()))
        assert found == [
            _error("StatusConflictError", "CONFLICT", "remittanceId", status=status)
            for status in ("POSTED", "CANCELLED", "CANCELLED")
        ]


async def test_other_errors_have_nothing_but_their_code_and_place(server_world: World) -> None:
    found = await _errors(server_world, "biller", "cancelClaim", id="clm_0")
    assert found == _error("InputError", "NOT_FOUND", "claimId")
    values = server_world.claim_input(items=[])
    assert await _errors(server_world, "biller", "createClaim", **values) == _error(
        "InputError", "INVALID_INPUT", "claim", "items"
    )


async def test_a_replayed_batch_has_its_refusals_with_their_facts(world: World) -> None:
    sent, draft = (await world.submitted_claim())["id"], (await world.create_claim())["claim"]["id"]
    values = {"claimIds": [sent, draft, "clm_0"], "idempotencyKey": key()}
    fields = f"replayed results {{ id object {{ id status }} {FACTS} }} errors {{ code }}"
    first, again = [
        (await _send(world, world.token("biller"), "submitClaims", fields, **values)).data["submitClaims"]
        for _ in range(2)
    ]
    assert first["results"] == [
        {
            "id": sent,
            "object": None,
            "errors": _error("StatusConflictError", "CONFLICT", "claimIds", "0", status="SUBMITTED"),
        },
        {"id": draft, "object": {"id": draft, "status": "SUBMITTED"}, "errors": []},
        {"id": "clm_0", "object": None, "errors": _error("InputError", "NOT_FOUND", "claimIds", "2")},
    ]
    assert (first["replayed"], again) == (False, {**first, "replayed": True})
