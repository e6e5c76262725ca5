"""Credits, debits, won appeals and payments on an invoice: totals, lines, ledger and history, to the cent."""

from typing import Any

import pytest

from tests.factories import CONSULTATION, INVOICE_FIELDS, World, flat, key, new_world, refusals
from tests.gateway import Gateway

INVOICE = f"invoice {{ {INVOICE_FIELDS} }}"
LINE = "id kind amount settledAmount debitedAmount reason claim { id } denial { id }"
STEP = "action status version amount totalAmount settledAmount reason actor settlement { id } line { id }"
LINES = f"lines(first: 100) {{ nodes {{ {LINE} }} }}"
ADJUSTMENTS = "adjustments: lines(filter: { kind: [CREDIT, DEBIT] }, first: 100) { nodes { id } }"
WHOLE = f"{INVOICE_FIELDS} inDisputeAmount {LINES} {ADJUSTMENTS} history(first: 100) {{ nodes {{ {STEP} }} }}"
RECORDED = ["InvoiceCreated", "InvoiceIssued"]


async def _read(world: World, invoice_id: str) -> Any:
    query = f"query($id: ID!) {{ invoice(id: $id) {{ {WHOLE} }} }}"
    return flat((await world.call("biller", query, id=invoice_id))["invoice"])


async def _count(world: World) -> int:
    return int((await world.call("finance", "{ invoices { totalCount } }"))["invoices"]["totalCount"])


async def _paid(world: World, claim_id: str) -> Any:
    query = "query($id: ID!) { claim(id: $id) { paidAmount } }"
    return (await world.call("biller", query, id=claim_id))["claim"]["paidAmount"]


async def _adjust(world: World, invoice_id: str, kind: str, amount: str, **changes: Any) -> Any:
    values = {"kind": kind, "amount": amount, "reason": "acerto", "idempotencyKey": key(), **changes}
    return await world.mutate("finance", "adjustInvoice", INVOICE, id=invoice_id, **values)


async def _issue(world: World, invoice_id: str) -> None:
    assert (await world.mutate("finance", "issueInvoice", INVOICE, id=invoice_id))["errors"] == []


async def _cancel(world: World, invoice_id: str, **values: Any) -> None:
    assert (await world.mutate("biller", "cancelInvoice", INVOICE, id=invoice_id, **values))["errors"] == []


async def _invoice(world: World, *amounts: str, is_issued: bool = True) -> Any:
    """An invoice with a line for each amount, as it is read."""
    ids = [(await world.approved_claim(amount))["id"] for amount in amounts]
    invoice_id = (await world.create_invoice(ids))["invoice"]["id"]
    if is_issued:
        await _issue(world, invoice_id)
    return await _read(world, invoice_id)


async def _partial_claim(world: World) -> tuple[str, str]:
    """A claim of 100.00 with 60.00 approved and 40.00 denied: its id and the denial's."""
    claim_id = (await world.claim_in_review())["id"]
    decision = {"sequence": 1, "approvedAmount": "60.00", "denials": [{"code": "1801", "amount": "40.00"}]}
    assert (await world.adjudicate(claim_id, [decision]))["errors"] == []
    query = "query($id: ID!) { claim(id: $id) { items { denials { id } } } }"
    found = (await world.call("biller", query, id=claim_id))["claim"]
    return claim_id, found["items"][0]["denials"][0]["id"]


async def _appeal(world: World, denial_id: str) -> None:
    values = {"id": denial_id, "justification": "conforme contrato", "idempotencyKey": key()}
    assert (await world.mutate("biller", "appealDenial", "denial { id }", **values))["errors"] == []


async def _answer(world: World, denial_id: str, accepted: str) -> None:
    values = {"id": denial_id, "acceptedAmount": accepted, "idempotencyKey": key()}
    assert (await world.mutate("payer_agent", "answerAppeal", "denial { id }", **values))["errors"] == []


