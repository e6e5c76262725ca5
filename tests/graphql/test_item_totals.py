"""Totals of items: what is included in a package costs nothing, and a total may be a cent off what it is made of."""

from dataclasses import replace
from typing import Any

import pytest
import tiss

from app.services.batch_import import GuideOutcome
from tests.factories import BLOOD_COUNT, CONSULTATION, World, key, refusals
from tests.lotes import Line, guide, lote, take
from tests.preflights import findings_on, stored_warnings

FREE = {**BLOOD_COUNT, "unitPrice": "0.00"}
CUT_OFF = {**BLOOD_COUNT, "quantity": "1", "factor": "0.10", "unitPrice": "33.36", "totalAmount": "3.33"}
PART = Line(table="20", code="90000544", price="10.01", quantity="0.3333", text="DIPIRONA")
A_CENT_OFF = ("WARNING", "TOTAL_MISMATCH", "items.1.totalAmount", "5042", "0.00")


async def _totals(world: World, claim_id: str) -> tuple[str, list[str]]:
    claim = await world.claim(claim_id)
    return claim["claimedAmount"], [item["totalAmount"] for item in claim["items"]]


class TestItemsThatCostNothing:
    async def test_are_taken_decided_and_billed_with_the_others(self, world: World) -> None:
        claim = await world.claim_in_review(items=[CONSULTATION, FREE])
        assert await _totals(world, claim["id"]) == ("100.00", ["100.00", "0.00"])
        denial = {"sequence": 1, "approvedAmount": "60.00", "denials": [{"code": "1801", "amount": "40.00"}]}
        payload = await world.adjudicate(claim["id"], [denial, {"sequence": 2, "approvedAmount": "0.00"}])
        assert payload["errors"] == []
        decided = await world.claim(claim["id"])
        assert (decided["status"], decided["approvedAmount"]) == ("PARTIALLY_APPROVED", "60.00")
        assert [item["approvedAmount"] for item in decided["items"]] == ["60.00", "0.00"]
        assert (await world.create_invoice([claim["id"]]))["invoice"]["totalAmount"] == "60.00"

    async def test_a_claim_of_nothing_else_is_refused(self, world: World) -> None:
        payload = await world.create_claim(items=[FREE, FREE])
        assert (payload["claim"], refusals(payload)) == (None, [("INVALID_AMOUNT", "claim.items", "5040")])

    async def test_a_price_above_zero_must_be_worth_a_cent(self, world: World) -> None:
        items = [CONSULTATION, {**BLOOD_COUNT, "unitPrice": "0.01", "quantity": "0.1"}]
        payload = await world.create_claim(items=items)
        assert refusals(payload) == [("INVALID_AMOUNT", "claim.items.1.unitPrice", None)]

    @pytest.mark.parametrize(("price", "factor"), [("0.00", "1.00"), ("20.00", "0.00")])
    async def test_come_and_go_in_documents(self, world: World, price: str, factor: str) -> None:
        free = Line(code="40304361", price=price, total="0.00", text="HEMOGRAMA INCLUIDO", factor=factor)
        (result,) = (await take(world, lote(world, guide(world, "Z1", Line(), free, total="100.00")))).results
        assert (result.outcome, result.failures) == (GuideOutcome.IMPORTED, ())
        assert await _totals(world, result.claim_id or "") == ("100.00", ["100.00", "0.00"])
        batch = await world.mutate("biller", "exportBatch", "batch { xml }", claimIds=[result.claim_id])
        assert batch["errors"] == []
        exported: Any = tiss.parse_lote(batch["batch"]["xml"].encode("iso-8859-1"))["guias"][0]
        assert [each["valor_total"] for each in exported["procedimentos_executados"]] == [100_00, 0]

    async def test_a_factor_of_zero_stays_with_a_corrected_claim(self, world: World) -> None:
        free = Line(code="40304361", price="20.00", total="0.00", text="HEMOGRAMA", factor="0.00")
        (result,) = (await take(world, lote(world, guide(world, "Z2", Line(), free, total="100.00")))).results
        given = {"claimId": result.claim_id}
        assert (await world.mutate("biller", "withdrawClaim", "claim { id }", **given))["errors"] == []
        changes = {"clinicalIndication": "dor"}
        changed = await world.mutate(
            "biller", "updateDraftClaim", "claim { items { factor totalAmount } }", **given, claim=changes
        )
        assert changed["errors"] == []
        assert changed["claim"]["items"][1] == {"factor": "0.00", "totalAmount": "0.00"}


class TestStatedTotals:
    async def test_a_total_that_was_cut_off_is_stored_with_a_warning(self, world: World) -> None:
        items = [CONSULTATION, CUT_OFF]
        assert await findings_on(world, items=items) == [A_CENT_OFF]
        claim = await world.submitted_claim(items=items)
        assert await _totals(world, claim["id"]) == ("103.33", ["100.00", "3.33"])
        assert await stored_warnings(world, claim["id"]) == [A_CENT_OFF]

    async def test_one_that_is_too_high_puts_the_difference_at_risk(self, world: World) -> None:
        items = [CONSULTATION, {**BLOOD_COUNT, "totalAmount": "37.01"}]
        assert await findings_on(world, items=items) == [(*A_CENT_OFF[:4], "0.01")]

    @pytest.mark.parametrize(
        ("total", "is_near"),
        [("3.32", False), ("3.33", True), ("3.34", True), ("3.35", False)],
    )
    async def test_it_is_at_most_a_cent_off(self, world: World, total: str, *, is_near: bool) -> None:
        payload = await world.create_claim(items=[CONSULTATION, {**CUT_OFF, "totalAmount": total}])
        refused = [("TOTAL_MISMATCH", "claim.items.1.totalAmount", "5042")]
        assert refusals(payload) == ([] if is_near else refused)

    async def test_a_change_of_something_else_leaves_it(self, world: World) -> None:
        claim = (await world.create_claim(items=[CONSULTATION, CUT_OFF]))["claim"]
        values = {"id": claim["id"], "clinicalIndication": "rotina", "idempotencyKey": key()}
        assert (await world.mutate("biller", "updateDraftClaim", "claim { id }", **values))["errors"] == []
        assert await _totals(world, claim["id"]) == ("103.33", ["100.00", "3.33"])

    async def test_documents_come_and_go_with_it(self, world: World) -> None:
        line = replace(PART, total="3.33")
        xml = lote(world, guide(world, "T1", Line(), line, total="103.33"))
        (result,) = (await take(world, xml)).results
        assert (result.outcome, result.failures) == (GuideOutcome.IMPORTED, ())
        assert await stored_warnings(world, result.claim_id or "") == [A_CENT_OFF]
        (again,) = (await take(world, xml)).results
        assert (again.outcome, again.claim_id) == (GuideOutcome.UNCHANGED, result.claim_id)
        batch = await world.mutate("biller", "exportBatch", "batch { xml }", claimIds=[result.claim_id])
        assert batch["errors"] == []
        assert "<ans:valorTotal>3.33</ans:valorTotal>" in batch["batch"]["xml"]

    async def test_a_document_that_is_further_off_is_refused(self, world: World) -> None:
        line = replace(PART, total="3.35")
        (result,) = (await take(world, lote(world, guide(world, "T3", Line(), line, total="103.35")))).results
        assert (result.outcome, result.claim_id) == (GuideOutcome.REFUSED, None)
