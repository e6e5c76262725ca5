"""Invoices through the API: from approved claims to issued, cancelled and billed again."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from tests.factories import CONSULTATION, INVOICE_FIELDS, World, flat, key, new_world, refusals, today
from tests.gateway import Gateway

INVOICE = f"invoice {{ {INVOICE_FIELDS} }}"
WHOLE = (
    f"{INVOICE_FIELDS} inDisputeAmount payer {{ ansCode }} provider {{ cnes }} "
    "lines(first: 100) { nodes { id amount claim { id invoice { id } } } } settlements { nodes { id } }"
)


async def _read(world: World, invoice_id: str) -> Any:
    query = f"query($id: ID!) {{ invoice(id: $id) {{ {WHOLE} }} }}"
    return flat((await world.call("finance", query, id=invoice_id))["invoice"])


async def _count(world: World) -> int:
    return int((await world.call("finance", "{ invoices { totalCount } }"))["invoices"]["totalCount"])


async def _issue(world: World, invoice_id: str, **values: Any) -> Any:
    return await world.mutate("finance", "issueInvoice", INVOICE, id=invoice_id, **values)


async def _cancel(world: World, invoice_id: str, **values: Any) -> Any:
    return await world.mutate("biller", "cancelInvoice", INVOICE, id=invoice_id, **values)


async def _partial_claim(world: World) -> str:
    """A claim of 100.00 with 60.00 approved and 40.00 denied."""
    claim_id = (await world.claim_in_review())["id"]
    decision = {"sequence": 1, "approvedAmount": "60.00", "denials": [{"code": "1801", "amount": "40.00"}]}
    assert (await world.adjudicate(claim_id, [decision]))["errors"] == []
    return str(claim_id)


async def _denied_claim(world: World) -> str:
    claim_id = (await world.claim_in_review())["id"]
    decision = {"sequence": 1, "approvedAmount": "0", "denials": [{"code": "1801", "amount": "100.00"}]}
    assert (await world.adjudicate(claim_id, [decision]))["errors"] == []
    return str(claim_id)


class TestCreateInvoice:
    async def test_bills_the_approved_amount_of_every_claim(self, world: World) -> None:
        whole, partial = (await world.approved_claim("33.33"))["id"], await _partial_claim(world)
        payload = await world.create_invoice([partial, whole], billingMonth="2026-11")
        assert payload["errors"] == []
        found = await _read(world, payload["invoice"]["id"])
        assert {name: found[name] for name in payload["invoice"]} == payload["invoice"]
        lines = found.pop("lines")
        assert [(line["amount"], line["claim"]) for line in lines] == [
            ("60.00", {"id": partial, "invoice": {"id": found["id"]}}),
            ("33.33", {"id": whole, "invoice": {"id": found["id"]}}),
        ]
        assert found == {
            "id": found["id"],
            "number": 1,
            "status": "DRAFT",
            "version": 1,
            "billingMonth": "2026-11",
            "totalAmount": "93.33",
            "settledAmount": "0.00",
            "dueAmount": "93.33",
            "inDisputeAmount": "40.00",
            "dueDate": None,
            "issuedAt": None,
            "payer": {"ansCode": world.payer},
            "provider": {"cnes": world.provider},
            "settlements": [],
        }
        assert await world.events(found["id"]) == ["InvoiceCreated"]

    async def test_numbers_count_up_for_each_provider_without_gaps(self, gateway: Gateway, world: World) -> None:
        other = await new_world(gateway)
        first = await world.draft_invoice()
        refused = await world.create_invoice([(await world.create_claim())["claim"]["id"]])
        second = await world.draft_invoice()
        assert refused["invoice"] is None
        assert [first["number"], second["number"]] == [1, 2]
        assert (await other.draft_invoice())["number"] == 1

    async def test_concurrent_invoices_get_different_numbers_without_gaps(self, world: World) -> None:
        claims = [(await world.approved_claim())["id"] for _ in range(6)]
        found = await asyncio.gather(*[world.create_invoice([claim_id]) for claim_id in claims])
        assert sorted(one["invoice"]["number"] for one in found) == [1, 2, 3, 4, 5, 6]

    async def test_a_claim_is_billed_once_even_by_concurrent_callers(self, world: World) -> None:
        claim_id = (await world.approved_claim())["id"]
        found = await asyncio.gather(*[world.create_invoice([claim_id]) for _ in range(4)])
        assert sum(one["invoice"] is not None for one in found) == 1
        assert [refusals(one)[0][0] for one in found if one["invoice"] is None] == ["CONFLICT"] * 3
        assert await _count(world) == 1
        assert (await world.draft_invoice())["number"] == 2

    async def test_a_claim_on_a_living_invoice_is_refused_at_its_place(self, world: World) -> None:
        billed, free = (await world.approved_claim())["id"], (await world.approved_claim())["id"]
        await world.create_invoice([billed])
        payload = await world.create_invoice([free, billed])
        assert refusals(payload) == [("CONFLICT", "claimIds.1", None)]
        assert await _count(world) == 1
        assert (await world.create_invoice([free]))["invoice"]["number"] == 2

    async def test_only_claims_with_something_approved_are_billed(self, world: World) -> None:
        draft = (await world.create_claim())["claim"]["id"]
        ids = [
            (await world.approved_claim())["id"],
            draft,
            (await world.submitted_claim())["id"],
            (await world.claim_in_review())["id"],
            await _denied_claim(world),
            "clm_00000000000000000000000000",
        ]
        payload = await world.create_invoice(ids)
        assert payload["invoice"] is None
        assert refusals(payload) == [
            ("CONFLICT", "claimIds.1", None),
            ("CONFLICT", "claimIds.2", None),
            ("CONFLICT", "claimIds.3", None),
            ("CONFLICT", "claimIds.4", None),
            ("NOT_FOUND", "claimIds.5", None),
        ]
        assert await _count(world) == 0
        assert (await world.create_invoice(ids[:1]))["invoice"]["number"] == 1

    async def test_claims_of_another_provider_or_payer_are_refused(self, gateway: Gateway, world: World) -> None:
        other = await new_world(gateway)
        own, foreign = (await world.approved_claim())["id"], (await other.approved_claim())["id"]
        assert refusals(await world.create_invoice([own, foreign])) == [("NOT_FOUND", "claimIds.1", None)]
        query = f"mutation($input: CreateInvoiceInput!) {{ createInvoice(input: $input) {{ {INVOICE} errors "
        query += "{ code field tissCode } } }"
        answers = []
        for provider, payer in ((world.provider, world.payer), (world.provider, other.payer)):
            values = {
                "providerCnes": provider,
                "payerAnsCode": payer,
                "billingMonth": "2026-11",
                "claimIds": [own, foreign],
            }
            answer = await gateway.gql(
                query, {"input": {**values, "idempotencyKey": key()}}, token=gateway.token("biller")
            )
            answers.append(refusals(answer.data["createInvoice"]))
        assert answers[0] == [("CONFLICT", "claimIds.1", None)]
        assert answers[1] == [("CONFLICT", "claimIds.0", None), ("CONFLICT", "claimIds.1", None)]
        foreigner = await world.create_invoice([own], provider=other.provider)
        assert refusals(foreigner) == [("CONFLICT", "claimIds.0", None)]
        assert (await _count(world), await _count(other)) == (0, 0)

    @pytest.mark.parametrize(
        ("change", "refusal"),
        [
            ({"claimIds": []}, ("INVALID_INPUT", "claimIds", None)),
            ({"claimIds": [f"clm_{n:026d}" for n in range(101)]}, ("INVALID_INPUT", "claimIds", None)),
            ({"billingMonth": "2026-13"}, ("INVALID_INPUT", "billingMonth", "5046")),
            ({"billingMonth": "202611"}, ("INVALID_INPUT", "billingMonth", "5046")),
            ({"provider": "12"}, ("INVALID_IDENTIFIER", "providerCnes", "1202")),
        ],
        ids=["no claims", "101 claims", "month 13", "no dash", "short CNES"],
    )
    async def test_malformed_input_bills_nothing(
        self, world: World, change: dict[str, Any], refusal: tuple[str, str, str | None]
    ) -> None:
        payload = await world.create_invoice([(await world.approved_claim())["id"]], **change)
        assert refusal in refusals(payload)
        assert await _count(world) == 0

    async def test_an_unknown_provider_and_payer_are_refused(self, gateway: Gateway) -> None:
        values = {"providerCnes": "9999999", "payerAnsCode": "999999", "billingMonth": "2026-11", "claimIds": []}
        query = "mutation($input: CreateInvoiceInput!) { createInvoice(input: $input) { errors { code field } } }"
        answer = await gateway.gql(query, {"input": {**values, "idempotencyKey": key()}}, token=gateway.token("biller"))
        assert sorted((each["code"], each["field"]) for each in answer.data["createInvoice"]["errors"]) == [
            ("NOT_FOUND", ["payerAnsCode"]),
            ("NOT_FOUND", ["providerCnes"]),
        ]

    async def test_a_claim_given_twice_is_refused(self, world: World) -> None:
        claim_id = (await world.approved_claim())["id"]
        payload = await world.create_invoice([claim_id, claim_id])
        assert refusals(payload) == [("INVALID_INPUT", "claimIds", None)]
        assert await _count(world) == 0

    async def test_many_lines_keep_the_order_of_the_claims(self, world: World) -> None:
        amounts = [f"{n}.00" for n in (5, 3, 8, 1, 9, 2)]
        ids = [(await world.approved_claim(amount))["id"] for amount in amounts]
        invoice = (await world.create_invoice(ids))["invoice"]
        assert invoice["totalAmount"] == "28.00"
        assert [line["amount"] for line in (await _read(world, invoice["id"]))["lines"]] == amounts


class TestIssueInvoice:
    async def test_falls_due_by_the_payers_payment_term(self, gateway: Gateway) -> None:
        world = await new_world(gateway, payment_term_days=45)
        invoice = await world.issued_invoice()
        due = (today() + timedelta(days=45)).isoformat()
        assert (invoice["status"], invoice["dueDate"], invoice["version"]) == ("ISSUED", due, 2)
        assert invoice["issuedAt"] is not None
        assert await world.events(invoice["id"]) == ["InvoiceCreated", "InvoiceIssued"]

    async def test_takes_the_given_due_date_from_today_on(self, world: World) -> None:
        invoice = await world.draft_invoice()
        payload = await _issue(world, invoice["id"], dueDate=today().isoformat(), version=1)
        assert (payload["errors"], payload["invoice"]["dueDate"]) == ([], today().isoformat())

    async def test_refuses_a_due_date_that_has_passed(self, world: World) -> None:
        invoice = await world.draft_invoice()
        payload = await _issue(world, invoice["id"], dueDate=(today() - timedelta(days=1)).isoformat())
        assert refusals(payload) == [("INVALID_DATE", "dueDate", None)]
        assert (await _read(world, invoice["id"]))["status"] == "DRAFT"
        assert await world.events(invoice["id"]) == ["InvoiceCreated"]

    async def test_refuses_what_is_not_a_draft(self, world: World) -> None:
        issued, cancelled = await world.issued_invoice(), await world.draft_invoice()
        await _cancel(world, cancelled["id"])
        for invoice_id in (issued["id"], cancelled["id"]):
            before, events = await _read(world, invoice_id), await world.events(invoice_id)
            assert refusals(await _issue(world, invoice_id)) == [("CONFLICT", "invoiceId", None)]
            assert (await _read(world, invoice_id), await world.events(invoice_id)) == (before, events)

    async def test_refuses_a_stale_version(self, world: World) -> None:
        invoice = await world.draft_invoice()
        assert refusals(await _issue(world, invoice["id"], version=2)) == [("STALE_VERSION", "version", None)]
        assert refusals(await _cancel(world, invoice["id"], version=2)) == [("STALE_VERSION", "version", None)]
        assert await world.events(invoice["id"]) == ["InvoiceCreated"]

    async def test_does_not_find_an_invoice_of_another_provider(self, gateway: Gateway, world: World) -> None:
        other = await new_world(gateway)
        invoice = await world.draft_invoice()
        assert refusals(await _issue(other, invoice["id"])) == [("NOT_FOUND", "invoiceId", None)]
        assert refusals(await _cancel(other, invoice["id"])) == [("NOT_FOUND", "invoiceId", None)]
        assert await _read(other, invoice["id"]) is None
        assert (await _read(world, invoice["id"]))["status"] == "DRAFT"


class TestCancelInvoice:
    @pytest.mark.parametrize("status", ["DRAFT", "ISSUED"])
    async def test_gives_the_claims_back_for_another_invoice(self, world: World, status: str) -> None:
        invoice = await (world.draft_invoice() if status == "DRAFT" else world.issued_invoice())
        claim_id = (await _read(world, invoice["id"]))["lines"][0]["claim"]["id"]
        payload = await _cancel(world, invoice["id"], version=invoice["version"])
        assert (payload["errors"], payload["invoice"]["status"]) == ([], "CANCELLED")
        kept = await _read(world, invoice["id"])
        assert (kept["totalAmount"], kept["version"]) == ("100.00", invoice["version"] + 1)
        assert [line["claim"] for line in kept["lines"]] == [{"id": claim_id, "invoice": None}]
        assert (await world.events(invoice["id"]))[-1] == "InvoiceCancelled"
        again = (await world.create_invoice([claim_id]))["invoice"]
        assert again["number"] == 2
        line = (await _read(world, again["id"]))["lines"][0]
        assert line["claim"] == {"id": claim_id, "invoice": {"id": again["id"]}}

    @pytest.mark.parametrize("amount", ["0.01", "100.00"])
    async def test_is_refused_once_something_is_settled(self, world: World, amount: str) -> None:
        invoice = await world.issued_invoice()
        await world.settle(invoice["id"], amount)
        before, events = await _read(world, invoice["id"]), await world.events(invoice["id"])
        assert refusals(await _cancel(world, invoice["id"])) == [("CONFLICT", "invoiceId", None)]
        assert (await _read(world, invoice["id"]), await world.events(invoice["id"])) == (before, events)

    async def test_is_allowed_again_when_everything_is_reversed(self, world: World) -> None:
        invoice = await world.issued_invoice()
        settlement = (await world.settle(invoice["id"], "30.00"))["settlement"]
        await world.reverse(settlement["id"])
        assert (await _cancel(world, invoice["id"]))["invoice"]["status"] == "CANCELLED"

    async def test_is_final(self, world: World) -> None:
        invoice = await world.draft_invoice()
        await _cancel(world, invoice["id"])
        assert refusals(await _cancel(world, invoice["id"])) == [("CONFLICT", "invoiceId", None)]
        assert await world.events(invoice["id"]) == ["InvoiceCreated", "InvoiceCancelled"]


async def test_a_claim_knows_its_invoice_only_while_it_is_billed(world: World) -> None:
    claim_id = (await world.approved_claim())["id"]
    query = "query($id: ID!) { claim(id: $id) { invoice { id status number } } }"
    assert (await world.call("biller", query, id=claim_id))["claim"] == {"invoice": None}
    invoice = (await world.create_invoice([claim_id]))["invoice"]
    found = (await world.call("biller", query, id=claim_id))["claim"]
    assert found == {"invoice": {"id": invoice["id"], "status": "DRAFT", "number": 1}}


async def test_a_total_above_the_largest_amount_is_refused(world: World) -> None:
    item = {**CONSULTATION, "unitPrice": "99999999.99"}
    ids = []
    for _ in range(2):
        claim_id = (await world.claim_in_review(items=[item]))["id"]
        await world.adjudicate(claim_id, [{"sequence": 1, "approvedAmount": "99999999.99"}])
        ids.append(claim_id)
    assert refusals(await world.create_invoice(ids)) == [("INVALID_AMOUNT", "claimIds", None)]
    assert (await world.create_invoice(ids[:1]))["invoice"]["totalAmount"] == "99999999.99"