async def _won_claim(world: World, accepted: str = "40.00") -> tuple[str, str]:
    """A partly approved claim whose denial has been appealed and answered."""
    claim_id, denial_id = await _partial_claim(world)
    await _appeal(world, denial_id)
    await _answer(world, denial_id, accepted)
    return claim_id, denial_id


def _sums(invoice: Any) -> tuple[Any, ...]:
    return tuple(invoice[name] for name in ("status", "totalAmount", "settledAmount", "dueAmount"))


def _lines(invoice: Any) -> list[tuple[str, str, str, str]]:
    """Kind, amount, debited and settled of every line."""
    return [(line["kind"], line["amount"], line["debitedAmount"], line["settledAmount"]) for line in invoice["lines"]]


class TestAdjustInvoice:
    @pytest.mark.parametrize(("is_issued", "status"), [(False, "DRAFT"), (True, "ISSUED")])
    async def test_a_credit_is_a_line_of_its_own_and_grows_the_total(
        self, world: World, is_issued: bool, status: str
    ) -> None:
        invoice = await _invoice(world, "100.00", is_issued=is_issued)
        payload = await _adjust(world, invoice["id"], "CREDIT", "12.50", version=invoice["version"])
        found = await _read(world, invoice["id"])
        assert (payload["errors"], payload["replayed"]) == ([], False)
        assert {name: found[name] for name in payload["invoice"]} == payload["invoice"]
        assert _sums(found) == (status, "112.50", "0.00", "112.50")
        assert found["version"] == invoice["version"] + 1
        assert _lines(found) == [("CLAIM", "100.00", "0.00", "0.00"), ("CREDIT", "12.50", "0.00", "0.00")]
        credit = found["lines"][1]
        assert (credit["reason"], credit["claim"], credit["denial"]) == ("acerto", None, None)
        assert found["adjustments"] == [{"id": credit["id"]}]
        assert await world.events(invoice["id"]) == [*RECORDED[: 1 + is_issued], "InvoiceAdjusted"]

    @pytest.mark.parametrize(("is_issued", "status"), [(False, "DRAFT"), (True, "ISSUED")])
    async def test_a_debit_takes_from_what_a_line_expects(self, world: World, is_issued: bool, status: str) -> None:
        invoice = await _invoice(world, "100.00", is_issued=is_issued)
        assert (await _adjust(world, invoice["id"], "DEBIT", "12.50"))["errors"] == []
        found = await _read(world, invoice["id"])
        assert _sums(found) == (status, "87.50", "0.00", "87.50")
        assert _lines(found) == [("CLAIM", "100.00", "12.50", "0.00"), ("DEBIT", "12.50", "0.00", "0.00")]
        assert found["adjustments"] == [{"id": found["lines"][1]["id"]}]
        assert await world.events(invoice["id"]) == [*RECORDED[: 1 + is_issued], "InvoiceAdjusted"]

    @pytest.mark.parametrize(
        ("kind", "sums"),
        [
            ("CREDIT", ("PARTIALLY_SETTLED", "120.00", "30.00", "90.00")),
            ("DEBIT", ("PARTIALLY_SETTLED", "80.00", "30.00", "50.00")),
        ],
    )
    async def test_a_partly_settled_invoice_keeps_its_payments(
        self, world: World, kind: str, sums: tuple[str, ...]
    ) -> None:
        invoice = await _invoice(world, "100.00")
        await world.settle(invoice["id"], "30.00")
        assert _sums((await _adjust(world, invoice["id"], kind, "20.00"))["invoice"]) == sums
        events = ["SettlementConfirmed", "InvoicePartiallySettled", "InvoiceAdjusted"]
        assert await world.events(invoice["id"]) == [*RECORDED, *events]

    async def test_a_debit_down_to_what_is_settled_settles_the_invoice_once(self, world: World) -> None:
        invoice = await _invoice(world, "100.00")
        await world.settle(invoice["id"], "70.00")
        payload = await _adjust(world, invoice["id"], "DEBIT", "30.00")
        assert _sums(payload["invoice"]) == ("SETTLED", "70.00", "70.00", "0.00")
        assert _lines(await _read(world, invoice["id"])) == [
            ("CLAIM", "100.00", "30.00", "70.00"),
            ("DEBIT", "30.00", "0.00", "0.00"),
        ]
        events = ["SettlementConfirmed", "InvoicePartiallySettled", "InvoiceAdjusted", "InvoiceSettled"]
        assert await world.events(invoice["id"]) == [*RECORDED, *events]

    async def test_a_debit_comes_off_the_last_lines_first_and_is_paid_by_nobody(self, world: World) -> None:
        invoice = await _invoice(world, "10.00", "20.00", "30.00")
        await _adjust(world, invoice["id"], "CREDIT", "5.00")
        await _adjust(world, invoice["id"], "DEBIT", "40.00")
        settled = await world.settle(invoice["id"])
        assert settled["settlement"]["amount"] == "25.00"
        found = await _read(world, invoice["id"])
        assert _sums(found) == ("SETTLED", "25.00", "25.00", "0.00")
        assert _lines(found) == [
            ("CLAIM", "10.00", "0.00", "10.00"),
            ("CLAIM", "20.00", "5.00", "15.00"),
            ("CLAIM", "30.00", "30.00", "0.00"),
            ("CREDIT", "5.00", "5.00", "0.00"),
            ("DEBIT", "40.00", "0.00", "0.00"),
        ]

    @pytest.mark.parametrize(
        ("kind", "amount", "changes", "refusal"),
        [
            ("CREDIT", "0", {}, ("INVALID_AMOUNT", "amount", "5040")),
            ("DEBIT", "0.00", {}, ("INVALID_AMOUNT", "amount", "5040")),
            ("DEBIT", "-1.00", {}, ("INVALID_AMOUNT", "amount", None)),
            ("DEBIT", "70.01", {}, ("INVALID_AMOUNT", "amount", None)),
            ("DEBIT", "100.00", {}, ("INVALID_AMOUNT", "amount", None)),
            ("CREDIT", "99999900.00", {}, ("INVALID_AMOUNT", "amount", None)),
            ("CREDIT", "1.00", {"reason": " "}, ("INVALID_INPUT", "reason", None)),
            ("CREDIT", "1.00", {"reason": "x" * 201}, ("INVALID_INPUT", "reason", None)),
            ("CREDIT", "1.00", {"reason": "a\nb"}, ("INVALID_INPUT", "reason", None)),
            ("CREDIT", "1.00", {"version": 2}, ("STALE_VERSION", "version", None)),
            ("CREDIT", "1.00", {"idempotencyKey": ""}, ("INVALID_INPUT", "idempotencyKey", None)),
        ],
    )
    async def test_a_refused_adjustment_leaves_the_invoice_as_it_was(
        self, world: World, kind: str, amount: str, changes: dict[str, Any], refusal: tuple[str, str, str | None]
    ) -> None:
        invoice_id = (await _invoice(world, "100.00"))["id"]
        await world.settle(invoice_id, "30.00")
        before, events = await _read(world, invoice_id), await world.events(invoice_id)
        assert refusals(await _adjust(world, invoice_id, kind, amount, **changes)) == [refusal]
        assert (await _read(world, invoice_id), await world.events(invoice_id)) == (before, events)

    async def test_a_draft_cannot_fall_to_zero(self, world: World) -> None:
        before = await _invoice(world, "100.00", is_issued=False)
        refused = await _adjust(world, before["id"], "DEBIT", "100.00")
        assert refusals(refused) == [("INVALID_AMOUNT", "amount", None)]
        assert await _read(world, before["id"]) == before
        assert _sums((await _adjust(world, before["id"], "DEBIT", "99.99"))["invoice"])[1] == "0.01"

    @pytest.mark.parametrize("kind", ["CREDIT", "DEBIT"])
    async def test_settled_and_cancelled_invoices_are_refused(self, world: World, kind: str) -> None:
        settled, cancelled = await _invoice(world, "100.00"), await _invoice(world, "100.00")
        await world.settle(settled["id"])
        await _cancel(world, cancelled["id"])
        for invoice_id in (settled["id"], cancelled["id"]):
            before, events = await _read(world, invoice_id), await world.events(invoice_id)
            assert refusals(await _adjust(world, invoice_id, kind, "1.00")) == [("CONFLICT", "invoiceId", None)]
            assert (await _read(world, invoice_id), await world.events(invoice_id)) == (before, events)

    async def test_the_same_key_adjusts_once(self, world: World) -> None:
        invoice_id = (await _invoice(world, "100.00"))["id"]
        first = await _adjust(world, invoice_id, "CREDIT", "1.00", idempotencyKey="twice")
        again = await _adjust(world, invoice_id, "CREDIT", "1.00", idempotencyKey="twice")
        assert (first["replayed"], again["replayed"]) == (False, True)
        assert again["invoice"] == first["invoice"]
        assert _sums(await _read(world, invoice_id))[1] == "101.00"

    async def test_only_finance_of_this_provider_adjusts(self, gateway: Gateway, world: World) -> None:
        invoice, other = await _invoice(world, "100.00"), await new_world(gateway)
        assert refusals(await _adjust(other, invoice["id"], "CREDIT", "1.00")) == [("NOT_FOUND", "invoiceId", None)]
        query = "mutation($input: AdjustInvoiceInput!) { adjustInvoice(input: $input) { errors { code } } }"
        values = {"invoiceId": invoice["id"], "kind": "CREDIT", "amount": "1", "reason": "x", "idempotencyKey": key()}
        for role in ("biller", "billing_reader", "reviewer", "front_desk", "payer_agent", "patient", "admin"):
            answer = await gateway.gql(query, {"input": values}, token=world.token(role))
            assert answer.codes == ["FORBIDDEN"]
        assert await _read(world, invoice["id"]) == invoice


class TestNumbers:
    async def test_a_creation_that_fails_late_takes_no_number(self, world: World) -> None:
        first = await world.draft_invoice()
        empty = await world.create_invoice([])
        large = []
        for _ in range(2):
            claim = await world.claim_in_review(items=[{**CONSULTATION, "unitPrice": "99999999.99"}])
            await world.adjudicate(claim["id"], [{"sequence": 1, "approvedAmount": "99999999.99"}])
            large.append(claim["id"])
        too_large = await world.create_invoice(large)
        second = await world.draft_invoice()
        assert refusals(empty) == [("INVALID_INPUT", "claimIds", None)]
        assert refusals(too_large) == [("INVALID_AMOUNT", "claimIds", None)]
        assert [first["number"], second["number"], await _count(world)] == [1, 2, 2]


class TestWonAppeals:
    async def test_stand_on_the_next_invoice_once(self, world: World) -> None:
        claim_id, denial_id = await _partial_claim(world)
        first = (await world.create_invoice([claim_id]))["invoice"]
        await _appeal(world, denial_id)
        await _answer(world, denial_id, "39.99")
        second = await _read(world, (await world.draft_invoice("10.00"))["id"])
        third = await _read(world, (await world.draft_invoice("10.00"))["id"])
        assert (first["totalAmount"], second["totalAmount"], third["totalAmount"]) == ("60.00", "49.99", "10.00")
        recovery = second["lines"][1]
        assert (recovery["kind"], recovery["amount"]) == ("RECOVERY", "39.99")
        assert (recovery["claim"], recovery["denial"]) == ({"id": claim_id}, {"id": denial_id})
        assert [line["kind"] for line in third["lines"]] == ["CLAIM"]

    async def test_are_billed_without_any_claim(self, world: World) -> None:
        claim_id, denial_id = await _partial_claim(world)
        await world.create_invoice([claim_id])
        await _appeal(world, denial_id)
        assert refusals(await world.create_invoice([])) == [("INVALID_INPUT", "claimIds", None)]
        await _answer(world, denial_id, "40.00")
        found = await _read(world, (await world.create_invoice([]))["invoice"]["id"])
        assert (found["number"], found["totalAmount"]) == (2, "40.00")
        assert _lines(found) == [("RECOVERY", "40.00", "0.00", "0.00")]
        assert refusals(await world.create_invoice([])) == [("INVALID_INPUT", "claimIds", None)]
        assert await _count(world) == 2

    async def test_stand_beside_their_own_claim(self, world: World) -> None:
        claim_id, _ = await _won_claim(world)
        found = await _read(world, (await world.create_invoice([claim_id]))["invoice"]["id"])
        assert _lines(found) == [("CLAIM", "60.00", "0.00", "0.00"), ("RECOVERY", "40.00", "0.00", "0.00")]
        await _issue(world, found["id"])
        await world.settle(found["id"], "75.00")
        assert await _paid(world, claim_id) == "75.00"

    async def test_do_not_keep_their_claim_from_being_billed_later(self, world: World) -> None:
        claim_id, _ = await _won_claim(world)
        recovery = (await world.create_invoice([]))["invoice"]
        payload = await world.create_invoice([claim_id])
        assert refusals(payload) == []
        assert (recovery["totalAmount"], payload["invoice"]["totalAmount"]) == ("40.00", "60.00")

    async def test_upheld_denials_are_not_billed(self, world: World) -> None:
        claim_id, _ = await _won_claim(world, "0.00")
        found = await _read(world, (await world.create_invoice([claim_id]))["invoice"]["id"])
        assert _lines(found) == [("CLAIM", "60.00", "0.00", "0.00")]

    async def test_a_cancelled_invoice_gives_back_claims_and_recoveries(self, world: World) -> None:
        claim_id, denial_id = await _won_claim(world)
        invoice_id = (await world.create_invoice([claim_id]))["invoice"]["id"]
        await _cancel(world, invoice_id)
        cancelled = await _read(world, invoice_id)
        again = await _read(world, (await world.create_invoice([claim_id]))["invoice"]["id"])
        assert (again["number"], again["totalAmount"]) == (2, "100.00")
        assert [line["denial"] for line in again["lines"]] == [None, {"id": denial_id}]
        assert _lines(again) == _lines(cancelled)
        assert refusals(await world.create_invoice([])) == [("INVALID_INPUT", "claimIds", None)]

    async def test_the_undisputed_part_settles_while_the_appeal_runs(self, world: World) -> None:
        claim_id, denial_id = await _partial_claim(world)
        await _appeal(world, denial_id)
        invoice_id = (await world.create_invoice([claim_id]))["invoice"]["id"]
        await _issue(world, invoice_id)
        assert (await _read(world, invoice_id))["inDisputeAmount"] == "40.00"
        assert _sums((await world.settle(invoice_id))["invoice"]) == ("SETTLED", "60.00", "60.00", "0.00")
        await _answer(world, denial_id, "25.00")
        assert (await _read(world, invoice_id))["inDisputeAmount"] == "0.00"
        recovery = (await world.create_invoice([]))["invoice"]["id"]
        await _issue(world, recovery)
        await world.settle(recovery)
        assert await _paid(world, claim_id) == "85.00"


class TestAllocation:
    async def test_payments_fill_lines_in_order_and_reversals_empty_them_from_the_last(self, world: World) -> None:
        invoice = await _invoice(world, "10.00", "20.00", "30.00")

        async def held() -> list[str]:
            return [line["settledAmount"] for line in (await _read(world, invoice["id"]))["lines"]]

        first = (await world.settle(invoice["id"], "25.00"))["settlement"]["id"]
        assert await held() == ["10.00", "15.00", "0.00"]
        await world.settle(invoice["id"], "20.00")
        assert await held() == ["10.00", "20.00", "15.00"]
        await world.reverse(first, "5.00")
        assert await held() == ["10.00", "15.00", "15.00"]
        await world.reverse(first)
        assert await held() == ["0.00", "5.00", "15.00"]
        assert [await _paid(world, line["claim"]["id"]) for line in invoice["lines"]] == ["0.00", "5.00", "15.00"]
        await world.settle(invoice["id"])
        assert await held() == ["10.00", "20.00", "30.00"]

    async def test_a_refused_payment_moves_nothing(self, world: World) -> None:
        invoice = await _invoice(world, "10.00", "20.00")
        settlement = (await world.settle(invoice["id"], "15.00"))["settlement"]["id"]
        before = await _read(world, invoice["id"])
        assert refusals(await world.settle(invoice["id"], "15.01")) == [("OVER_SETTLEMENT", "amount", None)]
        assert refusals(await world.reverse(settlement, "15.01")) == [("OVER_SETTLEMENT", "amount", None)]
        assert await _read(world, invoice["id"]) == before


class TestHistory:
    async def test_tells_every_step_and_adds_up_to_the_invoice(self, world: World) -> None:
        invoice_id = (await _invoice(world, "100.00", is_issued=False))["id"]
        await _adjust(world, invoice_id, "CREDIT", "20.00", reason="taxa")
        await _issue(world, invoice_id)
        payment = (await world.settle(invoice_id, "50.00"))["settlement"]["id"]
        reversal = (await world.reverse(payment, "10.00"))["settlement"]["id"]
        await _adjust(world, invoice_id, "DEBIT", "15.00", reason="multa")
        await world.settle(invoice_id)
        found = await _read(world, invoice_id)
        names = ("action", "status", "amount", "totalAmount", "settledAmount", "reason", "actor")
        assert [tuple(step[name] for name in names) for step in found["history"]] == [
            ("CREATE", "DRAFT", None, "100.00", "0.00", None, "dev-biller"),
            ("ADJUST", "DRAFT", "20.00", "120.00", "0.00", "taxa", "dev-finance"),
            ("ISSUE", "ISSUED", None, "120.00", "0.00", None, "dev-finance"),
            ("SETTLE", "PARTIALLY_SETTLED", "50.00", "120.00", "50.00", None, "dev-finance"),
            ("REVERSE", "PARTIALLY_SETTLED", "10.00", "120.00", "40.00", "estorno", "dev-finance"),
            ("ADJUST", "PARTIALLY_SETTLED", "-15.00", "105.00", "40.00", "multa", "dev-finance"),
            ("SETTLE", "SETTLED", "65.00", "105.00", "105.00", None, "dev-finance"),
        ]
        assert [step["version"] for step in found["history"]] == [1, 2, 3, 4, 5, 6, 7]
        assert [step["settlement"] for step in found["history"]][3:5] == [{"id": payment}, {"id": reversal}]
        adjusted = [step["line"] for step in found["history"] if step["action"] == "ADJUST"]
        assert adjusted == found["adjustments"]
        last = found["history"][-1]
        assert {name: last[name] for name in ("status", "version", "totalAmount", "settledAmount")} == {
            name: found[name] for name in ("status", "version", "totalAmount", "settledAmount")
        }

    async def test_keeps_the_reason_of_a_cancellation(self, world: World) -> None:
        invoice = await _invoice(world, "100.00")
        await _cancel(world, invoice["id"], reason="competência errada")
        steps = (await _read(world, invoice["id"]))["history"]
        assert [(step["action"], step["status"], step["reason"]) for step in steps] == [
            ("CREATE", "DRAFT", None),
            ("ISSUE", "ISSUED", None),
            ("CANCEL", "CANCELLED", "competência errada"),
        ]
